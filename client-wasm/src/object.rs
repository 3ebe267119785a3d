//! Plain JavaScript objects, made and read field by field.
//!
//! Why by hand: a field costs some twenty bytes of wasm this way, against a hundred and more by a derived `Serialize`
//! (measured: half of what the whole surface took).

use crate::bridge::error;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// An object of our own making: setting a field of it cannot fail.
    #[derive(Clone)]
    type Plain;
    #[wasm_bindgen(method, structural, indexing_setter)]
    fn put(this: &Plain, name: &str, value: &JsValue);
}

/// An object in the making.
pub(crate) struct Object(Plain);

impl Object {
    pub(crate) fn new() -> Self {
        Self(js_sys::Object::new().unchecked_into())
    }
    #[inline(never)]
    pub(crate) fn set(&self, name: &str, value: &JsValue) {
        self.0.put(name, value);
    }
    #[inline(never)]
    pub(crate) fn value(self, name: &str, value: &JsValue) -> Self {
        self.set(name, value);
        self
    }
    #[inline(never)]
    pub(crate) fn text(self, name: &str, value: &str) -> Self {
        self.value(name, &JsValue::from_str(value))
    }
    #[inline(never)]
    pub(crate) fn number(self, name: &str, value: f64) -> Self {
        self.value(name, &JsValue::from_f64(value))
    }
    pub(crate) fn flag(self, name: &str, value: bool) -> Self {
        self.value(name, &JsValue::from_bool(value))
    }
    /// Left out where absent.
    #[inline(never)]
    pub(crate) fn text_if(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.text(name, value),
            None => self,
        }
    }
    /// Left out where absent.
    #[inline(never)]
    pub(crate) fn number_if(self, name: &str, value: Option<f64>) -> Self {
        match value {
            Some(value) => self.number(name, value),
            None => self,
        }
    }
    pub(crate) fn done(self) -> JsValue {
        self.0.into()
    }
}

/// JSON text as the page's own parser reads it; what it cannot read (a peer's mistake) stays text.
pub(crate) fn parsed(json: &str) -> JsValue {
    js_sys::JSON::parse(json).unwrap_or_else(|_| JsValue::from_str(json))
}

/// A property of an object; `undefined` where it is not there or cannot be read.
#[inline(never)]
pub(crate) fn property(object: &JsValue, name: &str) -> JsValue {
    js_sys::Reflect::get(object, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED)
}

/// Texts that the page must give. What is missing is told once, by [`Wanted::check`], before anything is done with them: a way
/// out behind each would cost bytes.
#[derive(Default)]
pub(crate) struct Wanted {
    missing: Option<&'static str>,
}

impl Wanted {
    /// A text; `name` is what it is called on the page.
    #[inline(never)]
    pub(crate) fn text(&mut self, value: &JsValue, name: &'static str) -> String {
        value.as_string().unwrap_or_else(|| {
            self.missing = Some(name);
            String::new()
        })
    }
    /// Throws where a text was missing.
    #[inline(never)]
    pub(crate) fn check(self) -> Result<(), JsValue> {
        let Some(name) = self.missing else { return Ok(()) };
        let mut message = String::from(name);
        message.push_str(" must be a text");
        Err(error("bad_argument", &message))
    }
}

/// A whole number of at least 0 that the façade has checked; anything else counts as absent.
pub(crate) fn whole(value: &JsValue) -> Option<u32> {
    // The cast saturates.
    value.as_f64().map(|number| number as u32)
}

/// The bytes of a buffer or of a view of one; nothing of anything else.
#[inline(never)]
pub(crate) fn bytes(value: &JsValue) -> Vec<u8> {
    if is_bytes(value) { js_sys::Uint8Array::new(value).to_vec() } else { Vec::new() }
}

/// Whether `new Uint8Array(value)` is its bytes (`new Uint8Array(-1)` throws): a buffer, or what says how many bytes it has.
///
/// A socket's frames are buffers, and asking for a property by its name decodes that name each time.
pub(crate) fn is_bytes(value: &JsValue) -> bool {
    value.is_instance_of::<js_sys::ArrayBuffer>() || property(value, "byteLength").as_f64().is_some()
}
