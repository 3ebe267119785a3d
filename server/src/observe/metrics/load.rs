//! The resource monitor: what is used of what there is, and where the circuit breaker stands.

use super::Metrics;
use super::register::{counters, decimal_gauge};
use crate::overload::breaker::State;
use crate::overload::load::{Resource, Sample, Use};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::atomic::AtomicU64;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResourceLabel {
    resource: &'static str,
}
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabel {
    state: &'static str,
}

type Numbers = Gauge<f64, AtomicU64>;

/// See the module.
pub(super) struct Load {
    used: Family<ResourceLabel, Numbers>,
    available: Family<ResourceLabel, Numbers>,
    bytes_in_per_second: Numbers,
    bytes_out_per_second: Numbers,
    state: Family<StateLabel, Gauge>,
    changes: Family<StateLabel, Counter>,
}

impl Load {
    pub(super) fn register(r: &mut Registry) -> Self {
        let load = Self {
            used: Family::default(),
            available: Family::default(),
            bytes_in_per_second: decimal_gauge(r, "network_in_bytes_per_second", "Bytes received, at the monitor's last sample"),
            bytes_out_per_second: decimal_gauge(r, "network_out_bytes_per_second", "Bytes sent, at the monitor's last sample"),
            state: Family::default(),
            changes: counters(
                r,
                "breaker_changes",
                "How often the circuit breaker came to a state",
                State::WORDS.into_iter().map(|state| StateLabel { state }),
            ),
        };
        for resource in Resource::ALL {
            drop(load.used.get_or_create(&ResourceLabel { resource: resource.as_str() }));
            drop(load.available.get_or_create(&ResourceLabel { resource: resource.as_str() }));
        }
        load.set_state(State::default());
        r.register("resource_used", "What is used of a resource, at the monitor's last sample", load.used.clone());
        r.register("resource_available", "What there is of a resource; 0: unknown, or not watched", load.available.clone());
        r.register("breaker_state", "1 for the state that the circuit breaker is in", load.state.clone());
        load
    }

    fn set_state(&self, now: State) {
        for state in State::WORDS {
            self.state.get_or_create(&StateLabel { state }).set(i64::from(state == now.as_str()));
        }
    }
}

impl Metrics {
    /// The monitor took a sample and the breaker judged it.
    pub fn load_sampled(&self, sample: &Sample, uses: &[Use], state: State) {
        for one in uses {
            let label = ResourceLabel { resource: one.resource.as_str() };
            self.load.used.get_or_create(&label).set(one.used);
            self.load.available.get_or_create(&label).set(one.of);
        }
        self.load.bytes_in_per_second.set(sample.bytes_in_per_second.unwrap_or(0.0));
        self.load.bytes_out_per_second.set(sample.bytes_out_per_second.unwrap_or(0.0));
        self.load.set_state(state);
    }
    /// The breaker came to another state.
    pub fn breaker_changed(&self, to: State) {
        self.load.changes.get_or_create(&StateLabel { state: to.as_str() }).inc();
    }
}
