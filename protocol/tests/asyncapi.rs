//! `docs/asyncapi.json` is what the code gives: every message, event, subprotocol and close code, and no other.

// Tests may panic: that is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs, unreachable_pub)]

#[path = "support/asyncapi.rs"]
mod asyncapi;
#[path = "support/messages.rs"]
mod messages;

use pulsewire_protocol::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn document() -> Value {
    serde_json::from_str(&std::fs::read_to_string(asyncapi::path()).unwrap()).unwrap()
}

fn names(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn the_document_is_current() {
    let there = std::fs::read_to_string(asyncapi::path()).unwrap_or_default();
    assert!(
        there == asyncapi::text(),
        "docs/asyncapi.json is not what the code gives: `cargo run -p pulsewire-protocol --example asyncapi`"
    );
}

#[test]
fn every_message_that_the_codec_knows_stands_in_it_and_no_other() {
    let document = document();
    let vectors: Vec<Value> = serde_json::from_str(include_str!("../vectors/messages.json")).unwrap();
    let of_codec: BTreeSet<&str> = vectors.iter().map(|vector| vector["json"]["type"].as_str().unwrap()).collect();
    assert_eq!(names(&document["components"]["messages"]), of_codec);
    assert_eq!(names(&document["channels"]["socket"]["messages"]), of_codec);
    // A type that is added to the enumerations does not compile here until it has its row.
    let client = |message: &ClientMessage| match message {
        ClientMessage::Connect(_) => "connect",
        ClientMessage::Subscribe(_) => "subscribe",
        ClientMessage::Unsubscribe(_) => "unsubscribe",
        ClientMessage::Publish(_) => "publish",
        ClientMessage::Call(_) => "call",
        ClientMessage::Refresh(_) => "refresh",
        ClientMessage::Pong(_) => "pong",
        ClientMessage::Ping(_) => "ping",
    };
    let server = |message: &ServerMessage| match message {
        ServerMessage::Welcome(_) => "welcome",
        ServerMessage::Subscribed(_) => "subscribed",
        ServerMessage::Unsubscribed(_) => "unsubscribed",
        ServerMessage::Event(_) => "event",
        ServerMessage::Viewers(_) => "viewers",
        ServerMessage::Heartbeat(_) => "heartbeat",
        ServerMessage::Reauth(_) => "reauth",
        ServerMessage::Reply(_) => "reply",
        ServerMessage::Error(_) => "error",
    };
    for vector in &vectors {
        let text = vector["json"].to_string();
        let kind = match vector["kind"].as_str().unwrap() {
            "client" => client(&json::decode_client(&text).next().unwrap().unwrap()),
            _ => server(&json::decode_server(&text).next().unwrap().unwrap()),
        };
        assert_eq!(document["components"]["messages"][kind]["payload"]["properties"]["type"]["const"], kind);
    }
}

#[test]
fn every_command_has_its_operation_and_each_answer_is_a_message_of_the_relay() {
    let document = document();
    let operations = document["operations"].as_object().unwrap();
    for (kind, _, _) in messages::CLIENT {
        assert_eq!(operations[kind]["action"], "receive");
        assert_eq!(operations[kind]["messages"], json!([{ "$ref": format!("#/channels/socket/messages/{kind}") }]));
        assert_eq!(operations[kind].get("reply").is_some(), kind != "pong", "{kind}");
    }
    let told: BTreeSet<&str> = operations
        .values()
        .flat_map(|operation| {
            let listed = if operation["action"] == "send" { &operation["messages"] } else { &operation["reply"]["messages"] };
            listed.as_array().into_iter().flatten().map(|message| message["$ref"].as_str().unwrap().rsplit('/').next().unwrap())
        })
        .collect();
    assert_eq!(told, messages::SERVER.iter().map(|(kind, _, _)| *kind).collect(), "every message of the relay is told somewhere");
}

#[test]
fn every_built_in_event_has_its_rule_and_its_example() {
    let document = document();
    let rules = document["components"]["schemas"]["EventData"]["allOf"].as_array().unwrap();
    let listed: BTreeSet<&str> = rules.iter().map(|rule| rule["if"]["properties"]["event"]["const"].as_str().unwrap()).collect();
    let known: BTreeSet<&str> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
    assert_eq!(listed, known);
    let examples = document["components"]["messages"]["event"]["examples"].as_array().unwrap();
    let shown: BTreeSet<&str> = examples.iter().map(|example| example["payload"]["event"].as_str().unwrap()).collect();
    assert!(shown.is_superset(&known), "{known:?} {shown:?}");
}

#[test]
fn every_event_that_the_relay_tells_beside_them_has_its_rule_and_an_example_that_keeps_it() {
    let document = document();
    let event = &document["components"]["messages"]["event"];
    let rules = event["payload"]["allOf"].as_array().unwrap().iter().filter(|rule| rule["if"].is_object());
    let listed: BTreeSet<&str> = rules.map(|rule| rule["if"]["properties"]["event"]["const"].as_str().unwrap()).collect();
    assert_eq!(listed, schema::TOLD_EVENTS.into());
    let mut root = event["payload"].clone();
    root["components"] = document["components"].clone();
    let validator = jsonschema::options().with_draft(jsonschema::Draft::Draft7).build(&root).unwrap();
    for name in schema::TOLD_EVENTS {
        let example = event["examples"].as_array().unwrap().iter().find(|example| example["payload"]["event"] == name).unwrap();
        assert!(validator.is_valid(&example["payload"]), "{name}: {:?}", validator.validate(&example["payload"]).unwrap_err());
        let mut broken = example["payload"].clone();
        broken["data"] = json!({});
        assert!(!validator.is_valid(&broken), "{name} without its data");
    }
}

#[test]
fn the_close_codes_are_those_of_the_table() {
    let document = document();
    let closes: Vec<Value> = serde_json::from_str(include_str!("../vectors/closes.json")).unwrap();
    let listed: BTreeSet<u64> =
        document["channels"]["socket"]["x-close-codes"].as_array().unwrap().iter().map(|row| row["code"].as_u64().unwrap()).collect();
    // 1006 is never sent, and 4999 stands for one of a later version.
    let golden: BTreeSet<u64> =
        closes.iter().map(|close| close["code"].as_u64().unwrap()).filter(|code| ![1006, 4999].contains(code)).collect();
    assert_eq!(listed, golden);
}
