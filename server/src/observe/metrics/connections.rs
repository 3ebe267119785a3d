//! Connections: how many there are, how they come and how they end.

use super::labels::HandshakeFailure;
use super::register::{counter, counters, gauge, histogram, set};
use super::{Metrics, Snapshot};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use pulsewire_protocol::CloseCode;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: HandshakeFailure,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CodeLabel {
    code: u16,
}

pub(super) struct Connections {
    open: Gauge,
    users: Gauge,
    subscriptions: Gauge,
    queued_messages: Gauge,
    opened: Counter,
    closed: Family<CodeLabel, Counter>,
    handshake_failures: Family<ReasonLabel, Counter>,
    round_trip_seconds: Histogram,
    delivery_seconds: Histogram,
}

/// The codes that are labels of their own; 0 stands for every other one: a peer may close with any number.
const CODES: [u16; 14] = [0, 1000, 1001, 1002, 1006, 1009, 4400, 4401, 4403, 4408, 4410, 4413, 4429, 4503];

impl Connections {
    pub(super) fn register(r: &mut Registry) -> Self {
        let reasons = HandshakeFailure::ALL.iter().map(|reason| ReasonLabel { reason: *reason });
        let codes = CODES.map(|code| CodeLabel { code });
        Self {
            open: gauge(r, "connections", "Open WebSocket connections"),
            users: gauge(r, "users", "Distinct users with a connection"),
            subscriptions: gauge(r, "subscriptions", "Subscriptions of all connections"),
            queued_messages: gauge(r, "queued_messages", "Messages that wait in the queues of all connections"),
            opened: counter(r, "connections_opened", "Connections that came to their welcome"),
            closed: counters(
                r,
                "connections_closed",
                "Connections that ended, by close code; 0: a code that the protocol does not know",
                codes,
            ),
            handshake_failures: counters(r, "handshake_failures", "Connections refused before their welcome, by reason", reasons),
            delivery_seconds: histogram(
                r,
                "delivery_seconds",
                "From a message's queueing for a client until its bytes are with the client's socket; one of 32 is timed",
            ),
            round_trip_seconds: histogram(r, "round_trip_seconds", "From a heartbeat to its pong"),
        }
    }

    pub(super) fn fill(&self, now: &Snapshot) {
        set(&self.open, now.connections as u64);
        set(&self.users, now.users as u64);
        set(&self.subscriptions, now.subscriptions as u64);
        set(&self.queued_messages, now.queued_messages as u64);
    }
}

impl Metrics {
    /// A connection came to its `welcome`.
    pub fn connection_opened(&self) {
        self.connections.opened.inc();
    }
    /// A connection ended.
    pub fn connection_closed(&self, code: CloseCode) {
        let code = if CODES.contains(&code.0) { code.0 } else { 0 };
        self.connections.closed.get_or_create(&CodeLabel { code }).inc();
    }
    /// A connection was refused before its `welcome`.
    pub fn handshake_failed(&self, reason: HandshakeFailure) {
        self.connections.handshake_failures.get_or_create(&ReasonLabel { reason }).inc();
    }
    /// A message was written so long after it was queued.
    pub fn delivered(&self, seconds: f64) {
        self.connections.delivery_seconds.observe(seconds);
    }
    /// A heartbeat was answered after so long.
    pub fn round_trip(&self, seconds: f64) {
        self.connections.round_trip_seconds.observe(seconds);
    }
}
