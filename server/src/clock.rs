//! The relay's clock: wall time that moves with tokio's clock.
//!
//! Why: under `tokio::time::pause` token expiry, heartbeats and timestamps must all move together, so wall time is a base
//! plus what has elapsed on [`tokio::time::Instant`]. A real relay calls [`Clock::resync`] now and then, because the
//! monotonic clock knows nothing of NTP corrections and of a suspended machine.
//!
//! Trap: needs a tokio runtime, because its `Instant` does under test.

use pulsewire_protocol::UnixMs;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// One moment on two clocks: as it stands in messages, and as time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Unix milliseconds. Somebody, or NTP, may set them back or ahead.
    pub unix_ms: u64,
    /// Milliseconds since the clock was made. Nobody sets them: for whatever measures how long something took.
    pub uptime_ms: u64,
}

/// Wall time in Unix milliseconds; cheap to clone, all clones agree.
#[derive(Clone, Debug)]
pub struct Clock {
    started: Instant,
    base_ms: Arc<AtomicI64>,
    follows_system: bool,
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self { started: Instant::now(), base_ms: Arc::new(AtomicI64::new(system_ms())), follows_system: true }
    }
    /// A clock that reads `unix_ms` now and only moves with tokio's: for tests and simulations.
    pub fn starting_at(unix_ms: u64) -> Self {
        let base = i64::try_from(unix_ms).unwrap_or(i64::MAX);
        Self { started: Instant::now(), base_ms: Arc::new(AtomicI64::new(base)), follows_system: false }
    }
    /// Unix milliseconds.
    pub fn now_ms(&self) -> u64 {
        u64::try_from(self.base_ms.load(Ordering::Relaxed).saturating_add(self.elapsed_ms())).unwrap_or(0)
    }
    /// Now, on both clocks.
    pub fn moment(&self) -> Moment {
        Moment { unix_ms: self.now_ms(), uptime_ms: self.elapsed_ms().unsigned_abs() }
    }
    /// The same as it stands in messages.
    pub fn now(&self) -> UnixMs {
        UnixMs::from_millis(self.now_ms())
    }
    /// When, on tokio's clock, this clock will read `unix_ms`; a time that has passed gives the clock's start.
    pub fn instant_of(&self, unix_ms: u64) -> Instant {
        let base = u64::try_from(self.base_ms.load(Ordering::Relaxed)).unwrap_or(0);
        self.started + Duration::from_millis(unix_ms.saturating_sub(base))
    }
    /// Takes the machine's clock over again where it has moved by more than a second against this one; returns by how many
    /// milliseconds. Does nothing to a clock of [`Clock::starting_at`].
    pub fn resync(&self) -> i64 {
        if !self.follows_system {
            return 0;
        }
        let base = system_ms().saturating_sub(self.elapsed_ms());
        let moved = base.saturating_sub(self.base_ms.load(Ordering::Relaxed));
        if moved.abs() <= 1_000 {
            return 0;
        }
        self.base_ms.store(base, Ordering::Relaxed);
        moved
    }
    /// Nanoseconds since this clock was made; never goes back.
    pub fn elapsed_ns(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
    fn elapsed_ms(&self) -> i64 {
        i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX)
    }
}

fn system_ms() -> i64 {
    // A machine whose clock stands before 1970 gets 0: `doctor` reports it, nothing here can mend it.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
