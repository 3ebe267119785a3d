//! Bodies of the HTTP endpoints that speak CBOR, and what a client keeps.

use super::encode::encode_optional;
use crate::error::DecodeError;
use crate::http::{PollRequest, PollResponse, PublishItem, PublishOutcome};
use crate::payload::{Payload, UnknownEvents};
use crate::saved::Saved;
use crate::wire::{In, Major, Out, Shape, Wire, decode_array, skip};

impl Wire for PublishItem {
    // Never walked: only the data of events is.
    const SHAPE: Shape = Shape::Struct(&[]);
    fn encode(&self, out: &mut Out) {
        out.map(3 + usize::from(self.key.is_some()));
        out.uint(2);
        out.text(&self.channel);
        self.payload.encode_event(out, 3);
        self.payload.encode_data_at(out, 4);
        encode_optional(out, 5, &self.key);
    }
    fn read(input: &mut In<'_>) -> Self {
        let keys = input.keys();
        let item = Self {
            channel: input.field(&keys, 2, "channel"),
            payload: Payload::read_at(input, &keys, 3, 4, UnknownEvents::Refused),
            key: input.field(&keys, 5, "key"),
        };
        input.leave(&keys);
        item
    }
}

fn encode_whole<T: Wire>(value: &T) -> Vec<u8> {
    let mut out = Out::new();
    value.encode(&mut out);
    out.into_bytes()
}

/// Checks that the body is one well-formed item and nothing more.
fn check_whole(body: &[u8]) -> Result<In<'_>, DecodeError> {
    let mut end = In::new(body);
    skip(&mut end);
    end.finish(()).map_err(|error| error.or_whole("body"))?;
    if end.position() < body.len() {
        return Err(DecodeError::fixed(end.position(), "bytes follow the end of the body").or_whole("body"));
    }
    Ok(In::new(body).over_checked())
}

fn senseless(error: DecodeError) -> DecodeError {
    error.or_whole("body").senseless()
}

fn decode_whole<T: Wire>(body: &[u8]) -> Result<T, DecodeError> {
    let mut input = check_whole(body)?;
    T::decode(&mut input).map_err(senseless)
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
fn encode_list<T: Wire>(items: &[T]) -> Vec<u8> {
    let mut out = Out::new();
    out.array(items.len());
    for item in items {
        item.encode(&mut out);
    }
    out.into_bytes()
}

/// Encodes a message that waits.
pub fn encode_saved(message: &Saved) -> Vec<u8> {
    encode_whole(message)
}
/// Decodes a message that waits.
pub fn decode_saved(bytes: &[u8]) -> Result<Saved, DecodeError> {
    decode_whole(bytes)
}
/// Encodes the body of `POST /api/v1/publish`: an array of items.
pub fn encode_publish_items(items: &[PublishItem]) -> Vec<u8> {
    encode_list(items)
}
/// Decodes the body of `POST /api/v1/publish`, one item or an array of them, each with its own verdict.
///
/// # Errors
/// Where the body is no CBOR, or neither a map nor an array.
pub fn decode_publish_items_each(body: &[u8]) -> Result<Vec<Result<PublishItem, DecodeError>>, DecodeError> {
    let mut input = check_whole(body)?;
    if input.peek_major() == Major::Map {
        return Ok(vec![PublishItem::decode(&mut input).map_err(senseless)]);
    }
    let mut items = Vec::new();
    decode_array(&mut input, &mut |input| {
        let mut item = input.fork();
        items.push(PublishItem::decode(&mut item).map_err(|error| senseless(error.at_index(items.len()))));
        skip(input);
    });
    input.finish(()).map_err(senseless)?;
    Ok(items)
}
/// Decodes the body of `POST /api/v1/publish`, one item or an array of them; one bad item refuses the whole.
pub fn decode_publish_items(body: &[u8]) -> Result<Vec<PublishItem>, DecodeError> {
    decode_publish_items_each(body)?.into_iter().collect()
}
/// Encodes the answer to `POST /api/v1/publish`: one outcome per item.
pub fn encode_publish_outcomes(outcomes: &[PublishOutcome]) -> Vec<u8> {
    encode_list(outcomes)
}
/// Decodes the answer to `POST /api/v1/publish`.
pub fn decode_publish_outcomes(body: &[u8]) -> Result<Vec<PublishOutcome>, DecodeError> {
    decode_whole(body)
}
