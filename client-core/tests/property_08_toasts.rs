//! Property 8: every toast goes by itself after its time in sight, however many come, and whoever points at them meanwhile.

// Tests may unwrap: a panic is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod common;

use common::*;
use proptest::prelude::*;
use pulsewire_client_core::protocol::{Heartbeat, ServerMessage, Severity, UnixMs};
use pulsewire_client_core::*;
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
enum Step {
    Alert { id: u32, severity: Severity },
    Pass(u64),
    Hold(bool),
    Dismiss(u32),
}

fn step() -> impl Strategy<Value = Step> {
    let severity = prop::sample::select(Severity::ALL);
    prop_oneof![
        4 => (0..40u32, severity).prop_map(|(id, severity)| Step::Alert { id, severity }),
        4 => (0..4_000u64).prop_map(Step::Pass),
        1 => any::<bool>().prop_map(Step::Hold),
        1 => (0..40u32).prop_map(Step::Dismiss),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn property_08_each_toast_is_in_sight_for_its_time_and_then_gone(
        steps in prop::collection::vec(step(), 1..60), duration_ms in 1_000..15_000u64, max_visible in 1..7usize,
    ) {
        let toasts = ToastConfig { duration_ms, max_visible, ..ToastConfig::default() };
        let mut page = Page::new(Config { toasts, ..exact() });
        page.subscribe("tenant");
        page.command(Command::Connect);
        page.accept();
        let mut offset = 0;
        // How long each one was in sight while nobody held the clocks.
        let mut in_sight: BTreeMap<String, u64> = BTreeMap::new();
        let mut dismissed = Vec::new();
        let mut gone: Vec<String> = Vec::new();
        let mut come: Vec<String> = Vec::new();
        let calm = [Step::Hold(false)].into_iter().chain((0..1_000).map(|_| Step::Pass(duration_ms)));
        for step in steps.into_iter().chain(calm) {
            match step {
                Step::Alert { id, severity } => {
                    offset += 1;
                    let ts = page.now.unix;
                    page.event("tenant", publication(offset, alert(&id.to_string(), severity, ts), ts));
                    if !come.contains(&id.to_string()) {
                        come.push(id.to_string());
                    }
                }
                Step::Hold(held) => page.command(Command::HoldToasts(held)),
                Step::Dismiss(id) => {
                    page.command(Command::DismissToast { id: id.to_string() });
                    dismissed.push(id.to_string());
                }
                Step::Pass(ms) => {
                    // In steps of the core's own deadlines, so that the time in sight can be counted exactly.
                    let end = page.now.monotonic.plus(ms);
                    // The connection lives on: its loss would be a toast of its own.
                    page.relay(ServerMessage::Heartbeat(Heartbeat { ts: UnixMs(0.0) }));
                    while page.now.monotonic < end {
                        let next = page.client.poll_timeout().filter(|at| *at < end).unwrap_or(end);
                        let passed = next.since(page.now.monotonic);
                        if !page.client.toasts().held() {
                            for id in ids_in_sight(&page) {
                                *in_sight.entry(id).or_default() += passed;
                            }
                        }
                        let before = ids_in_sight(&page);
                        page.jump(passed);
                        page.input(Input::Tick);
                        let after = ids_in_sight(&page);
                        for id in before.into_iter().filter(|id| !after.contains(id)) {
                            prop_assert_eq!(in_sight[&id], duration_ms, "{} went at another time", id);
                            gone.push(id);
                        }
                        for id in &after {
                            prop_assert!(in_sight.get(id).copied().unwrap_or(0) < duration_ms, "{} is overdue", id);
                        }
                    }
                    if page.client.toasts().visible().len() == 0 && gone.len() >= come.len() {
                        break;
                    }
                }
            }
            let visible: Vec<_> = page.client.toasts().visible().map(|toast| (toast.severity, toast.ts)).collect();
            prop_assert!(visible.len() <= max_visible);
            prop_assert!(visible.is_sorted_by(|a, b| a.0 < b.0 || (a.0 == b.0 && a.1 >= b.1)), "{:?}", visible);
            prop_assert!(page.client.toasts().waiting() == 0 || visible.len() == max_visible);
        }
        prop_assert_eq!(page.client.toasts().count(), 0);
        for id in &come {
            prop_assert!(gone.contains(id) || dismissed.contains(id), "{} was never in sight", id);
        }
        gone.sort();
        let all = gone.len();
        gone.dedup();
        prop_assert_eq!(gone.len(), all, "an alert was shown twice");
    }
}

/// Those that share a place are in sight together.
fn ids_in_sight(page: &Page) -> Vec<String> {
    let toasts = page.client.toasts();
    toasts.visible().flat_map(|shown| core::iter::once(shown).chain(toasts.behind(shown))).map(|toast| toast.id.clone()).collect()
}
