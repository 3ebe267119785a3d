//! Writing the model through serde: JSON's shape, for any serializer. No parser is needed for it.

use crate::event::PatientChange;
use crate::http::PublishItem;
use crate::message::{ErrorMessage, Event, Publication, Publish, ReplyResult};
use crate::payload::{EventKind, Payload};
use serde::ser::{Error as _, SerializeMap};
use serde::{Serialize, Serializer};

/// The data of an event by itself, without its name.
pub struct Data<'a>(pub &'a Payload);

impl Serialize for Data<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize_data(serializer)
    }
}

fn serialize_publication<M: SerializeMap>(map: &mut M, publication: &Publication) -> Result<(), M::Error> {
    if let Some(offset) = publication.offset {
        map.serialize_entry("offset", &offset)?;
    }
    if let Some(first) = publication.first_offset {
        map.serialize_entry("firstOffset", &first)?;
    }
    serialize_event(map, &publication.payload)?;
    map.serialize_entry("ts", &publication.ts)?;
    map.serialize_entry("data", &Data(&publication.payload))?;
    if let Some(from) = &publication.from {
        map.serialize_entry("from", from)?;
    }
    Ok(())
}

/// `event` stands before `data`, so that it can be read on the fly.
fn serialize_event<M: SerializeMap>(map: &mut M, payload: &Payload) -> Result<(), M::Error> {
    if payload.kind().is_none() && EventKind::from_name(payload.event()).is_some() {
        return Err(M::Error::custom("a custom event bears the name of a built-in one"));
    }
    map.serialize_entry("event", payload.event())
}

fn serialize_item<M: SerializeMap>(map: &mut M, channel: &str, payload: &Payload, key: Option<&str>) -> Result<(), M::Error> {
    map.serialize_entry("channel", channel)?;
    serialize_event(map, payload)?;
    map.serialize_entry("data", &Data(payload))?;
    if let Some(key) = key {
        map.serialize_entry("key", key)?;
    }
    Ok(())
}

impl Serialize for Publication {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        serialize_publication(&mut map, self)?;
        map.end()
    }
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("channel", &self.channel)?;
        serialize_publication(&mut map, &self.publication)?;
        map.end()
    }
}

impl Serialize for Publish {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &self.id)?;
        serialize_item(&mut map, &self.channel, &self.payload, self.key.as_deref())?;
        map.end()
    }
}

impl Serialize for PublishItem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        serialize_item(&mut map, &self.channel, &self.payload, self.key.as_deref())?;
        map.end()
    }
}

impl Serialize for ReplyResult {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Self::Json(json) = self {
            return json.serialize(serializer);
        }
        let mut map = serializer.serialize_map(Some(1))?;
        match self {
            Self::Published { offset } => map.serialize_entry("offset", offset)?,
            Self::Time { server_time } => map.serialize_entry("serverTime", server_time)?,
            Self::Refreshed { expires_at } => map.serialize_entry("expiresAt", expires_at)?,
            Self::Json(_) => {}
        }
        map.end()
    }
}

impl Serialize for ErrorMessage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(id) = &self.id {
            map.serialize_entry("id", id)?;
        }
        if let Some(channel) = &self.channel {
            map.serialize_entry("channel", channel)?;
        }
        map.serialize_entry("code", &self.body.code)?;
        map.serialize_entry("message", &self.body.message)?;
        map.serialize_entry("retryable", &self.body.retryable)?;
        if let Some(retry_after_ms) = &self.body.retry_after_ms {
            map.serialize_entry("retryAfterMs", retry_after_ms)?;
        }
        map.end()
    }
}

impl Serialize for PatientChange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.data.serialize(serializer)
    }
}

/// Writes a number without a fraction where it has none, and refuses what JSON cannot hold.
pub(crate) fn number<S: Serializer>(value: f64, serializer: S) -> Result<S::Ok, S::Error> {
    if !value.is_finite() {
        return Err(S::Error::custom("JSON holds no NaN and no infinity"));
    }
    if value.trunc() == value && value.abs() <= crate::wire::MAX_SAFE_INTEGER as f64 {
        serializer.serialize_i64(value as i64)
    } else {
        serializer.serialize_f64(value)
    }
}
