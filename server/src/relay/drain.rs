//! Going down in order: nobody new, everybody told when to come back, everything under way finished.

use super::Relay;
use crate::hub::{Closing, Connection};
use crate::observe::faults::fault;
use pulsewire_protocol::CloseCode;
use pulsewire_protocol::error::reason_with_retry_after;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// The earliest a client is asked to come back.
const RETRY_MIN_MS: u64 = 500;
/// The latest, however many there are.
const RETRY_MAX_MS: u64 = 20_000;
/// How long a connection may stay to be answered what it has asked, before it is told to go.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
/// How often those are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);

impl Relay {
    /// Closes every connection with 4503 and a retry delay of its own, then waits until sessions and publications have
    /// ended, at most for `within`. Returns whether they all had.
    ///
    /// A connection whose command is under way gets its answer first: else its client could not know whether what it
    /// published was stored, and the history that would tell goes with this relay. What begins to be published from now on
    /// is refused ([`Relay::publish_all`]).
    pub async fn drain(&self, within: Duration) -> bool {
        self.inner.draining.store(true, Ordering::Relaxed);
        let connections = self.hub().connections();
        tracing::info!(target: "pulsewire_relay", connections = connections.len(), "draining");
        // The more there are, the wider they are spread: 4 ms for each, so that no relay meets them all at once.
        let spread_ms = (2_000 + connections.len() as u64 * 4).min(RETRY_MAX_MS);
        // What is held back for a rate goes out before the close: the history may go with this relay.
        self.hub().flush();
        self.inner.work.close();
        let ended = tokio::time::timeout(within, async {
            self.send_away(connections, spread_ms).await;
            self.inner.stopped.cancel();
            self.inner.work.wait().await;
            self.broker().close().await;
        })
        .await
        .is_ok();
        self.inner.stopped.cancel();
        if !ended {
            fault!(warning, Limits, left = self.inner.work.len(), "draining took too long: the rest is cut off");
        }
        ended
    }

    async fn send_away(&self, connections: Vec<Arc<Connection>>, spread_ms: u64) {
        let send = |connection: &Connection| {
            let retry_after_ms = self.entropy().between(RETRY_MIN_MS, spread_ms);
            connection.outbox.close(Closing::new(CloseCode::UNAVAILABLE, reason_with_retry_after("draining", retry_after_ms)));
        };
        let (mut busy, idle): (Vec<_>, Vec<_>) = connections.into_iter().partition(|connection| connection.is_busy());
        idle.iter().for_each(|connection| send(connection));
        let deadline = tokio::time::Instant::now() + ANSWER_WITHIN;
        while !busy.is_empty() && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(LOOK_EVERY).await;
            busy.retain(|connection| {
                if !connection.is_busy() {
                    send(connection);
                }
                connection.is_busy()
            });
        }
        busy.iter().for_each(|connection| send(connection));
    }
}
