//! Reading CBOR, item by item: the head, then what belongs to it. Nothing here trusts a length before it has seen the bytes.

use super::{NOT_FINITE, NOT_WHOLE, whole};
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

/// Bytes with a place in them.
#[derive(Clone)]
pub(crate) struct In<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> In<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, at: 0 }
    }
    pub(crate) fn position(&self) -> usize {
        self.at
    }
    /// The bytes from an earlier place to here.
    #[cfg(not(feature = "every-event"))]
    pub(crate) fn since(&self, start: usize) -> &'b [u8] {
        self.bytes.get(start..self.at).unwrap_or_default()
    }
    /// The first byte of the next item.
    pub(crate) fn peek(&self) -> Result<u8, DecodeError> {
        self.bytes.get(self.at).copied().ok_or_else(|| DecodeError::fixed(self.at, TOO_SHORT))
    }
    /// The kind of the next item.
    pub(crate) fn peek_major(&self) -> Result<Major, DecodeError> {
        self.peek().map(major_of)
    }
    /// Whether the next byte is a break; if so, it is taken.
    pub(crate) fn take_break(&mut self) -> Result<bool, DecodeError> {
        let ends = self.peek()? == BREAK;
        self.at += usize::from(ends);
        Ok(ends)
    }

    /// Takes so many bytes.
    #[inline(never)]
    pub(crate) fn take(&mut self, length: u64) -> Result<&'b [u8], DecodeError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        match usize::try_from(length).ok().and_then(|length| rest.get(..length)) {
            Some(taken) => {
                self.at += taken.len();
                Ok(taken)
            }
            None => Err(DecodeError::fixed(self.at, TOO_SHORT)),
        }
    }

    /// Takes the head of the next item.
    #[inline(never)]
    pub(crate) fn head(&mut self) -> Result<Head, DecodeError> {
        let start = self.at;
        let first = self.peek()?;
        self.at += 1;
        let info = first & 0x1f;
        let major = major_of(first);
        let argument = match info {
            0..=23 => u64::from(info),
            24..=27 => self.take(1 << (info - 24))?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)),
            // A break has no head of its own: `take_break` looks for it where one may stand.
            INDEFINITE if matches!(major, Major::Bytes | Major::Text | Major::Array | Major::Map) => 0,
            _ => return Err(DecodeError::fixed(start, NO_CBOR)),
        };
        Ok(Head { major, info, argument })
    }

    /// Any number as `f64`: a JavaScript encoder writes 21.0 as an integer and 1.7e12 as a float. JSON has no NaN and no infinity,
    /// so neither counts as a number here.
    #[inline(never)]
    pub(crate) fn number(&mut self) -> Result<f64, DecodeError> {
        let start = self.at;
        let Head { major, info, argument } = self.head()?;
        let value = match (major, info) {
            (Major::Unsigned, _) => argument as f64,
            (Major::Negative, _) => -1.0 - argument as f64,
            (Major::Simple, 25) => half(argument as u16),
            (Major::Simple, 26) => f64::from(f32::from_bits(argument as u32)),
            (Major::Simple, 27) => f64::from_bits(argument),
            _ => return Err(DecodeError::fixed(start, NOT_A_NUMBER)),
        };
        if value.is_finite() { Ok(value) } else { Err(DecodeError::fixed(start, NOT_FINITE)) }
    }

    /// A whole number from 0, however it is written.
    #[inline(never)]
    pub(crate) fn uint(&mut self) -> Result<u64, DecodeError> {
        if self.peek_major()? == Major::Unsigned {
            return self.head().map(|head| head.argument);
        }
        let start = self.at;
        whole(self.number()?).ok_or_else(|| DecodeError::fixed(start, NOT_WHOLE))
    }

    pub(crate) fn flag(&mut self) -> Result<bool, DecodeError> {
        match self.peek()? {
            0xf4 | 0xf5 => Ok(self.take(1)? == [0xf5]),
            _ => Err(DecodeError::fixed(self.at, "expected true or false")),
        }
    }

    /// Null and undefined stand for what is not there; takes them where they stand.
    pub(crate) fn take_null(&mut self) -> Result<bool, DecodeError> {
        let null = matches!(self.peek()?, 0xf6 | 0xf7);
        self.at += usize::from(null);
        Ok(null)
    }

    /// A text, in one piece or in several.
    #[inline(never)]
    pub(crate) fn text(&mut self) -> Result<String, DecodeError> {
        let mut text = String::new();
        self.pieces(Major::Text, &mut |start, piece| match core::str::from_utf8(piece) {
            Ok(piece) => {
                text.push_str(piece);
                Ok(())
            }
            Err(_) => Err(DecodeError::fixed(start, NOT_TEXT)),
        })?;
        Ok(text)
    }

    /// Hands the pieces of a text or a byte string out: one, unless its length is indefinite.
    #[inline(never)]
    pub(crate) fn pieces(
        &mut self,
        wanted: Major,
        piece: &mut dyn FnMut(usize, &'b [u8]) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        let start = self.at;
        let wrong = || DecodeError::fixed(start, if wanted == Major::Text { NOT_TEXT } else { "expected bytes" });
        let Head { major, info, argument } = self.head()?;
        if major != wanted {
            return Err(wrong());
        }
        if info != INDEFINITE {
            return piece(start, self.take(argument)?);
        }
        while !self.take_break()? {
            let start = self.at;
            let Head { major, info, argument } = self.head()?;
            if major != wanted || info == INDEFINITE {
                return Err(wrong());
            }
            piece(start, self.take(argument)?)?;
        }
        Ok(())
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
