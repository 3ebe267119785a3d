//! No gap, no duplicate, in order: across reconnects, while publications flow, and told plainly where history is lost.

use crate::slow_broker::SlowBroker;
use crate::support::*;
use proptest::prelude::*;
use pulsewire_protocol::*;
use pulsewire_relay::broker::memory::Memory;
use pulsewire_relay::config::Config;
use pulsewire_relay::{Clock, Entropy, Relay};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

fn recover_from(channel: &str, position: &Position) -> SubscribeEntry {
    SubscribeEntry { recover: Some(position.clone()), ..SubscribeEntry::new(channel) }
}

/// What a client has seen of one channel; panics at a gap or a duplicate.
#[derive(Default)]
struct Seen {
    position: Position,
    numbers: Vec<u64>,
}

impl Seen {
    fn subscribed(&mut self, answer: &Subscribed) {
        if !self.position.epoch.is_empty() {
            assert!(answer.recovered, "history reaches back: {answer:?}");
            assert_eq!(answer.epoch, self.position.epoch);
        }
        self.position.epoch.clone_from(&answer.epoch);
        for publication in &answer.publications {
            // Asked for before events that were on their way: the client skips what it knows, as the document says.
            if publication.offset > Some(self.position.offset) {
                self.publication(publication);
            }
        }
        assert_eq!(self.position.offset, answer.offset, "the answer ends where it says");
    }
    fn publication(&mut self, publication: &Publication) {
        assert_eq!(publication.offset, Some(self.position.offset + 1), "a gap or a duplicate");
        self.position.offset += 1;
        self.numbers.push(number_of(&publication.payload));
    }
}

