//! Writing CBOR: heads with the shortest argument, floats of 64 bits.
//!
//! Written by hand, as the reading is: a library's encoder and decoder cost the browser 11 kB (measured), for what is a page of
//! code here. Its tests read the bytes with an independent implementation.

/// A growing CBOR output.
pub(crate) struct Out(Vec<u8>);

impl Out {
    pub(crate) fn new() -> Self {
        Self(Vec::new())
    }
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
    #[inline(never)]
    fn head(&mut self, major: u8, argument: u64) {
        let major = major << 5;
        let bytes = argument.to_be_bytes();
        let [.., b4, b5, b6, b7] = bytes;
        if argument < 24 {
            self.0.push(major | b7);
        } else if argument <= 0xff {
            self.0.extend_from_slice(&[major | 24, b7]);
        } else if argument <= 0xffff {
            self.0.extend_from_slice(&[major | 25, b6, b7]);
        } else if argument <= 0xffff_ffff {
            self.0.extend_from_slice(&[major | 26, b4, b5, b6, b7]);
        } else {
            self.0.push(major | 27);
            self.0.extend_from_slice(&bytes);
        }
    }
    pub(crate) fn map(&mut self, entries: usize) {
        self.head(5, entries as u64);
    }
    pub(crate) fn array(&mut self, items: usize) {
        self.head(4, items as u64);
    }
    pub(crate) fn uint(&mut self, value: u64) {
        self.head(0, value);
    }
    pub(crate) fn int(&mut self, value: i64) {
        // Negative n is written as -1 - n, which is the same bits inverted.
        if value < 0 { self.head(1, !value as u64) } else { self.head(0, value as u64) }
    }
    pub(crate) fn float(&mut self, value: f64) {
        self.0.push(0xfb);
        self.0.extend_from_slice(&value.to_be_bytes());
    }
    pub(crate) fn text(&mut self, value: &str) {
        self.head(3, value.len() as u64);
        self.0.extend_from_slice(value.as_bytes());
    }
    pub(crate) fn flag(&mut self, value: bool) {
        self.0.push(0xf4 | u8::from(value));
    }
    pub(crate) fn tag(&mut self, value: u64) {
        self.head(6, value);
    }
    /// One item that is CBOR already.
    #[cfg(not(feature = "every-event"))]
    pub(crate) fn raw(&mut self, item: &[u8]) {
        self.0.extend_from_slice(item);
    }
    /// A byte string of `values` as little-endian float64, written in place: a column is the bulk of a frame.
    pub(crate) fn float64_le(&mut self, values: &[f64]) {
        self.head(2, values.len() as u64 * 8);
        self.0.reserve(values.len() * 8);
        for value in values {
            self.0.extend_from_slice(&value.to_le_bytes());
        }
    }
}
