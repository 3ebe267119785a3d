//! Going down in order: nobody new, everybody told when to come back, everything under way finished.

use super::Relay;
use crate::hub::Closing;
use pulsewire_protocol::CloseCode;
use pulsewire_protocol::error::reason_with_retry_after;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// The earliest a client is asked to come back.
const RETRY_MIN_MS: u64 = 500;
/// The latest, however many there are.
const RETRY_MAX_MS: u64 = 20_000;

impl Relay {
    /// Closes every connection with 4503 and a retry delay of its own, then waits until sessions and publications have
    /// ended, at most for `within`. Returns whether they all had.
    pub async fn drain(&self, within: Duration) -> bool {
        self.inner.draining.store(true, Ordering::Relaxed);
        let connections = self.hub().connections();
        tracing::info!(target: "pulsewire_relay", connections = connections.len(), "draining");
        // The more there are, the wider they are spread: 4 ms for each, so that no relay meets them all at once.
        let spread_ms = (2_000 + connections.len() as u64 * 4).min(RETRY_MAX_MS);
        // What is held back for a rate goes out before the close: the history may go with this relay.
        self.hub().flush();
        for connection in connections {
            let retry_after_ms = self.entropy().between(RETRY_MIN_MS, spread_ms);
            connection.outbox.close(Closing::new(CloseCode::UNAVAILABLE, reason_with_retry_after("draining", retry_after_ms)));
        }
        self.inner.stopped.cancel();
        self.inner.work.close();
        let ended = tokio::time::timeout(within, self.inner.work.wait()).await.is_ok();
        if !ended {
            tracing::warn!(target: "pulsewire_relay", left = self.inner.work.len(), "draining took too long: the rest is cut off");
        }
        ended
    }
}
