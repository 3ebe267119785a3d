//! One schedule: a seed decides what happens, and in the end everything must be well.

use crate::link::{Door, Flow};
use crate::page::{Order, Page, START_MS, TENANT, World};
use crate::truth::{Truth, Witness};
use fastrand::Rng;
use pulsewire_client_core::{Command, ConnectionState, SubscribeOptions, Wake};
use pulsewire_protocol::{Alert, Payload, Severity};
use pulsewire_relay::config::Config;
use pulsewire_relay::{Clock, Entropy, Publisher, Relay};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const CHANNELS: [&str; 4] = ["patient:p1", "patient:p2", "device:d1", "room:1"];
const STEPS: usize = 70;

/// What schedules amount to.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    pub schedules: u64,
    pub published: u64,
    pub applied: u64,
    pub faults: u64,
    pub restarts: u64,
    pub tries: u64,
    pub welcomes: u64,
    pub gaps: u64,
    pub resyncs: u64,
    pub virtual_s: u64,
}

impl Figures {
    pub fn add(&mut self, other: &Self) {
        self.schedules += other.schedules;
        self.published += other.published;
        self.applied += other.applied;
        self.faults += other.faults;
        self.restarts += other.restarts;
        self.tries += other.tries;
        self.welcomes += other.welcomes;
        self.gaps += other.gaps;
        self.resyncs += other.resyncs;
        self.virtual_s += other.virtual_s;
    }
}

struct Schedule {
    rng: Rng,
    world: Rc<World>,
    truth: Truth,
    pages: Vec<Page>,
    config: Config,
    may_restart: bool,
    tell: bool,
    notes: u64,
    /// Alerts that a page must have in the end: published after it was connected for the first time.
    alerts: Vec<BTreeSet<String>>,
    /// Whose machine says that it has no network.
    offline: Vec<bool>,
    figures: Figures,
}

pub async fn run(seed: u64, tell: bool) -> Figures {
    let mut rng = Rng::with_seed(seed);
    let mut config = Config::development();
    // Most schedules keep all of their history; some forget fast, so that losses have to be announced.
    let forgets = rng.u8(..4) == 0;
    if forgets {
        config.history.publications = rng.usize(1..12);
    }
    let may_restart = rng.u8(..3) == 0;
    let token_ttl_s = if rng.u8(..3) == 0 { 90 } else { 3_600 };
    let truth = Truth::default();
    truth.begin_life();
    let relay = new_relay(&config, &truth, seed, 0);
    let world = Rc::new(World { relay: RefCell::new(relay), started: Instant::now(), token_ttl_s });
    let pages: Vec<Page> = (1..=rng.u64(1..=3)).map(|number| Page::start(&world, &truth, number, seed ^ (number << 32))).collect();
    let (alerts, offline) = (vec![BTreeSet::new(); pages.len()], vec![false; pages.len()]);
    let figures = Figures { schedules: 1, ..Figures::default() };
    let mut schedule = Schedule { rng, world, truth, pages, config, may_restart, tell, notes: 0, alerts, offline, figures };
    for page in &schedule.pages {
        page.command(Command::Connect);
    }
    for index in 0..schedule.pages.len() {
        schedule.hold(index, "patient:p1");
    }
    for _ in 0..STEPS {
        schedule.step().await;
        let pause = if schedule.rng.u8(..8) == 0 { schedule.rng.u64(..20_000) } else { schedule.rng.u64(..1_500) };
        sleep(Duration::from_millis(pause)).await;
    }
    schedule.end(forgets).await
}

fn new_relay(config: &Config, truth: &Truth, seed: u64, elapsed_ms: u64) -> Relay {
    let entropy = Entropy::from_seed(seed.wrapping_add(truth.life() << 40));
    let relay = Relay::new(config.clone(), Clock::starting_at(START_MS + elapsed_ms), entropy);
    relay.add_tap(Arc::new(Witness { truth: truth.clone(), life: truth.life() }));
    relay
}

