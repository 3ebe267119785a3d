//! What must hold for an event before it is stored: that it makes sense, and that it stands on the right channel.
//!
//! The decoders have already checked the shape of built-in events. Here: ranges, equal lengths, ids that agree with the
//! channel, and JSON text that came in CBOR (which no decoder has read yet).

use pulsewire_protocol::channel::is_id;
use pulsewire_protocol::{
    ChannelName, Column, DeviceStatus, ErrorBody, ErrorCode, EventKind, PatientChange, Payload, RawJson, Series, Telemetry, UnixMs,
};

/// Longest name of a custom event, and the longest id in a list.
const MAX_EVENT_NAME: usize = 64;
/// More points than this in one series belong in several messages.
const MAX_POINTS: usize = 100_000;

fn bad(message: impl Into<String>) -> ErrorBody {
    ErrorBody::new(ErrorCode::BadRequest, message)
}

/// Checks the event on its channel; returns it with its JSON text read and made fit for one line.
pub fn validate(channel: &ChannelName, payload: Payload) -> Result<Payload, ErrorBody> {
    check_channel(channel, &payload)?;
    Ok(match payload {
        Payload::DeviceStatus(status) => {
            check_status(&status)?;
            Payload::DeviceStatus(status)
        }
        Payload::Telemetry(telemetry) => {
            check_telemetry(&telemetry)?;
            Payload::Telemetry(telemetry)
        }
        Payload::Alert(mut alert) => {
            check_optional_id("data.id", alert.id.as_deref())?;
            check_optional_id("data.deviceId", alert.device_id.as_deref())?;
            check_time("data.ts", alert.ts)?;
            alert.metadata = alert.metadata.map(|json| checked("data.metadata", json)).transpose()?;
            Payload::Alert(alert)
        }
        Payload::PatientStatusChange(change) => Payload::PatientStatusChange(check_patient_change(change)?),
        Payload::PriorityUpdate(change) => Payload::PriorityUpdate(check_patient_change(change)?),
        Payload::NewPatient(change) => Payload::NewPatient(check_patient_change(change)?),
        Payload::MessageNew(body) => {
            check_optional_id("data.message.id", body.message.id.as_deref())?;
            Payload::MessageNew(body)
        }
        Payload::ConversationUpdated(mut body) => {
            body.updates = checked("data.updates", body.updates)?;
            Payload::ConversationUpdated(body)
        }
        Payload::UsageSession(body) => {
            check_share("data.compliance", body.compliance)?;
            Payload::UsageSession(body)
        }
        Payload::DashboardStats(body) => {
            check_share("data.averageCompliance", Some(body.average_compliance))?;
            Payload::DashboardStats(body)
        }
        Payload::ExecutionUpdate(body) => {
            check_share("data.progress", Some(body.progress))?;
            Payload::ExecutionUpdate(body)
        }
        Payload::Notification(body) => {
            check_optional_id("data.id", body.id.as_deref())?;
            Payload::Notification(body)
        }
        Payload::Custom { event, data } => {
            let named = (1..=MAX_EVENT_NAME).contains(&event.len()) && event.bytes().all(|b| b.is_ascii_graphic());
            if !named {
                return Err(bad(format!("event: a name is 1 to {MAX_EVENT_NAME} visible ASCII characters")));
            }
            Payload::Custom { event, data: checked("data", data)? }
        }
        other => other,
    })
}

