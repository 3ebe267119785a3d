//! Reads what JavaScript passes in: every value is checked, and a wrong one is named in the error that is thrown.

use crate::bridge::error;
use wasm_bindgen::prelude::*;

/// `{name} {expected}`, as an error to throw.
#[cold]
pub(crate) fn bad(name: &str, expected: &str) -> JsValue {
    let mut message = String::from(name);
    message.push(' ');
    message.push_str(expected);
    error("bad_argument", &message)
}

/// A property of an object; `undefined` where it is not there or cannot be read.
pub(crate) fn property(object: &JsValue, name: &str) -> JsValue {
    js_sys::Reflect::get(object, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED)
}

fn is_absent(value: &JsValue) -> bool {
    value.is_undefined() || value.is_null()
}

pub(crate) fn text(value: &JsValue, name: &str) -> Result<String, JsValue> {
    value.as_string().ok_or_else(|| bad(name, "must be a text"))
}

pub(crate) fn optional_text(value: &JsValue, name: &str) -> Result<Option<String>, JsValue> {
    if is_absent(value) { Ok(None) } else { text(value, name).map(Some) }
}

/// A finite number that is not negative; fractions are cut off.
pub(crate) fn number(value: &JsValue, name: &str) -> Result<f64, JsValue> {
    value.as_f64().filter(|n| n.is_finite() && *n >= 0.0).ok_or_else(|| bad(name, "must be a number of at least 0"))
}

pub(crate) fn optional_number(value: &JsValue, name: &str) -> Result<Option<f64>, JsValue> {
    if is_absent(value) { Ok(None) } else { number(value, name).map(Some) }
}

pub(crate) fn optional_u32(value: &JsValue, name: &str) -> Result<Option<u32>, JsValue> {
    // The cast saturates.
    Ok(optional_number(value, name)?.map(|n| n as u32))
}

pub(crate) fn texts(value: &JsValue, name: &str) -> Result<Vec<String>, JsValue> {
    if !js_sys::Array::is_array(value) {
        return Err(bad(name, "must be a list of texts"));
    }
    js_sys::Array::from(value).iter().map(|item| text(&item, name)).collect()
}
