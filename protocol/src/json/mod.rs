//! The JSON codec: a frame is newline-separated objects (NDJSON), each with a `type`.
//!
//! Opaque data passes through as text. A built-in event of the wrong shape is an error that names the field
//! (`data.series.ecg.t[3]`), so that whoever wrote the message can mend it. Numbers may come as integers or as floats.

use crate::error::DecodeError;
use crate::http::PublishItem;
use crate::message::{ClientMessage, ServerMessage};
use crate::payload::Payload;
use crate::scalar::RawJson;
use crate::serialize::Data;
use crate::wire::MAX_SAFE_INTEGER;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::marker::PhantomData;

pub(crate) mod lenient;
mod message;
mod publication;
mod read;

pub(crate) use message::patient_id;

/// A value that can be read from JSON text with an error that says where.
pub trait FromJson: Sized {
    /// Reads it.
    fn from_json(text: &str) -> Result<Self, DecodeError>;
}

impl<T: for<'de> Deserialize<'de>> FromJson for T {
    fn from_json(text: &str) -> Result<Self, DecodeError> {
        read::read(text, PhantomData)
    }
}

/// Reads an array item by item, or one item alone: each with its own verdict, whose path begins with its index.
///
/// # Errors
/// Where the text is no JSON, or neither an array nor an object.
pub fn items_from_json<T: FromJson>(text: &str) -> Result<Vec<Result<T, DecodeError>>, DecodeError> {
    if text.trim_start().starts_with('{') {
        return T::from_json(text)
            .map(|item| vec![Ok(item)])
            .or_else(|error| if error.well_formed { Ok(vec![Err(error)]) } else { Err(error) });
    }
    let items: Vec<&RawValue> = read::read(text, PhantomData)?;
    Ok(items.iter().enumerate().map(|(index, item)| T::from_json(item.get()).map_err(|error| error.at_index(index))).collect())
}

/// A value that can be written as JSON text.
pub trait ToJson {
    /// Writes it.
    ///
    /// # Errors
    /// Where it holds what JSON cannot: a number that is not finite, or opaque text that is no JSON (neither comes from the wire).
    fn to_json(&self) -> Result<RawJson, serde_json::Error>;
}

impl<T: Serialize> ToJson for T {
    fn to_json(&self) -> Result<RawJson, serde_json::Error> {
        RawJson::from_value(self)
    }
}

impl PublishItem {
    /// Reads one item of `POST /api/v1/publish`.
    pub fn from_json(text: &str) -> Result<Self, DecodeError> {
        <Self as FromJson>::from_json(text)
    }
}

impl Payload {
    /// Reads the data of the named event from JSON; a built-in event of the wrong shape is an error that names the field.
    pub fn from_json(event: &str, data: &str) -> Result<Self, DecodeError> {
        read::read(data, publication::DataSeed(event))
    }
    /// The data as JSON.
    ///
    /// # Errors
    /// As [`ToJson::to_json`].
    pub fn data_json(&self) -> Result<RawJson, serde_json::Error> {
        RawJson::from_value(&Data(self))
    }
}

/// Encodes one message of a client, without the newline that separates it from the next.
///
/// # Errors
/// As [`ToJson::to_json`].
pub fn encode_client(message: &ClientMessage) -> Result<String, serde_json::Error> {
    serde_json::to_string(message)
}

/// Encodes one message of a relay, without the newline that separates it from the next.
///
/// # Errors
/// As [`ToJson::to_json`].
pub fn encode_server(message: &ServerMessage) -> Result<String, serde_json::Error> {
    serde_json::to_string(message)
}

/// The lines of an NDJSON frame; empty ones do not count.
fn lines(frame: &str) -> impl Iterator<Item = &str> {
    frame.split('\n').map(|line| line.trim_matches(['\r', ' ', '\t'])).filter(|line| !line.is_empty())
}

/// Decodes a client's frame, message by message.
pub fn decode_client(frame: &str) -> impl Iterator<Item = Result<ClientMessage, DecodeError>> {
    lines(frame).map(|line| message::read_message::<ClientMessage>(line).and_then(check_id).map_err(|error| with_id(error, line)))
}

/// Decodes a relay's frame, message by message. A message of an unknown type is an error that is `well_formed`: skip it.
pub fn decode_server(frame: &str) -> impl Iterator<Item = Result<ServerMessage, DecodeError>> {
    lines(frame).map(|line| message::read_message(line).map_err(|error| with_id(error, line)))
}

/// An `id` is a positive integer that every client language can hold.
pub(crate) fn check_id(message: ClientMessage) -> Result<ClientMessage, DecodeError> {
    crate::cbor::check_id(&message, 0)?;
    Ok(message)
}

/// The `id` of a command that could not be read, so that the error can be answered to it.
fn with_id(error: DecodeError, line: &str) -> DecodeError {
    #[derive(Deserialize)]
    struct IdOnly {
        #[serde(deserialize_with = "lenient::field")]
        id: u64,
    }
    // serde would read an array as the fields in their order.
    if !line.starts_with('{') {
        return error;
    }
    error.with_id(serde_json::from_str::<IdOnly>(line).ok().map(|only| only.id).filter(|id| (1..=MAX_SAFE_INTEGER).contains(id)))
}
