//! Messages told apart by `type`, and the few bodies whose JSON is not field by field.

use super::lenient;
use super::read::read;
use crate::error::{DecodeError, ErrorBody, ErrorCode};
use crate::event::PatientChange;
use crate::message::*;
use crate::scalar::{RawJson, UnixMs};
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::marker::PhantomData;

/// A message of one direction.
pub(crate) trait Typed: Sized {
    /// Reads the body of the named type; `None` where there is no such type.
    fn read_body<'de, D: Deserializer<'de>>(name: &str, deserializer: D) -> Option<Result<Self, D::Error>>;
}

/// Reads one message: in one go where `type` stands first, as it nearly always does, else in a second one.
pub(crate) fn read_message<M: Typed>(line: &str) -> Result<M, DecodeError> {
    match read(line, ByType(PhantomData))? {
        FirstPass::Message(message) => Ok(message),
        FirstPass::Type(name) => read(line, BodySeed(&name, PhantomData)),
    }
}

enum FirstPass<M> {
    Message(M),
    /// The type stood further back.
    Type(String),
}

struct ByType<M>(PhantomData<M>);
impl<M> Clone for ByType<M> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<M> Copy for ByType<M> {}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum Key {
    Type,
    #[serde(other)]
    Other,
}

impl<'de, M: Typed> DeserializeSeed<'de> for ByType<M> {
    type Value = FirstPass<M>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<FirstPass<M>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, M: Typed> Visitor<'de> for ByType<M> {
    type Value = FirstPass<M>;
    fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("an object with a type")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<FirstPass<M>, A::Error> {
        let mut first = true;
        let mut found: Option<String> = None;
        while let Some(key) = map.next_key()? {
            match key {
                Key::Type if first => {
                    let name: Cow<'de, str> = map.next_value::<Name<'de>>()?.0;
                    return M::read_body(&name, MapAccessDeserializer::new(map))
                        .unwrap_or_else(|| Err(unknown_type(&name)))
                        .map(FirstPass::Message);
                }
                Key::Type => found = Some(map.next_value()?),
                Key::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            first = false;
        }
        found.map(FirstPass::Type).ok_or_else(|| A::Error::missing_field("type"))
    }
}

#[derive(Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

struct BodySeed<'n, M>(&'n str, PhantomData<M>);
impl<M> Clone for BodySeed<'_, M> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<M> Copy for BodySeed<'_, M> {}

impl<'de, M: Typed> DeserializeSeed<'de> for BodySeed<'_, M> {
    type Value = M;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<M, D::Error> {
        M::read_body(self.0, deserializer).unwrap_or_else(|| Err(unknown_type(self.0)))
    }
}

fn unknown_type<E: serde::de::Error>(name: &str) -> E {
    let shown: String = name.chars().take(40).collect();
    super::read::nested("type", &DecodeError::new(0, format!("unknown message type {shown:?}")))
}

impl Typed for ClientMessage {
    fn read_body<'de, D: Deserializer<'de>>(name: &str, body: D) -> Option<Result<Self, D::Error>> {
        Some(match name {
            "connect" => Connect::deserialize(body).map(Self::Connect),
            "subscribe" => Subscribe::deserialize(body).map(Self::Subscribe),
            "unsubscribe" => Unsubscribe::deserialize(body).map(Self::Unsubscribe),
            "publish" => Publish::deserialize(body).map(Self::Publish),
            "call" => Call::deserialize(body).map(Self::Call),
            "refresh" => Refresh::deserialize(body).map(Self::Refresh),
            "pong" => Pong::deserialize(body).map(Self::Pong),
            "ping" => Ping::deserialize(body).map(Self::Ping),
            _ => return None,
        })
    }
}

impl Typed for ServerMessage {
    fn read_body<'de, D: Deserializer<'de>>(name: &str, body: D) -> Option<Result<Self, D::Error>> {
        Some(match name {
            "welcome" => Welcome::deserialize(body).map(Self::Welcome),
            "subscribed" => Subscribed::deserialize(body).map(Self::Subscribed),
            "unsubscribed" => Unsubscribed::deserialize(body).map(Self::Unsubscribed),
            "event" => Event::deserialize(body).map(Self::Event),
            "viewers" => Viewers::deserialize(body).map(Self::Viewers),
            "heartbeat" => Heartbeat::deserialize(body).map(Self::Heartbeat),
            "reauth" => Reauth::deserialize(body).map(Self::Reauth),
            "reply" => Reply::deserialize(body).map(Self::Reply),
            "error" => ErrorMessage::deserialize(body).map(Self::Error),
            _ => return None,
        })
    }
}

