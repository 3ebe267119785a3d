//! The two-ended simulation: the real client core against the relay's real session, hub and broker, over a link that a seed
//! makes faulty, in virtual time.
//!
//! Each seed is one schedule: pages hold and let go of channels and publish, the relay publishes, restarts and drains, links are
//! cut, stall, swallow, refuse and hang, machines go offline, sleep and wake, tokens end. Held to at every step: one socket
//! per page, no deadline in the past, every publication once, in order, without a gap (or its loss announced), every request
//! settled once. Held to once the weather is good again: every wanted channel is live and up to date, viewers are right, and
//! nothing was announced as lost that was not.
//!
//! `PULSEWIRE_SIM_SEEDS=5000` runs more schedules, `PULSEWIRE_SIM_SEED=17` replays one and tells what happens.
//!
//! Trap: tokio's `select!` draws which branch it polls first, so a replay may differ in the order of what happens at the same
//! instant. Everything else follows from the seed.

// Tests may unwrap: a panic is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs, unreachable_pub)]

mod judge;
mod link;
mod page;
mod schedule;
mod truth;

use schedule::Figures;
use std::panic::AssertUnwindSafe;

/// Schedules of one test in the default run; there are four.
const SCHEDULES: u64 = 60;

/// Runs one schedule under virtual time.
fn run(seed: u64, tell: bool) -> Figures {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, schedule::run(seed, tell))
}

fn run_all(quarter: u64) {
    if let Ok(seed) = std::env::var("PULSEWIRE_SIM_SEED") {
        let seed = seed.parse().expect("PULSEWIRE_SIM_SEED is a number");
        if seed % 4 == quarter {
            eprintln!("{:?}", run(seed, true));
        }
        return;
    }
    let schedules =
        std::env::var("PULSEWIRE_SIM_SEEDS").map_or(4 * SCHEDULES, |count| count.parse().expect("PULSEWIRE_SIM_SEEDS is a number"));
    let mut sum = Figures::default();
    for seed in (0..schedules).filter(|seed| seed % 4 == quarter) {
        match std::panic::catch_unwind(AssertUnwindSafe(|| run(seed, false))) {
            Ok(figures) => sum.add(&figures),
            Err(panic) => {
                eprintln!("replay it with: PULSEWIRE_SIM_SEED={seed} cargo test -p pulsewire-tests --test sim -- --nocapture");
                std::panic::resume_unwind(panic);
            }
        }
    }
    eprintln!("{sum:?}");
    assert!(sum.applied > 0 && sum.tries > 0, "a simulation that checks nothing: {sum:?}");
}

#[test]
fn client_and_relay_keep_their_promise_in_the_first_quarter_of_the_schedules() {
    run_all(0);
}

#[test]
fn client_and_relay_keep_their_promise_in_the_second_quarter_of_the_schedules() {
    run_all(1);
}

#[test]
fn client_and_relay_keep_their_promise_in_the_third_quarter_of_the_schedules() {
    run_all(2);
}

#[test]
fn client_and_relay_keep_their_promise_in_the_last_quarter_of_the_schedules() {
    run_all(3);
}
