//! `schemas.json` and the code say the same: fields, words, what is required, and what is read and what is not.

// Tests may panic: that is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs, unreachable_pub)]

#[path = "support/messages.rs"]
mod messages;

use jsonschema::{Draft, Validator};
use messages::{CLIENT, SERVER};
use pulsewire_protocol::cbor::{Field, Shape};
use pulsewire_protocol::json::{self, FromJson as _};
use pulsewire_protocol::schema::SCHEMAS;
use pulsewire_protocol::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

fn schemas() -> Value {
    serde_json::from_str(SCHEMAS).unwrap()
}

fn validator(schema: &Value, draft: Draft) -> Validator {
    let mut root = schema.clone();
    root["components"] = schemas()["components"].clone();
    jsonschema::options().with_draft(draft).build(&root).unwrap_or_else(|error| panic!("{schema}: {error}"))
}

fn named(name: &str) -> Value {
    assert!(schemas()["components"]["schemas"].get(name).is_some(), "no schema {name}");
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn vectors(file: &str) -> Vec<Value> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(file);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Every golden JSON text, with what it is: `client`, `server` (by its type) or a body.
fn golden() -> Vec<(String, String, Value)> {
    let mut all = Vec::new();
    for file in ["messages.json", "events.json", "bodies.json"] {
        for vector in vectors(file) {
            let text = |key: &str| vector[key].as_str().unwrap().to_owned();
            all.push((text("name"), text("kind"), vector["json"].clone()));
        }
    }
    for frame in vectors("frames.json") {
        for line in frame["json"].as_array().unwrap() {
            all.push((frame["name"].to_string(), frame["kind"].as_str().unwrap().to_owned(), line.clone()));
        }
    }
    all
}

/// What the schemas say of a golden text.
struct Judge {
    messages: BTreeMap<(&'static str, &'static str), Validator>,
    bodies: BTreeMap<&'static str, Validator>,
}

impl Judge {
    fn new(draft: Draft) -> Self {
        let of = |direction, table: &[(&'static str, &'static str, &str)]| -> Vec<_> {
            table.iter().map(|(kind, schema, _)| ((direction, *kind), validator(&messages::schema(kind, schema), draft))).collect()
        };
        let list = |name: &str| json!({ "type": "array", "items": named(name) });
        Self {
            messages: of("client", &CLIENT).into_iter().chain(of("server", &SERVER)).collect(),
            bodies: [
                ("poll_request", named("PollRequest")),
                ("poll_response", named("PollResponse")),
                ("publish_items", list("PublishItem")),
                ("publish_outcomes", list("PublishOutcome")),
            ]
            .map(|(kind, schema)| (kind, validator(&schema, draft)))
            .into(),
        }
    }

    fn validator(&self, kind: &str, json: &Value) -> Option<&Validator> {
        let direction = if kind == "client" { "client" } else { "server" };
        match self.bodies.get(kind) {
            Some(body) => Some(body),
            None => self.messages.iter().find(|((of, name), _)| *of == direction && json["type"] == **name).map(|(_, validator)| validator),
        }
    }

    fn takes(&self, kind: &str, json: &Value) -> bool {
        self.validator(kind, json).is_some_and(|validator| validator.is_valid(json))
    }
}

/// Whether the decoder reads it, and whether a relay would take it.
fn code_takes(kind: &str, json: &Value) -> (bool, bool) {
    let text = json.to_string();
    let sensible = |channel: &str, payload: &Payload| ChannelName::parse(channel).is_ok_and(|channel| payload.validate(&channel).is_ok());
    match kind {
        "client" => match json::decode_client(&text).next().unwrap() {
            Ok(ClientMessage::Publish(publish)) => (true, sensible(&publish.channel, &publish.payload)),
            other => (other.is_ok(), other.is_ok()),
        },
        "server" => (json::decode_server(&text).next().unwrap().is_ok(), false),
        "poll_request" => {
            let read = PollRequest::from_json(&text).is_ok();
            (read, read)
        }
        "poll_response" => (PollResponse::from_json(&text).is_ok(), false),
        "publish_items" => match json::items_from_json::<PublishItem>(&text) {
            Err(_) => (false, false),
            Ok(items) => {
                let read = items.iter().all(Result::is_ok);
                (read, read && items.iter().flatten().all(|item| sensible(&item.channel, &item.payload)))
            }
        },
        "publish_outcomes" => (Vec::<PublishOutcome>::from_json(&text).is_ok(), false),
        other => panic!("{other}"),
    }
}

#[test]
fn every_golden_vector_passes_its_schema_in_both_drafts() {
    for draft in [Draft::Draft7, Draft::Draft202012] {
        let judge = Judge::new(draft);
        for (name, kind, json) in golden() {
            let validator = judge.validator(&kind, &json).unwrap_or_else(|| panic!("{name}: no schema for {json}"));
            if let Err(error) = validator.validate(&json) {
                panic!("{name} ({draft:?}) at {}: {error}", error.instance_path());
            }
        }
    }
}

/// The paths of everything inside.
fn paths(value: &Value, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(list) => list.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect(),
        _ => return,
    };
    for (key, value) in inner {
        path.push(key);
        found.push(path.clone());
        paths(value, path, found);
        path.pop();
    }
}

