//! The page's two clocks and its frames.
//!
//! `performance.now()` drives the timers because nobody sets it; `Date.now()` tells times. The core compares them to notice
//! that the machine slept.

use pulsewire_client_core::{Millis, Now};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn performance_now() -> f64;
    #[wasm_bindgen(js_namespace = Date, js_name = now)]
    fn date_now() -> f64;
    #[wasm_bindgen(catch, js_name = requestAnimationFrame)]
    fn request_animation_frame(run: &JsValue) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(js_name = cancelAnimationFrame)]
    fn cancel_animation_frame(id: &JsValue);
}

/// Both clocks.
pub(crate) fn now() -> Now {
    // A float-to-integer cast saturates, so a strange clock cannot do harm.
    Now { monotonic: Millis(performance_now() as u64), unix: Millis(date_now() as u64) }
}

/// An animation frame that was asked for; dropped, it is cancelled.
pub(crate) struct Frame {
    id: JsValue,
    _run: Closure<dyn FnMut()>,
}

impl Frame {
    /// Asks for a frame; `None` where there are none (Node, workers).
    pub(crate) fn request(run: impl FnOnce() + 'static) -> Option<Self> {
        let run = Closure::once(run);
        let id = request_animation_frame(run.as_ref()).ok()?;
        Some(Self { id, _run: run })
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        cancel_animation_frame(&self.id);
    }
}
