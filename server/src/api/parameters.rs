//! What the parameters of requests accept, beyond their type: ids, words of an enumeration, the shape of an idempotency key.
//!
//! Why here and not above each handler: utoipa's macro knows neither references nor enumerations in a parameter, and the same name
//! means the same in every route. What is not said here is checked by nobody who reads the document: the schema-driven fuzzing
//! (`tests/api-fuzz`) holds what is accepted and what is refused against it.

use serde_json::{Value, json};

/// Bodies that may be left out: nothing in them is needed.
const MAY_SEND_NOTHING: [&str; 5] = ["acknowledgeAlert", "resolveAlert", "updateExecution", "retryExecution", "putDevice"];

/// Puts more exact schemas in the place of the plain types, and says which bodies must be there.
pub(super) fn refine(paths: &mut Value) {
    for (path, item) in paths.as_object_mut().into_iter().flatten() {
        for operation in item.as_object_mut().into_iter().flat_map(|item| item.values_mut()) {
            for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
                let schema = parameter.get("name").and_then(Value::as_str).and_then(|name| schema_of(path, name));
                if let (Some(schema), Some(parameter)) = (schema, parameter.as_object_mut()) {
                    parameter.insert("schema".to_owned(), schema);
                }
            }
            let id = operation.get("operationId").and_then(Value::as_str).unwrap_or_default();
            let needed = !MAY_SEND_NOTHING.contains(&id);
            if let Some(Value::Object(body)) = operation.get_mut("requestBody") {
                body.insert("required".to_owned(), Value::Bool(needed));
            }
        }
    }
}

/// `None`: what the handler says is all.
fn schema_of(path: &str, name: &str) -> Option<Value> {
    let named = |schema: &str| Some(json!({ "$ref": format!("#/components/schemas/{schema}") }));
    match name {
        "id" | "executionId" | "conversationId" | "patientId" | "assignee" => named("Id"),
        "channel" => named("ChannelName"),
        "severity" => named("Severity"),
        "state" => Some(json!({ "type": "string", "enum": ["open", "active", "acknowledged", "resolved"] })),
        "status" if path.ends_with("/devices") => named("DeviceState"),
        "status" if path.ends_with("/executions") => named("ExecutionState"),
        "status" if path.ends_with("/conversations") => named("ConversationStatus"),
        "status" | "priority" => named("Word"),
        // Devices are continued behind one of them; the cursors of other lists are opaque.
        "before" if path.ends_with("/devices") => named("Id"),
        "before" => Some(json!({ "type": "string", "minLength": 1, "maxLength": 256, "pattern": "^[A-Za-z0-9_-]+$" })),
        "from" | "to" | "after" => Some(json!({ "type": "integer", "minimum": 0, "maximum": 9_007_199_254_740_992_u64 })),
        "limit" if path.contains("/history/") => Some(json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX })),
        // With or without the quotes of a structured field.
        "Idempotency-Key" => Some(json!({ "type": "string", "pattern": "^([!#-~]{1,100}|\"[!#-~]{1,100}\")$" })),
        _ => None,
    }
}
