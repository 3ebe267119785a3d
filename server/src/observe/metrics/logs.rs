//! The log itself: faults by category and severity, and lines that were lost. Counts of the process, as the log is.

use super::register::counters;
use crate::observe::{Category, Severity, faults, logs};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use std::sync::atomic::Ordering;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FaultLabel {
    category: Category,
    severity: Severity,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SinkLabel {
    sink: &'static str,
}

pub(super) struct Logs {
    faults: Family<FaultLabel, Counter>,
    lost: Family<SinkLabel, Counter>,
}

impl Logs {
    pub(super) fn register(r: &mut Registry) -> Self {
        let faults = faults::counts().map(|(category, severity, _)| FaultLabel { category, severity });
        let sinks = logs::lost_lines().map(|(name, _)| SinkLabel { sink: name });
        Self {
            faults: counters(r, "faults", "Lines of the log that tell what went wrong, by category and severity", faults),
            lost: counters(r, "log_lines_lost", "Lines that could not be written or found the queue full, by where they should go", sinks),
        }
    }

    pub(super) fn fill(&self) {
        for (category, severity, count) in faults::counts() {
            self.faults.get_or_create(&FaultLabel { category, severity }).inner().store(count, Ordering::Relaxed);
        }
        for (name, count) in logs::lost_lines() {
            self.lost.get_or_create(&SinkLabel { sink: name }).inner().store(count, Ordering::Relaxed);
        }
    }
}
