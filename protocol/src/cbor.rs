//! The CBOR codec: a frame is a CBOR sequence (RFC 8742) of messages, each a map with numeric keys.
//!
//! Key 0 holds the type of the message; the other keys stand beside the fields in `message.rs`. Order of keys does not
//! matter, unknown keys are skipped, numbers may come as integers or as floats.

use crate::error::{DecodeError, ErrorBody};
use crate::http::{PollRequest, PollResponse, PublishItem, PublishOutcome};
use crate::message::*;
use crate::payload::PayloadSlots;
use crate::scalar::{RawJson, UnixMs};
use crate::wire::{In, Out, Wire, decode_map, next_type};
use minicbor::data::Type;

impl ClientMessage {
    fn code(&self) -> u64 {
        match self {
            Self::Connect(_) => 1,
            Self::Subscribe(_) => 2,
            Self::Unsubscribe(_) => 3,
            Self::Publish(_) => 4,
            Self::Call(_) => 5,
            Self::Refresh(_) => 6,
            Self::Pong(_) => 7,
            Self::Ping(_) => 8,
        }
    }
}

impl ServerMessage {
    fn code(&self) -> u64 {
        match self {
            Self::Welcome(_) => 1,
            Self::Subscribed(_) => 2,
            Self::Unsubscribed(_) => 3,
            Self::Event(_) => 4,
            Self::Viewers(_) => 5,
            Self::Heartbeat(_) => 6,
            Self::Reauth(_) => 7,
            Self::Reply(_) => 8,
            Self::Error(_) => 9,
        }
    }
}

/// Writes one message with its head: the map's size and key 0.
macro_rules! encode_body {
    ($out:expr, $code:expr, $body:expr) => {{
        $out.map($body.entries() + 1);
        $out.uint(0);
        $out.uint($code);
        $body.encode_entries($out);
    }};
}

/// Encodes one message of a client. A frame of many is the concatenation.
pub fn encode_client(message: &ClientMessage) -> Vec<u8> {
    let mut output = Out::new();
    let (out, code) = (&mut output, message.code());
    match message {
        ClientMessage::Connect(body) => encode_body!(out, code, body),
        ClientMessage::Subscribe(body) => encode_body!(out, code, body),
        ClientMessage::Unsubscribe(body) => encode_body!(out, code, body),
        ClientMessage::Publish(body) => {
            out.map(5 + usize::from(body.key.is_some()));
            out.uint(0);
            out.uint(code);
            out.uint(1);
            out.uint(body.id);
            out.uint(2);
            out.text(&body.channel);
            body.payload.encode_pair(out, 3, 4);
            encode_optional(out, 5, &body.key);
        }
        ClientMessage::Call(body) => encode_body!(out, code, body),
        ClientMessage::Refresh(body) => encode_body!(out, code, body),
        ClientMessage::Pong(body) => encode_body!(out, code, body),
        ClientMessage::Ping(body) => encode_body!(out, code, body),
    }
    output.into_bytes()
}

/// Encodes one message of a relay. A frame of many is the concatenation.
pub fn encode_server(message: &ServerMessage) -> Vec<u8> {
    let mut output = Out::new();
    let (out, code) = (&mut output, message.code());
    match message {
        ServerMessage::Welcome(body) => encode_body!(out, code, body),
        ServerMessage::Subscribed(body) => encode_body!(out, code, body),
        ServerMessage::Unsubscribed(body) => encode_body!(out, code, body),
        ServerMessage::Event(body) => {
            out.map(2 + body.publication.entries());
            out.uint(0);
            out.uint(code);
            out.uint(1);
            out.text(&body.channel);
            body.publication.encode_entries(out);
        }
        ServerMessage::Viewers(body) => encode_body!(out, code, body),
        ServerMessage::Heartbeat(body) => encode_body!(out, code, body),
        ServerMessage::Reauth(body) => encode_body!(out, code, body),
        ServerMessage::Reply(body) => {
            out.map(3);
            out.uint(0);
            out.uint(code);
            out.uint(1);
            out.uint(body.id);
            encode_result(out, &body.result);
        }
        ServerMessage::Error(body) => {
            let extra = usize::from(body.id.is_some()) + usize::from(body.channel.is_some());
            out.map(1 + body.body.entries() + extra);
            out.uint(0);
            out.uint(code);
            body.body.encode_entries(out);
            encode_optional(out, 5, &body.id);
            encode_optional(out, 6, &body.channel);
        }
    }
    output.into_bytes()
}

