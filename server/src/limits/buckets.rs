//! Token buckets by key: one for each address, one for each user, made when first asked.
//!
//! Why not `governor`'s own keyed store: nothing bounds it between two sweeps, and whoever has many addresses fills it. Here
//! the key that was asked longest ago goes when there are too many. Forgetting gives a full bucket, so the one that is
//! forgotten gains no more than somebody new does. What has long filled up again is dropped as well, a little with each call,
//! so no sweep is needed.

use super::bucket::{BucketClock, BucketTime, Limiter, quota, take};
use crate::clock::Clock;
use governor::clock::{Clock as _, Reference as _};
use governor::{Quota, RateLimiter};
use lru::LruCache;
use parking_lot::Mutex;
use std::hash::Hash;

/// How many old ones are looked at with each call: more than one, so that there get fewer.
const SWEPT: usize = 2;

struct Bucket {
    limiter: Limiter,
    used: BucketTime,
}

/// See the module.
pub struct Buckets<K: Hash + Eq> {
    quota: Quota,
    /// From empty to full.
    refill_ns: u64,
    most: usize,
    clock: BucketClock,
    /// Held for one look, never across an await.
    buckets: Mutex<LruCache<K, Bucket>>,
}

impl<K: Hash + Eq> Buckets<K> {
    /// Buckets of so many a second and so many at once, for at most `most` keys.
    pub fn new(per_second: u32, burst: u32, most: usize, clock: &Clock) -> Self {
        let refill_ns = u64::from(burst.max(1)).saturating_mul(1_000_000_000) / u64::from(per_second.max(1));
        // Grows with its use: a bound given at once would be reserved at once.
        let buckets = Mutex::new(LruCache::unbounded());
        Self { quota: quota(per_second, burst), refill_ns, most: most.max(1), clock: BucketClock::new(clock), buckets }
    }

    /// Takes one from the key's bucket, or says in how many milliseconds there is one again.
    pub fn take(&self, key: K) -> Result<(), u64> {
        let now = self.clock.now();
        let mut buckets = self.buckets.lock();
        for _ in 0..SWEPT {
            let is_full_again = |bucket: &Bucket| now.duration_since(bucket.used).as_u64() > self.refill_ns;
            if !buckets.peek_lru().is_some_and(|(_, oldest)| is_full_again(oldest)) {
                break;
            }
            buckets.pop_lru();
        }
        let fresh = || Bucket { limiter: RateLimiter::direct_with_clock(self.quota, self.clock.clone()), used: now };
        let bucket = buckets.get_or_insert_mut(key, fresh);
        bucket.used = now;
        let taken = take(&bucket.limiter, &self.clock);
        while buckets.len() > self.most {
            buckets.pop_lru();
        }
        taken
    }

    /// How many keys are remembered.
    pub fn len(&self) -> usize {
        self.buckets.lock().len()
    }
    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn each_key_has_its_own_bucket_which_fills_again() {
        let buckets = Buckets::new(10, 3, 100, &Clock::starting_at(0));
        for key in ["a", "b"] {
            for _ in 0..3 {
                assert_eq!(buckets.take(key), Ok(()));
            }
            assert_eq!(buckets.take(key), Err(100));
        }
        tokio::time::advance(Duration::from_millis(100)).await;
        assert_eq!((buckets.take("a"), buckets.take("a")), (Ok(()), Err(100)));
    }

    #[tokio::test(start_paused = true)]
    async fn however_many_keys_come_only_so_many_are_remembered_and_the_busy_one_stays() {
        let buckets = Buckets::new(1, 2, 50, &Clock::starting_at(0));
        for other in 0..10_000_u32 {
            assert_eq!(buckets.take(other + 1), Ok(()));
            // The one that is asked all the time is never the oldest: it gains nothing by the others.
            assert_eq!(buckets.take(0).is_ok(), other < 2, "{other}");
            assert!(buckets.len() <= 50);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_full_again_is_forgotten_without_a_sweep() {
        let buckets = Buckets::new(10, 10, 1_000, &Clock::starting_at(0));
        for key in 0..100 {
            assert_eq!(buckets.take(key), Ok(()));
        }
        tokio::time::advance(Duration::from_secs(2)).await;
        for _ in 0..60 {
            let _ = buckets.take(1_000);
        }
        assert_eq!(buckets.len(), 1);
    }
}
