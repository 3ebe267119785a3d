//! Too much: messages, pings, subscriptions, connections, and one that never reads. Whoever floods hurts itself alone.

use crate::ward::Ward;
use crate::wire::{CLOSE, FIN, PING, Socket, TEXT, Wire, connect, frame};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn batch(count: usize, message: impl Fn(usize) -> Value) -> Vec<u8> {
    (0..count).flat_map(|number| frame(FIN | TEXT, message(number).to_string().as_bytes())).collect()
}

#[tokio::test]
async fn a_flood_of_publications_is_refused_with_rate_limited_and_then_closed_with_4429() {
    let mut ward = Ward::open().await;
    let mut socket = ward.welcomed(&ward.token("mallory"), &[]).await;
    let flood = batch(2_000, |number| json!({"type": "publish", "id": number + 2, "channel": "lobby", "event": "x", "data": number}));
    socket.wire.send(flood).await;
    let (mut accepted, mut refused) = (0, 0);
    let (code, reason) = loop {
        match socket.next().await {
            Ok(message) if message["type"] == "reply" => accepted += 1,
            Ok(message) if message["code"] == "rate_limited" => {
                refused += 1;
                assert_eq!(message["retryable"], true);
                assert!(message["retryAfterMs"].as_u64().is_some_and(|wait| wait > 0), "{message}");
            }
            Ok(message) => panic!("{message}"),
            Err(closing) => break closing,
        }
    };
    assert_eq!(code, 4429);
    assert!(reason.starts_with("rate_limited; retryAfterMs="), "{reason}");
    assert!((200..400).contains(&accepted) && refused >= 100, "{accepted} accepted, {refused} refused");
    ward.still_serves().await;
}

#[tokio::test]
async fn many_messages_in_one_frame_are_as_many_messages() {
    let mut ward = Ward::open().await;
    let mut socket = ward.welcomed(&ward.token("mallory"), &[]).await;
    let lines: Vec<String> = (2..1_500).map(|id| json!({"type": "ping", "id": id}).to_string()).collect();
    socket.send(TEXT, lines.join("\n")).await;
    assert_eq!(socket.closed().await.0, 4429);
    // Messages that make no sense, and those before the welcome, are counted too.
    for message in [r#"{"type":"nonsense","id":1}"#, r#"{"type":"ping","id":1}"#, r#"{"x":1}"#] {
        let mut socket = ward.socket().await;
        socket.send(TEXT, format!("{message}\n").repeat(1_500)).await;
        assert_eq!(socket.closed().await.0, 4429, "{message}");
    }
    ward.only_the_good_are_left().await;
    ward.still_serves().await;
}

#[tokio::test]
async fn a_flood_of_pings_and_pongs_holds_up_nobody_else() {
    let mut ward = Ward::open().await;
    let ping = frame(FIN | PING, b"0123456789").repeat(5_000);
    let pong = frame(FIN | 10, b"").repeat(5_000);
    let said = frame(FIN | TEXT, json!({"type": "pong", "ts": 1}).to_string().as_bytes()).repeat(2_000);
    for (what, flood) in [("pings", ping), ("pongs", pong), ("messages `pong`", said)] {
        let mut socket = ward.welcomed(&ward.token("mallory"), &[]).await;
        // The flooder does not read either.
        let flooding = tokio::spawn(async move {
            for _ in 0..20 {
                let Ok(true) = tokio::time::timeout(Duration::from_secs(5), socket.wire.send(&flood)).await else { break };
            }
            socket
        });
        let began = Instant::now();
        for _ in 0..10 {
            ward.witness_is_served().await;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "{what}: ten events took {:?}", began.elapsed());
        drop(flooding.await.unwrap());
        ward.only_the_good_are_left().await;
    }
    ward.still_serves().await;
}

