//! Reads the configuration that the façade made of the page's options: numbers in a fixed order, and texts.
//!
//! The façade (`npm/src/config.ts`) checks and names what makes no sense. Here nothing can go wrong: a number that is not
//! there or is NaN leaves the default, casts saturate.

use pulsewire_client_core::Config;
use pulsewire_protocol::Severity;

/// How many numbers there are besides the seed and the capacities.
pub const NUMBERS: usize = 17;

/// Takes the numbers in the order of `npm/src/config.ts`.
pub fn read(numbers: &[f64], capacities: Vec<(String, usize)>) -> Config {
    let mut config = Config::default();
    let mut left = numbers.iter();
    let mut next = || left.next().copied().filter(|number| !number.is_nan());
    for place in [
        &mut config.heartbeat_timeout_ms,
        &mut config.handshake_timeout_ms,
        &mut config.linger_ms,
        &mut config.backoff.base_ms,
        &mut config.backoff.cap_ms,
        &mut config.toasts.duration_ms,
        &mut config.outbox.ttl_ms,
        &mut config.polling.wait_ms,
        &mut config.polling.interval_ms,
    ] {
        if let Some(number) = next() {
            *place = number as u64;
        }
    }
    for place in [&mut config.toasts.max_visible, &mut config.telemetry.capacity, &mut config.outbox.max_messages] {
        if let Some(number) = next() {
            *place = number as usize;
        }
    }
    if let Some(factor) = next() {
        config.backoff.factor = factor;
    }
    config.backoff.jitter = next() != Some(0.0);
    if let Some(severity) = next().and_then(|index| Severity::ALL.get(index as usize)) {
        config.toasts.min_severity = *severity;
    }
    if let Some(tries) = next() {
        config.polling.after_tries = tries as u32;
    }
    config.outbox.persist = next() == Some(1.0);
    config.telemetry.capacities = capacities;
    config
}
