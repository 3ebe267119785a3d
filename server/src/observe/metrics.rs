//! Prometheus metrics of one relay, as OpenMetrics text.
//!
//! Why `prometheus-client`: it is the official Rust library, its registry is a value and no global (tests run several
//! relays in one process), and counting is one atomic add, so the fan-out path may count.
//!
//! Limits: no label ever names a channel, a user, a device or a tenant: those are without bound. Labels are the fixed
//! words of the enums below, close codes and matched routes.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use pulsewire_protocol::CloseCode;
use std::sync::atomic::AtomicU64;

/// The `Content-Type` of what [`Metrics::render`] writes.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A label that is one of a few words.
macro_rules! words {
    ($(#[$meta:meta])* pub enum $name:ident { $( $(#[$variant_meta:meta])* $variant:ident = $word:literal ),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $( $(#[$variant_meta])* $variant ),* }
        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[ $( Self::$variant ),* ];
            /// The word in the metrics.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $word ),* }
            }
        }
        impl EncodeLabelValue for $name {
            fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), core::fmt::Error> {
                EncodeLabelValue::encode(&self.as_str(), encoder)
            }
        }
    };
}

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

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: HandshakeFailure,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CodeLabel {
    code: u16,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DoorLabel {
    source: Door,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TransportLabel {
    transport: Transport,
}
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabel {
    route: String,
    status: u16,
}

/// Everything that is counted. Cheap to clone by `Arc`; every method is an atomic add.
pub struct Metrics {
    registry: Registry,
    connections: Gauge,
    opened: Counter,
    closed: Family<CodeLabel, Counter>,
    handshake_failures: Family<ReasonLabel, Counter>,
    events_in: [Counter; 4],
    events_out: Counter,
    messages_in: Counter,
    messages_out: Counter,
    bytes_in: [Counter; 2],
    bytes_out: [Counter; 2],
    round_trip_seconds: Histogram,
    command_seconds: Histogram,
    requests: Family<RequestLabel, Counter>,
    request_seconds: Histogram,
    queued_messages: Gauge,
    waiting_polls: Gauge,
    subscriptions: Gauge,
    channels: Gauge,
    users: Gauge,
    resident_memory: Gauge,
    open_fds: Gauge,
    max_fds: Gauge,
    threads: Gauge,
    cpu_seconds: Gauge<f64, AtomicU64>,
    start_seconds: Gauge,
}

/// What only a count at the time of the scrape can tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Connections past their `welcome` or on the way to it.
    pub connections: usize,
    /// Distinct users with a connection.
    pub users: usize,
    /// Subscriptions of all connections.
    pub subscriptions: usize,
    /// Channels with a subscriber or a history.
    pub channels: usize,
    /// Messages that wait in the queues of all connections.
    pub queued_messages: usize,
    /// Polls that wait for news.
    pub waiting_polls: usize,
}

/// 50 µs to 10 s: from a wake-up on one machine to a stalled network.
const LATENCY_BUCKETS: [f64; 16] =
    [0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All at zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("pulsewire");
        let r = &mut registry;
        let handshake_failures = Family::<ReasonLabel, Counter>::default();
        for reason in HandshakeFailure::ALL {
            // Present from the start: a rate over a series that appears later misses its first count.
            drop(handshake_failures.get_or_create(&ReasonLabel { reason: *reason }));
        }
        let events_in = Family::<DoorLabel, Counter>::default();
        let bytes_in = Family::<TransportLabel, Counter>::default();
        let bytes_out = Family::<TransportLabel, Counter>::default();
        let door = |source| events_in.get_or_create_owned(&DoorLabel { source });
        let transport = |family: &Family<TransportLabel, Counter>, transport| family.get_or_create_owned(&TransportLabel { transport });
        let metrics = Self {
            connections: gauge(r, "connections", "Open WebSocket connections"),
            opened: counter(r, "connections_opened", "Connections that came to their welcome"),
            closed: family(r, "connections_closed", "Connections that ended, by close code", Family::default()),
            handshake_failures: family(r, "handshake_failures", "Connections refused before their welcome, by reason", handshake_failures),
            events_in: [door(Door::WebSocket), door(Door::Http), door(Door::Feed), door(Door::Relay)],
            events_out: counter(r, "events_out", "Events queued for subscribers"),
            messages_in: counter(r, "messages_in", "Messages from clients"),
            messages_out: counter(r, "messages_out", "Messages written to clients"),
            bytes_in: [transport(&bytes_in, Transport::WebSocket), transport(&bytes_in, Transport::Http)],
            bytes_out: [transport(&bytes_out, Transport::WebSocket), transport(&bytes_out, Transport::Http)],
            round_trip_seconds: histogram(r, "round_trip_seconds", "From a heartbeat to its pong"),
            command_seconds: histogram(
                r,
                "command_seconds",
                "Handling of one command of a client, its waiting for room in the queue left out",
            ),
            requests: family(r, "http_requests", "HTTP requests, by route and status", Family::default()),
            request_seconds: histogram(r, "http_request_seconds", "Handling of one HTTP request, waiting polls left out"),
            queued_messages: gauge(r, "queued_messages", "Messages that wait in the queues of all connections"),
            waiting_polls: gauge(r, "waiting_polls", "Polls that wait for news"),
            subscriptions: gauge(r, "subscriptions", "Subscriptions of all connections"),
            channels: gauge(r, "channels", "Channels with a subscriber or a history"),
            users: gauge(r, "users", "Distinct users with a connection"),
            resident_memory: gauge(r, "process_resident_memory_bytes", "Resident memory"),
            open_fds: gauge(r, "process_open_fds", "Open file descriptors"),
            max_fds: gauge(r, "process_max_fds", "Largest number of open file descriptors; 0: no limit"),
            threads: gauge(r, "process_threads", "Threads"),
            cpu_seconds: Gauge::default(),
            start_seconds: gauge(r, "process_start_time_seconds", "Start of the process, Unix seconds"),
            registry: Registry::default(),
        };
        r.register("process_cpu_seconds", "User and system time of the process", metrics.cpu_seconds.clone());
        r.register("events_in", "Events accepted, by the door they came through", events_in);
        r.register("bytes_in", "Bytes of messages and bodies received", bytes_in);
        r.register("bytes_out", "Bytes of messages and bodies sent", bytes_out);
        Self { registry, ..metrics }
    }

    /// A connection came to its `welcome`.
    pub fn connection_opened(&self) {
        self.opened.inc();
    }
    /// A connection ended.
    pub fn connection_closed(&self, code: CloseCode) {
        self.closed.get_or_create(&CodeLabel { code: bounded(code) }).inc();
    }
    /// A connection was refused before its `welcome`.
    pub fn handshake_failed(&self, reason: HandshakeFailure) {
        self.handshake_failures.get_or_create(&ReasonLabel { reason }).inc();
    }
    /// Events were accepted.
    pub fn events_in(&self, door: Door, count: u64) {
        let [websocket, http, feed, relay] = &self.events_in;
        match door {
            Door::WebSocket => websocket,
            Door::Http => http,
            Door::Feed => feed,
            Door::Relay => relay,
        }
        .inc_by(count);
    }
    /// An event was queued for this many subscribers.
    pub fn events_out(&self, receivers: u64) {
        self.events_out.inc_by(receivers);
    }
    /// A frame came in.
    pub fn received(&self, transport: Transport, messages: u64, bytes: u64) {
        self.messages_in.inc_by(messages);
        let [websocket, http] = &self.bytes_in;
        if transport == Transport::WebSocket { websocket } else { http }.inc_by(bytes);
    }
    /// Frames went out.
    pub fn sent(&self, transport: Transport, messages: u64, bytes: u64) {
        self.messages_out.inc_by(messages);
        let [websocket, http] = &self.bytes_out;
        if transport == Transport::WebSocket { websocket } else { http }.inc_by(bytes);
    }
    /// A heartbeat was answered after so long.
    pub fn round_trip(&self, seconds: f64) {
        self.round_trip_seconds.observe(seconds);
    }
    /// One message of a client was handled in so long.
    pub fn command_took(&self, seconds: f64) {
        self.command_seconds.observe(seconds);
    }
    /// One HTTP request was answered. `route` is the route's pattern, never the path: a path is without bound.
    pub fn request_handled(&self, route: &str, status: u16, seconds: Option<f64>) {
        self.requests.get_or_create(&RequestLabel { route: route.to_owned(), status }).inc();
        if let Some(seconds) = seconds {
            self.request_seconds.observe(seconds);
        }
    }

    /// The metrics as OpenMetrics text, with the process's own figures of this moment.
    pub fn render(&self, now: Snapshot) -> Result<String, core::fmt::Error> {
        let gauge = |gauge: &Gauge, value: u64| gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        gauge(&self.connections, now.connections as u64);
        gauge(&self.users, now.users as u64);
        gauge(&self.subscriptions, now.subscriptions as u64);
        gauge(&self.channels, now.channels as u64);
        gauge(&self.queued_messages, now.queued_messages as u64);
        gauge(&self.waiting_polls, now.waiting_polls as u64);
        let process = metrics_process::collector::collect();
        gauge(&self.resident_memory, process.resident_memory_bytes.unwrap_or(0));
        gauge(&self.open_fds, process.open_fds.unwrap_or(0));
        gauge(&self.max_fds, process.max_fds.unwrap_or(0));
        gauge(&self.threads, process.threads.unwrap_or(0));
        gauge(&self.start_seconds, process.start_time_seconds.unwrap_or(0));
        self.cpu_seconds.set(process.cpu_seconds_total.unwrap_or(0.0));
        let mut text = String::with_capacity(8 * 1024);
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Close codes come from clients too: only those that the protocol knows become labels of their own.
fn bounded(code: CloseCode) -> u16 {
    const KNOWN: [u16; 13] = [1000, 1001, 1002, 1006, 1009, 4400, 4401, 4403, 4408, 4410, 4413, 4429, 4503];
    if KNOWN.contains(&code.0) { code.0 } else { 0 }
}

fn gauge(registry: &mut Registry, name: &str, help: &str) -> Gauge {
    family(registry, name, help, Gauge::default())
}

fn counter(registry: &mut Registry, name: &str, help: &str) -> Counter {
    family(registry, name, help, Counter::default())
}

fn histogram(registry: &mut Registry, name: &str, help: &str) -> Histogram {
    family(registry, name, help, Histogram::new(LATENCY_BUCKETS))
}

fn family<M: prometheus_client::registry::Metric + Clone>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M {
    registry.register(name, help, metric.clone());
    metric
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_begins_with_pulsewire_and_no_label_is_without_bound() {
        let metrics = Metrics::new();
        metrics.connection_closed(CloseCode(4999));
        metrics.connection_closed(CloseCode::SLOW_CONSUMER);
        metrics.request_handled("/api/v1/publish", 202, Some(0.001));
        metrics.handshake_failed(HandshakeFailure::TokenExpired);
        let text = metrics.render(Snapshot { connections: 3, ..Snapshot::default() }).unwrap();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            assert!(line.starts_with("pulsewire_"), "{line}");
            let labels = line.split_once('{').map_or("", |(_, rest)| rest.split('}').next().unwrap());
            for label in labels.split(',').filter(|label| !label.is_empty()) {
                let name = label.split('=').next().unwrap();
                assert!(["reason", "code", "source", "transport", "route", "status", "le"].contains(&name), "{line}");
            }
        }
        assert!(text.contains("pulsewire_connections 3"), "{text}");
        assert!(text.contains("pulsewire_connections_closed_total{code=\"0\"} 1"), "an unknown code is counted as 0: {text}");
        assert!(text.contains("pulsewire_handshake_failures_total{reason=\"token_expired\"} 1"), "{text}");
        assert!(text.contains("pulsewire_handshake_failures_total{reason=\"timeout\"} 0"), "reasons are there before they happen");
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn events_are_counted_at_their_own_door() {
        let metrics = Metrics::new();
        for (index, door) in Door::ALL.iter().enumerate() {
            metrics.events_in(*door, index as u64 + 1);
        }
        let text = metrics.render(Snapshot::default()).unwrap();
        for (index, door) in Door::ALL.iter().enumerate() {
            let line = format!("pulsewire_events_in_total{{source=\"{}\"}} {}", door.as_str(), index + 1);
            assert!(text.contains(&line), "{line} in {text}");
        }
    }

    #[test]
    fn the_process_tells_its_memory_descriptors_and_processor_time() {
        let text = Metrics::new().render(Snapshot::default()).unwrap();
        for name in ["process_resident_memory_bytes", "process_open_fds", "process_cpu_seconds"] {
            let line = text.lines().find(|line| line.starts_with(&format!("pulsewire_{name} "))).unwrap();
            let value: f64 = line.rsplit(' ').next().unwrap().parse().unwrap();
            assert!(value >= 0.0, "{line}");
        }
    }
}
