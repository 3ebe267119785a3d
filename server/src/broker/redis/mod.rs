//! The broker of many relays: history, positions, retained state and idempotency keys in Redis 7 (or Valkey), told to every relay
//! by publish/subscribe.
//!
//! A publication is one script: number, stream entry, retained state, idempotency key and the telling of the others change
//! together. Each relay puts what it hears in order by the numbers ([`sequence`]); a hole, a new connection or another epoch makes
//! it read the stream. So nothing depends on publish/subscribe, which forgets whom it cannot reach.
//!
//! Keys: `prefix:{tenant:channel}:meta` (epoch, offset, run id, bytes), `:log` (the stream; ids are offsets), `:state` (retained
//! events), `:key:…` (idempotency), `:who` (which relays have users who are present, until when) and `:who:node` (those users).
//! `prefix:canary:node` is written and told every two seconds.
//!
//! Limits: histories are bounded as the configuration says, channels by `redis.channel_ttl_ms` since their last use, one that was
//! read only by 15 minutes; a Redis that is full answers `unavailable`, and the relay is not ready. Set its eviction policy to
//! `noeviction`.
//!
//! Traps: an error from [`Broker::publish`] may come for something that is stored nevertheless (the connection broke before the
//! answer): a repetition needs an idempotency key. After a restart of Redis every channel gets a new epoch, unless
//! `redis.durable` says that Redis loses nothing (`appendfsync always`).

mod address;
mod envelope;
mod feed;
mod held;
mod leases;
mod link;
mod present;
mod probe;
mod pushes;
mod scripts;
pub mod sequence;
mod told;

use super::{Batch, Broker, ChannelKey, Deliver, Idempotency, Item, ReadRequest, Snapshot, Stored};
use crate::clock::Clock;
use crate::config::Config;
use crate::entropy::Entropy;
use crate::observe::Metrics;
use crate::observe::faults::fault;
pub(crate) use address::check_url;
use feed::{Ask, Feed};
use futures_util::future::{BoxFuture, FutureExt as _, join_all};
use held::{Held, LOOKS_AT_ONCE};
use leases::Own;
use link::{Links, unavailable};
use parking_lot::Mutex;
pub(crate) use probe::{Found, probe};
use pulsewire_protocol::{ErrorBody, Position, PresentUser, Publication};
use redis::Value;
use scripts::{Answer, Scripts};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use told::{ComesAndGoes, Seldom};

/// How often held channels are looked at, so that they are not forgotten however long nobody publishes; a small part of the
/// shortest `redis.channel_ttl_ms`.
const TOUCH_EVERY_MS: u64 = 5 * 60_000;

/// The key that is written to find out whether Redis takes writes goes by itself.
const CANARY_TTL_MS: u64 = 10_000;

/// See the module.
pub struct Redis {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Clock,
    entropy: Entropy,
    node: String,
    max_bytes: usize,
    scripts: Scripts,
    links: Links,
    canary: String,
    asks: mpsc::UnboundedSender<Ask>,
    own: Arc<Own>,
    ask_within: Duration,
    deliver: OnceLock<Arc<dyn Deliver>>,
    metrics: OnceLock<Arc<Metrics>>,
    /// Channels that someone holds, by the name they are told under. Held for look-ups only.
    held: Mutex<HashMap<String, Arc<Held>>>,
    looks: Semaphore,
    listening: AtomicBool,
    /// When it ceased to listen; on the clock's counter.
    deaf_since_ns: AtomicU64,
    feed_comes_and_goes: Mutex<ComesAndGoes>,
    has_listened: AtomicBool,
    /// Leases of other relays that could not be read.
    unreadable: Mutex<Seldom>,
    /// On the clock's counter, which never goes back.
    touched_ns: AtomicU64,
}

