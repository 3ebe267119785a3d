//! The broker of a single relay: everything in memory, gone with the process.
//!
//! Per channel a ring of publications bounded by number, age and bytes, the newest of each retained event, and the
//! idempotency keys of the last 15 minutes. A channel is one lock: offset, ring, state and key change together, and the
//! delivery happens under it, which is what keeps deliveries in order.
//!
//! Who goes when there is no room: [`super::table`].
//!
//! Lock order: channels in the order of their names, then whatever [`Deliver`] takes. The table of channels is locked for
//! look-ups only, and whoever holds it never waits for a channel. Nothing here awaits.

use super::size::approximate_bytes;
use super::table::Table;
use super::{Batch, Broker, ChannelKey, Deliver, Idempotency, Item, ReadRequest, Snapshot, Stored};
use crate::clock::Clock;
use crate::config::{Config, KindHistory};
use crate::entropy::Entropy;
use futures_util::future::{BoxFuture, FutureExt as _, ready};
use lru::LruCache;
use parking_lot::{ArcMutexGuard, Mutex, RawMutex};
use pulsewire_protocol::{ErrorBody, ErrorCode, Position, Publication};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, OnceLock};

/// How long an idempotency key is remembered.
pub const IDEMPOTENCY_TTL_MS: u64 = 15 * 60 * 1_000;
/// How many keys of one channel are remembered; beyond it the oldest is forgotten early.
const MAX_KEYS_PER_CHANNEL: usize = 16_384;

/// See the module.
pub struct Memory {
    config: Arc<Config>,
    clock: Clock,
    entropy: Entropy,
    deliver: OnceLock<Arc<dyn Deliver>>,
    /// Held for look-ups only.
    channels: Mutex<Table<Arc<Mutex<Channel>>>>,
}

struct Kept {
    at_ms: u64,
    bytes: usize,
    publication: Arc<Publication>,
}

struct RememberedKey {
    until_ms: u64,
    fingerprint: [u8; 16],
    position: Position,
}

struct Channel {
    /// Empty where the kind keeps no history.
    epoch: String,
    last_offset: u64,
    ring: VecDeque<Kept>,
    ring_bytes: usize,
    state: Vec<Arc<Publication>>,
    /// In order of use, which is never touched after insertion: a queue with an index. Made on first use.
    keys: Option<LruCache<String, RememberedKey>>,
    holds: usize,
    /// Set when the channel left the table while someone was about to lock it: they look it up again.
    evicted: bool,
    limits: KindHistory,
}

impl Memory {
    /// An empty broker.
    pub fn new(config: Arc<Config>, clock: Clock, entropy: Entropy) -> Self {
        let channels = Mutex::new(Table::new(config.history.channels, retire));
        Self { config, clock, entropy, deliver: OnceLock::new(), channels }
    }

    /// The channel, locked, made where there is none: for reading and listening.
    fn channel(&self, key: &ChannelKey) -> ArcMutexGuard<RawMutex, Channel> {
        loop {
            let found = self.channels.lock().find_or_make(key, || self.make(key));
            let channel = found.lock_arc();
            if !channel.evicted {
                return channel;
            }
        }
    }

    /// The channel, locked, for publishing: it takes one of the places of `history.channels`.
    fn kept_channel(&self, key: &ChannelKey) -> Result<ArcMutexGuard<RawMutex, Channel>, ErrorBody> {
        loop {
            let found = self.channels.lock().find_or_keep(key, || self.make(key)).ok_or_else(|| {
                ErrorBody::retryable(
                    ErrorCode::Unavailable,
                    "the relay keeps as many channels as history.channels allows, and all are in use",
                    Some(5_000),
                )
            })?;
            let channel = found.lock_arc();
            if !channel.evicted {
                return Ok(channel);
            }
        }
    }

    fn make(&self, key: &ChannelKey) -> Arc<Mutex<Channel>> {
        let limits = self.config.history_of(key.channel.kind());
        let epoch = if limits.publications == 0 { String::new() } else { self.entropy.id() };
        Arc::new(Mutex::new(Channel {
            epoch,
            last_offset: 0,
            ring: VecDeque::new(),
            ring_bytes: 0,
            state: Vec::new(),
            keys: None,
            holds: 0,
            evicted: false,
            limits,
        }))
    }

    fn publish_now(&self, key: &ChannelKey, publication: Publication, idempotency: Option<&Idempotency>) -> Result<Stored, ErrorBody> {
        let now_ms = self.clock.now_ms();
        let mut channel = self.kept_channel(key)?;
        if let Some(stored) = idempotency.and_then(|idempotency| channel.repeated(idempotency, now_ms)) {
            return Ok(stored);
        }
        Ok(Stored::Fresh(self.store(key, &mut channel, publication, idempotency, now_ms)))
    }

