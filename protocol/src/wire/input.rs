//! Reading CBOR, item by item: the head, then what belongs to it. Nothing here trusts a length before it has seen the bytes.

use super::{NOT_FINITE, NOT_WHOLE, Wire, decode_map, whole};
use crate::error::DecodeError;

/// The eight kinds of items, as the first three bits tell them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Major {
    Unsigned,
    Negative,
    Bytes,
    Text,
    Array,
    Map,
    Tag,
    Simple,
}

/// The head of an item.
#[derive(Clone, Copy)]
pub(crate) struct Head {
    pub(crate) major: Major,
    /// The last five bits of the first byte.
    pub(crate) info: u8,
    /// The number, length or tag; for floats their bits.
    pub(crate) argument: u64,
}

/// `info` of an indefinite length, and of a break.
pub(crate) const INDEFINITE: u8 = 31;
/// The byte that ends an indefinite item.
pub(crate) const BREAK: u8 = 0xff;

pub(crate) const TOO_SHORT: &str = "the frame ends too early";
const NO_CBOR: &str = "no CBOR";
const NOT_TEXT: &str = "expected UTF-8 text";
const NOT_A_NUMBER: &str = "expected a number";

/// Bytes with a place in them, and what was wrong with them first.
///
/// After a failure every read gives zero or nothing at once, and the failure stands until [`In::finish`]: the code of a struct is
/// then its fields in a row, without a way out behind each, which makes the browser's download a third smaller (measured).
pub(crate) struct In<'b> {
    bytes: &'b [u8],
    at: usize,
    failure: Option<DecodeError>,
    /// Whether the item has been walked before: what is skipped again needs no second look at its texts.
    checked: bool,
}

/// Where the keys of a map stand: most maps are read by their keys, which may come in any order.
pub(crate) struct Keys {
    start: usize,
    end: usize,
    /// The place behind the key, plus one; 0 where the key is not there.
    at: [usize; KEYS],
}

/// No map of the protocol has a higher key.
const KEYS: usize = 12;

impl Keys {
    pub(crate) fn has(&self, key: usize) -> bool {
        self.at.get(key).is_some_and(|at| *at > 0)
    }
}

