//! Where the JSON model is wider than serde's: an unsigned integer may come as a float (`5.0`), as encoders of other languages
//! write it. And where it is narrower: an object is no array of its values.

use crate::wire::{MAX_SAFE_INTEGER, NOT_WHOLE, whole};
use serde::{Deserialize, Deserializer};

/// A value that can stand in a field. Most read as serde reads them; integers read more.
pub(crate) trait Field: Sized + for<'de> Deserialize<'de> {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }
}

/// For `#[serde(deserialize_with)]`.
pub(crate) fn field<'de, D: Deserializer<'de>, T: Field>(deserializer: D) -> Result<T, D::Error> {
    T::read(deserializer)
}

impl Field for f64 {}
impl Field for bool {}
impl Field for String {}
impl Field for crate::scalar::UnixMs {}
impl Field for crate::scalar::RawJson {}
impl Field for crate::scalar::Column {}
impl Field for crate::scalar::SeriesMap {}
impl Field for crate::message::SubscribedEntry {}
impl Field for crate::message::Publication {}
impl<T: Field> Field for Vec<T> {}

impl Field for u64 {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = u64;
            fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str("an unsigned integer")
            }
            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<u64, E> {
                if value > MAX_SAFE_INTEGER { Err(E::custom("larger than 2^53")) } else { Ok(value) }
            }
            fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<u64, E> {
                whole(value).ok_or_else(|| E::custom(NOT_WHOLE))
            }
        }
        deserializer.deserialize_u64(Visitor)
    }
}

impl Field for u32 {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <u64 as Field>::read(deserializer)?.try_into().map_err(|_| serde::de::Error::custom("larger than 32 bits"))
    }
}

impl<T: Field> Field for Option<T> {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Inner<T>(T);
        impl<'de, T: Field> Deserialize<'de> for Inner<T> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                T::read(deserializer).map(Self)
            }
        }
        Ok(Option::<Inner<T>>::deserialize(deserializer)?.map(|inner| inner.0))
    }
}

/// Hands a struct an object only: serde's own reading of one takes an array too, as the fields in their order.
pub(crate) struct Object<D>(pub(crate) D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Object<D> {
    type Error = D::Error;
    fn deserialize_any<V: serde::de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(visitor)
    }
    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
