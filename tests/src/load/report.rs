//! The figures of one run, for people and for machines.

use super::measure::Costs;
use super::options::{Options, Via};
use super::publisher::Published;
use hdrhistogram::Histogram;
use serde::Serialize;
use std::time::Duration;

/// What the product promises: 500 connections under 10 MB more than none.
const PROMISED_BYTES_PER_CONNECTION: f64 = 10e6 / 500.0;
/// And p99 latency under 100 ms.
const PROMISED_P99_MS: f64 = 100.0;

/// Durations of deliveries, from the moment each was due.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Latency {
    /// Half were faster.
    pub p50_ms: f64,
    /// 90 of 100 were faster.
    pub p90_ms: f64,
    /// 99 of 100 were faster.
    pub p99_ms: f64,
    /// 999 of 1000 were faster.
    pub p999_ms: f64,
    /// The slowest.
    pub max_ms: f64,
}

/// The relay's memory.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Memory {
    /// Just started.
    pub started_bytes: u64,
    /// Warm, without connections.
    pub none_bytes: u64,
    /// With all connections, idle.
    pub connected_bytes: u64,
    /// What all connections cost together.
    pub difference_bytes: i64,
    /// What one costs.
    pub per_connection_bytes: f64,
    /// After the last delivery: history and buffers included.
    pub after_load_bytes: u64,
}

/// Everything that one run measured.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Connections.
    pub connections: usize,
    /// Channels.
    pub channels: usize,
    /// Through `http` or `ws`.
    pub via: &'static str,
    /// Points in each publication.
    pub points: usize,
    /// How long connecting all took.
    pub connect_ms: f64,
    /// The relay's CPU time for it.
    pub connect_cpu_seconds: f64,
    /// Publications accepted.
    pub publications: u64,
    /// Deliveries that had to come.
    pub expected_deliveries: u64,
    /// Deliveries that came.
    pub deliveries: u64,
    /// A second, from the first publication to the last delivery.
    pub deliveries_per_second: f64,
    /// How far behind its schedule the publisher ended.
    pub publisher_behind_ms: f64,
    /// See [`Latency`].
    pub latency: Latency,
    /// The relay's CPU time while publishing.
    pub relay_cpu_seconds: f64,
    /// The same for a million deliveries.
    pub relay_cpu_seconds_per_million: f64,
    /// This process's own CPU time: clients and publisher share the machine with the relay.
    pub clients_cpu_seconds: f64,
    /// See [`Memory`].
    pub memory: Memory,
}

impl Report {
    #[allow(clippy::too_many_arguments, reason = "the one place where all figures of a run come together")]
    pub(super) fn new(
        options: &Options,
        costs: &Costs,
        published: Published,
        expected_deliveries: u64,
        deliveries: u64,
        took: Duration,
        clients_cpu_seconds: f64,
        latency_us: &Histogram<u64>,
    ) -> Self {
        let ms = |quantile| latency_us.value_at_quantile(quantile) as f64 / 1_000.0;
        let difference_bytes = costs.idle.resident_bytes as i64 - costs.none.resident_bytes as i64;
        let relay_cpu_seconds = costs.after.cpu_seconds - costs.before.cpu_seconds;
        Self {
            connections: options.connections,
            channels: options.channels,
            via: if options.via == Via::Http { "http" } else { "ws" },
            points: options.points,
            connect_ms: costs.connected_in.as_secs_f64() * 1_000.0,
            connect_cpu_seconds: costs.connect,
            publications: published.publications,
            expected_deliveries,
            deliveries,
            deliveries_per_second: deliveries as f64 / took.as_secs_f64(),
            publisher_behind_ms: published.behind_ms,
            latency: Latency {
                p50_ms: ms(0.5),
                p90_ms: ms(0.9),
                p99_ms: ms(0.99),
                p999_ms: ms(0.999),
                max_ms: latency_us.max() as f64 / 1_000.0,
            },
            relay_cpu_seconds,
            relay_cpu_seconds_per_million: relay_cpu_seconds * 1e6 / (deliveries.max(1)) as f64,
            clients_cpu_seconds,
            memory: Memory {
                started_bytes: costs.fresh.resident_bytes,
                none_bytes: costs.none.resident_bytes,
                connected_bytes: costs.idle.resident_bytes,
                difference_bytes,
                per_connection_bytes: difference_bytes as f64 / options.connections as f64,
                after_load_bytes: costs.after.resident_bytes,
            },
        }
    }

    /// What breaks the product's promises; nothing where all are kept.
    pub fn broken_promises(&self) -> Vec<String> {
        let mut broken = Vec::new();
        if self.deliveries != self.expected_deliveries {
            broken.push(format!("{} deliveries instead of {}", self.deliveries, self.expected_deliveries));
        }
        if self.latency.p99_ms >= PROMISED_P99_MS {
            broken.push(format!("p99 latency is {:.1} ms, promised are under {PROMISED_P99_MS:.0}", self.latency.p99_ms));
        }
        if self.memory.per_connection_bytes >= PROMISED_BYTES_PER_CONNECTION {
            let bytes = self.memory.per_connection_bytes;
            broken
                .push(format!("{bytes:.0} bytes per connection, promised are under {PROMISED_BYTES_PER_CONNECTION:.0} (500 under 10 MB)"));
        }
        broken
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mb = |bytes: f64| bytes / 1e6;
        let Self { latency, memory, .. } = self;
        let (connections, channels, via) = (self.connections, self.channels, self.via);
        writeln!(
            f,
            "load        {connections} connections on {channels} channels, {} points a publication, published over {via}",
            self.points
        )?;
        writeln!(f, "connecting  {:.0} ms, {:.2} CPU seconds of the relay", self.connect_ms, self.connect_cpu_seconds)?;
        let (deliveries, expected) = (self.deliveries, self.expected_deliveries);
        writeln!(
            f,
            "deliveries  {deliveries} of {expected} from {} publications, {:.0} a second",
            self.publications, self.deliveries_per_second
        )?;
        let Latency { p50_ms, p90_ms, p99_ms, p999_ms, max_ms } = latency;
        writeln!(
            f,
            "latency     p50 {p50_ms:.2} ms  p90 {p90_ms:.2}  p99 {p99_ms:.2}  p99.9 {p999_ms:.2}  max {max_ms:.2}  (from the moment each was due)"
        )?;
        writeln!(
            f,
            "relay CPU   {:.2} s, {:.2} s per million deliveries (clients and publisher: {:.2} s)",
            self.relay_cpu_seconds, self.relay_cpu_seconds_per_million, self.clients_cpu_seconds
        )?;
        writeln!(
            f,
            "relay RSS   {:.1} MB without connections, {:.1} MB with: {:+.2} MB, {:.1} kB each; {:.1} MB after the load",
            mb(memory.none_bytes as f64),
            mb(memory.connected_bytes as f64),
            mb(memory.difference_bytes as f64),
            memory.per_connection_bytes / 1e3,
            mb(memory.after_load_bytes as f64)
        )?;
        match self.broken_promises().as_slice() {
            [] => write!(f, "promises    kept: 500 connections under 10 MB, p99 under 100 ms, nothing missing"),
            broken => write!(f, "promises    BROKEN: {}", broken.join("; ")),
        }
    }
}
