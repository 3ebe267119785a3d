//! The messages of both directions (sections 4 and 5 of PROTOCOL.md). Their CBOR keys stand beside the fields.

use crate::error::{ErrorBody, ErrorCode};
use crate::payload::Payload;
use crate::scalar::{RawJson, UnixMs};
use crate::wire::wire_struct;

wire_struct! {
    /// Where a client stands in a channel: the last publication it saw. An empty epoch means: no history here.
    #[derive(Eq, Default)]
    pub struct Position {
        /// Changes whenever the history was lost.
        1 => epoch: String,
        /// The number of the publication, from 1.
        2 => offset: u64,
    }
}

wire_struct! {
    /// Who connects.
    #[derive(Eq, Default)]
    pub struct ClientInfo {
        /// The client software (`pulsewire-js`).
        1 => name: String,
        /// Its version.
        2 => version: String,
        /// A random id that stays the same across the reconnects of one page.
        3 => session: String,
    }
}

wire_struct! {
    /// One wanted channel.
    #[derive(Eq)]
    pub struct SubscribeEntry {
        /// The channel.
        1 => channel: String,
        /// The last position seen, to get what was missed.
        #[cfg_attr(feature = "serialize", serde(skip_serializing_if = "Option::is_none", default))]
        2 => recover: Option<Position>,
        /// How many of the newest publications to send on a first subscribe.
        #[cfg_attr(feature = "serialize", serde(skip_serializing_if = "Option::is_none", default))]
        3 => history: Option<u32>,
        /// The rate the page can use; rounded down to 1, 2, 5, 10, 20, 30 or 60.
        #[cfg_attr(feature = "serialize", serde(skip_serializing_if = "Option::is_none", default))]
        4 => max_hz: Option<u32>,
    }
}

impl SubscribeEntry {
    /// A plain subscription.
    pub fn new(channel: impl Into<String>) -> Self {
        Self { channel: channel.into(), recover: None, history: None, max_hz: None }
    }
}

wire_struct! {
    /// `connect`: the first message.
    pub struct Connect {
        /// Unique per connection.
        1 => id: u64,
        /// The token, unless the upgrade carried it.
        #[cfg_attr(feature = "serialize", serde(skip_serializing_if = "Option::is_none", default))]
        2 => token: Option<String>,
        /// Who connects.
        3 => client: ClientInfo,
        /// Every subscription to restore.
        #[cfg_attr(feature = "serialize", serde(skip_serializing_if = "Vec::is_empty", default))]
        4 => subscribe: Vec<SubscribeEntry>,
    }
}

wire_struct! {
    /// `subscribe`.
    pub struct Subscribe {
        /// Unique per connection.
        1 => id: u64,
        /// The channel.
        2 => channel: String,
        /// The last position seen.
        #[cfg_attr(feature = "serialize", serde(skip_serializing_if = "Option::is_none", default))]
        3 => recover: Option<Position>,
        /// How many of the newest publications.
        #[cfg_attr(feature = "serialize", serde(skip_serializing_if = "Option::is_none", default))]
        4 => history: Option<u32>,
        /// The rate the page can use.
        #[cfg_attr(feature = "serialize", serde(skip_serializing_if = "Option::is_none", default))]
        5 => max_hz: Option<u32>,
    }
}

wire_struct! {
    /// `unsubscribe`.
    pub struct Unsubscribe {
        /// Unique per connection.
        1 => id: u64,
        /// The channel.
        2 => channel: String,
    }
}

/// `publish`. CBOR keys: 1 id, 2 channel, 3 event, 4 data, 5 key.
#[derive(Clone, Debug, PartialEq)]
pub struct Publish {
    /// Unique per connection.
    pub id: u64,
    /// The channel.
    pub channel: String,
    /// The event and its data.
    pub payload: Payload,
    /// Idempotency key.
    pub key: Option<String>,
}

wire_struct! {
    /// `call`: a request of section 12.
    pub struct Call {
        /// Unique per connection.
        1 => id: u64,
        /// The method, such as `presence.get`.
        2 => method: String,
        /// Its parameters, as JSON.
        #[cfg_attr(feature = "serialize", serde(skip_serializing_if = "Option::is_none", default))]
        3 => params: Option<RawJson>,
    }
}

wire_struct! {
    /// `refresh`: a new token for the same user and tenant.
    pub struct Refresh {
        /// Unique per connection.
        1 => id: u64,
        /// The new token.
        2 => token: String,
    }
}