impl Redis {
    /// A broker on the Redis of the configuration. Must be made inside a tokio runtime: it starts the task that listens. A Redis
    /// that is away is no error: the relay starts, is not ready, and tries again.
    ///
    /// # Errors
    /// There is no address, or it is none, or a certificate cannot be used.
    pub fn new(config: &Arc<Config>, clock: Clock, entropy: Entropy, node: &str) -> Result<Self, String> {
        let (client, listener) = (address::client(&config.redis, false)?, address::client(&config.redis, true)?);
        let (asks, asked) = mpsc::unbounded_channel();
        // Ids of relays may be given by hand, and twice: what was drawn tells two lives apart.
        let node = format!("{node}.{}", entropy.id());
        let (connect_timeout, timeout) =
            (Duration::from_millis(config.redis.connect_timeout_ms), Duration::from_millis(config.redis.timeout_ms));
        let inner = Arc::new(Inner {
            links: Links::new(&client, &config.redis, &clock, &entropy),
            scripts: Scripts::new(Arc::clone(config), entropy.clone(), node.clone()),
            canary: format!("{}:canary:{node}", config.redis.prefix),
            max_bytes: config.limits.recovery_bytes,
            clock,
            entropy,
            node,
            asks,
            own: Arc::default(),
            // One that is under way may go before.
            ask_within: timeout * 2,
            deliver: OnceLock::new(),
            metrics: OnceLock::new(),
            held: Mutex::default(),
            looks: Semaphore::new(LOOKS_AT_ONCE),
            listening: AtomicBool::new(false),
            deaf_since_ns: AtomicU64::new(0),
            feed_comes_and_goes: Mutex::default(),
            has_listened: AtomicBool::new(false),
            unreadable: Mutex::default(),
            touched_ns: AtomicU64::new(0),
        });
        let feed = Feed { client: listener, connect_timeout, timeout, sharded: config.redis.sharded };
        tokio::spawn(feed.run(Arc::downgrade(&inner), asked));
        tokio::spawn(leases::run(Arc::downgrade(&inner), Arc::clone(&inner.own)));
        Ok(Self { inner })
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Whoever renews leases sees that nobody is left to do it for.
        self.own.wake();
    }
}

impl Inner {
    /// Through every connection: one that is wedged is noticed before a publication is lost in it. A write goes before, because a
    /// Redis that refuses every write still tells all that is published.
    async fn send_canary(&self) {
        join_all(self.links.iter().map(|link| async move {
            let mut write = redis::cmd("SET");
            write.arg(&self.canary).arg(1).arg("PX").arg(CANARY_TTL_MS);
            link.try_write(&write).await;
            let mut command = redis::cmd(self.scripts.tell());
            command.arg(&self.canary).arg("");
            // That it failed is seen by its absence.
            let _: Result<i64, ErrorBody> = link.command(&command).await;
        }))
        .await;
    }

    fn handle_feed_up(self: &Arc<Self>) {
        let held = self.all_held();
        // What was told of leases meanwhile was told to nobody; before it listens, or they would run out first.
        let deaf_ns = self.clock.elapsed_ns().saturating_sub(self.deaf_since_ns.load(Ordering::Relaxed));
        for held in &held {
            held.look_who.store(true, Ordering::Relaxed);
            held.elsewhere.lock().was_deaf(deaf_ns);
        }
        self.listening.store(true, Ordering::Relaxed);
        let is_again = self.has_listened.swap(true, Ordering::Relaxed);
        if is_again {
            self.count(Metrics::broker_reconnected);
        }
        if self.feed_comes_and_goes.lock().back() || !is_again {
            tracing::info!(target: "pulsewire_relay::broker", channels = held.len(), "listening to redis");
        }
        // Redis may have lost this relay's.
        self.own.write_all_soon();
        held.iter().for_each(|held| self.look(held));
    }

    fn handle_feed_down(&self, problem: &str) {
        if !self.listening.swap(false, Ordering::Relaxed) {
            return;
        }
        let now_ns = self.clock.elapsed_ns();
        self.deaf_since_ns.store(now_ns, Ordering::Relaxed);
        if let Some(unsaid) = self.feed_comes_and_goes.lock().lost(now_ns) {
            fault!(warning, Broker, problem, unsaid, "not listening to redis");
        }
    }

    fn count(&self, count: impl FnOnce(&Metrics)) {
        if let Some(metrics) = self.metrics.get() {
            count(metrics);
        }
    }

    fn deliver(&self, key: &ChannelKey, epoch: &str, publication: &Arc<Publication>) {
        if let Some(deliver) = self.deliver.get() {
            deliver.handle_publication(key, epoch, publication);
        }
    }

    /// `seen` is how far this relay itself has seen the epoch of `request.recover`.
    async fn read(&self, key: &ChannelKey, request: &ReadRequest, seen: Option<u64>) -> Result<Snapshot, ErrorBody> {
        let link = self.links.of(&self.scripts.name(key))?;
        let up = link.up().await?;
        let call = self.scripts.read(&self.links.moment(&up, link), key, request, seen);
        let answer: Vec<Value> = link.run(&up, &call).await?;
        scripts::snapshot(&answer).ok_or_else(|| unavailable("its answer to a read cannot be understood"))
    }

    async fn store(self: &Arc<Self>, items: Vec<Item>) -> Result<Batch, ErrorBody> {
        let Some(first) = items.first() else { return Ok(Batch::Stored(Vec::new())) };
        let link = self.links.of(&self.scripts.name(&first.key))?;
        let up = link.up().await?;
        let call = self.scripts.publish(&self.links.moment(&up, link), &items);
        let answer: Vec<Value> = link.run(&up, &call).await?;
        let answer = scripts::stored(&answer).ok_or_else(|| unavailable("its answer to a publication cannot be understood"))?;
        let Answer::Batch(batch) = answer else {
            // It was held up, or its clock was set: the next connection asks for it again.
            link.drop_it(&up, "a publication came too late");
            return Err(unavailable("it did not begin in time"));
        };
        let Batch::Stored(stored) = &batch else { return Ok(batch) };
        for (item, stored) in items.into_iter().zip(stored) {
            if let Stored::Fresh(position) = stored {
                self.handle_own(item, position);
            }
        }
        Ok(batch)
    }