fn encode_optional<T: Wire>(out: &mut Out, key: u64, value: &Option<T>) {
    if let Some(value) = value {
        out.uint(key);
        value.encode(out);
    }
}

fn encode_result(out: &mut Out, result: &ReplyResult) {
    match result {
        ReplyResult::Published { offset } => {
            out.uint(2);
            out.uint(*offset);
        }
        ReplyResult::Time { server_time } => {
            out.uint(3);
            server_time.encode(out);
        }
        ReplyResult::Refreshed { expires_at } => {
            out.uint(4);
            expires_at.encode(out);
        }
        ReplyResult::Json(json) => {
            out.uint(5);
            json.encode(out);
        }
    }
}

/// Decodes a client's frame, message by message. After an error that is not `well_formed` nothing more can be read.
pub fn decode_client(frame: &[u8]) -> Messages<'_, ClientMessage> {
    Messages { input: In::new(frame), len: frame.len(), decode: decode_client_message, broken: false }
}

/// Decodes a relay's frame, message by message. A message of an unknown type is an error that is `well_formed`: skip it.
pub fn decode_server(frame: &[u8]) -> Messages<'_, ServerMessage> {
    Messages { input: In::new(frame), len: frame.len(), decode: decode_server_message, broken: false }
}

/// The messages of one frame.
pub struct Messages<'b, M> {
    input: In<'b>,
    len: usize,
    decode: fn(&mut In<'b>) -> Result<M, DecodeError>,
    broken: bool,
}

impl<M> Iterator for Messages<'_, M> {
    type Item = Result<M, DecodeError>;
    fn next(&mut self) -> Option<Self::Item> {
        if self.broken || self.input.position() >= self.len {
            return None;
        }
        let start = self.input.clone();
        // First the frame's own structure: where this item ends, or that it has no end.
        let mut end = start.clone();
        if end.skip().is_err() {
            self.broken = true;
            return Some(Err(DecodeError::new(start.position(), "frame", "not a CBOR sequence")));
        }
        self.input = end;
        let mut body = start.clone();
        Some((self.decode)(&mut body).map_err(|mut error| {
            error.well_formed = true;
            error.id = command_id(start);
            error
        }))
    }
}

/// The `id` (key 1) of a message that could not be read, so that the error can be answered to it.
fn command_id(mut input: In<'_>) -> Option<u64> {
    let mut id = None;
    let _ = decode_map(&mut input, "message", |key, input| {
        if key != 1 {
            return Ok(false);
        }
        if let Type::U8 | Type::U16 | Type::U32 | Type::U64 = next_type(input, "id")? {
            id = u64::decode(input).ok();
            return Ok(true);
        }
        Ok(false)
    });
    id
}

fn message_type(input: &In<'_>) -> Result<u64, DecodeError> {
    let mut code = None;
    let at = input.position();
    decode_map(&mut input.clone(), "message", |key, input| {
        if key != 0 || code.is_some() {
            return Ok(false);
        }
        code = Some(u64::decode(input).map_err(|e| e.within("type"))?);
        Ok(true)
    })?;
    code.ok_or_else(|| DecodeError::new(at, "type", "required field (key 0) is missing"))
}

fn unknown_type(at: usize) -> DecodeError {
    DecodeError::new(at, "type", "unknown message type")
}

fn decode_client_message(input: &mut In<'_>) -> Result<ClientMessage, DecodeError> {
    let at = input.position();
    Ok(match message_type(input)? {
        1 => ClientMessage::Connect(Wire::decode(input)?),
        2 => ClientMessage::Subscribe(Wire::decode(input)?),
        3 => ClientMessage::Unsubscribe(Wire::decode(input)?),
        4 => ClientMessage::Publish(decode_publish(input)?),
        5 => ClientMessage::Call(Wire::decode(input)?),
        6 => ClientMessage::Refresh(Wire::decode(input)?),
        7 => ClientMessage::Pong(Wire::decode(input)?),
        8 => ClientMessage::Ping(Wire::decode(input)?),
        _ => return Err(unknown_type(at)),
    })
}

