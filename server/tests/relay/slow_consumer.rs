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

/// A client that reads nothing, and more for it than its queue holds.
async fn overflowing(relay: &pulsewire_relay::Relay) -> Client {
    let mut slow = Client::open_with(relay, Format::Cbor, 1);
    slow.say_connect(&token("slow"), vec![SubscribeEntry::new("lobby")]).await;
    for number in 0..2_000 {
        relay.publish(system(), "lobby", note(number), None).await.unwrap();
        tokio::task::yield_now().await;
    }
    slow
}

#[tokio::test(start_paused = true)]
async fn one_that_never_reads_again_is_let_go_soon_after_its_queue_overflowed() {
    let relay = relay();
    let slow = overflowing(&relay).await;
    advance(12_000).await;
    assert_eq!(relay.hub().connection_count(), 1, "it may still take the close");
    advance(6_000).await;
    assert_eq!(relay.hub().connection_count(), 0);
    assert_eq!(slow.session.await.unwrap().code, CloseCode::SLOW_CONSUMER, "the log says why, though it was never told");
}

#[tokio::test(start_paused = true)]
async fn one_that_never_reads_again_does_not_hold_up_a_drain() {
    let relay = relay();
    let _slow = overflowing(&relay).await;
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

fn alert(number: u64) -> Payload {
    Payload::Alert(Alert {
        id: Some(format!("a{number}")),
        patient_id: "p1".to_owned(),
        patient_name: "Maria".to_owned(),
        device_id: None,
        alert_type: "apnoea".to_owned(),
        severity: Severity::Critical,
        message: "no breath ".repeat(20),
        ts: None,
        metadata: None,
    })
}

/// A monitor that hears the tenant and its patient, and may keep so much waiting.
async fn monitor_with(relay: &pulsewire_relay::Relay, capacity: usize) -> Client {
    let mut monitor = Client::open_with(relay, Format::Cbor, capacity);
    let service = sign(&with(claims("monitor"), "role", serde_json::json!("service")));
    monitor.say_connect(&service, vec![SubscribeEntry::new("tenant"), SubscribeEntry::new("patient:p1")]).await;
    monitor
}

/// So many alerts in a row, hundreds in a frame.
async fn pipeline(monitor: &mut Client, alerts: u64) {
    let mut frame = Vec::new();
    for number in 0..alerts {
        let (id, channel) = (monitor.id(), "patient:p1".to_owned());
        frame.extend(cbor::encode_client(&ClientMessage::Publish(Publish { id, channel, payload: alert(number), key: None })));
        if frame.len() > 50_000 || number + 1 == alerts {
            monitor.send_frame(pulsewire_relay::session::Inbound::Binary(std::mem::take(&mut frame).into())).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_pipelines_thousands_of_alerts_and_reads_is_answered_every_one_and_never_closed() {
    for (messages, bytes, alerts) in [(1_024, 1_048_576, 600), (1_024, 1_048_576, 5_000), (64, 1_048_576, 5_000), (1_024, 65_536, 600)] {
        let mut config = config();
        (config.limits.queue_messages, config.limits.queue_bytes) = (messages, bytes);
        let relay = relay_with(config);
        let mut monitor = monitor_with(&relay, 1_024).await;
        pipeline(&mut monitor, alerts).await;
        let (mut answered, mut heard) = (0, 0);
        while answered < alerts || heard < 2 * alerts {
            match monitor.next_or_close().await {
                Ok(ServerMessage::Reply(_)) => answered += 1,
                Ok(ServerMessage::Event(_)) => heard += 1,
                Ok(ServerMessage::Viewers(_)) => {}
                other => panic!("{messages} messages, {bytes} bytes: {other:?} after {answered} answers"),
            }
        }
        assert_eq!((answered, heard), (alerts, 2 * alerts));
    }
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_sends_alerts_without_reading_is_held_up_until_others_fill_its_queue() {
    let relay = relay();
    let mut monitor = monitor_with(&relay, 1).await;
    pipeline(&mut monitor, 100).await;
    for _ in 0..2 {
        settle().await;
    }
    let waiting = || relay.hub().connections().iter().map(|connection| connection.outbox.waiting().0).sum::<usize>();
    let link = monitor.sender();
    let sending = tokio::spawn(async move {
        let mut link = link;
        loop {
            let publish = Publish { id: 9_999, channel: "patient:p1".to_owned(), payload: alert(9_999), key: None };
            let frame = cbor::encode_client(&ClientMessage::Publish(publish));
            if futures_util::SinkExt::send(&mut link, pulsewire_relay::session::Inbound::Binary(frame.into())).await.is_err() {
                return;
            }
        }
    });
    advance(1_000).await;
    assert!((500..=515).contains(&waiting()), "its own commands wait at half of its queue: {}", waiting());
    for number in 0..600 {
        relay.publish(system(), "tenant", note(number), None).await.unwrap();
    }
    assert_eq!(monitor.closing().await.code, CloseCode::SLOW_CONSUMER);
    sending.abort();
    drop(monitor);
    advance(30_000).await;
    assert_eq!(relay.hub().connection_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_sends_alerts_and_never_reads_nor_pongs_is_let_go() {
    let relay = relay();
    let mut monitor = monitor_with(&relay, 1).await;
    pipeline(&mut monitor, 160).await;
    for _ in 0..20 {
        pipeline(&mut monitor, 1).await;
        if relay.hub().connection_count() == 0 {
            return;
        }
        advance(20_000).await;
    }
    assert_eq!(relay.hub().connection_count(), 0);
}

/// One core: what publishes must let others write, or the pages' queues overflow.
#[tokio::test(start_paused = true)]
async fn a_list_of_1500_alerts_reaches_twenty_pages_on_a_single_core_and_one_to_be_stored_whole_is_told_its_bound() {
    let relay = relay();
    let mut pages = Vec::new();
    for number in 0..20 {
        pages.push(Client::connect(&relay, &token(&format!("u{number}")), &["tenant"]).await.0);
    }
    let items: Vec<serde_json::Value> = (0..1_500)
        .map(|number| {
            serde_json::json!({"id": format!("a{number}"), "patientId": format!("p{}", number % 9), "patientName": "Maria", "type": "apnoea",
                "severity": "critical", "message": "no breath"})
        })
        .collect();
    let post = |query: &str, items: &[serde_json::Value]| post_alerts(&relay, query, items);
    assert_eq!(post("", &items).await.unwrap().status(), 202);
    for page in &mut pages {
        assert_eq!(page.events().await.len(), 1_500, "{:?}", page.closed);
    }
    let told = refused_as_whole(post("?atomic=true", &items[..257]).await.unwrap()).await;
    assert!(told.contains("at most 256 items"), "{told}");
    assert_eq!(post("?atomic=true", &items[..256]).await.unwrap().status(), 202);
}

/// Few, but long: their bytes would overflow the queues long before their number does.
#[tokio::test(start_paused = true)]
async fn a_list_of_thirty_long_alerts_lets_others_write_between_them_and_one_to_be_stored_whole_is_bounded_in_bytes() {
    let relay = relay();
    // Both copies of each alert, so twice 900 kB through a queue of 1 MiB.
    let (mut page, _) = Client::connect(&relay, &token("u"), &["tenant", "patient:p1"]).await;
    let items: Vec<serde_json::Value> = (0..30)
        .map(|number| {
            serde_json::json!({"id": format!("a{number}"), "patientId": "p1", "patientName": "Maria", "type": "apnoea",
                "severity": "critical", "message": "no breath", "metadata": {"curve": "x".repeat(30_000)}})
        })
        .collect();
    assert_eq!(post_alerts(&relay, "", &items).await.unwrap().status(), 202);
    assert_eq!(page.events().await.len(), 60, "{:?}", page.closed);
    let told = refused_as_whole(post_alerts(&relay, "?atomic=true", &items[..9]).await.unwrap()).await;
    assert!(told.contains("262144 bytes, and there are 9 items in 27"), "{told}");
    assert_eq!(post_alerts(&relay, "?atomic=true", &items[..8]).await.unwrap().status(), 202);
}

/// Posts a list of alerts as a backend does.
fn post_alerts(
    relay: &pulsewire_relay::Relay,
    query: &str,
    items: &[serde_json::Value],
) -> impl Future<Output = Result<axum::response::Response, core::convert::Infallible>> + use<> {
    use tower::ServiceExt as _;
    let service = sign(&with(claims("monitor"), "role", serde_json::json!("service")));
    let request = axum::http::Request::post(format!("/api/v1/alerts{query}")).header("authorization", format!("Bearer {service}"));
    let body = axum::body::Body::from(serde_json::to_vec(items).unwrap());
    pulsewire_relay::api::Api::new(relay.clone()).router().oneshot(request.header("content-type", "application/json").body(body).unwrap())
}

/// A list that is too large for `?atomic=true`: what it is told.
async fn refused_as_whole(refused: axum::response::Response) -> String {
    assert_eq!(refused.status(), 413);
    let problem = axum::body::to_bytes(refused.into_body(), 10_000).await.unwrap();
    let problem: serde_json::Value = serde_json::from_slice(&problem).unwrap();
    assert_eq!((problem["code"].as_str(), problem["field"].as_str()), (Some("too_large"), Some("atomic")));
    problem["detail"].as_str().unwrap().to_owned()
}
