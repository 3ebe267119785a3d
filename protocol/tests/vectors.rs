//! The golden vectors in `vectors/`, which the tests of other languages read too: both codecs give exactly these, and read them.

// Tests may panic: that is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs, dead_code, unreachable_pub)]

#[path = "support/vectors.rs"]
mod vectors;

use pulsewire_protocol::json::{FromJson as _, ToJson as _};
use pulsewire_protocol::*;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use vectors::{Close, Frame, Invalid, Lenient, Name, Vector, hex, unhex};

fn read<T: DeserializeOwned>(name: &str) -> Vec<T> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn the_files_are_current() {
    for (name, text) in vectors::files() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(name);
        let there = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            there == text,
            "vectors/{name} is not what the code gives: `cargo run -p pulsewire-protocol --example vectors`, then look at the difference"
        );
    }
}

fn check_client(name: &str, json: &str, cbor: &[u8]) {
    let from_json: Vec<_> = json::decode_client(json).map(Result::unwrap).collect();
    let from_cbor: Vec<_> = cbor::decode_client(cbor).map(Result::unwrap).collect();
    assert_eq!(from_json, from_cbor, "{name}");
    assert_eq!(hex(&from_json.iter().flat_map(cbor::encode_client).collect::<Vec<_>>()), hex(cbor), "{name}");
    assert_eq!(from_cbor.iter().map(|message| json::encode_client(message).unwrap()).collect::<Vec<_>>().join("\n"), json, "{name}");
}

fn check_server(name: &str, json: &str, cbor: &[u8]) {
    let from_json: Vec<_> = json::decode_server(json).map(Result::unwrap).collect();
    let from_cbor: Vec<_> = cbor::decode_server(cbor).map(Result::unwrap).collect();
    assert_eq!(from_json, from_cbor, "{name}");
    assert_eq!(hex(&from_json.iter().flat_map(cbor::encode_server).collect::<Vec<_>>()), hex(cbor), "{name}");
    assert_eq!(from_cbor.iter().map(|message| json::encode_server(message).unwrap()).collect::<Vec<_>>().join("\n"), json, "{name}");
}

