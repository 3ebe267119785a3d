//! Beginning and end of a relay: nothing stays behind, and going down is told.

use crate::slow_broker::SlowBroker;
use crate::support::*;
use pulsewire_protocol::error::retry_after_from_reason;
use pulsewire_protocol::*;
use pulsewire_relay::broker::memory::Memory;
use pulsewire_relay::{Clock, Entropy, Relay};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn a_drain_closes_everyone_with_4503_at_spread_times_and_waits_for_them() {
    let relay = relay();
    let mut clients = Vec::new();
    for number in 0..50 {
        clients.push(Client::connect(&relay, &token(&format!("u{number}")), &["lobby"]).await.0);
    }
    relay.publish(system(), "lobby", note(1), None).await.unwrap();
    let draining = {
        let relay = relay.clone();
        tokio::spawn(async move { relay.drain(Duration::from_secs(10)).await })
    };
    let mut delays = BTreeSet::new();
    for client in &mut clients {
        let mut events = 0;
        let closing = loop {
            match client.next_or_close().await {
                Ok(message) => events += usize::from(matches!(message, ServerMessage::Event(_))),
                Err(closing) => break closing,
            }
        };
        assert_eq!((closing.code, events), (CloseCode::UNAVAILABLE, 1), "what waits is written before the close");
        delays.insert(retry_after_from_reason(&closing.reason).unwrap());
    }
    assert!(delays.len() > 25, "spread: {delays:?}");
    assert!(relay.ready().is_err());
    assert!(!draining.is_finished(), "clients have not gone yet");
    for client in clients {
        client.close().await;
    }
    assert!(draining.await.unwrap(), "all ended in time");
    assert_eq!(relay.hub().connection_count(), 0);
    let mut late = Client::open(&relay, Format::Json);
    assert_eq!(late.closing().await.code, CloseCode::UNAVAILABLE);
}

/// A relay whose broker takes so long for each half of what it does.
fn slow_relay(clock: Clock, delay_ms: u64) -> Relay {
    let (config, entropy) = (Arc::new(config()), Entropy::from_seed(1));
    let memory = Memory::new(Arc::clone(&config), clock.clone(), entropy.clone());
    Relay::with_broker(config, clock, entropy, Arc::new(SlowBroker::new(memory, vec![delay_ms])))
}

#[tokio::test(start_paused = true)]
async fn a_publication_under_way_is_answered_before_its_connection_is_told_to_go() {
    let relay = slow_relay(Clock::starting_at(START_MS), 400);
    let (mut client, _) = Client::connect(&relay, &token("nurse"), &[]).await;
    let (mut idle, _) = Client::connect(&relay, &token("other"), &[]).await;
    let id = client.id();
    let payload = note(7);
    client.send(&ClientMessage::Publish(Publish { id, channel: "lobby".to_owned(), payload, key: None })).await;
    settle().await;
    let began_ms = relay.clock().now_ms();
    let draining = {
        let relay = relay.clone();
        tokio::spawn(async move { relay.drain(Duration::from_secs(9)).await })
    };
    assert_eq!(idle.closing().await.code, CloseCode::UNAVAILABLE);
    assert!(relay.clock().now_ms() - began_ms < 100, "who has nothing under way is told at once");
    match client.next_answer().await {
        ServerMessage::Reply(reply) => assert_eq!((reply.id, reply.result), (id, ReplyResult::Published { offset: 1 })),
        other => panic!("{other:?}"),
    }
    let closing = client.closing().await;
    assert_eq!(closing.code, CloseCode::UNAVAILABLE);
    assert!(retry_after_from_reason(&closing.reason).is_some());
    client.close().await;
    idle.close().await;
    assert!(draining.await.unwrap());
}

#[tokio::test]
async fn a_request_under_way_is_answered_before_the_relay_ends() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let relay = slow_relay(Clock::starting_at(START_MS), 250);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = tokio_util::sync::CancellationToken::new();
    let serving = tokio::spawn(pulsewire_relay::serve(listener, relay.clone(), stop.clone()));
    let token = sign(&with(claims("monitor"), "role", serde_json::json!("service")));
    let body = r#"{"channel":"lobby","event":"note","data":1}"#;
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!(
        "POST /api/v1/publish HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    while relay.work_under_way() == 0 {
        tokio::task::yield_now().await;
    }
    stop.cancel();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    serving.await.unwrap().unwrap();
    let refused = tokio::net::TcpStream::connect(address).await;
    assert!(refused.is_err(), "nobody new is let in");
}

