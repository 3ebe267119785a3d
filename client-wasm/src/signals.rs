//! Page signals: visible or hidden, frozen, restored from the back/forward cache, online or offline (row C15).

use crate::driver::Driver;
use crate::object::property;
use pulsewire_client_core::Wake;
use std::rc::Weak;
use wasm_bindgen::prelude::*;
use web_sys::{Event, EventTarget};

const OF_DOCUMENT: [&str; 3] = ["visibilitychange", "freeze", "resume"];
const OF_WINDOW: [&str; 4] = ["pagehide", "pageshow", "online", "offline"];

/// Every listener on the page; dropped, they are all removed.
pub(crate) struct Signals {
    targets: Vec<(EventTarget, &'static [&'static str])>,
    listener: Closure<dyn Fn(Event)>,
}

#[wasm_bindgen]
extern "C" {
    /// The global object: its `valueOf` gives itself, and costs a tenth of looking for it by its four names.
    #[wasm_bindgen(js_namespace = globalThis, js_name = valueOf)]
    fn global() -> JsValue;
}

fn document() -> JsValue {
    property(&global(), "document")
}

/// Whether the page is hidden; outside of pages nothing is.
pub(crate) fn is_hidden() -> bool {
    property(&document(), "visibilityState").as_string().as_deref() == Some("hidden")
}

/// Whether the machine says that it has no network.
pub(crate) fn is_offline() -> bool {
    property(&property(&global(), "navigator"), "onLine").as_bool() == Some(false)
}

/// Whether the page goes to, or comes from, the back/forward cache.
fn is_kept(event: &Event) -> bool {
    property(event, "persisted").as_bool() == Some(true)
}

fn wake_of(event: &Event) -> Option<Wake> {
    Some(match event.type_().as_str() {
        "visibilitychange" if !is_hidden() => Wake::Visible,
        "visibilitychange" | "pagehide" | "freeze" => Wake::Hidden,
        // The first one comes with every load; only a page that was kept has slept.
        "pageshow" if !is_kept(event) => return None,
        "pageshow" | "resume" => Wake::Resumed,
        "online" => Wake::Online,
        "offline" => Wake::Offline,
        _ => return None,
    })
}

impl Signals {
    pub(crate) fn listen(driver: &Weak<Driver>) -> Self {
        let to = driver.clone();
        let listener = Closure::<dyn Fn(Event)>::new(move |event: Event| {
            let Some(driver) = to.upgrade() else { return };
            if let Some(wake) = wake_of(&event) {
                driver.handle_wake(wake);
            }
            if event.type_() == "pagehide" && is_kept(&event) {
                driver.handle_leaving();
            }
        });
        let mut targets: Vec<(EventTarget, &'static [&'static str])> = Vec::new();
        for (target, types) in [(document(), &OF_DOCUMENT[..]), (global(), &OF_WINDOW[..])] {
            if !property(&target, "addEventListener").is_function() {
                continue;
            }
            let target: EventTarget = target.unchecked_into();
            for kind in types {
                // Refused only for a listener that is no function.
                let _ = target.add_event_listener_with_callback(kind, listener.as_ref().unchecked_ref());
            }
            targets.push((target, types));
        }
        Self { targets, listener }
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for (target, types) in &self.targets {
            for kind in *types {
                let _ = target.remove_event_listener_with_callback(kind, self.listener.as_ref().unchecked_ref());
            }
        }
    }
}