#[test]
fn messages_and_events_encode_to_these_bytes_and_back() {
    let all: Vec<Vector> = [read("messages.json"), read("events.json")].into_iter().flatten().collect();
    for Vector { name, kind, json, cbor_hex } in all {
        match kind.as_str() {
            "client" => check_client(&name, json.get(), &unhex(&cbor_hex)),
            "server" => check_server(&name, json.get(), &unhex(&cbor_hex)),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn frames_of_many_messages_encode_to_these_bytes_and_back() {
    for Frame { name, kind, json, cbor_hex } in read("frames.json") {
        let text = json.iter().map(|line| line.get()).collect::<Vec<_>>().join("\n");
        if kind == "client" { check_client(&name, &text, &unhex(&cbor_hex)) } else { check_server(&name, &text, &unhex(&cbor_hex)) }
    }
}

#[test]
fn http_bodies_encode_to_these_bytes_and_back() {
    fn check<T: PartialEq + Debug + serde::Serialize>(vector: &Vector, from_json: T, from_cbor: T, encode: impl Fn(&T) -> Vec<u8>) {
        assert_eq!(from_json, from_cbor, "{}", vector.name);
        assert_eq!(hex(&encode(&from_json)), vector.cbor_hex, "{}", vector.name);
        assert_eq!(from_cbor.to_json().unwrap().as_str(), vector.json.get(), "{}", vector.name);
    }
    for vector in read::<Vector>("bodies.json") {
        let (text, bytes) = (vector.json.get(), unhex(&vector.cbor_hex));
        match vector.kind.as_str() {
            "poll_request" => {
                check(
                    &vector,
                    PollRequest::from_json(text).unwrap(),
                    cbor::decode_poll_request(&bytes).unwrap(),
                    cbor::encode_poll_request,
                );
            }
            "poll_response" => check(
                &vector,
                PollResponse::from_json(text).unwrap(),
                cbor::decode_poll_response(&bytes).unwrap(),
                cbor::encode_poll_response,
            ),
            "publish_items" => {
                let items = json::items_from_json(text).unwrap().into_iter().map(Result::unwrap).collect();
                check(&vector, items, cbor::decode_publish_items(&bytes).unwrap(), |items: &Vec<PublishItem>| {
                    cbor::encode_publish_items(items)
                });
            }
            "publish_outcomes" => {
                let outcomes = Vec::<PublishOutcome>::from_json(text).unwrap();
                check(&vector, outcomes, cbor::decode_publish_outcomes(&bytes).unwrap(), |outcomes: &Vec<PublishOutcome>| {
                    cbor::encode_publish_outcomes(outcomes)
                });
            }
            other => panic!("{other}"),
        }
    }
}

#[test]
fn what_other_encoders_may_write_reads_as_the_same() {
    for Lenient { name, kind, given_json, given_cbor_hex, json } in read("lenient.json") {
        let (text, bytes) = (given_json.unwrap_or_default(), unhex(&given_cbor_hex.unwrap_or_default()));
        let read = if kind == "client" {
            let mut all = json::decode_client(&text).chain(cbor::decode_client(&bytes));
            json::encode_client(&all.next().unwrap().unwrap_or_else(|error| panic!("{name}: {error}"))).unwrap()
        } else {
            let mut all = json::decode_server(&text).chain(cbor::decode_server(&bytes));
            json::encode_server(&all.next().unwrap().unwrap_or_else(|error| panic!("{name}: {error}"))).unwrap()
        };
        // As values: `-3.0` is `-3`.
        let (read, expected): (serde_json::Value, serde_json::Value) =
            (serde_json::from_str(&read).unwrap(), serde_json::from_str(json.get()).unwrap());
        assert_eq!(read, expected, "{name}");
    }
}

#[test]
fn what_is_wrong_gets_its_verdict() {
    for Invalid { name, kind, given_json, given_cbor_hex, verdict, field, id } in read("invalid.json") {
        let (text, bytes) = (given_json.unwrap_or_default(), unhex(&given_cbor_hex.unwrap_or_default()));
        let error = if kind == "client" {
            json::decode_client(&text).chain(cbor::decode_client(&bytes)).next().unwrap().unwrap_err()
        } else {
            json::decode_server(&text).chain(cbor::decode_server(&bytes)).next().unwrap().unwrap_err()
        };
        assert_eq!(error.well_formed, verdict == "senseless", "{name}: {error}");
        assert_eq!(Some(error.field.as_ref()), field.as_deref(), "{name}: {error}");
        assert_eq!(error.id, id, "{name}: {error}");
    }
}

#[test]
fn names_patterns_and_close_codes_mean_the_same_everywhere() {
    for Name { name, channel, pattern, allows, denies } in read("channels.json") {
        assert_eq!((ChannelName::parse(&name).is_ok(), Pattern::parse(&name).is_ok()), (channel, pattern), "{name}");
        let allowed = |channel: &String| Pattern::parse(&name).unwrap().allows(&ChannelName::parse(channel).unwrap());
        assert!(allows.iter().all(allowed), "{name}");
        assert!(!denies.iter().any(allowed), "{name}");
    }
    for Close { code, reason, retry_after_ms, .. } in read("closes.json") {
        assert_eq!(error::retry_after_from_reason(&reason), retry_after_ms, "{code} {reason}");
        if code == CloseCode::UNAUTHORIZED.0 {
            assert!(TokenProblem::from_reason(&reason).is_some());
        }
    }
}

#[test]
fn every_type_event_and_error_code_has_its_vector() {
    let all: Vec<Vector> = [read("messages.json"), read("events.json")].into_iter().flatten().collect();
    let texts: Vec<&str> = all.iter().map(|vector| vector.json.get()).collect();
    let types = [
        "connect",
        "subscribe",
        "unsubscribe",
        "publish",
        "call",
        "refresh",
        "pong",
        "ping",
        "welcome",
        "subscribed",
        "unsubscribed",
        "event",
        "viewers",
        "heartbeat",
        "reauth",
        "reply",
        "error",
    ];
    for name in types {
        assert!(texts.iter().any(|text| text.starts_with(&format!("{{\"type\":\"{name}\""))), "{name}");
    }
    for event in EventKind::ALL {
        for kind in ["client", "server"] {
            let found =
                all.iter().any(|vector| vector.kind == kind && vector.json.get().contains(&format!("\"event\":\"{}\"", event.as_str())));
            assert!(found, "{} from {kind}", event.as_str());
        }
    }
    for code in ErrorCode::ALL {
        assert!(texts.iter().any(|text| text.contains(&format!("\"code\":\"{code}\""))), "{code}");
    }
}