    fn publish_all_now(&self, items: Vec<Item>) -> Result<Batch, ErrorBody> {
        let now_ms = self.clock.now_ms();
        // Locked in the order of their names, so that two batches cannot wait for each other. The table never waits for a
        // channel, so it may be asked for the next one meanwhile; what is locked is not evicted.
        let mut channels: BTreeMap<ChannelKey, ArcMutexGuard<RawMutex, Channel>> = BTreeMap::new();
        let names: BTreeSet<&ChannelKey> = items.iter().map(|item| &item.key).collect();
        for key in names {
            channels.insert(key.clone(), self.kept_channel(key)?);
        }
        // Everything that can go wrong is found before anything is stored.
        let mut own: BTreeMap<(&ChannelKey, &str), [u8; 16]> = BTreeMap::new();
        for (place, item) in items.iter().enumerate() {
            let (Some(idempotency), Some(channel)) = (&item.idempotency, channels.get(&item.key)) else { continue };
            let first = *own.entry((&item.key, &idempotency.key)).or_insert(idempotency.fingerprint);
            if first != idempotency.fingerprint || channel.repeated(idempotency, now_ms) == Some(Stored::Conflict) {
                return Ok(Batch::Conflict(place));
            }
        }
        let mut stored = Vec::with_capacity(items.len());
        for Item { key, publication, idempotency } in items {
            // Every name was locked above.
            let Some(channel) = channels.get_mut(&key) else { continue };
            let repeated = idempotency.as_ref().and_then(|idempotency| channel.repeated(idempotency, now_ms));
            stored.push(match repeated {
                Some(repeated) => repeated,
                None => Stored::Fresh(self.store(&key, channel, publication, idempotency.as_ref(), now_ms)),
            });
        }
        Ok(Batch::Stored(stored))
    }

    /// Stores, remembers and delivers, under the channel's lock: that is what keeps deliveries in the order of their offsets.
    fn store(
        &self,
        key: &ChannelKey,
        channel: &mut Channel,
        publication: Publication,
        idempotency: Option<&Idempotency>,
        now_ms: u64,
    ) -> Position {
        let publication = channel.store(publication, now_ms, self.config.limits.recovery_bytes);
        let numbered = publication.offset.is_some();
        let position = if numbered { channel.position() } else { Position::default() };
        if let Some(idempotency) = idempotency {
            channel.remember(idempotency, position.clone(), now_ms);
        }
        if let Some(deliver) = self.deliver.get() {
            deliver.handle_publication(key, if numbered { &channel.epoch } else { "" }, &publication);
        }
        position
    }
}

/// Whether the channel may leave the table; from then on it is marked so. Someone at work on it means that it is not idle.
fn retire(channel: &Arc<Mutex<Channel>>) -> bool {
    channel.try_lock().is_some_and(|mut channel| {
        channel.evicted = channel.holds == 0;
        channel.evicted
    })
}

impl Channel {
    fn position(&self) -> Position {
        Position { epoch: self.epoch.clone(), offset: self.last_offset }
    }

    fn repeated(&self, idempotency: &Idempotency, now_ms: u64) -> Option<Stored> {
        let known = self.keys.as_ref()?.peek(&idempotency.key).filter(|known| now_ms < known.until_ms)?;
        Some(if known.fingerprint == idempotency.fingerprint { Stored::Repeated(known.position.clone()) } else { Stored::Conflict })
    }

    fn remember(&mut self, idempotency: &Idempotency, position: Position, now_ms: u64) {
        self.forget_keys(now_ms, MAX_KEYS_PER_CHANNEL - 1);
        let keys = self.keys.get_or_insert_with(LruCache::unbounded);
        let until_ms = now_ms.saturating_add(IDEMPOTENCY_TTL_MS);
        keys.put(idempotency.key.clone(), RememberedKey { until_ms, fingerprint: idempotency.fingerprint, position });
    }

    /// Forgets keys that have had their time, and the oldest beyond `most`.
    fn forget_keys(&mut self, now_ms: u64, most: usize) {
        let Some(keys) = &mut self.keys else { return };
        while keys.peek_lru().is_some_and(|(_, oldest)| oldest.until_ms <= now_ms || keys.len() > most) {
            keys.pop_lru();
        }
        if keys.is_empty() {
            self.keys = None;
        }
    }

    /// Numbers the publication and keeps it.
    fn store(&mut self, mut publication: Publication, now_ms: u64, max_bytes: usize) -> Arc<Publication> {
        let kept = self.limits.publications > 0 && publication.payload.has_history();
        if kept {
            self.last_offset += 1;
        }
        publication.offset = kept.then_some(self.last_offset);
        let publication = Arc::new(publication);
        if publication.payload.is_retained() {
            let event = publication.payload.kind();
            self.state.retain(|old| old.payload.kind() != event);
            self.state.push(Arc::clone(&publication));
        }
        if kept {
            let bytes = approximate_bytes(&publication);
            self.ring_bytes += bytes;
            self.ring.push_back(Kept { at_ms: now_ms, bytes, publication: Arc::clone(&publication) });
            self.trim(now_ms, max_bytes);
        }
        publication
    }