fn pointer(path: &[String]) -> String {
    path.iter().map(|part| format!("/{}", part.replace('~', "~0").replace('/', "~1"))).collect()
}

#[test]
fn what_is_changed_in_a_vector_passes_the_schema_just_where_the_code_reads_it() {
    let judge = Judge::new(Draft::Draft202012);
    let values = [
        json!(null),
        json!(true),
        json!(0),
        json!(0.5),
        json!(-1),
        json!(7),
        json!(7.0),
        json!(2.5),
        json!("x"),
        json!(""),
        json!("no id"),
        json!("online"),
        json!([]),
        json!([1]),
        json!(["a"]),
        json!([null]),
        json!({}),
        json!({"epoch": "e", "offset": 1}),
        json!({"code": "forbidden", "message": "m", "retryable": false}),
    ];
    let (mut tried, mut passed) = (0_u32, 0_u32);
    for (name, kind, json) in golden() {
        let mut all = Vec::new();
        paths(&json, &mut Vec::new(), &mut all);
        for path in all.iter().filter(|path| path.last().unwrap() != "type" || path.len() > 1) {
            let holder = pointer(&path[..path.len() - 1]);
            let mut changed: Vec<Value> = values
                .iter()
                .map(|value| {
                    let mut changed = json.clone();
                    *changed.pointer_mut(&pointer(path)).unwrap() = value.clone();
                    changed
                })
                .collect();
            let mut without = json.clone();
            match without.pointer_mut(&holder).unwrap() {
                Value::Object(map) => drop(map.remove(path.last().unwrap())),
                Value::Array(list) => drop(list.remove(path.last().unwrap().parse().unwrap())),
                _ => unreachable!(),
            }
            changed.push(without);
            for changed in changed {
                let (schema, (read, taken)) = (judge.takes(&kind, &changed), code_takes(&kind, &changed));
                assert!(!schema || read, "{name}: the schema is wider than the decoder at {path:?}: {changed}");
                assert!(schema || !taken, "{name}: the schema is narrower than the relay at {path:?}: {changed}");
                tried += 1;
                passed += u32::from(schema);
            }
        }
    }
    assert!(tried > 10_000 && passed > tried / 10 && passed < tried * 9 / 10, "{passed} of {tried}: both verdicts are tried");
}

fn type_of(schema: &Value) -> Value {
    match &schema["type"] {
        Value::Array(types) => types[0].clone(),
        Value::Null => schema["anyOf"][0].clone(),
        other => other.clone(),
    }
}

/// The schema with its reference followed.
fn followed(all: &Value, schema: &Value) -> Value {
    let reference = schema["$ref"].as_str().or_else(|| schema["anyOf"][0]["$ref"].as_str());
    match reference.and_then(|reference| reference.strip_prefix("#/components/schemas/")) {
        Some(name) => followed(all, &all[name]),
        None => schema.clone(),
    }
}