#[tokio::test(start_paused = true)]
async fn what_begins_to_be_published_once_draining_has_begun_is_refused_to_be_sent_again() {
    let relay = relay();
    let (mut page, _) = Client::connect(&relay, &token("nurse"), &["lobby"]).await;
    let draining = {
        let relay = relay.clone();
        tokio::spawn(async move { relay.drain(Duration::from_secs(9)).await })
    };
    assert_eq!(page.closing().await.code, CloseCode::UNAVAILABLE);
    // The body of a request that was let in before comes only now.
    let error = relay.publish(system(), "lobby", note(1), None).await.unwrap_err();
    assert_eq!((error.code, error.retryable), (ErrorCode::Unavailable, true));
    assert!(error.retry_after_ms.is_some_and(|ms| (1_000..=4_000).contains(&ms)), "{error:?}");
    let all = relay.publish_all(system(), Vec::new()).await;
    assert!(matches!(all, Err((None, _))), "nobody's own mistake");
    page.close().await;
    assert!(draining.await.unwrap());
    let who = relay.authenticate(Some(&token("nurse"))).unwrap();
    let read = relay.history(&who, "lobby", None, Some(10)).await.unwrap();
    assert!(read.publications.is_empty(), "and nothing of it is stored");
}

#[tokio::test(start_paused = true)]
async fn a_drain_gives_up_on_those_that_do_not_go() {
    let relay = relay();
    let mut stuck = Client::open_with(&relay, Format::Cbor, 1);
    stuck.say_connect(&token("stuck"), vec![SubscribeEntry::new("lobby")]).await;
    for number in 0..100 {
        relay.publish(system(), "lobby", note(number), None).await.unwrap();
        settle().await;
    }
    let begin = relay.clock().now_ms();
    relay.drain(Duration::from_secs(3)).await;
    assert!(relay.clock().now_ms() - begin <= 3_000);
}

#[tokio::test(start_paused = true)]
async fn after_any_number_of_connections_the_relay_is_as_empty_as_before() {
    let relay = relay();
    for round in 0..100 {
        let (mut client, _) = Client::connect(&relay, &token(&format!("u{}", round % 7)), &["patient:p1", "device:d1", "lobby"]).await;
        relay.publish(system(), "lobby", note(round), None).await.unwrap();
        match round % 3 {
            0 => drop(client.close().await),
            1 => drop(client.vanish()),
            _ => {
                client.send_frame(pulsewire_relay::session::Inbound::Text("{".into())).await;
                client.closing().await;
            }
        }
    }
    advance(5_000).await;
    let snapshot = relay.snapshot();
    assert_eq!((snapshot.connections, snapshot.users, snapshot.subscriptions, snapshot.queued_messages), (0, 0, 0, 0));
    assert_eq!(relay.hub().room_counts(), (0, 0));
    assert_eq!(relay.viewing_users("ward"), 0);
}

#[tokio::test(start_paused = true)]
async fn channels_that_were_let_go_make_room_for_others_however_they_were_let_go() {
    let mut config = config();
    config.history.channels = 8;
    let relay = relay_with(config);
    let who = relay.authenticate(Some(&token("nurse"))).unwrap();
    for round in 0..30 {
        let (mut client, _) = Client::connect(&relay, &token("nurse"), &[&format!("a:{round}"), &format!("b:{round}")]).await;
        client.subscribe(&format!("c:{round}")).await.expect("there is room again");
        let id = client.id();
        client.send(&ClientMessage::Unsubscribe(Unsubscribe { id, channel: format!("c:{round}") })).await;
        client.all().await;
        let channels = vec![SubscribeEntry::new(format!("d:{round}"))];
        relay.poll(&who, PollRequest { channels, wait_ms: Some(5) }).await.expect("for pollers too");
        if round % 2 == 0 { drop(client.close().await) } else { drop(client.vanish().await) }
    }
}

#[tokio::test(start_paused = true)]
async fn the_timer_task_ends_with_the_last_handle() {
    let relay = relay();
    let hub = std::sync::Arc::downgrade(relay.hub());
    settle().await;
    drop(relay);
    settle().await;
    assert!(hub.upgrade().is_none(), "nobody holds the hub any more");
}
