//! The broker's contract as one suite, for every implementation.
//!
//! The one in memory runs under virtual time. Redis is a process with a time of its own, so there only the jumps are virtual
//! ([`jump`]); what Redis itself forgets by its own clock is tested in `redis.rs`.

use crate::support::*;
use parking_lot::Mutex;
use pulsewire_protocol::*;
use pulsewire_relay::broker::memory::Memory;
use pulsewire_relay::broker::{Batch, Broker, ChannelKey, Deliver, Idempotency, Item, ReadRequest, Snapshot, Stored};
use pulsewire_relay::{Clock, Entropy};
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Default)]
pub struct Delivered {
    all: Mutex<Vec<(ChannelKey, String, Arc<Publication>)>>,
    gaps: Mutex<Vec<(ChannelKey, Position)>>,
    elsewhere: Mutex<BTreeMap<ChannelKey, BTreeMap<String, String>>>,
}

impl Delivered {
    /// The numbers of the notes that were delivered in that channel, with their offsets.
    pub fn notes(&self, channel: &str) -> Vec<(Option<u64>, u64)> {
        let all = self.all.lock();
        let of_channel = all.iter().filter(|(name, _, _)| *name == key(channel));
        of_channel.map(|(_, _, publication)| (publication.offset, number_of(&publication.payload))).collect()
    }
    /// How many publications of that channel were delivered.
    pub fn count(&self, channel: &str) -> usize {
        self.all.lock().iter().filter(|(name, _, _)| *name == key(channel)).count()
    }
    /// Who was said to be present by way of other nodes.
    pub fn elsewhere(&self, channel: &str) -> BTreeMap<String, String> {
        self.elsewhere.lock().get(&key(channel)).cloned().unwrap_or_default()
    }
    /// Where the channel was said to stand after something was lost.
    pub fn gaps(&self, channel: &str) -> Vec<Position> {
        self.gaps.lock().iter().filter(|(name, _)| *name == key(channel)).map(|(_, position)| position.clone()).collect()
    }
}

impl Deliver for Delivered {
    fn knows_elsewhere(&self, key: &ChannelKey) -> bool {
        self.elsewhere.lock().contains_key(key)
    }
    fn handle_all_elsewhere(&self, key: &ChannelKey, users: BTreeMap<String, String>) {
        self.elsewhere.lock().insert(key.clone(), users);
    }
    fn handle_elsewhere(&self, key: &ChannelKey, user: &str, name: Option<&str>) {
        let mut elsewhere = self.elsewhere.lock();
        let users = elsewhere.entry(key.clone()).or_default();
        match name {
            Some(name) => drop(users.insert(user.to_owned(), name.to_owned())),
            None => drop(users.remove(user)),
        }
    }
    fn handle_gap(&self, key: &ChannelKey, position: &Position) {
        self.gaps.lock().push((key.clone(), position.clone()));
    }
    fn handle_publication(&self, key: &ChannelKey, epoch: &str, publication: &Arc<Publication>) {
        self.all.lock().push((key.clone(), epoch.to_owned(), Arc::clone(publication)));
    }
}

pub struct Bench {
    pub broker: Arc<dyn Broker>,
    pub delivered: Arc<Delivered>,
    /// Whether time is the test's own.
    is_virtual: bool,
}

pub fn key(name: &str) -> ChannelKey {
    ChannelKey::new("ward", ChannelName::parse(name).unwrap())
}

pub fn publication(payload: Payload) -> Publication {
    Publication { offset: Some(999), first_offset: None, payload, ts: UnixMs(1.0), from: None }
}

