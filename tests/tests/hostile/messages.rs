//! Messages that decode badly or mean harm: deep, huge by their own account, not finite, full of nulls, of ten thousand channels.

use crate::ward::Ward;
use crate::wire::{BINARY, Socket, TEXT, connect};
use pulsewire_protocol::{ClientInfo, ClientMessage, Connect, ServerMessage, cbor};
use serde_json::{Value, json};

/// A connection that speaks CBOR and is welcomed.
async fn cbor_socket(ward: &Ward) -> Socket {
    let mut socket = Socket::open(ward.address, "/ws", "Sec-WebSocket-Protocol: pulsewire.v1.cbor\r\n").await;
    let connect = Connect { id: 1, token: Some(ward.token("mallory")), client: ClientInfo::default(), subscribe: Vec::new() };
    socket.send(BINARY, cbor::encode_client(&ClientMessage::Connect(connect))).await;
    let Some((BINARY, frame)) = socket.read().await else { panic!("no welcome") };
    assert!(matches!(cbor::decode_server(&frame).next(), Some(Ok(ServerMessage::Welcome(_)))));
    socket
}

/// How a CBOR frame was taken: the code of the error that answers it, or of the close.
async fn cbor_verdict(ward: &Ward, frame: &[u8]) -> String {
    let mut socket = cbor_socket(ward).await;
    socket.send(BINARY, frame).await;
    loop {
        match socket.read().await {
            Some((BINARY, frame)) => {
                for message in cbor::decode_server(&frame).map(Result::unwrap) {
                    match message {
                        ServerMessage::Error(error) => return error.body.code.as_str().to_owned(),
                        ServerMessage::Viewers(_) | ServerMessage::Event(_) => {}
                        other => return format!("{other:?}"),
                    }
                }
            }
            Some((crate::wire::CLOSE, payload)) => return u16::from_be_bytes(*payload.first_chunk().unwrap()).to_string(),
            Some(_) => {}
            None => return "1006".to_owned(),
        }
    }
}

