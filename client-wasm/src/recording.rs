//! Tells the façade of every input that the core gets, for its flight recorder (row C16).
//!
//! Why the ring is not in here: kept in JavaScript it costs the download 0.3 kB, and memory that was once full is given back.
//! No token passes through: the façade, which gave it, notes what it looks like.

use crate::bridge::{Callbacks, report};
use pulsewire_client_core::{Input, Now};
use wasm_bindgen::prelude::*;

/// What the façade is told of an input; the numbers stand in docs/recording.md.
pub(crate) fn note(to: &Callbacks, now: Now, input: &Input<'_>, kept: JsValue) {
    let mut value = kept;
    let (kind, number) = match input {
        Input::Tick => (0, 0),
        Input::Opened { conn } => (1, conn.0),
        Input::Frame { conn, bytes } => {
            if value.is_undefined() {
                value = js_sys::Uint8Array::from(*bytes).into();
            }
            (2, conn.0)
        }
        Input::Closed { conn, code, reason } => {
            value = js_sys::Array::of2(&JsValue::from(*code), &JsValue::from_str(reason)).into();
            (3, conn.0)
        }
        Input::Wake(wake) => (5, *wake as u32),
        // The façade gave these itself, in the call that is under way.
        Input::Token { request, .. } => (4, *request),
        Input::Command(_) => (6, 0),
        Input::Fetched { fetch, .. } => (7, *fetch),
        Input::Restored { .. } => (8, 0),
    };
    report(to.record(kind, now.monotonic.0 as f64, now.unix.0 as f64, number, &value));
}
