//! The small values that messages are made of: times, opaque JSON text, numeric columns.

use crate::wire::{In, Major, NOT_FINITE, Out, Shape, Wire, decode_array, decode_entries};

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
    const SHAPE: Shape = Shape::Number;
    fn encode(&self, out: &mut Out) {
        if self.is_whole() { out.int(self.0 as i64) } else { out.float(self.0) }
    }
    fn read(input: &mut In<'_>) -> Self {
        Self(input.number())
    }
}

#[cfg(feature = "serialize")]
impl serde::Serialize for UnixMs {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        crate::serialize::number(self.0, serializer)
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
/// With the `json` feature every way in from the wire, CBOR's too, checks it: one JSON value, on one line, nested at most
/// [`MAX_JSON_DEPTH`] deep, its numbers and strings otherwise as they came. Without the feature there is no parser: it is
/// whatever text the peer sent, and the relay is the peer that has checked it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawJson(String);

/// How deep opaque JSON may nest: parsers of other languages give up (Python) or overflow their stack further down.
pub const MAX_JSON_DEPTH: usize = 128;

impl RawJson {
    /// Takes text as it is. The caller vouches for it, or calls `checked` before passing it on.
    pub fn from_text_unchecked(text: String) -> Self {
        Self(text)
    }
    /// `null`.
    pub fn null() -> Self {
        Self("null".to_owned())
    }
    /// The JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(feature = "json")]
impl RawJson {
    /// Checks that the text is one JSON value and not nested too deep, and puts it on one line: NDJSON frames break at a newline.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let raw: &serde_json::value::RawValue = serde_json::from_str(text)?;
        Self::from_raw(raw)
    }
    /// The same check for text that was taken unchecked.
    pub fn checked(self) -> Result<Self, serde_json::Error> {
        Self::parse(&self.0)
    }
    /// The JSON text of any value that serde can write.
    pub fn from_value<T: serde::Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        serde_json::to_string(value).map(Self)
    }
    fn from_raw<E: serde::de::Error>(raw: &serde_json::value::RawValue) -> Result<Self, E> {
        let text = raw.get();
        if json_depth(text) > MAX_JSON_DEPTH {
            return Err(E::custom("JSON nested deeper than 128 levels"));
        }
        // Raw line breaks stand only between tokens: inside strings JSON forbids them.
        Ok(Self(if text.contains(['\n', '\r']) { text.replace(['\n', '\r'], " ") } else { text.to_owned() }))
    }
}

/// The nesting of valid JSON text.
#[cfg(feature = "json")]
fn json_depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// As the JSON value that it is, where there is a parser to make sure of it; otherwise as a string.
#[cfg(feature = "serialize")]
impl serde::Serialize for RawJson {
    #[cfg(feature = "json")]
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &serde_json::value::RawValue = serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        if self.0.contains(['\n', '\r']) {
            return Err(serde::ser::Error::custom(
                "opaque JSON holds a line break, which would end the NDJSON line: pass it through RawJson::parse",
            ));
        }
        raw.serialize(serializer)
    }
    #[cfg(not(feature = "json"))]
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(feature = "json")]
impl<'de> serde::Deserialize<'de> for RawJson {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_raw(&Box::<serde_json::value::RawValue>::deserialize(deserializer)?)
    }
}

impl Wire for RawJson {
    const SHAPE: Shape = Shape::Json;
    fn encode(&self, out: &mut Out) {
        out.text(&self.0);
    }
    fn read(input: &mut In<'_>) -> Self {
        #[cfg(feature = "json")]
        let at = input.position();
        let raw = Self(input.text());
        #[cfg(feature = "json")]
        let raw = raw.checked().unwrap_or_else(|error| {
            input.fail_with(crate::error::DecodeError::new(at, format!("expected JSON as text: {error}")));
            Self::null()
        });
        raw
    }
}

/// A numeric column: in CBOR a little-endian float64 typed array (RFC 8746, tag 86), in JSON an array of numbers.
///
/// Decoding also takes float32 (tag 85) and plain arrays of numbers, which encoders of other languages write.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "json", derive(serde::Deserialize), serde(transparent))]
pub struct Column(pub Vec<f64>);

const TAG_F32_LE: u64 = 85;
const TAG_F64_LE: u64 = 86;

impl Wire for Column {
    const SHAPE: Shape = Shape::Column;
    fn encode(&self, out: &mut Out) {
        out.tag(TAG_F64_LE);
        out.float64_le(&self.0);
    }
    fn read(input: &mut In<'_>) -> Self {
        let at = input.position();
        let mut values = Vec::new();
        if input.peek_major() != Major::Tag {
            decode_array(input, &mut |input| values.push(input.number()));
            return Self(values);
        }
        let tag = input.head().argument;
        if input.peek_major() != Major::Bytes {
            input.fail(at, "expected a byte string behind the tag");
        }
        let length = input.head().argument;
        let bytes = input.take(length);
        let rest = match tag {
            TAG_F64_LE => {
                let (chunks, rest) = bytes.as_chunks::<8>();
                values.extend(chunks.iter().map(|c| f64::from_le_bytes(*c)));
                rest
            }
            TAG_F32_LE => {
                let (chunks, rest) = bytes.as_chunks::<4>();
                values.extend(chunks.iter().map(|c| f64::from(f32::from_le_bytes(*c))));
                rest
            }
            _ => {
                input.fail(at, "expected tag 86 (float64) or 85 (float32), little-endian");
                &[]
            }
        };
        if !rest.is_empty() {
            input.fail(at, "its length is no multiple of its element");
        }
        if let Some(index) = values.iter().position(|value| !value.is_finite()) {
            input.fail(at, NOT_FINITE);
            input.blame(|error| error.at_index(index));
        }
        Self(values)
    }
}

/// Whole numbers without a fraction: `1732180000000`, not `1732180000000.0`.
#[cfg(feature = "serialize")]
impl serde::Serialize for Column {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Number(f64);
        impl serde::Serialize for Number {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                crate::serialize::number(self.0, serializer)
            }
        }
        serializer.collect_seq(self.0.iter().map(|value| Number(*value)))
    }
}

/// Series by metric name, in the order they were given. A list, not a tree: a message holds a handful.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SeriesMap(pub Vec<(String, crate::event::Series)>);

impl Wire for SeriesMap {
    const SHAPE: Shape = Shape::Names(&<crate::event::Series as Wire>::SHAPE);
    fn encode(&self, out: &mut Out) {
        out.map(self.0.len());
        for (metric, series) in &self.0 {
            out.text(metric);
            series.encode(out);
        }
    }
    fn read(input: &mut In<'_>) -> Self {
        let mut series = Vec::new();
        decode_entries(input, &mut |input| {
            let metric = input.text();
            let points = crate::event::Series::read(input);
            input.blame(|error| error.within_key(&metric));
            series.push((metric, points));
        });
        Self(series)
    }
}

#[cfg(feature = "serialize")]
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
