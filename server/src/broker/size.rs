//! How many bytes a publication is about: what bounds histories and recoveries.
//!
//! Why an estimate: the exact figure would need every publication encoded, also those that nobody subscribes to.

use pulsewire_protocol::{Payload, Publication, RawJson};

/// Channel, event name, times, offset, author: what stands around the data.
const ENVELOPE: usize = 160;

/// About how many bytes the publication is on the wire.
pub fn approximate_bytes(publication: &Publication) -> usize {
    ENVELOPE + data_bytes(&publication.payload)
}

fn data_bytes(payload: &Payload) -> usize {
    match payload {
        Payload::Custom { event, data } => event.len() + data.as_str().len(),
        // A point is 16 bytes as CBOR columns and about as much again as JSON.
        Payload::Telemetry(telemetry) => {
            telemetry.series.0.iter().map(|(metric, series)| metric.len() + 32 + 16 * series.t.0.len().max(series.v.0.len())).sum()
        }
        Payload::Alert(alert) => {
            alert.message.len() + alert.alert_type.len() + alert.patient_name.len() + alert.metadata.as_ref().map_or(0, length) + 128
        }
        Payload::MessageNew(body) | Payload::MessageUpdated(body) => {
            body.message.content.len() + body.message.url.as_ref().map_or(0, String::len) + 192
        }
        Payload::Notification(body) => body.title.len() + body.body.len() + body.link.as_ref().map_or(0, String::len) + 64,
        Payload::PatientStatusChange(body) | Payload::PriorityUpdate(body) | Payload::NewPatient(body) => length(&body.data),
        Payload::ConversationUpdated(body) => length(&body.updates) + 64,
        Payload::AlertRead(ids) | Payload::NotificationRead(ids) | Payload::NotificationDismissed(ids) => {
            ids.ids.iter().map(|id| id.len() + 4).sum()
        }
        Payload::ExecutionUpdate(body) => {
            body.error.as_ref().map_or(0, |e| e.code.len() + e.message.len() + e.detail.as_ref().map_or(0, String::len)) + 128
        }
        _ => 128,
    }
}

fn length(json: &RawJson) -> usize {
    json.as_str().len()
}
