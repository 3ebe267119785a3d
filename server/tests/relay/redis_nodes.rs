//! What a client asks of one relay after the other: polls that go on elsewhere, keys that are repeated elsewhere.

use crate::redis::{config_on, until};
use crate::redis_faults::until_ready;
use crate::redis_server::{Keeps, RedisServer};
use crate::support::*;
use proptest::prelude::*;
use pulsewire_protocol::*;
use pulsewire_relay::broker::memory::IDEMPOTENCY_TTL_MS;
use pulsewire_relay::relay::Asked;
use pulsewire_relay::{Clock, Entropy, Principal, Publisher, Relay};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One client's place in one channel, whoever told it.
#[derive(Default)]
struct Reader {
    at: Option<Position>,
    seen: Vec<u64>,
    losses: usize,
}

impl Reader {
    fn entry(&self, channel: &str) -> SubscribeEntry {
        SubscribeEntry { recover: self.at.clone(), history: Some(100), ..SubscribeEntry::new(channel) }
    }
    fn take(&mut self, told: &Subscribed) {
        if self.at.is_some() && !told.recovered {
            self.losses += 1;
        }
        self.seen.extend(told.publications.iter().map(|publication| number_of(&publication.payload)));
        self.at = Some(Position { epoch: told.epoch.clone(), offset: told.offset });
    }
    fn take_poll(&mut self, answer: PollResponse) {
        for entry in answer.channels {
            let SubscribedEntry::Subscribed(told) = entry else { panic!("{entry:?}") };
            self.take(&told);
        }
    }
}

fn nurse(relay: &Relay) -> Arc<Principal> {
    relay.authenticate(Some(&token("nurse"))).unwrap()
}

async fn two_relays(server: &RedisServer) -> [Relay; 2] {
    let relays = ["one", "two"].map(|name| {
        let mut config = config_on(server, "p");
        config.node = Some(name.to_owned());
        config.history.publications = 1_000;
        Relay::open(config, Clock::starting_at(START_MS), Entropy::from_os()).unwrap()
    });
    for relay in &relays {
        until_ready(relay).await;
    }
    relays
}

/// What a client asks, of which relay.
#[derive(Clone, Debug)]
enum Ask {
    /// A poll that waits so long, while so many are published elsewhere.
    Poll { relay: usize, wait_ms: u64, meanwhile: u64 },
    /// A connection, for as long as so many take.
    Connect { relay: usize, meanwhile: u64 },
    /// Nothing: so many are missed.
    Away { missed: u64 },
}

fn ask() -> impl Strategy<Value = Ask> {
    prop_oneof![
        4 => (0..2_usize, 0_u64..60, 0_u64..5).prop_map(|(relay, wait_ms, meanwhile)| Ask::Poll { relay, wait_ms, meanwhile }),
        1 => (0..2_usize, 0_u64..5).prop_map(|(relay, meanwhile)| Ask::Connect { relay, meanwhile }),
        1 => (0_u64..8).prop_map(|missed| Ask::Away { missed }),
    ]
}

