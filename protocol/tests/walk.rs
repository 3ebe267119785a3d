//! One walk over the tables of fields gives every event's data as the typed way gives it.

// Tests may panic: that is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use proptest::prelude::*;
use pulsewire_protocol::cbor::{Shape, Sink, walk};
use pulsewire_protocol::*;
use serde_json::{Map, Value};

/// Builds JSON of a walk, as a page builds its objects.
#[derive(Default)]
struct Builder {
    open: Vec<(Value, String)>,
    done: Option<Value>,
}

impl Builder {
    fn put(&mut self, value: Value) {
        match self.open.last_mut() {
            Some((Value::Object(object), key)) => assert!(object.insert(std::mem::take(key), value).is_none()),
            Some((Value::Array(list), _)) => list.push(value),
            _ => assert!(self.done.replace(value).is_none()),
        }
    }
}

impl Sink for Builder {
    fn number(&mut self, value: f64) {
        self.put(value.into());
    }
    fn text(&mut self, value: &str) {
        self.put(value.into());
    }
    fn flag(&mut self, value: bool) {
        self.put(value.into());
    }
    fn json(&mut self, text: &str) {
        self.put(serde_json::from_str(text).unwrap());
    }
    fn column(&mut self, values: &[f64]) {
        self.put(values.iter().copied().collect());
    }
    fn object(&mut self) {
        self.open.push((Value::Object(Map::new()), String::new()));
    }
    fn key(&mut self, name: &str) {
        self.open.last_mut().unwrap().1 = name.to_owned();
    }
    fn list(&mut self) {
        self.open.push((Value::Array(Vec::new()), String::new()));
    }
    fn end(&mut self) {
        let (value, _) = self.open.pop().unwrap();
        self.put(value);
    }
}

fn walked(item: &[u8], shape: Shape) -> Result<Value, DecodeError> {
    let mut builder = Builder::default();
    walk(item, &shape, &mut builder)?;
    Ok(builder.done.unwrap())
}

/// Numbers as floats, and without empty lists, which CBOR leaves out.
fn plain(value: Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().unwrap().into(),
        Value::Array(items) => items.into_iter().map(plain).collect(),
        Value::Object(entries) => {
            let kept = entries.into_iter().filter(|(_, value)| value.as_array().is_none_or(|items| !items.is_empty()));
            Value::Object(kept.map(|(key, value)| (key, plain(value))).collect())
        }
        other => other,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_walk_gives_the_same_object_as_the_typed_way(payload in testing::payload()) {
        let Some(kind) = payload.kind() else { return Ok(()) };
        if let Payload::Telemetry(telemetry) = &payload {
            let names: std::collections::BTreeSet<_> = telemetry.series.0.iter().map(|(metric, _)| metric).collect();
            // A metric that stands there twice is refused by a relay, and an object could not hold it.
            prop_assume!(names.len() == telemetry.series.0.len());
        }
        let typed: Value = serde_json::from_str(payload.data_json().unwrap().as_str()).unwrap();
        prop_assert_eq!(plain(walked(&payload.data_cbor(), kind.shape()).unwrap()), plain(typed));
    }

    #[test]
    fn a_walk_over_anything_ends(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for kind in EventKind::ALL {
            let mut builder = Silent;
            let _ = walk(&bytes, &kind.shape(), &mut builder);
        }
    }
}

struct Silent;
impl Sink for Silent {
    fn number(&mut self, _: f64) {}
    fn text(&mut self, _: &str) {}
    fn flag(&mut self, _: bool) {}
    fn json(&mut self, _: &str) {}
    fn column(&mut self, _: &[f64]) {}
    fn object(&mut self) {}
    fn key(&mut self, _: &str) {}
    fn list(&mut self) {}
    fn end(&mut self) {}
}

#[test]
fn names_are_those_of_json() {
    let names: Vec<&str> = Alert::FIELDS.iter().map(|field| field.name).collect();
    assert_eq!(names, ["id", "patientId", "patientName", "deviceId", "type", "severity", "message", "ts", "metadata"]);
}
