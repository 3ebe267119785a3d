//! The small values that messages are made of: times, opaque JSON text, numeric columns.

use crate::error::DecodeError;
use crate::wire::{In, Out, Wire, decode_array, next_type, number};
use minicbor::data::Type;

/// A time in Unix milliseconds. JSON and CBOR may carry it as an integer or as a float.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct UnixMs(pub f64);

impl UnixMs {
    /// From whole milliseconds.
    pub fn from_millis(ms: u64) -> Self {
        Self(ms as f64)
    }
    /// Whole milliseconds; what lies before 1970 or is no number counts as 0.
    pub fn as_millis(self) -> u64 {
        // A float-to-integer cast saturates and turns NaN into 0.
        self.0 as u64
    }
    fn is_whole(self) -> bool {
        self.0.trunc() == self.0 && self.0.abs() <= 9_007_199_254_740_992.0
    }
}

impl Wire for UnixMs {
    fn encode(&self, out: &mut Out) {
        if self.is_whole() { out.int(self.0 as i64) } else { out.float(self.0) }
    }
    fn decode(input: &mut In<'_>) -> Result<Self, DecodeError> {
        let at = input.position();
        let value = number(input, "time")?;
        if value.is_finite() { Ok(Self(value)) } else { Err(DecodeError::new(at, "time", "expected a finite number of milliseconds")) }
    }
}

#[cfg(feature = "json")]
impl serde::Serialize for UnixMs {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_whole() { serializer.serialize_i64(self.0 as i64) } else { serializer.serialize_f64(self.0) }
    }
}

#[cfg(feature = "json")]
impl<'de> serde::Deserialize<'de> for UnixMs {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        f64::deserialize(deserializer).map(Self)
    }
}

/// JSON text that this crate carries without reading it.
///
/// With the `json` feature it can only be made from valid JSON ([`RawJson::parse`], the decoders of JSON) or is checked
/// by the relay on its way in ([`RawJson::checked`]); without it, it is whatever text the peer sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawJson(String);

impl RawJson {
    /// Takes text as it is. The caller vouches for it, or calls `checked` before passing it on.
    pub fn from_text_unchecked(text: String) -> Self {
        Self(text)
    }
    /// The JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(feature = "json")]
impl RawJson {
    /// Checks that the text is one JSON value, on one line: NDJSON frames break at a newline.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let raw: &serde_json::value::RawValue = serde_json::from_str(text)?;
        let text = raw.get();
        if text.contains(['\n', '\r']) {
            // Raw newlines stand only between tokens (inside strings JSON forbids them).
            let value: serde_json::Value = serde_json::from_str(text)?;
            return Ok(Self(value.to_string()));
        }
        Ok(Self(text.to_owned()))
    }
    /// The same check for text that came as CBOR.
    pub fn checked(self) -> Result<Self, serde_json::Error> {
        Self::parse(&self.0)
    }
    /// The JSON text of any value that serde can write.
    pub fn from_value<T: serde::Serialize>(value: &T) -> Result<Self, serde_json::Error> {
        serde_json::to_string(value).map(Self)
    }
}

#[cfg(feature = "json")]
impl serde::Serialize for RawJson {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &serde_json::value::RawValue = serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

#[cfg(feature = "json")]
impl<'de> serde::Deserialize<'de> for RawJson {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<serde_json::value::RawValue>::deserialize(deserializer)?;
        Self::parse(raw.get()).map_err(serde::de::Error::custom)
    }
}

impl Wire for RawJson {
    fn encode(&self, out: &mut Out) {
        out.text(&self.0);
    }
    fn decode(input: &mut In<'_>) -> Result<Self, DecodeError> {
        String::decode(input).map(Self)
    }
}

/// A numeric column: in CBOR a little-endian float64 typed array (RFC 8746, tag 86), in JSON an array of numbers.
///
/// Decoding also takes float32 (tag 85) and plain arrays of numbers, which encoders of other languages write.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "json", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct Column(pub Vec<f64>);

const TAG_F32_LE: u64 = 85;
const TAG_F64_LE: u64 = 86;

impl Wire for Column {
    fn encode(&self, out: &mut Out) {
        let mut bytes = Vec::with_capacity(self.0.len() * 8);
        for value in &self.0 {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        out.tag(TAG_F64_LE);
        out.bytes(&bytes);
    }
    fn decode(input: &mut In<'_>) -> Result<Self, DecodeError> {
        let at = input.position();
        if next_type(input, "column")? != Type::Tag {
            let mut values = Vec::new();
            decode_array(input, |input| {
                values.push(number(input, "column")?);
                Ok(())
            })?;
            return Ok(Self(values));
        }
        let tag = input.tag().map_err(|_| DecodeError::new(at, "column", "unreadable tag"))?.as_u64();
        let bytes = input.bytes().map_err(|_| DecodeError::new(at, "column", "expected a byte string behind the tag"))?;
        match tag {
            TAG_F64_LE => {
                let (chunks, rest) = bytes.as_chunks::<8>();
                whole(rest, at)?;
                Ok(Self(chunks.iter().map(|c| f64::from_le_bytes(*c)).collect()))
            }
            TAG_F32_LE => {
                let (chunks, rest) = bytes.as_chunks::<4>();
                whole(rest, at)?;
                Ok(Self(chunks.iter().map(|c| f64::from(f32::from_le_bytes(*c))).collect()))
            }
            _ => Err(DecodeError::new(at, "column", "expected tag 86 (float64) or 85 (float32), little-endian")),
        }
    }
}

fn whole(rest: &[u8], at: usize) -> Result<(), DecodeError> {
    if rest.is_empty() { Ok(()) } else { Err(DecodeError::new(at, "column", "its length is no multiple of its element")) }
}

/// Series by metric name, in the order they were given. A list, not a tree: a message holds a handful.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeriesMap(pub Vec<(String, crate::event::Series)>);

impl Wire for SeriesMap {
    fn encode(&self, out: &mut Out) {
        out.map(self.0.len());
        for (metric, series) in &self.0 {
            out.text(metric);
            series.encode(out);
        }
    }
    fn decode(input: &mut In<'_>) -> Result<Self, DecodeError> {
        let at = input.position();
        let count = input.map().map_err(|_| DecodeError::new(at, "series", "expected a map of metric to series"))?;
        let mut left = count;
        let mut series = Vec::new();
        loop {
            match &mut left {
                Some(0) => return Ok(Self(series)),
                Some(n) => *n -= 1,
                None => {
                    if next_type(input, "series")? == Type::Break {
                        crate::wire::skip(input, "series")?;
                        return Ok(Self(series));
                    }
                }
            }
            let metric = String::decode(input).map_err(|e| e.within("series"))?;
            series.push((metric, crate::event::Series::decode(input)?));
        }
    }
}

#[cfg(feature = "json")]
impl serde::Serialize for SeriesMap {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(metric, series)| (metric, series)))
    }
}

#[cfg(feature = "json")]
impl<'de> serde::Deserialize<'de> for SeriesMap {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = SeriesMap;
            fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str("an object of metric to {t, v, unit?}")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<SeriesMap, A::Error> {
                let mut series = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    series.push(entry);
                }
                Ok(SeriesMap(series))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}
