//! Walking CBOR: maps, arrays, numbers, and skipping what is not known.
//!
//! Limits: depth is bounded by [`MAX_CBOR_DEPTH`], claimed lengths are never trusted for an allocation.

use super::input::{Head, INDEFINITE, In, Major};

/// Walks a map of numeric keys, definite or indefinite, handing each known key to `entry`, which returns whether it read
/// the value; what it did not read is skipped.
#[inline(never)]
pub(crate) fn decode_map<'b>(input: &mut In<'b>, entry: &mut dyn FnMut(u64, &mut In<'b>) -> bool) {
    decode_entries(input, &mut |input| {
        // A key that is no unsigned integer (a text, say) is of a later version: skipped with its value.
        let known = if input.peek_major() == Major::Unsigned {
            let key = input.head().argument;
            entry(key, input)
        } else {
            skip(input);
            false
        };
        if !known {
            skip(input);
        }
    });
}

/// Walks a map, definite or indefinite; `entry` reads one key and its value.
#[inline(never)]
pub(crate) fn decode_entries<'b>(input: &mut In<'b>, entry: &mut dyn FnMut(&mut In<'b>)) {
    repeat(input, Major::Map, "expected a map", entry);
}

/// Walks an array, definite or indefinite. The claimed length is never trusted for an allocation.
#[inline(never)]
pub(crate) fn decode_array<'b>(input: &mut In<'b>, item: &mut dyn FnMut(&mut In<'b>)) {
    let mut index = 0;
    repeat(input, Major::Array, "expected an array", &mut |input| {
        item(input);
        input.blame(|error| error.at_index(index));
        index += 1;
    });
}

#[inline(never)]
fn repeat<'b>(input: &mut In<'b>, wanted: Major, otherwise: &'static str, step: &mut dyn FnMut(&mut In<'b>)) {
    let at = input.position();
    let Head { major, info, argument } = input.head();
    if major != wanted {
        return input.fail(at, otherwise);
    }
    let mut left = argument;
    loop {
        let ends = if info == INDEFINITE { input.take_break() } else { left == 0 };
        if ends || input.failed() {
            return;
        }
        left = left.wrapping_sub(1);
        step(input);
    }
}

/// How deep arrays, maps and tags may stand in one another. The protocol itself needs eight levels.
pub const MAX_CBOR_DEPTH: usize = 64;

/// Skips one item, whatever it is, and so checks that it is well-formed.
pub(crate) fn skip(input: &mut In<'_>) {
    skip_item(input, MAX_CBOR_DEPTH);
}

fn skip_item(input: &mut In<'_>, depth: usize) {
    if let wanted @ (Major::Bytes | Major::Text) = input.peek_major() {
        let check = wanted == Major::Text && !input.is_checked();
        return input.pieces(wanted, &mut |piece| !check || core::str::from_utf8(piece).is_ok());
    }
    let at = input.position();
    let Head { major, info, argument } = input.head();
    let items = match major {
        Major::Array => argument,
        // A claim that cannot be true ends with the frame all the same.
        Major::Map => argument.saturating_mul(2),
        Major::Tag => 1,
        _ => return,
    };
    let Some(depth) = depth.checked_sub(1) else { return input.fail(at, "nested too deep") };
    if info == INDEFINITE {
        while !input.take_break() {
            skip_item(input, depth);
            if major == Major::Map {
                skip_item(input, depth);
            }
        }
        return;
    }
    for _ in 0..items {
        if input.failed() {
            return;
        }
        skip_item(input, depth);
    }
}

pub(crate) const NOT_FINITE: &str = "expected a finite number";

/// 2^53: beyond it a float no longer names one integer, and JavaScript no longer tells two apart.
pub const MAX_SAFE_INTEGER: u64 = 9_007_199_254_740_992;

pub(crate) const NOT_WHOLE: &str = "expected an unsigned integer";

/// The unsigned integer that a float names, if it names one.
pub(crate) fn whole(value: f64) -> Option<u64> {
    (value >= 0.0 && value <= MAX_SAFE_INTEGER as f64 && value.trunc() == value).then_some(value as u64)
}
