//! The token bucket of one connection, on the relay's own clock.

use crate::clock::Clock;
use crate::config::LimitsConfig;
use governor::clock::{Clock as GovernorClock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use std::num::NonZeroU32;
use std::time::Duration;

/// One token bucket, for whomever.
pub(super) type Limiter = RateLimiter<NotKeyed, InMemoryState, BucketClock, NoOpMiddleware<BucketTime>>;

/// So many a second, so many at once; 0 counts as 1.
pub(super) fn quota(per_second: u32, burst: u32) -> Quota {
    let at_least_one = |value: u32| NonZeroU32::new(value).unwrap_or(NonZeroU32::MIN);
    Quota::per_second(at_least_one(per_second)).allow_burst(at_least_one(burst))
}

/// Takes one, or says in how many milliseconds there is one again.
pub(super) fn take(limiter: &Limiter, clock: &BucketClock) -> Result<(), u64> {
    limiter.check().map_err(|until| {
        let wait: Duration = until.wait_time_from(clock.now());
        u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1)
    })
}

/// The relay's clock as `governor` wants it, so that virtual time moves the token buckets too.
#[derive(Clone)]
pub struct BucketClock(Clock);

impl BucketClock {
    /// The same clock.
    pub fn new(clock: &Clock) -> Self {
        Self(clock.clone())
    }
}

/// A time of [`BucketClock`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BucketTime(u64);

impl core::ops::Add<Nanos> for BucketTime {
    type Output = Self;
    fn add(self, nanos: Nanos) -> Self {
        Self(self.0.saturating_add(nanos.as_u64()))
    }
}

impl Reference for BucketTime {
    fn duration_since(&self, earlier: Self) -> Nanos {
        Nanos::new(self.0.saturating_sub(earlier.0))
    }
    fn saturating_sub(&self, duration: Nanos) -> Self {
        Self(self.0.saturating_sub(duration.as_u64()))
    }
}

impl GovernorClock for BucketClock {
    type Instant = BucketTime;
    fn now(&self) -> BucketTime {
        BucketTime(self.0.elapsed_ns())
    }
}

/// What a message costs a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toll {
    /// It may pass.
    Pass,
    /// It is refused; the next may pass after so long.
    Wait {
        /// Milliseconds.
        retry_after_ms: u64,
    },
    /// It is refused, and so were too many before it: the connection is to be closed.
    Enough {
        /// Milliseconds.
        retry_after_ms: u64,
    },
}

/// So many refusals without a pause close the connection.
const REFUSALS_UNTIL_CLOSE: u32 = 200;

/// The token bucket of one connection.
pub struct MessageBucket {
    bucket: Limiter,
    clock: BucketClock,
    refusals: u32,
}

impl MessageBucket {
    /// A full bucket.
    pub fn new(limits: &LimitsConfig, clock: &Clock) -> Self {
        let clock = BucketClock::new(clock);
        let bucket = RateLimiter::direct_with_clock(quota(limits.messages_per_second, limits.burst), clock.clone());
        Self { bucket, clock, refusals: 0 }
    }
    /// Asks for one message.
    pub fn take(&mut self) -> Toll {
        match take(&self.bucket, &self.clock) {
            Ok(()) => {
                // A pass every now and then is what the bucket gives even to a flood: only a pause forgives.
                self.refusals = self.refusals.saturating_sub(1);
                Toll::Pass
            }
            Err(retry_after_ms) => {
                self.refusals = self.refusals.saturating_add(2);
                if self.refusals >= 2 * REFUSALS_UNTIL_CLOSE { Toll::Enough { retry_after_ms } } else { Toll::Wait { retry_after_ms } }
            }
        }
    }
}
