//! What a relay has at hand: tasks, timers and viewers. All of them go with their connections; what stays is a leak.

use super::Snapshot;
use super::register::{gauge, set};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// See the module.
pub(super) struct Work {
    viewers: Gauge,
    tasks: Gauge,
    timers: Gauge,
}

impl Work {
    pub(super) fn register(r: &mut Registry) -> Self {
        Self {
            viewers: gauge(r, "viewers", "Users who view a channel, counted for each channel"),
            tasks: gauge(r, "tasks", "Tasks of the runtime that have not ended"),
            timers: gauge(r, "timers", "Heartbeats, token ends and the like that are to come"),
        }
    }

    pub(super) fn fill(&self, now: &Snapshot) {
        set(&self.viewers, now.viewers as u64);
        set(&self.tasks, now.tasks as u64);
        set(&self.timers, now.timers as u64);
    }
}
