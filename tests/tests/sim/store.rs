//! A store that several relays share, as they share a Redis: the relay's own broker in memory, which stands still, dies, and comes back
//! with what it had or without.
//!
//! It is the witness, too: whatever the relays do, this is what was stored.

use crate::node::Node;
use crate::truth::{Truth, Witness};
use crate::world::START_MS;
use pulsewire_protocol::{ErrorBody, ErrorCode, Position, Publication};
use pulsewire_relay::broker::memory::Memory;
use pulsewire_relay::broker::{Broker as _, ChannelKey, Deliver};
use pulsewire_relay::config::Config;
use pulsewire_relay::relay::Tap as _;
use pulsewire_relay::{Clock, Entropy};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

/// How long a relay waits for an answer. The store begins nothing for which it has waited for half of that.
const TIMEOUT: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Power {
    On,
    /// It takes what it is asked and does nothing.
    Paused,
    Off,
}

pub struct Store {
    config: Arc<Config>,
    truth: Truth,
    memory: Mutex<Arc<Memory>>,
    power: Mutex<Power>,
    changed: Notify,
    /// Those that are told what is stored.
    nodes: Mutex<Vec<Weak<Node>>>,
    /// Whose publication is being stored.
    publishing: Mutex<u64>,
}

pub fn unavailable(why: &str) -> ErrorBody {
    ErrorBody::retryable(ErrorCode::Unavailable, why, Some(500))
}

/// Tells every relay what was stored, in that order.
struct Teller {
    store: Weak<Store>,
    witness: Witness,
}

impl Deliver for Teller {
    fn handle_publication(&self, key: &ChannelKey, epoch: &str, publication: &Arc<Publication>) {
        self.witness.handle_publication(&key.tenant, &key.channel, publication);
        let Some(store) = self.store.upgrade() else { return };
        let publisher = *store.publishing.lock().unwrap();
        for node in store.nodes() {
            node.tell(key, epoch, publication, publisher);
        }
    }
    fn handle_gap(&self, _: &ChannelKey, _: &Position) {
        unreachable!("what is in memory loses nothing");
    }
}

impl Store {
    pub fn new(config: &Config, truth: &Truth, seed: u64) -> Arc<Self> {
        let config = Arc::new(config.clone());
        let memory = Mutex::new(Arc::new(Memory::new(Arc::clone(&config), Clock::starting_at(START_MS), Entropy::from_seed(!seed))));
        let store = Arc::new(Self {
            config,
            truth: truth.clone(),
            memory,
            power: Mutex::new(Power::On),
            changed: Notify::new(),
            nodes: Mutex::default(),
            publishing: Mutex::default(),
        });
        store.begin();
        store
    }
    fn begin(self: &Arc<Self>) {
        let witness = Witness { truth: self.truth.clone(), life: self.truth.life() };
        self.memory().set_deliver(Arc::new(Teller { store: Arc::downgrade(self), witness }));
    }
    pub fn memory(&self) -> Arc<Memory> {
        Arc::clone(&self.memory.lock().unwrap())
    }
    pub fn truth(&self) -> &Truth {
        &self.truth
    }
    fn nodes(&self) -> Vec<Arc<Node>> {
        let mut nodes = self.nodes.lock().unwrap();
        nodes.retain(|node| node.strong_count() > 0);
        nodes.iter().filter_map(Weak::upgrade).collect()
    }
    pub fn add(&self, node: &Arc<Node>) {
        self.nodes.lock().unwrap().push(Arc::downgrade(node));
    }

    fn set(&self, power: Power) {
        *self.power.lock().unwrap() = power;
        self.changed.notify_waiters();
    }
    pub fn is_on(&self) -> bool {
        *self.power.lock().unwrap() == Power::On
    }
    pub fn is_off(&self) -> bool {
        *self.power.lock().unwrap() == Power::Off
    }
    /// It stands still; connections stay.
    pub fn pause(&self) {
        self.set(Power::Paused);
    }
    pub fn resume(&self) {
        self.set(Power::On);
    }
    /// It dies, and every connection with it.
    pub fn kill(&self) {
        self.set(Power::Off);
        for node in self.nodes() {
            node.cut();
        }
    }
    /// It comes back; without its data it knows nothing, not even idempotency keys.
    pub fn start(self: &Arc<Self>, keeps: bool, seed: u64, elapsed_ms: u64) {
        if !keeps {
            self.truth.begin_life();
            let clock = Clock::starting_at(START_MS + elapsed_ms);
            *self.memory.lock().unwrap() = Arc::new(Memory::new(Arc::clone(&self.config), clock, Entropy::from_seed(!seed)));
            self.begin();
        }
        self.set(Power::On);
    }

    /// Waits until it does what it is asked; not longer than whoever asks waits.
    pub async fn turn(&self) -> Result<(), ErrorBody> {
        let on = async {
            loop {
                let changed = self.changed.notified();
                match *self.power.lock().unwrap() {
                    Power::On => return Ok(()),
                    Power::Off => return Err(unavailable("the store is away")),
                    Power::Paused => {}
                }
                changed.await;
            }
        };
        match timeout(TIMEOUT / 2, on).await {
            Ok(turn) => turn,
            Err(_) => {
                sleep(TIMEOUT / 2).await;
                Err(unavailable("the store does not answer"))
            }
        }
    }

    /// Does something on behalf of one relay.
    pub fn on_behalf<T>(&self, node: u64, work: impl FnOnce(&Memory) -> T) -> T {
        *self.publishing.lock().unwrap() = node;
        work(&self.memory())
    }
}
