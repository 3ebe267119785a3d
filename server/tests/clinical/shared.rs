//! Two relays on one store: what one tells of a device is so for both, and neither speaks of what it does not know.

use crate::support::*;
use futures_util::future::BoxFuture;
use pulsewire_protocol::{
    Column, DeviceState, DeviceStatus, ErrorBody, Payload, Position, PresentUser, Publication, Series, SeriesMap, Severity, Telemetry,
};
use pulsewire_relay::broker::memory::Memory;
use pulsewire_relay::broker::{Batch, Broker, ChannelKey, Deliver, Idempotency, Item, ReadRequest, Snapshot, Stored};
use pulsewire_relay::config::Config;
use pulsewire_relay::store::Place;
use pulsewire_relay::{Clock, Entropy, Relay};
use serde_json::json;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Where each relay hears, and who publishes now: nobody else follows any channel, unless all do.
#[derive(Default)]
struct Ears {
    relays: Mutex<Vec<Arc<dyn Deliver>>>,
    speaker: Mutex<usize>,
    all_follow: bool,
}

struct Spread(Arc<Ears>);

impl Deliver for Spread {
    fn handle_publication(&self, key: &ChannelKey, epoch: &str, publication: &Arc<Publication>) {
        let speaker = *self.0.speaker.lock().unwrap();
        for (number, relay) in self.0.relays.lock().unwrap().iter().enumerate() {
            if number == speaker || self.0.all_follow {
                relay.handle_publication(key, epoch, publication);
            }
        }
    }
    fn handle_gap(&self, _: &ChannelKey, _: &Position) {}
}

/// One relay's end of the store that both share.
struct End {
    number: usize,
    store: Arc<Memory>,
    ears: Arc<Ears>,
}

impl End {
    /// The store in memory never waits: whoever speaks has spoken when it answers.
    fn speak(&self) {
        *self.ears.speaker.lock().unwrap() = self.number;
    }
}

impl Broker for End {
    fn set_deliver(&self, deliver: Arc<dyn Deliver>) {
        self.ears.relays.lock().unwrap().push(deliver);
    }
    fn publish<'a>(
        &'a self,
        key: &'a ChannelKey,
        publication: Publication,
        idempotency: Option<Idempotency>,
    ) -> BoxFuture<'a, Result<Stored, ErrorBody>> {
        Box::pin(async move {
            self.speak();
            self.store.publish(key, publication, idempotency).await
        })
    }
    fn publish_all(&self, items: Vec<Item>) -> BoxFuture<'_, Result<Batch, ErrorBody>> {
        Box::pin(async move {
            self.speak();
            self.store.publish_all(items).await
        })
    }
    fn conflicts<'a>(&'a self, key: &'a ChannelKey, idempotency: &'a Idempotency) -> BoxFuture<'a, Result<bool, ErrorBody>> {
        self.store.conflicts(key, idempotency)
    }
    fn read<'a>(&'a self, key: &'a ChannelKey, request: ReadRequest) -> BoxFuture<'a, Result<Snapshot, ErrorBody>> {
        self.store.read(key, request)
    }
    fn hold<'a>(&'a self, key: &'a ChannelKey) -> BoxFuture<'a, Result<(), ErrorBody>> {
        self.store.hold(key)
    }
    fn release(&self, key: &ChannelKey) {
        self.store.release(key);
    }
    fn present_elsewhere<'a>(&'a self, _: &'a ChannelKey) -> BoxFuture<'a, Result<Vec<PresentUser>, ErrorBody>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }
    fn tidy(&self) {
        self.store.tidy();
    }
    fn ready(&self) -> Result<(), String> {
        self.store.ready()
    }
    fn channels(&self) -> usize {
        self.store.channels()
    }
}

fn two_relays(all_follow: bool) -> [World; 2] {
    let (config, clock, entropy) = (Arc::new(Config::development()), Clock::starting_at(START_MS), Entropy::from_seed(7));
    let store = Arc::new(Memory::new(Arc::clone(&config), clock.clone(), entropy));
    let ears = Arc::new(Ears { all_follow, ..Ears::default() });
    store.set_deliver(Arc::new(Spread(Arc::clone(&ears))));
    [0, 1].map(|number| {
        let end = End { number, store: Arc::clone(&store), ears: Arc::clone(&ears) };
        let entropy = Entropy::from_seed(number as u64 + 8);
        World::on(Relay::with_broker(Arc::clone(&config), clock.clone(), entropy, Arc::new(end)), &Place::Memory)
    })
}

