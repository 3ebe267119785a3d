//! C5 and C10 under arbitrary schedules, against a model relay: per channel no gap, no duplicate, in order, and every loss announced,
//! over sockets and polls, whichever of them gets through.

// Tests may unwrap: a panic is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod common;

use common::relay::{ModelRelay, mark};
use common::*;
use proptest::prelude::*;
use pulsewire_client_core::protocol::Payload;
use pulsewire_client_core::*;
use std::collections::BTreeMap;

const CHANNELS: [&str; 3] = ["patient:1", "patient:2", "device:1"];

#[derive(Clone, Debug)]
enum Step {
    Publish {
        channel: usize,
        count: u64,
        merged: bool,
    },
    Deliver(usize),
    /// A frame is lost inside a living connection: what a buggy proxy or relay would do.
    LoseFrame,
    DuplicateFrame,
    GarbleFrame,
    Cut,
    Reconnect,
    Pass(u64),
    Trim(usize),
    Restart,
    Hold {
        channel: usize,
        history: u32,
    },
    Release(usize),
    Wake,
    /// Sockets fail at once from now on, or get through again.
    Block(bool),
    /// The poll under way is answered, or lost before or after the relay looked.
    Poll {
        answered: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..3usize, 0..6u64, any::<bool>()).prop_map(|(channel, count, merged)| Step::Publish { channel, count, merged }),
        8 => (0..8usize).prop_map(Step::Deliver),
        1 => Just(Step::LoseFrame),
        1 => Just(Step::DuplicateFrame),
        1 => Just(Step::GarbleFrame),
        2 => Just(Step::Cut),
        4 => Just(Step::Reconnect),
        2 => (0..7_000u64).prop_map(Step::Pass),
        1 => (0..3usize).prop_map(Step::Trim),
        1 => Just(Step::Restart),
        3 => (0..3usize, 1..30u32).prop_map(|(channel, history)| Step::Hold { channel, history }),
        2 => (0..3usize).prop_map(Step::Release),
        1 => Just(Step::Wake),
        2 => any::<bool>().prop_map(Step::Block),
        6 => prop::bool::weighted(0.8).prop_map(|answered| Step::Poll { answered }),
    ]
}

/// Reads what the page was told, and holds it to the promise.
#[derive(Default)]
struct Judge {
    seen: BTreeMap<String, (String, u64)>,
    checked: usize,
}

impl Judge {
    fn read(&mut self, page: &mut Page) {
        for event in page.take_events() {
            match event {
                ClientEvent::Resync { channel } => {
                    self.seen.remove(&channel);
                }
                ClientEvent::Event(event) => {
                    let offset = event.publication.offset.unwrap();
                    let first = event.publication.first_offset.unwrap_or(offset);
                    let Payload::Custom { data, .. } = &event.publication.payload else { panic!() };
                    let epoch = data.as_str().trim_matches('"').split('/').next().unwrap().to_owned();
                    assert_eq!(data.as_str(), mark(&epoch, offset), "a publication under a wrong number");
                    if let Some((known_epoch, known)) = self.seen.get(&event.channel) {
                        assert_eq!(known_epoch, &epoch, "{}: another history without a resync", event.channel);
                        assert!(offset > *known, "{}: {offset} after {known}: a duplicate or out of order", event.channel);
                        assert!(first <= known + 1, "{}: {first}..{offset} after {known}: a gap", event.channel);
                    }
                    self.seen.insert(event.channel, (epoch, offset));
                    self.checked += 1;
                }
                _ => {}
            }
        }
    }
    /// A channel that is no longer wanted starts over when it is wanted again.
    fn forget_unwanted(&mut self, page: &Page) {
        self.seen.retain(|channel, _| page.client.channel(channel).is_some());
    }
}

fn serve(page: &mut Page, relay: &mut ModelRelay, frames: usize) {
    relay.serve(page);
    for _ in 0..frames {
        let Some(frame) = relay.frames.pop_front() else { break };
        page.bytes(&frame);
        relay.serve(page);
    }
}

fn poll(page: &mut Page, relay: &mut ModelRelay, answered: bool) {
    let Some(fetch) = page.poll_under_way() else { return };
    let (status, code, body) = relay.answer(&fetch, page.now);
    let answer = HttpAnswer { status, code, retry_after_ms: None, body: &body };
    page.answer(fetch.fetch, if answered { answer } else { HttpAnswer::default() });
}

fn fail_sockets(page: &mut Page, relay: &mut ModelRelay) {
    if page.open.is_some() {
        relay.cut();
        page.closed(1006, "");
    }
}

fn reconnect(page: &mut Page, relay: &mut ModelRelay) {
    for _ in 0..20 {
        if page.state() == ConnectionState::Connected {
            return;
        }
        if page.open.is_none() {
            let wait = page.client.poll_timeout().map_or(0, |at| at.since(page.now.monotonic));
            page.advance(wait);
        } else if !relay.open(page) {
            serve(page, relay, 1);
        }
    }
}

/// Lets everything arrive and time pass until nothing is left to do.
fn settle(page: &mut Page, relay: &mut ModelRelay) {
    for _ in 0..6 {
        reconnect(page, relay);
        serve(page, relay, usize::MAX);
        page.advance(1_100);
        serve(page, relay, usize::MAX);
    }
    // A question whose answer was lost is asked again after the request timeout.
    for _ in 0..40 {
        page.advance(1_000);
        reconnect(page, relay);
        page.relay(protocol::ServerMessage::Heartbeat(protocol::Heartbeat { ts: protocol::UnixMs(0.0) }));
        serve(page, relay, usize::MAX);
    }
}

