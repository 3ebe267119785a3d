//! One relay's way to the store that it shares with others: what the broker on Redis does, without Redis, under virtual time.
//!
//! Commands and what is told go by two connections, which take their time, are cut between what the store does and its answer, or go
//! deaf. What comes by the two is put in order where it is held ([`crate::held`]).

use crate::held::Held;
use crate::store::{Store, unavailable};
use fastrand::Rng;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use pulsewire_protocol::{ErrorBody, Publication};
use pulsewire_relay::broker::memory::Memory;
use pulsewire_relay::broker::{Batch, Broker, ChannelKey, Deliver, Idempotency, Item, ReadRequest, Snapshot, Stored};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep, sleep_until};

/// What the store tells of.
pub struct Told {
    ear: u64,
    at: Instant,
    pub key: ChannelKey,
    pub epoch: String,
    pub publication: Arc<Publication>,
    pub publisher: u64,
}

/// The two connections.
#[derive(Default)]
struct Link {
    is_up: bool,
    /// Counts the connections that commands went by.
    session: u64,
    /// What is told to another ear than this one is told to nobody.
    ear: u64,
    is_deaf: bool,
    /// After so many more commands the connection is cut before the answer; 0: it is not.
    cut_in: u32,
    is_dead: bool,
}

pub struct Node {
    pub me: Weak<Node>,
    pub store: Arc<Store>,
    pub number: u64,
    pub deliver: OnceLock<Arc<dyn Deliver>>,
    pub held: Mutex<BTreeMap<ChannelKey, Arc<Held>>>,
    link: Mutex<Link>,
    /// Each way, of commands and of what is told.
    ways_ms: (u64, u64),
    told: UnboundedSender<Told>,
    rng: Mutex<Rng>,
}

/// A relay's broker. It dies with its relay.
pub struct Shared(pub Arc<Node>);

impl Node {
    pub fn start(store: &Arc<Store>, number: u64, seed: u64) -> Arc<Self> {
        let mut rng = Rng::with_seed(seed.rotate_left(17) ^ number);
        let (told, telling) = unbounded_channel();
        let node = Arc::new_cyclic(|me| Self {
            me: me.clone(),
            store: Arc::clone(store),
            number,
            deliver: OnceLock::new(),
            held: Mutex::default(),
            link: Mutex::new(Link { is_up: true, ..Link::default() }),
            ways_ms: (rng.u64(..40), rng.u64(..40)),
            told,
            rng: Mutex::new(rng),
        });
        store.add(&node);
        tokio::spawn(listen(Arc::downgrade(&node), telling));
        node
    }
    /// Its process is gone, and nothing of it is heard any more.
    pub fn die(&self) {
        let mut link = self.link.lock().unwrap();
        *link = Link { session: link.session + 1, ear: link.ear + 1, is_dead: true, ..Link::default() };
        drop(link);
        self.held.lock().unwrap().clear();
    }
    pub fn is_dead(&self) -> bool {
        self.link.lock().unwrap().is_dead
    }
    fn draw(&self, below: u64) -> u64 {
        self.rng.lock().unwrap().u64(..below)
    }

    /// Both connections break; it connects again as soon as it can.
    pub fn cut(&self) {
        {
            let mut link = self.link.lock().unwrap();
            if !link.is_up {
                return;
            }
            *link = Link { session: link.session + 1, ear: link.ear + 1, ..Link::default() };
        }
        self.reconnect(50);
    }
    /// After this many more commands both break, between what the store does and its answer.
    pub fn cut_in(&self, commands: u32) {
        self.link.lock().unwrap().cut_in = commands;
    }
    /// What is told comes no more, and nobody says so, until the canary is missed.
    pub fn go_deaf(&self) {
        {
            let mut link = self.link.lock().unwrap();
            if !link.is_up {
                return;
            }
            link.is_deaf = true;
            link.ear += 1;
        }
        self.reconnect(2_000);
    }
    fn reconnect(&self, at_least_ms: u64) {
        let (me, delay_ms) = (self.me.clone(), at_least_ms + self.draw(at_least_ms * 3));
        let was = self.link.lock().unwrap().session;
        tokio::spawn(async move {
            let mut delay_ms = delay_ms;
            loop {
                sleep(Duration::from_millis(delay_ms)).await;
                let Some(node) = me.upgrade() else { return };
                {
                    let mut link = node.link.lock().unwrap();
                    if link.session != was {
                        return;
                    }
                    if node.store.is_on() {
                        *link = Link { is_up: true, session: link.session + 1, ear: link.ear + 1, ..Link::default() };
                    }
                }
                if node.store.is_on() {
                    let held: Vec<_> = node.held.lock().unwrap().values().map(Arc::clone).collect();
                    held.iter().for_each(|held| node.look(held));
                    return;
                }
                delay_ms = 200;
            }
        });
    }

    /// Called by the store, in the order of what it stores.
    pub fn tell(&self, key: &ChannelKey, epoch: &str, publication: &Arc<Publication>, publisher: u64) {
        let link = self.link.lock().unwrap();
        if !link.is_up || link.is_deaf {
            return;
        }
        let (key, publication) = (key.clone(), Arc::clone(publication));
        let at = Instant::now() + Duration::from_millis(self.ways_ms.1);
        let _ = self.told.send(Told { ear: link.ear, at, key, epoch: epoch.to_owned(), publication, publisher });
    }

