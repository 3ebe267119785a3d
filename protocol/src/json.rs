//! The JSON codec: a frame is newline-separated objects (NDJSON), each with a `type`.
//!
//! Opaque data passes through as text. A built-in event of the wrong shape is an error that names the field
//! (`series.ecg.t[3]`), so that whoever wrote the message can mend it.

use crate::error::{DecodeError, ErrorBody};
use crate::http::PublishItem;
use crate::message::*;
use crate::payload::Payload;
use crate::scalar::{RawJson, UnixMs};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A value that can be read from JSON text with an error that says where.
pub trait FromJson: Sized {
    /// Reads it.
    fn from_json(text: &str) -> Result<Self, DecodeError>;
}

impl<T: for<'de> Deserialize<'de>> FromJson for T {
    fn from_json(text: &str) -> Result<Self, DecodeError> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
            let path = error.path().to_string();
            let inner = error.into_inner();
            let at = inner.column();
            let field = if path == "." { "message".to_owned() } else { path };
            DecodeError { well_formed: inner.is_data(), ..DecodeError::new(at, field, inner.to_string()) }
        })?;
        deserializer.end().map_err(|error| DecodeError::new(error.column(), "message", error.to_string()))?;
        Ok(value)
    }
}

/// A value that can be written as JSON text.
pub trait ToJson {
    /// Writes it. Fails only for numbers that JSON cannot hold inside a map key, which no type of this crate has.
    fn to_json(&self) -> Result<RawJson, serde_json::Error>;
}

impl<T: Serialize> ToJson for T {
    fn to_json(&self) -> Result<RawJson, serde_json::Error> {
        RawJson::from_value(self)
    }
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(rename = "type", borrow)]
    message_type: Cow<'a, str>,
}

#[derive(Deserialize)]
struct IdOnly {
    id: Option<u64>,
}

#[derive(Deserialize)]
struct PublishJson<'a> {
    #[serde(default)]
    id: Option<u64>,
    channel: String,
    event: String,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    key: Option<String>,
}

impl PublishJson<'_> {
    fn payload(&self) -> Result<Payload, DecodeError> {
        Payload::from_json(&self.event, self.data.map_or("null", RawValue::get)).map_err(|error| inside("data", error))
    }
}

/// Names the path of an error inside the field that holds it.
fn inside(field: &str, mut error: DecodeError) -> DecodeError {
    error.field = if error.field == "message" { Cow::Owned(field.to_owned()) } else { Cow::Owned(format!("{field}.{}", error.field)) };
    error.well_formed = true;
    error
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PublicationJson {
    channel: Option<String>,
    offset: Option<u64>,
    first_offset: Option<u64>,
    event: String,
    ts: UnixMs,
    data: Box<RawValue>,
    from: Option<Author>,
}

impl PublicationJson {
    fn into_publication(self) -> Result<(Option<String>, Publication), DecodeError> {
        let payload = Payload::from_json(&self.event, self.data.get()).map_err(|error| inside("data", error))?;
        Ok((self.channel, Publication { offset: self.offset, first_offset: self.first_offset, payload, ts: self.ts, from: self.from }))
    }
}

impl<'de> Deserialize<'de> for Publication {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        PublicationJson::deserialize(deserializer)?.into_publication().map(|(_, publication)| publication).map_err(serde::de::Error::custom)
    }
}

fn serialize_publication<M: serde::ser::SerializeMap>(map: &mut M, publication: &Publication) -> Result<(), M::Error> {
    if let Some(offset) = publication.offset {
        map.serialize_entry("offset", &offset)?;
    }
    if let Some(first) = publication.first_offset {
        map.serialize_entry("firstOffset", &first)?;
    }
    map.serialize_entry("event", publication.payload.event())?;
    map.serialize_entry("ts", &publication.ts)?;
    map.serialize_entry("data", &publication.payload.data_json().map_err(serde::ser::Error::custom)?)?;
    if let Some(from) = &publication.from {
        map.serialize_entry("from", from)?;
    }
    Ok(())
}

impl Serialize for Publication {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        serialize_publication(&mut map, self)?;
        map.end()
    }
}

impl Serialize for Event {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("channel", &self.channel)?;
        serialize_publication(&mut map, &self.publication)?;
        map.end()
    }
}

impl Serialize for Publish {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &self.id)?;
        serialize_item(&mut map, &self.channel, &self.payload, self.key.as_deref())?;
        map.end()
    }
}

impl Serialize for PublishItem {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        serialize_item(&mut map, &self.channel, &self.payload, self.key.as_deref())?;
        map.end()
    }
}

