//! How a value stands in CBOR: the [`Wire`] trait, and the macro that gives a struct numeric keys.
//!
//! Why not derive: hand-shaped decoding over minicbor's decoder makes the smaller wasm (measured), and the same macro
//! gives the serde side of the JSON codec, so the two models cannot drift apart.
//!
//! Rules: a struct is a map whose keys are small unsigned integers; absent optional fields are left out; unknown keys are
//! skipped; key 0 is kept for the type of a message.

use crate::error::DecodeError;
use minicbor::data::Type;

/// A growing CBOR output. Writing to memory cannot fail, so the methods return nothing.
pub(crate) struct Out(minicbor::Encoder<Vec<u8>>);

/// Writing to a `Vec` has no failing path; this says so in one place.
fn infallible<T>(_: Result<T, minicbor::encode::Error<core::convert::Infallible>>) {}

impl Out {
    pub(crate) fn new() -> Self {
        Self(minicbor::Encoder::new(Vec::new()))
    }
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0.into_writer()
    }
    pub(crate) fn map(&mut self, entries: usize) {
        infallible(self.0.map(entries as u64).map(|_| ()));
    }
    pub(crate) fn array(&mut self, items: usize) {
        infallible(self.0.array(items as u64).map(|_| ()));
    }
    pub(crate) fn uint(&mut self, value: u64) {
        infallible(self.0.u64(value).map(|_| ()));
    }
    pub(crate) fn int(&mut self, value: i64) {
        infallible(self.0.i64(value).map(|_| ()));
    }
    pub(crate) fn float(&mut self, value: f64) {
        infallible(self.0.f64(value).map(|_| ()));
    }
    pub(crate) fn text(&mut self, value: &str) {
        infallible(self.0.str(value).map(|_| ()));
    }
    pub(crate) fn flag(&mut self, value: bool) {
        infallible(self.0.bool(value).map(|_| ()));
    }
    pub(crate) fn tag(&mut self, value: u64) {
        infallible(self.0.tag(minicbor::data::Tag::new(value)).map(|_| ()));
    }
    pub(crate) fn bytes(&mut self, value: &[u8]) {
        infallible(self.0.bytes(value).map(|_| ()));
    }
}

/// The input of the CBOR side.
pub(crate) type In<'b> = minicbor::Decoder<'b>;

