//! Reading messages whose fields are not read one by one in `wire.rs`: those that hold an event, a result, an error.

use crate::error::{DecodeError, ErrorBody};
use crate::message::*;
use crate::payload::{PayloadSlots, UnknownEvents};
use crate::scalar::{RawJson, UnixMs};
use crate::wire::{In, Out, Shape, Wire, decode_map, fill};

fn message_type(input: &In<'_>) -> Result<u64, DecodeError> {
    let mut code = None;
    let at = input.position();
    decode_map(&mut input.clone(), &mut |key, input| {
        if key != 0 || code.is_some() {
            return Ok(false);
        }
        code = Some(u64::decode(input).map_err(|e| e.within("type"))?);
        Ok(true)
    })?;
    code.ok_or_else(|| DecodeError::fixed(at, "required field (key 0) is missing").within("type"))
}

fn unknown_type(at: usize) -> DecodeError {
    DecodeError::fixed(at, "unknown message type").within("type")
}

pub(super) fn client_message(input: &mut In<'_>) -> Result<ClientMessage, DecodeError> {
    let at = input.position();
    let message = match message_type(input)? {
        1 => ClientMessage::Connect(Wire::decode(input)?),
        2 => ClientMessage::Subscribe(Wire::decode(input)?),
        3 => ClientMessage::Unsubscribe(Wire::decode(input)?),
        4 => ClientMessage::Publish(decode_publish(input)?),
        5 => ClientMessage::Call(Wire::decode(input)?),
        6 => ClientMessage::Refresh(Wire::decode(input)?),
        7 => ClientMessage::Pong(Wire::decode(input)?),
        8 => ClientMessage::Ping(Wire::decode(input)?),
        _ => return Err(unknown_type(at)),
    };
    super::check_id(&message, at)?;
    Ok(message)
}

pub(super) fn server_message(input: &mut In<'_>) -> Result<ServerMessage, DecodeError> {
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

pub(super) fn required<T>(value: Option<T>, at: usize, field: &'static str) -> Result<T, DecodeError> {
    value.ok_or_else(|| DecodeError::missing(at, field))
}

fn decode_publish(input: &mut In<'_>) -> Result<Publish, DecodeError> {
    let at = input.position();
    let (mut id, mut channel, mut key) = (None, None, None);
    let mut slots = PayloadSlots::default();
    decode_map(input, &mut |number, input| {
        match number {
            1 => return fill(&mut id, input, "id"),
            2 => return fill(&mut channel, input, "channel"),
            3 => slots.event(input)?,
            4 => slots.data(input)?,
            5 => return fill(&mut key, input, "key"),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(Publish {
        id: required(id, at, "id")?,
        channel: required(channel, at, "channel")?,
        payload: slots.finish(at, UnknownEvents::Refused)?,
        key: key.flatten(),
    })
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
    decode_map(input, &mut |key, input| {
        match key {
            1 => return fill(&mut id, input, "id"),
            2 => result = Some(ReplyResult::Published { offset: u64::decode(input).map_err(|e| e.within("result.offset"))? }),
            3 => result = Some(ReplyResult::Time { server_time: UnixMs::decode(input).map_err(|e| e.within("result.serverTime"))? }),
            4 => result = Some(ReplyResult::Refreshed { expires_at: UnixMs::decode(input).map_err(|e| e.within("result.expiresAt"))? }),
            5 => result = Some(ReplyResult::Json(RawJson::decode(input).map_err(|e| e.within("result"))?)),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(Reply { id: required(id, at, "id")?, result: required(result, at, "result")? })
}

fn decode_error(input: &mut In<'_>) -> Result<ErrorMessage, DecodeError> {
    let (mut id, mut channel) = (None, None);
    decode_map(&mut input.clone(), &mut |key, input| match key {
        5 => fill(&mut id, input, "id"),
        6 => fill(&mut channel, input, "channel"),
        _ => Ok(false),
    })?;
    Ok(ErrorMessage { id: id.flatten(), channel: channel.flatten(), body: ErrorBody::decode(input)? })
}

fn decode_publication<'b>(input: &mut In<'b>, channel: Option<&mut Option<String>>) -> Result<Publication, DecodeError> {
    let at = input.position();
    let (mut offset, mut first_offset, mut ts, mut from) = (None, None, None, None);
    let mut slots = PayloadSlots::default();
    let mut channel = channel;
    decode_map(input, &mut |key, input| {
        match key {
            1 => match &mut channel {
                Some(channel) => return fill(channel, input, "channel"),
                None => return Ok(false),
            },
            2 => slots.event(input)?,
            3 => return fill(&mut ts, input, "ts"),
            4 => slots.data(input)?,
            5 => return fill(&mut offset, input, "offset"),
            6 => return fill(&mut first_offset, input, "firstOffset"),
            7 => return fill(&mut from, input, "from"),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let payload = slots.finish(at, UnknownEvents::Kept)?;
    Ok(Publication {
        offset: offset.flatten(),
        first_offset: first_offset.flatten(),
        payload,
        ts: required(ts, at, "ts")?,
        from: from.flatten(),
    })
}

impl Wire for Publication {
    // Never walked: only the data of events is.
    const SHAPE: Shape = Shape::Struct(&[]);
    fn encode(&self, out: &mut Out) {
        out.map(self.entries());
        self.encode_entries(out);
    }
    fn decode(input: &mut In<'_>) -> Result<Self, DecodeError> {
        decode_publication(input, None)
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
    fn decode(input: &mut In<'_>) -> Result<Self, DecodeError> {
        let mut refused = false;
        decode_map(&mut input.clone(), &mut |key, _| {
            refused |= key == 9;
            Ok(false)
        })?;
        if refused { Refused::decode(input).map(Self::Refused) } else { Subscribed::decode(input).map(Self::Subscribed) }
    }
}
