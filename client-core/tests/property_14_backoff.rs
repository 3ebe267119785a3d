//! Property 14: the sequence of delays and their bounds, for any setting, seen from outside as the times of the tries.

// Tests may unwrap: a panic is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod common;

use common::*;
use proptest::prelude::*;
use pulsewire_client_core::*;

/// The delays between failures and the tries that follow them.
fn delays(backoff: BackoffConfig, seed: u64, failures: usize) -> Vec<u64> {
    let mut page = Page::new(Config { backoff, ..Config::default() });
    page.client = Client::new(page.client.config().clone(), seed, START);
    page.command(Command::Connect);
    (0..failures)
        .map(|_| {
            let failed_at = page.now.monotonic;
            page.closed(1006, "");
            page.await_socket();
            page.tries.last().unwrap().since(failed_at)
        })
        .collect()
}

fn exact_delay(base_ms: u64, factor: f64, cap_ms: u64, failure: usize) -> u64 {
    (base_ms as f64 * factor.powi(failure as i32)).min(cap_ms as f64) as u64
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn property_14_without_jitter_each_delay_is_base_times_factor_to_the_failures_capped(
        base_ms in 1..5_000u64, factor in 1..5u32, cap_ms in 1..120_000u64,
    ) {
        let backoff = BackoffConfig { base_ms, factor: f64::from(factor), cap_ms, jitter: false };
        let expected: Vec<u64> = (0..12).map(|n| exact_delay(base_ms, f64::from(factor), cap_ms, n)).collect();
        prop_assert_eq!(delays(backoff, 1, 12), expected);
    }

    #[test]
    fn property_14_with_jitter_each_delay_lies_between_half_and_the_whole(
        base_ms in 2..5_000u64, factor in 1.0..4.0f64, cap_ms in 2..120_000u64, seed: u64,
    ) {
        let backoff = BackoffConfig { base_ms, factor, cap_ms, jitter: true };
        for (n, delay) in delays(backoff, seed, 12).into_iter().enumerate() {
            let whole = exact_delay(base_ms, factor, cap_ms, n);
            prop_assert!(delay * 2 >= whole.saturating_sub(1) && delay <= whole + 1, "{} of {}", delay, whole);
        }
    }
}

#[test]
fn property_14_thousands_of_clients_do_not_come_back_together() {
    let mut all: Vec<u64> = (0..1_000).map(|seed| delays(BackoffConfig::default(), seed, 1)[0]).collect();
    all.sort_unstable();
    assert!(all[0] < 520 && all[999] > 980, "{} to {}", all[0], all[999]);
    // A thousand over 500 ms: no 10 ms may hold more than a small share.
    let crowd = all.chunk_by(|one, other| one / 10 == other / 10).map(<[u64]>::len).max().unwrap();
    assert!(crowd < 60, "{crowd}");
}
