//! The Pulsewire wire protocol: messages, channel names, positions, close codes and both codecs.
//!
//! Why it is a crate of its own: the relay, the browser client, the load generator and the simulation must agree to the
//! byte. `PROTOCOL.md` beside this crate is the text of the same contract; `vectors/` holds golden frames that the tests
//! of Rust and of TypeScript both read.
//!
//! Limits: no I/O, no clock, no randomness. Without the `json` feature there is no JSON *parser* in here at all: opaque
//! data is kept as JSON text ([`RawJson`]) and read by whoever owns a parser (in a browser: the page's `JSON.parse`).
//!
//! Traps: bytes from the wire are never trusted. Every decoder returns an error for any input it cannot read; nothing
//! here panics, and nothing allocates more than a small multiple of the input.

pub mod cbor;
pub mod channel;
pub mod close;
pub mod error;
pub mod event;
pub mod http;
#[cfg(feature = "json")]
pub mod json;
pub mod message;
pub mod payload;
pub mod saved;
pub mod scalar;
#[cfg(feature = "json")]
pub mod schema;
#[cfg(feature = "serialize")]
pub mod serialize;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "json")]
pub mod validate;
mod wire;

pub use channel::{ChannelError, ChannelName, Pattern};
pub use close::{CloseAction, CloseCode};
pub use error::{DecodeError, ErrorBody, ErrorCode, TokenProblem};
pub use event::*;
pub use http::{PollEntry, PollRequest, PollResponse, PublishAccepted, PublishItem, PublishOutcome};
pub use message::*;
pub use payload::{EventKind, Known, Payload};
pub use saved::Saved;
pub use scalar::{Column, RawJson, SeriesMap, UnixMs};
#[cfg(feature = "json")]
pub use validate::FieldError;

/// Which encoding a frame is written in: chosen by the WebSocket subprotocol or by `Content-Type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// `pulsewire.v1.json`: text frames of newline-separated objects.
    Json,
    /// `pulsewire.v1.cbor`: binary frames, each a CBOR sequence (RFC 8742).
    Cbor,
}

/// The WebSocket subprotocol of the JSON codec.
pub const SUBPROTOCOL_JSON: &str = "pulsewire.v1.json";
/// The WebSocket subprotocol of the CBOR codec.
pub const SUBPROTOCOL_CBOR: &str = "pulsewire.v1.cbor";
/// The largest message a relay takes by default, in bytes; `welcome.limits.maxMessageBytes` says the one in force.
pub const DEFAULT_MAX_MESSAGE_BYTES: u32 = 64 * 1024;
/// At most this many names are told with a viewer count.
pub const MAX_VIEWER_NAMES: usize = 20;
