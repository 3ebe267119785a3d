//! Events on their way to the page: only those of channels that somebody listens to are made into objects.

use crate::views::{AlertView, put_json, to_js};
use pulsewire_client_core::ChannelEvent;
use pulsewire_protocol::{Alert, Payload};
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
    let object = match payload {
        Payload::Custom { data, .. } => return Ok((JsValue::from_str(data.as_str()), true)),
        Payload::PatientStatusChange(change) | Payload::PriorityUpdate(change) | Payload::NewPatient(change) => {
            return Ok((JsValue::from_str(change.data.as_str()), true));
        }
        Payload::ConversationUpdated(updated) => {
            let object = JsValue::from(js_sys::Object::new());
            js_sys::Reflect::set(&object, &JsValue::from_str("conversationId"), &JsValue::from_str(&updated.conversation_id))?;
            put_json(&object, "updates", Some(&updated.updates))?;
            object
        }
        Payload::Alert(alert) => alert_data(alert)?,
        Payload::DeviceStatus(data) => to_js(data)?,
        Payload::Telemetry(data) => to_js(data)?,
        Payload::AlertRead(data) | Payload::NotificationRead(data) | Payload::NotificationDismissed(data) => to_js(data)?,
        Payload::UsageSession(data) => to_js(data)?,
        Payload::DashboardStats(data) => to_js(data)?,
        Payload::MessageNew(data) | Payload::MessageUpdated(data) => to_js(data)?,
        Payload::MessageStatus(data) => to_js(data)?,
        Payload::TypingStart(data) | Payload::TypingStop(data) => to_js(data)?,
        Payload::Presence(data) => to_js(data)?,
        Payload::Notification(data) => to_js(data)?,
        Payload::ExecutionUpdate(data) => to_js(data)?,
        Payload::ExecutionRetry(data) => to_js(data)?,
    };
    Ok((object, false))
}

fn alert_data(alert: &Alert) -> Result<JsValue, JsValue> {
    let object = to_js(&AlertView {
        id: alert.id.as_deref(),
        patient_id: &alert.patient_id,
        patient_name: &alert.patient_name,
        device_id: alert.device_id.as_deref(),
        alert_type: &alert.alert_type,
        severity: alert.severity.as_str(),
        message: &alert.message,
        ts: alert.ts.unwrap_or_default().0,
        read: None,
    })?;
    put_json(&object, "metadata", alert.metadata.as_ref())?;
    Ok(object)
}
