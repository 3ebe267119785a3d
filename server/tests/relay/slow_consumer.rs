//! A client that does not read is closed with 4413, delays nobody, and costs a bounded amount of memory.

use crate::support::*;
use pulsewire_protocol::*;
use pulsewire_relay::hub::{Due, Outbox, OutboxLimits};

#[tokio::test(start_paused = true)]
async fn one_that_does_not_read_is_closed_while_the_others_get_everything_at_once() {
    let relay = relay();
    let mut slow = Client::open_with(&relay, Format::Cbor, 2);
    let welcome = slow.say_connect(&token("slow"), vec![SubscribeEntry::new("lobby")]).await;
    let (mut quick, _) = Client::connect(&relay, &token("quick"), &["lobby"]).await;
    let begin = relay.clock().now_ms();
    let mut received = 0;
    let total = 40_000_u64;
    for number in 0..total {
        relay.publish(system(), "lobby", note(number), None).await.unwrap();
        if number % 100 == 99 {
            received += quick.events().await.len() as u64;
        }
    }
    assert_eq!(received, total);
    let took_ms = relay.clock().now_ms() - begin;
    assert!(took_ms <= total / 100 + 1, "each reading lets a millisecond pass, the slow one adds none: {took_ms}");
    let waiting: usize = relay.hub().connections().iter().map(|connection| connection.outbox.waiting().0).sum();
    assert!(waiting <= 1_024, "{waiting} messages wait");

    // It reads again: what was on the way, then the close. No gap before it.
    let mut last = 0;
    let closing = loop {
        match slow.next_or_close().await {
            Ok(ServerMessage::Event(event)) => {
                assert_eq!(event.publication.offset, Some(last + 1));
                last += 1;
            }
            Ok(other) => panic!("{other:?}"),
            Err(closing) => break closing,
        }
    };
    assert_eq!(closing.code, CloseCode::SLOW_CONSUMER);
    let recover = Some(Position { epoch: entry(&welcome, "lobby").epoch.clone(), offset: total - 500 });
    let (_, welcome) =
        Client::connect_entries(&relay, &token("slow"), vec![SubscribeEntry { recover, ..SubscribeEntry::new("lobby") }]).await;
    assert!(entry(&welcome, "lobby").recovered, "it comes back and recovers");
}

#[tokio::test(start_paused = true)]
async fn one_that_never_reads_again_is_let_go_soon_after_its_queue_overflowed() {
    let relay = relay();
    let mut slow = Client::open_with(&relay, Format::Cbor, 1);
    slow.say_connect(&token("slow"), vec![SubscribeEntry::new("lobby")]).await;
    for number in 0..2_000 {
        relay.publish(system(), "lobby", note(number), None).await.unwrap();
        tokio::task::yield_now().await;
    }
    advance(12_000).await;
    assert_eq!(relay.hub().connection_count(), 1, "it may still take the close");
    advance(6_000).await;
    assert_eq!(relay.hub().connection_count(), 0);
    assert_eq!(slow.session.await.unwrap().code, CloseCode::SLOW_CONSUMER, "the log says why, though it was never told");
}

#[tokio::test(start_paused = true)]
async fn one_that_never_reads_again_does_not_hold_up_a_drain() {
    let relay = relay();
    let mut slow = Client::open_with(&relay, Format::Cbor, 1);
    slow.say_connect(&token("slow"), vec![SubscribeEntry::new("lobby")]).await;
    for number in 0..2_000 {
        relay.publish(system(), "lobby", note(number), None).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert!(relay.drain(std::time::Duration::from_secs(8)).await);
}

#[tokio::test(start_paused = true)]
async fn one_that_reads_nothing_but_pongs_is_still_heard() {
    let relay = relay();
    let mut slow = Client::open_with(&relay, Format::Cbor, 1);
    slow.say_connect(&token("slow"), vec![SubscribeEntry::new("lobby")]).await;
    for number in 0..50 {
        relay.publish(system(), "lobby", note(number), None).await.unwrap();
        settle().await;
    }
    for _ in 0..10 {
        advance(20_000).await;
        slow.pong(relay.clock().now()).await;
    }
    assert_eq!(relay.hub().connection_count(), 1, "200 s without reading, but alive");
}

#[test]
fn one_of_32_messages_is_timed_until_it_is_taken_and_written() {
    let outbox = std::sync::Arc::new(Outbox::new(OutboxLimits { messages: 1_000, bytes: 100_000 }));
    let mut timed = 0;
    for number in 1..=320 {
        assert!(outbox.push(bytes::Bytes::from_static(b"0123456789")));
        assert_eq!(outbox.take_waited(), None, "nothing is written before it is taken");
        if number % 40 == 0 {
            // Half of what waits, then the rest: the timed one is in one of both.
            for _ in 0..2 {
                assert!(outbox.take_due(200).is_some());
                timed += u32::from(outbox.take_waited().is_some());
            }
            assert_eq!(outbox.take_waited(), None, "it is told once");
        }
    }
    assert!((7..=10).contains(&timed), "{timed}");
}

#[test]
fn an_outbox_is_bounded_by_messages_and_by_bytes_and_takes_nothing_after_its_end() {
    let message = |bytes: usize| bytes::Bytes::from(vec![0; bytes]);
    let outbox = std::sync::Arc::new(Outbox::new(OutboxLimits { messages: 3, bytes: 100 }));
    assert!(outbox.push_uncounted(message(1_000)), "a recovery does not count");
    assert!((0..3).all(|_| outbox.push(message(10))));
    assert_eq!(outbox.waiting(), (4, 1_030));
    let Some(Due::Messages(first)) = outbox.take_due(500) else { panic!() };
    assert_eq!(first.len(), 1, "a message larger than a frame is a frame of its own");
    let Some(Due::Messages(rest)) = outbox.take_due(25) else { panic!() };
    assert_eq!(rest.len(), 2, "whole messages up to the size of a frame");
    assert!(outbox.push(message(10)) && outbox.push(message(10)), "what was taken makes room");
    assert!(!outbox.push(message(10)), "the fourth is one too many");
    assert_eq!(outbox.closing().unwrap().code, CloseCode::SLOW_CONSUMER);
    assert!(!outbox.push(message(1)) && !outbox.push_uncounted(message(1)));
    let Some(Due::Close(closing)) = outbox.take_due(500) else { panic!("what waited is dropped") };
    assert_eq!(closing.code, CloseCode::SLOW_CONSUMER);
    let by_bytes = std::sync::Arc::new(Outbox::new(OutboxLimits { messages: 100, bytes: 100 }));
    assert!(by_bytes.push(message(60)));
    assert!(!by_bytes.push(message(60)));
}
