//! What the core wants of the driver.

use crate::input::{Conn, RequestId};
use crate::toasts::Toast;
use pulsewire_protocol::{ErrorBody, Publication, RawJson};

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
    /// Make an HTTP request while there is no socket: `POST` to this path of the relay with `Authorization: Bearer`,
    /// `Content-Type` and `Accept: application/cbor`, never cached, without cookies. Answer with
    /// [`Input::Fetched`](crate::Input::Fetched). At most two are under way (a poll and a post); the core keeps their deadlines.
    Fetch {
        /// The number of the request.
        fetch: u32,
        /// The path with its query, from the root of the relay: `/api/v1/…`.
        path: &'static str,
        /// The token. Never part of `Debug`.
        token: String,
        /// The body.
        body: Vec<u8>,
    },
    /// Give a request up and forget it: no [`Input::Fetched`](crate::Input::Fetched) for it any more.
    AbortFetch {
        /// Which one.
        fetch: u32,
    },
    /// Only with [`OutboxConfig::persist`](crate::OutboxConfig): open the store of waiting messages under this name and the relay's
    /// address, erase the stores of every other name at this address (another user's: ward computers are shared), and answer with
    /// [`Input::Restored`](crate::Input::Restored). `Save`, `Forget` and `EraseSaved` are about the store opened last.
    OpenSaved {
        /// Tenant and user.
        scope: String,
    },
    /// Keep these bytes under this id, in place of what was kept under it before.
    Save {
        /// The message's id.
        id: String,
        /// What it needs to be restored. Never part of `Debug`.
        bytes: Vec<u8>,
    },
    /// Erase what is kept under this id.
    Forget {
        /// The message's id.
        id: String,
    },
    /// Erase the store.
    EraseSaved,
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
            Self::Fetch { fetch, path, body, .. } => write!(f, "Fetch({fetch}, {path}, {} bytes)", body.len()),
            Self::AbortFetch { fetch } => write!(f, "AbortFetch({fetch})"),
            Self::OpenSaved { .. } => f.write_str("OpenSaved"),
            Self::Save { id, bytes } => write!(f, "Save({id}, {} bytes)", bytes.len()),
            Self::Forget { id } => write!(f, "Forget({id})"),
            Self::EraseSaved => f.write_str("EraseSaved"),
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
    /// [`Client::outbox`](crate::Client::outbox).
    pub const OUTBOX: Self = Self(1 << 9);

    /// [`Kept::Notifications`](crate::Kept::Notifications).
    pub const NOTIFICATIONS: Self = Self(1 << 16);
    /// [`Kept::Presence`](crate::Kept::Presence).
    pub const PRESENCE: Self = Self(1 << 17);
    /// [`Kept::Typing`](crate::Kept::Typing).
    pub const TYPING: Self = Self(1 << 18);
    /// [`Kept::Executions`](crate::Kept::Executions).
    pub const EXECUTIONS: Self = Self(1 << 19);
    /// [`Kept::Conversations`](crate::Kept::Conversations).
    pub const CONVERSATIONS: Self = Self(1 << 20);
    /// [`Kept::Patients`](crate::Kept::Patients).
    pub const PATIENTS: Self = Self(1 << 21);
    /// [`Kept::Messages`](crate::Kept::Messages).
    pub const MESSAGES: Self = Self(1 << 22);
    /// [`Client::quality`](crate::Client::quality): never announced, it changes all the time.
    pub const QUALITY: Self = Self(1 << 23);
    /// The seven lists of [`Kept`](crate::Kept).
    pub const KEPT: Self = Self(0x7f << 16);

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
        message: String,
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
    /// A message that was published with `queue` went a step on its way.
    Delivery {
        /// The message's id, the same across reconnects and reloads; what `Save` and `Forget` name.
        id: String,
        /// The page's number for it; absent for one of a former life of the page.
        request: Option<RequestId>,
        /// The channel.
        channel: String,
        /// Where it is now.
        state: Delivery,
    },
    /// Who is online, as the relay's JSON (`{users: [{userId, name}]}`): answer with
    /// [`Command::Present`](crate::Command::Present)s.
    PresenceGiven(RawJson),
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

/// Where a message is on its way to the relay. A message goes from `Queued` over `Sent` to one of the last two, and back from
/// `Sent` to `Queued` where the relay asked for patience.
#[derive(Clone, Debug, PartialEq)]
pub enum Delivery {
    /// It waits for a connection, for the restoration of its channel, or for its turn.
    Queued,
    /// It was sent and waits for the relay's answer.
    Sent,
    /// The relay has it, under this number (0 where the event has no history). It has left the outbox.
    Confirmed {
        /// Its offset.
        offset: u64,
    },
    /// It is given up. It has left the outbox.
    Failed(Failure),
}

impl Delivery {
    /// The word of the page's API.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Confirmed { .. } => "confirmed",
            Self::Failed(_) => "failed",
        }
    }
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
    /// The relay answered with an error. In a box: a failure is moved from hand to hand far oftener than it is this one.
    Refused(Box<ErrorBody>),
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
    /// It waited in the outbox for longer than `outbox.ttl_ms`: it was never sent.
    Expired,
    /// The outbox holds as much as it may: nothing was queued.
    OutboxFull,
    /// The user signed out, or another one signed in, while it waited: it was not sent.
    SignedOut,
    /// Calls and pings need the WebSocket, and there is only polling now: nothing was sent.
    NotWhilePolling,
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
            Self::Expired => "expired",
            Self::OutboxFull => "outbox_full",
            Self::SignedOut => "signed_out",
            Self::NotWhilePolling => "unavailable",
        }
    }
    /// A sentence for people.
    pub fn message(&self) -> &str {
        match self {
            Self::Refused(body) => &body.message,
            Self::NotConnected => "not connected: nothing was sent; try again once connected",
            Self::TooManyRequests => "too many requests are waiting for their answers: nothing was sent; await some of them first",
            Self::TooLarge { .. } => "larger than the relay's limits.maxMessageBytes: nothing was sent; send less at once",
            Self::InvalidChannel(error) => channel_problem(*error),
            Self::Unknown => "sent, but the connection ended or the relay stayed silent before its answer: it may or may not have happened",
            Self::Expired => "waited too long for a connection: it was never sent; publish it again if it still matters",
            Self::OutboxFull => "too many messages wait to be sent: this one was not queued; wait until the relay is reached again",
            Self::SignedOut => "the user changed before it could be sent: it was thrown away",
            Self::NotWhilePolling => {
                "the relay is only reached by polling now, which has no calls: nothing was sent; try again once connected"
            }
        }
    }
    /// Whether the same request may succeed later. `Unknown` is not: only its idempotency key makes a repetition safe.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Refused(body) => body.retryable,
            Self::NotConnected | Self::TooManyRequests | Self::OutboxFull | Self::NotWhilePolling => true,
            Self::TooLarge { .. } | Self::InvalidChannel(_) | Self::Unknown | Self::Expired | Self::SignedOut => false,
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