impl<'b> In<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, at: 0, failure: None, checked: false }
    }
    /// Another reader at the same place. Of one that has failed: one that will.
    pub(crate) fn fork(&self) -> Self {
        Self { bytes: self.bytes, at: self.at, failure: None, checked: self.checked }
    }
    /// The same reader over an item that [`skip`](super::skip) has found well-formed.
    pub(crate) fn over_checked(mut self) -> Self {
        self.checked = true;
        self
    }
    pub(crate) fn is_checked(&self) -> bool {
        self.checked
    }
    pub(crate) fn position(&self) -> usize {
        self.at
    }
    /// The bytes from an earlier place to here.
    #[cfg(not(feature = "every-event"))]
    pub(crate) fn since(&self, start: usize) -> &'b [u8] {
        self.bytes.get(start..self.at).unwrap_or_default()
    }

    /// Notes what is wrong, unless something was before.
    #[cold]
    #[inline(never)]
    pub(crate) fn fail(&mut self, at: usize, problem: &'static str) {
        self.fail_with(DecodeError::fixed(at, problem));
    }
    #[cold]
    pub(crate) fn fail_with(&mut self, error: DecodeError) {
        self.at = self.bytes.len();
        self.failure.get_or_insert(error);
    }
    pub(crate) fn failed(&self) -> bool {
        self.failure.is_some()
    }
    /// Says where the failure is, if there is one. Not in the browser, where the names of all fields would be downloaded for a
    /// message that no page can mend.
    #[cfg(feature = "json")]
    pub(crate) fn blame(&mut self, place: impl FnOnce(DecodeError) -> DecodeError) {
        self.failure = self.failure.take().map(place);
    }
    #[cfg(not(feature = "json"))]
    #[inline(always)]
    pub(crate) fn blame(&mut self, _: impl FnOnce(DecodeError) -> DecodeError) {}
    /// Takes the failure back: what could not be read is not needed.
    pub(crate) fn forgive(&mut self) {
        self.failure = None;
    }
    /// The value, if nothing was wrong with it.
    pub(crate) fn finish<T>(&mut self, value: T) -> Result<T, DecodeError> {
        match self.failure.take() {
            None => Ok(value),
            Some(error) => Err(error),
        }
    }

    /// The first byte of the next item; a break where there is none, so that loops end.
    #[inline(never)]
    pub(crate) fn peek(&mut self) -> u8 {
        match self.bytes.get(self.at) {
            Some(byte) => *byte,
            None => {
                self.fail(self.at, TOO_SHORT);
                BREAK
            }
        }
    }
    /// The kind of the next item.
    pub(crate) fn peek_major(&mut self) -> Major {
        major_of(self.peek())
    }
    /// Whether the next byte is a break, or there is none; a break is taken.
    pub(crate) fn take_break(&mut self) -> bool {
        let ends = self.peek() == BREAK;
        self.at += usize::from(ends && !self.failed());
        ends
    }

    /// Takes so many bytes.
    #[inline(never)]
    pub(crate) fn take(&mut self, length: u64) -> &'b [u8] {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        match usize::try_from(length).ok().and_then(|length| rest.get(..length)) {
            Some(taken) => {
                self.at += taken.len();
                taken
            }
            None => {
                self.fail(self.at, TOO_SHORT);
                &[]
            }
        }
    }

    /// Takes the head of the next item.
    #[inline(never)]
    pub(crate) fn head(&mut self) -> Head {
        let start = self.at;
        let first = self.peek();
        if !self.failed() {
            self.at += 1;
        }
        let info = first & 0x1f;
        let major = major_of(first);
        let argument = match info {
            0..=23 => u64::from(info),
            24..=27 => self.take(1 << (info - 24)).iter().fold(0, |number, byte| number << 8 | u64::from(*byte)),
            // A break has no head of its own: `take_break` looks for it where one may stand.
            INDEFINITE if matches!(major, Major::Bytes | Major::Text | Major::Array | Major::Map) => 0,
            _ => {
                self.fail(start, NO_CBOR);
                0
            }
        };
        Head { major, info, argument }
    }

    /// Any number as `f64`: a JavaScript encoder writes 21.0 as an integer and 1.7e12 as a float. JSON has no NaN and no infinity,
    /// so neither counts as a number here.
    #[inline(never)]
    pub(crate) fn number(&mut self) -> f64 {
        let start = self.at;
        let Head { major, info, argument } = self.head();
        let value = match (major, info) {
            (Major::Unsigned, _) => argument as f64,
            (Major::Negative, _) => -1.0 - argument as f64,
            (Major::Simple, 25) => half(argument as u16),
            (Major::Simple, 26) => f64::from(f32::from_bits(argument as u32)),
            (Major::Simple, 27) => f64::from_bits(argument),
            _ => {
                self.fail(start, NOT_A_NUMBER);
                0.0
            }
        };
        if !value.is_finite() {
            self.fail(start, NOT_FINITE);
        }
        value
    }

    /// A whole number from 0, however it is written.
    #[inline(never)]
    pub(crate) fn uint(&mut self) -> u64 {
        if self.peek_major() == Major::Unsigned {
            return self.head().argument;
        }
        let start = self.at;
        let value = self.number();
        whole(value).unwrap_or_else(|| {
            self.fail(start, NOT_WHOLE);
            0
        })
    }

    pub(crate) fn flag(&mut self) -> bool {
        match self.peek() {
            0xf4 | 0xf5 => self.take(1) == [0xf5],
            _ => {
                self.fail(self.at, "expected true or false");
                false
            }
        }
    }

    /// Null and undefined stand for what is not there; takes them where they stand.
    pub(crate) fn take_null(&mut self) -> bool {
        let null = matches!(self.peek(), 0xf6 | 0xf7);
        self.at += usize::from(null);
        null
    }

    /// A text, in one piece or in several.
    #[inline(never)]
    pub(crate) fn text(&mut self) -> String {
        let mut text = String::new();
        self.pieces(Major::Text, &mut |piece| match core::str::from_utf8(piece) {
            Ok(piece) => {
                text.push_str(piece);
                true
            }
            Err(_) => false,
        });
        text
    }

    /// Hands the pieces of a text or a byte string out: one, unless its length is indefinite. `piece` says whether it could use it.
    #[inline(never)]
    pub(crate) fn pieces(&mut self, wanted: Major, piece: &mut dyn FnMut(&'b [u8]) -> bool) {
        let start = self.at;
        let wrong = if wanted == Major::Text { NOT_TEXT } else { "expected bytes" };
        let Head { major, info, argument } = self.head();
        if major != wanted {
            return self.fail(start, wrong);
        }
        if info != INDEFINITE {
            let taken = self.take(argument);
            if !piece(taken) {
                self.fail(start, wrong);
            }
            return;
        }
        while !self.take_break() {
            let Head { major, info, argument } = self.head();
            let taken = self.take(argument);
            if major != wanted || info == INDEFINITE || !piece(taken) {
                return self.fail(start, wrong);
            }
        }
    }

    /// Finds the keys of a map. The reader stands behind it then; [`In::field`] reads what the keys hold.
    #[inline(never)]
    pub(crate) fn keys(&mut self) -> Keys {
        let mut keys = Keys { start: self.at, end: 0, at: [0; KEYS] };
        decode_map(self, &mut |key, input| {
            let place = usize::try_from(key).ok().and_then(|key| keys.at.get_mut(key));
            if let Some(place) = place {
                *place = input.at + 1;
            }
            false
        });
        keys.end = self.at;
        keys
    }
    /// Goes to the value of a key; `false` where it is not there.
    pub(crate) fn enter(&mut self, keys: &Keys, key: usize) -> bool {
        match keys.at.get(key) {
            Some(at) if *at > 0 && !self.failed() => {
                self.at = at - 1;
                true
            }
            _ => false,
        }
    }
    /// Goes back to the beginning of the map.
    pub(crate) fn enter_again(&mut self, keys: &Keys) {
        if !self.failed() {
            self.at = keys.start;
        }
    }
    /// Goes behind the map.
    pub(crate) fn leave(&mut self, keys: &Keys) {
        if !self.failed() {
            self.at = keys.end;
        }
    }
    /// Reads one field.
    #[inline(never)]
    pub(crate) fn field<T: Wire>(&mut self, keys: &Keys, key: usize, name: &'static str) -> T {
        if self.enter(keys, key) {
            let value = T::read(self);
            self.blame(|error| error.within(name));
            return value;
        }
        if let Some(value) = T::absent() {
            return value;
        }
        self.miss(keys, name);
        // Nothing can be read any more: this gives an empty value.
        T::read(self)
    }
    #[cold]
    pub(crate) fn miss(&mut self, keys: &Keys, name: &'static str) {
        let name = if cfg!(feature = "json") { name } else { "" };
        if !self.failed() {
            self.fail_with(DecodeError::missing(keys.start, name));
        }
    }
}

fn major_of(first: u8) -> Major {
    match first >> 5 {
        0 => Major::Unsigned,
        1 => Major::Negative,
        2 => Major::Bytes,
        3 => Major::Text,
        4 => Major::Array,
        5 => Major::Map,
        6 => Major::Tag,
        _ => Major::Simple,
    }
}

/// A float of 16 bits (RFC 8949, appendix D).
fn half(bits: u16) -> f64 {
    let (exponent, mantissa) = (bits >> 10 & 0x1f, f64::from(bits & 0x3ff));
    let value = match exponent {
        0 => mantissa / 16_777_216.0,
        31 if mantissa == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + mantissa / 1024.0) * f64::from_bits((u64::from(exponent) + 1023 - 15) << 52),
    };
    if bits & 0x8000 == 0 { value } else { -value }
}
