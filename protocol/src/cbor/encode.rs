//! Writing messages: the map's size, key 0 with the type's number, then the fields.

use crate::message::*;
use crate::wire::{Out, Wire};

impl ClientMessage {
    /// The type's number.
    pub(crate) fn code(&self) -> u64 {
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
    /// The type's number.
    pub(crate) fn code(&self) -> u64 {
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
            body.payload.encode_event(out, 3);
            body.payload.encode_data_at(out, 4);
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

pub(crate) fn encode_optional<T: Wire>(out: &mut Out, key: u64, value: &Option<T>) {
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

impl Publication {
    pub(crate) fn entries(&self) -> usize {
        3 + usize::from(self.offset.is_some()) + usize::from(self.first_offset.is_some()) + usize::from(self.from.is_some())
    }
    pub(crate) fn encode_entries(&self, out: &mut Out) {
        self.payload.encode_event(out, 2);
        out.uint(3);
        self.ts.encode(out);
        self.payload.encode_data_at(out, 4);
        encode_optional(out, 5, &self.offset);
        encode_optional(out, 6, &self.first_offset);
        encode_optional(out, 7, &self.from);
    }
}
