//! Reading messages whose fields are not read one by one in `wire`: those that hold an event, a result, an error.

use crate::error::{DecodeError, ErrorBody};
use crate::message::*;
use crate::payload::{Payload, UnknownEvents};
use crate::wire::{In, Keys, Out, Shape, Wire};

/// Finds the type and goes back to the beginning.
fn message_type(input: &mut In<'_>) -> u64 {
    let keys = input.keys();
    let number = input.field(&keys, 0, "type");
    input.enter_again(&keys);
    number
}

#[cold]
fn fail_unknown_type(input: &mut In<'_>) {
    input.fail_with(DecodeError::fixed(input.position(), "unknown message type").within("type"));
}

pub(super) fn client_message(input: &mut In<'_>) -> ClientMessage {
    let at = input.position();
    let message = match message_type(input) {
        1 => ClientMessage::Connect(Wire::read(input)),
        2 => ClientMessage::Subscribe(Wire::read(input)),
        3 => ClientMessage::Unsubscribe(Wire::read(input)),
        4 => ClientMessage::Publish(read_publish(input)),
        5 => ClientMessage::Call(Wire::read(input)),
        6 => ClientMessage::Refresh(Wire::read(input)),
        7 => ClientMessage::Pong(Wire::read(input)),
        8 => ClientMessage::Ping(Wire::read(input)),
        _ => {
            fail_unknown_type(input);
            ClientMessage::Ping(Ping { id: 1 })
        }
    };
    if let Err(error) = super::check_id(&message, at) {
        input.fail_with(error);
    }
    message
}

pub(super) fn server_message(input: &mut In<'_>) -> ServerMessage {
    match message_type(input) {
        1 => ServerMessage::Welcome(Wire::read(input)),
        2 => ServerMessage::Subscribed(Wire::read(input)),
        3 => ServerMessage::Unsubscribed(Wire::read(input)),
        4 => ServerMessage::Event(read_event(input)),
        5 => ServerMessage::Viewers(Wire::read(input)),
        7 => ServerMessage::Reauth(Wire::read(input)),
        8 => ServerMessage::Reply(read_reply(input)),
        9 => ServerMessage::Error(read_error(input)),
        number => {
            if number != 6 {
                fail_unknown_type(input);
            }
            ServerMessage::Heartbeat(Wire::read(input))
        }
    }
}

fn read_publish(input: &mut In<'_>) -> Publish {
    let keys = input.keys();
    Publish {
        id: input.field(&keys, 1, "id"),
        channel: input.field(&keys, 2, "channel"),
        payload: Payload::read_at(input, &keys, 3, 4, UnknownEvents::Refused),
        key: input.field(&keys, 5, "key"),
    }
}

fn read_event(input: &mut In<'_>) -> Event {
    let keys = input.keys();
    Event { channel: input.field(&keys, 1, "channel"), publication: read_publication(input, &keys) }
}

fn read_reply(input: &mut In<'_>) -> Reply {
    let keys = input.keys();
    let id = input.field(&keys, 1, "id");
    let result = if keys.has(2) {
        ReplyResult::Published { offset: input.field(&keys, 2, "result.offset") }
    } else if keys.has(3) {
        ReplyResult::Time { server_time: input.field(&keys, 3, "result.serverTime") }
    } else if keys.has(4) {
        ReplyResult::Refreshed { expires_at: input.field(&keys, 4, "result.expiresAt") }
    } else {
        ReplyResult::Json(input.field(&keys, 5, "result"))
    };
    Reply { id, result }
}

fn read_error(input: &mut In<'_>) -> ErrorMessage {
    let keys = input.keys();
    let (id, channel) = (input.field(&keys, 5, "id"), input.field(&keys, 6, "channel"));
    input.enter_again(&keys);
    ErrorMessage { id, channel, body: ErrorBody::read(input) }
}

fn read_publication(input: &mut In<'_>, keys: &Keys) -> Publication {
    Publication {
        offset: input.field(keys, 5, "offset"),
        first_offset: input.field(keys, 6, "firstOffset"),
        payload: Payload::read_at(input, keys, 2, 4, UnknownEvents::Kept),
        ts: input.field(keys, 3, "ts"),
        from: input.field(keys, 7, "from"),
    }
}

impl Wire for Publication {
    // Never walked: only the data of events is.
    const SHAPE: Shape = Shape::Struct(&[]);
    fn encode(&self, out: &mut Out) {
        out.map(self.entries());
        self.encode_entries(out);
    }
    fn read(input: &mut In<'_>) -> Self {
        let keys = input.keys();
        let publication = read_publication(input, &keys);
        input.leave(&keys);
        publication
    }
}

impl Wire for SubscribedEntry {
    // Never walked: only the data of events is.
    const SHAPE: Shape = Shape::Struct(&[]);
    fn encode(&self, out: &mut Out) {
        match self {
            Self::Refused(refused) => refused.encode(out),
            Self::Subscribed(subscribed) => subscribed.encode(out),
        }
    }
    fn read(input: &mut In<'_>) -> Self {
        let keys = input.keys();
        input.enter_again(&keys);
        if keys.has(9) { Self::Refused(Refused::read(input)) } else { Self::Subscribed(Subscribed::read(input)) }
    }
}