    fn session(&self) -> Result<u64, ErrorBody> {
        let link = self.link.lock().unwrap();
        if link.is_up { Ok(link.session) } else { Err(unavailable("there is no connection to the store")) }
    }

    /// One question and its answer. `unsure` hears of it where the store did what it was asked, and its answer is lost.
    async fn command<T>(&self, work: impl FnOnce(&Memory) -> T, unsure: impl FnOnce(&T)) -> Result<T, ErrorBody> {
        let session = self.session()?;
        sleep(Duration::from_millis(self.ways_ms.0)).await;
        self.store.turn().await?;
        if self.session()? != session {
            return Err(unavailable("the connection broke before the store was asked"));
        }
        let done = self.store.on_behalf(self.number, work);
        let is_cut = {
            let mut link = self.link.lock().unwrap();
            let is_cut = link.cut_in == 1;
            link.cut_in = link.cut_in.saturating_sub(1);
            is_cut
        };
        if is_cut {
            self.cut();
        }
        sleep(Duration::from_millis(self.ways_ms.0)).await;
        if self.session() != Ok(session) {
            unsure(&done);
            return Err(unavailable("the connection broke before the answer"));
        }
        Ok(done)
    }

    pub fn deliver(&self, key: &ChannelKey, epoch: &str, publication: &Arc<Publication>) {
        if let Some(deliver) = self.deliver.get() {
            deliver.handle_publication(key, epoch, publication);
        }
    }

    pub async fn read_from(&self, key: &ChannelKey, request: ReadRequest) -> Result<Snapshot, ErrorBody> {
        let read = |memory: &Memory| memory.read(key, request).now_or_never().expect("it never waits");
        self.command(read, |_| {}).await?
    }

    async fn store_all(&self, items: Vec<Item>) -> Result<Batch, ErrorBody> {
        let store = |memory: &Memory| memory.publish_all(items.clone()).now_or_never().expect("it never waits");
        let unsure = |done: &Result<Batch, ErrorBody>| {
            if matches!(done, Ok(Batch::Stored(_))) {
                items.iter().for_each(|item| self.store.truth().doubt(&item.publication.payload));
            }
        };
        let batch = self.command(store, unsure).await??;
        if let Batch::Stored(stored) = &batch {
            items.into_iter().zip(stored).for_each(|(item, stored)| self.handle_own(item, stored));
        }
        Ok(batch)
    }
}

async fn listen(node: Weak<Node>, mut telling: UnboundedReceiver<Told>) {
    while let Some(told) = telling.recv().await {
        sleep_until(told.at).await;
        let Some(node) = node.upgrade() else { return };
        let is_heard = node.link.lock().unwrap().ear == told.ear;
        if is_heard {
            node.handle_told(&told);
        }
    }
}

impl Broker for Shared {
    fn set_deliver(&self, deliver: Arc<dyn Deliver>) {
        let _ = self.0.deliver.set(deliver);
    }
    fn publish<'a>(
        &'a self,
        key: &'a ChannelKey,
        publication: Publication,
        idempotency: Option<Idempotency>,
    ) -> BoxFuture<'a, Result<Stored, ErrorBody>> {
        async move {
            match self.0.store_all(vec![Item { key: key.clone(), publication, idempotency }]).await? {
                Batch::Stored(mut stored) => Ok(stored.remove(0)),
                Batch::Conflict(_) => Ok(Stored::Conflict),
            }
        }
        .boxed()
    }
    fn publish_all(&self, items: Vec<Item>) -> BoxFuture<'_, Result<Batch, ErrorBody>> {
        self.0.store_all(items).boxed()
    }
    fn conflicts<'a>(&'a self, key: &'a ChannelKey, idempotency: &'a Idempotency) -> BoxFuture<'a, Result<bool, ErrorBody>> {
        let ask = |memory: &Memory| memory.conflicts(key, idempotency).now_or_never().expect("it never waits");
        async move { self.0.command(ask, |_| {}).await? }.boxed()
    }
    fn read<'a>(&'a self, key: &'a ChannelKey, request: ReadRequest) -> BoxFuture<'a, Result<Snapshot, ErrorBody>> {
        self.0.read_from(key, request).boxed()
    }
    fn hold<'a>(&'a self, key: &'a ChannelKey) -> BoxFuture<'a, Result<(), ErrorBody>> {
        self.0.hold_one(key).boxed()
    }
    fn release(&self, key: &ChannelKey) {
        self.0.let_go(key);
    }
    fn tidy(&self) {
        self.0.store.memory().tidy();
    }
    fn ready(&self) -> Result<(), String> {
        let link = self.0.link.lock().unwrap();
        if link.is_up && !self.0.store.is_off() { Ok(()) } else { Err("the store cannot be reached".to_owned()) }
    }
    fn channels(&self) -> usize {
        self.0.held.lock().unwrap().len()
    }
}
