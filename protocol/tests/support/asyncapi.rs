//! The AsyncAPI 3 document of the WebSocket, made from the table of messages, the schemas, the golden vectors and the close codes.

use crate::messages::{CLIENT, Row, SERVER, schema};
use pulsewire_protocol::schema::{SCHEMAS, TOLD};
use pulsewire_protocol::*;
use serde_json::{Map, Value, json};
use std::path::Path;

/// Where it stands.
pub fn path() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository").join("docs/asyncapi.json")
}

/// What answers a command, beside `error`.
const ANSWERS: [(&str, &str); 7] = [
    ("connect", "welcome"),
    ("subscribe", "subscribed"),
    ("unsubscribe", "unsubscribed"),
    ("publish", "reply"),
    ("call", "reply"),
    ("refresh", "reply"),
    ("ping", "reply"),
];

/// What the relay says of its own accord.
const UNASKED: [&str; 7] = ["event", "viewers", "heartbeat", "reauth", "subscribed", "unsubscribed", "error"];

const ABOUT: &str = "The WebSocket of a Pulsewire relay, from the relay's side: it receives what clients send. PROTOCOL.md is the text of the \
same contract, with everything that no schema can say.\n\nOne frame carries one or more messages: JSON as newline-separated objects in text frames \
(subprotocol `pulsewire.v1.json`), CBOR as a CBOR sequence in binary frames (`pulsewire.v1.cbor`). The payloads here are the JSON model; section 12 of \
PROTOCOL.md gives the CBOR keys of every field. Unknown keys are ignored, and so are message types that a client does not know. The document of the \
HTTP side is `/openapi.json` of each relay.";

const CHANNEL: &str = "One connection. Its first message is `connect`, within 30 s; commands are answered in their order, by `id`. The token stands in the \
`Authorization` header of the upgrade, in the query parameter `token`, or in `connect`; the first one found counts.";

/// The golden examples of a message.
fn examples(direction: &str, kind: &str) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let mut found = Vec::new();
    for file in ["messages.json", "events.json"] {
        let text = std::fs::read_to_string(folder.join(file)).expect("the golden vectors");
        let vectors: Vec<Value> = serde_json::from_str(&text).expect("vectors are JSON");
        for vector in vectors {
            if vector["kind"] == direction && vector["json"]["type"] == kind {
                found.push(json!({ "name": vector["name"], "payload": vector["json"] }));
            }
        }
    }
    found
}

fn message(direction: &str, (kind, of, summary): Row) -> Value {
    let mut message = json!({
        "name": kind,
        "title": kind,
        "summary": summary,
        "payload": schema(kind, of),
        "examples": examples(direction, kind),
    });
    if !["pong", "event", "viewers", "heartbeat", "reauth"].contains(&kind) {
        message["correlationId"] =
            json!({ "description": "A command and its answer have the same id.", "location": "$message.payload#/id" });
    }
    message
}

fn within_channel(kind: &str) -> Value {
    json!({ "$ref": format!("#/channels/socket/messages/{kind}") })
}

fn operations() -> Map<String, Value> {
    let socket = json!({ "$ref": "#/channels/socket" });
    let mut operations = Map::new();
    for (kind, _, summary) in CLIENT {
        let mut operation = json!({ "action": "receive", "channel": socket, "summary": summary, "messages": [within_channel(kind)] });
        if let Some((_, answer)) = ANSWERS.iter().find(|(command, _)| *command == kind) {
            operation["reply"] = json!({ "channel": socket, "messages": [within_channel(answer), within_channel("error")] });
        }
        operations.insert(kind.to_owned(), operation);
    }
    let unasked: Vec<Value> = UNASKED.iter().map(|kind| within_channel(kind)).collect();
    let summary = "What the relay tells of its own accord.";
    operations.insert("tell".to_owned(), json!({ "action": "send", "channel": socket, "summary": summary, "messages": unasked }));
    operations
}

