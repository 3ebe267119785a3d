//! Events on their way to the page: only those of channels that somebody listens to are made into objects.

use crate::bridge::error;
use crate::object::{Object, parsed};
use pulsewire_client_core::{ChannelEvent, Record};
use pulsewire_protocol::cbor::{Sink, walk};
use pulsewire_protocol::{EventKind, Payload};
use wasm_bindgen::prelude::*;

/// Which channels' events the façade wants.
#[derive(Default)]
pub(crate) struct Interest {
    everything: bool,
    channels: Vec<String>,
}

impl Interest {
    pub(crate) fn includes(&self, channel: &str) -> bool {
        self.everything || self.channels.iter().any(|wanted| wanted == channel)
    }
    /// Sets the interest in one channel, or in all where none is named.
    pub(crate) fn set(&mut self, channel: Option<String>, wanted: bool) {
        match channel {
            None => self.everything = wanted,
            Some(channel) => {
                self.channels.retain(|known| *known != channel);
                if wanted {
                    self.channels.push(channel);
                }
            }
        }
    }
}

/// The event as an object.
pub(crate) fn to_js(event: &ChannelEvent) -> Result<JsValue, JsValue> {
    let publication = &event.publication;
    let mut object = Object::new()
        .text("channel", &event.channel)
        .text("event", publication.payload.event())
        .value("data", &data(&publication.payload)?)
        .number("ts", publication.ts.0)
        .number_if("offset", publication.offset.map(|offset| offset as f64))
        .number_if("firstOffset", publication.first_offset.map(|offset| offset as f64))
        .flag("replayed", event.replayed);
    if let Some(from) = &publication.from {
        object = object.value("from", &Object::new().text("user", &from.user).text("name", &from.name).done());
    }
    Ok(object.done())
}

/// Built-in events by one walk over their CBOR, the others by the page's own JSON parser.
pub(crate) fn data(payload: &Payload) -> Result<JsValue, JsValue> {
    if let Payload::Custom { data, .. } = payload {
        return js_sys::JSON::parse(data.as_str());
    }
    let mut builder = Builder::default();
    if let Some(kind) = payload.kind() {
        walk(&payload.data_cbor(), &kind.shape(), &mut builder)
            .map_err(|_| error("bad_data", "the data of a built-in event has another form"))?;
    }
    Ok(builder.whole)
}

/// A record as an object; its data as those of that event, where it has any.
pub(crate) fn record(record: &Record, kind: Option<EventKind>) -> JsValue {
    let mut builder = Builder::default();
    if let Some(kind) = kind {
        // The core has walked it before: it has this shape.
        let _ = walk(&record.cbor, &kind.shape(), &mut builder);
    }
    Object::new()
        .text("scope", &record.scope)
        .text("id", &record.id)
        .text("name", &record.name)
        .number("ts", record.ts)
        .number("mark", f64::from(record.mark))
        .value("data", &builder.whole)
        .done()
}

/// Puts the values of a walk together.
#[derive(Default)]
struct Builder {
    /// The objects and lists that are still open, each with the name of the value that comes next.
    open: Vec<(Container, String)>,
    whole: JsValue,
}

enum Container {
    Object(Object),
    List(js_sys::Array),
}

impl Builder {
    #[inline(never)]
    fn put(&mut self, value: JsValue) {
        match self.open.last() {
            Some((Container::Object(object), name)) => object.set(name, &value),
            Some((Container::List(list), _)) => {
                list.push(&value);
            }
            None => self.whole = value,
        }
    }
}

impl Sink for Builder {
    fn number(&mut self, value: f64) {
        self.put(JsValue::from_f64(value));
    }
    fn text(&mut self, value: &str) {
        self.put(JsValue::from_str(value));
    }
    fn flag(&mut self, value: bool) {
        self.put(JsValue::from_bool(value));
    }
    fn json(&mut self, text: &str) {
        self.put(parsed(text));
    }
    fn column(&mut self, values: &[f64]) {
        self.put(js_sys::Float64Array::from(values).into());
    }
    fn object(&mut self) {
        self.open.push((Container::Object(Object::new()), String::new()));
    }
    fn key(&mut self, name: &str) {
        if let Some((_, next)) = self.open.last_mut() {
            *next = name.to_owned();
        }
    }
    fn list(&mut self) {
        self.open.push((Container::List(js_sys::Array::new()), String::new()));
    }
    fn end(&mut self) {
        match self.open.pop() {
            Some((Container::Object(object), _)) => self.put(object.done()),
            Some((Container::List(list), _)) => self.put(list.into()),
            None => {}
        }
    }
}