    /// Forgets what is too old or too much. A history of more than `max_bytes` could never be recovered in one answer.
    fn trim(&mut self, now_ms: u64, max_bytes: usize) {
        while let Some(oldest) = self.ring.front() {
            let too_old = oldest.at_ms.saturating_add(self.limits.age_ms) <= now_ms;
            if !too_old && self.ring.len() <= self.limits.publications && self.ring_bytes <= max_bytes {
                return;
            }
            self.ring_bytes = self.ring_bytes.saturating_sub(oldest.bytes);
            self.ring.pop_front();
        }
    }

    fn read(&self, request: &ReadRequest) -> Snapshot {
        let mut snapshot = Snapshot { position: self.position(), state: self.state.clone(), ..Snapshot::default() };
        if let Some(recover) = &request.recover {
            if self.limits.publications == 0 {
                snapshot.recovered = true;
                return snapshot;
            }
            if let Some(missed) = self.missed_since(recover, request.max_bytes) {
                snapshot.recovered = true;
                snapshot.publications = missed;
                return snapshot;
            }
        }
        let mut bytes = 0;
        let newest = self.ring.iter().rev().take(request.history as usize).take_while(|kept| {
            bytes += kept.bytes;
            bytes <= request.max_bytes
        });
        snapshot.publications = newest.map(|kept| Arc::clone(&kept.publication)).collect();
        snapshot.publications.reverse();
        snapshot
    }

    fn missed_since(&self, recover: &Position, max_bytes: usize) -> Option<Vec<Arc<Publication>>> {
        if recover.epoch != self.epoch || recover.offset > self.last_offset {
            return None;
        }
        let missing = self.last_offset - recover.offset;
        // Offsets in the ring have no holes, so the newest `missing` of them are the ones.
        let first = self.ring.len().checked_sub(usize::try_from(missing).ok()?)?;
        let missed = self.ring.iter().skip(first);
        if missed.clone().map(|kept| kept.bytes).sum::<usize>() > max_bytes {
            return None;
        }
        Some(missed.map(|kept| Arc::clone(&kept.publication)).collect())
    }
}

impl Broker for Memory {
    fn set_deliver(&self, deliver: Arc<dyn Deliver>) {
        // A second hub would be a defect of the caller; the first one stays.
        let _ = self.deliver.set(deliver);
    }

    fn publish<'a>(
        &'a self,
        key: &'a ChannelKey,
        publication: Publication,
        idempotency: Option<Idempotency>,
    ) -> BoxFuture<'a, Result<Stored, ErrorBody>> {
        ready(self.publish_now(key, publication, idempotency.as_ref())).boxed()
    }

    fn publish_all(&self, items: Vec<Item>) -> BoxFuture<'_, Result<Batch, ErrorBody>> {
        ready(self.publish_all_now(items)).boxed()
    }

    fn conflicts<'a>(&'a self, key: &'a ChannelKey, idempotency: &'a Idempotency) -> BoxFuture<'a, Result<bool, ErrorBody>> {
        let now_ms = self.clock.now_ms();
        let channel = self.channels.lock().peek(key).map(Arc::clone);
        let conflicts = channel.is_some_and(|channel| channel.lock().repeated(idempotency, now_ms) == Some(Stored::Conflict));
        ready(Ok(conflicts)).boxed()
    }

    fn read<'a>(&'a self, key: &'a ChannelKey, request: ReadRequest) -> BoxFuture<'a, Result<Snapshot, ErrorBody>> {
        let (now_ms, max_bytes) = (self.clock.now_ms(), self.config.limits.recovery_bytes);
        let mut channel = self.channel(key);
        channel.trim(now_ms, max_bytes);
        ready(Ok(channel.read(&request))).boxed()
    }

    fn hold<'a>(&'a self, key: &'a ChannelKey) -> BoxFuture<'a, Result<(), ErrorBody>> {
        self.channel(key).holds += 1;
        ready(Ok(())).boxed()
    }

    fn release(&self, key: &ChannelKey) {
        // Peeked, not used: letting go is no sign of life. A held channel is never evicted, so it is there.
        let channel = self.channels.lock().peek(key).map(Arc::clone);
        if let Some(channel) = channel {
            let mut channel = channel.lock();
            channel.holds = channel.holds.saturating_sub(1);
        }
    }

    fn tidy(&self) {
        let (now_ms, max_bytes) = (self.clock.now_ms(), self.config.limits.recovery_bytes);
        let channels: Vec<_> = self.channels.lock().iter().map(Arc::clone).collect();
        for channel in channels {
            // One that is locked is in use and trims itself.
            if let Some(mut channel) = channel.try_lock() {
                channel.trim(now_ms, max_bytes);
                channel.forget_keys(now_ms, MAX_KEYS_PER_CHANNEL);
                if channel.ring.is_empty() {
                    channel.ring = VecDeque::new();
                }
            }
        }
    }

    fn ready(&self) -> Result<(), String> {
        Ok(())
    }

    fn channels(&self) -> usize {
        self.channels.lock().len()
    }
}
