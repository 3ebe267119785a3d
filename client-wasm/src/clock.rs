//! The page's two clocks and its frames.
//!
//! `performance.now()` drives the timers because nobody sets it; `Date.now()` tells times. The core compares them to notice
//! that the machine slept.

use crate::driver::Driver;
use gloo_timers::callback::Timeout;
use pulsewire_client_core::{Millis, Now};
use std::rc::Weak;
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

/// What a timer or a frame runs; nothing where the driver is gone. One kind of closure for all, because each kind costs bytes.
fn calling(driver: &Weak<Driver>, run: fn(&Driver)) -> impl FnOnce() + 'static {
    let to = driver.clone();
    move || {
        if let Some(driver) = to.upgrade() {
            run(&driver);
        }
    }
}

/// Runs this after so many milliseconds; dropped, it is cancelled.
#[inline(never)]
pub(crate) fn after(delay_ms: u32, driver: &Weak<Driver>, run: fn(&Driver)) -> Timeout {
    Timeout::new(delay_ms, calling(driver, run))
}

/// An animation frame that was asked for; dropped, it is cancelled.
pub(crate) struct Frame {
    id: JsValue,
    _run: Closure<dyn FnMut()>,
}

impl Frame {
    /// Asks for a frame; `None` where there are none (Node, workers).
    pub(crate) fn request(driver: &Weak<Driver>, run: fn(&Driver)) -> Option<Self> {
        let run = Closure::once(calling(driver, run));
        let id = request_animation_frame(run.as_ref()).ok()?;
        Some(Self { id, _run: run })
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        cancel_animation_frame(&self.id);
    }
}
