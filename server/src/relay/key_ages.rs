//! Since when idempotency keys are in use: an id that follows from a key must be the same for every retry and another one once the
//! key is free again, or the new alert would be taken for the old one.
//!
//! The id follows from the key and the quarter of an hour in which it was first seen. That quarter is remembered here for as long as the
//! broker remembers the key; after a restart it is computed anew, so a retry within the same quarter still has the same id.
//!
//! Limit: of more than [`REMEMBERED`] keys at a time the oldest are forgotten. A retry that straddles both a restart, or that limit,
//! and a quarter gives a second id: an alert twice rather than not at all.

use crate::broker::memory::IDEMPOTENCY_TTL_MS;
use lru::LruCache;
use parking_lot::Mutex;
use std::num::NonZeroUsize;

/// Keys that are remembered.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(50_000).unwrap();

/// See the module.
pub(super) struct KeyAges {
    /// By the key's digest, the period of its first use and when that was. Held for one look-up.
    first_used: Mutex<LruCache<String, (u64, u64)>>,
}

impl Default for KeyAges {
    fn default() -> Self {
        Self { first_used: Mutex::new(LruCache::new(REMEMBERED)) }
    }
}

impl KeyAges {
    /// The period of this key's first use, if it is still in use; else of now. Never 0.
    pub(super) fn period_of(&self, key: &str, now_ms: u64) -> u64 {
        let mut first_used = self.first_used.lock();
        match first_used.get(key) {
            Some((period, at_ms)) if now_ms < at_ms.saturating_add(IDEMPOTENCY_TTL_MS) => *period,
            _ => {
                let period = now_ms / IDEMPOTENCY_TTL_MS + 1;
                first_used.put(key.to_owned(), (period, now_ms));
                period
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_one_period_while_it_is_in_use_and_another_one_after_that() {
        let ages = KeyAges::default();
        let just_before = IDEMPOTENCY_TTL_MS * 7 - 1;
        let first = ages.period_of("k", just_before);
        assert_eq!(ages.period_of("k", just_before + IDEMPOTENCY_TTL_MS - 1), first, "across the end of a quarter of an hour");
        assert_ne!(ages.period_of("k", just_before + IDEMPOTENCY_TTL_MS), first);
        // Another life of the relay, within the same quarter.
        assert_eq!(KeyAges::default().period_of("k", just_before - 60_000), first);
        assert_ne!(first, 0);
    }
}