impl Schedule {
    fn say(&self, text: impl core::fmt::Display) {
        if self.tell {
            eprintln!("{:>9} ms  {text}", self.world.elapsed_ms());
        }
    }
    fn hold(&mut self, index: usize, channel: &str) {
        let history = [None, Some(1), Some(5), Some(50)][self.rng.usize(..4)];
        if self.pages[index].held.insert(channel.to_owned()) {
            let options = SubscribeOptions { history, max_hz: None };
            self.pages[index].command(Command::Subscribe { channel: channel.to_owned(), options });
        }
    }
    fn release(&mut self, index: usize, channel: &str) {
        if self.pages[index].held.remove(channel) {
            self.pages[index].command(Command::Release { channel: channel.to_owned() });
        }
    }
    async fn publish(&mut self, channel: &str, count: u64) {
        let relay = self.world.relay.borrow().clone();
        for _ in 0..count {
            self.notes += 1;
            self.figures.published += 1;
            relay.publish(Publisher::System { tenant: TENANT }, channel, Truth::note(self.notes), None).await.expect("published");
        }
    }
    async fn alert(&mut self) {
        self.notes += 1;
        let id = format!("alert-{}", self.notes);
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
        for (page, alerts) in self.pages.iter().zip(&mut self.alerts) {
            if page.client.borrow().channel("tenant").is_some_and(|view| !view.epoch.is_empty()) {
                alerts.insert(id.clone());
            }
        }
        let relay = self.world.relay.borrow().clone();
        relay.publish(Publisher::System { tenant: TENANT }, "tenant", Payload::Alert(alert), None).await.expect("published");
        self.figures.published += 2;
    }
    /// A new life with an empty memory; in order (draining) or not.
    async fn restart(&mut self) {
        let old = self.world.relay.borrow().clone();
        if self.rng.bool() {
            self.say("relay drains");
            old.drain(Duration::from_secs(10)).await;
        } else {
            self.say("relay dies");
            for page in &self.pages {
                page.order(Order::Cut { aloud: true });
            }
        }
        self.truth.begin_life();
        let seed = self.rng.u64(..);
        *self.world.relay.borrow_mut() = new_relay(&self.config, &self.truth, seed, self.world.elapsed_ms());
        self.alerts.iter_mut().for_each(BTreeSet::clear);
        self.figures.restarts += 1;
    }