fn check_shape(all: &Value, path: &str, schema: &Value, shape: &Shape) {
    let schema = followed(all, schema);
    match shape {
        Shape::Number => assert!(["number", "integer"].contains(&type_of(&schema).as_str().unwrap_or("")), "{path}: {schema}"),
        Shape::Text => assert_eq!(type_of(&schema), "string", "{path}"),
        Shape::Flag => assert_eq!(type_of(&schema), "boolean", "{path}"),
        Shape::Json => assert!(schema["type"].is_null() || schema["type"] == "object", "{path}: {schema}"),
        Shape::Column => assert_eq!((type_of(&schema), &schema["items"]["type"]), (json!("array"), &json!("number")), "{path}"),
        Shape::Words(words) => {
            let listed: BTreeSet<&str> = schema["enum"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
            assert_eq!(listed, words.iter().map(|(_, word)| *word).collect(), "{path}");
        }
        Shape::Struct(fields) => check_fields(all, path, &schema, fields),
        Shape::Names(inner) => check_shape(all, path, &schema["additionalProperties"], inner),
        Shape::List(inner) => {
            assert_eq!(type_of(&schema), "array", "{path}");
            check_shape(all, &format!("{path}[]"), &schema["items"], inner);
        }
        Shape::JsonAt(_) => assert_eq!(type_of(&schema), "object", "{path}"),
    }
}

fn check_fields(all: &Value, path: &str, schema: &Value, fields: &[Field]) {
    if fields.is_empty() {
        // Written by hand (a publication, an entry): their fields are listed in the test itself.
        return;
    }
    let properties: BTreeSet<&str> =
        schema["properties"].as_object().unwrap_or_else(|| panic!("{path}: {schema}")).keys().map(String::as_str).collect();
    assert_eq!(properties, fields.iter().map(|field| field.name).collect(), "{path}");
    for field in fields {
        check_shape(all, &format!("{path}.{}", field.name), &schema["properties"][field.name], &field.shape);
    }
}

#[test]
fn every_field_of_every_type_stands_in_its_schema_and_no_other() {
    let all = &schemas()["components"]["schemas"];
    let structs: [(&str, &[Field]); 39] = [
        ("Connect", Connect::FIELDS),
        ("Subscribe", Subscribe::FIELDS),
        ("Unsubscribe", Unsubscribe::FIELDS),
        ("Call", Call::FIELDS),
        ("Refresh", Refresh::FIELDS),
        ("Pong", Pong::FIELDS),
        ("Ping", Ping::FIELDS),
        ("Welcome", Welcome::FIELDS),
        ("Subscribed", Subscribed::FIELDS),
        ("Unsubscribed", Unsubscribed::FIELDS),
        ("Viewers", Viewers::FIELDS),
        ("Heartbeat", Heartbeat::FIELDS),
        ("Reauth", Reauth::FIELDS),
        ("ClientInfo", ClientInfo::FIELDS),
        ("SubscribeEntry", SubscribeEntry::FIELDS),
        ("Position", Position::FIELDS),
        ("Limits", Limits::FIELDS),
        ("ViewerCount", ViewerCount::FIELDS),
        ("Author", Author::FIELDS),
        ("Refused", Refused::FIELDS),
        ("ErrorBody", ErrorBody::FIELDS),
        ("DeviceStatus", DeviceStatus::FIELDS),
        ("Telemetry", Telemetry::FIELDS),
        ("Series", Series::FIELDS),
        ("Alert", Alert::FIELDS),
        ("Ids", Ids::FIELDS),
        ("UsageSession", UsageSession::FIELDS),
        ("DashboardStats", DashboardStats::FIELDS),
        ("Message", Message::FIELDS),
        ("ConversationMessage", ConversationMessage::FIELDS),
        ("MessageStatus", MessageStatus::FIELDS),
        ("ConversationUpdated", ConversationUpdated::FIELDS),
        ("Typing", Typing::FIELDS),
        ("PresentUser", PresentUser::FIELDS),
        ("Presence", Presence::FIELDS),
        ("Notification", Notification::FIELDS),
        ("ExecutionError", ExecutionError::FIELDS),
        ("ExecutionUpdate", ExecutionUpdate::FIELDS),
        ("ExecutionRetry", ExecutionRetry::FIELDS),
    ];
    for (name, fields) in structs.into_iter().chain([
        ("PollRequest", PollRequest::FIELDS),
        ("PollResponse", PollResponse::FIELDS),
        ("PublishOutcome", PublishOutcome::FIELDS),
    ]) {
        check_fields(all, name, &all[name], fields);
    }
    // Those whose JSON is written by hand: their fields as PROTOCOL.md lists them (`tests/document.rs` reads the same rows).
    for (name, fields) in [
        ("Publish", &["channel", "data", "event", "id", "key"][..]),
        ("PublishItem", &["channel", "data", "event", "key"]),
        ("Publication", &["data", "event", "firstOffset", "from", "offset", "ts"]),
        ("Event", &["channel", "data", "event", "firstOffset", "from", "offset", "ts"]),
        ("Reply", &["id", "result"]),
        ("ErrorMessage", &["channel", "code", "id", "message", "retryAfterMs", "retryable"]),
    ] {
        let properties: BTreeSet<&str> = all[name]["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(properties, fields.iter().copied().collect(), "{name}");
    }
}

#[test]
fn every_built_in_event_has_the_shape_of_its_data_and_no_other_event_has() {
    let all = &schemas()["components"]["schemas"];
    let rules = all["EventData"]["allOf"].as_array().unwrap();
    let listed: BTreeSet<&str> = rules.iter().map(|rule| rule["if"]["properties"]["event"]["const"].as_str().unwrap()).collect();
    assert_eq!(listed, EventKind::ALL.iter().map(|kind| kind.as_str()).collect());
    for kind in EventKind::ALL {
        let rule = rules.iter().find(|rule| rule["if"]["properties"]["event"]["const"] == kind.as_str()).unwrap();
        check_shape(all, kind.as_str(), &rule["then"]["properties"]["data"], &kind.shape());
    }
    for holder in ["Publish", "PublishItem", "Publication", "Event"] {
        assert_eq!(all[holder]["allOf"], json!([{ "$ref": "#/components/schemas/EventData" }]), "{holder}");
    }
}

#[test]
fn every_schema_says_what_it_is_and_its_examples_pass() {
    for (name, schema) in schemas()["components"]["schemas"].as_object().unwrap() {
        assert!(schema["description"].as_str().is_some_and(|text| text.len() > 10), "{name}");
        for (field, property) in schema["properties"].as_object().into_iter().flatten() {
            assert!(property["description"].as_str().is_some_and(|text| !text.is_empty()), "{name}.{field}");
        }
        let validator = validator(&named(name), Draft::Draft202012);
        for example in schema["examples"].as_array().into_iter().flatten() {
            assert!(validator.is_valid(example), "{name}: {example}");
        }
    }
}
