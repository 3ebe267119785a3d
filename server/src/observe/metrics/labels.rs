//! Labels: each is one of a few words, so that no label is without bound. An enum of [`words!`] is all that a new one needs.

use crate::observe::words::words;

words! {
    /// Why a connection did not come to its `welcome`.
    pub enum HandshakeFailure {
        /// No token, or an empty one.
        TokenMissing = "token_missing",
        /// No JWT.
        TokenMalformed = "token_malformed",
        /// Past its `exp`.
        TokenExpired = "token_expired",
        /// Wrong signature, algorithm or claim.
        TokenInvalid = "token_invalid",
        /// No `connect` in time.
        Timeout = "timeout",
        /// The page's origin is not allowed.
        Origin = "origin",
        /// Only unknown subprotocols were offered.
        Subprotocol = "subprotocol",
        /// A limit of connections is reached, in all, per user or per address.
        TooMany = "too_many",
        /// Handshakes come too fast.
        RateLimited = "rate_limited",
        /// The relay drains or is overloaded.
        Unavailable = "unavailable",
        /// The first frame was no `connect`, or cannot be read.
        Protocol = "protocol",
        /// The peer went away before.
        Gone = "gone",
    }
}

impl From<pulsewire_protocol::TokenProblem> for HandshakeFailure {
    fn from(problem: pulsewire_protocol::TokenProblem) -> Self {
        match problem {
            pulsewire_protocol::TokenProblem::Missing => Self::TokenMissing,
            pulsewire_protocol::TokenProblem::Malformed => Self::TokenMalformed,
            pulsewire_protocol::TokenProblem::Expired => Self::TokenExpired,
            pulsewire_protocol::TokenProblem::Invalid => Self::TokenInvalid,
        }
    }
}

words! {
    /// The door through which an event came in.
    pub enum Door {
        /// A WebSocket.
        WebSocket = "websocket",
        /// The HTTP API.
        Http = "http",
        /// Replay or simulator.
        Feed = "feed",
        /// The relay itself: statistics, presence.
        Relay = "relay",
    }
}

words! {
    /// Which way bytes go.
    pub enum Transport {
        /// A WebSocket.
        WebSocket = "websocket",
        /// The HTTP API.
        Http = "http",
    }
}

words! {
    /// A limit that was reached (`docs/operations/limits.md`).
    pub enum Limit {
        /// WebSockets in all.
        Connections = "connections",
        /// WebSockets from one address.
        PerAddress = "per_address",
        /// WebSockets of one user.
        PerUser = "per_user",
        /// TCP connections that are no WebSocket, in all.
        HttpConnections = "http_connections",
        /// The same from one address.
        HttpPerAddress = "http_per_address",
        /// Upgrades without a token from one address.
        Handshakes = "handshakes",
        /// Refused tokens from one address.
        FailedTokens = "failed_tokens",
        /// HTTP requests of one user.
        Requests = "requests",
        /// Polls that wait, of one user or in all.
        Polls = "polls",
        /// Messages of one connection.
        Messages = "messages",
        /// Subscriptions of one connection, or channels of one poll.
        Subscriptions = "subscriptions",
    }
}