fn run(steps: Vec<Step>, max_history: usize) -> usize {
    let mut page = Page::new(Config::default());
    let mut relay = ModelRelay::new(max_history);
    let mut judge = Judge::default();
    let mut holders = [0u32; 3];
    let mut blocked = false;
    for (channel, holders) in CHANNELS.iter().zip(&mut holders) {
        let options = SubscribeOptions { history: Some(3), max_hz: None };
        page.command(Command::Subscribe { channel: (*channel).to_owned(), options });
        *holders += 1;
    }
    page.command(Command::Connect);
    for step in steps {
        match step {
            Step::Publish { channel, count, merged } => relay.publish(CHANNELS[channel], count, merged),
            Step::Deliver(frames) => serve(&mut page, &mut relay, frames),
            // What the relay says outside of channels (welcome) cannot get lost without the connection.
            Step::LoseFrame if page.state() == ConnectionState::Connected => {
                relay.frames.pop_front();
            }
            Step::DuplicateFrame => {
                if let Some(frame) = relay.frames.front().cloned() {
                    relay.frames.push_front(frame);
                }
            }
            Step::GarbleFrame if page.state() == ConnectionState::Connected => {
                if let Some(frame) = relay.frames.front_mut() {
                    let middle = frame.len() / 2;
                    frame.truncate(middle);
                }
            }
            Step::LoseFrame | Step::GarbleFrame => {}
            Step::Cut => {
                if page.open.is_some() {
                    relay.cut();
                    page.closed(1006, "");
                }
            }
            Step::Reconnect if blocked => {
                if page.open.is_none() {
                    let wait = page.client.poll_timeout().map_or(0, |at| at.since(page.now.monotonic));
                    page.advance(wait);
                }
                fail_sockets(&mut page, &mut relay);
            }
            Step::Reconnect => reconnect(&mut page, &mut relay),
            Step::Block(now_blocked) => {
                blocked = now_blocked;
                if blocked {
                    fail_sockets(&mut page, &mut relay);
                }
            }
            Step::Poll { answered } => poll(&mut page, &mut relay, answered),
            Step::Pass(ms) => page.advance(ms),
            Step::Trim(channel) => relay.trim(CHANNELS[channel]),
            Step::Restart => {
                relay.restart();
                if page.open.is_some() {
                    page.closed(1001, "");
                }
            }
            Step::Hold { channel, history } => {
                let options = SubscribeOptions { history: Some(history), max_hz: None };
                page.command(Command::Subscribe { channel: CHANNELS[channel].to_owned(), options });
                holders[channel] += 1;
            }
            Step::Release(channel) => {
                if holders[channel] > 0 {
                    page.release(CHANNELS[channel]);
                    holders[channel] -= 1;
                }
            }
            Step::Wake => page.wake(Wake::Visible),
        }
        judge.read(&mut page);
        judge.forget_unwanted(&page);
    }
    settle(&mut page, &mut relay);
    judge.read(&mut page);
    for (channel, holders) in CHANNELS.iter().zip(holders) {
        if holders == 0 {
            continue;
        }
        // Where the last frame before was lost, the first one shows the gap, and its recovery may end in a resync.
        for _ in 0..2 {
            relay.publish(channel, 1, false);
            serve(&mut page, &mut relay, usize::MAX);
            page.advance(1_100);
            serve(&mut page, &mut relay, usize::MAX);
            judge.read(&mut page);
        }
        let newest = (relay.epoch(channel), relay.logs[*channel].offset);
        assert_eq!(judge.seen.get(*channel), Some(&newest), "{channel}: the page is behind");
        let view = page.client.channel(channel).unwrap();
        assert_eq!((view.phase, view.epoch, view.offset), (ChannelPhase::Subscribed, newest.0.as_str(), newest.1));
    }
    judge.checked
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_publication_comes_once_and_in_order_or_its_loss_is_announced(
        steps in prop::collection::vec(step(), 1..120),
        max_history in prop_oneof![Just(0usize), 1..10usize, Just(1_000)],
    ) {
        run(steps, max_history);
    }
}

#[test]
fn switches_between_socket_and_polls_lose_and_double_nothing() {
    let mut steps = vec![Step::Reconnect, Step::Deliver(8)];
    for _ in 0..20u64 {
        steps.extend([Step::Publish { channel: 0, count: 3, merged: false }, Step::Deliver(8), Step::Block(true)]);
        for _ in 0..8 {
            steps.extend([Step::Publish { channel: 0, count: 1, merged: false }, Step::Reconnect, Step::Poll { answered: true }]);
        }
        steps.extend([Step::Block(false), Step::Publish { channel: 0, count: 2, merged: false }, Step::Reconnect, Step::Deliver(8)]);
    }
    // What is published at the end, two for each channel, is counted too.
    assert_eq!(run(steps, 1_000), 20 * 13 + 6);
}

#[test]
fn a_quiet_day_brings_every_publication_without_any_resync() {
    let mut steps = Vec::new();
    for round in 0..50u64 {
        steps.extend([Step::Publish { channel: 0, count: 3, merged: round % 2 == 0 }, Step::Deliver(8)]);
        if round % 5 == 0 {
            steps.extend([Step::Cut, Step::Publish { channel: 0, count: 3, merged: false }, Step::Reconnect]);
        }
    }
    assert!(run(steps, 1_000) > 100);
}