#[derive(Clone, Debug)]
enum Step {
    Publish(u8),
    Vanish,
    Reconnect,
    Read,
    Resubscribe,
    Wait(u16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_u8..6).prop_map(Step::Publish),
        1 => Just(Step::Vanish),
        2 => Just(Step::Reconnect),
        2 => Just(Step::Read),
        1 => Just(Step::Resubscribe),
        1 => (0_u16..5_000).prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Any interleaving of publishing, reading, vanishing and coming back gives every publication once and in order.
    #[test]
    fn a_client_that_comes_back_sees_every_publication_once_and_in_order(steps in prop::collection::vec(step(), 1..60)) {
        under_virtual_time(async {
            let relay = relay();
            let mut seen = Seen::default();
            let mut published = 0;
            let mut client: Option<Client> = None;
            for step in steps.into_iter().chain([Step::Reconnect, Step::Read]) {
                match step {
                    Step::Publish(count) => for _ in 0..count {
                        relay.publish(system(), "lobby", note(published), None).await.unwrap();
                        published += 1;
                    },
                    Step::Vanish => drop(client.take()),
                    Step::Reconnect if client.is_none() => {
                        let first = seen.position.epoch.is_empty();
                        let entry = if first {
                            SubscribeEntry { history: Some(1_000), ..SubscribeEntry::new("lobby") }
                        } else {
                            recover_from("lobby", &seen.position)
                        };
                        let (fresh, welcome) = Client::connect_entries(&relay, &token("nurse"), vec![entry]).await;
                        seen.subscribed(super::support::entry(&welcome, "lobby"));
                        client = Some(fresh);
                    }
                    Step::Resubscribe => if let Some(client) = &mut client {
                        for event in client.events().await {
                            seen.publication(&event.publication);
                        }
                        let answer = client.subscribe_entry(recover_from("lobby", &seen.position)).await.unwrap();
                        seen.subscribed(&answer);
                    },
                    Step::Read | Step::Reconnect => if let Some(client) = &mut client {
                        for event in client.events().await {
                            seen.publication(&event.publication);
                        }
                    },
                    Step::Wait(ms) => advance(u64::from(ms)).await,
                }
            }
            assert_eq!(seen.numbers, (0..published).collect::<Vec<_>>());
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// The same where every answer of the broker takes time, so that publications pass between the reading of the history and
    /// its answer, on connect and on subscribing again.
    #[test]
    fn nothing_is_lost_or_doubled_while_the_broker_takes_its_time(
        delays_ms in prop::collection::vec(0_u64..30, 1..12),
        rounds in prop::collection::vec((0_u64..8, 0_u64..40, 0_u8..3), 1..12),
    ) {
        under_virtual_time(async {
            let config = Arc::new(config());
            let (clock, entropy) = (Clock::starting_at(START_MS), Entropy::from_seed(1));
            let memory = Memory::new(Arc::clone(&config), clock.clone(), entropy.clone());
            let relay = Relay::with_broker(config, clock, entropy, Arc::new(SlowBroker::new(memory, delays_ms)));
            let (mut published, mut publishing) = (0, Vec::new());
            let mut seen = Seen::default();
            let mut client: Option<Client> = None;
            for (count, wait_ms, action) in rounds.into_iter().chain([(1, 0, 1), (0, 1_000, 2)]) {
                let (from, relay_of_task) = (published, relay.clone());
                published += count;
                publishing.push(tokio::spawn(async move {
                    for number in from..from + count {
                        relay_of_task.publish(system(), "lobby", note(number), None).await.unwrap();
                        advance(3).await;
                    }
                }));
                advance(wait_ms).await;
                if action == 0 {
                    drop(client.take());
                } else if let Some(client) = &mut client {
                    if action == 1 {
                        let SubscribeEntry { channel, recover, history, max_hz } = recover_from("lobby", &seen.position);
                        let id = client.id();
                        client.send(&ClientMessage::Subscribe(Subscribe { id, channel, recover, history, max_hz })).await;
                    }
                    for message in client.all().await {
                        match message {
                            ServerMessage::Event(event) => seen.publication(&event.publication),
                            ServerMessage::Subscribed(answer) => seen.subscribed(&answer),
                            other => panic!("{other:?}"),
                        }
                    }
                } else {
                    let entry = if seen.position.epoch.is_empty() {
                        SubscribeEntry { history: Some(1_000), ..SubscribeEntry::new("lobby") }
                    } else {
                        recover_from("lobby", &seen.position)
                    };
                    let (fresh, welcome) = Client::connect_entries(&relay, &token("nurse"), vec![entry]).await;
                    seen.subscribed(super::support::entry(&welcome, "lobby"));
                    client = Some(fresh);
                }
            }
            for task in publishing {
                task.await.unwrap();
            }
            for message in client.unwrap().all().await {
                match message {
                    ServerMessage::Event(event) => seen.publication(&event.publication),
                    ServerMessage::Subscribed(answer) => seen.subscribed(&answer),
                    other => panic!("{other:?}"),
                }
            }
            seen.numbers.sort_unstable();
            assert_eq!(seen.numbers, (0..published).collect::<Vec<_>>());
        });
    }
}

/// The same with real threads: publishers and a client that keeps coming back race each other. The publishers wait for a client
/// that falls far behind (a busy machine): what is tested is the seam, not the length of the history.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_is_lost_or_doubled_between_history_and_live_feed_on_many_threads() {
    let relay = relay();
    let (stop, published) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let heard = Arc::new(AtomicU64::new(0));
    let publishers: Vec<_> = (0..2)
        .map(|_| {
            let (relay, stop, published) = (relay.clone(), Arc::clone(&stop), Arc::clone(&published));
            let heard = Arc::clone(&heard);
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    if published.load(Ordering::Relaxed) > heard.load(Ordering::Relaxed) + 400 {
                        tokio::task::yield_now().await;
                        continue;
                    }
                    relay.publish(system(), "lobby", note(0), None).await.unwrap();
                    if published.fetch_add(1, Ordering::Relaxed) % 16 == 0 {
                        tokio::time::sleep(Duration::from_micros(200)).await;
                    }
                }
            })
        })
        .collect();
    let mut seen = Seen::default();
    for round in 0..200 {
        let entry = if round == 0 { SubscribeEntry::new("lobby") } else { recover_from("lobby", &seen.position) };
        let (mut client, welcome) = Client::connect_entries(&relay, &token("nurse"), vec![entry]).await;
        let answer = super::support::entry(&welcome, "lobby");
        if round == 0 {
            seen.position = Position { epoch: answer.epoch.clone(), offset: answer.offset };
        } else {
            seen.subscribed(answer);
        }
        heard.store(seen.position.offset, Ordering::Relaxed);
        for _ in 0..5 {
            if let ServerMessage::Event(event) = client.next().await {
                seen.publication(&event.publication);
                heard.store(seen.position.offset, Ordering::Relaxed);
            }
        }
    }
    stop.store(true, Ordering::Relaxed);
    for publisher in publishers {
        publisher.await.unwrap();
    }
    let (_, welcome) = Client::connect_entries(&relay, &token("nurse"), vec![recover_from("lobby", &seen.position)]).await;
    seen.subscribed(super::support::entry(&welcome, "lobby"));
    assert_eq!(seen.position.offset, published.load(Ordering::Relaxed));
    assert!(seen.numbers.len() > 1_000);
}

