//! What the driver tells the core.

use pulsewire_protocol::{Payload, Position};

/// The number of one socket. The core names it in [`Output::Connect`](crate::Output::Connect); news of another number is ignored,
/// so that a late event of an old socket can do no harm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Conn(pub u32);

/// The number by which the page finds its own request again; the driver chooses it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u32);

/// Everything that can happen to a client. Its `Debug` shows no token.
#[derive(Clone, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "moved once from hand to hand; a box would cost an allocation per event")]
pub enum Input<'a> {
    /// The time of [`poll_timeout`](crate::Client::poll_timeout) came (or any other moment: it never harms).
    Tick,
    /// The socket is open.
    Opened {
        /// Which one.
        conn: Conn,
    },
    /// A binary frame came. Text frames are handed in too, as their bytes: they are counted and reported.
    Frame {
        /// Of which socket.
        conn: Conn,
        /// Its bytes; never trusted.
        bytes: &'a [u8],
    },
    /// The socket is closed, or could not be opened (1006 where there is no better code).
    Closed {
        /// Which one.
        conn: Conn,
        /// The close code.
        code: u16,
        /// The close reason.
        reason: &'a str,
    },
    /// The page answered [`Output::RequestToken`](crate::Output::RequestToken). An empty token means that the page has none.
    Token {
        /// The number of the request.
        request: u32,
        /// The token, or why there is none right now (the core tries again with backoff).
        result: Result<String, String>,
    },
    /// [`Output::Fetch`](crate::Output::Fetch) is over. Not told of one that was aborted.
    Fetched {
        /// Which one.
        fetch: u32,
        /// How it ended.
        answer: HttpAnswer<'a>,
    },
    /// What [`Output::OpenSaved`](crate::Output::OpenSaved) asked for: told once for each, also where nothing is there or nothing can be
    /// read (then with no entries). What is queued meanwhile waits for it, for at most 3 s.
    Restored {
        /// As it was asked for; the answer for another one is ignored.
        scope: String,
        /// The bytes of every [`Output::Save`](crate::Output::Save) that was not forgotten, in any order; never trusted.
        entries: Vec<Vec<u8>>,
    },
    /// The page or the machine changed its mind about being awake.
    Wake(Wake),
    /// The page wants something.
    Command(Command),
}

impl core::fmt::Debug for Input<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Tick => f.write_str("Tick"),
            Self::Opened { conn } => write!(f, "Opened({})", conn.0),
            Self::Frame { conn, bytes } => write!(f, "Frame({}, {} bytes)", conn.0, bytes.len()),
            Self::Closed { conn, code, reason } => write!(f, "Closed({}, {code}, {reason})", conn.0),
            Self::Token { request, result: Ok(_) } => write!(f, "Token({request}, given)"),
            Self::Token { request, result: Err(why) } => write!(f, "Token({request}, none: {why})"),
            Self::Fetched { fetch, answer } => {
                write!(f, "Fetched({fetch}, {} {}, {} bytes)", answer.status, answer.code, answer.body.len())
            }
            Self::Restored { entries, .. } => write!(f, "Restored({} entries)", entries.len()),
            Self::Wake(wake) => write!(f, "Wake({wake:?})"),
            Self::Command(command) => write!(f, "Command({command:?})"),
        }
    }
}

/// How a request over HTTP ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HttpAnswer<'a> {
    /// The status; 0 where there was no answer (no network, refused, cut off, blocked by the page's policy).
    pub status: u16,
    /// `code` of a problem document (`application/problem+json`); empty where there is none.
    pub code: &'a str,
    /// `retryAfterMs` of a problem document, else the `Retry-After` header in milliseconds, where there is one.
    pub retry_after_ms: Option<u64>,
    /// The body where its type is `application/cbor`, else nothing; never trusted.
    pub body: &'a [u8],
}

/// Signals of page and machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// The page became visible, or was shown again from the back/forward cache.
    Visible,
    /// The page was hidden.
    Hidden,
    /// The machine says that it has a network.
    Online,
    /// The machine says that it has none.
    Offline,
    /// The page was thawed, or the machine woke up.
    Resumed,
}