/// A value that has a CBOR form.
pub(crate) trait Wire: Sized {
    fn encode(&self, out: &mut Out);
    fn decode(input: &mut In<'_>) -> Result<Self, DecodeError>;
    /// What stands for a field that is not there; `None` where the field is required.
    fn absent() -> Option<Self> {
        None
    }
    /// Whether the field is left out of the map.
    fn is_absent(&self) -> bool {
        false
    }
}

/// Walks a map of numeric keys, definite or indefinite, handing each known key to `entry`, which returns whether it read
/// the value; what it did not read is skipped.
pub(crate) fn decode_map<'b>(
    input: &mut In<'b>,
    what: &'static str,
    mut entry: impl FnMut(u64, &mut In<'b>) -> Result<bool, DecodeError>,
) -> Result<(), DecodeError> {
    let at = input.position();
    let count = input.map().map_err(|_| DecodeError::new(at, what, "expected a map"))?;
    let mut left = count;
    loop {
        match &mut left {
            Some(0) => return Ok(()),
            Some(n) => *n -= 1,
            None => {
                if next_type(input, what)? == Type::Break {
                    skip(input, what)?;
                    return Ok(());
                }
            }
        }
        let at = input.position();
        // A key that is no unsigned integer (a text, say) is of a later version: skipped with its value.
        let known = match next_type(input, what)? {
            Type::U8 | Type::U16 | Type::U32 | Type::U64 => {
                let key = input.u64().map_err(|_| DecodeError::new(at, what, "unreadable key"))?;
                entry(key, input)?
            }
            _ => {
                skip(input, what)?;
                false
            }
        };
        if !known {
            skip(input, what)?;
        }
    }
}

/// The type of the next item.
pub(crate) fn next_type(input: &In<'_>, what: &'static str) -> Result<Type, DecodeError> {
    input.datatype().map_err(|_| DecodeError::new(input.position(), what, "the frame ends too early"))
}

/// Skips one item, whatever it is.
pub(crate) fn skip(input: &mut In<'_>, what: &'static str) -> Result<(), DecodeError> {
    let at = input.position();
    input.skip().map_err(|_| DecodeError::new(at, what, "the frame ends too early or is no CBOR"))
}

/// Any CBOR number as `f64`: a JavaScript encoder writes 21.0 as an integer and 1.7e12 as a float.
pub(crate) fn number(input: &mut In<'_>, what: &'static str) -> Result<f64, DecodeError> {
    let at = input.position();
    let wrong = |_| DecodeError::new(at, what, "expected a number");
    match next_type(input, what)? {
        Type::F16 => input.f16().map(f64::from).map_err(wrong),
        Type::F32 => input.f32().map(f64::from).map_err(wrong),
        Type::F64 => input.f64().map_err(wrong),
        Type::U8 | Type::U16 | Type::U32 | Type::U64 => input.u64().map(|n| n as f64).map_err(wrong),
        Type::I8 | Type::I16 | Type::I32 | Type::I64 => input.i64().map(|n| n as f64).map_err(wrong),
        _ => Err(DecodeError::new(at, what, "expected a number")),
    }
}

impl Wire for u64 {
    fn encode(&self, out: &mut Out) {
        out.uint(*self);
    }
    fn decode(input: &mut In<'_>) -> Result<Self, DecodeError> {
        let at = input.position();
        if let Type::U8 | Type::U16 | Type::U32 | Type::U64 = next_type(input, "integer")? {
            return input.u64().map_err(|_| DecodeError::new(at, "integer", "expected an unsigned integer"));
        }
        let value = number(input, "integer")?;
        // 2^53: beyond it a float no longer names one integer.
        if value >= 0.0 && value <= 9_007_199_254_740_992.0 && value.trunc() == value {
            Ok(value as u64)
        } else {
            Err(DecodeError::new(at, "integer", "expected an unsigned integer"))
        }
    }
}

impl Wire for u32 {
    fn encode(&self, out: &mut Out) {
        out.uint(u64::from(*self));
    }
    fn decode(input: &mut In<'_>) -> Result<Self, DecodeError> {
        let at = input.position();
        u64::decode(input)?.try_into().map_err(|_| DecodeError::new(at, "integer", "larger than 32 bits"))
    }
}

impl Wire for f64 {
    fn encode(&self, out: &mut Out) {
        out.float(*self);
    }
    fn decode(input: &mut In<'_>) -> Result<Self, DecodeError> {
        number(input, "number")
    }
}

impl Wire for bool {
    fn encode(&self, out: &mut Out) {
        out.flag(*self);
    }
    fn decode(input: &mut In<'_>) -> Result<Self, DecodeError> {
        let at = input.position();
        input.bool().map_err(|_| DecodeError::new(at, "flag", "expected true or false"))
    }
}

impl Wire for String {
    fn encode(&self, out: &mut Out) {
        out.text(self);
    }
    fn decode(input: &mut In<'_>) -> Result<Self, DecodeError> {
        let at = input.position();
        let wrong = |_| DecodeError::new(at, "text", "expected UTF-8 text");
        if next_type(input, "text")? == Type::StringIndef {
            let mut text = String::new();
            for piece in input.str_iter().map_err(wrong)? {
                text.push_str(piece.map_err(wrong)?);
            }
            return Ok(text);
        }
        input.str().map(str::to_owned).map_err(wrong)
    }
}

impl<T: Wire> Wire for Option<T> {
    fn encode(&self, out: &mut Out) {
        if let Some(value) = self {
            value.encode(out);
        }
    }
    fn decode(input: &mut In<'_>) -> Result<Self, DecodeError> {
        if let Type::Null | Type::Undefined = next_type(input, "optional field")? {
            skip(input, "optional field")?;
            return Ok(None);
        }
        T::decode(input).map(Some)
    }
    fn absent() -> Option<Self> {
        Some(None)
    }
    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

/// A list may be left out where it is empty.
impl<T: Wire> Wire for Vec<T> {
    fn encode(&self, out: &mut Out) {
        out.array(self.len());
        for item in self {
            item.encode(out);
        }
    }
    fn decode(input: &mut In<'_>) -> Result<Self, DecodeError> {
        let mut items = Vec::new();
        decode_array(input, |input| {
            items.push(T::decode(input)?);
            Ok(())
        })?;
        Ok(items)
    }
    fn absent() -> Option<Self> {
        Some(Vec::new())
    }
    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

/// Walks an array, definite or indefinite. The claimed length is never trusted for an allocation.
pub(crate) fn decode_array<'b>(
    input: &mut In<'b>,
    mut item: impl FnMut(&mut In<'b>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let at = input.position();
    let count = input.array().map_err(|_| DecodeError::new(at, "list", "expected an array"))?;
    let mut left = count;
    loop {
        match &mut left {
            Some(0) => return Ok(()),
            Some(n) => *n -= 1,
            None => {
                if next_type(input, "list")? == Type::Break {
                    return skip(input, "list");
                }
            }
        }
        item(input)?;
    }
}

/// A struct whose numeric CBOR keys stand beside its fields; serde gives the same fields their camelCase JSON names.
macro_rules! wire_struct {
    ($(#[$meta:meta])* pub struct $name:ident { $( $(#[$field_meta:meta])* $key:literal => $field:ident : $ty:ty ),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        #[cfg_attr(feature = "json", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "camelCase"))]
        pub struct $name { $( $(#[$field_meta])* pub $field: $ty ),* }

        impl $name {
            /// How many keys this value writes.
            #[allow(dead_code)]
            pub(crate) fn entries(&self) -> usize {
                use crate::wire::Wire as _;
                0 $( + usize::from(!self.$field.is_absent()) )*
            }
            /// Writes the keys without the map's head, so that a message can put its type before them.
            pub(crate) fn encode_entries(&self, out: &mut crate::wire::Out) {
                use crate::wire::Wire as _;
                $( if !self.$field.is_absent() { out.uint($key); self.$field.encode(out); } )*
            }
        }

        impl crate::wire::Wire for $name {
            fn encode(&self, out: &mut crate::wire::Out) {
                out.map(self.entries());
                self.encode_entries(out);
            }
            fn decode(input: &mut crate::wire::In<'_>) -> Result<Self, crate::error::DecodeError> {
                let at = input.position();
                $( let mut $field: Option<$ty> = None; )*
                crate::wire::decode_map(input, stringify!($name), |key, input| {
                    match key {
                        $( $key => $field = Some(crate::wire::Wire::decode(input).map_err(|e: crate::error::DecodeError| e.within(stringify!($field)))?), )*
                        _ => return Ok(false),
                    }
                    Ok(true)
                })?;
                let _ = at;
                Ok(Self { $( $field: $field.or_else(<$ty as crate::wire::Wire>::absent)
                    .ok_or_else(|| crate::error::DecodeError::new(at, stringify!($field), "required field is missing"))? ),* })
            }
        }
    };
}
pub(crate) use wire_struct;

/// An enumeration told by a snake_case word in JSON and by a small number in CBOR.
macro_rules! wire_enum {
    ($(#[$meta:meta])* pub enum $name:ident { $( $(#[$variant_meta:meta])* $code:literal => $variant:ident = $word:literal ),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[cfg_attr(feature = "json", derive(serde::Serialize, serde::Deserialize))]
        pub enum $name { $( $(#[$variant_meta])* #[cfg_attr(feature = "json", serde(rename = $word))] $variant ),* }

        impl $name {
            /// Every value, in the order of the numbers.
            pub const ALL: &'static [$name] = &[ $( $name::$variant ),* ];
            /// The word used in JSON, logs and pages.
            pub const fn as_str(self) -> &'static str {
                match self { $( $name::$variant => $word ),* }
            }
            /// The number used in CBOR.
            pub const fn code(self) -> u64 {
                match self { $( $name::$variant => $code ),* }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl crate::wire::Wire for $name {
            fn encode(&self, out: &mut crate::wire::Out) {
                out.uint(self.code());
            }
            fn decode(input: &mut crate::wire::In<'_>) -> Result<Self, crate::error::DecodeError> {
                let at = input.position();
                match u64::decode(input)? {
                    $( $code => Ok($name::$variant), )*
                    _ => Err(crate::error::DecodeError::new(at, stringify!($name), "unknown value")),
                }
            }
        }
    };
}
pub(crate) use wire_enum;
