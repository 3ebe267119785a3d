//! What a page publishes: JSON text, written by the page itself. The relay reads the fields of built-in events out of it.

use crate::convert::{bad, property};
use pulsewire_protocol::RawJson;
use wasm_bindgen::prelude::*;

/// The JSON text of any value; `null` for what JSON has no word for.
pub(crate) fn json(value: &JsValue) -> Result<String, JsValue> {
    let text = js_sys::JSON::stringify(value).map_err(|thrown| {
        let reason = property(&thrown, "message").as_string();
        bad("data", reason.as_deref().unwrap_or("cannot be written as JSON"))
    })?;
    Ok(text.as_string().unwrap_or_else(|| "null".to_owned()))
}

/// The same, as the protocol carries it.
pub(crate) fn raw_json(value: &JsValue) -> Result<RawJson, JsValue> {
    json(value).map(RawJson::from_text_unchecked)
}