#[tokio::test]
async fn one_that_never_reads_is_closed_and_the_others_get_everything_at_once() {
    let mut ward = Ward::with(|config| config.limits.queue_bytes = 256 * 1024).await;
    let mut wire = Wire::open_narrow(ward.address).await;
    assert_eq!(wire.upgrade("/ws", "").await.unwrap().status, 101);
    let mut slow = Socket::over(wire);
    slow.say(&connect(&ward.token("mallory"), &["lobby"])).await;
    slow.next_of("welcome").await;
    let mut good = ward.welcomed(&ward.token("ana"), &["lobby"]).await;
    let mut published = 0;
    // Until its queue, and the system's buffers before it, are full; each event comes to the other one promptly.
    while !slow_is_closing(&ward) {
        let event = json!({"channel": "lobby", "event": "x", "data": {"number": published, "filler": "f".repeat(50_000)}});
        assert_eq!(ward.post("/api/v1/publish", &ward.service(), &event).await.status, 202);
        let arrived = tokio::time::timeout(Duration::from_secs(5), good.next_of("event")).await.expect("it waits for the slow one");
        assert_eq!(arrived["data"]["number"], published, "in order, none lost");
        published += 1;
        assert!(published < 400, "20 MB wait for one that does not read");
    }
    ward.witness_is_served().await;
    // It is told why, once it reads.
    assert_eq!(slow.closed().await.0, 4413);
    drop((slow, good));
    ward.only_the_good_are_left().await;
    assert!(ward.log().iter().any(|line| line.contains("connection closed") && line.contains("code=4413")), "the log says why");
    ward.still_serves().await;
}

fn slow_is_closing(ward: &Ward) -> bool {
    ward.relay.hub().connections().iter().any(|connection| connection.outbox.closing().is_some())
}