    async fn step(&mut self) {
        let index = self.rng.usize(..self.pages.len());
        let channel = CHANNELS[self.rng.usize(..CHANNELS.len())];
        let draw = self.rng.u32(..100);
        if draw >= 62 {
            self.figures.faults += 1;
        }
        match draw {
            0..32 => {
                let count = self.rng.u64(1..12);
                self.say(format_args!("publish {count} to {channel}"));
                self.publish(channel, count).await;
            }
            32..38 => self.alert().await,
            38..46 => {
                self.say(format_args!("page {index} holds {channel}"));
                self.hold(index, channel);
            }
            46..51 => {
                self.say(format_args!("page {index} lets go of {channel}"));
                self.release(index, channel);
            }
            51..58 => {
                self.notes += 1;
                self.figures.published += 1;
                self.say(format_args!("page {index} publishes to {channel}"));
                self.pages[index].order(Order::Note(channel.to_owned(), self.notes));
            }
            58..62 => {
                self.say(format_args!("fair weather for page {index}"));
                self.pages[index].weather.clear_up();
            }
            62..70 => {
                let aloud = self.rng.bool();
                self.say(format_args!("page {index} is cut{}", if aloud { "" } else { " without a word" }));
                self.pages[index].order(Order::Cut { aloud });
            }
            70..78 => {
                let flow = if self.rng.bool() { Flow::Swallows } else { Flow::Waits };
                let (up, down) = [(true, true), (true, false), (false, true)][self.rng.usize(..3)];
                self.say(format_args!("page {index}: {flow:?} up {up} down {down}"));
                if up {
                    self.pages[index].weather.up.set(flow);
                }
                if down {
                    self.pages[index].weather.down.set(flow);
                }
            }
            78..83 => {
                let door = if self.rng.bool() { Door::Refuses } else { Door::Hangs };
                self.say(format_args!("page {index}: door {door:?}"));
                self.pages[index].weather.door.set(door);
                self.pages[index].order(Order::Cut { aloud: true });
            }
            83..86 => self.pages[index].weather.latency_ms.set(self.rng.u64(..3_000)),
            86..92 => {
                let wake = [Wake::Visible, Wake::Hidden, Wake::Online, Wake::Offline, Wake::Resumed][self.rng.usize(..5)];
                self.say(format_args!("page {index}: {wake:?}"));
                self.offline[index] = (self.offline[index] || wake == Wake::Offline) && wake != Wake::Online;
                self.pages[index].order(Order::Wake(wake));
            }
            92..95 => {
                let skew_ms = self.rng.i64(-600_000..600_000);
                self.say(format_args!("page {index}: wall clock off by {skew_ms} ms"));
                self.pages[index].skew_ms.set(skew_ms);
            }
            95..97 => {
                self.say(format_args!("page {index}: two failing getToken"));
                self.pages[index].bad_tokens.set(2);
                self.pages[index].order(Order::Cut { aloud: true });
            }
            _ if self.may_restart => self.restart().await,
            _ => self.pages[index].command(Command::Connect),
        }
    }

    /// Fair weather, time to heal, and the final judgement.
    async fn end(mut self, forgets: bool) -> Figures {
        self.say("fair weather for all");
        for (page, offline) in self.pages.iter().zip(&self.offline) {
            page.weather.clear_up();
            page.skew_ms.set(0);
            // Nobody else is told: what hangs has to be found out.
            if *offline {
                page.order(Order::Wake(Wake::Online));
            }
        }
        // Longer than the relay takes to find a connection dead, and than any question of the client waits for its answer.
        sleep(Duration::from_secs(130)).await;
        for channel in CHANNELS.into_iter().chain(["tenant"]) {
            self.publish(channel, 1).await;
        }
        sleep(Duration::from_secs(5)).await;
        for (index, page) in self.pages.iter().enumerate() {
            // A driver that died took its page along: this tells.
            page.order(Order::Wake(Wake::Hidden));
            let (client, judge) = (page.client.borrow(), page.judge.borrow());
            assert_eq!(client.connection().state, ConnectionState::Connected, "page {index} did not come back");
            assert_eq!(judge.unauthorized, 0, "page {index} was sent to the sign-in");
            judge.handle_end(&client, &page.held);
            let lossless = !forgets && self.figures.restarts == 0;
            if lossless {
                assert_eq!(judge.resyncs, 0, "page {index} was told of a loss that was none");
                let missing: Vec<_> = self.alerts[index].difference(judge.alerts()).collect();
                assert!(missing.is_empty(), "page {index} lacks the alerts {missing:?}");
            }
            for channel in ["patient:p1", "patient:p2", "device:d1"].into_iter().filter(|channel| page.held.contains(*channel)) {
                let holders = self.pages.iter().filter(|other| other.held.contains(channel)).count();
                let viewers = client.viewers().counts().at(channel).map_or(0, |viewers| viewers.count as usize);
                assert_eq!(viewers, holders, "page {index} sees a wrong number of viewers on {channel}");
            }
            let counters = client.counters();
            self.figures.applied += judge.applied;
            self.figures.resyncs += judge.resyncs;
            self.figures.tries += counters.tries;
            self.figures.welcomes += counters.welcomes;
            self.figures.gaps += counters.gaps;
        }
        self.figures.virtual_s = self.world.elapsed_ms() / 1_000;
        self.figures
    }
}
