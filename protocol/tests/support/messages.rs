//! The messages of both directions with their schemas: the table that the schemas' test and the AsyncAPI document share.

use serde_json::{Value, json};

/// A message's type, its schema in `schemas.json`, and what it is for.
pub type Row = (&'static str, &'static str, &'static str);

/// Client → relay, in the order of their numbers.
pub const CLIENT: [Row; 8] = [
    ("connect", "Connect", "The first message, once: who connects, and every subscription to restore."),
    ("subscribe", "Subscribe", "Asks for a channel; with `recover` also for what was missed."),
    ("unsubscribe", "Unsubscribe", "Lets go of a channel."),
    ("publish", "Publish", "Publishes an event on a channel."),
    ("call", "Call", "Asks a method, such as `presence.get`."),
    ("refresh", "Refresh", "A new token for the same user and tenant, before the old one ends."),
    ("pong", "Pong", "The answer to `heartbeat`, at once, with its `ts`."),
    ("ping", "Ping", "Asks for the relay's clock."),
];

/// Relay → client, in the order of their numbers.
pub const SERVER: [Row; 9] = [
    ("welcome", "Welcome", "The answer to `connect`."),
    ("subscribed", "Subscribed", "The answer to `subscribe`: where the channel stands, and what was missed."),
    ("unsubscribed", "Unsubscribed", "The answer to `unsubscribe`, or the relay's own doing."),
    ("event", "Event", "A publication of a subscribed channel."),
    ("viewers", "Viewers", "Who looks at a channel has changed."),
    ("heartbeat", "Heartbeat", "Answer it with `pong`."),
    ("reauth", "Reauth", "The token ends soon: send `refresh`."),
    ("reply", "Reply", "What a `publish`, `call`, `refresh` or `ping` came to."),
    ("error", "ErrorMessage", "A command that was refused, or a message that makes no sense."),
];

/// A message as it stands in a frame: its fields beside its type.
pub fn schema(kind: &str, schema: &str) -> Value {
    json!({
        "type": "object",
        "required": ["type"],
        "properties": { "type": { "const": kind } },
        "allOf": [{ "$ref": format!("#/components/schemas/{schema}") }],
    })
}
