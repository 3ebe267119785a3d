//! The callbacks that the façade gives, and the errors that it gets.

use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// What the façade wants to be told. Any of them may call back into the client at once.
    pub(crate) type Callbacks;

    /// An input on its way to the core, where a recorder is on.
    #[wasm_bindgen(method, catch)]
    pub(crate) fn record(this: &Callbacks, kind: u32, monotonic: f64, unix: f64, number: u32, value: &JsValue) -> Result<(), JsValue>;
    /// Slices of the state changed: bits of `Slices`.
    #[wasm_bindgen(method, catch)]
    pub(crate) fn changed(this: &Callbacks, slices: u32) -> Result<(), JsValue>;
    /// An event of a channel that is listened to.
    #[wasm_bindgen(method, catch)]
    pub(crate) fn event(this: &Callbacks, event: &JsValue) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    pub(crate) fn resync(this: &Callbacks, channel: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    pub(crate) fn error(this: &Callbacks, code: &str, message: &str, channel: Option<&str>) -> Result<(), JsValue>;
    /// A request ended well: the offset, the round trip, or a JSON text.
    #[wasm_bindgen(method, catch)]
    pub(crate) fn settled(this: &Callbacks, request: u32, value: &JsValue) -> Result<(), JsValue>;
    /// A request failed.
    #[wasm_bindgen(method, catch)]
    pub(crate) fn failed(this: &Callbacks, request: u32, error: &JsValue) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = requestToken)]
    pub(crate) fn request_token(this: &Callbacks, request: u32, reason: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch)]
    pub(crate) fn unauthorized(this: &Callbacks, reason: &str) -> Result<(), JsValue>;
    /// Something to be done, or known, outside of the wasm, by its number (`npm/src/outside.ts`): what is not there is `undefined`.
    #[wasm_bindgen(method, catch)]
    pub(crate) fn outside(this: &Callbacks, kind: u32, number: u32, a: &JsValue, b: &JsValue, c: &JsValue) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = toastShown)]
    pub(crate) fn toast_shown(this: &Callbacks, toast: &JsValue) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = toastClicked)]
    pub(crate) fn toast_clicked(this: &Callbacks, toast: &JsValue) -> Result<(), JsValue>;

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
