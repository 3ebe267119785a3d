//! What limits refused, by limit (R10).

use super::labels::Limit;
use super::register::{counters, gauge, set};
use super::{Metrics, Snapshot};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LimitLabel {
    limit: Limit,
}

pub(super) struct Refusals {
    by_limit: Family<LimitLabel, Counter>,
    http_connections: Gauge,
}

impl Refusals {
    pub(super) fn register(r: &mut Registry) -> Self {
        let labels = Limit::ALL.iter().map(|limit| LimitLabel { limit: *limit });
        Self {
            by_limit: counters(r, "refusals", "What was refused because a limit was reached, by limit", labels),
            http_connections: gauge(r, "http_connections", "Open TCP connections that are no WebSocket"),
        }
    }

    pub(super) fn fill(&self, now: &Snapshot) {
        set(&self.http_connections, now.http_connections as u64);
    }
}

impl Metrics {
    /// A limit was reached, and something refused for it.
    pub fn refused(&self, limit: Limit) {
        self.refusals.by_limit.get_or_create(&LimitLabel { limit }).inc();
    }
    /// How often so far.
    pub fn refusals_of(&self, limit: Limit) -> u64 {
        self.refusals.by_limit.get_or_create(&LimitLabel { limit }).get()
    }
}
