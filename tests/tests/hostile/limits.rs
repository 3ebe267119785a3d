//! Floods that limits stop (R10): handshakes, guessed tokens, sockets that say nothing, answers that nobody reads, and headers
//! that claim to come from somebody else. Those who come from another address notice nothing.

use crate::ward::Ward;
use crate::wire::{Answer, Socket, Wire, connect};
use std::time::{Duration, Instant};

/// Another machine, as the relay sees it.
const ELSEWHERE: &str = "127.0.0.2";

async fn upgrade_from(local: &str, ward: &Ward, headers: &str) -> (Wire, Answer) {
    let mut wire = Wire::open_from(local, ward.address).await;
    let answer = wire.upgrade("/ws", headers).await.expect("an answer");
    (wire, answer)
}

fn refusals(metrics: &str, limit: &str) -> u64 {
    let name = format!("pulsewire_refusals_total{{limit=\"{limit}\"}} ");
    metrics.lines().find_map(|line| line.strip_prefix(&name)).unwrap_or_else(|| panic!("{name}")).parse().unwrap()
}

#[tokio::test]
async fn a_flood_of_handshakes_from_one_address_is_refused_with_429_and_another_address_gets_in() {
    let mut ward = Ward::with(|config| {
        config.limits.handshakes_per_second = Some(1);
        config.limits.handshake_burst = Some(50);
    })
    .await;
    let (mut open, mut refused) = (Vec::new(), Vec::new());
    for _ in 0..200 {
        let (wire, answer) = upgrade_from("127.0.0.1", &ward, "").await;
        match answer.status {
            101 => open.push(wire),
            429 => refused.push((wire, answer)),
            other => panic!("{other}: {answer:?}"),
        }
    }
    // The witness took one of the fifty; a slow machine gives a few more than it should by then.
    assert!((49..80).contains(&open.len()), "{} got in", open.len());
    let (mut wire, answer) = refused.pop().unwrap();
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert_eq!((answer.json()["code"].as_str(), answer.json()["retryable"].as_bool()), (Some("rate_limited"), Some(true)));
    assert!(answer.header("retry-after").is_some_and(|seconds| (1..=6).contains(&seconds.parse::<u64>().unwrap())), "{answer:?}");
    assert_eq!(wire.rest().await, "", "each try costs a connection");
    let (wire, answer) = upgrade_from(ELSEWHERE, &ward, "").await;
    assert_eq!(answer.status, 101);
    let mut good = Socket::over(wire);
    good.say(&connect(&ward.token("ana"), &["device:bed-1"])).await;
    good.next_of("welcome").await;
    // The same address with a good token: counted against its user, not against the address.
    let bearer = format!("Authorization: Bearer {}\r\n", ward.token("berta"));
    let (_wire, answer) = upgrade_from("127.0.0.1", &ward, &bearer).await;
    assert_eq!(answer.status, 101, "{answer:?}");
    ward.witness_is_served().await;
    let metrics = ward.get("/metrics", None).await.text();
    assert!(refusals(&metrics, "handshakes") >= 120, "{metrics}");
    assert!(metrics.contains("pulsewire_handshake_failures_total{reason=\"rate_limited\"}"));
}

#[tokio::test]
async fn guessing_at_tokens_is_answered_429_after_a_while_and_those_who_have_one_get_in_from_the_same_address() {
    let mut ward = Ward::with(|config| {
        config.limits.failed_tokens_per_second = Some(1);
        config.limits.failed_token_burst = Some(20);
    })
    .await;
    let guess = format!("{}AAAA", ward.token("mallory"));
    let mut statuses = Vec::new();
    for attempt in 0..100 {
        let answer = match attempt % 2 {
            0 => ward.get("/api/v1/stats", Some(&guess)).await,
            _ => Wire::open(ward.address).await.upgrade(&format!("/ws?token={guess}"), "").await.unwrap(),
        };
        assert!(!answer.text().contains("eyJ"), "a token is never told back");
        statuses.push(answer.status);
    }
    assert!(statuses[..20].iter().all(|status| *status == 401), "{statuses:?}");
    assert!(statuses.iter().filter(|status| **status == 429).count() >= 60, "{statuses:?}");
    // By `connect` too.
    let mut socket = ward.socket().await;
    socket.say(&connect(&guess, &[])).await;
    let (code, reason) = socket.closed().await;
    assert!(code == 4429 && reason.starts_with("rate_limited; retryAfterMs="), "{code} {reason}");
    ward.still_serves().await;
}