impl Bench {
    pub fn new(broker: Arc<dyn Broker>) -> Self {
        let delivered = Arc::new(Delivered::default());
        broker.set_deliver(Arc::clone(&delivered) as _);
        Self { broker, delivered, is_virtual: true }
    }
    /// On a broker whose store is a process with a time of its own; waits until it is ready.
    pub async fn real(broker: Arc<dyn Broker>) -> Self {
        let bench = Self { is_virtual: false, ..Self::new(broker) };
        bench.until_ready().await;
        bench
    }
    pub async fn until_ready(&self) {
        let ready = async {
            while self.broker.ready().is_err() {
                advance(5).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), ready).await.expect("the broker is never ready");
    }
    /// Lets time pass that nobody waits for.
    pub async fn jump(&self, ms: u64) {
        if self.is_virtual {
            return advance(ms).await;
        }
        tokio::time::pause();
        tokio::time::advance(std::time::Duration::from_millis(ms)).await;
        tokio::time::resume();
        // What listens takes so long a silence for an outage.
        advance(20).await;
        self.until_ready().await;
    }
    pub async fn publish(&self, channel: &str, payload: Payload) -> Position {
        match self.broker.publish(&key(channel), publication(payload), None).await.unwrap() {
            Stored::Fresh(position) => position,
            other => panic!("{other:?}"),
        }
    }
    pub async fn read(&self, channel: &str, recover: Option<Position>, history: u32) -> Snapshot {
        self.broker.read(&key(channel), ReadRequest { recover, history, max_bytes: 1_000_000 }).await.unwrap()
    }
}

pub fn offsets(snapshot: &Snapshot) -> Vec<u64> {
    snapshot.publications.iter().map(|publication| publication.offset.unwrap()).collect()
}

/// Every point of the contract that all brokers share. `make` gives an empty broker with the configuration of [`small_config`].
pub async fn keeps_the_contract(make: impl AsyncFn() -> Bench) {
    numbers_from_one_in_one_epoch_and_delivers_in_order(make().await).await;
    recovers_exactly_what_was_missed(make().await).await;
    keeps_no_number_for_what_has_no_history(make().await).await;
    publishes_a_key_once(make().await).await;
    publishes_all_of_a_batch_or_none(make().await).await;
    batches_that_cross_neither_wait_for_each_other_nor_mix(make().await).await;
    keeps_order_under_concurrent_publishers(make().await).await;
    forgets_with_age_but_not_where_it_stands(make().await).await;
}

pub fn item(channel: &str, payload: Payload, idempotency: Option<(&str, u8)>) -> Item {
    let idempotency = idempotency.map(|(key, body)| Idempotency { key: key.to_owned(), fingerprint: [body; 16] });
    Item { key: key(channel), publication: publication(payload), idempotency }
}

async fn publishes_all_of_a_batch_or_none(bench: Bench) {
    let before = bench.publish("lobby", note(1)).await;
    let with_key = || Some(("k", 1));
    let batch = |last: Item| vec![item("lobby", note(2), with_key()), item("tenant", note(3), None), item("lobby", note(4), None), last];
    // Against what is stored, and against another of the same batch.
    bench.broker.publish_all(vec![item("tenant", note(0), Some(("used", 1)))]).await.unwrap();
    let delivered = bench.delivered.all.lock().len();
    for bad in [item("tenant", note(5), Some(("used", 2))), item("lobby", note(5), Some(("k", 2)))] {
        assert_eq!(bench.broker.publish_all(batch(bad)).await.unwrap(), Batch::Conflict(3));
        assert_eq!(bench.read("lobby", None, 10).await.position, before, "nothing was stored");
        assert_eq!(bench.read("tenant", None, 10).await.position.offset, 1);
        assert_eq!(bench.delivered.all.lock().len(), delivered, "nothing was delivered");
    }
    let good = batch(item("lobby", note(2), with_key()));
    let Batch::Stored(stored) = bench.broker.publish_all(good.clone()).await.unwrap() else { panic!("refused") };
    let at = |offset| Position { epoch: before.epoch.clone(), offset };
    assert!(matches!(&stored[1], Stored::Fresh(position) if position.offset == 2));
    assert_eq!(
        (&stored[0], &stored[2], &stored[3]),
        (&Stored::Fresh(at(2)), &Stored::Fresh(at(3)), &Stored::Repeated(at(2))),
        "the same key in one batch is one publication"
    );
    assert_eq!(offsets(&bench.read("lobby", None, 10).await), [1, 2, 3]);
    // Again: what has a key is not stored again, what has none is.
    let Batch::Stored(again) = bench.broker.publish_all(good).await.unwrap() else { panic!("refused") };
    assert_eq!((&again[0], &again[2]), (&Stored::Repeated(at(2)), &Stored::Fresh(at(4))));
    assert_eq!(bench.broker.publish_all(Vec::new()).await.unwrap(), Batch::Stored(Vec::new()));
}

