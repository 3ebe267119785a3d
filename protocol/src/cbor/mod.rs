//! The CBOR codec: a frame is a CBOR sequence (RFC 8742) of messages, each a map with numeric keys.
//!
//! Key 0 holds the type of the message; the other keys stand beside the fields in `message.rs`. Order of keys does not
//! matter, unknown keys are skipped, numbers may come as integers or as floats.

use crate::error::DecodeError;
use crate::message::{ClientMessage, ServerMessage};
pub use crate::wire::{Field, MAX_CBOR_DEPTH, MAX_SAFE_INTEGER, Shape, Sink, walk};
use crate::wire::{In, skip};

mod bodies;
mod decode;
mod encode;

pub use bodies::*;
pub use encode::{encode_client, encode_server};

/// Decodes a client's frame, message by message. After an error that is not `well_formed` nothing more can be read.
pub fn decode_client(frame: &[u8]) -> Messages<'_, ClientMessage> {
    Messages { input: In::new(frame), len: frame.len(), decode: decode::client_message, broken: false }
}

/// Decodes a relay's frame, message by message. A message of an unknown type is an error that is `well_formed`: skip it.
pub fn decode_server(frame: &[u8]) -> Messages<'_, ServerMessage> {
    Messages { input: In::new(frame), len: frame.len(), decode: decode::server_message, broken: false }
}

/// The messages of one frame.
pub struct Messages<'b, M> {
    input: In<'b>,
    len: usize,
    decode: fn(&mut In<'b>) -> M,
    broken: bool,
}

impl<M> Iterator for Messages<'_, M> {
    type Item = Result<M, DecodeError>;
    fn next(&mut self) -> Option<Self::Item> {
        if self.broken || self.input.position() >= self.len {
            return None;
        }
        let mut body = self.input.fork().over_checked();
        // First the frame's own structure: where this item ends, or that it has no end.
        skip(&mut self.input);
        if let Err(error) = self.input.finish(()) {
            self.broken = true;
            return Some(Err(error.or_whole("frame")));
        }
        let start = body.fork();
        let message = (self.decode)(&mut body);
        Some(body.finish(message).map_err(|error| error.or_whole("message").senseless().with_id(command_id(start))))
    }
}

/// The `id` (key 1) of a message that could not be read, so that the error can be answered to it.
fn command_id(mut input: In<'_>) -> Option<u64> {
    let keys = input.keys();
    let id = if input.enter(&keys, 1) { input.uint() } else { 0 };
    let readable = !input.failed() && (1..=MAX_SAFE_INTEGER).contains(&id);
    readable.then_some(id)
}

/// An `id` is a positive integer that every client language can hold.
pub(crate) fn check_id(message: &ClientMessage, at: usize) -> Result<(), DecodeError> {
    match message.id() {
        Some(id) if !(1..=MAX_SAFE_INTEGER).contains(&id) => {
            let problem = "expected a positive integer, unique on this connection, of at most 2^53";
            Err(DecodeError::fixed(at, problem).within("id").senseless())
        }
        _ => Ok(()),
    }
}
