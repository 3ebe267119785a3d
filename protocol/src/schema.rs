//! The JSON model as JSON Schemas, which the OpenAPI and the AsyncAPI document both show.
//!
//! Why a file and not derived: a schema says more than the types do (ranges, ids, what an event's data is), and the one file serves
//! both documents. `tests/schemas.rs` keeps it true: every field and word of the types stands in it and no other, every golden
//! vector passes, and what is changed in a vector passes the schema only where the decoder reads it.
//!
//! Limits: it uses only keywords that draft 7 (AsyncAPI) and draft 2020-12 (OpenAPI 3.1) share. What no schema can say stays out:
//! `t` and `v` equally long, lengths in bytes, an event on the channel that is its own. Its references begin with
//! `#/components/schemas/`, where both documents keep them.

/// `{"components": {"schemas": {name: schema}}}`; the names are those of PROTOCOL.md, section 12.
pub const SCHEMAS: &str = include_str!("../schemas.json");

/// The events that the relay tells beside the built-in ones: opaque JSON for the codecs, documented all the same. Nobody but a
/// backend may publish them: a page that hears `alert_updated` takes the alert away.
pub const TOLD_EVENTS: [&str; 5] = ["alert_updated", "execution_new", "execution_log", "conversation_read", "relay_overload"];

/// `{"components": {"schemas": {name: schema}}, "events": [{event, schema, channel, example}]}` of [`TOLD_EVENTS`].
pub const TOLD: &str = include_str!("../told.json");
