//! Events on their way to the page: only those of channels that somebody listens to are made into objects.

use crate::views::{put_json, to_js};
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

#[derive(Serialize)]
struct FromView<'a> {
    user: &'a str,
    name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EventView<'a> {
    channel: &'a str,
    event: &'a str,
    ts: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_offset: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<FromView<'a>>,
    replayed: bool,
}

/// The event without its data; its data; and whether the data is a JSON text.
pub(crate) fn to_js_event(event: &ChannelEvent) -> Result<(JsValue, JsValue, bool), JsValue> {
    let publication = &event.publication;
    let head = to_js(&EventView {
        channel: &event.channel,
        event: publication.payload.event(),
        ts: publication.ts.0,
        offset: publication.offset.map(|offset| offset as f64),
        first_offset: publication.first_offset.map(|offset| offset as f64),
        from: publication.from.as_ref().map(|from| FromView { user: &from.user, name: &from.name }),
        replayed: event.replayed,
    })?;
    let (data, json) = data(&publication.payload)?;
    Ok((head, data, json))
}

fn data(payload: &Payload) -> Result<(JsValue, bool), JsValue> {
    let text = match payload {
        Payload::Custom { data, .. } => Some(data),
        Payload::PatientStatusChange(change) | Payload::PriorityUpdate(change) | Payload::NewPatient(change) => Some(&change.data),
        _ => None,
    };
    if let Some(text) = text {
        return Ok((JsValue::from_str(text.as_str()), true));
    }
    let object = to_js(&Data(payload))?;
    // JSON inside a typed event was written as text.
    match payload {
        Payload::Alert(alert) => put_json(&object, "metadata", alert.metadata.as_ref())?,
        Payload::ConversationUpdated(updated) => put_json(&object, "updates", Some(&updated.updates))?,
        _ => {}
    }
    Ok((object, false))
}