fn telemetry() -> Payload {
    let series = Series { t: Column(vec![1.0]), v: Column(vec![2.0]), unit: None };
    Payload::Telemetry(Telemetry { device_id: "bed-1".to_owned(), series: SeriesMap(vec![("spo2".to_owned(), series)]) })
}

fn status(status: DeviceState) -> Payload {
    Payload::DeviceStatus(DeviceStatus { device_id: "bed-1".to_owned(), status, battery: None, last_seen: None })
}

impl World {
    async fn sends_for(&self, seconds: u64) {
        for _ in 0..seconds / 10 {
            self.publish("device:bed-1", telemetry()).await.unwrap();
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
    }
    fn said(&self) -> Vec<String> {
        let told = self.told("device:bed-1", "device_status");
        told.iter().map(|data| data["status"].as_str().unwrap().to_owned()).collect()
    }
    /// As a page sees it, on whichever relay.
    async fn retained(&self) -> DeviceState {
        let key = ChannelKey::new("ward", pulsewire_protocol::ChannelName::parse("device:bed-1").unwrap());
        let held = self.relay.broker().read(&key, ReadRequest::default()).await.unwrap();
        match &held.state.first().unwrap().payload {
            Payload::DeviceStatus(status) => status.status,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_device_whose_ingest_moves_to_another_relay_is_told_offline_by_neither() {
    let [a, b] = two_relays(false);
    a.publish("device:bed-1", status(DeviceState::Online)).await.unwrap();
    a.sends_for(60).await;
    b.sends_for(600).await;
    assert_eq!((a.said(), b.said()), (vec!["online".to_owned()], Vec::new()));
    // Once it is really silent, it is told so once, and at its time.
    tokio::time::sleep(Duration::from_secs(105)).await;
    assert_eq!(b.retained().await, DeviceState::Online);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(b.retained().await, DeviceState::Offline);
    tokio::time::sleep(Duration::from_secs(300)).await;
    let offline = a.said().iter().chain(&b.said()).filter(|said| *said == "offline").count();
    assert_eq!(offline, 1, "{:?} {:?}", a.said(), b.said());
    for world in [a, b] {
        world.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn changes_of_alerts_on_two_relays_are_told_each_whatever_row_they_have() {
    let worlds = two_relays(false);
    for (world, id) in worlds.iter().zip(["al-1", "al-2"]) {
        world.publish("patient:p-1", Payload::Alert(alert_of(id, "p-1", Severity::High))).await.unwrap();
        for _ in 0..2 {
            world.ask(&nurse("ana"), "alerts.acknowledge", json!({"id": id})).await.unwrap();
        }
        for channel in ["patient:p-1", "tenant"] {
            let told = world.told(channel, "alert_updated");
            assert_eq!((told.len(), &told[0]["id"]), (1, &json!(id)));
        }
    }
    for world in worlds {
        world.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn silence_that_one_relay_has_told_ends_with_what_any_relay_hears() {
    for all_follow in [false, true] {
        let [a, b] = two_relays(all_follow);
        a.publish("device:bed-1", status(DeviceState::Online)).await.unwrap();
        tokio::time::sleep(Duration::from_secs(130)).await;
        assert_eq!((a.said(), b.retained().await), (vec!["online".to_owned(), "offline".to_owned()], DeviceState::Offline));
        // The other relay never heard of it, or heard of its silence alone.
        b.sends_for(10).await;
        assert_eq!(a.retained().await, DeviceState::Online, "{all_follow}");
        b.sends_for(300).await;
        assert_eq!(a.retained().await, DeviceState::Online, "{all_follow}");
        // What a backend says by the one is not undone by what the other hears.
        a.publish("device:bed-1", status(DeviceState::Offline)).await.unwrap();
        tokio::time::sleep(Duration::from_secs(200)).await;
        b.sends_for(60).await;
        assert_eq!(a.retained().await, DeviceState::Offline, "{all_follow}");
        for world in [a, b] {
            world.end().await;
        }
    }
}
