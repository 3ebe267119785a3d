//! Since when idempotency keys are in use: an id that follows from a key must be the same for every retry and another one once the
//! key is free again, or the new alert would be taken for the old one.
//!
//! The id follows from the key and the quarter of an hour in which it was first seen. That quarter is remembered here for as long as the
//! broker remembers the key; after a restart it is computed anew, so a retry within the same quarter still has the same id.
//!
//! Where relays share a broker another one may have seen the key first, in another quarter: only those beside the present one are
//! possible ([`Guess`]), and the broker, which has the first body, tells which it was. When that was exactly this relay
//! does not know, so it does not remember it either: it would take the key for used when it is free again.
//!
//! Limit: of more than [`REMEMBERED`] keys at a time the oldest are forgotten. A retry that straddles both a restart of a relay that
//! keeps everything in memory and a quarter gives a second id: an alert twice rather than not at all.

use crate::broker::memory::IDEMPOTENCY_TTL_MS;
use lru::LruCache;
use parking_lot::Mutex;
use pulsewire_protocol::{ErrorBody, ErrorCode};
use std::num::NonZeroUsize;

/// Longer idempotency keys are refused.
const MAX_KEY_BYTES: usize = 128;
/// Keys that are remembered.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(50_000).unwrap();

/// Whether a key may be one.
pub(super) fn check_key(key: Option<&str>) -> Result<(), ErrorBody> {
    if key.is_some_and(|key| key.is_empty() || key.len() > MAX_KEY_BYTES) {
        return Err(ErrorBody::new(ErrorCode::BadRequest, format!("key: 1 to {MAX_KEY_BYTES} bytes")));
    }
    Ok(())
}

/// See the module.
pub(super) struct KeyAges {
    /// By the key's digest. Held for one look-up.
    first_used: Mutex<LruCache<String, FirstUse>>,
}

#[derive(Clone, Copy)]
struct FirstUse {
    period: u64,
    at_ms: u64,
    /// Whether it was this relay that published it.
    is_own: bool,
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
            Some(known) if now_ms < known.at_ms.saturating_add(IDEMPOTENCY_TTL_MS) => known.period,
            _ => {
                let period = period_at(now_ms);
                first_used.put(key.to_owned(), FirstUse { period, at_ms: now_ms, is_own: false });
                period
            }
        }
    }

    /// When a key may have been first used.
    pub(super) fn guess(&self, key: String, now_ms: u64) -> Guess {
        let known = self.period_of(&key, now_ms);
        let now = period_at(now_ms);
        let mut others = [now, now.saturating_sub(1).max(1), now + 1].into_iter().filter(|other| *other != known);
        let mut next = || others.next().unwrap_or(known);
        Guess { key, periods: [known, next(), next()], at: 0 }
    }

    /// What this was guessed for was accepted: now, or it was there before.
    pub(super) fn handle_stored(&self, guess: &Guess, now: bool, now_ms: u64) {
        let mut first_used = self.first_used.lock();
        match first_used.get_mut(&guess.key) {
            Some(known) if now => *known = FirstUse { period: guess.period(), at_ms: now_ms, is_own: true },
            Some(known) if !known.is_own => drop(first_used.pop(&guess.key)),
            _ => {}
        }
    }
}

/// When a key may have been first used: as this relay knows or would say now, in the present period, in the one before, and, by another
/// relay whose clock is a little ahead, in the next.
pub(super) struct Guess {
    key: String,
    periods: [u64; 3],
    at: usize,
}

impl Guess {
    pub(super) fn period(&self) -> u64 {
        self.periods.get(self.at).copied().unwrap_or_default()
    }
}

/// After a conflict of that one: whether there is another guess left. What comes behind it was most likely first published with it.
pub(super) fn guess_again(guesses: &mut [Option<Guess>], index: usize) -> bool {
    let Some((Some(guess), rest)) = guesses.get_mut(index..).and_then(<[_]>::split_first_mut) else { return false };
    guess.at += 1;
    let Some(period) = guess.periods.get(guess.at) else { return false };
    for other in rest.iter_mut().flatten().filter(|other| other.at == 0) {
        if let Some(place) = other.periods.iter().position(|known| known == period) {
            other.periods.swap(0, place);
        }
    }
    true
}

/// Never 0.
fn period_at(now_ms: u64) -> u64 {
    now_ms / IDEMPOTENCY_TTL_MS + 1
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

    #[test]
    fn what_another_relay_published_first_is_not_remembered_and_what_this_one_did_is() {
        let ages = KeyAges::default();
        let late = IDEMPOTENCY_TTL_MS * 8 - 1;
        let guess = |now_ms| ages.guess("k".to_owned(), now_ms);
        assert_eq!(guess(late).periods, [8, 7, 9]);
        ages.handle_stored(&guess(late), false, late);
        assert_eq!(guess(late + 1).periods, [9, 8, 10], "it began anew");
        ages.handle_stored(&guess(late + 1), true, late + 1);
        ages.handle_stored(&guess(late + 2), false, late + 2);
        assert_eq!(guess(late + IDEMPOTENCY_TTL_MS).periods, [9, 8, 10]);
        assert_eq!(guess(late + 1 + IDEMPOTENCY_TTL_MS).periods, [10, 9, 11], "the key is free again");
        assert_eq!(ages.guess("new".to_owned(), 0).periods, [1, 2, 1], "there was nothing before");
    }

    #[test]
    fn what_was_published_together_is_guessed_together() {
        let ages = KeyAges::default();
        let now_ms = IDEMPOTENCY_TTL_MS * 8;
        let mut guesses = [Some(ages.guess("a".to_owned(), now_ms)), None, Some(ages.guess("b".to_owned(), now_ms))];
        let periods = |guesses: &[Option<Guess>]| guesses.iter().flatten().map(Guess::period).collect::<Vec<_>>();
        assert!(guess_again(&mut guesses, 0));
        assert_eq!(periods(&guesses), [8, 8]);
        assert!(guess_again(&mut guesses, 2));
        assert_eq!(periods(&guesses), [8, 9]);
        assert!(guess_again(&mut guesses, 2) && !guess_again(&mut guesses, 2), "each once");
        assert!(!guess_again(&mut guesses, 1), "nothing to guess");
    }
}
