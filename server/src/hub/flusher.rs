//! Writes what waits for many connections in one wake-up.
//!
//! Why: waking a connection's task for every delivery cost more than the delivery. Here a publication marks its receivers, one
//! task wakes up, and every receiver gets everything that waits for it in one write; under load that is many publications at
//! once. There is one flusher for each worker of the runtime, and a connection belongs to one by its number.
//!
//! A push may leave room for others to come ([`Flusher::add_later`]): the first of a kind's delay opens a window, and all who
//! were marked within it are written at its end. A window is never moved, so nothing waits longer than its delay.
//!
//! Limits: a list holds a connection once, so it is bounded by the number of connections.

use super::outbox::Outbox;
use super::wire::Scratch;
use crate::observe::Metrics;
use crate::observe::metrics::Transport;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// So many connections are written before others get their turn: about a quarter of a millisecond.
const TURN: usize = 64;

struct Window {
    delay: Duration,
    due: Instant,
    marked: Vec<Arc<Outbox>>,
}

#[derive(Default)]
struct Lists {
    now: Vec<Arc<Outbox>>,
    /// One for each delay that somebody waits for: as many as the configuration names.
    later: Vec<Window>,
}

/// See the module.
#[derive(Default)]
pub struct Flusher {
    lists: Mutex<Lists>,
    changed: Notify,
}

impl Flusher {
    /// This one is to be written now.
    pub(super) fn add(&self, outbox: Arc<Outbox>) {
        let first = {
            let mut lists = self.lists.lock();
            lists.now.push(outbox);
            lists.now.len() == 1
        };
        if first {
            self.changed.notify_one();
        }
    }

    /// This one is to be written within so long.
    pub(super) fn add_later(&self, outbox: Arc<Outbox>, delay: Duration) {
        let opened = {
            let mut lists = self.lists.lock();
            match lists.later.iter_mut().find(|window| window.delay == delay) {
                Some(window) => {
                    window.marked.push(outbox);
                    false
                }
                None => {
                    lists.later.push(Window { delay, due: Instant::now() + delay, marked: vec![outbox] });
                    true
                }
            }
        };
        if opened {
            self.changed.notify_one();
        }
    }

    /// Writes for ever. Whoever runs it ends it by dropping it.
    pub async fn run(self: Arc<Self>, metrics: Arc<Metrics>) {
        let (mut batch, mut scratch) = (Vec::new(), Scratch::default());
        loop {
            let next = self.take(&mut batch);
            if batch.is_empty() {
                let later = async {
                    match next {
                        Some(due) => tokio::time::sleep_until(due).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    // In one order, so that a simulation runs the same way twice.
                    biased;
                    () = self.changed.notified() => {}
                    () = later => {}
                }
                continue;
            }
            for (place, outbox) in batch.drain(..).enumerate() {
                if place % TURN == TURN - 1 {
                    tokio::task::yield_now().await;
                }
                outbox.flush_listed(&mut scratch);
                if let Some(waited) = scratch.waited.take() {
                    metrics.delivered(waited.as_secs_f64());
                }
            }
            metrics.sent(Transport::WebSocket, std::mem::take(&mut scratch.messages), std::mem::take(&mut scratch.bytes));
        }
    }

    /// Moves everything that is due into the empty batch; tells when the next window ends.
    fn take(&self, batch: &mut Vec<Arc<Outbox>>) -> Option<Instant> {
        let mut lists = self.lists.lock();
        std::mem::swap(batch, &mut lists.now);
        if !lists.later.is_empty() {
            let now = Instant::now();
            for window in lists.later.extract_if(.., |window| window.due <= now) {
                batch.extend(window.marked);
            }
        }
        lists.later.iter().map(|window| window.due).min()
    }
}
