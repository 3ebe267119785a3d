//! Plain counters of what happened, for the metrics and for tests. Never labelled by channel or user.

use pulsewire_protocol::CloseCode;
use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds.
    pub fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }
    /// Reads.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Every close code that has a counter of its own; others count as 1006 (lost).
pub const CLOSE_CODES: [u16; 12] = [1000, 1001, 1006, 1009, 4400, 4401, 4403, 4408, 4410, 4413, 4429, 4503];

/// Why a handshake failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandshakeFailure {
    /// No token.
    TokenMissing,
    /// No token's shape.
    TokenMalformed,
    /// Past its end.
    TokenExpired,
    /// Wrong signature, algorithm or claim.
    TokenInvalid,
    /// The origin is not allowed.
    Origin,
    /// Only unknown subprotocols were offered.
    Subprotocol,
    /// No `connect` in time.
    Timeout,
    /// A frame that could not be read.
    Protocol,
    /// Gone before `connect`.
    Lost,
    /// Too many connections.
    Limit,
    /// The relay is draining.
    Draining,
}

impl HandshakeFailure {
    /// All of them, in the order of the counters.
    pub const ALL: [Self; 11] = [
        Self::TokenMissing,
        Self::TokenMalformed,
        Self::TokenExpired,
        Self::TokenInvalid,
        Self::Origin,
        Self::Subprotocol,
        Self::Timeout,
        Self::Protocol,
        Self::Lost,
        Self::Limit,
        Self::Draining,
    ];
    /// The label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TokenMissing => "token_missing",
            Self::TokenMalformed => "token_malformed",
            Self::TokenExpired => "token_expired",
            Self::TokenInvalid => "token_invalid",
            Self::Origin => "origin",
            Self::Subprotocol => "subprotocol",
            Self::Timeout => "timeout",
            Self::Protocol => "protocol",
            Self::Lost => "lost",
            Self::Limit => "limit",
            Self::Draining => "draining",
        }
    }
}

impl From<pulsewire_protocol::TokenProblem> for HandshakeFailure {
    fn from(problem: pulsewire_protocol::TokenProblem) -> Self {
        use pulsewire_protocol::TokenProblem as Problem;
        match problem {
            Problem::Missing => Self::TokenMissing,
            Problem::Malformed => Self::TokenMalformed,
            Problem::Expired => Self::TokenExpired,
            Problem::Invalid => Self::TokenInvalid,
        }
    }
}

/// Upper bounds of the round-trip buckets, in milliseconds; one more bucket holds what is above.
pub const LATENCY_BOUNDS_MS: [u64; 10] = [1, 5, 10, 25, 50, 100, 250, 500, 1_000, 5_000];

/// Everything that is counted.
#[derive(Debug, Default)]
pub struct Counters {
    /// Sockets that were opened.
    pub connections_opened: Counter,
    /// Connections that were welcomed.
    pub connections_welcomed: Counter,
    /// Messages of clients.
    pub received_messages: Counter,
    /// Bytes of their frames.
    pub received_bytes: Counter,
    /// Messages that were written to clients.
    pub sent_messages: Counter,
    /// Frames they were joined into.
    pub sent_frames: Counter,
    /// Bytes of these frames.
    pub sent_bytes: Counter,
    /// Publications that were accepted.
    pub published: Counter,
    /// Publications that were repeated and so not stored again.
    pub repeated: Counter,
    /// Publications that were refused.
    pub refused: Counter,
    /// Publications times their receivers.
    pub deliveries: Counter,
    /// Commands answered with `rate_limited`.
    pub rate_limited: Counter,
    closes: [Counter; CLOSE_CODES.len()],
    handshake_failures: [Counter; HandshakeFailure::ALL.len()],
    latency: [Counter; LATENCY_BOUNDS_MS.len() + 1],
    /// Sum of all round trips, in milliseconds.
    pub latency_sum_ms: Counter,
}

impl Counters {
    /// A connection was closed, by either side.
    pub fn count_close(&self, code: CloseCode) {
        let place = CLOSE_CODES.iter().position(|known| *known == code.0).unwrap_or(2);
        if let Some(counter) = self.closes.get(place) {
            counter.add(1);
        }
    }
    /// Closes by code.
    pub fn closes(&self) -> impl Iterator<Item = (u16, u64)> + '_ {
        CLOSE_CODES.iter().zip(&self.closes).map(|(code, counter)| (*code, counter.value()))
    }
    /// A handshake failed.
    pub fn count_handshake_failure(&self, failure: HandshakeFailure) {
        if let Some(counter) = self.handshake_failures.get(failure as usize) {
            counter.add(1);
        }
    }
    /// Handshake failures by reason.
    pub fn handshake_failures(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        HandshakeFailure::ALL.iter().zip(&self.handshake_failures).map(|(failure, counter)| (failure.as_str(), counter.value()))
    }
    /// A heartbeat came back.
    pub fn observe_latency_ms(&self, latency_ms: u64) {
        let place = LATENCY_BOUNDS_MS.iter().position(|bound| latency_ms <= *bound).unwrap_or(LATENCY_BOUNDS_MS.len());
        if let Some(counter) = self.latency.get(place) {
            counter.add(1);
        }
        self.latency_sum_ms.add(latency_ms);
    }
    /// Round trips by bucket: the upper bound in milliseconds (`None`: above all) and how many fell into it.
    pub fn latency_buckets(&self) -> impl Iterator<Item = (Option<u64>, u64)> + '_ {
        let bounds = LATENCY_BOUNDS_MS.iter().map(|bound| Some(*bound)).chain([None]);
        bounds.zip(&self.latency).map(|(bound, counter)| (bound, counter.value()))
    }
}

/// How things stand now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Open sockets.
    pub connections: usize,
    /// Distinct users.
    pub users: usize,
    /// Channels with listeners.
    pub live_channels: usize,
    /// Subscriptions to them.
    pub subscriptions: usize,
    /// Channels whose history is kept.
    pub kept_channels: usize,
    /// Messages that wait in all outboxes.
    pub queued_messages: usize,
    /// Bytes that wait in all outboxes.
    pub queued_bytes: usize,
    /// Verified tokens that are remembered.
    pub cached_tokens: usize,
}