/// The channel on which a built-in event belongs: its kind, and the id that must agree with it.
fn check_channel(channel: &ChannelName, payload: &Payload) -> Result<(), ErrorBody> {
    let Some(event) = payload.kind() else { return Ok(()) };
    let (kinds, field, id): (&[&str], &str, Option<&str>) = match payload {
        Payload::DeviceStatus(body) => (&["device"], "deviceId", Some(&body.device_id)),
        Payload::Telemetry(body) => (&["device"], "deviceId", Some(&body.device_id)),
        Payload::Alert(body) => (&["patient", "tenant"], "patientId", Some(&body.patient_id)),
        Payload::UsageSession(body) => (&["patient"], "patientId", Some(&body.patient_id)),
        Payload::PatientStatusChange(body) | Payload::PriorityUpdate(body) | Payload::NewPatient(body) => {
            (&["patient", "tenant"], "patientId", Some(&body.patient_id))
        }
        Payload::MessageNew(body) | Payload::MessageUpdated(body) => (&["conversation"], "conversationId", Some(&body.conversation_id)),
        Payload::ConversationUpdated(body) => (&["conversation", "tenant"], "conversationId", Some(&body.conversation_id)),
        Payload::TypingStart(body) | Payload::TypingStop(body) => (&["conversation"], "conversationId", Some(&body.conversation_id)),
        Payload::ExecutionUpdate(body) => (&["execution"], "executionId", Some(&body.execution_id)),
        Payload::ExecutionRetry(body) => (&["execution"], "executionId", Some(&body.execution_id)),
        Payload::MessageStatus(_) => (&["conversation"], "", None),
        Payload::DashboardStats(_) => (&["dashboard"], "", None),
        Payload::Presence(_) => (&["tenant"], "", None),
        Payload::AlertRead(_) | Payload::Notification(_) | Payload::NotificationRead(_) | Payload::NotificationDismissed(_) => {
            (&["user"], "", None)
        }
        Payload::Custom { .. } => return Ok(()),
    };
    if !kinds.contains(&channel.kind()) {
        return Err(bad(format!(
            "channel: {event} belongs on a channel of kind {}, not on {channel}",
            kinds.join(" or "),
            event = name(event)
        )));
    }
    let Some(id) = id else { return Ok(()) };
    if !is_id(id) {
        return Err(bad(format!("data.{field}: an id must match [A-Za-z0-9._~@-]{{1,128}}")));
    }
    match channel.id() {
        Some(of_channel) if of_channel != id => Err(bad(format!("data.{field}: {id} is not the one of the channel {channel}"))),
        _ => Ok(()),
    }
}

fn name(event: EventKind) -> &'static str {
    event.as_str()
}

fn check_status(status: &DeviceStatus) -> Result<(), ErrorBody> {
    check_share("data.battery", status.battery)?;
    check_time("data.lastSeen", status.last_seen)
}

fn check_share(field: &str, share: Option<f64>) -> Result<(), ErrorBody> {
    match share {
        Some(share) if !(0.0..=1.0).contains(&share) => Err(bad(format!("{field}: {share} is not between 0 and 1"))),
        _ => Ok(()),
    }
}

fn check_time(field: &str, time: Option<UnixMs>) -> Result<(), ErrorBody> {
    match time {
        Some(UnixMs(ms)) if !ms.is_finite() || ms < 0.0 => Err(bad(format!("{field}: not a time in Unix milliseconds"))),
        _ => Ok(()),
    }
}

fn check_optional_id(field: &str, id: Option<&str>) -> Result<(), ErrorBody> {
    match id {
        Some(id) if !is_id(id) => Err(bad(format!("{field}: an id must match [A-Za-z0-9._~@-]{{1,128}}"))),
        _ => Ok(()),
    }
}

fn check_telemetry(telemetry: &Telemetry) -> Result<(), ErrorBody> {
    if telemetry.series.0.is_empty() {
        return Err(bad("data.series: holds no metric"));
    }
    for (place, (metric, series)) in telemetry.series.0.iter().enumerate() {
        if !is_id(metric) {
            return Err(bad(format!("data.series: the metric name at place {place} must match [A-Za-z0-9._~@-]{{1,128}}")));
        }
        if telemetry.series.0.iter().take(place).any(|(earlier, _)| earlier == metric) {
            return Err(bad(format!("data.series: {metric} stands there twice")));
        }
        check_series(metric, series)?;
    }
    Ok(())
}

fn check_series(metric: &str, series: &Series) -> Result<(), ErrorBody> {
    let (times, values) = (series.t.0.len(), series.v.0.len());
    if times != values {
        return Err(bad(format!("data.series.{metric}: {times} times but {values} values")));
    }
    if times > MAX_POINTS {
        return Err(bad(format!("data.series.{metric}: more than {MAX_POINTS} points in one message")));
    }
    for (field, column) in [("t", &series.t), ("v", &series.v)] {
        if let Some(place) = first_unusable(column) {
            return Err(bad(format!("data.series.{metric}.{field}[{place}]: not a finite number")));
        }
    }
    Ok(())
}

fn first_unusable(column: &Column) -> Option<usize> {
    column.0.iter().position(|value| !value.is_finite())
}

fn checked(field: &str, json: RawJson) -> Result<RawJson, ErrorBody> {
    json.checked().map_err(|error| bad(format!("{field}: not JSON: {error}")))
}

#[derive(serde::Deserialize)]
struct WithPatient {
    #[serde(rename = "patientId")]
    patient_id: String,
}

fn check_patient_change(change: PatientChange) -> Result<PatientChange, ErrorBody> {
    let data = checked("data", change.data)?;
    let inside: WithPatient = serde_json::from_str(data.as_str()).map_err(|error| bad(format!("data: {error}")))?;
    if inside.patient_id != change.patient_id {
        return Err(bad("data.patientId: given twice and not the same"));
    }
    Ok(PatientChange { data, ..change })
}
