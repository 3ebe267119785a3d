//! The WebSocket of the relay against the cases of Autobahn's test suite, by their numbers, over an echo with the settings of `/ws`.
//!
//! Why our own: Autobahn's suite needs Python 2. What it checks stands in RFC 6455; its numbers and its verdicts are kept, so that
//! results compare: a reference echo on axum passes 296 of 301, with 3 informational and 2 not strict (6.4.3, 6.4.4).
//!
//! Limits: groups 12 and 13 are compression, which the relay does not offer. Text that is no UTF-8 is closed with the relay's own
//! 4400 instead of 1007, a broken close code with 1002.
// Tests may unwrap: a panic is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs, unreachable_pub)]

mod case;
mod cases;
mod echo;
mod peer;

use case::Verdict;
use std::collections::BTreeMap;

/// What is not strict, and known: a frame is judged when it is whole, so an octet that breaks it is told only at its end.
const NOT_STRICT: [&str; 2] = ["6.4.3", "6.4.4"];
/// What the RFC leaves open.
const INFORMATIONAL: [&str; 3] = ["7.1.6", "7.13.1", "7.13.2"];

fn expected(number: &str) -> Verdict {
    if NOT_STRICT.contains(&number) {
        Verdict::NonStrict
    } else if INFORMATIONAL.contains(&number) {
        Verdict::Informational
    } else {
        Verdict::Ok
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cases_of_autobahn_end_as_expected() {
    let (address, _stop) = echo::serve().await;
    let mut counts: BTreeMap<Verdict, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (group, size, cases) in cases::GROUPS {
        let cases = cases();
        if cases.len() != size {
            wrong.push(format!("group {group} has {} cases, not {size}", cases.len()));
        }
        for case in cases {
            let (verdict, told) = case.run(address).await;
            *counts.entry(verdict).or_default() += 1;
            if verdict != expected(&case.number) {
                wrong.push(format!("{}: {verdict:?} ({told}), expected {:?}", case.number, expected(&case.number)));
            }
        }
    }
    let count = |verdict| counts.get(&verdict).copied().unwrap_or(0);
    println!(
        "conformance: {} cases: {} ok, {} not strict, {} informational, {} failed",
        counts.values().sum::<usize>(),
        count(Verdict::Ok),
        count(Verdict::NonStrict),
        count(Verdict::Informational),
        count(Verdict::Failed)
    );
    assert!(wrong.is_empty(), "{} end otherwise:\n{}", wrong.len(), wrong.join("\n"));
}
