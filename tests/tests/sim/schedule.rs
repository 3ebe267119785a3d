//! One schedule: what a seed makes happen.

use crate::backend::Mood;
use crate::figures::Figures;
use crate::link::{Door, Flow};
use crate::page::{Order, Page};
use crate::truth::Truth;
use crate::web::Net;
use crate::world::{TENANT, World};
use fastrand::Rng;
use pulsewire_client_core::{Command, SubscribeOptions, Wake};
use pulsewire_protocol::{Alert, Payload, Severity};
use pulsewire_relay::Publisher;
use pulsewire_relay::config::Config;
use std::rc::Rc;
use std::time::Duration;

pub const CHANNELS: [&str; 4] = ["patient:p1", "patient:p2", "device:d1", "room:1"];
const STEPS: usize = 70;
/// What may become of HTTP while the socket does not get through.
const BROKEN: [Net; 7] =
    [Net::Unreachable, Net::Hangs, Net::LosesAnswers, Net::Unavailable, Net::UnavailableForLong, Net::Forbids, Net::Portal];

pub struct Schedule {
    pub rng: Rng,
    pub world: Rc<World>,
    pub pages: Vec<Page>,
    /// What this schedule allows to happen to the relay.
    pub restarts: Restarts,
    /// Whether the history is too short for some interruptions, so that losses are to be announced.
    pub forgets: bool,
    pub numbers: u64,
    /// Notes that were refused while the store was away, and are never asked for again.
    pub refused: Vec<u64>,
    /// Publications that a backend may repeat, with the life they were stored in.
    repeatable: Vec<(u64, &'static str, u64)>,
    /// Whose machine says that it has no network.
    pub offline: Vec<bool>,
    pub figures: Figures,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restarts {
    None,
    /// The history is kept elsewhere.
    KeepingHistory,
    /// Each time with what was in memory lost, or not.
    Either,
}

pub async fn run(seed: u64, tell: bool) -> Figures {
    let mut rng = Rng::with_seed(seed);
    let mut config = Config::development();
    // Most schedules keep all of their history; some forget fast, so that losses have to be announced.
    let forgets = rng.u8(..4) == 0;
    if forgets {
        config.history.publications = rng.usize(1..12);
    }
    // Some relays have little patience with readers that lag.
    if rng.u8(..3) == 0 {
        config.limits.queue_messages = rng.usize(12..60);
    }
    let restarts = [Restarts::None, Restarts::KeepingHistory, Restarts::Either][rng.usize(..3)];
    let token_ttl_s = if rng.u8(..3) == 0 { 90 } else { 3_600 };
    let truth = Truth::default();
    truth.begin_life();
    let relays = [1, 1, 2, 3][rng.usize(..4)];
    let world = Rc::new(World::new(config, truth.clone(), token_ttl_s, relays, seed, tell));
    let pages: Vec<Page> = (1..=rng.u64(1..=3)).map(|number| Page::start(&world, &truth, number, seed ^ (number << 32))).collect();
    let offline = vec![false; pages.len()];
    let figures = Figures { schedules: 1, ..Figures::default() };
    let (refused, repeatable) = (Vec::new(), Vec::new());
    let mut schedule = Schedule { rng, world, pages, restarts, forgets, numbers: 0, refused, repeatable, offline, figures };
    for page in &schedule.pages {
        page.command(Command::Connect);
    }
    for index in 0..schedule.pages.len() {
        schedule.hold(index, "patient:p1");
    }
    for _ in 0..STEPS {
        schedule.step().await;
        let pause = if schedule.rng.u8(..8) == 0 { schedule.rng.u64(..20_000) } else { schedule.rng.u64(..1_500) };
        schedule.world.pass(pause).await;
        schedule.world.truth.check();
    }
    schedule.end().await
}

impl Schedule {
    pub fn say(&self, text: impl core::fmt::Display) {
        self.world.say(text);
    }
    pub fn fault(&mut self, name: &'static str, index: usize) {
        self.figures.fault(name);
        self.say(format_args!("page {index}: {name}"));
    }
    fn hold(&mut self, index: usize, channel: &str) {
        let history = [None, Some(1), Some(5), Some(50)][self.rng.usize(..4)];
        if self.pages[index].held.insert(channel.to_owned()) {
            let max_hz = [None, None, Some(1), Some(10)][self.rng.usize(..4)];
            let options = SubscribeOptions { history, max_hz };
            self.pages[index].command(Command::Subscribe { channel: channel.to_owned(), options });
        }
    }
    fn release(&mut self, index: usize, channel: &str) {
        if self.pages[index].held.remove(channel) {
            self.pages[index].command(Command::Release { channel: channel.to_owned() });
        }
    }
    /// Publishes as the backend, which never finds a relay that is by itself away.
    pub async fn publish(&mut self, channel: &'static str, count: u64) {
        for _ in 0..count {
            self.numbers += 1;
            self.figures.published += 1;
            let status = channel == "device:d1" && self.rng.u8(..3) == 0;
            let payload = if status { Truth::status("d1", self.numbers) } else { Truth::note(self.numbers) };
            if !status {
                self.repeatable.push((self.numbers, channel, self.world.truth.life()));
            }
            let key = format!("k{}", self.numbers);
            self.publish_for_certain(channel, payload, &key).await;
        }
    }
    /// Asks one relay after the other by the same key until one accepts it.
    async fn publish_for_certain(&self, channel: &str, payload: Payload, key: &str) {
        let publisher = Publisher::System { tenant: TENANT };
        for _ in 0..600 {
            let Err(error) = self.world.life().relay.publish(publisher, channel, payload.clone(), Some(key)).await else { return };
            assert!(self.world.store().is_some() && error.retryable, "{key} was refused: {error:?}");
            self.world.pass(100).await;
        }
        panic!("{key} was refused for a minute");
    }
    /// A backend that heard no answer sends the same again.
    async fn repeat(&mut self) {
        let life = self.world.truth.life();
        self.repeatable.retain(|(_, _, of_life)| *of_life == life);
        let from = self.repeatable.len().saturating_sub(20);
        self.repeatable.drain(..from);
        for (number, channel, _) in self.repeatable.clone() {
            self.figures.fault("repeated publish");
            self.publish_for_certain(channel, Truth::note(number), &format!("k{number}")).await;
        }
    }
    async fn alert(&mut self) {
        self.numbers += 1;
        let id = format!("alert-{}", self.numbers);
        let alert = Alert {
            id: Some(id.clone()),
            patient_id: "p1".to_owned(),
            patient_name: "P".to_owned(),
            device_id: None,
            alert_type: "hr".to_owned(),
            severity: Severity::High,
            message: "high".to_owned(),
            ts: None,
            metadata: None,
        };
        for page in &self.pages {
            page.judge.borrow_mut().expect_alert(&page.client.borrow(), &id);
        }
        let key = format!("a{}", self.numbers);
        self.publish_for_certain("tenant", Payload::Alert(alert), &key).await;
        self.figures.published += 2;
    }
    /// Another process takes over: from one that drained, or from one that died.
    async fn restart(&mut self) {
        let shared = self.world.store().is_some();
        let keep = match self.restarts {
            Restarts::None => return self.repeat().await,
            Restarts::Either if !shared => self.rng.bool(),
            _ => true,
        };
        let place = self.rng.usize(..self.world.lives().len());
        let drains = self.rng.bool();
        let aloud = self.rng.bool();
        let away_ms = if drains { 0 } else { self.rng.u64(..6_000) };
        self.figures.fault(if keep { "restart with history" } else { "restart without history" });
        self.say(format_args!("relay {place} {} with history {keep}", if drains { "drains" } else { "dies" }));
        if drains {
            self.world.lives()[place].relay.drain(Duration::from_secs(10)).await;
        } else {
            self.world.crash(place, aloud);
            self.world.pass(away_ms).await;
        }
        let seed = self.rng.u64(..);
        self.world.start_again(place, keep, seed);
        if !keep {
            self.pages.iter().for_each(|page| page.judge.borrow_mut().forget_expected_alerts());
        }
    }

    async fn step(&mut self) {
        if self.world.store().is_some() && self.rng.u8(..10) == 0 {
            return self.outage().await;
        }
        let index = self.rng.usize(..self.pages.len());
        let channel = CHANNELS[self.rng.usize(..CHANNELS.len())];
        match self.rng.u32(..100) {
            0..28 => {
                let count = self.rng.u64(1..12);
                self.say(format_args!("publish {count} to {channel}"));
                self.publish(channel, count).await;
            }
            28..33 => self.alert().await,
            33..35 => {
                self.say("a burst of 80");
                self.publish(channel, 80).await;
            }
            35..43 => {
                self.say(format_args!("page {index} holds {channel}"));
                self.hold(index, channel);
            }
            43..48 => {
                self.say(format_args!("page {index} lets go of {channel}"));
                self.release(index, channel);
            }
            48..57 => {
                for _ in 0..self.rng.u32(1..4) {
                    self.numbers += 1;
                    self.figures.published += 1;
                    let (number, queue) = (self.numbers, self.rng.u8(..4) > 0);
                    self.say(format_args!("page {index} publishes {number} to {channel}"));
                    self.pages[index].order(Order::Note { channel: channel.to_owned(), number, queue });
                }
            }
            57 => self.pages[index].order(Order::Ping),
            58 => {
                self.say(format_args!("another part of page {index} looks at {channel} for a moment, and wants more of it"));
                let options = SubscribeOptions { history: Some(100), max_hz: None };
                self.pages[index].command(Command::Subscribe { channel: channel.to_owned(), options });
                self.pages[index].command(Command::Release { channel: channel.to_owned() });
            }
            59..63 => {
                self.say(format_args!("fair weather for page {index}"));
                self.pages[index].weather.clear_up();
            }
            _ => self.disturb(index).await,
        }
    }

    /// One fault.
    async fn disturb(&mut self, index: usize) {
        match self.rng.u32(..100) {
            0..18 => {
                let aloud = self.rng.bool();
                self.fault(if aloud { "cut" } else { "silent cut" }, index);
                self.pages[index].order(Order::Cut { aloud });
            }
            18..38 => {
                let flow = if self.rng.bool() { Flow::Swallows } else { Flow::Waits };
                let (up, down) = [(true, true), (true, false), (false, true)][self.rng.usize(..3)];
                self.fault(if flow == Flow::Swallows { "half-open socket" } else { "stall" }, index);
                if up {
                    self.pages[index].weather.up.set(flow);
                }
                if down {
                    self.pages[index].weather.down.set(flow);
                }
            }
            38..46 => {
                let door = if self.rng.bool() { Door::Refuses } else { Door::Hangs };
                self.fault(if door == Door::Refuses { "refused socket" } else { "hanging socket" }, index);
                self.pages[index].weather.door.set(door);
                // The socket alone, as behind a proxy of yesteryear, or requests as well.
                let net = if self.rng.u8(..3) == 0 { Net::Passes } else { BROKEN[self.rng.usize(..BROKEN.len())] };
                if net != Net::Passes {
                    self.figures.fault("broken HTTP");
                }
                self.pages[index].weather.net.set(net);
                self.pages[index].order(Order::Cut { aloud: true });
            }
            46..54 => {
                self.fault("delay", index);
                self.pages[index].weather.latency_ms.set(self.rng.u64(..3_000));
            }
            54..60 => {
                self.fault("repeated delivery", index);
                self.pages[index].weather.doubles.set(true);
            }
            60..70 => {
                let wake = [Wake::Visible, Wake::Hidden, Wake::Online, Wake::Offline, Wake::Resumed][self.rng.usize(..5)];
                self.fault("page signal", index);
                self.offline[index] = (self.offline[index] || wake == Wake::Offline) && wake != Wake::Online;
                self.pages[index].order(Order::Wake(wake));
            }
            70..76 => {
                self.fault("wall clock jump", index);
                self.pages[index].skew_ms.set(self.rng.i64(-600_000..600_000));
            }
            76..82 => self.sleep(index),
            82..88 => {
                let moods = [Mood::Fails, Mood::Hangs, Mood::Ended, Mood::Forged, Mood::Malformed];
                for _ in 0..self.rng.usize(1..4) {
                    let mood = moods[self.rng.usize(..moods.len())];
                    self.fault("bad token", index);
                    self.pages[index].moods.borrow_mut().push(mood);
                }
                self.pages[index].order(Order::Cut { aloud: true });
            }
            88..91 => {
                self.fault("page reload", index);
                let held = self.pages[index].held.clone();
                self.pages[index].order(Order::Reload(held));
            }
            91..94 => {
                self.fault("closed and opened", index);
                self.pages[index].command(Command::Close);
                let ms = self.rng.u64(..3_000);
                self.world.pass(ms).await;
                self.pages[index].command(Command::Connect);
            }
            94..96 => self.repeat().await,
            _ => self.restart().await,
        }
    }

    fn sleep(&mut self, index: usize) {
        let ms = if self.rng.bool() { self.rng.u64(..10_000) } else { self.rng.u64(..120_000) };
        self.fault("sleep", index);
        let page = &mut self.pages[index];
        page.awake_at_ms = page.awake_at_ms.max(self.world.elapsed_ms()) + ms;
        page.order(Order::Sleep { ms, clock_stands: self.rng.bool() });
    }
}
