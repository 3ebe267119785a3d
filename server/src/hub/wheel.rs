//! Everything that happens at a time: one queue and one sleeping task for the whole relay.
//!
//! Why: 10,000 connections with a heartbeat, a dead check and a token each would be 30,000 timers of tokio. Here they are
//! entries of one ordered queue; entries that fall due within the same tenth of a second are handled in one wake-up (those of
//! rates within a shorter time, which is the rate's own).
//!
//! Trap: an entry is never taken out early. Whoever handles it looks whether it still applies (the connection may be gone,
//! the token refreshed) and puts it in again where it does.

use super::connection::ConnectionId;
use crate::broker::ChannelKey;
use crate::rate::Rate;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Due times are rounded up to this, unless they say otherwise.
pub const GRAIN_MS: u64 = 100;

/// What falls due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Timer {
    /// The connection must have said who it is.
    Handshake(ConnectionId),
    /// A heartbeat is to be sent.
    Heartbeat(ConnectionId),
    /// The connection must have ponged.
    Dead(ConnectionId),
    /// The client is to be told that its token ends soon.
    Reauth(ConnectionId),
    /// The token ends.
    TokenEnd(ConnectionId),
    /// The viewers of a channel may be told. Boxed: most timers are a connection's, and those are many.
    Viewers(Box<ChannelKey>),
    /// What a channel holds back for the members of one rate is to go out.
    Held(Box<ChannelKey>, Rate),
    /// A tenant may be told who came online and who left.
    Online(Box<str>),
    /// The clock is compared with the machine's, and the broker forgets what is too old.
    Housekeeping,
}

/// See the module.
pub struct Wheel {
    started: Instant,
    queue: Mutex<BTreeMap<u64, Vec<Timer>>>,
    earlier: Notify,
}

impl Wheel {
    /// An empty one, whose time begins now.
    pub fn new() -> Self {
        Self { started: Instant::now(), queue: Mutex::new(BTreeMap::new()), earlier: Notify::new() }
    }

    /// Milliseconds since the start: the time that due times are in. Not wall time.
    pub fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Puts a timer in, for so many milliseconds from now.
    pub fn after(&self, delay_ms: u64, timer: Timer) {
        self.at(self.now_ms().saturating_add(delay_ms), timer);
    }

    /// Puts a timer in, for a time of [`Wheel::now_ms`].
    pub fn at(&self, due_ms: u64, timer: Timer) {
        self.within(due_ms, GRAIN_MS, timer);
    }

    /// The same, rounded up to another grain: for what comes many times a second.
    pub fn within(&self, due_ms: u64, grain_ms: u64, timer: Timer) {
        let grain_ms = grain_ms.max(1);
        let due_ms = due_ms.div_ceil(grain_ms).saturating_mul(grain_ms);
        let mut queue = self.queue.lock();
        let first = queue.first_key_value().map(|(due, _)| *due);
        queue.entry(due_ms).or_default().push(timer);
        drop(queue);
        if first.is_none_or(|first| due_ms < first) {
            self.earlier.notify_one();
        }
    }

    /// Sleeps until something is due; returns all of it with the time it was due at.
    pub async fn due(&self) -> (u64, Vec<Timer>) {
        loop {
            let first = self.queue.lock().first_key_value().map(|(due, _)| *due);
            match first {
                None => self.earlier.notified().await,
                Some(due_ms) if due_ms <= self.now_ms() => {
                    if let Some(due) = self.queue.lock().pop_first() {
                        return due;
                    }
                }
                Some(due_ms) => {
                    // A day at most: an entry in the far future must not overflow the clock.
                    let until = self.started + Duration::from_millis(due_ms.min(self.now_ms().saturating_add(86_400_000)));
                    tokio::select! {
                        // In one order, so that a simulation runs the same way twice; both only make it look again.
                        biased;
                        () = self.earlier.notified() => {}
                        () = tokio::time::sleep_until(until) => {}
                    }
                }
            }
        }
    }

    /// How many timers wait, for tests of leaks.
    pub fn waiting(&self) -> usize {
        self.queue.lock().values().map(Vec::len).sum()
    }
}

impl Default for Wheel {
    fn default() -> Self {
        Self::new()
    }
}
