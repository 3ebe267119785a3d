//! The relay's own memory broker, kept while relays come and go: a restart that loses no history.
//!
//! Each relay works through a lease of its own. A dead relay's lease is void: what its sessions still try reaches nobody, and
//! what they held is let go of, as a store that outlives its relays would do.

use futures_util::future::{BoxFuture, FutureExt as _, ready};
use pulsewire_protocol::{ErrorBody, ErrorCode, Position, Publication};
use pulsewire_relay::broker::memory::Memory;
use pulsewire_relay::broker::{Batch, Broker, ChannelKey, Deliver, Idempotency, Item, ReadRequest, Snapshot, Stored};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Hands deliveries to whoever leads.
#[derive(Default)]
struct Switch(Mutex<Option<Arc<dyn Deliver>>>);

impl Deliver for Switch {
    fn handle_publication(&self, key: &ChannelKey, epoch: &str, publication: &Arc<Publication>) {
        let deliver = self.0.lock().unwrap().clone();
        if let Some(deliver) = deliver {
            deliver.handle_publication(key, epoch, publication);
        }
    }
    fn handle_gap(&self, key: &ChannelKey, position: &Position) {
        let deliver = self.0.lock().unwrap().clone();
        if let Some(deliver) = deliver {
            deliver.handle_gap(key, position);
        }
    }
}

pub struct Kept {
    memory: Memory,
    switch: Arc<Switch>,
    /// The number of the lease in force.
    lease: AtomicU64,
}

impl Kept {
    pub fn new(memory: Memory) -> Self {
        let switch = Arc::new(Switch::default());
        memory.set_deliver(Arc::clone(&switch) as Arc<dyn Deliver>);
        Self { memory, switch, lease: AtomicU64::new(0) }
    }
    /// A lease for the next relay; the one before is void.
    pub fn lease(self: &Arc<Self>) -> Lease {
        let number = self.lease.fetch_add(1, Ordering::Relaxed) + 1;
        Lease { kept: Arc::clone(self), number, holds: Mutex::default() }
    }
}

pub struct Lease {
    kept: Arc<Kept>,
    number: u64,
    holds: Mutex<Vec<ChannelKey>>,
}

impl Lease {
    fn memory(&self) -> Result<&Memory, ErrorBody> {
        let void = || ErrorBody::new(ErrorCode::Unavailable, "this relay is dead");
        if self.kept.lease.load(Ordering::Relaxed) == self.number { Ok(&self.kept.memory) } else { Err(void()) }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        for key in self.holds.lock().unwrap().drain(..) {
            self.kept.memory.release(&key);
        }
    }
}

impl Broker for Lease {
    fn set_deliver(&self, deliver: Arc<dyn Deliver>) {
        *self.kept.switch.0.lock().unwrap() = Some(deliver);
    }
    fn publish<'a>(
        &'a self,
        key: &'a ChannelKey,
        publication: Publication,
        idempotency: Option<Idempotency>,
    ) -> BoxFuture<'a, Result<Stored, ErrorBody>> {
        match self.memory() {
            Ok(memory) => memory.publish(key, publication, idempotency),
            Err(error) => ready(Err(error)).boxed(),
        }
    }
    fn publish_all(&self, items: Vec<Item>) -> BoxFuture<'_, Result<Batch, ErrorBody>> {
        match self.memory() {
            Ok(memory) => memory.publish_all(items),
            Err(error) => ready(Err(error)).boxed(),
        }
    }
    fn conflicts<'a>(&'a self, key: &'a ChannelKey, idempotency: &'a Idempotency) -> BoxFuture<'a, Result<bool, ErrorBody>> {
        match self.memory() {
            Ok(memory) => memory.conflicts(key, idempotency),
            Err(error) => ready(Err(error)).boxed(),
        }
    }
    fn read<'a>(&'a self, key: &'a ChannelKey, request: ReadRequest) -> BoxFuture<'a, Result<Snapshot, ErrorBody>> {
        match self.memory() {
            Ok(memory) => memory.read(key, request),
            Err(error) => ready(Err(error)).boxed(),
        }
    }
    fn hold<'a>(&'a self, key: &'a ChannelKey) -> BoxFuture<'a, Result<(), ErrorBody>> {
        self.holds.lock().unwrap().push(key.clone());
        self.kept.memory.hold(key)
    }
    fn release(&self, key: &ChannelKey) {
        let mut holds = self.holds.lock().unwrap();
        if let Some(at) = holds.iter().position(|held| held == key) {
            holds.swap_remove(at);
            self.kept.memory.release(key);
        }
    }
    fn tidy(&self) {
        if let Ok(memory) = self.memory() {
            memory.tidy();
        }
    }
    fn ready(&self) -> Result<(), String> {
        self.memory().map(|_| ()).map_err(|error| error.message)
    }
    fn channels(&self) -> usize {
        self.kept.memory.channels()
    }
}
