//! Numbers as text, without the formatting machinery: that costs kilobytes of wasm.

/// Adds a number in digits, without the formatting machinery.
pub(crate) fn push_number(text: &mut String, number: u64) {
    if number >= 10 {
        push_number(text, number / 10);
    }
    text.push(char::from(b'0' + (number % 10) as u8));
}
