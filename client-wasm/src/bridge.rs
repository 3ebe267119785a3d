//! The callbacks that the façade gives, and the errors that it gets.

use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// What the façade wants to be told. It may call back into the client at once.
    pub(crate) type Callbacks;

    /// An input on its way to the core, where a recorder is on.
    #[wasm_bindgen(method, catch)]
    pub(crate) fn record(this: &Callbacks, kind: u32, monotonic: f64, unix: f64, number: u32, value: &JsValue) -> Result<(), JsValue>;
    /// Told by number (`Tell`, `npm/src/client.ts`), because each imported function costs its share of every page's download.
    #[wasm_bindgen(method, catch)]
    fn tell(this: &Callbacks, kind: u32, number: u32, a: &JsValue, b: &JsValue, c: &JsValue) -> Result<(), JsValue>;

    #[wasm_bindgen(extends = js_sys::Error)]
    type CodedError;
    #[wasm_bindgen(method, setter)]
    fn set_code(this: &CodedError, code: &str);
}

/// An `Error` with a `code`, to be thrown.
#[cold]
pub(crate) fn error(code: &str, message: &str) -> JsValue {
    let error = js_sys::Error::new(message).unchecked_into::<CodedError>();
    error.set_code(code);
    error.into()
}

/// The façade's callbacks guard the page's own functions; one that throws all the same must not pass in silence.
pub(crate) fn report(result: Result<(), JsValue>) {
    if let Err(thrown) = result {
        web_sys::console::error_1(&thrown);
    }
}

/// What the façade is told. The numbers below `Changed` are for what is done outside of the wasm (`npm/src/outside.ts`): fetch,
/// abort, open the store, save, forget, erase, a delivery.
#[derive(Clone, Copy)]
pub(crate) enum Tell {
    /// Slices of the state changed: their bits.
    Changed = 7,
    /// An event of a channel that is listened to.
    Event,
    /// A channel has to be reloaded.
    Resync,
    /// Code, message, perhaps a channel.
    Error,
    /// A request ended well: the offset, the round trip, or a JSON text.
    Settled,
    /// A request failed.
    Failed,
    /// A token is wanted, and why.
    Token,
    /// Nobody is signed in: why.
    Unauthorized,
    ToastShown,
    ToastClicked,
}

impl Callbacks {
    /// Tells something by its number.
    #[inline(never)]
    pub(crate) fn outside(&self, kind: u32, number: u32, a: &JsValue, b: &JsValue, c: &JsValue) {
        report(self.tell(kind, number, a, b, c));
    }
    /// Tells one thing.
    #[inline(never)]
    pub(crate) fn say(&self, kind: Tell, number: u32, a: &JsValue) {
        self.outside(kind as u32, number, a, &JsValue::UNDEFINED, &JsValue::UNDEFINED);
    }
    /// Tells a text.
    #[inline(never)]
    pub(crate) fn say_text(&self, kind: Tell, number: u32, text: &str) {
        self.say(kind, number, &JsValue::from_str(text));
    }
    /// Tells what went wrong.
    #[inline(never)]
    pub(crate) fn error(&self, code: &str, message: &str, channel: Option<&str>) {
        let channel = channel.map_or(JsValue::UNDEFINED, JsValue::from_str);
        self.outside(Tell::Error as u32, 0, &JsValue::from_str(code), &JsValue::from_str(message), &channel);
    }
}