async fn batches_that_cross_neither_wait_for_each_other_nor_mix(bench: Bench) {
    for channel in ["lobby", "tenant"] {
        bench.broker.hold(&key(channel)).await.unwrap();
    }
    let publishers = (0..8_u64).map(|publisher| {
        let broker = Arc::clone(&bench.broker);
        tokio::spawn(async move {
            for _ in 0..50 {
                let (first, second) = if publisher.is_multiple_of(2) { ("lobby", "tenant") } else { ("tenant", "lobby") };
                let items = [first, second, first].map(|channel| item(channel, note(publisher), None)).to_vec();
                broker.publish_all(items).await.unwrap();
                tokio::task::yield_now().await;
            }
        })
    });
    for publisher in publishers.collect::<Vec<_>>() {
        publisher.await.unwrap();
    }
    let delivered = bench.delivered.all.lock();
    for channel in ["lobby", "tenant"] {
        let of_channel: Vec<_> =
            delivered.iter().filter(|(name, _, _)| *name == key(channel)).map(|(_, _, publication)| publication).collect();
        let offsets: Vec<u64> = of_channel.iter().map(|publication| publication.offset.unwrap()).collect();
        assert_eq!(offsets, (1..=600).collect::<Vec<_>>());
        // Where a batch has two in a channel, they stand side by side.
        let own = |publisher: u64| publisher.is_multiple_of(2) == (channel == "lobby");
        let mut rest = of_channel.as_slice();
        while let Some(publication) = rest.first() {
            let publisher = number_of(&publication.payload);
            let width = if own(publisher) { 2 } else { 1 };
            assert!(rest[..width].iter().all(|publication| number_of(&publication.payload) == publisher));
            rest = &rest[width..];
        }
    }
}

async fn forgets_with_age_but_not_where_it_stands(bench: Bench) {
    let first = bench.publish("lobby", note(1)).await;
    bench.jump(400_000).await;
    bench.publish("lobby", note(2)).await;
    bench.publish("device:d1", status("d1", 0.5)).await;
    bench.jump(300_000).await;
    bench.broker.tidy();
    assert_eq!(offsets(&bench.read("lobby", None, 10).await), [2]);
    bench.jump(400_000).await;
    bench.broker.tidy();
    let later = bench.read("lobby", Some(Position { offset: 2, ..first.clone() }), 10).await;
    assert!(later.recovered && later.publications.is_empty(), "nothing was missed");
    assert_eq!(later.position, Position { offset: 2, ..first });
    assert_eq!(bench.read("device:d1", None, 10).await.state.len(), 1, "state does not age");
}

