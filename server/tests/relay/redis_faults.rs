//! Redis goes away, stands still, comes back with and without its data; connections are cut and wedged. Nothing that was
//! accepted is lost or doubled, and what Redis lost is said.

use crate::broker_contract::*;
use crate::redis::*;
use crate::redis_proxy::Proxy;
use crate::redis_server::{Keeps, RedisServer};
use crate::support::*;
use pulsewire_protocol::*;
use pulsewire_relay::broker::redis::Redis;
use pulsewire_relay::broker::{Broker as _, ChannelKey, Deliver, Idempotency, Stored};
use pulsewire_relay::config::SecretString;
use pulsewire_relay::{Clock, Entropy, Relay};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

async fn two_nodes(server: &RedisServer) -> [Bench; 2] {
    let mut config = config_on(server, "p");
    config.history.publications = 1_000;
    let nodes = [node(config.clone()).await, node(config).await];
    for node in &nodes {
        node.broker.hold(&key("lobby")).await.unwrap();
    }
    nodes
}

/// Publishes notes until one is refused, and then until one is accepted again; gives the numbers of those that were accepted.
async fn publish_until_it_works(bench: &Bench, mut number: u64) -> u64 {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        match bench.broker.publish(&key("lobby"), publication(note(number)), None).await {
            Ok(Stored::Fresh(_)) => return number,
            Ok(other) => panic!("{other:?}"),
            Err(error) => {
                assert_eq!((error.code, error.retryable), (ErrorCode::Unavailable, true), "{error:?}");
                assert!(Instant::now() < until, "it never works again: {error:?}");
                number += 1;
                advance(20).await;
            }
        }
    }
}

#[tokio::test]
async fn what_was_told_while_nobody_listened_is_read_from_the_stream() {
    let server = RedisServer::start(Keeps::Nothing);
    let [one, other] = two_nodes(&server).await;
    let mut expected = Vec::new();
    for round in 0..5_u64 {
        server.ask("CLIENT KILL TYPE pubsub");
        for number in 0..20 {
            let position = one.publish("lobby", note(round * 100 + number)).await;
            expected.push((Some(position.offset), round * 100 + number));
        }
    }
    for node in [&one, &other] {
        until("all of them arrive", || node.delivered.notes("lobby").len() >= expected.len()).await;
        assert_eq!(node.delivered.notes("lobby"), expected);
        assert!(node.delivered.gaps("lobby").is_empty());
    }
}

#[tokio::test]
async fn a_redis_that_stands_still_refuses_in_time_and_does_not_do_later_what_was_refused() {
    let server = RedisServer::start(Keeps::Nothing);
    let [one, other] = two_nodes(&server).await;
    one.publish("lobby", note(1)).await;
    server.pause();
    let began = Instant::now();
    let error = one.broker.publish(&key("lobby"), publication(note(666)), None).await.unwrap_err();
    assert_eq!((error.code, error.retryable), (ErrorCode::Unavailable, true));
    assert!(began.elapsed() < Duration::from_secs(2), "refused after {:?}", began.elapsed());
    assert!(one.broker.ready().is_err(), "nobody should be sent here");
    // The other one finds out by its canary.
    until("the other is not ready either", || other.broker.ready().is_err()).await;
    server.resume();
    let accepted = publish_until_it_works(&one, 667).await;
    for node in [&one, &other] {
        until("what was accepted arrives", || node.delivered.notes("lobby").len() >= 2).await;
        assert_eq!(node.delivered.notes("lobby"), [(Some(1), 1), (Some(2), accepted)], "and nothing that was refused");
        node.until_ready().await;
        assert!(node.delivered.gaps("lobby").is_empty(), "nothing was lost");
    }
}

#[tokio::test]
async fn a_restart_without_data_is_told_and_never_passed_over_in_silence() {
    let mut server = RedisServer::start(Keeps::Nothing);
    let [one, other] = two_nodes(&server).await;
    let before = one.publish("lobby", note(1)).await;
    until("it arrives", || other.delivered.notes("lobby").len() == 1).await;
    server.kill();
    until("both know that it is away", || one.broker.ready().is_err() && other.broker.ready().is_err()).await;
    server.start_again();
    for node in [&one, &other] {
        until("the loss is told, though nobody published", || !node.delivered.gaps("lobby").is_empty()).await;
        node.until_ready().await;
    }
    let after = one.publish("lobby", note(2)).await;
    assert_ne!(after.epoch, before.epoch);
    for node in [&one, &other] {
        until("what comes after arrives", || node.delivered.notes("lobby").len() == 2).await;
        let gap = node.delivered.gaps("lobby").pop().unwrap();
        assert_eq!(gap.epoch, after.epoch, "both are told the same new history");
        assert!(gap.offset < after.offset);
    }
}

