//! What all pages of a schedule share: the relay of the moment, its history, virtual time, and the trace that tells two runs apart.

use crate::history::Kept;
use crate::truth::{Truth, Witness};
use axum::Router;
use pulsewire_client_core::{Millis, Now};
use pulsewire_relay::api::Api;
use pulsewire_relay::broker::memory::Memory;
use pulsewire_relay::config::Config;
use pulsewire_relay::{Clock, Entropy, Relay};
use std::cell::{Cell, RefCell};
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// When virtual time begins.
pub const START_MS: u64 = 1_800_000_000_000;
pub const TENANT: &str = "ward";

/// One life of the relay's process.
#[derive(Clone)]
pub struct Life {
    pub relay: Relay,
    /// Its HTTP side.
    pub router: Router,
    /// Cancelled when the process dies: nothing of its sockets lives on.
    pub died: CancellationToken,
    /// Whether the machine lived to reset the connections of its dead process.
    pub aloud: std::rc::Rc<Cell<bool>>,
}

pub struct World {
    life: RefCell<Life>,
    history: RefCell<Arc<Kept>>,
    pub config: Config,
    pub truth: Truth,
    pub started: Instant,
    pub token_ttl_s: u64,
    /// Whether to tell what happens.
    tell: bool,
    trace: Cell<u64>,
}

impl World {
    pub fn new(config: Config, truth: Truth, token_ttl_s: u64, seed: u64, tell: bool) -> Self {
        let history = new_history(&config, seed, 0);
        let life = new_life(&config, &truth, &history, seed, 0);
        let (life, history) = (RefCell::new(life), RefCell::new(history));
        Self { life, history, config, truth, started: Instant::now(), token_ttl_s, tell, trace: Cell::new(0) }
    }
    pub fn relay(&self) -> Relay {
        self.life.borrow().relay.clone()
    }
    pub fn life(&self) -> Life {
        self.life.borrow().clone()
    }
    pub fn elapsed_ms(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }

    /// The process is gone, between two instructions.
    pub fn crash(&self, aloud: bool) {
        let life = self.life();
        life.aloud.set(aloud);
        life.died.cancel();
    }
    /// Another process takes over, with the history of the one before it or with none.
    pub fn start_again(&self, keep_history: bool, seed: u64) {
        let elapsed_ms = self.elapsed_ms();
        if !keep_history {
            self.truth.begin_life();
            *self.history.borrow_mut() = new_history(&self.config, seed, elapsed_ms);
        }
        let life = new_life(&self.config, &self.truth, &self.history.borrow(), seed, elapsed_ms);
        self.life.replace(life).died.cancel();
    }

    pub fn say(&self, text: impl core::fmt::Display) {
        if self.tell {
            eprintln!("{:>9} ms  {text}", self.elapsed_ms());
        }
    }
    /// Folds something that happened into the trace.
    pub fn note(&self, what: impl Hash) {
        let mut hasher = DefaultHasher::new();
        (self.trace.get(), self.started.elapsed().as_nanos(), what).hash(&mut hasher);
        self.trace.set(hasher.finish());
    }
    /// The same for the same seed, or something here does not follow from the seed.
    pub fn trace(&self) -> u64 {
        self.trace.get()
    }
    pub async fn pass(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
    /// The clocks of a machine whose monotonic one stood still for `lag_ms` and whose wall clock is off by `skew_ms`.
    pub fn now(&self, lag_ms: u64, skew_ms: i64) -> Now {
        let elapsed = self.elapsed_ms();
        Now { monotonic: Millis(elapsed + 1 - lag_ms), unix: Millis((START_MS + elapsed).saturating_add_signed(skew_ms)) }
    }
}

fn new_history(config: &Config, seed: u64, elapsed_ms: u64) -> Arc<Kept> {
    let memory = Memory::new(Arc::new(config.clone()), Clock::starting_at(START_MS + elapsed_ms), Entropy::from_seed(!seed));
    Arc::new(Kept::new(memory))
}

fn new_life(config: &Config, truth: &Truth, history: &Arc<Kept>, seed: u64, elapsed_ms: u64) -> Life {
    let clock = Clock::starting_at(START_MS + elapsed_ms);
    let relay = Relay::with_broker(Arc::new(config.clone()), clock, Entropy::from_seed(seed), Arc::new(history.lease()));
    relay.add_tap(Arc::new(Witness { truth: truth.clone(), life: truth.life() }));
    let router = Api::new(relay.clone()).router();
    Life { relay, router, died: CancellationToken::new(), aloud: std::rc::Rc::default() }
}
