//! `[monitor]`: how often the relay looks at itself, and what it takes for too much.

/// Resource monitor and circuit breaker (R12). A threshold of 0 percent: not watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MonitorConfig {
    /// How often a sample is taken.
    pub interval_ms: u64,
    /// So many samples in a row open the breaker, half-open it and close it.
    pub sustain_samples: u32,
    /// Connections that are let in between two samples while the breaker is half-open.
    pub trial_connections: u32,
    /// Connections, of `limits.connections`, which refuses by itself.
    pub connections_percent: u32,
    /// Resident memory, of what the container or the machine has.
    pub memory_percent: u32,
    /// Resident memory in bytes, instead of the share; 0: the share counts.
    pub memory_bytes: u64,
    /// CPU time, of the cores that the process may use.
    pub cpu_percent: u32,
    /// Open file descriptors, of their soft limit.
    pub file_descriptors_percent: u32,
    /// Bytes a second in and out together; 0: not watched.
    pub network_bytes_per_second: u64,
}

impl Default for MonitorConfig {
    fn default() -> Self {
        Self {
            interval_ms: 5_000,
            sustain_samples: 3,
            trial_connections: 50,
            connections_percent: 0,
            memory_percent: 85,
            memory_bytes: 0,
            cpu_percent: 95,
            file_descriptors_percent: 95,
            network_bytes_per_second: 0,
        }
    }
}
