//! Devices (`[devices]`).

/// How devices are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DevicesConfig {
    /// A device that has been silent for so long is told to be offline; 0: never.
    pub offline_after_ms: u64,
}

impl Default for DevicesConfig {
    fn default() -> Self {
        Self { offline_after_ms: 120_000 }
    }
}
