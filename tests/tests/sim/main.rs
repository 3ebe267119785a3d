//! The two-ended simulation: the real client core against the relay's real session, hub and broker, over a link that a seed
//! makes faulty, in virtual time.
//!
//! In half of the schedules there is one relay, which has its history in memory; in the others two or three share a store behind a
//! balancer without sticky sessions, as they share a Redis: that dies, stands still, comes back empty, and its connections are cut
//! between what it does and its answer, or go deaf.
//!
//! Each seed is one schedule: pages hold and let go of channels and publish, the backend publishes and repeats itself, the relay
//! restarts with and without its history, links are cut, stall, swallow, delay, repeat, refuse and hang, machines go offline,
//! sleep and wake, clocks jump, tokens end or are no good, pages are reloaded. Held to at every step: one socket per page, no
//! deadline in the past, delays within their bounds, every publication once, in order, without a gap (or its loss announced),
//! no place and no retained state that goes back, every request settled once, everything bounded. Held to once the weather is
//! good again, within a bounded time: every wanted channel is live and up to date, viewers are right, nothing was announced as
//! lost that was not, the relay holds one connection per page and none once they are closed.
//!
//! `PULSEWIRE_SIM_SEEDS=100000` runs that many schedules, `PULSEWIRE_SIM_FROM` says where to begin, `PULSEWIRE_SIM_SEED=17`
//! replays one and tells what happens. Everything follows from the seed, which a test of its own checks.

// Tests may unwrap: a panic is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs, unreachable_pub)]

mod backend;
mod ending;
mod figures;
mod held;
mod history;
mod judge;
mod ledger;
mod link;
mod node;
mod outage;
mod page;
mod schedule;
mod store;
mod truth;
mod web;
mod world;

use figures::Figures;
use std::panic::AssertUnwindSafe;

/// Schedules of the default run, in four tests that run side by side.
const SCHEDULES: u64 = 1_000;
/// After so many failures a test has told enough.
const MOST_FAILURES: usize = 5;

/// Runs one schedule under virtual time.
fn run(seed: u64, tell: bool) -> Figures {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, schedule::run(seed, tell))
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text}")))
}

fn run_quarter(quarter: u64) {
    if let Some(seed) = number("PULSEWIRE_SIM_SEED") {
        if seed % 4 == quarter {
            eprint!("seed {seed}: {}", run(seed, true));
        }
        return;
    }
    let from = number("PULSEWIRE_SIM_FROM").unwrap_or(0);
    let to = from + number("PULSEWIRE_SIM_SEEDS").unwrap_or(SCHEDULES);
    let (mut sum, mut failed) = (Figures::default(), Vec::new());
    for seed in (from..to).filter(|seed| seed % 4 == quarter) {
        match std::panic::catch_unwind(AssertUnwindSafe(|| run(seed, false))) {
            Ok(figures) => sum.add(&figures),
            Err(_) => {
                eprintln!("replay it with: PULSEWIRE_SIM_SEED={seed} cargo test -p pulsewire-tests --test sim -- --nocapture");
                failed.push(seed);
                if failed.len() == MOST_FAILURES {
                    break;
                }
            }
        }
    }
    eprint!("{sum}");
    assert!(failed.is_empty(), "these seeds failed, see above: {failed:?}");
    assert!(sum.checked > 0 && sum.welcomes > 0 && !sum.faults.is_empty(), "a simulation that checks nothing: {sum}");
}

#[test]
fn client_and_relay_keep_their_promise_in_the_first_quarter_of_the_schedules() {
    run_quarter(0);
}

#[test]
fn client_and_relay_keep_their_promise_in_the_second_quarter_of_the_schedules() {
    run_quarter(1);
}

#[test]
fn client_and_relay_keep_their_promise_in_the_third_quarter_of_the_schedules() {
    run_quarter(2);
}

#[test]
fn client_and_relay_keep_their_promise_in_the_last_quarter_of_the_schedules() {
    run_quarter(3);
}

#[test]
fn a_seed_makes_the_same_happen_every_time() {
    for seed in 0..24 {
        assert_eq!(run(seed, false), run(seed, false), "seed {seed}: something does not follow from the seed");
    }
}