fn close_codes() -> Vec<Value> {
    let codes = [
        (CloseCode::NORMAL, "normal end"),
        (CloseCode::GOING_AWAY, "going away"),
        (CloseCode::TOO_LARGE, "a message over the limit"),
        (CloseCode::PROTOCOL, "a frame that cannot be decoded: what and where"),
        (CloseCode::UNAUTHORIZED, "token_missing, token_malformed, token_expired or token_invalid"),
        (CloseCode::FORBIDDEN, "not allowed: origin refused, banned, disconnected by an administrator"),
        (CloseCode::TIMEOUT, "handshake_timeout, or no_pong"),
        (CloseCode::TOKEN_EXPIRED, "the token ended and was not refreshed"),
        (CloseCode::SLOW_CONSUMER, "slow_consumer: its queue overflowed"),
        (CloseCode::RATE_LIMITED, "rate_limited; retryAfterMs=…"),
        (CloseCode::UNAVAILABLE, "draining; retryAfterMs=…"),
    ];
    let client = |code: CloseCode| match code.action() {
        CloseAction::Reconnect => "reconnects with backoff",
        CloseAction::ReconnectDropping => "reconnects, drops the message and reports it",
        CloseAction::ReconnectAfter => "reconnects after the delay",
        CloseAction::RenewToken => "asks for a token and reconnects at once",
        CloseAction::RenewTokenOnce => "asks for a new token once, else stops",
        CloseAction::StopProtocol => "stops and reports a defect",
        CloseAction::StopForbidden => "stops",
    };
    codes.map(|(code, reason)| json!({ "code": code.0, "reason": reason, "client": client(code) })).to_vec()
}

/// What the relay tells beside the built-in events: their rules and their examples, in the message `event`.
fn add_told(event: &mut Value, told: &Value) {
    for told in told["events"].as_array().expect("events") {
        let (name, example) = (&told["event"], &told["example"]);
        let rule = json!({
            "if": { "properties": { "event": { "const": name } }, "required": ["event"] },
            "then": { "properties": { "data": { "$ref": format!("#/components/schemas/{}", told["schema"].as_str().expect("a name")) } }, "required": ["data"] },
        });
        event["payload"]["allOf"].as_array_mut().expect("allOf").push(rule);
        let payload = json!({ "type": "event", "channel": told["channel"], "event": name, "ts": 1_732_180_000_000_u64, "data": example });
        event["examples"].as_array_mut().expect("examples").push(json!({ "name": name, "payload": payload }));
    }
}

/// The document as it is written.
pub fn text() -> String {
    let mut schemas: Value = serde_json::from_str(SCHEMAS).expect("the schemas are JSON");
    let told: Value = serde_json::from_str(TOLD).expect("the told events are JSON");
    let more = told["components"]["schemas"].as_object().expect("schemas").clone();
    schemas["components"]["schemas"].as_object_mut().expect("schemas").extend(more);
    // `reply` and `error` answer commands too; a name stands once.
    let mut messages: Map<String, Value> = CLIENT
        .iter()
        .map(|row| ("client", *row))
        .chain(SERVER.iter().map(|row| ("server", *row)))
        .map(|(direction, row)| (row.0.to_owned(), message(direction, row)))
        .collect();
    add_told(messages.get_mut("event").expect("event"), &told);
    let of_channel: Map<String, Value> =
        messages.keys().map(|kind| (kind.clone(), json!({ "$ref": format!("#/components/messages/{kind}") }))).collect();
    let security = json!([{ "$ref": "#/components/securitySchemes/bearer" }, { "$ref": "#/components/securitySchemes/query" }]);
    let document = json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Pulsewire relay, WebSocket",
            "version": "1.0.0",
            "description": ABOUT,
            "license": { "name": "MIT OR Apache-2.0" },
        },
        "defaultContentType": "application/json",
        "servers": {
            "relay": {
                "host": "relay.example",
                "protocol": "wss",
                "protocolVersion": "13",
                "description": "A relay behind a proxy that ends TLS.",
                "security": security,
            },
        },
        "channels": {
            "socket": {
                "address": "/ws",
                "title": "The connection",
                "description": CHANNEL,
                "messages": of_channel,
                "bindings": {
                    "ws": {
                        "method": "GET",
                        "query": { "type": "object", "properties": { "token": { "type": "string", "description": "A JWT. Proxies may log it: prefer the header or `connect`." } } },
                        "headers": {
                            "type": "object",
                            "properties": {
                                "Sec-WebSocket-Protocol": { "type": "string", "enum": [SUBPROTOCOL_JSON, SUBPROTOCOL_CBOR], "description": "None means JSON; only unknown ones are refused with 400." },
                                "Authorization": { "type": "string", "description": "Bearer and a JWT." },
                            },
                        },
                    },
                },
                "x-close-codes": close_codes(),
            },
        },
        "operations": operations(),
        "components": {
            "messages": messages,
            "schemas": schemas["components"]["schemas"],
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "In the upgrade; or the token of `connect`." },
                "query": { "type": "httpApiKey", "in": "query", "name": "token", "description": "The same JWT as a query parameter." },
            },
        },
    });
    let mut text = serde_json::to_string_pretty(&document).expect("a document of text and numbers");
    text.push('\n');
    text
}