async fn numbers_from_one_in_one_epoch_and_delivers_in_order(bench: Bench) {
    bench.broker.hold(&key("lobby")).await.unwrap();
    let mut epochs = std::collections::BTreeSet::new();
    for number in 1..=5 {
        let position = bench.publish("lobby", note(number)).await;
        assert_eq!(position.offset, number);
        epochs.insert(position.epoch);
    }
    assert_eq!(epochs.len(), 1);
    assert_ne!(bench.publish("lobby:2", note(1)).await.epoch, *epochs.first().unwrap(), "each channel has its own");
    let delivered = bench.delivered.all.lock();
    let of_lobby: Vec<_> = delivered.iter().filter(|(key, _, _)| key.channel.as_str() == "lobby").collect();
    assert_eq!(of_lobby.iter().map(|(_, _, publication)| publication.offset.unwrap()).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert!(of_lobby.iter().all(|(_, epoch, _)| epochs.contains(epoch)));
}

async fn recovers_exactly_what_was_missed(bench: Bench) {
    let empty = bench.read("lobby", None, 10).await;
    assert!(!empty.position.epoch.is_empty() && empty.position.offset == 0 && !empty.recovered);
    for number in 1..=15 {
        bench.publish("lobby", note(number)).await;
    }
    let epoch = empty.position.epoch;
    let at = |offset| Some(Position { epoch: epoch.clone(), offset });
    for from in 5..=15 {
        let snapshot = bench.read("lobby", at(from), 3).await;
        assert!(snapshot.recovered, "ten are kept");
        assert_eq!(offsets(&snapshot), (from + 1..=15).collect::<Vec<_>>());
    }
    for from in [0, 4, 16, u64::MAX] {
        let snapshot = bench.read("lobby", at(from), 3).await;
        assert!(!snapshot.recovered);
        assert_eq!(offsets(&snapshot), [13, 14, 15], "the newest instead");
    }
    let tight = ReadRequest { recover: at(5), history: 10, max_bytes: 700 };
    let tight = bench.broker.read(&key("lobby"), tight).await.unwrap();
    assert!(!tight.recovered && (1..10).contains(&tight.publications.len()), "as many as the bytes allow: {}", tight.publications.len());
    assert_eq!(tight.publications.last().unwrap().offset, Some(15));
}

async fn keeps_no_number_for_what_has_no_history(bench: Bench) {
    let typing = || Payload::TypingStart(Typing { conversation_id: "c".to_owned() });
    bench.broker.hold(&key("conversation:c")).await.unwrap();
    assert_eq!(bench.publish("conversation:c", typing()).await, Position::default());
    assert_eq!(bench.publish("conversation:c", note(1)).await.offset, 1);
    bench.publish("conversation:c", typing()).await;
    assert_eq!(bench.publish("conversation:c", note(2)).await.offset, 2);
    assert_eq!(bench.delivered.all.lock().iter().map(|(_, _, p)| p.offset).collect::<Vec<_>>(), [None, Some(1), None, Some(2)]);
    assert_eq!(offsets(&bench.read("conversation:c", None, 10).await), [1, 2]);
    let nothing = bench.read("mute", Some(Position { epoch: "any".to_owned(), offset: 7 }), 10).await;
    assert!(nothing.recovered && nothing.position == Position::default() && nothing.publications.is_empty());
}

async fn publishes_a_key_once(bench: Bench) {
    let with_key = |fingerprint| Some(Idempotency { key: "u\0k".to_owned(), fingerprint: [fingerprint; 16] });
    let first = bench.broker.publish(&key("lobby"), publication(note(1)), with_key(1)).await.unwrap();
    let Stored::Fresh(position) = first else { panic!("{first:?}") };
    assert_eq!(bench.broker.publish(&key("lobby"), publication(note(1)), with_key(1)).await.unwrap(), Stored::Repeated(position));
    assert_eq!(bench.broker.publish(&key("lobby"), publication(note(2)), with_key(2)).await.unwrap(), Stored::Conflict);
    let elsewhere = bench.broker.publish(&key("lobby:2"), publication(note(1)), with_key(2)).await.unwrap();
    assert!(matches!(elsewhere, Stored::Fresh(_)), "keys are the channel's own");
    assert_eq!(bench.read("lobby", None, 10).await.position.offset, 1);
    bench.jump(15 * 60_000).await;
    let again = bench.broker.publish(&key("lobby"), publication(note(2)), with_key(2)).await.unwrap();
    assert!(matches!(again, Stored::Fresh(_)), "forgotten after 15 minutes");
}

async fn keeps_what_is_held_and_starts_a_new_epoch_for_what_it_forgot(bench: Bench) {
    let held = bench.publish("held", note(1)).await;
    bench.broker.hold(&key("held")).await.unwrap();
    let idle = bench.publish("idle", note(1)).await;
    for number in 0..100 {
        bench.publish(&format!("other:{number}"), note(1)).await;
    }
    assert!(bench.broker.channels() <= 20);
    assert_eq!(bench.publish("held", note(2)).await, Position { offset: 2, ..held.clone() });
    assert_ne!(bench.publish("idle", note(2)).await.epoch, idle.epoch);
    bench.broker.release(&key("held"));
    for number in 0..100 {
        bench.publish(&format!("other:{number}"), note(1)).await;
    }
    assert_ne!(bench.read("held", None, 0).await.position.epoch, held.epoch, "let go, it may be forgotten");
    for number in 0..20 {
        bench.broker.hold(&key(&format!("full:{number}"))).await.unwrap();
        bench.publish(&format!("full:{number}"), note(1)).await;
    }
    let error = bench.broker.publish(&key("one-more"), publication(note(1)), None).await.unwrap_err();
    assert_eq!((error.code, error.retryable), (ErrorCode::Unavailable, true));
}

/// Whatever another tenant reads, holds or publishes, this one keeps its history and may go on.
async fn no_tenant_pushes_out_another(bench: Bench) {
    let other = |name: String| ChannelKey::new("other", ChannelName::parse(&name).unwrap());
    let mine = bench.publish("mine", note(1)).await;
    let asked = bench.read("asked", None, 0).await.position;
    for number in 0..200 {
        bench.broker.read(&other(format!("read:{number}")), ReadRequest::default()).await.unwrap();
        bench.broker.publish(&other(format!("idle:{number}")), publication(note(1)), None).await.unwrap();
    }
    assert_eq!(offsets(&bench.read("mine", None, 10).await), [1], "reading and publishing elsewhere");
    assert_eq!(bench.read("asked", None, 0).await.position, asked, "an empty channel keeps its place too");
    assert!(bench.broker.channels() <= 40, "{} channels", bench.broker.channels());
    for number in 0..200 {
        let held = other(format!("held:{number}"));
        bench.broker.hold(&held).await.unwrap();
        if number < 50 {
            // Beyond its own places the other tenant is refused.
            let _ = bench.broker.publish(&held, publication(note(1)), None).await;
        }
    }
    bench.broker.hold(&key("new:0")).await.unwrap();
    for number in 0..5 {
        assert_eq!(bench.publish(&format!("new:{number}"), note(1)).await.offset, 1);
    }
    assert_eq!(bench.publish("mine", note(2)).await, Position { offset: 2, ..mine }, "still the same history");
    let refused = bench.broker.publish(&other("one-more".to_owned()), publication(note(1)), None).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Unavailable, "the one at fault is refused");
}