fn serialize_item<M: serde::ser::SerializeMap>(map: &mut M, channel: &str, payload: &Payload, key: Option<&str>) -> Result<(), M::Error> {
    map.serialize_entry("channel", channel)?;
    map.serialize_entry("event", payload.event())?;
    map.serialize_entry("data", &payload.data_json().map_err(serde::ser::Error::custom)?)?;
    if let Some(key) = key {
        map.serialize_entry("key", key)?;
    }
    Ok(())
}

impl PublishItem {
    /// Reads one item of `POST /api/v1/publish`.
    pub fn from_json(text: &str) -> Result<Self, DecodeError> {
        let item: PublishJson<'_> = borrowed(text)?;
        Ok(Self { payload: item.payload()?, channel: item.channel, key: item.key })
    }
}

impl Serialize for ReplyResult {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = match self {
            Self::Json(json) => return json.serialize(serializer),
            _ => serializer.serialize_map(Some(1))?,
        };
        match self {
            Self::Published { offset } => map.serialize_entry("offset", offset)?,
            Self::Time { server_time } => map.serialize_entry("serverTime", server_time)?,
            Self::Refreshed { expires_at } => map.serialize_entry("expiresAt", expires_at)?,
            Self::Json(_) => {}
        }
        map.end()
    }
}

/// The three results of fixed shape; anything else is the result of a `call`.
#[derive(Deserialize)]
#[serde(untagged)]
enum FixedResult {
    Published(PublishedJson),
    Time(TimeJson),
    Refreshed(RefreshedJson),
}
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PublishedJson {
    offset: u64,
}
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct TimeJson {
    server_time: UnixMs,
}
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RefreshedJson {
    expires_at: UnixMs,
}

#[derive(Deserialize)]
struct ReplyJson {
    id: u64,
    result: RawJson,
}

impl ReplyJson {
    fn into_reply(self) -> Reply {
        let result = match serde_json::from_str(self.result.as_str()) {
            Ok(FixedResult::Published(PublishedJson { offset })) => ReplyResult::Published { offset },
            Ok(FixedResult::Time(TimeJson { server_time })) => ReplyResult::Time { server_time },
            Ok(FixedResult::Refreshed(RefreshedJson { expires_at })) => ReplyResult::Refreshed { expires_at },
            Err(_) => ReplyResult::Json(self.result),
        };
        Reply { id: self.id, result }
    }
}

#[derive(Serialize)]
struct ReplyOut<'a> {
    id: u64,
    result: &'a ReplyResult,
}

#[derive(Serialize)]
struct ErrorOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a str>,
    #[serde(flatten)]
    body: &'a ErrorBody,
}