#[tokio::test(start_paused = true)]
async fn a_position_that_the_history_no_longer_reaches_is_not_recovered_and_gets_the_newest() {
    let mut config = config();
    config.history.publications = 10;
    let relay = relay_with(config);
    let (mut client, welcome) = Client::connect(&relay, &token("nurse"), &["lobby"]).await;
    let start = Position { epoch: entry(&welcome, "lobby").epoch.clone(), offset: 0 };
    for number in 1..=20 {
        relay.publish(system(), "lobby", note(number), None).await.unwrap();
    }
    let asked = SubscribeEntry { history: Some(3), ..recover_from("lobby", &start) };
    client.events().await;
    let answer = client.subscribe_entry(asked).await.unwrap();
    assert!(!answer.recovered);
    assert_eq!(answer.publications.iter().map(|p| number_of(&p.payload)).collect::<Vec<_>>(), [18, 19, 20]);
    let within = client.subscribe_entry(recover_from("lobby", &Position { offset: 10, ..start.clone() })).await.unwrap();
    assert!(within.recovered && within.publications.len() == 10);
    let at_the_end = client.subscribe_entry(recover_from("lobby", &Position { offset: 20, ..start.clone() })).await.unwrap();
    assert!(at_the_end.recovered && at_the_end.publications.is_empty());
    let ahead = client.subscribe_entry(recover_from("lobby", &Position { offset: 21, ..start })).await.unwrap();
    assert!(!ahead.recovered, "an offset that was never given out belongs to another history");
    let other = client.subscribe_entry(recover_from("lobby", &Position { epoch: "other".to_owned(), offset: 20 })).await.unwrap();
    assert!(!other.recovered);
}

#[tokio::test(start_paused = true)]
async fn publications_older_than_the_configured_age_are_gone_but_offsets_go_on() {
    let relay = relay();
    relay.publish(system(), "lobby", note(1), None).await.unwrap();
    advance(600_001).await;
    let (mut client, welcome) =
        Client::connect_entries(&relay, &token("nurse"), vec![SubscribeEntry { history: Some(9), ..SubscribeEntry::new("lobby") }]).await;
    let answer = entry(&welcome, "lobby").clone();
    assert_eq!((answer.offset, answer.publications.len()), (1, 0));
    let lost = client.subscribe_entry(recover_from("lobby", &Position { epoch: answer.epoch, offset: 0 })).await.unwrap();
    assert!(!lost.recovered);
}

#[tokio::test(start_paused = true)]
async fn a_recovery_larger_than_the_limit_is_not_recovered() {
    let mut config = config();
    config.limits.recovery_bytes = 16 * 1024;
    let relay = relay_with(config);
    let (mut client, welcome) = Client::connect(&relay, &token("nurse"), &["lobby"]).await;
    let big = Payload::Custom { event: "big".to_owned(), data: RawJson::parse(&format!("\"{}\"", "x".repeat(1_000))).unwrap() };
    for _ in 0..30 {
        relay.publish(system(), "lobby", big.clone(), None).await.unwrap();
    }
    client.events().await;
    let epoch = entry(&welcome, "lobby").epoch.clone();
    let small = client.subscribe_entry(recover_from("lobby", &Position { epoch: epoch.clone(), offset: 25 })).await.unwrap();
    assert!(small.recovered && small.publications.len() == 5);
    let large = client.subscribe_entry(recover_from("lobby", &Position { epoch, offset: 5 })).await.unwrap();
    assert!(!large.recovered && large.publications.is_empty());
}