#[tokio::test]
async fn one_that_asks_and_never_reads_the_answers_does_not_fill_the_relays_memory() {
    let mut ward = Ward::with(|config| {
        config.limits.messages_per_second = 1_000_000;
        config.limits.burst = 1_000_000;
    })
    .await;
    for number in 0..100 {
        let event = json!({"channel": "lobby", "event": "x", "data": {"number": number, "filler": "f".repeat(8_000)}});
        assert_eq!(ward.post("/api/v1/publish", &ward.service(), &event).await.status, 202);
    }
    let mut socket = ward.welcomed(&ward.token("mallory"), &[]).await;
    let before = resident_bytes();
    // Each answer would be 800 kB: 1.6 GB in all.
    let storm = batch(2_000, |number| json!({"type": "subscribe", "id": number + 2, "channel": "lobby", "history": 100}));
    let flooding = tokio::spawn(async move {
        let _ = tokio::time::timeout(Duration::from_secs(3), socket.wire.send(&storm)).await;
        socket
    });
    for _ in 0..20 {
        ward.witness_is_served().await;
        let grown = resident_bytes().saturating_sub(before);
        assert!(grown < 200 * 1024 * 1024, "{} MB more", grown / 1024 / 1024);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop(flooding.await.unwrap());
    ward.only_the_good_are_left().await;
    ward.still_serves().await;
}

#[tokio::test]
async fn a_storm_of_subscriptions_and_their_opposite_leaves_no_viewer_and_no_channel_behind() {
    let mut ward = Ward::open().await;
    let mut sockets = Vec::new();
    for number in 0..50 {
        let mut socket = ward.welcomed(&ward.token(&format!("u{}", number % 7)), &[]).await;
        let storm = batch(190, |at| {
            let kind = if at % 2 == 0 { "subscribe" } else { "unsubscribe" };
            json!({"type": kind, "id": at + 2, "channel": format!("patient:p-{}", at % 6 / 2)})
        });
        socket.wire.send(storm).await;
        sockets.push(socket);
    }
    ward.witness_is_served().await;
    for socket in &mut sockets {
        let last = socket.answer(191).await;
        assert_eq!(last["type"], "unsubscribed", "{last}");
    }
    let viewed = ward.get("/api/v1/presence/patient:p-0", Some(&ward.token("ana"))).await.json();
    assert_eq!(viewed["users"], json!([]), "nobody looks any more");
    drop(sockets);
    ward.only_the_good_are_left().await;
    assert_eq!(ward.relay.snapshot().subscriptions, 3, "the witness's own: its bed, its user and the tenant");
    ward.still_serves().await;
}

/// Opens a connection and drops it, each time in another way.
async fn come_and_go(ward: &Ward, number: usize) {
    let user = format!("u{}", number % 20);
    match number % 5 {
        0 => drop(ward.welcomed(&ward.token(&user), &["patient:p-1", "device:bed-1", "lobby"]).await),
        1 => drop(ward.socket().await),
        2 => {
            let mut socket = ward.socket().await;
            socket.say(&connect(&ward.token(&user), &["patient:p-1"])).await;
        }
        3 => {
            let mut socket = ward.welcomed(&ward.token(&user), &["patient:p-1"]).await;
            socket.send(CLOSE, [0x03, 0xe8]).await;
            socket.closed().await;
        }
        _ => {
            let mut wire = Wire::open(ward.address).await;
            wire.send("GET /ws HTTP/1.1\r\nHost: w").await;
        }
    }
}

#[tokio::test]
async fn a_thousand_connections_that_come_and_go_leave_nothing_behind() {
    let mut ward = Ward::open().await;
    let before = (ward.relay.snapshot(), ward.relay.hub().room_counts());
    let mut sizes = Vec::new();
    for number in 0..1_000 {
        come_and_go(&ward, number).await;
        if number % 250 == 249 {
            ward.only_the_good_are_left().await;
            sizes.push(resident_bytes());
        }
    }
    let after = (ward.relay.snapshot(), ward.relay.hub().room_counts());
    assert_eq!((after.0.users, after.0.subscriptions, after.0.queued_messages), (before.0.users, before.0.subscriptions, 0));
    assert_eq!(after.1, before.1, "rooms and their members");
    let viewers = ward.get("/api/v1/presence/patient:p-1", Some(&ward.token("ana"))).await.json();
    assert_eq!(viewers["users"], json!([]));
    let metrics = ward.get("/metrics", None).await.text();
    let value = |name: &str| -> u64 {
        let line = metrics.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap_or_else(|| panic!("{name}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    assert_eq!((value("pulsewire_connections"), value("pulsewire_users"), value("pulsewire_queued_messages")), (1, 1, 0));
    let closed: u64 = metrics
        .lines()
        .filter(|line| line.starts_with("pulsewire_connections_closed_total{"))
        .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
        .sum();
    assert_eq!(closed, value("pulsewire_connections_opened_total") - 1, "every open has its close, but the witness's");
    // The first rounds fill pools and caches; after that it stays.
    let grown = sizes[3].saturating_sub(sizes[0]);
    assert!(grown < 16 * 1024 * 1024, "grows by {} kB in 750 connections", grown / 1024);
    ward.still_serves().await;
}

#[tokio::test]
async fn more_connections_than_a_user_or_an_address_may_have_are_refused_and_their_places_come_back() {
    let mut ward = Ward::with(|config| {
        config.limits.per_user = 3;
        config.limits.per_address = 8;
    })
    .await;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(ward.welcomed(&ward.token("mallory"), &[]).await);
    }
    let mut fourth = ward.socket().await;
    fourth.say(&connect(&ward.token("mallory"), &[])).await;
    let (code, reason) = fourth.closed().await;
    assert_eq!(code, 4429);
    assert!(reason.contains("retryAfterMs="), "{reason}");
    drop(fourth);
    while held.len() < 6 {
        held.push(ward.welcomed(&ward.token(&format!("u{}", held.len())), &[]).await);
    }
    let mut refused = None;
    for _ in 0..4 {
        let mut wire = Wire::open(ward.address).await;
        let answer = wire.upgrade("/ws", "").await.unwrap();
        if answer.status == 101 {
            held.push(Socket::over(wire));
        } else {
            refused = Some(answer);
        }
    }
    let refused = refused.expect("the address is full");
    assert_eq!((refused.status, refused.header("retry-after").is_some()), (503, true), "{refused:?}");
    drop(held);
    ward.only_the_good_are_left().await;
    ward.still_serves().await;
}

fn resident_bytes() -> usize {
    // Where there is no /proc the figure is 0, and memory is not judged.
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4_096
}