#[tokio::test]
async fn json_nested_thousands_deep_is_answered_and_the_connection_goes_on() {
    let mut ward = Ward::open().await;
    let mut socket = ward.welcomed(&ward.token("mallory"), &["lobby"]).await;
    for (id, (open, shut)) in (2..).zip([("[", "]"), ("{\"a\":", "}"), ("[{\"a\":[", "]}]")]) {
        let levels = 60_000 / (open.len() + shut.len());
        let deep = format!("{}1{}", open.repeat(levels), shut.repeat(levels));
        let frame = format!(r#"{{"type":"publish","id":{id},"channel":"lobby","event":"x","data":{deep}}}"#);
        socket.send(TEXT, frame).await;
        assert_eq!(socket.answer(id).await["code"], "bad_request", "{open}");
        let frame = format!(r#"{{"type":"call","id":{id},"method":"history.get","params":{deep}}}"#);
        socket.send(TEXT, frame).await;
        assert_eq!(socket.answer(id).await["code"], "bad_request", "{open} in params");
    }
    // Never closed: no JSON at all, and deeper than any stack.
    for open in ["[", "{\"a\":", "{\"type\":"] {
        let mut socket = ward.welcomed(&ward.token("mallory"), &[]).await;
        socket.send(TEXT, open.repeat(60_000 / open.len())).await;
        assert_eq!(socket.closed().await.0, 4400, "{open}");
    }
    let answer = ward.request(post(&ward, "application/json", "[".repeat(900_000).as_bytes())).await;
    assert_eq!((answer.status, answer.json()["code"].as_str()), (400, Some("bad_request")));
    ward.still_serves().await;
}

fn post(ward: &Ward, kind: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST /api/v1/publish HTTP/1.1\r\nHost: ward\r\nAuthorization: Bearer {}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
        ward.service(),
        body.len()
    );
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn cbor_that_is_deep_endless_or_claims_to_be_huge_is_refused_at_once() {
    let mut ward = Ward::open().await;
    // {0: 4 (publish), 1: 2, 2: "lobby", 3: "x", 4: …}, and the same with an unknown key in front.
    let publish = |data: &[u8]| [&b"\xa5\x00\x04\x01\x02\x02\x65lobby\x03\x61x\x04"[..], data].concat();
    let unknown = |value: &[u8]| [&b"\xa3\x00\x08\x18\x63"[..], value, b"\x01\x02"].concat();
    let mut values: Vec<(String, Vec<u8>)> = Vec::new();
    for major in [0x40_u8, 0x60, 0x80, 0xa0] {
        for length in [[0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [0xff; 8], [0, 0, 0, 1, 0, 0, 0, 0]] {
            values.push((format!("major {major:x} of length {length:02x?}"), [&[major | 0x1b][..], &length, b"abc"].concat()));
        }
        values.push((format!("major {major:x} of a length that is no length"), vec![major | 0x1c]));
        values.push((format!("major {major:x} without its end"), vec![major | 0x1f]));
    }
    for (what, byte) in
        [("arrays", 0x81_u8), ("arrays without end", 0x9f), ("maps without end", 0xbf), ("tags", 0xc1), ("texts without end", 0x7f)]
    {
        values.push((format!("60,000 {what}"), vec![byte; 60_000]));
    }
    values.push(("a typed array of a huge length".to_owned(), b"\xd8\x56\x5b\x7f\xff\xff\xff\xff\xff\xff\xf8".to_vec()));
    values.push(("text that is no UTF-8".to_owned(), b"\x62\xff\xfe".to_vec()));
    values.push(("a text of pieces of bytes".to_owned(), b"\x7f\x41a\xff".to_vec()));
    values.push(("a break in the middle".to_owned(), b"\xff".to_vec()));
    for (what, value) in values {
        for frame in [publish(&value), unknown(&value), value.clone()] {
            let verdict = cbor_verdict(&ward, &frame).await;
            assert!(["bad_request", "4400"].contains(&verdict.as_str()), "{what}: {verdict}");
        }
        let answer = ward.request(post(&ward, "application/cbor", &value)).await;
        assert!([400, 422].contains(&answer.status), "{what}: {answer:?}");
    }
    ward.only_the_good_are_left().await;
    ward.still_serves().await;
}

#[tokio::test]
async fn numbers_that_are_not_finite_or_not_whole_are_refused_in_both_encodings() {
    let mut ward = Ward::open().await;
    // What no JSON is, and what is JSON but beyond a number.
    for (number, closes) in [
        ("NaN", true),
        ("Infinity", true),
        ("-Infinity", true),
        ("0x10", true),
        ("1e999", false),
        ("-1e999", false),
        ("1e", true),
        ("01", true),
    ] {
        let body = format!(r#"{{"deviceId":"bed-1","status":"online","battery":{number}}}"#);
        let head = format!(
            "POST /api/v1/devices/status HTTP/1.1\r\nHost: ward\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n",
            ward.service(),
            body.len()
        );
        let answer = ward.request(head + &body).await;
        assert!([400, 422].contains(&answer.status), "{number}: {answer:?}");
        let mut socket = ward.welcomed(&ward.service(), &[]).await;
        socket.send(TEXT, format!(r#"{{"type":"publish","id":2,"channel":"device:bed-1","event":"device_status","data":{body}}}"#)).await;
        if closes {
            assert_eq!(socket.closed().await.0, 4400, "{number}");
        } else {
            assert_eq!(socket.answer(2).await["code"], "bad_request", "{number}");
        }
    }
    let mut socket = ward.welcomed(&ward.token("mallory"), &[]).await;
    for id in ["0", "-1", "1.5", "9007199254740993", "1e300", "\"2\"", "null", "[2]", "true"] {
        socket.send(TEXT, format!(r#"{{"type":"ping","id":{id}}}"#)).await;
        assert_eq!(socket.next_of("error").await["code"], "bad_request", "{id}");
    }
    // {0: 8 (ping), 1: NaN, ∞, -∞ in every width}; {0: 7 (pong), 1: …}
    for number in [
        &b"\xf9\x7e\x00"[..],
        b"\xf9\x7c\x00",
        b"\xf9\xfc\x00",
        b"\xfa\x7f\xc0\0\0",
        b"\xfb\x7f\xf0\0\0\0\0\0\0",
        b"\xfb\xff\xf8\0\0\0\0\0\x01",
    ] {
        for kind in [b"\xa2\x00\x08\x01", b"\xa2\x00\x07\x01"] {
            assert_eq!(cbor_verdict(&ward, &[&kind[..], number].concat()).await, "bad_request", "{number:02x?}");
        }
    }
    ward.still_serves().await;
}

/// The paths of all texts in a message.
fn texts(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::String(_) => found.push(path.to_owned()),
        Value::Array(items) => items.iter().enumerate().for_each(|(at, item)| texts(item, &format!("{path}/{at}"), found)),
        Value::Object(members) => members.iter().for_each(|(key, item)| texts(item, &format!("{path}/{key}"), found)),
        _ => {}
    }
}

#[tokio::test]
async fn null_bytes_and_other_control_characters_in_any_text_field_do_no_harm() {
    let mut ward = Ward::open().await;
    let token = ward.service();
    let messages = [
        json!({"type": "connect", "token": token, "client": {"name": "n", "version": "1", "session": "s"}, "subscribe": [{"channel": "lobby", "recover": {"epoch": "e", "offset": 1}}]}),
        json!({"type": "subscribe", "channel": "lobby", "recover": {"epoch": "e", "offset": 1}}),
        json!({"type": "unsubscribe", "channel": "lobby"}),
        json!({"type": "publish", "channel": "lobby", "event": "note", "data": "d", "key": "k"}),
        json!({"type": "publish", "channel": "device:bed-2", "event": "device_status", "data": {"deviceId": "bed-2", "status": "online"}}),
        json!({"type": "publish", "channel": "device:bed-2", "event": "telemetry", "data": {"deviceId": "bed-2", "series": {"hr": {"t": [1], "v": [2], "unit": "bpm"}}}}),
        json!({"type": "publish", "channel": "patient:p-1", "event": "alert", "data": {"id": "a-1", "patientId": "p-1", "patientName": "n", "type": "t", "severity": "high", "message": "m"}}),
        json!({"type": "publish", "channel": "conversation:c-1", "event": "message_new", "data": {"conversationId": "c-1", "message": {"id": "m", "content": "c", "sender": "nurse", "senderName": "n", "url": "https://x"}}}),
        json!({"type": "publish", "channel": "user:u", "event": "notification", "data": {"title": "t", "body": "b", "severity": "low", "link": "/x"}}),
        json!({"type": "call", "method": "history.get", "params": {"channel": "lobby"}}),
        json!({"type": "refresh", "token": token}),
    ];
    for message in messages {
        let mut paths = Vec::new();
        texts(&message, "", &mut paths);
        for path in paths {
            for bad in ["\0", "\u{1b}]0;owned\u{7}", "\r\n", "\u{202e}", "\u{feff}"] {
                let mut changed = message.clone();
                changed["id"] = 2.into();
                let text = changed.pointer_mut(&path).unwrap();
                *text = format!("{}{bad}", text.as_str().unwrap()).into();
                let mut socket = ward.socket().await;
                if changed["type"] != "connect" {
                    socket.say(&connect(&token, &[])).await;
                    socket.next_of("welcome").await;
                }
                socket.say(&changed).await;
                // Answered or closed: which of both, the field decides; never silence, never the end of the relay.
                match loop {
                    match socket.next().await {
                        Ok(message) if message["id"] == 2 || message["type"] == "error" => break Ok(message),
                        Ok(_) => {}
                        Err(closing) => break Err(closing),
                    }
                } {
                    Ok(answer) => assert_ne!(answer["code"], "internal", "{path} of {changed}: {answer}"),
                    Err((code, reason)) => assert_eq!(code, 4401, "{path} of {changed}: {reason}"),
                }
            }
        }
    }
    ward.still_serves().await;
}

#[tokio::test]
async fn ten_thousand_channels_are_not_held_by_one_connection_or_one_poll() {
    let mut ward = Ward::with(|config| config.limits.max_message_bytes = 1024 * 1024).await;
    let names: Vec<String> = (0..10_000).map(|number| format!("room:{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut socket = ward.socket().await;
    socket.say(&connect(&ward.token("mallory"), &names)).await;
    let welcome = socket.next_of("welcome").await;
    let limit = welcome["limits"]["maxSubscriptions"].as_u64().unwrap() as usize;
    let refused: Vec<&Value> = welcome["subscribed"].as_array().unwrap().iter().filter(|entry| !entry["error"].is_null()).collect();
    assert_eq!(refused.len(), names.len() - limit, "the rest is refused, one by one");
    assert!(refused.iter().all(|entry| entry["error"]["code"] == "too_many_subscriptions"));
    assert_eq!(socket.ask(json!({"type": "subscribe", "id": 2, "channel": "one:more"})).await["code"], "too_many_subscriptions");
    ward.witness_is_served().await;
    let channels: Vec<Value> = names.iter().map(|name| json!({"channel": name, "history": 1_000})).collect();
    let answer = ward.post("/api/v1/poll", &ward.token("mallory"), &json!({ "channels": channels })).await;
    assert!(answer.status < 500, "{}", answer.status);
    assert!(
        answer.status != 200 || answer.text().matches("too_many_subscriptions").count() >= names.len() - limit - 2,
        "{}",
        answer.status
    );
    assert!(ward.relay.broker().channels() < 1_000, "{} channels are kept", ward.relay.broker().channels());
    drop(socket);
    ward.only_the_good_are_left().await;
    ward.still_serves().await;
}

#[tokio::test]
async fn letting_go_of_what_is_not_held_is_an_error_each_time_and_nothing_else() {
    let mut ward = Ward::open().await;
    let mut socket = ward.welcomed(&ward.token("mallory"), &["lobby"]).await;
    for (id, channel) in (2..).zip(["other", "device:bed-1", "", "no channel", "lobby:", "*", "user:witness"]) {
        assert_eq!(socket.ask(json!({"type": "unsubscribe", "id": id, "channel": channel})).await["code"], "not_subscribed", "{channel}");
    }
    assert_eq!(socket.ask(json!({"type": "unsubscribe", "id": 20, "channel": "lobby"})).await["type"], "unsubscribed");
    assert_eq!(socket.ask(json!({"type": "unsubscribe", "id": 21, "channel": "lobby"})).await["code"], "not_subscribed");
    ward.still_serves().await;
}