wire_struct! {
    /// `pong`: the answer to `heartbeat`, with its `ts`.
    pub struct Pong {
        /// The heartbeat's `ts`.
        1 => ts: UnixMs,
    }
}

wire_struct! {
    /// `ping`.
    pub struct Ping {
        /// Unique per connection.
        1 => id: u64,
    }
}

/// Everything a client sends. The numbers are the types in CBOR.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serialize", derive(serde::Serialize), serde(tag = "type", rename_all = "snake_case"))]
pub enum ClientMessage {
    /// 1
    Connect(Connect),
    /// 2
    Subscribe(Subscribe),
    /// 3
    Unsubscribe(Unsubscribe),
    /// 4
    Publish(Publish),
    /// 5
    Call(Call),
    /// 6
    Refresh(Refresh),
    /// 7
    Pong(Pong),
    /// 8
    Ping(Ping),
}

impl ClientMessage {
    /// The command's id; a `pong` has none.
    pub fn id(&self) -> Option<u64> {
        match self {
            Self::Connect(body) => Some(body.id),
            Self::Subscribe(body) => Some(body.id),
            Self::Unsubscribe(body) => Some(body.id),
            Self::Publish(body) => Some(body.id),
            Self::Call(body) => Some(body.id),
            Self::Refresh(body) => Some(body.id),
            Self::Ping(body) => Some(body.id),
            Self::Pong(_) => None,
        }
    }
}

wire_struct! {
    /// What this connection may do.
    #[derive(Eq)]
    pub struct Limits {
        /// Bytes of one message.
        1 => max_message_bytes: u32,
        /// Subscriptions of one connection.
        2 => max_subscriptions: u32,
        /// Messages a second.
        3 => messages_per_second: u32,
        /// Bytes of one recovery; a larger one is `recovered: false`.
        4 => recovery_bytes: u32,
    }
}

wire_struct! {
    /// Viewers of a channel.
    #[derive(Eq, Default)]
    pub struct ViewerCount {
        /// Distinct users.
        1 => count: u32,
        /// At most 20 of their names.
        #[cfg_attr(feature = "serialize", serde(default))]
        2 => names: Vec<String>,
    }
}

wire_struct! {
    /// Who published.
    #[derive(Eq)]
    pub struct Author {
        /// The user.
        1 => user: String,
        /// The name to show.
        2 => name: String,
    }
}

/// One publication. CBOR keys: 2 event, 3 ts, 4 data, 5 offset, 6 firstOffset, 7 from (1 is the `event` message's channel).
#[derive(Clone, Debug, PartialEq)]
pub struct Publication {
    /// Its number in the channel; absent where the channel or the event has no history.
    pub offset: Option<u64>,
    /// Where publications were merged: the first that this one covers.
    pub first_offset: Option<u64>,
    /// The event and its data.
    pub payload: Payload,
    /// When the relay accepted it.
    pub ts: UnixMs,
    /// Who published, where a user did.
    pub from: Option<Author>,
}

/// `event`: a publication on its way to a subscriber.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The channel.
    pub channel: String,
    /// The publication.
    pub publication: Publication,
}

wire_struct! {
    /// `subscribed`.
    pub struct Subscribed {
        /// The command's id; absent where the relay subscribed by itself.
        #[cfg_attr(feature = "serialize", serde(skip_serializing_if = "Option::is_none", default))]
        1 => id: Option<u64>,
        /// The channel.
        2 => channel: String,
        /// The epoch; empty where the channel has no history.
        3 => epoch: String,
        /// The newest offset, which the subscriber now stands at.
        4 => offset: u64,
        /// Whether everything after `recover` is in `publications`.
        5 => recovered: bool,
        /// What was missed, or the newest `history`, in order.
        #[cfg_attr(feature = "serialize", serde(default))]
        6 => publications: Vec<Publication>,
        /// The newest publication of each retained event.
        #[cfg_attr(feature = "serialize", serde(default))]
        7 => state: Vec<Publication>,
        /// Viewers, where they are counted.
        #[cfg_attr(feature = "serialize", serde(skip_serializing_if = "Option::is_none", default))]
        8 => viewers: Option<ViewerCount>,
    }
}

wire_struct! {
    /// A refused entry of `connect` or of a poll.
    pub struct Refused {
        /// The channel as it was asked for.
        1 => channel: String,
        /// Why.
        9 => error: ErrorBody,
    }
}