async fn keeps_order_under_concurrent_publishers(bench: Bench) {
    let bench = Arc::new(bench);
    bench.broker.hold(&key("lobby")).await.unwrap();
    let publishers: Vec<_> = (0..8)
        .map(|_| {
            let bench = Arc::clone(&bench);
            tokio::spawn(async move {
                for number in 0..100 {
                    bench.publish("lobby", note(number)).await;
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for publisher in publishers {
        publisher.await.unwrap();
    }
    let delivered: Vec<u64> = bench.delivered.all.lock().iter().map(|(_, _, publication)| publication.offset.unwrap()).collect();
    assert_eq!(delivered, (1..=800).collect::<Vec<_>>());
}

/// Ten publications, 20 channels, and a kind without history.
pub fn small_config() -> pulsewire_relay::config::Config {
    let mut config = config();
    config.history.publications = 10;
    config.history.channels = 20;
    config.history.kinds.insert("mute".to_owned(), pulsewire_relay::config::KindOverride { publications: Some(0), age_ms: None });
    // Idempotency outlives the usual ten minutes of history; so does the offset.
    config
}

#[tokio::test(start_paused = true)]
async fn the_broker_in_memory_keeps_the_contract() {
    let memory = || Memory::new(Arc::new(small_config()), Clock::starting_at(START_MS), Entropy::from_os());
    keeps_the_contract(async || Bench::new(Arc::new(memory()))).await;
    keeps_what_is_held_and_starts_a_new_epoch_for_what_it_forgot(Bench::new(Arc::new(memory()))).await;
    no_tenant_pushes_out_another(Bench::new(Arc::new(memory()))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_broker_in_memory_keeps_order_on_many_threads() {
    let memory = || Memory::new(Arc::new(small_config()), Clock::system(), Entropy::from_os());
    keeps_order_under_concurrent_publishers(Bench::new(Arc::new(memory()))).await;
    batches_that_cross_neither_wait_for_each_other_nor_mix(Bench::new(Arc::new(memory()))).await;
}
