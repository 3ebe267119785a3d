//! Handshakes: wrong, slow, half-done, and headers that want to write headers of their own.

use crate::ward::Ward;
use crate::wire::{Socket, Wire, connect};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_subprotocol_that_is_not_ours_is_refused_with_400_and_never_echoed() {
    let mut ward = Ward::open().await;
    let many = vec!["graphql-ws"; 500].join(", ");
    let long = "p".repeat(4_000);
    let offers =
        ["graphql-ws", "", ",,,", "pulsewire.v1.jsonx", "PULSEWIRE.V1.JSON", "pulsewire.v1.json;x", "\"pulsewire.v1.json\"", &many, &long];
    for offer in offers {
        let mut wire = Wire::open(ward.address).await;
        let answer = wire.upgrade("/ws", &format!("Sec-WebSocket-Protocol: {offer}\r\n")).await.unwrap();
        assert_eq!((answer.status, answer.json()["code"].as_str()), (400, Some("bad_request")), "{offer:.80}");
        assert!(!answer.head.contains(offer) || offer.len() < 4, "{offer:.80} is echoed");
    }
    ward.only_the_good_are_left().await;
    ward.still_serves().await;
}

#[tokio::test]
async fn an_upgrade_that_lacks_what_an_upgrade_needs_is_refused_and_the_version_is_told() {
    let mut ward = Ward::open().await;
    let whole = [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let mut variants: Vec<Vec<(&str, &str)>> =
        (0..4).map(|out| whole.iter().enumerate().filter(|(at, _)| *at != out).map(|(_, pair)| *pair).collect()).collect();
    for (at, value) in [(0, "h2c"), (1, "close"), (2, "12"), (2, "8, 13x"), (2, "")] {
        let mut changed = whole.to_vec();
        changed[at].1 = value;
        variants.push(changed);
    }
    for headers in variants {
        let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let answer = ward.request(format!("GET /ws HTTP/1.1\r\nHost: ward\r\n{lines}\r\n")).await;
        assert!([400, 426].contains(&answer.status), "{headers:?}: {answer:?}");
        assert_eq!(answer.header("sec-websocket-version"), Some("13"), "{headers:?}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let answer = ward.request(format!("{method} /ws HTTP/1.1\r\nHost: ward\r\nContent-Length: 0\r\n\r\n")).await;
        assert!(answer.status < 500, "{method}: {answer:?}");
        assert_ne!(answer.status, 101);
    }
    ward.only_the_good_are_left().await;
    ward.still_serves().await;
}

#[tokio::test]
async fn an_upgrade_without_a_connect_is_closed_with_4408_after_half_a_minute() {
    let mut ward = Ward::frozen().await;
    let mut silent = ward.socket().await;
    let mut chatty = ward.socket().await;
    ward.pass(Duration::from_secs(29)).await;
    // Pings of both kinds and commands that are no `connect` do not make a handshake.
    chatty.send(crate::wire::PING, b"").await;
    let refused = chatty.ask(json!({"type": "ping", "id": 7})).await;
    assert_eq!(refused["code"], "bad_request", "{refused}");
    assert_eq!(ward.relay.snapshot().connections, 2, "not before its time");
    ward.pass(Duration::from_secs(2)).await;
    for socket in [&mut silent, &mut chatty] {
        assert_eq!(socket.closed().await, (4408, "handshake_timeout".to_owned()));
    }
    drop((silent, chatty));
    ward.pass(Duration::from_secs(5)).await;
    ward.only_the_good_are_left().await;
    ward.still_serves().await;
}

#[tokio::test]
async fn one_that_never_answers_heartbeats_is_closed_with_4408_though_it_talks() {
    let mut ward = Ward::frozen().await;
    let mut deaf = ward.welcomed(&ward.token("mallory"), &["lobby"]).await;
    for id in 2..14 {
        ward.pass(Duration::from_secs(10)).await;
        if !deaf.say(&json!({"type": "ping", "id": id})).await {
            break;
        }
    }
    assert_eq!(deaf.closed().await, (4408, "no_pong".to_owned()));
    drop(deaf);
    ward.pass(Duration::from_secs(5)).await;
    ward.only_the_good_are_left().await;
    ward.still_serves().await;
}

#[tokio::test]
async fn half_a_head_is_not_waited_for_longer_than_its_time_however_it_trickles() {
    let mut ward = Ward::frozen().await;
    let mut silent = Wire::open(ward.address).await;
    let mut half = Wire::open(ward.address).await;
    half.send("GET /ws HTTP/1.1\r\nHost: ward\r\nAuthor").await;
    let mut trickling = Wire::open(ward.address).await;
    trickling.send("GET /healthz HTTP/1.1\r\n").await;
    // Seen by the relay before time moves.
    assert_eq!(ward.get("/healthz", None).await.status, 200);
    for round in 0..4 {
        ward.pass(Duration::from_secs(5)).await;
        trickling.send(format!("X-{round}: y\r\n")).await;
    }
    for wire in [&mut silent, &mut half, &mut trickling] {
        let told = wire.rest().await;
        assert!(told.is_empty() || told.starts_with("HTTP/1.1 408"), "{told}");
    }
    ward.still_serves().await;
}

#[tokio::test]
async fn a_body_that_does_not_come_is_answered_with_408_and_one_that_trickles_too() {
    let mut ward = Ward::frozen().await;
    let head = format!(
        "POST /api/v1/publish HTTP/1.1\r\nHost: ward\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n",
        ward.service()
    );
    let mut stopped = Wire::open(ward.address).await;
    stopped.send(format!("{head}Content-Length: 100\r\n\r\n{{\"channel\":")).await;
    let mut trickling = Wire::open(ward.address).await;
    trickling.send(format!("{head}Transfer-Encoding: chunked\r\n\r\n1\r\n{{\r\n")).await;
    assert_eq!(ward.get("/healthz", None).await.status, 200);
    for _ in 0..7 {
        ward.pass(Duration::from_secs(5)).await;
        trickling.send("1\r\n \r\n").await;
    }
    for wire in [&mut stopped, &mut trickling] {
        let answer = wire.answer().await.expect("an answer");
        assert_eq!((answer.status, answer.json()["retryable"].as_bool()), (408, Some(true)));
    }
    ward.still_serves().await;
}

#[tokio::test]
async fn line_breaks_in_queries_paths_and_names_write_no_header_and_no_line_of_the_log() {
    let mut ward = Ward::open().await;
    for injected in ["%0d%0aX-Injected:%20yes", "%0aX-Injected:%20yes", "%0d%0a%0d%0a<script>", "%00", "%e2%80%a8X-Injected"] {
        for path in [
            format!("/ws?token=a{injected}.b.c"),
            format!("/api/v1/history/device:bed-1{injected}"),
            format!("/api/v1/presence/{injected}"),
            format!("/api/v1/devices/{injected}"),
            format!("/nothing{injected}"),
            format!("/api/v1/stats?{injected}={injected}"),
        ] {
            let token = ward.token("mallory");
            let bearer = if path.starts_with("/ws") { None } else { Some(token.as_str()) };
            let answer = ward.get(&path, bearer).await;
            assert!(answer.status < 500, "{path}: {answer:?}");
            assert_eq!(answer.header("x-injected"), None, "{path}");
            assert!(!answer.head.contains("yes"), "{path}: {answer:?}");
        }
    }
    // Names of the client go into the log: on one line, and short.
    let mut socket = ward.socket().await;
    let mut message = connect(&ward.token("mallory"), &[]);
    let name = format!("x\r\nconnection opened user=admin\u{1b}[31m\0{}", "y".repeat(10_000));
    message["client"] = json!({"name": name, "version": name, "session": name});
    socket.say(&message).await;
    socket.next_of("welcome").await;
    let line = ward.log().into_iter().find(|line| line.contains("connection opened") && line.contains("mallory")).expect("it is logged");
    assert!(line.len() < 600, "{} bytes in a line of the log", line.len());
    ward.still_serves().await;
}

#[tokio::test]
async fn raw_line_breaks_and_nulls_in_a_head_are_refused_by_closing_or_with_400() {
    let mut ward = Ward::open().await;
    for head in [
        "GET /healthz HTTP/1.1\r\nHost: ward\r\nX: a\0b\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: ward\r\nX\0: a\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: ward\r\nX Y: a\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: ward\r\nX : a\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: ward\r\nX: a\r\n folded: b\r\n\r\n",
        "GET /heal\0thz HTTP/1.1\r\nHost: ward\r\n\r\n",
        "GET /healthz HTTP/9.9\r\nHost: ward\r\n\r\n",
        "GET  /healthz HTTP/1.1\r\nHost: ward\r\n\r\n",
        "\0\0\0\0\0\0\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\x16\x03\x01\x02\0\x01\0\x01\u{fc}\x03\x03",
    ] {
        let mut wire = Wire::open(ward.address).await;
        wire.send(head).await;
        wire.finish().await;
        let told = wire.rest().await;
        assert!(told.is_empty() || told.starts_with("HTTP/1.1 400") || told.starts_with("HTTP/1.1 505"), "{head:?}: {told}");
    }
    ward.still_serves().await;
}

#[tokio::test]
async fn a_head_without_end_is_cut_off() {
    let mut ward = Ward::open().await;
    for endless in [
        format!("GET /healthz HTTP/1.1\r\nX: {}", "x".repeat(2_000_000)),
        format!("GET /healthz HTTP/1.1\r\n{}", "X: y\r\n".repeat(100_000)),
        format!("GET /{}", "a".repeat(2_000_000)),
    ] {
        let mut wire = Wire::open(ward.address).await;
        wire.send(endless).await;
        let told = wire.rest().await;
        assert!(
            told.is_empty() || told.starts_with("HTTP/1.1 431") || told.starts_with("HTTP/1.1 414") || told.starts_with("HTTP/1.1 400"),
            "{told:.200}"
        );
    }
    ward.still_serves().await;
}

#[tokio::test]
async fn a_second_connect_changes_nothing() {
    let mut ward = Ward::open().await;
    let mut socket = ward.welcomed(&ward.token("mallory"), &["lobby"]).await;
    let mut again = connect(&crate::ward::sign(&crate::ward::claims("root", "elsewhere", "admin")), &["admin", "tenant"]);
    again["id"] = 2.into();
    assert_eq!(socket.ask(again).await["code"], "bad_request");
    let presence = socket.ask(json!({"type": "call", "id": 3, "method": "presence.get", "params": {"channel": "admin"}})).await;
    assert_eq!(presence["code"], "forbidden", "it is still who it was: {presence}");
    ward.still_serves().await;
}

#[tokio::test]
async fn a_socket_that_speaks_before_the_upgrade_is_answered_is_heard_and_no_more() {
    let mut ward = Ward::open().await;
    let mut wire = Wire::open(ward.address).await;
    // The upgrade and its first frame in one packet: some proxies do so.
    let upgrade = "GET /ws HTTP/1.1\r\nHost: ward\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let first = crate::wire::frame(crate::wire::FIN | crate::wire::TEXT, connect(&ward.token("ana"), &[]).to_string().as_bytes());
    wire.send([upgrade.as_bytes(), &first].concat()).await;
    assert_eq!(wire.answer().await.unwrap().status, 101);
    let mut socket = Socket::over(wire);
    assert_eq!(socket.next_of("welcome").await["user"], "ana");
    ward.still_serves().await;
}
