//! The broker, where it stands on a store that relays share: whether it works, how long it takes, what it had to make good.

use super::register::{counter, gauge, histogram};
use super::{Metrics, Snapshot};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::time::Duration;

/// See the module.
pub(super) struct Broker {
    ready: Gauge,
    command: Histogram,
    failures: Counter,
    reconnections: Counter,
    caught_up: Counter,
    gaps: Counter,
}

impl Broker {
    pub(super) fn register(r: &mut Registry) -> Self {
        Self {
            ready: gauge(r, "broker_ready", "1 where the broker takes publications and hears those of other relays"),
            command: histogram(r, "broker_command_seconds", "From a command to the shared store until its answer"),
            failures: counter(r, "broker_failures", "Commands that the shared store did not answer in time, or refused"),
            reconnections: counter(r, "broker_reconnections", "Connections to the shared store that had to be made again"),
            caught_up: counter(r, "broker_caught_up", "Publications that were not heard and were read from the shared store"),
            gaps: counter(r, "broker_gaps", "How often the subscribers of a channel were told that publications are lost"),
        }
    }

    pub(super) fn fill(&self, now: &Snapshot) {
        self.ready.set(i64::from(now.broker_ready));
    }
}

impl Metrics {
    /// The shared store answered, after so long.
    pub fn broker_answered(&self, after: Duration) {
        self.broker.command.observe(after.as_secs_f64());
    }
    /// The shared store did not answer in time, or refused.
    pub fn broker_failed(&self) {
        self.broker.failures.inc();
    }
    /// A connection to the shared store was lost and made again.
    pub fn broker_reconnected(&self) {
        self.broker.reconnections.inc();
    }
    /// So many publications were read that had not been heard.
    pub fn caught_up(&self, publications: usize) {
        self.broker.caught_up.inc_by(publications as u64);
    }
    /// Subscribers of a channel were told that publications are lost.
    pub fn gap_told(&self) {
        self.broker.gaps.inc();
    }
}
