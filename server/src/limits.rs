//! How many may come in, and how fast they may talk (R10).
//!
//! Counting is by RAII: an [`Admission`] gives its place back however the connection ends.

use crate::clock::Clock;
use crate::config::LimitsConfig;
use governor::clock::{Clock as GovernorClock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use parking_lot::Mutex;
use pulsewire_protocol::{ErrorBody, ErrorCode};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

#[derive(Default)]
struct Places {
    total: usize,
    by_address: BTreeMap<IpAddr, usize>,
}

/// Who is in, by address.
#[derive(Clone, Default)]
pub struct Admissions {
    places: Arc<Mutex<Places>>,
}

/// A place among the connections; dropping it gives it back.
pub struct Admission {
    places: Arc<Mutex<Places>>,
    address: IpAddr,
}

impl Admissions {
    /// Takes a place, or says which limit is reached.
    pub fn admit(&self, address: IpAddr, limits: &LimitsConfig) -> Result<Admission, ErrorBody> {
        let mut places = self.places.lock();
        let full = |what: &str, limit: usize| {
            Err(ErrorBody::retryable(ErrorCode::Unavailable, format!("{what}: the limit of {limit} connections is reached"), Some(10_000)))
        };
        if places.total >= limits.connections {
            return full("this relay", limits.connections);
        }
        let here = places.by_address.entry(address).or_default();
        if *here >= limits.per_address {
            return full("your address", limits.per_address);
        }
        *here += 1;
        places.total += 1;
        Ok(Admission { places: Arc::clone(&self.places), address })
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut places = self.places.lock();
        places.total = places.total.saturating_sub(1);
        if let Some(here) = places.by_address.get_mut(&self.address) {
            *here = here.saturating_sub(1);
            if *here == 0 {
                places.by_address.remove(&self.address);
            }
        }
    }
}

/// Polls that wait for news, by tenant and user. Each holds a request and watches its channels, so they are counted as
/// connections are: so many of one user, so many in all.
#[derive(Clone, Default)]
pub struct Waiting {
    polls: Arc<Mutex<BTreeMap<(String, String), usize>>>,
}

/// The right of one poll to wait; dropping it gives it back.
pub struct Wait {
    polls: Arc<Mutex<BTreeMap<(String, String), usize>>>,
    who: (String, String),
}

impl Waiting {
    /// Takes a place, or says which limit is reached.
    pub fn admit(&self, tenant: &str, user: &str, limits: &LimitsConfig) -> Result<Wait, ErrorBody> {
        let who = (tenant.to_owned(), user.to_owned());
        let mut polls = self.polls.lock();
        let full = |whose: &str, limit: usize| {
            let message = format!("{whose}: the limit of {limit} polls that wait is reached; ask without waitMs, or later");
            Err(ErrorBody::retryable(ErrorCode::RateLimited, message, Some(5_000)))
        };
        if polls.get(&who).is_some_and(|own| *own >= limits.per_user) {
            return full("this user", limits.per_user);
        }
        if polls.values().sum::<usize>() >= limits.connections {
            return full("this relay", limits.connections);
        }
        *polls.entry(who.clone()).or_default() += 1;
        Ok(Wait { polls: Arc::clone(&self.polls), who })
    }

    /// How many wait.
    pub fn count(&self) -> usize {
        self.polls.lock().values().sum()
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let mut polls = self.polls.lock();
        if let Some(own) = polls.get_mut(&self.who) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                polls.remove(&self.who);
            }
        }
    }
}

/// The relay's clock as `governor` wants it, so that virtual time moves the token buckets too.
#[derive(Clone)]
pub struct BucketClock(Clock);

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
    bucket: RateLimiter<NotKeyed, InMemoryState, BucketClock, NoOpMiddleware<BucketTime>>,
    clock: BucketClock,
    refusals: u32,
}

impl MessageBucket {
    /// A full bucket.
    pub fn new(limits: &LimitsConfig, clock: &Clock) -> Self {
        let at_least_one = |value: u32| NonZeroU32::new(value).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(at_least_one(limits.messages_per_second)).allow_burst(at_least_one(limits.burst));
        let clock = BucketClock(clock.clone());
        Self { bucket: RateLimiter::direct_with_clock(quota, clock.clone()), clock, refusals: 0 }
    }
    /// Asks for one message.
    pub fn take(&mut self) -> Toll {
        match self.bucket.check() {
            Ok(()) => {
                // A pass every now and then is what the bucket gives even to a flood: only a pause forgives.
                self.refusals = self.refusals.saturating_sub(1);
                Toll::Pass
            }
            Err(until) => {
                self.refusals += 2;
                let wait: Duration = until.wait_time_from(self.clock.now());
                let retry_after_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1);
                if self.refusals >= 2 * REFUSALS_UNTIL_CLOSE { Toll::Enough { retry_after_ms } } else { Toll::Wait { retry_after_ms } }
            }
        }
    }
}