/// What a holder of a channel wants of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SubscribeOptions {
    /// The newest N publications at first, so that a chart fills at once.
    pub history: Option<u32>,
    /// The rate the page can use; absent is all.
    pub max_hz: Option<u32>,
}

/// Which alerts to mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlertIds {
    /// Every one.
    All,
    /// These.
    Some(Vec<String>),
}

/// What the page asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Connect and stay connected. Also the way out of `unauthorized` and `closed`.
    Connect,
    /// End the connection on purpose; nothing but `Connect` revives it. Messages that wait stay until their time to live is over.
    Close,
    /// The user signs out: `Close`, and nothing of the user stays, neither state nor messages that wait, saved ones included. The
    /// messages end as [`Failure::SignedOut`](crate::Failure::SignedOut).
    SignOut,
    /// Hold a channel: reference-counted, one `Release` for each.
    Subscribe {
        /// The channel.
        channel: String,
        /// What this holder wants. Where holders differ, the longest history and the highest rate count.
        options: SubscribeOptions,
    },
    /// Where a held channel stood in a former life of this page, so that what came since is recovered. Ignored where the channel
    /// has a position already.
    Resume {
        /// The channel.
        channel: String,
        /// The last publication seen.
        position: Position,
    },
    /// Let go of a channel. After the last one it stays subscribed for `linger_ms`.
    Release {
        /// The channel.
        channel: String,
    },
    /// Publish. Settled by [`ClientEvent::Settled`](crate::ClientEvent::Settled); with `queue`, its way there is told by
    /// [`ClientEvent::Delivery`](crate::ClientEvent::Delivery).
    Publish {
        /// The page's number for it.
        request: RequestId,
        /// The channel.
        channel: String,
        /// The event and its data: `Payload::Custom` with JSON text for what is not built in.
        payload: Payload,
        /// Idempotency key. With `queue` one is made where none is given.
        key: Option<String>,
        /// Through the outbox: it waits for a connection and for its turn in the channel, and is sent again where that is safe.
        /// Otherwise it fails at once where there is no way to the relay, and is never sent again. Typing is never queued.
        queue: bool,
    },
    /// A request of protocol section 12.
    Call {
        /// The page's number for it.
        request: RequestId,
        /// The method.
        method: String,
        /// Its parameters, as JSON text.
        params: Option<String>,
    },
    /// Measure the round trip.
    Ping {
        /// The page's number for it.
        request: RequestId,
    },
    /// Hold the ring of one metric: it is there at once (empty), and stays while held. Hold the channel `device:{id}` too.
    HoldTelemetry {
        /// The device.
        device: String,
        /// The metric.
        metric: String,
        /// Points to keep, 1 to 100,000; the largest wish of all holders counts. Absent: as configured.
        capacity: Option<usize>,
    },
    /// Let go of a ring.
    ReleaseTelemetry {
        /// The device.
        device: String,
        /// The metric.
        metric: String,
    },
    /// Mark alerts as read (in this client; the relay stores no read marks yet).
    MarkAlertsRead(AlertIds),
    /// Mark a notification as read, or remove it (in this client; the relay stores none yet).
    MarkNotifications {
        /// Which; absent is all.
        id: Option<String>,
        /// Remove it.
        dismiss: bool,
    },
    /// This user writes in a conversation (call it for each key: at most one start per 2 s is sent), or stopped. Not kept while
    /// there is no connection.
    Typing {
        /// The conversation's id.
        conversation: String,
        /// Whether the user writes.
        active: bool,
    },
    /// The page wants to know who is online, from now on.
    WatchPresence,
    /// Somebody is online. One with an empty user comes first: nobody is. The answer to
    /// [`ClientEvent::PresenceGiven`](crate::ClientEvent::PresenceGiven).
    Present {
        /// The user.
        user: String,
        /// The name to show.
        name: String,
    },
    /// Remove a toast.
    DismissToast {
        /// Its id.
        id: String,
    },
    /// A toast was clicked: it goes, and [`ClientEvent::ToastClicked`](crate::ClientEvent::ToastClicked) comes.
    ClickToast {
        /// Its id.
        id: String,
    },
    /// Stop the toasts' clocks (pointer or focus is on them), or let them run on.
    HoldToasts(bool),
}