/// A client whose requests land on one relay or the other, as a balancer without sticky sessions sends them, and that changes
/// between polling and a connection as it likes, sees every publication once and in order, whoever published it.
#[test]
fn polls_that_land_on_different_relays_lose_and_double_nothing() {
    let server = RedisServer::start(Keeps::Nothing);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let relays = runtime.block_on(two_relays(&server));
    let number = std::sync::atomic::AtomicU64::new(0);
    proptest!(ProptestConfig { cases: 30, ..ProptestConfig::default() }, |(asks in prop::collection::vec(ask(), 1..25))| {
        runtime.block_on(async {
            let channel = format!("lobby:{}", number.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
            let (mut reader, mut published) = (Reader::default(), 0);
            let publish = async |published: &mut u64, count: u64| {
                for _ in 0..count {
                    let relay = &relays[(*published % 2) as usize];
                    relay.publish(system(), &channel, note(*published), None).await.unwrap();
                    *published += 1;
                }
            };
            for ask in asks {
                match ask {
                    Ask::Poll { relay, wait_ms, meanwhile } => {
                        let (relay, request) = (relays[relay].clone(), PollRequest { channels: vec![reader.entry(&channel)], wait_ms: Some(wait_ms) });
                        let polling = tokio::spawn(async move { relay.poll(&nurse(&relay), request).await.unwrap() });
                        publish(&mut published, meanwhile).await;
                        reader.take_poll(polling.await.unwrap());
                    }
                    Ask::Connect { relay, meanwhile } => {
                        let (mut client, welcome) = Client::connect_entries(&relays[relay], &token("nurse"), vec![reader.entry(&channel)]).await;
                        let told = welcome.subscribed.iter().find_map(|entry| match entry {
                            SubscribedEntry::Subscribed(told) if told.channel == channel => Some(told),
                            _ => None,
                        });
                        reader.take(told.unwrap());
                        publish(&mut published, meanwhile).await;
                        while reader.at.as_ref().unwrap().offset < published {
                            if let ServerMessage::Event(event) = client.next().await {
                                reader.seen.push(number_of(&event.publication.payload));
                                reader.at.as_mut().unwrap().offset = event.publication.offset.unwrap();
                            }
                        }
                    }
                    Ask::Away { missed } => publish(&mut published, missed).await,
                }
            }
            let last = relays[1].poll(&nurse(&relays[1]), PollRequest { channels: vec![reader.entry(&channel)], wait_ms: None }).await.unwrap();
            reader.take_poll(last);
            assert_eq!(reader.losses, 0);
            assert_eq!(reader.seen, (0..published).collect::<Vec<_>>());
        });
    });
}

#[tokio::test]
async fn a_poll_that_waits_is_answered_by_what_another_relay_publishes_and_by_a_history_that_is_lost() {
    let mut server = RedisServer::start(Keeps::Nothing);
    let relays = two_relays(&server).await;
    let mut reader = Reader::default();
    let wait_for = |relay: &Relay, reader: &Reader, ms: u64| {
        let request = PollRequest { channels: vec![reader.entry("lobby")], wait_ms: Some(ms) };
        let relay = relay.clone();
        tokio::spawn(async move { relay.poll(&nurse(&relay), request).await })
    };
    let wait = |relay: &Relay, reader: &Reader| wait_for(relay, reader, 20_000);
    reader.take_poll(wait(&relays[0], &reader).await.unwrap().unwrap());
    let waiting = wait(&relays[1], &reader);
    until("it waits", || relays[1].snapshot().waiting_polls == 1).await;
    let began = Instant::now();
    relays[0].publish(system(), "lobby", note(1), None).await.unwrap();
    reader.take_poll(waiting.await.unwrap().unwrap());
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!((reader.seen.as_slice(), reader.losses), ([1].as_slice(), 0));

    let waiting = wait(&relays[0], &reader);
    until("it waits", || relays[0].snapshot().waiting_polls == 1).await;
    server.kill();
    until("both know", || relays.iter().all(|relay| relay.ready().is_err())).await;
    server.start_again();
    // Told, or asked to try again: in either case the poller learns of the loss from whomever it asks next.
    if let Ok(answer) = waiting.await.unwrap() {
        reader.take_poll(answer);
    }
    for relay in &relays {
        until_ready(relay).await;
    }
    reader.take_poll(wait_for(&relays[1], &reader, 0).await.unwrap().unwrap());
    assert_eq!(reader.losses, 1, "the history is another one, which is told once");
    relays[0].publish(system(), "lobby", note(2), None).await.unwrap();
    reader.take_poll(wait(&relays[1], &reader).await.unwrap().unwrap());
    assert_eq!((reader.seen.as_slice(), reader.losses), ([1, 2].as_slice(), 1));
}

#[tokio::test]
async fn a_key_that_is_given_to_two_relays_at_once_publishes_once() {
    let server = RedisServer::start(Keeps::Nothing);
    let relays = two_relays(&server).await;
    let (mut client, _) = Client::connect(&relays[0], &token("anna"), &["lobby"]).await;
    let who = nurse(&relays[0]);
    let by = Publisher::Principal(&who);
    for number in 0..50_u64 {
        let key = format!("k{number}");
        let (one, other) = tokio::join!(
            relays[0].publish(by, "lobby", note(number), Some(&key)),
            relays[1].publish(by, "lobby", note(number), Some(&key)),
        );
        let position = one.unwrap();
        assert_eq!((position.offset, &position), (number + 1, &other.unwrap()), "both are told the same place");
        let refused = relays[number as usize % 2].publish(by, "lobby", note(999), Some(&key)).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::BadRequest, "another body, whichever relay had the first");
    }
    relays[1].publish(system(), "lobby", note(1_000), None).await.unwrap();
    let mut told = Vec::new();
    while told.last() != Some(&1_000) {
        if let ServerMessage::Event(event) = client.next().await {
            told.push(number_of(&event.publication.payload));
        }
    }
    assert_eq!(told, (0..50).chain([1_000]).collect::<Vec<_>>());
}

