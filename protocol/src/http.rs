//! Bodies of the HTTP endpoints that clients of either format use: publishing and the polling transport (section 9).

use crate::error::ErrorBody;
use crate::message::{Position, SubscribeEntry, SubscribedEntry};
use crate::payload::Payload;
use crate::scalar::UnixMs;
use crate::wire::wire_struct;

/// One entry of a poll: the same as one of `connect.subscribe`.
pub type PollEntry = SubscribeEntry;

wire_struct! {
    /// `POST /api/v1/poll`.
    pub struct PollRequest {
        /// What to read, and from where.
        #[cfg_attr(feature = "serialize", serde(default))]
        1 => channels: Vec<PollEntry>,
        /// How long the relay may wait for news, in milliseconds; absent is 0, at most 25,000.
        #[cfg_attr(feature = "serialize", serde(skip_serializing_if = "Option::is_none", default))]
        2 => wait_ms: Option<u64>,
    }
}

wire_struct! {
    /// The answer to a poll.
    pub struct PollResponse {
        /// One entry for each channel asked for, in the same order.
        #[cfg_attr(feature = "serialize", serde(default))]
        1 => channels: Vec<SubscribedEntry>,
        /// The relay's clock.
        2 => server_time: UnixMs,
    }
}

/// One publication for `POST /api/v1/publish`. CBOR keys: 2 channel, 3 event, 4 data, 5 key (as in `publish`, without `id`).
#[derive(Clone, Debug, PartialEq)]
pub struct PublishItem {
    /// The channel.
    pub channel: String,
    /// The event and its data.
    pub payload: Payload,
    /// Idempotency key.
    pub key: Option<String>,
}

/// What became of one publication: where it stands. CBOR keys: 1 epoch, 2 offset.
pub type PublishAccepted = Position;

wire_struct! {
    /// The outcome of one item of an array: exactly one of both.
    pub struct PublishOutcome {
        /// Accepted.
        #[cfg_attr(feature = "serialize", serde(skip_serializing_if = "Option::is_none", default))]
        1 => accepted: Option<PublishAccepted>,
        /// Refused.
        #[cfg_attr(feature = "serialize", serde(skip_serializing_if = "Option::is_none", default))]
        2 => error: Option<ErrorBody>,
    }
}
