//! What the core wants of the driver.

use crate::input::{Conn, RequestId};
use crate::toasts::Toast;
use pulsewire_protocol::{ErrorBody, Publication, RawJson};
use std::borrow::Cow;

/// One action for the driver. Its `Debug` shows the length of what is sent, not the bytes: the first frame holds the token.
#[derive(Clone, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "moved once from hand to hand; a box would cost an allocation per event")]
pub enum Output {
    /// Open a socket (subprotocol `pulsewire.v1.cbor`) under this number. No other is open at that moment.
    Connect {
        /// The number of the new socket.
        conn: Conn,
    },
    /// Send one binary frame.
    Send {
        /// Through which socket.
        conn: Conn,
        /// The frame.
        bytes: Vec<u8>,
    },
    /// Close the socket and forget it: the core does not wait for its `Closed`.
    Close {
        /// Which one.
        conn: Conn,
        /// With this code (one that a page may use: 1000 or 4000 and above).
        code: u16,
    },
    /// Ask the page for a token; answer with [`Input::Token`](crate::Input::Token) and the same number. Never more than one at a time.
    RequestToken {
        /// The number of the request.
        request: u32,
        /// Why.
        reason: TokenReason,
    },
    /// These parts of the state changed since the last time. Comes last, at most once per draining.
    Changed(Slices),
    /// Something to tell the page.
    Emit(ClientEvent),
}

impl core::fmt::Debug for Output {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Connect { conn } => write!(f, "Connect({})", conn.0),
            Self::Send { conn, bytes } => write!(f, "Send({}, {} bytes)", conn.0, bytes.len()),
            Self::Close { conn, code } => write!(f, "Close({}, {code})", conn.0),
            Self::RequestToken { request, reason } => write!(f, "RequestToken({request}, {})", reason.as_str()),
            Self::Changed(slices) => write!(f, "Changed({:#b})", slices.0),
            Self::Emit(event) => write!(f, "Emit({event:?})"),
        }
    }
}

/// Why a token is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenReason {
    /// There is none yet.
    Connect,
    /// The one in use ends soon.
    Expiring,
    /// The last one has ended.
    Expired,
    /// The last one was refused.
    Refused,
}

impl TokenReason {
    /// The word of the page's API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Expiring => "expiring",
            Self::Expired => "expired",
            Self::Refused => "refused",
        }
    }
}

/// A set of parts of the state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slices(pub u32);

impl Slices {
    /// None.
    pub const NONE: Self = Self(0);
    /// [`Client::connection`](crate::Client::connection).
    pub const CONNECTION: Self = Self(1);
    /// [`Client::devices`](crate::Client::devices).
    pub const DEVICES: Self = Self(1 << 1);
    /// [`Client::alerts`](crate::Client::alerts).
    pub const ALERTS: Self = Self(1 << 2);
    /// [`Client::dashboard`](crate::Client::dashboard).
    pub const DASHBOARD: Self = Self(1 << 3);
    /// [`Client::viewers`](crate::Client::viewers).
    pub const VIEWERS: Self = Self(1 << 4);
    /// [`Client::toasts`](crate::Client::toasts).
    pub const TOASTS: Self = Self(1 << 5);
    /// Phase, epoch or error of a channel ([`Client::channel`](crate::Client::channel)); a mere step of its offset does not set this.
    pub const CHANNELS: Self = Self(1 << 6);
    /// Points came: compare the `version()` of the rings in use.
    pub const TELEMETRY: Self = Self(1 << 7);
    /// The list of metrics of a device changed.
    pub const METRICS: Self = Self(1 << 8);

    /// Whether any part of `other` is in here.
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
    /// Whether nothing is in here.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl core::ops::BitOr for Slices {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl core::ops::BitOrAssign for Slices {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// One event of a channel, once and in order.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelEvent {
    /// The channel.
    pub channel: String,
    /// Event, data, offsets, time, author.
    pub publication: Publication,
    /// From recovery, history or retained state rather than live.
    pub replayed: bool,
}