fn alert(id: Option<&str>, message: &str) -> Payload {
    Payload::Alert(Alert {
        id: id.map(str::to_owned),
        patient_id: "p1".to_owned(),
        patient_name: "Maria".to_owned(),
        device_id: None,
        alert_type: "fall".to_owned(),
        severity: Severity::High,
        message: message.to_owned(),
        ts: None,
        metadata: None,
    })
}

/// An alert's id follows from its key and from when the key was first used, which the other relay has not seen.
#[tokio::test]
async fn an_alert_that_is_sent_again_to_another_relay_a_moment_later_is_the_same_alert_under_the_same_id() {
    let server = RedisServer::start(Keeps::Nothing);
    let relay_at = async |name: &str, at_ms: u64| {
        let mut config = config_on(&server, "p");
        config.node = Some(name.to_owned());
        let relay = Relay::open(config, Clock::starting_at(at_ms), Entropy::from_os()).unwrap();
        until_ready(&relay).await;
        relay
    };
    // The end of a quarter of an hour lies between them.
    let end_ms = (START_MS / IDEMPOTENCY_TTL_MS + 1) * IDEMPOTENCY_TTL_MS;
    let (early, late) = (relay_at("early", end_ms - 60_000).await, relay_at("late", end_ms + 60_000).await);
    for (number, order) in [[&early, &late], [&late, &early]].into_iter().enumerate() {
        let service = order[0].authenticate(Some(&sign(&with(claims("backend"), "role", "service".into())))).unwrap();
        let publish = async |relay: &Relay, message: &str, id: Option<&str>| {
            let (key, channel) = (Some(format!("k{number}")), "patient:p1".to_owned());
            let asked = Asked { channel, payload: alert(id, message), key };
            relay.publish_all(Publisher::Principal(&service), vec![asked]).await.map(|mut all| all.remove(0))
        };
        let first = publish(order[0], "fell", None).await.unwrap();
        for relay in [order[1], order[0], order[1]] {
            let again = publish(relay, "fell", None).await.unwrap();
            assert_eq!((&again.position, &again.alert_id), (&first.position, &first.alert_id), "attempt {number}");
        }
        let told = publish(order[1], "fell", first.alert_id.as_deref()).await.unwrap();
        assert_eq!(told.position, first.position, "with the id that it was told");
        for relay in order {
            let (_, refused) = publish(relay, "rose", None).await.unwrap_err();
            assert_eq!(refused.code, ErrorCode::BadRequest, "another alert under this key");
        }
        assert_eq!(publish(order[1], "fell", None).await.unwrap().alert_id, first.alert_id, "a refusal changes nothing");
        for channel in ["patient:p1", "tenant"] {
            let history = order[1].history(&service, channel, None, None).await.unwrap();
            assert_eq!(history.publications.len(), number + 1, "{channel}");
        }
    }
}
