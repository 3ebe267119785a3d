//! What all pages of a schedule share: the relays of the moment, their history, virtual time, and the trace that tells two runs apart.

use crate::history::Kept;
use crate::node::{Node, Shared};
use crate::store::Store;
use crate::truth::{Truth, Witness};
use axum::Router;
use fastrand::Rng;
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
    /// Its way to the store, where that is shared.
    pub node: Option<Arc<Node>>,
}

/// Where publications are.
enum History {
    /// In the only relay, kept for the next one or not.
    Own(RefCell<Arc<Kept>>),
    Shared(Arc<Store>),
}

pub struct World {
    /// One for each place behind the balancer.
    lives: RefCell<Vec<Life>>,
    history: History,
    balancer: RefCell<Rng>,
    /// Counts the relays that share a store.
    started_relays: Cell<u64>,
    pub config: Config,
    pub truth: Truth,
    pub started: Instant,
    pub token_ttl_s: u64,
    /// Whether to tell what happens.
    tell: bool,
    trace: Cell<u64>,
}

impl World {
    /// With so many relays: one that has its history in memory, or more that share one.
    pub fn new(config: Config, truth: Truth, token_ttl_s: u64, relays: usize, seed: u64, tell: bool) -> Self {
        let history = match relays {
            1 => History::Own(RefCell::new(new_history(&config, seed, 0))),
            _ => History::Shared(Store::new(&config, &truth, seed)),
        };
        let world = Self {
            lives: RefCell::default(),
            history,
            balancer: RefCell::new(Rng::with_seed(seed.rotate_left(31))),
            started_relays: Cell::new(0),
            config,
            truth,
            started: Instant::now(),
            token_ttl_s,
            tell,
            trace: Cell::new(0),
        };
        for place in 0..relays as u64 {
            let life = world.new_life(seed ^ (place << 40));
            world.lives.borrow_mut().push(life);
        }
        world
    }
    /// Of all places.
    pub fn lives(&self) -> Vec<Life> {
        self.lives.borrow().clone()
    }
    /// Whomever the balancer chooses, of those that live.
    pub fn life(&self) -> Life {
        let lives = self.lives.borrow();
        let alive: Vec<&Life> = lives.iter().filter(|life| !life.died.is_cancelled()).collect();
        match alive.as_slice() {
            [] => lives[0].clone(),
            [only] => (*only).clone(),
            many => many[self.balancer.borrow_mut().usize(..many.len())].clone(),
        }
    }
    pub fn store(&self) -> Option<Arc<Store>> {
        match &self.history {
            History::Own(_) => None,
            History::Shared(store) => Some(Arc::clone(store)),
        }
    }
    pub fn connection_count(&self) -> usize {
        self.lives.borrow().iter().map(|life| life.relay.hub().connection_count()).sum()
    }
    pub fn elapsed_ms(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }

    /// The process is gone, between two instructions.
    pub fn crash(&self, place: usize, aloud: bool) {
        let life = self.lives.borrow()[place].clone();
        life.aloud.set(aloud);
        life.died.cancel();
        if let Some(node) = &life.node {
            node.die();
        }
    }
    /// Another process takes over, with the history of the one before it or, where that was its own, with none.
    pub fn start_again(&self, place: usize, keep_history: bool, seed: u64) {
        if let (History::Own(history), false) = (&self.history, keep_history) {
            self.truth.begin_life();
            *history.borrow_mut() = new_history(&self.config, seed, self.elapsed_ms());
        }
        let life = self.new_life(seed);
        let before = std::mem::replace(&mut self.lives.borrow_mut()[place], life);
        before.died.cancel();
        if let Some(node) = &before.node {
            node.die();
        }
    }
    fn new_life(&self, seed: u64) -> Life {
        let clock = Clock::starting_at(START_MS + self.elapsed_ms());
        let (config, entropy) = (Arc::new(self.config.clone()), Entropy::from_seed(seed));
        let (relay, node) = match &self.history {
            History::Own(history) => {
                let relay = Relay::with_broker(config, clock, entropy, Arc::new(history.borrow().lease()));
                relay.add_tap(Arc::new(Witness { truth: self.truth.clone(), life: self.truth.life() }));
                (relay, None)
            }
            History::Shared(store) => {
                self.started_relays.set(self.started_relays.get() + 1);
                let node = Node::start(store, self.started_relays.get(), seed);
                (Relay::with_broker(config, clock, entropy, Arc::new(Shared(Arc::clone(&node)))), Some(node))
            }
        };
        let router = Api::new(relay.clone()).router();
        Life { relay, router, died: CancellationToken::new(), aloud: std::rc::Rc::default(), node }
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
