//! A broker that takes its time, as one behind a network does: what it answers may be old when it arrives.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use pulsewire_protocol::{ErrorBody, Publication};
use pulsewire_relay::broker::memory::Memory;
use pulsewire_relay::broker::{Batch, Broker, ChannelKey, Deliver, Idempotency, Item, ReadRequest, Snapshot, Stored};
use std::sync::Arc;

/// The broker in memory behind delays taken from a list, round and round.
pub struct SlowBroker {
    inner: Memory,
    delays_ms: Vec<u64>,
    next: Mutex<usize>,
}

impl SlowBroker {
    pub fn new(inner: Memory, delays_ms: Vec<u64>) -> Self {
        Self { inner, delays_ms, next: Mutex::new(0) }
    }
    async fn delay(&self) {
        let ms = {
            let mut next = self.next.lock();
            *next += 1;
            self.delays_ms.get(*next % self.delays_ms.len().max(1)).copied().unwrap_or(0)
        };
        if ms > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(ms)).await;
        }
    }
}

impl Broker for SlowBroker {
    fn set_deliver(&self, deliver: Arc<dyn Deliver>) {
        self.inner.set_deliver(deliver);
    }
    fn publish<'a>(
        &'a self,
        key: &'a ChannelKey,
        publication: Publication,
        idempotency: Option<Idempotency>,
    ) -> BoxFuture<'a, Result<Stored, ErrorBody>> {
        async move {
            self.delay().await;
            let stored = self.inner.publish(key, publication, idempotency).await;
            self.delay().await;
            stored
        }
        .boxed()
    }
    fn publish_all(&self, items: Vec<Item>) -> BoxFuture<'_, Result<Batch, ErrorBody>> {
        async move {
            self.delay().await;
            let stored = self.inner.publish_all(items).await;
            self.delay().await;
            stored
        }
        .boxed()
    }
    fn conflicts<'a>(&'a self, key: &'a ChannelKey, idempotency: &'a Idempotency) -> BoxFuture<'a, Result<bool, ErrorBody>> {
        self.inner.conflicts(key, idempotency)
    }
    fn read<'a>(&'a self, key: &'a ChannelKey, request: ReadRequest) -> BoxFuture<'a, Result<Snapshot, ErrorBody>> {
        async move {
            self.delay().await;
            let snapshot = self.inner.read(key, request).await;
            self.delay().await;
            snapshot
        }
        .boxed()
    }
    fn hold<'a>(&'a self, key: &'a ChannelKey) -> BoxFuture<'a, Result<(), ErrorBody>> {
        async move {
            self.delay().await;
            self.inner.hold(key).await
        }
        .boxed()
    }
    fn release(&self, key: &ChannelKey) {
        self.inner.release(key);
    }
    fn tidy(&self) {
        self.inner.tidy();
    }
    fn ready(&self) -> Result<(), String> {
        self.inner.ready()
    }
    fn channels(&self) -> usize {
        self.inner.channels()
    }
}
