//! Property 15: whatever was held and let go of, a reconnect restores exactly what is wanted, in its first message.

// Tests may unwrap: a panic is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod common;

use common::*;
use proptest::prelude::*;
use pulsewire_client_core::protocol::*;
use pulsewire_client_core::*;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug)]
enum Step {
    Hold(usize),
    Release(usize),
    Pass(u64),
    Cut,
    Accept,
    Refuse,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0..6usize).prop_map(Step::Hold),
        4 => (0..6usize).prop_map(Step::Release),
        2 => (0..6_000u64).prop_map(Step::Pass),
        2 => Just(Step::Cut),
        3 => Just(Step::Accept),
        1 => Just(Step::Refuse),
    ]
}

fn channel(index: usize) -> String {
    format!("patient:{index}")
}

/// What the relay believes after having read everything.
fn read(page: &mut Page, relay: &mut BTreeSet<String>) {
    for message in page.take_sent() {
        match message {
            ClientMessage::Connect(connect) => *relay = connect.subscribe.into_iter().map(|entry| entry.channel).collect(),
            ClientMessage::Subscribe(subscribe) => {
                relay.insert(subscribe.channel.clone());
                page.relay(ServerMessage::Subscribed(fresh(Some(subscribe.id), &subscribe.channel, "a", 0)));
            }
            ClientMessage::Unsubscribe(unsubscribe) => {
                assert!(relay.remove(&unsubscribe.channel), "unsubscribed from what was not subscribed");
            }
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn property_15_a_reconnect_restores_exactly_the_wanted_channels(steps in prop::collection::vec(step(), 1..80)) {
        let mut page = Page::new(exact());
        let mut relay = BTreeSet::new();
        // Holders, and until when a channel without any lingers.
        let mut model: BTreeMap<usize, (u32, u64)> = BTreeMap::new();
        page.command(Command::Connect);
        for step in steps.into_iter().chain([Step::Pass(0), Step::Cut, Step::Accept]) {
            let now = page.now.monotonic.0;
            match step {
                Step::Hold(index) => {
                    page.subscribe(&channel(index));
                    model.entry(index).or_default().0 += 1;
                }
                Step::Release(index) => {
                    if let Some(entry) = model.get_mut(&index).filter(|entry| entry.0 > 0) {
                        page.release(&channel(index));
                        *entry = (entry.0 - 1, now + 5_000);
                    }
                }
                Step::Pass(ms) => page.advance(ms),
                Step::Cut => {
                    if page.open.is_some() {
                        page.closed(1006, "");
                        relay.clear();
                    }
                }
                Step::Accept | Step::Refuse => {
                    if page.open.is_none() {
                        let wait = page.client.connection().next_retry_at.unwrap().since(page.now.unix);
                        page.advance(wait);
                    }
                    if page.state() != ConnectionState::Connected {
                        if matches!(step, Step::Refuse) {
                            page.closed(1006, "");
                        } else {
                            page.take_sent();
                            page.opened();
                            read_connect(&mut page, &mut relay);
                        }
                    }
                }
            }
            read(&mut page, &mut relay);
            let now = page.now.monotonic.0;
            model.retain(|_, (holders, until)| *holders > 0 || *until > now);
            let wanted: BTreeSet<String> = model.keys().map(|index| channel(*index)).collect();
            let known: BTreeSet<String> = page.client.channels().map(str::to_owned).collect();
            prop_assert_eq!(&known, &wanted);
            if page.state() == ConnectionState::Connected {
                prop_assert_eq!(&relay, &wanted);
                for name in &wanted {
                    prop_assert_eq!(page.client.channel(name).unwrap().phase, ChannelPhase::Subscribed);
                }
            }
        }
    }
}

/// The whole restoration stands in the first message: it is checked before `welcome` gives a chance for more.
fn read_connect(page: &mut Page, relay: &mut BTreeSet<String>) {
    let first: BTreeSet<String> = page.connect_message().subscribe.iter().map(|entry| entry.channel.clone()).collect();
    let wanted: BTreeSet<String> = page.client.channels().map(str::to_owned).collect();
    assert_eq!(first, wanted);
    *relay = first;
    let entries = page.connect_message().subscribe.clone();
    page.take_sent();
    let entries = entries.iter().map(|entry| SubscribedEntry::Subscribed(fresh(None, &entry.channel, "a", 0))).collect();
    page.relay(ServerMessage::Welcome(welcome(1, page.now, entries)));
}
