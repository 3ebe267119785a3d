//! Parameters of a call, read field by field, so that every mistake in them is told and not only the first.
//!
//! Why not serde alone: it stops at the first field that has the wrong type, and a check of values (`garde`, `validator`) begins only
//! once all types are right; a caller then mends one field at a time.
//!
//! Use: take what is needed from a [`Fields`], then [`Fields::finish`] it before anything is done. Fields that are wrong give a
//! harmless value (an empty text, `None`) that is never used, since `finish` refuses. Unknown fields are ignored, as everywhere.

use crate::relay::{FieldError, Refusal};
use crate::store::{DEFAULT_LIMIT, MAX_LIMIT, PageRequest, read_cursor};
use pulsewire_protocol::{ErrorBody, ErrorCode, RawJson};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// A line: a name, a title.
pub const LINE_BYTES: usize = 512;
/// A text of several lines.
pub const TEXT_BYTES: usize = 32 * 1024;
/// An idempotency key.
const KEY_BYTES: usize = 128;

/// The fields of one object, and what was found wrong with them.
pub struct Fields {
    given: Map<String, Value>,
    /// Where the object stands: `to.` for an inner one.
    path: String,
    wrong: Vec<FieldError>,
}

impl Fields {
    /// The parameters of a call; none at all is an empty object.
    pub fn read(params: Option<&RawJson>) -> Result<Self, Refusal> {
        let given = match params.map(|params| serde_json::from_str(params.as_str())) {
            None => Map::new(),
            Some(Ok(Value::Object(given))) => given,
            Some(Ok(Value::Null)) => Map::new(),
            Some(Ok(_)) => return Err(ErrorBody::new(ErrorCode::BadRequest, "params: expected an object").into()),
            Some(Err(error)) => return Err(ErrorBody::new(ErrorCode::BadRequest, format!("params: {error}")).into()),
        };
        Ok(Self { given, path: String::new(), wrong: Vec::new() })
    }

    /// The same as JSON, without the named field: what an idempotency key is compared by.
    pub fn without(&self, field: &str) -> Value {
        let mut given = self.given.clone();
        given.remove(field);
        Value::Object(given)
    }

    /// Refuses where anything was wrong.
    pub fn finish(self) -> Result<(), Refusal> {
        if self.wrong.is_empty() { Ok(()) } else { Err(Refusal::fields(self.wrong)) }
    }

    /// Something is wrong with this field.
    pub fn blame(&mut self, field: &str, message: impl Into<String>) {
        self.wrong.push(FieldError::new(format!("{}{field}", self.path), message));
    }

    /// The value; absent and `null` mean the same.
    pub fn value(&self, field: &str) -> Option<&Value> {
        self.given.get(field).filter(|value| !value.is_null())
    }

    fn needed<T: Default>(&mut self, field: &str, value: Option<T>) -> T {
        // A field of the wrong kind was blamed already.
        if value.is_none() && self.value(field).is_none() {
            self.blame(field, "is missing");
        }
        value.unwrap_or_default()
    }

    /// A text of 1 to `max_bytes` bytes that need not be there.
    pub fn optional_text(&mut self, field: &str, max_bytes: usize) -> Option<String> {
        let text = match self.value(field)? {
            Value::String(text) => Some(text.clone()),
            _ => None,
        };
        let single = max_bytes <= LINE_BYTES;
        let problem = match &text {
            None => "expected a text".to_owned(),
            Some(text) if text.trim().is_empty() => "is empty".to_owned(),
            Some(text) if text.len() > max_bytes => format!("has {} bytes: at most {max_bytes}", text.len()),
            Some(text) if single && text.chars().any(char::is_control) => "holds control characters".to_owned(),
            Some(_) => return text,
        };
        self.blame(field, problem);
        None
    }

    /// A text of 1 to `max_bytes` bytes.
    pub fn text(&mut self, field: &str, max_bytes: usize) -> String {
        let text = self.optional_text(field, max_bytes);
        self.needed(field, text)
    }