#[tokio::test]
async fn a_restart_with_the_data_begins_anew_unless_redis_is_said_to_lose_nothing() {
    for durable in [false, true] {
        let mut server = RedisServer::start(Keeps::Everything);
        let mut config = config_on(&server, "p");
        config.redis.durable = durable;
        let bench = node(config).await;
        bench.broker.hold(&key("lobby")).await.unwrap();
        let before = bench.publish("lobby", note(1)).await;
        server.kill();
        bench.broker.publish(&key("lobby"), publication(note(666)), None).await.unwrap_err();
        server.start_again();
        bench.until_ready().await;
        let read = bench.read("lobby", Some(Position { offset: 0, ..before.clone() }), 10).await;
        assert_eq!((read.recovered, read.position.epoch == before.epoch), (durable, durable));
        let accepted = publish_until_it_works(&bench, 2).await;
        until("it arrives", || bench.delivered.notes("lobby").len() >= 2).await;
        let offset = if durable { 2 } else { 1 };
        assert_eq!(bench.delivered.notes("lobby"), [(Some(1), 1), (Some(offset), accepted)]);
        assert_eq!(bench.delivered.gaps("lobby").is_empty(), durable);
    }
}

#[tokio::test]
async fn a_redis_that_has_less_than_it_once_told_is_not_believed_again() {
    let server = RedisServer::start(Keeps::Nothing);
    let mut config = config_on(&server, "p");
    config.redis.durable = true;
    let nodes = [node(config.clone()).await, node(config).await];
    for node in &nodes {
        node.broker.hold(&key("lobby")).await.unwrap();
    }
    let mut epoch = String::new();
    for number in 1..=3 {
        epoch = nodes[0].publish("lobby", note(number)).await.epoch;
    }
    until("all have come", || nodes[1].delivered.notes("lobby").len() == 3).await;
    // As a failover to a replica that was behind would leave it.
    server.ask("HSET p:{ward:lobby}:meta o 1");
    server.ask("XTRIM p:{ward:lobby}:log MAXLEN 1");
    server.ask("CLIENT KILL TYPE pubsub");
    for node in &nodes {
        until("the loss is told", || !node.delivered.gaps("lobby").is_empty()).await;
    }
    let next = nodes[0].publish("lobby", note(4)).await;
    assert_ne!(next.epoch, epoch, "its numbers would be given twice");
    until("and it goes on", || nodes.iter().all(|node| node.delivered.notes("lobby").last() == Some(&(Some(next.offset), 4)))).await;
}

#[tokio::test]
async fn a_subscription_that_died_in_silence_is_noticed_and_healed_within_ten_seconds() {
    let server = RedisServer::start(Keeps::Nothing);
    let proxy = Proxy::start(server.port()).await;
    let mut config = config_on(&server, "p");
    let publisher = node(config.clone()).await;
    config.redis.url = Some(SecretString::from(proxy.url()));
    let wedged = node(config).await;
    wedged.broker.hold(&key("lobby")).await.unwrap();
    proxy.wedge_listeners();
    let began = Instant::now();
    publisher.publish("lobby", note(1)).await;
    until("it is delivered nevertheless", || wedged.delivered.notes("lobby") == [(Some(1), 1)]).await;
    assert!(began.elapsed() < Duration::from_secs(10), "healed after {:?}", began.elapsed());
    assert!(began.elapsed() > Duration::from_secs(1), "it was not wedged");
    wedged.until_ready().await;
    publisher.publish("lobby", note(2)).await;
    until("and the new one hears", || wedged.delivered.notes("lobby").len() == 2).await;
}

#[tokio::test]
async fn a_connection_cut_between_script_and_answer_leaves_one_publication_and_a_key_tells_which() {
    let server = RedisServer::start(Keeps::Nothing);
    let proxy = Proxy::start(server.port()).await;
    let mut config = config_on(&server, "p");
    config.redis.url = Some(SecretString::from(proxy.url()));
    let [one, other] = [node(config.clone()).await, node(config).await];
    for node in [&one, &other] {
        node.broker.hold(&key("lobby")).await.unwrap();
    }
    // Redis knows the script from now on: its first use is another question and answer.
    one.publish("tenant", note(0)).await;
    let with_key = || Some(Idempotency { key: "k".to_owned(), fingerprint: [1; 16] });
    proxy.cut_next_script();
    let error = one.broker.publish(&key("lobby"), publication(note(1)), with_key()).await.unwrap_err();
    assert_eq!((error.code, error.retryable), (ErrorCode::Unavailable, true));
    let again = one.broker.publish(&key("lobby"), publication(note(1)), with_key()).await.unwrap();
    let Stored::Repeated(position) = again else { panic!("{again:?}") };
    assert_eq!(position.offset, 1);
    for node in [&one, &other] {
        until("both were told, the publisher's own node too", || !node.delivered.notes("lobby").is_empty()).await;
        assert_eq!(node.delivered.notes("lobby"), [(Some(1), 1)]);
    }
}

