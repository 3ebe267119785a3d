//! How a value stands in CBOR: the [`Wire`] trait, and the macro that gives a struct numeric keys.
//!
//! Why not derive: hand-shaped decoding makes the smaller wasm (measured), and the same macro gives the serde side of the JSON
//! codec, so the two models cannot drift apart.
//!
//! Rules: a struct is a map whose keys are small unsigned integers; absent optional fields are left out; unknown keys are
//! skipped; key 0 is kept for the type of a message.

use crate::error::DecodeError;

mod input;
mod output;
mod shape;
mod walk;
pub(crate) use input::{In, Keys, Major};
pub(crate) use output::Out;
pub use shape::{Field, Shape, Sink, walk};
pub(crate) use shape::{camel, camel_len};
pub(crate) use walk::*;
pub use walk::{MAX_CBOR_DEPTH, MAX_SAFE_INTEGER};

/// A value that has a CBOR form.
pub(crate) trait Wire: Sized {
    /// The form, as data.
    const SHAPE: Shape;
    fn encode(&self, out: &mut Out);
    /// Reads it. After a failure (before or in here) the value means nothing: `input` knows.
    fn read(input: &mut In<'_>) -> Self;
    /// Reads it, or says what is wrong.
    fn decode(input: &mut In<'_>) -> Result<Self, DecodeError> {
        let value = Self::read(input);
        input.finish(value)
    }
    /// What stands for a field that is not there; `None` where the field is required.
    fn absent() -> Option<Self> {
        None
    }
    /// Whether the field is left out of the map.
    fn is_absent(&self) -> bool {
        false
    }
}

impl Wire for u64 {
    const SHAPE: Shape = Shape::Number;
    fn encode(&self, out: &mut Out) {
        out.uint(*self);
    }
    fn read(input: &mut In<'_>) -> Self {
        input.uint()
    }
}

impl Wire for u32 {
    const SHAPE: Shape = Shape::Number;
    fn encode(&self, out: &mut Out) {
        out.uint(u64::from(*self));
    }
    fn read(input: &mut In<'_>) -> Self {
        let at = input.position();
        input.uint().try_into().unwrap_or_else(|_| {
            input.fail(at, "larger than 32 bits");
            0
        })
    }
}

impl Wire for f64 {
    const SHAPE: Shape = Shape::Number;
    fn encode(&self, out: &mut Out) {
        out.float(*self);
    }
    fn read(input: &mut In<'_>) -> Self {
        input.number()
    }
}

impl Wire for bool {
    const SHAPE: Shape = Shape::Flag;
    fn encode(&self, out: &mut Out) {
        out.flag(*self);
    }
    fn read(input: &mut In<'_>) -> Self {
        input.flag()
    }
}

impl Wire for String {
    const SHAPE: Shape = Shape::Text;
    fn encode(&self, out: &mut Out) {
        out.text(self);
    }
    fn read(input: &mut In<'_>) -> Self {
        input.text()
    }
}

impl<T: Wire> Wire for Option<T> {
    const SHAPE: Shape = T::SHAPE;
    fn encode(&self, out: &mut Out) {
        if let Some(value) = self {
            value.encode(out);
        }
    }
    fn read(input: &mut In<'_>) -> Self {
        if input.take_null() { None } else { Some(T::read(input)) }
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
    const SHAPE: Shape = Shape::List(&T::SHAPE);
    fn encode(&self, out: &mut Out) {
        out.array(self.len());
        for item in self {
            item.encode(out);
        }
    }
    fn read(input: &mut In<'_>) -> Self {
        let mut items = Vec::new();
        decode_array(input, &mut |input| items.push(T::read(input)));
        items
    }
    fn absent() -> Option<Self> {
        Some(Vec::new())
    }
    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

/// A struct whose numeric CBOR keys stand beside its fields; serde gives the same fields their camelCase JSON names.
macro_rules! wire_struct {
    ($(#[$meta:meta])* pub struct $name:ident { $( $(#[$field_meta:meta])* $key:literal => $field:ident : $ty:ty ),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        #[cfg_attr(feature = "serialize", derive(serde::Serialize), serde(rename_all = "camelCase"))]
        pub struct $name {
            $( $(#[$field_meta])* pub $field: $ty ),*
        }

        #[cfg(feature = "json")]
        const _: () = {
            /// The same fields, for serde to read: from an object only, where its own reading takes an array in the order
            /// of the fields too.
            #[derive(serde::Deserialize)]
            #[serde(rename_all = "camelCase", expecting = "an object")]
            struct Read {
                $( $(#[$field_meta])* #[serde(deserialize_with = "crate::json::lenient::field")] $field: $ty ),*
            }
            impl<'de> serde::Deserialize<'de> for $name {
                fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    let Read { $( $field ),* } = serde::Deserialize::deserialize(crate::json::lenient::Object(deserializer))?;
                    Ok(Self { $( $field ),* })
                }
            }
            impl crate::json::lenient::Field for $name {}
        };

        crate::wire::wire_map! { $name as crate::wire::Shape::Struct(Self::FIELDS) => { $( $key => $field : $ty ),* } }
    };
}
pub(crate) use wire_struct;

/// The CBOR side of [`wire_struct`], for a struct whose JSON is written by hand.
macro_rules! wire_map {
    ($name:ident as $shape:expr => { $( $key:literal => $field:ident : $ty:ty ),* $(,)? }) => {
        impl $name {
            /// The fields with their CBOR keys, as PROTOCOL.md lists them.
            pub const FIELDS: &'static [crate::wire::Field] = &[ $( crate::wire::Field {
                key: $key,
                name: {
                    const NAME: &str = stringify!($field);
                    const BYTES: [u8; crate::wire::camel_len(NAME)] = crate::wire::camel(NAME);
                    match core::str::from_utf8(&BYTES) {
                        Ok(name) => name,
                        Err(_) => NAME,
                    }
                },
                shape: <$ty as crate::wire::Wire>::SHAPE,
            } ),* ];
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
            const SHAPE: crate::wire::Shape = $shape;
            fn encode(&self, out: &mut crate::wire::Out) {
                out.map(self.entries());
                self.encode_entries(out);
            }
            fn read(input: &mut crate::wire::In<'_>) -> Self {
                let keys = input.keys();
                let value = Self { $( $field: input.field(&keys, $key, stringify!($field)) ),* };
                input.leave(&keys);
                value
            }
        }
    };
}
pub(crate) use wire_map;

/// An enumeration told by a snake_case word in JSON and by a small number in CBOR.
macro_rules! wire_enum {
    ($(#[$meta:meta])* pub enum $name:ident {
        $(#[$first_meta:meta])* $first_code:literal => $first:ident = $first_word:literal
        $( , $(#[$variant_meta:meta])* $code:literal => $variant:ident = $word:literal )* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[cfg_attr(feature = "serialize", derive(serde::Serialize))]
        #[cfg_attr(feature = "json", derive(serde::Deserialize), serde(expecting = "a word"))]
        pub enum $name {
            $(#[$first_meta])* #[cfg_attr(feature = "serialize", serde(rename = $first_word))] $first,
            $( $(#[$variant_meta])* #[cfg_attr(feature = "serialize", serde(rename = $word))] $variant ),*
        }

        impl $name {
            /// Every value, in the order of the numbers.
            pub const ALL: &'static [$name] = &[ $name::$first $( , $name::$variant )* ];
            /// The word used in JSON, logs and pages.
            pub const fn as_str(self) -> &'static str {
                match self { $name::$first => $first_word $( , $name::$variant => $word )* }
            }
            /// The number used in CBOR.
            pub const fn code(self) -> u64 {
                match self { $name::$first => $first_code $( , $name::$variant => $code )* }
            }
        }

        #[cfg(feature = "json")]
        impl crate::json::lenient::Field for $name {}

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl crate::wire::Wire for $name {
            const SHAPE: crate::wire::Shape = crate::wire::Shape::Words(&[ ($first_code, $first_word) $( , ($code, $word) )* ]);
            fn encode(&self, out: &mut crate::wire::Out) {
                out.uint(self.code());
            }
            fn read(input: &mut crate::wire::In<'_>) -> Self {
                let at = input.position();
                match input.uint() {
                    $first_code => Self::$first,
                    $( $code => Self::$variant, )*
                    _ => {
                        input.fail(at, concat!("unknown ", stringify!($name)));
                        Self::$first
                    }
                }
            }
        }
    };
}
pub(crate) use wire_enum;