    /// An id that need not be there.
    pub fn optional_id(&mut self, field: &str) -> Option<String> {
        let id = match self.value(field)? {
            Value::String(id) if pulsewire_protocol::channel::is_id(id) => return Some(id.clone()),
            Value::String(_) => "is no id: 1 to 128 of A-Z a-z 0-9 . _ ~ @ -",
            _ => "expected a text",
        };
        self.blame(field, id);
        None
    }

    /// An id.
    pub fn id(&mut self, field: &str) -> String {
        let id = self.optional_id(field);
        self.needed(field, id)
    }

    /// Ids that need not be there; at most `most`, each once.
    pub fn optional_ids(&mut self, field: &str, most: usize) -> Option<Vec<String>> {
        let Value::Array(given) = self.value(field)?.clone() else {
            self.blame(field, "expected a list of ids");
            return None;
        };
        if given.is_empty() || given.len() > most {
            self.blame(field, format!("has {} entries: 1 to {most}", given.len()));
            return None;
        }
        let mut ids = Vec::with_capacity(given.len());
        let mut good = true;
        for (place, value) in given.into_iter().enumerate() {
            match value {
                Value::String(id) if pulsewire_protocol::channel::is_id(&id) => {
                    if !ids.contains(&id) || most > 1_000 {
                        ids.push(id);
                    }
                }
                _ => {
                    good = false;
                    self.blame(&format!("{field}[{place}]"), "is no id: 1 to 128 of A-Z a-z 0-9 . _ ~ @ -");
                }
            }
        }
        good.then_some(ids)
    }

    /// Texts, 1 to `most` of them, each of 1 to `max_bytes` bytes.
    pub fn texts(&mut self, field: &str, most: usize, max_bytes: usize) -> Vec<String> {
        let given = match self.value(field) {
            Some(Value::Array(given)) if !given.is_empty() && given.len() <= most => given.clone(),
            Some(Value::Array(given)) => {
                let count = given.len();
                self.blame(field, format!("has {count} entries: 1 to {most}"));
                return Vec::new();
            }
            Some(_) => {
                self.blame(field, "expected a list of texts");
                return Vec::new();
            }
            None => return self.needed(field, None),
        };
        let mut texts = Vec::with_capacity(given.len());
        for (place, value) in given.into_iter().enumerate() {
            match value {
                Value::String(text) if !text.trim().is_empty() && text.len() <= max_bytes => texts.push(text),
                _ => self.blame(&format!("{field}[{place}]"), format!("expected a text of 1 to {max_bytes} bytes")),
            }
        }
        texts
    }

    /// One of these words, that need not be there.
    pub fn optional_one_of(&mut self, field: &str, words: &[&str]) -> Option<String> {
        let given = self.value(field)?.as_str().filter(|word| words.contains(word)).map(str::to_owned);
        if given.is_none() {
            self.blame(field, format!("expected one of {}", words.join(", ")));
        }
        given
    }

    /// True or false; false where nothing is said.
    pub fn flag(&mut self, field: &str) -> bool {
        match self.value(field) {
            None => false,
            Some(Value::Bool(flag)) => *flag,
            Some(_) => {
                self.blame(field, "expected true or false");
                false
            }
        }
    }

    /// A whole number in that range that need not be there; `5.0` is `5`.
    pub fn optional_whole(&mut self, field: &str, min: u64, max: u64) -> Option<u64> {
        let value = self.value(field)?;
        let whole = value.as_u64().or_else(|| {
            let number = value.as_f64()?;
            // 2^53: above it a float is no exact count.
            (number.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(&number)).then_some(number as u64)
        });
        match whole {
            Some(whole) if (min..=max).contains(&whole) => Some(whole),
            _ => {
                self.blame(field, format!("expected a whole number from {min} to {max}"));
                None
            }
        }
    }

    /// A number in that range that need not be there.
    pub fn optional_number(&mut self, field: &str, min: f64, max: f64) -> Option<f64> {
        match self.value(field)?.as_f64() {
            Some(number) if (min..=max).contains(&number) => Some(number),
            _ => {
                self.blame(field, format!("expected a number from {min} to {max}"));
                None
            }
        }
    }