/// In the middle of a script, of its answer, of what is told, of a subscription: wherever the byte is.
#[tokio::test]
async fn connections_cut_at_any_byte_lose_and_double_nothing_whatever_node_is_asked_again() {
    const COUNT: u64 = 40;
    let server = RedisServer::start(Keeps::Nothing);
    let proxy = Proxy::start(server.port()).await;
    let mut config = config_on(&server, "p");
    config.redis.url = Some(SecretString::from(proxy.url()));
    config.history.publications = 1_000;
    let nodes = [node(config.clone()).await, node(config).await];
    for node in &nodes {
        node.broker.hold(&key("lobby")).await.unwrap();
    }
    let (mut expected, mut refused) = (Vec::new(), 0);
    for number in 0..COUNT {
        proxy.cut_at_byte(1 + number * 97 % 700);
        let until = Instant::now() + Duration::from_secs(20);
        let position = loop {
            let idempotency = Some(Idempotency { key: format!("k{number}"), fingerprint: [1; 16] });
            let node = &nodes[((number + refused) % 2) as usize];
            match node.broker.publish(&key("lobby"), publication(note(number)), idempotency).await {
                Ok(Stored::Fresh(position) | Stored::Repeated(position)) => break position,
                Ok(Stored::Conflict) => panic!("{number} was never another one"),
                Err(error) => assert!(error.code == ErrorCode::Unavailable && Instant::now() < until, "{number}: {error:?}"),
            }
            refused += 1;
            advance(20).await;
        };
        expected.push((Some(position.offset), number));
    }
    assert_eq!(expected.iter().map(|(offset, _)| offset.unwrap()).collect::<Vec<_>>(), (1..=COUNT).collect::<Vec<_>>());
    assert!(proxy.cuts() > COUNT / 4 && refused > 0, "{} cuts, {refused} refusals: nothing was tried", proxy.cuts());
    for node in &nodes {
        until("all of them arrive", || node.delivered.notes("lobby").len() >= expected.len()).await;
        advance(50).await;
        assert_eq!(node.delivered.notes("lobby"), expected);
        assert!(node.delivered.gaps("lobby").is_empty());
    }
}

#[tokio::test]
async fn a_redis_that_was_to_lose_nothing_and_comes_back_empty_is_told() {
    let mut server = RedisServer::start(Keeps::Everything);
    let mut config = config_on(&server, "p");
    config.redis.durable = true;
    let nodes = [node(config.clone()).await, node(config).await];
    for node in &nodes {
        node.broker.hold(&key("lobby")).await.unwrap();
    }
    let before = nodes[0].publish("lobby", note(1)).await;
    until("it arrives", || nodes[1].delivered.notes("lobby").len() == 1).await;
    server.kill();
    server.forget();
    server.start_again();
    for node in &nodes {
        until("the loss is told", || !node.delivered.gaps("lobby").is_empty()).await;
        node.until_ready().await;
        assert_ne!(node.delivered.gaps("lobby").pop().unwrap().epoch, before.epoch);
    }
}

fn relay_on(server: &RedisServer, name: &str) -> Relay {
    let mut config = config_on(server, "p");
    config.node = Some(name.to_owned());
    config.redis.timeout_ms = 500;
    Relay::open(config, Clock::starting_at(START_MS), Entropy::from_os()).unwrap()
}

pub async fn until_ready(relay: &Relay) {
    until("the relay is ready", || relay.ready().is_ok()).await;
}

/// The next event of a channel, whatever else comes before it.
async fn next_event(client: &mut Client) -> Event {
    loop {
        if let ServerMessage::Event(event) = client.next().await {
            return event;
        }
    }
}

