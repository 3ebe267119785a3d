//! The broker on a real Redis: the contract, two nodes, restarts, outages.

use crate::broker_contract::*;
use crate::redis_server::{Keeps, RedisServer};
use crate::support::*;
use proptest::prelude::*;
use pulsewire_protocol::*;
use pulsewire_relay::broker::redis::Redis;
use pulsewire_relay::broker::{Batch, Idempotency, Item, ReadRequest, Stored};
use pulsewire_relay::config::{Config, SecretString};
use pulsewire_relay::{Clock, Entropy};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

pub fn config_on(server: &RedisServer, prefix: &str) -> Config {
    let mut config = small_config();
    config.redis.url = Some(SecretString::from(server.url()));
    config.redis.prefix = prefix.to_owned();
    config.redis.timeout_ms = 1_000;
    config
}

pub async fn node(config: Config) -> Bench {
    let node = config.node.clone().unwrap();
    let broker = Redis::new(&Arc::new(config), Clock::starting_at(START_MS), Entropy::from_os(), &node).unwrap();
    Bench::real(Arc::new(broker)).await
}

/// Waits for what comes by publish/subscribe.
pub async fn until(what: &str, is_so: impl Fn() -> bool) {
    until_within(Duration::from_secs(15), what, is_so).await;
}