/// Every field of `{channel, error}` and of a subscription; which of both it is, `error` tells.
#[derive(Deserialize)]
struct EntryFields {
    #[serde(deserialize_with = "lenient::field", default)]
    id: Option<u64>,
    channel: String,
    epoch: Option<String>,
    #[serde(deserialize_with = "lenient::field", default)]
    offset: Option<u64>,
    recovered: Option<bool>,
    #[serde(default)]
    publications: Vec<Publication>,
    #[serde(default)]
    state: Vec<Publication>,
    viewers: Option<ViewerCount>,
    error: Option<ErrorBody>,
}

impl<'de> Deserialize<'de> for SubscribedEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = EntryFields::deserialize(lenient::Object(deserializer))?;
        if let Some(error) = fields.error {
            return Ok(Self::Refused(Refused { channel: fields.channel, error }));
        }
        Ok(Self::Subscribed(Subscribed {
            id: fields.id,
            channel: fields.channel,
            epoch: fields.epoch.ok_or_else(|| D::Error::missing_field("epoch"))?,
            offset: fields.offset.ok_or_else(|| D::Error::missing_field("offset"))?,
            recovered: fields.recovered.ok_or_else(|| D::Error::missing_field("recovered"))?,
            publications: fields.publications,
            state: fields.state,
            viewers: fields.viewers,
        }))
    }
}

/// The three results of fixed shape; anything else is the result of a `call`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FixedResult {
    #[serde(deserialize_with = "lenient::field", default)]
    offset: Option<u64>,
    server_time: Option<UnixMs>,
    expires_at: Option<UnixMs>,
}

/// No result of fixed shape is longer; reading a page of notifications as one would be work for nothing.
const LONGEST_FIXED_RESULT: usize = 80;

impl<'de> Deserialize<'de> for ReplyResult {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = RawJson::deserialize(deserializer)?;
        // An array is no fixed result either, though serde would read its items as the fields.
        if json.as_str().len() > LONGEST_FIXED_RESULT || !json.as_str().starts_with('{') {
            return Ok(Self::Json(json));
        }
        Ok(match serde_json::from_str(json.as_str()) {
            Ok(FixedResult { offset: Some(offset), server_time: None, expires_at: None }) => Self::Published { offset },
            Ok(FixedResult { offset: None, server_time: Some(server_time), expires_at: None }) => Self::Time { server_time },
            Ok(FixedResult { offset: None, server_time: None, expires_at: Some(expires_at) }) => Self::Refreshed { expires_at },
            _ => Self::Json(json),
        })
    }
}

/// `error` as it stands on the wire: one flat object.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FlatError {
    #[serde(deserialize_with = "lenient::field", default)]
    id: Option<u64>,
    channel: Option<String>,
    code: ErrorCode,
    message: String,
    retryable: bool,
    #[serde(deserialize_with = "lenient::field", default)]
    retry_after_ms: Option<u64>,
}

impl<'de> Deserialize<'de> for ErrorMessage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let flat = FlatError::deserialize(lenient::Object(deserializer))?;
        let body = ErrorBody { code: flat.code, message: flat.message, retryable: flat.retryable, retry_after_ms: flat.retry_after_ms };
        Ok(Self { id: flat.id, channel: flat.channel, body })
    }
}

impl<'de> Deserialize<'de> for PatientChange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let data = RawJson::deserialize(deserializer)?;
        let patient_id = patient_id(&data).map_err(|error| super::read::nested("", &error))?;
        Ok(Self { patient_id, data })
    }
}

/// The `patientId` of a whole object.
pub(crate) fn patient_id(data: &RawJson) -> Result<String, DecodeError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase", expecting = "an object")]
    struct WithPatient {
        patient_id: String,
    }
    #[derive(Clone, Copy)]
    struct Seed;
    impl<'de> DeserializeSeed<'de> for Seed {
        type Value = WithPatient;
        fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<WithPatient, D::Error> {
            WithPatient::deserialize(lenient::Object(deserializer))
        }
    }
    read(data.as_str(), Seed).map(|with| with.patient_id)
}