    /// One of this relay's own publications was stored.
    fn handle_own(self: &Arc<Self>, item: Item, position: &Position) {
        let numbered = !position.epoch.is_empty();
        let publication = Arc::new(Publication { offset: numbered.then_some(position.offset), ..item.publication });
        match self.find(&self.scripts.name(&item.key)).filter(|_| numbered) {
            Some(held) => self.offer(&held, &position.epoch, position.offset, publication),
            None => self.deliver(&item.key, &position.epoch, &publication),
        }
    }

    async fn conflicts(&self, key: &ChannelKey, idempotency: &Idempotency) -> Result<bool, ErrorBody> {
        let link = self.links.of(&self.scripts.name(key))?;
        let up = link.up().await?;
        let call = self.scripts.conflicts(&self.links.moment(&up, link), key, idempotency);
        let answer: i64 = link.run(&up, &call).await?;
        Ok(answer != 0)
    }

    /// Held channels stay known however long nobody publishes.
    fn touch(self: &Arc<Self>) {
        let now_ns = self.clock.elapsed_ns();
        if now_ns < self.touched_ns.load(Ordering::Relaxed).saturating_add(TOUCH_EVERY_MS * 1_000_000) {
            return;
        }
        self.touched_ns.store(now_ns, Ordering::Relaxed);
        self.all_held().iter().for_each(|held| self.look(held));
    }
}

impl Broker for Redis {
    fn set_deliver(&self, deliver: Arc<dyn Deliver>) {
        // A second hub would be a defect of the caller; the first one stays.
        let _ = self.inner.deliver.set(deliver);
    }

    fn set_metrics(&self, metrics: &Arc<Metrics>) {
        let _ = self.inner.metrics.set(Arc::clone(metrics));
        self.inner.links.set_metrics(metrics);
    }

    fn publish<'a>(
        &'a self,
        key: &'a ChannelKey,
        publication: Publication,
        idempotency: Option<Idempotency>,
    ) -> BoxFuture<'a, Result<Stored, ErrorBody>> {
        async move {
            match self.inner.store(vec![Item { key: key.clone(), publication, idempotency }]).await? {
                Batch::Stored(stored) => stored.into_iter().next().ok_or_else(|| unavailable("it gave no answer")),
                Batch::Conflict(_) => Ok(Stored::Conflict),
            }
        }
        .boxed()
    }

    fn publish_all(&self, items: Vec<Item>) -> BoxFuture<'_, Result<Batch, ErrorBody>> {
        self.inner.store(items).boxed()
    }

    fn conflicts<'a>(&'a self, key: &'a ChannelKey, idempotency: &'a Idempotency) -> BoxFuture<'a, Result<bool, ErrorBody>> {
        self.inner.conflicts(key, idempotency).boxed()
    }

    fn read<'a>(&'a self, key: &'a ChannelKey, request: ReadRequest) -> BoxFuture<'a, Result<Snapshot, ErrorBody>> {
        async move { self.inner.read(key, &request, None).await }.boxed()
    }

    fn hold<'a>(&'a self, key: &'a ChannelKey) -> BoxFuture<'a, Result<(), ErrorBody>> {
        self.inner.hold(key).boxed()
    }

    fn release(&self, key: &ChannelKey) {
        self.inner.release(key);
    }

    fn set_present(&self, key: &ChannelKey, user: &str, name: Option<&str>) {
        self.inner.set_present(key, user, name);
    }

    fn present_elsewhere<'a>(&'a self, key: &'a ChannelKey) -> BoxFuture<'a, Result<Vec<PresentUser>, ErrorBody>> {
        self.inner.present_elsewhere(key).boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        async move {
            self.inner.give_leases_back().await;
        }
        .boxed()
    }

    fn tidy(&self) {
        self.inner.touch();
        self.inner.expire_leases();
    }

    fn ready(&self) -> Result<(), String> {
        if !self.inner.links.are_up() {
            return Err("redis cannot be reached".to_owned());
        }
        if !self.inner.listening.load(Ordering::Relaxed) {
            return Err("redis is not listened to".to_owned());
        }
        if let Some(problem) = self.inner.links.refusal() {
            return Err(format!("redis refuses writes: {problem}"));
        }
        Ok(())
    }

    fn channels(&self) -> usize {
        self.inner.held.lock().len()
    }
}