/// Ten channels, each with nearly as much to recover as one recovery may hold: one answer has no room for all.
#[tokio::test(start_paused = true)]
async fn what_one_answer_has_no_room_for_is_left_out_of_it_and_recovered_when_asked_for_alone() {
    let mut config = config();
    config.limits.recovery_bytes = 16 * 1024;
    let relay = relay_with(config);
    let names: Vec<String> = (0..10).map(|number| format!("patient:p{number}")).collect();
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    let (client, welcome) = Client::connect(&relay, &token("nurse"), &all).await;
    drop(client);
    let big = Payload::Custom { event: "big".to_owned(), data: RawJson::parse(&format!("\"{}\"", "x".repeat(1_000))).unwrap() };
    for name in &all {
        for _ in 0..14 {
            relay.publish(system(), name, big.clone(), None).await.unwrap();
        }
    }
    let asked: Vec<SubscribeEntry> =
        all.iter().map(|name| recover_from(name, &Position { epoch: entry(&welcome, name).epoch.clone(), offset: 0 })).collect();
    let whole = |answer: &Subscribed| answer.recovered && answer.publications.len() == 14;

    // Over the socket: the others by `subscribe`.
    let (mut client, welcome) = Client::connect_entries(&relay, &token("nurse"), asked.clone()).await;
    let mut left = Vec::new();
    for one in &asked {
        let answered = welcome.subscribed.iter().find(|answer| match answer {
            SubscribedEntry::Subscribed(answer) => answer.channel == one.channel,
            SubscribedEntry::Refused(refused) => panic!("{refused:?}"),
        });
        match answered {
            Some(SubscribedEntry::Subscribed(answer)) => assert!(whole(answer), "{answer:?}"),
            _ => left.push(one.clone()),
        }
    }
    assert!((1..5).contains(&left.len()), "{} of ten left out", left.len());
    for one in left {
        assert!(whole(&client.subscribe_entry(one).await.unwrap()));
    }

    // By polls: the others by the next one.
    let who = relay.authenticate(Some(&token("nurse"))).unwrap();
    let mut waiting = asked;
    let mut polls = 0;
    while !waiting.is_empty() {
        let response = relay.poll(&who, PollRequest { channels: waiting.clone(), wait_ms: None }).await.unwrap();
        assert!(!response.channels.is_empty());
        for answer in &response.channels {
            let SubscribedEntry::Subscribed(answer) = answer else { panic!("{answer:?}") };
            assert!(whole(answer), "{answer:?}");
            waiting.retain(|one| one.channel != answer.channel);
        }
        polls += 1;
    }
    assert_eq!(polls, 2);
}

#[tokio::test(start_paused = true)]
async fn a_recovery_does_not_count_against_the_slow_consumer_queue() {
    let mut config = config();
    config.limits.queue_messages = 4;
    config.limits.queue_bytes = 2_000;
    let relay = relay_with(config);
    for number in 0..500 {
        relay.publish(system(), "lobby", note(number), None).await.unwrap();
    }
    let asked = SubscribeEntry { history: Some(500), ..SubscribeEntry::new("lobby") };
    let (mut client, welcome) = Client::connect_entries(&relay, &token("nurse"), vec![asked]).await;
    assert_eq!(entry(&welcome, "lobby").publications.len(), 500);
    assert!(client.events().await.is_empty() && client.closed.is_none());
}

#[tokio::test(start_paused = true)]
async fn the_newest_of_each_retained_event_comes_as_state_with_its_own_offset() {
    let relay = relay();
    relay.publish(system(), "device:d1", status("d1", 0.9), None).await.unwrap();
    relay.publish(system(), "device:d1", status("d1", 0.8), None).await.unwrap();
    relay.publish(system(), "device:d1", telemetry("d1", &[1.0], &[60.0]), None).await.unwrap();
    let (_client, welcome) = Client::connect(&relay, &token("nurse"), &["device:d1"]).await;
    let answer = entry(&welcome, "device:d1");
    assert_eq!(answer.offset, 3);
    let [state] = answer.state.as_slice() else { panic!("{answer:?}") };
    assert_eq!(state.offset, Some(2));
    assert!(matches!(&state.payload, Payload::DeviceStatus(status) if status.battery == Some(0.8)));
}

#[tokio::test(start_paused = true)]
async fn typing_is_delivered_but_neither_numbered_nor_kept() {
    let relay = relay();
    let (mut client, _) = Client::connect(&relay, &token("nurse"), &["conversation:c1"]).await;
    let typing = Payload::TypingStart(Typing { conversation_id: "c1".to_owned() });
    let position = relay.publish(system(), "conversation:c1", typing, None).await.unwrap();
    assert_eq!(position, Position::default());
    let events = client.events().await;
    assert_eq!(events.iter().map(|event| event.publication.offset).collect::<Vec<_>>(), [None]);
    let asked = SubscribeEntry { history: Some(10), ..SubscribeEntry::new("conversation:c1") };
    let again = client.subscribe_entry(asked).await.unwrap();
    assert_eq!((again.offset, again.publications.len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_kind_without_history_has_no_epoch_and_never_asks_for_a_resync() {
    let mut config: Config = config();
    config.history.kinds.insert("lobby".to_owned(), pulsewire_relay::config::KindOverride { publications: Some(0), age_ms: None });
    let relay = relay_with(config);
    let (mut client, welcome) = Client::connect(&relay, &token("nurse"), &["lobby"]).await;
    assert_eq!(entry(&welcome, "lobby").epoch, "");
    relay.publish(system(), "lobby", note(1), None).await.unwrap();
    assert_eq!(client.events().await[0].publication.offset, None);
    let again = client.subscribe_entry(recover_from("lobby", &Position::default())).await.unwrap();
    assert!(again.recovered && again.publications.is_empty());
}