    /// A time in Unix milliseconds that need not be there.
    pub fn optional_time_ms(&mut self, field: &str) -> Option<i64> {
        self.optional_whole(field, 0, 1 << 53).and_then(|ms| i64::try_from(ms).ok())
    }

    /// One of the words of a protocol's enumeration (`Severity`), that need not be there. `words` names them, for the message.
    pub fn optional_word<T: DeserializeOwned>(&mut self, field: &str, words: &str) -> Option<T> {
        let value = self.value(field)?.clone();
        match serde_json::from_value(value) {
            Ok(word) => Some(word),
            Err(_) => {
                self.blame(field, format!("expected one of {words}"));
                None
            }
        }
    }

    /// An inner object that need not be there. Give it back with [`Fields::take_over`], else what is wrong in it is forgotten.
    pub fn optional_object(&mut self, field: &str) -> Option<Self> {
        match self.value(field)? {
            Value::Object(given) => Some(Self { given: given.clone(), path: format!("{}{field}.", self.path), wrong: Vec::new() }),
            _ => {
                self.blame(field, "expected an object");
                None
            }
        }
    }

    /// Takes over what was wrong with an inner object.
    pub fn take_over(&mut self, inner: Self) {
        self.wrong.extend(inner.wrong);
    }

    /// The idempotency key (`key`; over HTTP the header `Idempotency-Key`).
    pub fn key(&mut self) -> Option<String> {
        self.optional_text("key", KEY_BYTES)
    }

    /// Which page: `before?` and `limit?`.
    pub fn page<const N: usize>(&mut self, list: &'static str) -> PageRequest<N> {
        let limit = self.optional_whole("limit", 1, MAX_LIMIT as u64).map_or(DEFAULT_LIMIT, |limit| limit as usize);
        let before = match self.value("before").cloned() {
            None => None,
            Some(value) => {
                let before = value.as_str().and_then(|cursor| read_cursor(list, cursor));
                if before.is_none() {
                    self.blame("before", "is no cursor of this list: take `next` of the page before, unchanged");
                }
                before
            }
        };
        PageRequest { list, before, limit }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulsewire_protocol::Severity;

    fn fields(json: &str) -> Fields {
        Fields::read(Some(&RawJson::parse(json).unwrap())).unwrap()
    }

    #[test]
    fn every_field_that_is_wrong_is_named() {
        let mut fields =
            fields(r#"{"title": 5, "severity": "grave", "limit": 900, "to": {"users": ["ok", "n o"]}, "before": "x", "key": ""}"#);
        assert_eq!(fields.text("title", LINE_BYTES), "");
        assert_eq!(fields.text("body", TEXT_BYTES), "");
        assert_eq!(fields.optional_word::<Severity>("severity", "critical, high, medium, low"), None);
        assert_eq!(fields.page::<1>("alerts").limit, DEFAULT_LIMIT);
        assert_eq!(fields.key(), None);
        let mut to = fields.optional_object("to").unwrap();
        assert_eq!(to.optional_ids("users", 10), None);
        fields.take_over(to);
        let refusal = fields.finish().unwrap_err();
        let named: Vec<&str> = refusal.fields.iter().map(|wrong| wrong.field.as_str()).collect();
        assert_eq!(named, ["title", "body", "severity", "limit", "before", "key", "to.users[1]"]);
        assert!(refusal.body.message.starts_with("params.title: expected a text; params.body: is missing; "), "{}", refusal.body.message);
        assert!(refusal.detail().starts_with("title: expected a text; body: is missing; "));
    }

    #[test]
    fn what_is_right_is_taken_and_null_is_absent() {
        let mut fields = fields(r#"{"title": "A", "limit": 5.0, "unread": true, "before": null, "other": [1]}"#);
        assert_eq!(fields.text("title", LINE_BYTES), "A");
        assert_eq!(fields.page::<1>("x"), PageRequest { list: "x", before: None, limit: 5 });
        assert!(fields.flag("unread"));
        assert!(!fields.flag("all"));
        fields.finish().unwrap();
    }
}
