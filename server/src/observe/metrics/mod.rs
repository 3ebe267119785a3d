//! Prometheus metrics of one relay, as OpenMetrics or as Prometheus' older text.
//!
//! Why `prometheus-client`: it is the official Rust library, its registry is a value and no global (tests run several
//! relays in one process), and counting is one atomic add, so the fan-out path may count.
//!
//! A subject is a file: a struct of its metrics with `register`, `fill` where something is counted at the scrape only, and
//! `impl Metrics` with the methods that record. A new one needs its file, a field below and a line in `new` (and `render`,
//! where it fills).
//!
//! Limits: no label ever names a channel, a user, a device or a tenant: those are without bound. Labels are the fixed
//! words of [`labels`], close codes and matched routes.

mod broker;
mod connections;
mod http;
mod keys;
pub mod labels;
mod load;
mod logs;
mod process;
mod refusals;
mod register;
mod store;
mod text;
mod traffic;
mod work;

pub use labels::{Door, HandshakeFailure, Limit, Transport};
pub use text::Exposition;

use prometheus_client::registry::Registry;

/// Everything that is counted. Cheap to clone by `Arc`; every method is an atomic add.
pub struct Metrics {
    registry: Registry,
    connections: connections::Connections,
    traffic: traffic::Traffic,
    http: http::Http,
    keys: keys::Keys,
    process: process::Process,
    load: load::Load,
    refusals: refusals::Refusals,
    logs: logs::Logs,
    store: store::Store,
    work: work::Work,
    broker: broker::Broker,
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
    /// Keys that tokens are checked with.
    pub token_keys: usize,
    /// Files of keys whose present content is refused.
    pub refused_key_files: usize,
    /// TCP connections that are no WebSocket.
    pub http_connections: usize,
    /// Users who view a channel, counted for each channel.
    pub viewers: usize,
    /// Tasks of the runtime that have not ended.
    pub tasks: usize,
    /// Whether the broker takes publications and hears those of other relays.
    pub broker_ready: bool,
    /// What the relay will do at a time: heartbeats, token ends, dead checks.
    pub timers: usize,
}

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
        Self {
            connections: connections::Connections::register(r),
            traffic: traffic::Traffic::register(r),
            http: http::Http::register(r),
            keys: keys::Keys::register(r),
            process: process::Process::register(r),
            load: load::Load::register(r),
            refusals: refusals::Refusals::register(r),
            logs: logs::Logs::register(r),
            store: store::Store::register(r),
            work: work::Work::register(r),
            broker: broker::Broker::register(r),
            registry,
        }
    }

    /// The metrics as OpenMetrics text, with the process's own figures of this moment.
    pub fn render(&self, now: Snapshot) -> Result<String, core::fmt::Error> {
        self.connections.fill(&now);
        self.traffic.fill(&now);
        self.http.fill(&now);
        self.keys.fill(&now);
        self.process.fill();
        self.refusals.fill(&now);
        self.logs.fill();
        self.work.fill(&now);
        self.broker.fill(&now);
        let mut text = String::with_capacity(8 * 1024);
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulsewire_protocol::CloseCode;

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
                const LABELS: [&str; 14] = [
                    "outcome",
                    "reason",
                    "code",
                    "source",
                    "transport",
                    "route",
                    "status",
                    "le",
                    "resource",
                    "state",
                    "limit",
                    "category",
                    "severity",
                    "sink",
                ];
                assert!(LABELS.contains(&name), "{line}");
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
