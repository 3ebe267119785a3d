//! Polling, history and the formats of answers.

use crate::client::*;
use pulsewire_protocol::{DeviceState, DeviceStatus, Payload, PollRequest, PublishItem, SubscribeEntry, SubscribedEntry, cbor};
use serde_json::{Value, json};

#[test]
fn a_tenant_never_reads_what_another_one_was_told() {
    let server = Server::dev();
    assert_eq!(server.post("/api/v1/devices/status", &service(), &json!({"deviceId": "bed-1", "status": "online"})).status, 202);
    let other = token_of("south", "service");
    assert_eq!(server.get("/api/v1/history/device:bed-1", &other).json()["publications"], json!([]));
    if cfg!(feature = "domain") {
        assert_eq!(server.get("/api/v1/devices", &other).json()["items"], json!([]));
    }
    assert_problem(&server.get("/api/v1/devices/bed-1", &other), 404, "not_found");
}

#[test]
fn publish_and_poll_speak_cbor_as_well() {
    let server = Server::dev();
    let status = DeviceStatus { device_id: "bed-1".to_owned(), status: DeviceState::Online, battery: Some(0.5), last_seen: None };
    let good = PublishItem { channel: "device:bed-1".to_owned(), payload: Payload::DeviceStatus(status.clone()), key: None };
    let bad = PublishItem { channel: "device:bed-2".to_owned(), ..good.clone() };
    let body = cbor::encode_publish_items(&[good, bad]);
    let answer = server.request("POST", "/api/v1/publish", Some(&service()), Some(("application/cbor", &body)), &[]);
    assert_eq!((answer.status, answer.header("content-type")), (202, "application/cbor"));
    let outcomes = cbor::decode_publish_outcomes(&answer.body).unwrap();
    assert_eq!(outcomes[0].accepted.as_ref().unwrap().offset, 1);
    assert!(outcomes[1].error.as_ref().unwrap().message.contains("deviceId"), "{outcomes:?}");

    let entry = |channel: &str| SubscribeEntry { history: Some(10), ..SubscribeEntry::new(channel) };
    let poll = PollRequest { channels: vec![entry("device:bed-1"), entry("no channel")], wait_ms: None };
    let answer = server.request("POST", "/api/v1/poll", Some(&nurse()), Some(("application/cbor", &cbor::encode_poll_request(&poll))), &[]);
    let response = cbor::decode_poll_response(&answer.body).unwrap();
    let SubscribedEntry::Subscribed(device) = &response.channels[0] else { panic!("{response:?}") };
    assert!(matches!(&device.publications[0].payload, Payload::DeviceStatus(s) if s.battery == status.battery));
    assert!(matches!(&response.channels[1], SubscribedEntry::Refused(refused) if refused.channel == "no channel"));

    // The same request with `Accept` for the other format, both ways.
    let body = json!({"channels": [{"channel": "device:bed-1", "history": 10}]}).to_string();
    let accept = [("accept", "application/cbor")];
    let answer = server.request("POST", "/api/v1/poll", Some(&nurse()), Some(("application/json", body.as_bytes())), &accept);
    assert!(cbor::decode_poll_response(&answer.body).is_ok(), "{answer:?}");
    let accept = [("accept", "application/json")];
    let answer =
        server.request("POST", "/api/v1/poll", Some(&nurse()), Some(("application/cbor", &cbor::encode_poll_request(&poll))), &accept);
    assert_eq!(answer.json()["channels"][0]["publications"][0]["data"]["battery"], 0.5);
    for garbage in [&b"\xff"[..], b"\xa1", b"", b"\x9f\x9f\x9f"] {
        let answer = server.request("POST", "/api/v1/poll", Some(&nurse()), Some(("application/cbor", garbage)), &[]);
        assert!([400, 422].contains(&answer.status), "{answer:?}");
        assert_eq!(answer.json()["code"], "bad_request");
    }
}

#[test]
fn a_poll_that_waits_is_answered_by_what_is_published_meanwhile() {
    let server = Server::dev();
    assert_eq!(server.post("/api/v1/devices/status", &service(), &json!({"deviceId": "bed-1", "status": "online"})).status, 202);
    let first = server.post("/api/v1/poll", &nurse(), &json!({"channels": [{"channel": "device:bed-1", "history": 1}]})).json();
    let entry = &first["channels"][0];
    assert_eq!(entry["state"][0]["event"], "device_status", "{first}");
    let position = json!({"epoch": entry["epoch"], "offset": entry["offset"]});
    let body = json!({"channels": [{"channel": "device:bed-1", "recover": position}], "waitMs": 20_000});
    let answer = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| server.post("/api/v1/poll", &nurse(), &body));
        // Published again and again until the poll has seen one: no guess at how long its start takes.
        while !waiting.is_finished() {
            server.post("/api/v1/devices/status", &service(), &json!({"deviceId": "bed-1", "status": "offline"}));
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        waiting.join().unwrap()
    });
    let entry = &answer.json()["channels"][0];
    assert_eq!(entry["recovered"], true);
    assert_eq!(entry["publications"][0]["offset"], 2, "{entry}");
    assert_eq!(entry["publications"][0]["data"]["status"], "offline");
}

#[test]
fn long_answers_are_compressed_for_those_who_can_read_it() {
    let server = Server::dev();
    let told: Vec<Value> = (0..100).map(|i| json!({"deviceId": "bed-1", "status": "online", "battery": f64::from(i) / 100.0})).collect();
    assert_eq!(server.post("/api/v1/devices/status", &service(), &json!(told)).status, 202);
    let plain = server.get("/api/v1/history/device:bed-1", &nurse());
    for encoding in ["gzip", "br"] {
        let packed = server.request("GET", "/api/v1/history/device:bed-1", Some(&nurse()), None, &[("accept-encoding", encoding)]);
        assert_eq!(packed.header("content-encoding"), encoding);
        assert!(packed.body.len() * 3 < plain.body.len(), "{encoding}: {} of {}", packed.body.len(), plain.body.len());
    }
}

#[test]
fn a_poller_that_hangs_up_waits_no_longer() {
    use std::io::Write as _;
    let server = Server::dev();
    let first = server.post("/api/v1/poll", &nurse(), &json!({"channels": [{"channel": "ward:1"}]})).json();
    let recover = json!({"epoch": first["channels"][0]["epoch"], "offset": 0});
    let body = json!({"channels": [{"channel": "ward:1", "recover": recover}], "waitMs": 25_000}).to_string();
    let waiting = || {
        let metrics = server.request("GET", "/metrics", None, None, &[]).text();
        let line = metrics.lines().find_map(|line| line.strip_prefix("pulsewire_waiting_polls ")).unwrap().to_owned();
        line.parse::<u32>().unwrap()
    };
    let wait_for = |wanted: u32| {
        let began = std::time::Instant::now();
        while waiting() != wanted {
            assert!(began.elapsed().as_secs() < 10, "{} polls wait, not {wanted}", waiting());
            std::thread::yield_now();
        }
    };
    let mut socket = std::net::TcpStream::connect(server.url().trim_start_matches("http://")).unwrap();
    let head = format!("POST /api/v1/poll HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n", nurse());
    write!(socket, "{head}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
    wait_for(1);
    drop(socket);
    wait_for(0);
}
