//! Events on their way to the page: only those of channels that somebody listens to are made into objects.

use crate::object::Object;
use pulsewire_client_core::ChannelEvent;
use pulsewire_protocol::Payload;
use pulsewire_protocol::serialize::Data;
use serde::Serialize;
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

/// The event as an object; its data is a JSON text where the second value says so, and the façade parses it.
pub(crate) fn to_js(event: &ChannelEvent) -> Result<(JsValue, bool), JsValue> {
    let publication = &event.publication;
    let (data, json) = data(&publication.payload)?;
    let mut object = Object::new()
        .text("channel", &event.channel)
        .text("event", publication.payload.event())
        .value("data", &data)
        .number("ts", publication.ts.0)
        .number_if("offset", publication.offset.map(|offset| offset as f64))
        .number_if("firstOffset", publication.first_offset.map(|offset| offset as f64))
        .flag("replayed", event.replayed);
    if let Some(from) = &publication.from {
        object = object.value("from", &Object::new().text("user", &from.user).text("name", &from.name).done());
    }
    Ok((object.done(), json))
}

/// JSON inside a typed event (an alert's metadata, a conversation's updates) stays text.
fn data(payload: &Payload) -> Result<(JsValue, bool), JsValue> {
    let text = match payload {
        Payload::Custom { data, .. } => data,
        Payload::PatientStatusChange(change) | Payload::PriorityUpdate(change) | Payload::NewPatient(change) => &change.data,
        _ => {
            let serializer = serde_wasm_bindgen::Serializer::new().serialize_maps_as_objects(true);
            return Ok((Data(payload).serialize(&serializer)?, false));
        }
    };
    Ok((JsValue::from_str(text.as_str()), true))
}
