//! Putting a metric into the registry: one call each, with its name (without `pulsewire_`) and what it counts.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};
use std::hash::Hash;
use std::sync::atomic::AtomicU64;

/// 50 µs to 10 s: from a wake-up on one machine to a stalled network.
const LATENCY_BUCKETS: [f64; 16] =
    [0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

pub(super) fn gauge(registry: &mut Registry, name: &str, help: &str) -> Gauge {
    add(registry, name, help, Gauge::default())
}

pub(super) fn decimal_gauge(registry: &mut Registry, name: &str, help: &str) -> Gauge<f64, AtomicU64> {
    add(registry, name, help, Gauge::default())
}

/// Its name gets `_total` when it is written.
pub(super) fn counter(registry: &mut Registry, name: &str, help: &str) -> Counter {
    add(registry, name, help, Counter::default())
}

/// Of seconds.
pub(super) fn histogram(registry: &mut Registry, name: &str, help: &str) -> Histogram {
    add(registry, name, help, Histogram::new(LATENCY_BUCKETS))
}

/// Counters by label. All of `labels` are there from the start: a rate over a series that appears later misses its first
/// count, and an alert rule on it finds nothing to compare.
pub(super) fn counters<L>(registry: &mut Registry, name: &str, help: &str, labels: impl IntoIterator<Item = L>) -> Family<L, Counter>
where
    L: Clone + Eq + Hash + std::fmt::Debug + prometheus_client::encoding::EncodeLabelSet + Send + Sync + 'static,
{
    let family = Family::<L, Counter>::default();
    for label in labels {
        drop(family.get_or_create(&label));
    }
    add(registry, name, help, family)
}

/// A gauge's value: a count that no gauge can hold is its largest.
pub(super) fn set(gauge: &Gauge, value: u64) {
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
}

fn add<M: Metric + Clone>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M {
    registry.register(name, help, metric.clone());
    metric
}
