//! C8 under arbitrary schedules, against a model relay: every message goes out once and in the order of its channel, or its end is
//! told, whatever sockets, requests, reloads and restarts of the relay do meanwhile. Judged by what the relay stored, not by what
//! the client says of it.

// Tests may unwrap: a panic is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod common;

use common::relay::ModelRelay;
use common::*;
use proptest::prelude::*;
use pulsewire_client_core::protocol::{ErrorBody, ErrorCode, Payload, RawJson};
use pulsewire_client_core::*;
use std::collections::{BTreeMap, BTreeSet};

/// The last one is never held.
const CHANNELS: [&str; 3] = ["patient:1", "ward:7", "lobby:1"];
/// `{"sub":"ana","tenant":"t"}`.
const ANA: &str = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbmEiLCJ0ZW5hbnQiOiJ0In0.c2ln";

#[derive(Clone, Debug)]
enum Step {
    Publish {
        channel: usize,
        count: u32,
    },
    PublishNow {
        channel: usize,
    },
    Deliver(usize),
    Reconnect,
    Cut,
    Block(bool),
    /// Requests over HTTP: answered, lost on the way there, lost on the way back.
    Answer,
    LoseRequest,
    LoseAnswer,
    Restart,
    Refuse(u8),
    Pass(u64),
    Reload,
    Wake,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..3usize, 1..5u32).prop_map(|(channel, count)| Step::Publish { channel, count }),
        1 => (0..3usize).prop_map(|channel| Step::PublishNow { channel }),
        8 => (0..8usize).prop_map(Step::Deliver),
        4 => Just(Step::Reconnect),
        3 => Just(Step::Cut),
        2 => any::<bool>().prop_map(Step::Block),
        8 => Just(Step::Answer),
        1 => Just(Step::LoseRequest),
        1 => Just(Step::LoseAnswer),
        1 => Just(Step::Restart),
        2 => (0..3u8).prop_map(Step::Refuse),
        4 => (0..12_000u64).prop_map(Step::Pass),
        1 => Just(Step::Reload),
        1 => Just(Step::Wake),
    ]
}

#[derive(Default)]
struct Judge {
    /// Channel of every message, by its number.
    published: BTreeMap<u32, &'static str>,
    queued: BTreeSet<u32>,
    by_id: BTreeMap<String, u32>,
    delivered: BTreeMap<u32, Delivery>,
    settled: BTreeMap<u32, Result<Settlement, Failure>>,
}

impl Judge {
    fn read(&mut self, page: &mut Page) {
        for event in page.take_events() {
            match event {
                ClientEvent::Delivery { id, request, state, .. } => {
                    if let Some(request) = request {
                        self.by_id.insert(id.clone(), request.0);
                    }
                    let number = self.by_id[&id];
                    let before = self.delivered.insert(number, state.clone());
                    assert!(
                        !matches!(before, Some(Delivery::Confirmed { .. } | Delivery::Failed(_))),
                        "{number}: {state:?} after its end {before:?}"
                    );
                }
                ClientEvent::Settled { request, result } => {
                    let before = self.settled.insert(request.0, result);
                    assert_eq!(before, None, "{}: settled twice", request.0);
                }
                _ => {}
            }
        }
    }
    fn end_of(&self, number: u32) -> Option<Result<(), Failure>> {
        let delivered = match self.delivered.get(&number) {
            Some(Delivery::Confirmed { .. }) => Some(Ok(())),
            Some(Delivery::Failed(failure)) => Some(Err(failure.clone())),
            _ => None,
        };
        delivered.or_else(|| self.settled.get(&number).map(|result| result.clone().map(|_| ())))
    }
    fn check(&self, relay: &ModelRelay, lost_with_a_reload: &BTreeSet<u32>) {
        let mut stored: BTreeMap<u32, u32> = BTreeMap::new();
        let mut last: BTreeMap<&str, u32> = BTreeMap::new();
        for (channel, text) in &relay.accepted {
            let number: u32 = text.parse().unwrap();
            *stored.entry(number).or_default() += 1;
            if self.queued.contains(&number) {
                let before = last.insert(channel, number).unwrap_or(0);
                assert!(number > before, "{channel}: {number} was stored after {before}");
            }
        }
        for number in self.published.keys() {
            let times = stored.get(number).copied().unwrap_or(0);
            assert!(times <= 1, "{number} was stored {times} times");
            match self.end_of(*number) {
                Some(Ok(())) => assert_eq!(times, 1, "{number} is confirmed"),
                Some(Err(Failure::Unknown)) => {}
                Some(Err(failure)) => assert_eq!(times, 0, "{number} ended as {failure:?}, and yet it was stored"),
                None => assert!(lost_with_a_reload.contains(number), "{number} never ended"),
            }
        }
    }
}

struct World {
    page: Page,
    relay: ModelRelay,
    judge: Judge,
    blocked: bool,
    lives: u64,
    lost_with_a_reload: BTreeSet<u32>,
}

fn config() -> Config {
    Config { outbox: OutboxConfig { persist: true, ..OutboxConfig::default() }, ..Config::default() }
}