/// One entry of `welcome.subscribed` and of a poll's answer. In CBOR a refused entry is the one with key 9.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serialize", derive(serde::Serialize), serde(untagged))]
pub enum SubscribedEntry {
    /// Refused: `{channel, error}`.
    Refused(Refused),
    /// Subscribed.
    Subscribed(Subscribed),
}

wire_struct! {
    /// `welcome`: the answer to `connect`.
    pub struct Welcome {
        /// The id of `connect`.
        1 => id: u64,
        /// The connection's id.
        2 => connection: String,
        /// The relay's id.
        3 => node: String,
        /// The user (`sub`).
        4 => user: String,
        /// The tenant.
        5 => tenant: String,
        /// The relay's clock.
        6 => server_time: UnixMs,
        /// How often a heartbeat comes.
        7 => heartbeat_ms: u64,
        /// After how much silence the client reconnects.
        8 => timeout_ms: u64,
        /// When the token ends.
        9 => expires_at: UnixMs,
        /// What this connection may do.
        10 => limits: Limits,
        /// Every subscription, the relay's own included.
        #[cfg_attr(feature = "serialize", serde(default))]
        11 => subscribed: Vec<SubscribedEntry>,
    }
}

wire_struct! {
    /// `unsubscribed`.
    pub struct Unsubscribed {
        /// The command's id.
        #[cfg_attr(feature = "serialize", serde(skip_serializing_if = "Option::is_none", default))]
        1 => id: Option<u64>,
        /// The channel.
        2 => channel: String,
        /// Why, where the relay did it.
        #[cfg_attr(feature = "serialize", serde(skip_serializing_if = "Option::is_none", default))]
        3 => code: Option<ErrorCode>,
    }
}

wire_struct! {
    /// `viewers`.
    #[derive(Eq)]
    pub struct Viewers {
        /// The channel.
        1 => channel: String,
        /// Distinct users.
        2 => count: u32,
        /// At most 20 of their names.
        #[cfg_attr(feature = "serialize", serde(default))]
        3 => names: Vec<String>,
    }
}

wire_struct! {
    /// `heartbeat`.
    pub struct Heartbeat {
        /// The relay's clock.
        1 => ts: UnixMs,
    }
}

wire_struct! {
    /// `reauth`: the token ends soon; send `refresh`.
    pub struct Reauth {
        /// When it ends.
        1 => expires_at: UnixMs,
    }
}

/// The result of a command. CBOR keys in `reply`: 1 id, then one of 2 offset, 3 serverTime, 4 expiresAt, 5 JSON text.
#[derive(Clone, Debug, PartialEq)]
pub enum ReplyResult {
    /// Of `publish`: `{offset}`.
    Published {
        /// The publication's number; 0 where the event has no history.
        offset: u64,
    },
    /// Of `ping`: `{serverTime}`.
    Time {
        /// The relay's clock.
        server_time: UnixMs,
    },
    /// Of `refresh`: `{expiresAt}`.
    Refreshed {
        /// When the new token ends.
        expires_at: UnixMs,
    },
    /// Of `call`: any JSON.
    Json(RawJson),
}

/// `reply`.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serialize", derive(serde::Serialize))]
#[cfg_attr(feature = "json", derive(serde::Deserialize))]
pub struct Reply {
    /// The command's id.
    #[cfg_attr(feature = "json", serde(deserialize_with = "crate::json::lenient::field"))]
    pub id: u64,
    /// Its result.
    pub result: ReplyResult,
}

/// `error`. CBOR keys: 1 code, 2 message, 3 retryable, 4 retryAfterMs, 5 id, 6 channel.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorMessage {
    /// The command's id.
    pub id: Option<u64>,
    /// The channel it is about.
    pub channel: Option<String>,
    /// What is wrong.
    pub body: ErrorBody,
}

/// Everything a relay sends. The numbers are the types in CBOR.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serialize", derive(serde::Serialize), serde(tag = "type", rename_all = "snake_case"))]
pub enum ServerMessage {
    /// 1
    Welcome(Welcome),
    /// 2
    Subscribed(Subscribed),
    /// 3
    Unsubscribed(Unsubscribed),
    /// 4
    Event(Event),
    /// 5
    Viewers(Viewers),
    /// 6
    Heartbeat(Heartbeat),
    /// 7
    Reauth(Reauth),
    /// 8
    Reply(Reply),
    /// 9
    Error(ErrorMessage),
}