pub async fn until_within(longest: Duration, what: &str, is_so: impl Fn() -> bool) {
    let waited = tokio::time::timeout(longest, async {
        while !is_so() {
            advance(2).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("never: {what}"));
}

/// For tests that let time jump: what is under way, such as the canary, would take the jump for a Redis that does not answer, and
/// a connection that is made anew would ask Redis for the time, which has not jumped.
pub fn patient_config_on(server: &RedisServer, prefix: &str) -> Config {
    let mut config = config_on(server, prefix);
    config.redis.timeout_ms = 60 * 60_000;
    config
}

#[tokio::test]
async fn the_broker_on_redis_keeps_the_contract() {
    let server = RedisServer::start(Keeps::Nothing);
    let number = AtomicU32::new(0);
    // Each point in a place of its own.
    let make = async || node(patient_config_on(&server, &format!("t{}", number.fetch_add(1, Ordering::Relaxed)))).await;
    keeps_the_contract(make).await;
}

#[tokio::test]
async fn the_broker_on_redis_keeps_the_contract_by_sharded_publish_subscribe_too() {
    let server = RedisServer::start(Keeps::Nothing);
    let number = AtomicU32::new(0);
    let make = async || {
        let mut config = patient_config_on(&server, &format!("t{}", number.fetch_add(1, Ordering::Relaxed)));
        config.redis.sharded = true;
        node(config).await
    };
    keeps_the_contract(make).await;
    let mut config = config_on(&server, "two");
    config.redis.sharded = true;
    let (one, other) = (node(config.clone()).await, node(config).await);
    other.broker.hold(&key("lobby")).await.unwrap();
    one.publish("lobby", note(7)).await;
    until("the other node hears it", || other.delivered.notes("lobby") == [(Some(1), 7)]).await;
}

/// What happens to one of two nodes.
#[derive(Clone, Debug)]
enum Step {
    Publish { node: usize, channel: usize, key: Option<u8> },
    PublishAll { node: usize, channels: Vec<usize> },
    Typing { node: usize },
    Wait,
}

const CHANNELS: [&str; 3] = ["lobby", "tenant", "patient:1"];

fn step() -> impl Strategy<Value = Step> {
    let channel = 0..CHANNELS.len();
    prop_oneof![
        6 => (0..2_usize, channel.clone(), proptest::option::of(0..4_u8)).prop_map(|(node, channel, key)| Step::Publish { node, channel, key }),
        2 => (0..2_usize, proptest::collection::vec(channel, 1..4)).prop_map(|(node, channels)| Step::PublishAll { node, channels }),
        1 => (0..2_usize).prop_map(|node| Step::Typing { node }),
        1 => Just(Step::Wait),
    ]
}

/// Runs all steps, those of each node one behind the other and both nodes at once.
async fn run_steps(nodes: &[Bench], steps: &[Step]) {
    let run = async |number: usize| {
        for (place, step) in steps.iter().enumerate() {
            let payload = || note(place as u64);
            match step {
                Step::Publish { node, channel, key: idempotency } if *node == number => {
                    let idempotency = idempotency.map(|key| Idempotency { key: format!("k{key}"), fingerprint: [7; 16] });
                    nodes[number].broker.publish(&key(CHANNELS[*channel]), publication(payload()), idempotency).await.unwrap();
                }
                Step::PublishAll { node, channels } if *node == number => {
                    let items: Vec<Item> = channels.iter().map(|channel| item(CHANNELS[*channel], payload(), None)).collect();
                    assert!(matches!(nodes[number].broker.publish_all(items).await.unwrap(), Batch::Stored(_)));
                }
                Step::Typing { node } if *node == number => {
                    let typing = Payload::TypingStart(Typing { conversation_id: "c".to_owned() });
                    nodes[number].broker.publish(&key("conversation:c"), publication(typing), None).await.unwrap();
                }
                Step::Wait => tokio::task::yield_now().await,
                _ => {}
            }
        }
    };
    tokio::join!(run(0), run(1));
}

/// Properties 31 and 34: whoever publishes, both nodes are handed every publication of a channel, once, in the same order;
/// nobody's own come back to it a second time.
#[test]
fn property_31_and_34_two_nodes_see_the_same_once_and_in_order() {
    let server = RedisServer::start(Keeps::Nothing);
    let number = AtomicU32::new(0);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    proptest!(ProptestConfig { cases: 40, ..ProptestConfig::default() }, |(steps in proptest::collection::vec(step(), 1..60))| {
        runtime.block_on(async {
            let mut config = config_on(&server, &format!("p{}", number.fetch_add(1, Ordering::Relaxed)));
            config.history.publications = 1_000;
            let nodes = [node(config.clone()).await, node(config).await];
            for node in &nodes {
                for channel in CHANNELS.iter().chain(&["conversation:c"]) {
                    node.broker.hold(&key(channel)).await.unwrap();
                }
            }
            run_steps(&nodes, &steps).await;
            for channel in CHANNELS {
                let stored = nodes[0].read(channel, None, 1_000).await;
                let stored: Vec<_> = stored.publications.iter().map(|one| (one.offset, number_of(&one.payload))).collect();
                for node in &nodes {
                    until("both have heard all", || node.delivered.notes(channel).len() >= stored.len()).await;
                    assert_eq!(node.delivered.notes(channel), stored);
                }
            }
            let typed = steps.iter().filter(|step| matches!(step, Step::Typing { .. })).count();
            for node in &nodes {
                until("typing is heard", || node.delivered.count("conversation:c") >= typed).await;
            }
            // What comes doubled comes late: by another way than the first.
            advance(10).await;
            for node in &nodes {
                assert_eq!(node.delivered.count("conversation:c"), typed, "neither looped back nor doubled");
                for channel in CHANNELS {
                    assert!(node.delivered.gaps(channel).is_empty());
                }
            }
            let keys: std::collections::BTreeSet<_> = steps.iter().filter_map(|step| match step {
                Step::Publish { channel, key: Some(key), .. } => Some((*channel, *key)),
                _ => None,
            }).collect();
            let with_key = keys.len();
            let without: usize = steps.iter().map(|step| match step {
                Step::Publish { key: None, .. } => 1,
                Step::PublishAll { channels, .. } => channels.len(),
                _ => 0,
            }).sum();
            let heard: usize = CHANNELS.iter().map(|channel| nodes[1].delivered.count(channel)).sum();
            assert_eq!(heard, with_key + without, "a key counts once, whichever node it comes to");
        });
    });
}

#[tokio::test]
async fn a_key_used_on_one_node_is_known_to_the_other() {
    let server = RedisServer::start(Keeps::Nothing);
    let (one, other) = (node(config_on(&server, "p")).await, node(config_on(&server, "p")).await);
    let with_key = |fingerprint| Some(Idempotency { key: "u\0k".to_owned(), fingerprint: [fingerprint; 16] });
    let Stored::Fresh(first) = one.broker.publish(&key("lobby"), publication(note(1)), with_key(1)).await.unwrap() else { panic!() };
    assert_eq!(other.broker.publish(&key("lobby"), publication(note(1)), with_key(1)).await.unwrap(), Stored::Repeated(first));
    assert_eq!(other.broker.publish(&key("lobby"), publication(note(2)), with_key(2)).await.unwrap(), Stored::Conflict);
    assert!(other.broker.conflicts(&key("lobby"), &with_key(2).unwrap()).await.unwrap());
    assert!(!other.broker.conflicts(&key("lobby"), &with_key(1).unwrap()).await.unwrap());
}

#[tokio::test]
async fn a_full_redis_stores_nothing_and_says_so() {
    let server = RedisServer::start(Keeps::Nothing);
    let bench = node(config_on(&server, "p")).await;
    bench.broker.hold(&key("lobby")).await.unwrap();
    let before = bench.publish("lobby", note(1)).await;
    server.ask("CONFIG SET maxmemory 1");
    let error = bench.broker.publish(&key("lobby"), publication(note(2)), None).await.unwrap_err();
    assert_eq!((error.code, error.retryable), (ErrorCode::Unavailable, true), "{error:?}");
    let batch = vec![item("lobby", note(3), None), item("tenant", note(3), None)];
    bench.broker.publish_all(batch).await.unwrap_err();
    server.ask("CONFIG SET maxmemory 0");
    assert_eq!(bench.read("lobby", None, 10).await.position, before);
    assert_eq!(bench.publish("lobby", note(4)).await.offset, before.offset + 1);
    assert_eq!(bench.delivered.notes("lobby"), [(Some(1), 1), (Some(2), 4)]);
}

/// A key's time to live, in milliseconds; below zero: there is none, or no such key.
fn ttl_ms(server: &RedisServer, key: &str) -> i64 {
    let answer = server.ask(&format!("PTTL {key}"));
    answer.trim_start_matches(':').lines().next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_redis_that_refuses_writes_makes_the_relay_not_ready_until_it_takes_them_again() {
    let server = RedisServer::start(Keeps::Nothing);
    let bench = node(config_on(&server, "p")).await;
    let is_refused = |word: &str| {
        let problem = bench.broker.ready().err();
        problem.is_some_and(|problem| problem.starts_with("redis refuses writes: ") && problem.contains(word))
    };
    until("the canary is written", || ttl_ms(&server, &format!("p:canary:{}", canary_of(&server))) > 0).await;
    // Full as in life: a limit, and more than that.
    assert!(server.ask("CONFIG SET maxmemory-policy noeviction").contains("OK"));
    assert!(server.ask("CONFIG SET maxmemory 8mb").contains("OK"));
    assert!(server.ask("SETRANGE filler 9000000 x").starts_with(':'));
    until("nobody is sent to a relay whose redis is full", || is_refused("OOM")).await;
    bench.broker.publish(&key("lobby"), publication(note(1)), None).await.unwrap_err();
    bench.broker.read(&key("patient:1"), ReadRequest::default()).await.unwrap_err();
    assert!(!server.ask("KEYS p:*").contains("meta"), "a channel that is new fills it no further");
    server.ask("DEL filler");
    bench.until_ready().await;
    assert_eq!(bench.publish("lobby", note(2)).await.offset, 1);
    // A replica answers reads and tells what is published, but takes no write. Nobody is at the other end.
    assert!(server.ask("REPLICAOF 127.0.0.1 1").contains("OK"));
    until("nor to one whose redis is a replica", || is_refused("ReadOnly")).await;
    server.ask("REPLICAOF NO ONE");
    bench.until_ready().await;
    bench.publish("lobby", note(3)).await;
}

/// The name behind `p:canary:` of the only node.
fn canary_of(server: &RedisServer) -> String {
    let keys = server.ask("KEYS p:canary:*");
    keys.lines().find_map(|line| line.strip_prefix("p:canary:")).unwrap_or("none").to_owned()
}

#[tokio::test]
async fn a_channel_that_was_only_read_goes_soon_and_one_that_is_used_or_held_stays() {
    const SHORT_MS: i64 = 900_000;
    let server = RedisServer::start(Keeps::Nothing);
    let bench = node(config_on(&server, "p")).await;
    let meta = |channel: &str| format!("p:{{ward:{channel}}}:meta");
    let is_short = |channel: &str| (1..=SHORT_MS).contains(&ttl_ms(&server, &meta(channel)));
    for _ in 0..2 {
        bench.read("patient:1", None, 10).await;
        assert!(is_short("patient:1"), "{} ms for a name that somebody made up", ttl_ms(&server, &meta("patient:1")));
    }
    // A hold begins as a read does and is prolonged by the look that comes every five minutes.
    bench.broker.hold(&key("patient:2")).await.unwrap();
    assert!(is_short("patient:2"));
    bench.jump(6 * 60_000).await;
    bench.broker.tidy();
    until("a held channel stays", || ttl_ms(&server, &meta("patient:2")) > SHORT_MS).await;
    bench.read("patient:2", None, 10).await;
    assert!(ttl_ms(&server, &meta("patient:2")) > SHORT_MS, "a read by somebody else takes nothing away");
    bench.publish("patient:1", note(1)).await;
    assert!(ttl_ms(&server, &meta("patient:1")) > SHORT_MS);
    server.ask(&format!("PEXPIRE {} 1000", meta("patient:1")));
    bench.read("patient:1", None, 10).await;
    assert!(ttl_ms(&server, &meta("patient:1")) > SHORT_MS, "who reads what was published prolongs it");
}

#[tokio::test]
async fn keys_go_by_themselves_and_a_channel_that_was_forgotten_begins_anew() {
    let server = RedisServer::start(Keeps::Nothing);
    let bench = node(config_on(&server, "p")).await;
    let first = bench.publish("lobby", note(1)).await;
    let with_key = Some(Idempotency { key: "k".to_owned(), fingerprint: [1; 16] });
    bench.broker.publish(&key("device:d1"), publication(status("d1", 0.5)), with_key).await.unwrap();
    let keys = server.ask("KEYS *");
    for name in ["p:{ward:lobby}:meta", "p:{ward:lobby}:log", "p:{ward:device:d1}:state"] {
        assert!(keys.contains(name), "{name} in {keys}");
    }
    for name in keys.lines().filter(|line| line.starts_with("p:")) {
        assert!(ttl_ms(&server, name) > 0, "{name} never goes");
    }
    // As its time-out would.
    server.ask("DEL p:{ward:lobby}:meta");
    let again = bench.publish("lobby", note(2)).await;
    assert_eq!(again.offset, 1);
    assert_ne!(again.epoch, first.epoch);
    assert_eq!(offsets(&bench.read("lobby", None, 10).await), [1], "nothing of before is mixed in");
}