#[tokio::test]
async fn pages_of_two_relays_are_one_ward_and_stay_through_an_outage() {
    let mut server = RedisServer::start(Keeps::Nothing);
    let relays = [relay_on(&server, "one"), relay_on(&server, "two")];
    for relay in &relays {
        until_ready(relay).await;
    }
    let (mut anna, _) = Client::connect(&relays[0], &token("anna"), &["lobby"]).await;
    let (mut berta, welcome) = Client::connect(&relays[1], &token("berta"), &["lobby"]).await;
    let first = entry(&welcome, "lobby").epoch.clone();
    for (relay, number) in [(&relays[0], 1), (&relays[1], 2)] {
        relay.publish(system(), "lobby", note(number), None).await.unwrap();
        for client in [&mut anna, &mut berta] {
            let event = next_event(client).await;
            assert_eq!((event.publication.offset, number_of(&event.publication.payload)), (Some(number), number));
        }
    }
    server.kill();
    let error = relays[0].publish(system(), "lobby", note(3), None).await.unwrap_err();
    assert_eq!((error.code, error.retryable), (ErrorCode::Unavailable, true));
    assert!(error.retry_after_ms.is_some());
    assert!(relays[0].ready().is_err());
    // A new page waits, but for what it asked only: it is connected.
    let (mut clara, welcome) = Client::connect(&relays[0], &token("clara"), &["lobby"]).await;
    assert!(welcome.subscribed.iter().all(|entry| matches!(entry, SubscribedEntry::Refused(refused) if refused.error.retryable)));
    server.start_again();
    for client in [&mut anna, &mut berta] {
        let told = loop {
            match client.next().await {
                ServerMessage::Subscribed(told) if told.channel == "lobby" => break told,
                ServerMessage::Subscribed(_) | ServerMessage::Viewers(_) => {}
                other => panic!("expected to be told of the loss, got {other:?}"),
            }
        };
        assert!(told.id.is_none() && !told.recovered && told.epoch != first, "{told:?}");
    }
    for relay in &relays {
        until_ready(relay).await;
    }
    assert!(clara.subscribe("lobby").await.is_ok(), "the page that waited gets in");
    relays[1].publish(system(), "lobby", note(4), None).await.unwrap();
    for client in [&mut anna, &mut berta, &mut clara] {
        assert_eq!(number_of(&next_event(client).await.publication.payload), 4);
    }
}

/// Takes what is delivered as slowly as the test wants.
#[derive(Default)]
struct Stalls {
    delivered: Delivered,
    is_stalled: AtomicBool,
    has_something: AtomicBool,
}

/// Lets go when a test ends, however it ends: the runtime would wait for the thread that stalls, and say nothing of why.
struct Release(Arc<Stalls>);

impl Drop for Release {
    fn drop(&mut self) {
        self.0.is_stalled.store(false, Ordering::SeqCst);
    }
}

impl Deliver for Stalls {
    fn handle_gap(&self, key: &ChannelKey, position: &Position) {
        self.delivered.handle_gap(key, position);
    }
    fn handle_publication(&self, key: &ChannelKey, epoch: &str, publication: &Arc<Publication>) {
        self.has_something.store(true, Ordering::SeqCst);
        // In place: a task that waits in this thread's own slot, as the one that reads from Redis may, is no other thread's to take.
        tokio::task::block_in_place(|| {
            while self.is_stalled.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        self.delivered.handle_publication(key, epoch, publication);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_relay_that_stalls_drops_what_is_too_much_and_reads_it_afterwards() {
    let server = RedisServer::start(Keeps::Nothing);
    let other = node(config_on(&server, "p")).await;
    // The id of the connection that listens, of the two that do.
    let listeners = || -> Vec<String> {
        let clients = server.ask("CLIENT LIST TYPE pubsub");
        clients.split_whitespace().filter(|word| word.starts_with("id=")).map(str::to_owned).collect()
    };
    let of_the_other = listeners();
    let stalls = Arc::new(Stalls::default());
    let _release = Release(Arc::clone(&stalls));
    let broker = Redis::new(&Arc::new(config_on(&server, "p")), Clock::starting_at(START_MS), Entropy::from_os(), "stalls").unwrap();
    broker.set_deliver(Arc::clone(&stalls) as _);
    until("it is ready", || broker.ready().is_ok()).await;
    broker.hold(&key("lobby")).await.unwrap();
    let before: Vec<String> = listeners().into_iter().filter(|id| !of_the_other.contains(id)).collect();
    stalls.is_stalled.store(true, Ordering::SeqCst);
    other.publish("lobby", note(1)).await;
    until("it stalls", || stalls.has_something.load(Ordering::SeqCst)).await;
    // Twice the bound: some of it may still lie in the kernel when Redis has written all.
    for _ in 0..64 {
        server.tell("p:{ward:lobby}", &vec![b'x'; 1 << 20]);
    }
    until("all of it is with the relay", || {
        let clients = server.ask("CLIENT LIST TYPE pubsub");
        clients.split_whitespace().filter(|word| word.starts_with("omem=")).all(|word| word == "omem=0")
    })
    .await;
    other.publish("lobby", note(2)).await;
    stalls.is_stalled.store(false, Ordering::SeqCst);
    until("what was dropped is delivered", || stalls.delivered.notes("lobby") == [(Some(1), 1), (Some(2), 2)]).await;
    assert_eq!(stalls.delivered.gaps("lobby"), []);
    until("it listens", || broker.ready().is_ok()).await;
    let after: Vec<String> = listeners().into_iter().filter(|id| !of_the_other.contains(id)).collect();
    assert!(!before.is_empty() && before != after, "it kept 64 MiB: {before:?}");
}