fn decode_server_message(input: &mut In<'_>) -> Result<ServerMessage, DecodeError> {
    let at = input.position();
    Ok(match message_type(input)? {
        1 => ServerMessage::Welcome(Wire::decode(input)?),
        2 => ServerMessage::Subscribed(Wire::decode(input)?),
        3 => ServerMessage::Unsubscribed(Wire::decode(input)?),
        4 => ServerMessage::Event(decode_event(input)?),
        5 => ServerMessage::Viewers(Wire::decode(input)?),
        6 => ServerMessage::Heartbeat(Wire::decode(input)?),
        7 => ServerMessage::Reauth(Wire::decode(input)?),
        8 => ServerMessage::Reply(decode_reply(input)?),
        9 => ServerMessage::Error(decode_error(input)?),
        _ => return Err(unknown_type(at)),
    })
}

fn required<T>(value: Option<T>, at: usize, field: &'static str) -> Result<T, DecodeError> {
    value.ok_or_else(|| DecodeError::new(at, field, "required field is missing"))
}

fn decode_publish(input: &mut In<'_>) -> Result<Publish, DecodeError> {
    let at = input.position();
    let (mut id, mut channel, mut key) = (None, None, None);
    let mut slots = PayloadSlots::default();
    decode_map(input, "publish", |number, input| {
        match number {
            1 => id = Some(u64::decode(input).map_err(|e| e.within("id"))?),
            2 => channel = Some(String::decode(input).map_err(|e| e.within("channel"))?),
            3 => slots.event(input)?,
            4 => slots.data(input)?,
            5 => key = Option::decode(input).map_err(|e: DecodeError| e.within("key"))?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(Publish { id: required(id, at, "id")?, channel: required(channel, at, "channel")?, payload: slots.finish(at)?, key })
}

fn decode_event(input: &mut In<'_>) -> Result<Event, DecodeError> {
    let at = input.position();
    let mut channel = None;
    let publication = decode_publication(input, Some(&mut channel))?;
    Ok(Event { channel: required(channel, at, "channel")?, publication })
}

fn decode_reply(input: &mut In<'_>) -> Result<Reply, DecodeError> {
    let at = input.position();
    let (mut id, mut result) = (None, None);
    decode_map(input, "reply", |key, input| {
        match key {
            1 => id = Some(u64::decode(input)?),
            2 => result = Some(ReplyResult::Published { offset: u64::decode(input)? }),
            3 => result = Some(ReplyResult::Time { server_time: UnixMs::decode(input)? }),
            4 => result = Some(ReplyResult::Refreshed { expires_at: UnixMs::decode(input)? }),
            5 => result = Some(ReplyResult::Json(RawJson::decode(input)?)),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(Reply { id: required(id, at, "id")?, result: required(result, at, "result")? })
}

fn decode_error(input: &mut In<'_>) -> Result<ErrorMessage, DecodeError> {
    let (mut id, mut channel) = (None, None);
    decode_map(&mut input.clone(), "error", |key, input| {
        match key {
            5 => id = Option::decode(input)?,
            6 => channel = Option::decode(input)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(ErrorMessage { id, channel, body: ErrorBody::decode(input)? })
}

impl Publication {
    pub(crate) fn entries(&self) -> usize {
        3 + usize::from(self.offset.is_some()) + usize::from(self.first_offset.is_some()) + usize::from(self.from.is_some())
    }
    pub(crate) fn encode_entries(&self, out: &mut Out) {
        self.payload.encode_pair(out, 2, 4);
        out.uint(3);
        self.ts.encode(out);
        encode_optional(out, 5, &self.offset);
        encode_optional(out, 6, &self.first_offset);
        encode_optional(out, 7, &self.from);
    }
}

fn decode_publication<'b>(input: &mut In<'b>, channel: Option<&mut Option<String>>) -> Result<Publication, DecodeError> {
    let at = input.position();
    let (mut offset, mut first_offset, mut ts, mut from) = (None, None, None, None);
    let mut slots = PayloadSlots::default();
    let mut channel = channel;
    decode_map(input, "event", |key, input| {
        match key {
            1 => match &mut channel {
                Some(channel) => **channel = Some(String::decode(input).map_err(|e| e.within("channel"))?),
                None => return Ok(false),
            },
            2 => slots.event(input)?,
            3 => ts = Some(UnixMs::decode(input).map_err(|e| e.within("ts"))?),
            4 => slots.data(input)?,
            5 => offset = Option::decode(input).map_err(|e: DecodeError| e.within("offset"))?,
            6 => first_offset = Option::decode(input).map_err(|e: DecodeError| e.within("firstOffset"))?,
            7 => from = Option::decode(input)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(Publication { offset, first_offset, payload: slots.finish(at)?, ts: required(ts, at, "ts")?, from })
}

impl Wire for Publication {
    fn encode(&self, out: &mut Out) {
        out.map(self.entries());
        self.encode_entries(out);
    }
    fn decode(input: &mut In<'_>) -> Result<Self, DecodeError> {
        decode_publication(input, None)
    }
}

impl Wire for SubscribedEntry {
    fn encode(&self, out: &mut Out) {
        match self {
            Self::Refused(refused) => refused.encode(out),
            Self::Subscribed(subscribed) => subscribed.encode(out),
        }
    }
    fn decode(input: &mut In<'_>) -> Result<Self, DecodeError> {
        let mut refused = false;
        decode_map(&mut input.clone(), "subscribed", |key, _| {
            refused |= key == 9;
            Ok(false)
        })?;
        if refused { Refused::decode(input).map(Self::Refused) } else { Subscribed::decode(input).map(Self::Subscribed) }
    }
}

impl Wire for PublishItem {
    fn encode(&self, out: &mut Out) {
        out.map(3 + usize::from(self.key.is_some()));
        out.uint(2);
        out.text(&self.channel);
        self.payload.encode_pair(out, 3, 4);
        encode_optional(out, 5, &self.key);
    }
    fn decode(input: &mut In<'_>) -> Result<Self, DecodeError> {
        let at = input.position();
        let (mut channel, mut item_key) = (None, None);
        let mut slots = PayloadSlots::default();
        decode_map(input, "publish", |key, input| {
            match key {
                2 => channel = Some(String::decode(input).map_err(|e| e.within("channel"))?),
                3 => slots.event(input)?,
                4 => slots.data(input)?,
                5 => item_key = Option::decode(input).map_err(|e: DecodeError| e.within("key"))?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(Self { channel: required(channel, at, "channel")?, payload: slots.finish(at)?, key: item_key })
    }
}

fn encode_whole<T: Wire>(value: &T) -> Vec<u8> {
    let mut out = Out::new();
    value.encode(&mut out);
    out.into_bytes()
}

fn decode_whole<T: Wire>(body: &[u8]) -> Result<T, DecodeError> {
    let mut input = In::new(body);
    let value = T::decode(&mut input)?;
    if input.position() < body.len() {
        return Err(DecodeError::new(input.position(), "body", "bytes follow the end of the body"));
    }
    Ok(value)
}

/// Encodes the body of `POST /api/v1/poll`.
pub fn encode_poll_request(body: &PollRequest) -> Vec<u8> {
    encode_whole(body)
}
/// Decodes the body of `POST /api/v1/poll`.
pub fn decode_poll_request(body: &[u8]) -> Result<PollRequest, DecodeError> {
    decode_whole(body)
}
/// Encodes the answer to a poll.
pub fn encode_poll_response(body: &PollResponse) -> Vec<u8> {
    encode_whole(body)
}
/// Decodes the answer to a poll.
pub fn decode_poll_response(body: &[u8]) -> Result<PollResponse, DecodeError> {
    decode_whole(body)
}
/// Encodes the body of `POST /api/v1/publish`: an array of items.
pub fn encode_publish_items(items: &Vec<PublishItem>) -> Vec<u8> {
    encode_whole(items)
}
/// Decodes the body of `POST /api/v1/publish`: one item or an array of them.
pub fn decode_publish_items(body: &[u8]) -> Result<Vec<PublishItem>, DecodeError> {
    match next_type(&In::new(body), "body")? {
        Type::Map | Type::MapIndef => decode_whole(body).map(|item| vec![item]),
        _ => decode_whole(body),
    }
}
/// Encodes the answer to `POST /api/v1/publish`: one outcome per item.
pub fn encode_publish_outcomes(outcomes: &Vec<PublishOutcome>) -> Vec<u8> {
    encode_whole(outcomes)
}
/// Decodes the answer to `POST /api/v1/publish`.
pub fn decode_publish_outcomes(body: &[u8]) -> Result<Vec<PublishOutcome>, DecodeError> {
    decode_whole(body)
}