#[derive(Deserialize)]
struct ErrorIn {
    id: Option<u64>,
    channel: Option<String>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ClientOut<'a> {
    Connect(&'a Connect),
    Subscribe(&'a Subscribe),
    Unsubscribe(&'a Unsubscribe),
    Publish(&'a Publish),
    Call(&'a Call),
    Refresh(&'a Refresh),
    Pong(&'a Pong),
    Ping(&'a Ping),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ServerOut<'a> {
    Welcome(&'a Welcome),
    Subscribed(&'a Subscribed),
    Unsubscribed(&'a Unsubscribed),
    Event(&'a Event),
    Viewers(&'a Viewers),
    Heartbeat(&'a Heartbeat),
    Reauth(&'a Reauth),
    Reply(ReplyOut<'a>),
    Error(ErrorOut<'a>),
}

/// Encodes one message of a client, without the newline that separates it from the next.
pub fn encode_client(message: &ClientMessage) -> Result<String, serde_json::Error> {
    serde_json::to_string(&match message {
        ClientMessage::Connect(body) => ClientOut::Connect(body),
        ClientMessage::Subscribe(body) => ClientOut::Subscribe(body),
        ClientMessage::Unsubscribe(body) => ClientOut::Unsubscribe(body),
        ClientMessage::Publish(body) => ClientOut::Publish(body),
        ClientMessage::Call(body) => ClientOut::Call(body),
        ClientMessage::Refresh(body) => ClientOut::Refresh(body),
        ClientMessage::Pong(body) => ClientOut::Pong(body),
        ClientMessage::Ping(body) => ClientOut::Ping(body),
    })
}

/// Encodes one message of a relay, without the newline that separates it from the next.
pub fn encode_server(message: &ServerMessage) -> Result<String, serde_json::Error> {
    serde_json::to_string(&match message {
        ServerMessage::Welcome(body) => ServerOut::Welcome(body),
        ServerMessage::Subscribed(body) => ServerOut::Subscribed(body),
        ServerMessage::Unsubscribed(body) => ServerOut::Unsubscribed(body),
        ServerMessage::Event(body) => ServerOut::Event(body),
        ServerMessage::Viewers(body) => ServerOut::Viewers(body),
        ServerMessage::Heartbeat(body) => ServerOut::Heartbeat(body),
        ServerMessage::Reauth(body) => ServerOut::Reauth(body),
        ServerMessage::Reply(body) => ServerOut::Reply(ReplyOut { id: body.id, result: &body.result }),
        ServerMessage::Error(body) => ServerOut::Error(ErrorOut { id: body.id, channel: body.channel.as_deref(), body: &body.body }),
    })
}

/// The lines of an NDJSON frame; empty ones do not count.
fn lines(frame: &str) -> impl Iterator<Item = &str> {
    frame.split('\n').map(|line| line.trim_matches(['\r', ' ', '\t'])).filter(|line| !line.is_empty())
}

/// Decodes a client's frame, message by message.
pub fn decode_client(frame: &str) -> impl Iterator<Item = Result<ClientMessage, DecodeError>> {
    lines(frame).map(|line| decode_client_message(line).map_err(|error| with_id(error, line)))
}

/// Decodes a relay's frame, message by message.
pub fn decode_server(frame: &str) -> impl Iterator<Item = Result<ServerMessage, DecodeError>> {
    lines(frame).map(|line| decode_server_message(line).map_err(|error| with_id(error, line)))
}

fn with_id(mut error: DecodeError, line: &str) -> DecodeError {
    error.id = serde_json::from_str::<IdOnly>(line).ok().and_then(|only| only.id);
    error
}

fn borrowed<'a, T: Deserialize<'a>>(line: &'a str) -> Result<T, DecodeError> {
    let mut deserializer = serde_json::Deserializer::from_str(line);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        let field = if path == "." { "message".to_owned() } else { path };
        DecodeError { well_formed: inner.is_data(), ..DecodeError::new(inner.column(), field, inner.to_string()) }
    })?;
    deserializer.end().map_err(|error| DecodeError::new(error.column(), "message", error.to_string()))?;
    Ok(value)
}

fn unknown_type(name: &str) -> DecodeError {
    let shown: String = name.chars().take(40).collect();
    DecodeError { well_formed: true, ..DecodeError::new(0, "type", format!("unknown message type {shown:?}")) }
}

fn decode_client_message(line: &str) -> Result<ClientMessage, DecodeError> {
    let head: Head<'_> = borrowed(line)?;
    Ok(match head.message_type.as_ref() {
        "connect" => ClientMessage::Connect(borrowed(line)?),
        "subscribe" => ClientMessage::Subscribe(borrowed(line)?),
        "unsubscribe" => ClientMessage::Unsubscribe(borrowed(line)?),
        "publish" => {
            let body: PublishJson<'_> = borrowed(line)?;
            let missing = || DecodeError { well_formed: true, ..DecodeError::new(0, "id", "required field is missing") };
            ClientMessage::Publish(Publish {
                id: body.id.ok_or_else(missing)?,
                payload: body.payload()?,
                channel: body.channel,
                key: body.key,
            })
        }
        "call" => ClientMessage::Call(borrowed(line)?),
        "refresh" => ClientMessage::Refresh(borrowed(line)?),
        "pong" => ClientMessage::Pong(borrowed(line)?),
        "ping" => ClientMessage::Ping(borrowed(line)?),
        other => return Err(unknown_type(other)),
    })
}

fn decode_server_message(line: &str) -> Result<ServerMessage, DecodeError> {
    let head: Head<'_> = borrowed(line)?;
    Ok(match head.message_type.as_ref() {
        "welcome" => ServerMessage::Welcome(borrowed(line)?),
        "subscribed" => ServerMessage::Subscribed(borrowed(line)?),
        "unsubscribed" => ServerMessage::Unsubscribed(borrowed(line)?),
        "event" => {
            let (channel, publication) = borrowed::<PublicationJson>(line)?.into_publication()?;
            let channel =
                channel.ok_or_else(|| DecodeError { well_formed: true, ..DecodeError::new(0, "channel", "required field is missing") })?;
            ServerMessage::Event(Event { channel, publication })
        }
        "viewers" => ServerMessage::Viewers(borrowed(line)?),
        "heartbeat" => ServerMessage::Heartbeat(borrowed(line)?),
        "reauth" => ServerMessage::Reauth(borrowed(line)?),
        "reply" => ServerMessage::Reply(borrowed::<ReplyJson>(line)?.into_reply()),
        "error" => {
            let ErrorIn { id, channel } = borrowed(line)?;
            ServerMessage::Error(ErrorMessage { id, channel, body: borrowed(line)? })
        }
        other => return Err(unknown_type(other)),
    })
}
