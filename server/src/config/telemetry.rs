//! Telemetry (`[telemetry]`).

/// How telemetry is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TelemetryConfig {
    /// How long it may wait for other messages on its way to a socket; 0: not at all. A kind's own delay counts in its place.
    pub write_delay_ms: u64,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self { write_delay_ms: 10 }
    }
}
