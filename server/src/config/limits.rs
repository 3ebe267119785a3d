//! The section `[limits]`: what a connection, a user, an address may use.
//!
//! Several figures follow from others where they are not given, so that whoever raises `per_address` need not know them all.

use ipnet::IpNet;

/// So many a second, so many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// A second.
    pub per_second: u32,
    /// At once.
    pub burst: u32,
}

/// What a connection, a user, an address may use. Figures that are absent follow from others: see the methods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitsConfig {
    /// How many proxies that append to `X-Forwarded-For` stand before the relay; 0: the peer's address counts.
    pub trusted_proxy_hops: usize,
    /// Where given, only peers in these networks are believed to be such proxies.
    pub trusted_proxies: Vec<IpNet>,
    /// Connections in all.
    pub connections: usize,
    /// Connections of one user.
    pub per_user: usize,
    /// Connections from one address: a hospital is one address.
    pub per_address: usize,
    /// TCP connections that are no WebSocket, in all.
    pub http_connections: Option<usize>,
    /// The same from one address.
    pub http_per_address: Option<usize>,
    /// Upgrades without a token, a second, from one address.
    pub handshakes_per_second: Option<u32>,
    /// How many of them may come at once.
    pub handshake_burst: Option<u32>,
    /// Refused tokens, a second, from one address, until they are answered 429.
    pub failed_tokens_per_second: Option<u32>,
    /// How many of them may come at once.
    pub failed_token_burst: Option<u32>,
    /// HTTP requests a second from one user.
    pub requests_per_second: u32,
    /// How many of them may come at once.
    pub request_burst: u32,
    /// The same for tokens of the roles service and admin; absent: without bound.
    pub backend_requests_per_second: Option<u32>,
    /// How many of them may come at once.
    pub backend_request_burst: Option<u32>,
    /// Subscriptions of one connection.
    pub subscriptions: usize,
    /// Messages that may wait for one slow connection.
    pub queue_messages: usize,
    /// Bytes that may wait for one slow connection.
    pub queue_bytes: usize,
    /// Messages a second from one connection.
    pub messages_per_second: u32,
    /// How many of them may come at once.
    pub burst: u32,
    /// Bytes of one message.
    pub max_message_bytes: usize,
    /// Bytes of one HTTP body: arrays of many items are larger than one message.
    pub max_body_bytes: usize,
    /// Bytes of one recovery; a larger one is `recovered: false`.
    pub recovery_bytes: usize,
    /// How long the first head on a connection may take.
    pub head_timeout_ms: u64,
    /// How long a connection that has brought a request is kept alive until the next head is whole.
    pub keep_alive_ms: u64,
    /// How long the body of an HTTP request may take.
    pub body_timeout_ms: u64,
    /// How long a peer may take nothing of what was sent to it.
    pub stall_timeout_ms: u64,
    /// How long a drain may take.
    pub drain_ms: u64,
}

impl LimitsConfig {
    /// TCP connections that are no WebSocket, in all: as a rule as many as WebSockets.
    pub fn http_connections(&self) -> usize {
        self.http_connections.unwrap_or(self.connections)
    }
    /// The same from one address: as a rule two for each client, which is what one uses that polls.
    pub fn http_per_address(&self) -> usize {
        self.http_per_address.unwrap_or(self.per_address.saturating_mul(2))
    }
    /// Polls that may wait, in all: each holds one of those TCP connections, and the others are for whoever has something to say.
    pub fn waiting_polls(&self) -> usize {
        self.connections.min(self.http_connections() / 2)
    }
    /// Upgrades without a token from one address: as a rule all its clients may come twice at once, and again within ten
    /// seconds.
    pub fn handshake_quotas(&self) -> Quotas {
        let clients = small(self.per_address);
        Quotas {
            per_second: self.handshakes_per_second.unwrap_or((clients / 10).max(1)),
            burst: self.handshake_burst.unwrap_or(clients.saturating_mul(2)),
        }
    }
    /// Refused tokens from one address: as a rule each of its clients may come with a wrong one, as after a change of keys.
    pub fn failed_token_quotas(&self) -> Quotas {
        let clients = small(self.per_address);
        Quotas {
            per_second: self.failed_tokens_per_second.unwrap_or((clients / 40).max(1)),
            burst: self.failed_token_burst.unwrap_or(clients),
        }
    }
    /// HTTP requests of one user.
    pub fn request_quotas(&self) -> Quotas {
        Quotas { per_second: self.requests_per_second, burst: self.request_burst }
    }
    /// HTTP requests of one backend; `None`: as many as it likes.
    pub fn backend_request_quotas(&self) -> Option<Quotas> {
        let per_second = self.backend_requests_per_second?;
        Some(Quotas { per_second, burst: self.backend_request_burst.unwrap_or(per_second.saturating_mul(10)) })
    }
}

fn small(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            trusted_proxy_hops: 0,
            trusted_proxies: Vec::new(),
            connections: 10_000,
            per_user: 100,
            per_address: 2_000,
            http_connections: None,
            http_per_address: None,
            handshakes_per_second: None,
            handshake_burst: None,
            failed_tokens_per_second: None,
            failed_token_burst: None,
            requests_per_second: 200,
            request_burst: 2_000,
            backend_requests_per_second: None,
            backend_request_burst: None,
            subscriptions: 256,
            queue_messages: 1_024,
            queue_bytes: 1024 * 1024,
            messages_per_second: 50,
            burst: 200,
            max_message_bytes: pulsewire_protocol::DEFAULT_MAX_MESSAGE_BYTES as usize,
            max_body_bytes: 1024 * 1024,
            recovery_bytes: 1024 * 1024,
            head_timeout_ms: 15_000,
            keep_alive_ms: 75_000,
            body_timeout_ms: 30_000,
            stall_timeout_ms: 120_000,
            drain_ms: 9_000,
        }
    }
}