#[tokio::test]
async fn sockets_that_say_nothing_are_bounded_by_address_and_in_all_and_their_places_come_back() {
    let mut ward = Ward::with(|config| {
        config.limits.http_per_address = Some(20);
        config.limits.http_connections = Some(30);
    })
    .await;
    let mut silent = Vec::new();
    for _ in 0..15 {
        silent.push(Wire::open(ward.address).await);
    }
    // Above the half nothing is kept alive behind its answer; an upgrade goes through all the same.
    assert_eq!(ward.get("/healthz", None).await.header("connection"), Some("close"));
    let mut last = ward.welcomed(&ward.token("berta"), &[]).await;
    assert_eq!(last.ask(serde_json::json!({"type": "ping", "id": 9})).await["type"], "reply");
    for _ in 0..5 {
        silent.push(Wire::open(ward.address).await);
    }
    // Accepted in their order, so this one comes behind them.
    let mut over = Wire::open(ward.address).await;
    let answer = over.answer().await.expect("it is told");
    assert_eq!((answer.status, answer.json()["code"].as_str()), (503, Some("unavailable")));
    assert!(answer.header("retry-after").is_some());
    // The WebSocket of the witness is none of them, and another address has places of its own: ten are left in all.
    let (wire, answer) = upgrade_from(ELSEWHERE, &ward, "").await;
    assert_eq!(answer.status, 101);
    let mut good = Socket::over(wire);
    good.say(&connect(&ward.token("ana"), &[])).await;
    good.next_of("welcome").await;
    let mut others = Vec::new();
    for _ in 0..10 {
        others.push(Wire::open_from(ELSEWHERE, ward.address).await);
    }
    let mut last = Wire::open_from(ELSEWHERE, ward.address).await;
    assert_eq!(last.answer().await.expect("it is told").status, 503);
    drop((silent, others));
    let began = Instant::now();
    while ward.relay.snapshot().http_connections > 0 {
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", ward.relay.snapshot());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    ward.still_serves().await;
    let metrics = ward.get("/metrics", None).await.text();
    assert!(refusals(&metrics, "http_per_address") >= 1 && refusals(&metrics, "http_connections") >= 1, "{metrics}");
}

#[tokio::test]
async fn a_header_that_claims_to_come_from_elsewhere_has_no_effect_without_trusted_proxies() {
    let mut ward = Ward::with(|config| {
        config.limits.handshakes_per_second = Some(1);
        config.limits.handshake_burst = Some(10);
    })
    .await;
    let mut statuses = Vec::new();
    for number in 0..30 {
        let forged =
            format!("X-Forwarded-For: 203.0.113.{number}\r\nForwarded: for=203.0.113.{number}\r\nX-Real-IP: 203.0.113.{number}\r\n");
        statuses.push(upgrade_from("127.0.0.1", &ward, &forged).await.1.status);
    }
    assert!(statuses.iter().filter(|status| **status == 429).count() >= 15, "{statuses:?}");
    assert!(!ward.log().iter().any(|line| line.contains("203.0.113.")), "nothing of it is taken for an address");
    let bearer = format!("Authorization: Bearer {}\r\n", ward.token("ana"));
    assert_eq!(upgrade_from("127.0.0.1", &ward, &bearer).await.1.status, 101);
    ward.witness_is_served().await;
}

#[tokio::test]
async fn behind_one_trusted_proxy_each_client_is_counted_by_itself_and_what_it_forges_is_not_believed() {
    let mut ward = Ward::with(|config| {
        config.limits.trusted_proxy_hops = 1;
        config.limits.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
        config.limits.handshakes_per_second = Some(1);
        config.limits.handshake_burst = Some(10);
        config.limits.http_per_address = Some(20);
    })
    .await;
    // The proxy appends whom it sees; what stands before it is the client's own.
    let through = |forged: usize, client: &str| format!("X-Forwarded-For: 203.0.113.{forged}\r\nX-Forwarded-For: {client}\r\n");
    let mut statuses = Vec::new();
    for number in 0..30 {
        statuses.push(upgrade_from("127.0.0.1", &ward, &through(number, "198.51.100.1")).await.1.status);
    }
    assert!(statuses.iter().filter(|status| **status == 429).count() >= 15, "{statuses:?}");
    let mut kept = Vec::new();
    for client in ["198.51.100.2", "[2001:db8::1]:4711", "::ffff:198.51.100.3"] {
        let (wire, answer) = upgrade_from("127.0.0.1", &ward, &through(0, client)).await;
        assert_eq!(answer.status, 101, "{client}: {answer:?}");
        let mut socket = Socket::over(wire);
        socket.say(&connect(&ward.token("ana"), &[])).await;
        socket.next_of("welcome").await;
        kept.push(socket);
    }
    let log = ward.log();
    for shown in ["address=198.51.100.2", "address=2001:db8::1", "address=198.51.100.3"] {
        assert!(log.iter().any(|line| line.contains("connection opened") && line.contains(shown)), "{shown} in the log");
    }
    assert!(!log.iter().any(|line| line.contains("203.0.113.")), "a forged address in the log");
    // Who does not come through the proxy is not believed.
    let mut statuses = Vec::new();
    for number in 0..30 {
        let (_wire, answer) = upgrade_from(ELSEWHERE, &ward, &format!("X-Forwarded-For: 203.0.113.{number}\r\n")).await;
        statuses.push(answer.status);
    }
    assert!(statuses.iter().filter(|status| **status == 429).count() >= 15, "{statuses:?}");
    ward.witness_is_served().await;
}

#[tokio::test]
async fn what_is_injected_into_x_forwarded_for_writes_no_line_of_the_log_and_is_taken_for_the_proxys_address() {
    let mut ward = Ward::with(|config| config.limits.trusted_proxy_hops = 1).await;
    let injected = [
        "unknown",
        "",
        ",",
        ",,,,,,,",
        "198.51.100.1\t, \t",
        "a%0d%0aSet-Cookie: x",
        "\u{1b}[31mred",
        "198.51.100.1 connection opened",
        "[::1",
        "::1%eth0",
        "-1.0.0.0",
        "1.2.3.4.5",
        "0x7f000001",
        "2130706433",
        "\"198.51.100.9\"",
        "for=198.51.100.9",
    ];
    for text in injected {
        let mut wire = Wire::open(ward.address).await;
        let answer = wire.upgrade("/ws", &format!("X-Forwarded-For: {text}\r\n")).await;
        // A control character is no header at all.
        let status = answer.map(|answer| answer.status);
        assert!(matches!(status, Some(101 | 400)), "{text:?}: {status:?}");
    }
    let huge = format!("X-Forwarded-For: {}\r\n", "1.1.1.1,".repeat(4_000));
    let status = Wire::open(ward.address).await.upgrade("/ws", &huge).await.map(|answer| answer.status);
    assert!(matches!(status, Some(101 | 431) | None), "{status:?}");
    for line in ward.log() {
        assert!(!line.contains("Set-Cookie") && !line.contains("198.51.100") && !line.contains("1.1.1.1"), "{line}");
    }
    ward.still_serves().await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_answer_that_nobody_reads_does_not_keep_its_connection_for_ever() {
    let folder = std::env::temp_dir().join(format!("pulsewire-stall-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("index.html"), "<p>ward").unwrap();
    // Larger than what the system's buffers take.
    std::fs::write(folder.join("large.bin"), vec![7; 32 * 1024 * 1024]).unwrap();
    let served = folder.clone();
    let mut ward = Ward::with(move |config| {
        config.www = Some(served);
        config.limits.stall_timeout_ms = 1_000;
    })
    .await;
    let mut stalled = Vec::new();
    for _ in 0..5 {
        let mut wire = Wire::open_narrow(ward.address).await;
        wire.send("GET /large.bin HTTP/1.1\r\nHost: ward\r\n\r\n").await;
        stalled.push(wire);
    }
    let began = Instant::now();
    while ward.relay.snapshot().http_connections < 5 {
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", ward.relay.snapshot());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    while ward.relay.snapshot().http_connections > 0 {
        assert!(began.elapsed() < Duration::from_secs(30), "{:?} still held", ward.relay.snapshot());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop(stalled);
    ward.still_serves().await;
    let _ = std::fs::remove_dir_all(folder);
}
