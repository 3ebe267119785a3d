//! The connection as a page sees it.

use crate::time::Millis;

/// The states of row C1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ConnectionState {
    /// Never started.
    #[default]
    Idle,
    /// The first try is under way.
    Connecting,
    /// Welcomed.
    Connected,
    /// Lost, or not reached yet: waiting for the next try, or trying.
    Reconnecting,
    /// Degraded: reads by HTTP.
    Polling,
    /// The token was refused twice.
    Unauthorized,
    /// Ended on purpose, or by a relay that does not want it back.
    Closed,
}

impl ConnectionState {
    /// The word of the page's API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::Reconnecting => "reconnecting",
            Self::Polling => "polling",
            Self::Unauthorized => "unauthorized",
            Self::Closed => "closed",
        }
    }
}

/// The slice `connection`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConnectionStatus {
    /// The state.
    pub state: ConnectionState,
    /// Failed tries since the last good connection; 0 while connected.
    pub attempt: u32,
    /// When the next try starts (Unix time), while it is known.
    pub next_retry_at: Option<Millis>,
    /// Since when the state holds (Unix time).
    pub since: Millis,
    /// Whether this client has been connected before.
    pub ever_connected: bool,
    /// Whether an interruption has lasted long enough to be shown. Never while connected.
    pub interrupted: bool,
    /// The last close code.
    pub close_code: Option<u16>,
    /// Why, in a word: `lost`, `timeout`, `offline`, `forbidden`, `protocol_error`, `token_expired` …
    pub reason: Option<&'static str>,
    /// The last measured round trip.
    pub latency_ms: Option<u64>,
    /// The relay's id of the connection.
    pub connection_id: Option<String>,
    /// The user.
    pub user: Option<String>,
    /// The tenant.
    pub tenant: Option<String>,
    /// The relay's clock minus this one's, in milliseconds, as of the last welcome.
    pub clock_offset_ms: i64,
}
