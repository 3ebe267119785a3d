//! The store: reads and writes by how they ended, how long they take, and how many writes share one sync of the disk.

use super::Metrics;
use super::register::{counter, counters, histogram};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

/// How a read or a write can end: the words of the store's errors.
const OUTCOMES: [&str; 10] = ["ok", "refused", "full", "locked", "corrupt", "read_only", "io", "overloaded", "closed", "internal"];

/// See the module.
pub(super) struct Store {
    writes: Family<OutcomeLabel, Counter>,
    reads: Family<OutcomeLabel, Counter>,
    write_seconds: Histogram,
    read_seconds: Histogram,
    commits: Counter,
    commit_seconds: Histogram,
}

impl Store {
    pub(super) fn register(r: &mut Registry) -> Self {
        let outcomes = || OUTCOMES.map(|outcome| OutcomeLabel { outcome });
        Self {
            writes: counters(r, "store_writes", "Writes to the store, by how they ended", outcomes()),
            reads: counters(r, "store_reads", "Reads of the store, by how they ended", outcomes()),
            write_seconds: histogram(r, "store_write_seconds", "From a write's request until it is on the disk"),
            read_seconds: histogram(r, "store_read_seconds", "From a read's request until its answer"),
            commits: counter(r, "store_commits", "Transactions of the store: writes that wait share one"),
            commit_seconds: histogram(r, "store_commit_seconds", "One transaction of the store, its sync of the disk included"),
        }
    }
}

impl Metrics {
    /// A write ended so, after so long.
    pub fn store_write(&self, outcome: &'static str, seconds: f64) {
        self.store.writes.get_or_create(&OutcomeLabel { outcome }).inc();
        self.store.write_seconds.observe(seconds);
    }
    /// A read ended so, after so long.
    pub fn store_read(&self, outcome: &'static str, seconds: f64) {
        self.store.reads.get_or_create(&OutcomeLabel { outcome }).inc();
        self.store.read_seconds.observe(seconds);
    }
    /// A transaction was tried.
    pub fn store_committed(&self, writes: usize, seconds: f64) {
        if writes > 0 {
            self.store.commits.inc();
            self.store.commit_seconds.observe(seconds);
        }
    }
}