impl World {
    fn new() -> Self {
        let mut page = Page::new(config());
        page.token = Some(ANA.to_owned());
        let (relay, judge) = (ModelRelay::new(1_000), Judge::default());
        let mut world = Self { page, relay, judge, blocked: false, lives: 1, lost_with_a_reload: BTreeSet::new() };
        world.begin();
        world
    }
    fn begin(&mut self) {
        for channel in &CHANNELS[..2] {
            self.page.subscribe(channel);
        }
        self.page.command(Command::Connect);
    }
    fn publish(&mut self, channel: usize, queue: bool) {
        let number = self.judge.published.len() as u32 + 1;
        self.judge.published.insert(number, CHANNELS[channel]);
        if queue {
            self.judge.queued.insert(number);
            self.page.note(number, CHANNELS[channel]);
        } else {
            let data = RawJson::from_text_unchecked(number.to_string());
            let payload = Payload::Custom { event: "note".to_owned(), data };
            let (request, channel) = (RequestId(number), CHANNELS[channel].to_owned());
            let key = Some(format!("now-{number}"));
            self.page.command(Command::Publish { request, channel, payload, key, queue });
        }
    }
    fn serve(&mut self, frames: usize) {
        self.relay.serve(&mut self.page);
        for _ in 0..frames {
            let Some(frame) = self.relay.frames.pop_front() else { break };
            self.page.bytes(&frame);
            self.relay.serve(&mut self.page);
        }
    }
    /// The socket of a try gets through, or fails where it is blocked.
    fn connect(&mut self) {
        if self.page.open.is_none() || self.page.state() == ConnectionState::Connected {
            return;
        }
        if self.blocked {
            self.page.closed(1006, "");
        } else if !self.relay.open(&mut self.page) {
            self.serve(1);
        }
    }
    fn pass(&mut self, ms: u64) {
        // In small steps, so that tries fail while time passes.
        for _ in 0..10 {
            self.page.advance(ms / 10);
            self.page.restore();
            if self.blocked {
                self.connect();
            }
        }
    }
    fn http(&mut self, applied: bool, answered: bool) {
        for fetch in self.page.fetches.clone() {
            if !self.page.fetches.iter().any(|open| open.fetch == fetch.fetch) {
                continue;
            }
            let (status, code, body) = if applied { self.relay.answer(&fetch, self.page.now) } else { (0, "", Vec::new()) };
            let answer = HttpAnswer { status, code, retry_after_ms: None, body: &body };
            self.page.answer(fetch.fetch, if answered { answer } else { HttpAnswer::default() });
        }
    }
    fn reload(&mut self) {
        self.judge.read(&mut self.page);
        // Only what goes through the outbox survives.
        for number in self.judge.published.keys() {
            if !self.judge.queued.contains(number) && self.judge.end_of(*number).is_none() {
                self.lost_with_a_reload.insert(*number);
            }
        }
        self.lives += 1;
        self.relay.cut();
        let mut config = config();
        config.client.session = format!("life-{}", self.lives);
        self.page.reloaded(config, self.lives);
        self.begin();
    }
    fn step(&mut self, step: Step) {
        match step {
            Step::Publish { channel, count } => (0..count).for_each(|_| self.publish(channel, true)),
            Step::PublishNow { channel } => self.publish(channel, false),
            Step::Deliver(frames) => self.serve(frames),
            Step::Reconnect => self.connect(),
            Step::Cut => {
                if self.page.open.is_some() {
                    self.relay.cut();
                    self.page.closed(1006, "");
                }
            }
            Step::Block(blocked) => {
                self.blocked = blocked;
                if blocked && self.page.open.is_some() {
                    self.relay.cut();
                    self.page.closed(1006, "");
                }
            }
            Step::Answer => self.http(true, true),
            Step::LoseRequest => self.http(false, false),
            Step::LoseAnswer => self.http(true, false),
            Step::Restart => {
                self.relay.restart();
                if self.page.open.is_some() {
                    self.page.closed(1001, "");
                }
            }
            Step::Refuse(kind) => self.relay.refusals.push_back(match kind {
                0 => ErrorBody::retryable(ErrorCode::RateLimited, "slower", Some(300)),
                1 => ErrorBody::retryable(ErrorCode::Unavailable, "busy", None),
                _ => ErrorBody::new(ErrorCode::Forbidden, "no"),
            }),
            Step::Pass(ms) => self.pass(ms),
            Step::Reload => self.reload(),
            Step::Wake => self.page.wake(Wake::Visible),
        }
        self.page.restore();
        self.judge.read(&mut self.page);
        assert!(self.page.client.outbox().len() <= 1_000);
    }
    /// Lets everything arrive until nothing waits.
    fn settle(&mut self) {
        self.blocked = false;
        for _ in 0..400 {
            self.connect();
            self.serve(usize::MAX);
            self.http(true, true);
            self.page.restore();
            self.page.advance(250);
            self.judge.read(&mut self.page);
        }
        assert!(self.page.client.outbox().is_empty(), "{:?}", self.page.client.outbox().items());
        assert_eq!(self.page.state(), ConnectionState::Connected);
        assert!(self.page.saved.is_empty(), "what is over is forgotten");
    }
}

fn run(steps: Vec<Step>) -> World {
    let mut world = World::new();
    for step in steps {
        world.step(step);
    }
    world.settle();
    world.judge.check(&world.relay, &world.lost_with_a_reload);
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_message_is_stored_once_and_in_order_or_its_end_is_told(steps in prop::collection::vec(step(), 1..150)) {
        run(steps);
    }
}
