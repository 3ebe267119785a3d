//! What a page may set, with the defaults of the product.

use pulsewire_protocol::{ClientInfo, Severity};

/// Delays between tries (row C2).
#[derive(Clone, Debug, PartialEq)]
pub struct BackoffConfig {
    /// The delay after the first failure.
    pub base_ms: u64,
    /// What each further failure multiplies it by; below 1 counts as 1.
    pub factor: f64,
    /// The longest delay.
    pub cap_ms: u64,
    /// Draw each delay d from [d/2, d], so that thousands of clients do not come back together. `false` gives d itself.
    pub jitter: bool,
}

impl Default for BackoffConfig {
    fn default() -> Self {
        Self { base_ms: 1_000, factor: 2.0, cap_ms: 30_000, jitter: true }
    }
}

/// Sizes of the telemetry rings (row C6).
#[derive(Clone, Debug, PartialEq)]
pub struct TelemetryConfig {
    /// Points kept per device and metric.
    pub capacity: usize,
    /// Capacities of single metrics, such as `("ecg", 3600)`.
    pub capacities: Vec<(String, usize)>,
    /// Rings kept in all; metrics beyond it are counted and reported, not stored.
    pub max_series: usize,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self { capacity: 100, capacities: Vec::new(), max_series: 2_048 }
    }
}

/// The toast queue (row C7).
#[derive(Clone, Debug, PartialEq)]
pub struct ToastConfig {
    /// How long one is shown.
    pub duration_ms: u64,
    /// How many are shown at once; the rest wait.
    pub max_visible: usize,
    /// Less grave ones are not shown at all.
    pub min_severity: Severity,
    /// How many are kept in all, shown and waiting; beyond it the least grave, oldest one is dropped and counted.
    pub max_kept: usize,
}

impl Default for ToastConfig {
    fn default() -> Self {
        Self { duration_ms: 10_000, max_visible: 5, min_severity: Severity::Low, max_kept: 100 }
    }
}

/// The outbox (row C8).
#[derive(Clone, Debug, PartialEq)]
pub struct OutboxConfig {
    /// Messages that may wait at once.
    pub max_messages: usize,
    /// Bytes of their data that may wait at once.
    pub max_bytes: usize,
    /// How long one may wait; then it is reported and given up. The relay keeps idempotency keys for 15 min: stay below that.
    pub ttl_ms: u64,
    /// Keep waiting messages over a reload of the page ([`Output::Save`](crate::Output::Save)). Only those with
    /// `Payload::Custom` data, which is all that a page sends, are kept.
    pub persist: bool,
}

impl Default for OutboxConfig {
    fn default() -> Self {
        Self { max_messages: 1_000, max_bytes: 4 << 20, ttl_ms: 10 * 60_000, persist: false }
    }
}

/// Polling where the WebSocket does not get through (row C10).
#[derive(Clone, Debug, PartialEq)]
pub struct PollingConfig {
    /// Failed tries of the WebSocket in a row before polling begins; 0 is never. A handshake that hangs counts as all of them.
    pub after_tries: u32,
    /// How long the relay may wait for news (long polling), at most 25,000; 0 asks without waiting.
    pub wait_ms: u64,
    /// Between two polls that do not wait, and where a proxy on the way cuts those that wait.
    pub interval_ms: u64,
    /// Between the beginnings of two polls, so that a busy channel does not make a request for each of its events.
    pub spacing_ms: u64,
    /// How long an answer may take, beyond what the relay was asked to wait.
    pub timeout_ms: u64,
}

impl Default for PollingConfig {
    fn default() -> Self {
        Self { after_tries: 3, wait_ms: 25_000, interval_ms: 5_000, spacing_ms: 1_000, timeout_ms: 10_000 }
    }
}

/// Everything that can be set of a client.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Delays between tries.
    pub backoff: BackoffConfig,
    /// After so long a welcomed connection counts as good and the backoff starts over.
    pub stable_uptime_ms: u64,
    /// Reconnect after so much silence; `welcome.timeoutMs` overrides it.
    pub heartbeat_timeout_ms: u64,
    /// From asking for a socket to `welcome`.
    pub handshake_timeout_ms: u64,
    /// How long the page may take to give a token.
    pub token_timeout_ms: u64,
    /// A command that got no answer for so long is settled as `unknown`.
    pub request_timeout_ms: u64,
    /// After waking up: how long the socket has to answer a ping.
    pub probe_timeout_ms: u64,
    /// An interruption is shown only after so long.
    pub interrupted_after_ms: u64,
    /// How long a released channel stays subscribed.
    pub linger_ms: u64,
    /// The outbox.
    pub outbox: OutboxConfig,
    /// The fallback.
    pub polling: PollingConfig,
    /// Telemetry rings.
    pub telemetry: TelemetryConfig,
    /// Toasts.
    pub toasts: ToastConfig,
    /// Alerts kept; beyond it one that is read goes, else the least grave, else the oldest.
    pub max_alerts: usize,
    /// Device statuses kept; beyond it new devices are not stored.
    pub max_devices: usize,
    /// Commands that may wait for an answer at once.
    pub max_requests: usize,
    /// Who this is: name, version, and a random id that stays the same for the life of the page.
    pub client: ClientInfo,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            backoff: BackoffConfig::default(),
            stable_uptime_ms: 5_000,
            heartbeat_timeout_ms: 60_000,
            handshake_timeout_ms: 10_000,
            token_timeout_ms: 30_000,
            request_timeout_ms: 30_000,
            probe_timeout_ms: 2_000,
            interrupted_after_ms: 1_000,
            linger_ms: 5_000,
            outbox: OutboxConfig::default(),
            polling: PollingConfig::default(),
            telemetry: TelemetryConfig::default(),
            toasts: ToastConfig::default(),
            max_alerts: 1_000,
            max_devices: 10_000,
            max_requests: 1_024,
            client: ClientInfo::default(),
        }
    }
}
