//! Keys: how many there are to check tokens with, and whether a file of them has become bad.

use super::Snapshot;
use super::register::{gauge, set};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

pub(super) struct Keys {
    trusted: Gauge,
    refused_files: Gauge,
}

impl Keys {
    pub(super) fn register(r: &mut Registry) -> Self {
        Self {
            trusted: gauge(r, "token_keys", "Keys that tokens are checked with, the secret among them"),
            refused_files: gauge(r, "token_key_files_refused", "Files of keys that have become bad: their old keys stay in force"),
        }
    }

    pub(super) fn fill(&self, now: &Snapshot) {
        set(&self.trusted, now.token_keys as u64);
        set(&self.refused_files, now.refused_key_files as u64);
    }
}