/// News for the page.
#[derive(Clone, Debug, PartialEq)]
pub enum ClientEvent {
    /// An event of a channel.
    Event(ChannelEvent),
    /// The history no longer reaches back (or began anew): reload this channel's data.
    Resync {
        /// The channel.
        channel: String,
    },
    /// Something was wrong on the wire or in the page's use.
    Error {
        /// The machine-readable code.
        code: &'static str,
        /// What, where, how to mend it.
        message: Cow<'static, str>,
        /// The channel it is about.
        channel: Option<String>,
    },
    /// A request of the page has its outcome. Every request gets exactly one.
    Settled {
        /// The page's number.
        request: RequestId,
        /// How it ended.
        result: Result<Settlement, Failure>,
    },
    /// A toast is shown for the first time: the moment for its sound.
    ToastShown(Toast),
    /// A toast was clicked.
    ToastClicked(Toast),
    /// The token was refused twice: send the user to the sign-in. Told once per stop.
    Unauthorized {
        /// `token_missing`, `token_malformed`, `token_expired` or `token_invalid`.
        reason: &'static str,
    },
}

/// How a request ended well.
#[derive(Clone, Debug, PartialEq)]
pub enum Settlement {
    /// Published, under this number (0 where the event has no history).
    Published {
        /// Its offset.
        offset: u64,
    },
    /// The answer of a call, as JSON text.
    Answer(RawJson),
    /// The round trip of a ping.
    Pong {
        /// In milliseconds.
        round_trip_ms: u64,
    },
}

/// How a request failed.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// The relay answered with an error.
    Refused(ErrorBody),
    /// There is no connection: nothing was sent.
    NotConnected,
    /// Too many requests wait for their answers: nothing was sent.
    TooManyRequests,
    /// Larger than the relay takes: nothing was sent.
    TooLarge {
        /// `limits.maxMessageBytes`.
        limit: u32,
    },
    /// Not a channel name: nothing was sent.
    InvalidChannel(pulsewire_protocol::ChannelError),
    /// Sent, but no answer came: it may or may not have happened. Never sent again by itself.
    Unknown,
}

impl Failure {
    /// The machine-readable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(body) => body.code.as_str(),
            Self::NotConnected => "unavailable",
            Self::TooManyRequests => "rate_limited",
            Self::TooLarge { .. } => "too_large",
            Self::InvalidChannel(_) => "invalid_channel",
            Self::Unknown => "unknown",
        }
    }
    /// A sentence for people.
    pub fn message(&self) -> Cow<'_, str> {
        Cow::Borrowed(match self {
            Self::Refused(body) => &body.message,
            Self::NotConnected => "not connected: nothing was sent; try again once connected",
            Self::TooManyRequests => "too many requests are waiting for their answers: nothing was sent; await some of them first",
            Self::TooLarge { .. } => "larger than the relay's limits.maxMessageBytes: nothing was sent; send less at once",
            Self::InvalidChannel(error) => channel_problem(*error),
            Self::Unknown => "sent, but the connection ended or the relay stayed silent before its answer: it may or may not have happened",
        })
    }
    /// Whether the same request may succeed later. `Unknown` is not: only its idempotency key makes a repetition safe.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Refused(body) => body.retryable,
            Self::NotConnected | Self::TooManyRequests => true,
            Self::TooLarge { .. } | Self::InvalidChannel(_) | Self::Unknown => false,
        }
    }
    /// How long to wait before the next try.
    pub fn retry_after_ms(&self) -> Option<u64> {
        match self {
            Self::Refused(body) => body.retry_after_ms,
            _ => None,
        }
    }
}

/// What is wrong with a channel name, without the formatting machinery.
pub(crate) const fn channel_problem(error: pulsewire_protocol::ChannelError) -> &'static str {
    use pulsewire_protocol::ChannelError;
    match error {
        ChannelError::Kind => "no channel name: the kind must match [a-z][a-z0-9_-]{0,31}",
        ChannelError::Id => "no channel name: the id must match [A-Za-z0-9._~@-]{1,128}",
        ChannelError::UnexpectedId => "no channel name: this kind takes no id",
        ChannelError::MissingId => "no channel name: this kind needs an id, as in kind:id",
    }
}
