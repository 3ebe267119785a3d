//! Whether an event makes sense and stands on the right channel: what a relay checks before it stores and sends on.
//!
//! The decoders have checked the shape: types, finite numbers, opaque text that is JSON. Here are the rules of section 10:
//! ranges, equal lengths, ids, and that the channel is the event's own. Every refusal names the field's path and its mend.
//!
//! Limits: it reads one event alone. Whether the device exists or the sender may, others know.

use crate::channel::{ChannelName, is_id};
use crate::error::{ErrorBody, ErrorCode};
use crate::event::*;
use crate::payload::{EventKind, Payload};
use crate::scalar::{RawJson, UnixMs};
use std::borrow::Cow;

/// The longest name of a custom event, in characters.
pub const MAX_EVENT_NAME: usize = 128;
/// The longest name, title, unit or other text of one line, in bytes.
pub const MAX_LINE_BYTES: usize = 512;
/// The longest text that people wrote: a message, a notification's body, an error's detail; in bytes.
pub const MAX_TEXT_BYTES: usize = 32 * 1024;
/// The most points of one series in one message.
pub const MAX_POINTS: usize = 100_000;
/// The most metrics of one message.
pub const MAX_METRICS: usize = 256;
/// The most ids of one `alert_read` or the like, and the most people of one `presence`.
pub const MAX_IDS: usize = 1_000;

/// What is wrong with an event: where, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The path of the field, as in JSON: `data.series.ecg.v`, `channel`, `event`.
    pub field: Cow<'static, str>,
    /// What is wrong, and what would be right.
    pub problem: String,
}

impl core::fmt::Display for FieldError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}: {}", self.field, self.problem)
    }
}

impl std::error::Error for FieldError {}

impl From<FieldError> for ErrorBody {
    fn from(error: FieldError) -> Self {
        Self::new(ErrorCode::BadRequest, error.to_string())
    }
}

type Checked = Result<(), FieldError>;

fn wrong(field: impl Into<Cow<'static, str>>, problem: impl Into<String>) -> FieldError {
    FieldError { field: field.into(), problem: problem.into() }
}

/// Where a built-in event belongs: the kinds of channel, and the id that must be the channel's.
struct Place<'a> {
    kinds: &'static [&'static str],
    /// The field that holds the id, and the id. `None`: the channel's id is no field of the event.
    id: Option<(&'static str, &'a str)>,
}

impl Payload {
    /// Checks the event for this channel.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn validate(&self, channel: &ChannelName) -> Result<(), FieldError> {
        self.check_place(channel)?;
        self.check_data()
    }

    /// The channels on which an event goes out that is given without one (`POST /api/v1/alerts`): both of an alert, the patient's
    /// first. Empty for an event that names no channel of its own (a notification: for which user?).
    ///
    /// # Errors
    /// Where the id that names the channel is none.
    pub fn channels(&self) -> Result<Vec<ChannelName>, FieldError> {
        let Some(place) = self.place() else { return Ok(Vec::new()) };
        let mut channels = Vec::new();
        for kind in place.kinds {
            let name = match (*kind, place.id) {
                ("tenant" | "dashboard", _) => Cow::Borrowed(*kind),
                (kind, Some((_, id))) => Cow::Owned(format!("{kind}:{id}")),
                (_, None) => continue,
            };
            let field = place.id.map_or("channel", |(field, _)| field);
            channels.push(ChannelName::parse(&name).map_err(|error| wrong(format!("data.{field}"), error.to_string()))?);
        }
        Ok(channels)
    }

    fn place(&self) -> Option<Place<'_>> {
        let (kinds, id): (&'static [&'static str], _) = match self {
            Self::DeviceStatus(DeviceStatus { device_id, .. }) | Self::Telemetry(Telemetry { device_id, .. }) => {
                (&["device"], Some(("deviceId", device_id)))
            }
            Self::Alert(body) => (&["patient", "tenant"], Some(("patientId", &body.patient_id))),
            Self::UsageSession(body) => (&["patient"], Some(("patientId", &body.patient_id))),
            Self::PatientStatusChange(body) | Self::PriorityUpdate(body) | Self::NewPatient(body) => {
                (&["patient", "tenant"], Some(("patientId", &body.patient_id)))
            }
            Self::MessageNew(body) | Self::MessageUpdated(body) => (&["conversation"], Some(("conversationId", &body.conversation_id))),
            Self::ConversationUpdated(body) => (&["conversation", "tenant"], Some(("conversationId", &body.conversation_id))),
            Self::TypingStart(body) | Self::TypingStop(body) => (&["conversation"], Some(("conversationId", &body.conversation_id))),
            Self::ExecutionUpdate(ExecutionUpdate { execution_id, .. }) | Self::ExecutionRetry(ExecutionRetry { execution_id }) => {
                (&["execution"], Some(("executionId", execution_id)))
            }
            Self::MessageStatus(_) => (&["conversation"], None),
            Self::DashboardStats(_) => (&["dashboard"], None),
            Self::Presence(_) => (&["tenant"], None),
            Self::AlertRead(_) | Self::Notification(_) | Self::NotificationRead(_) | Self::NotificationDismissed(_) => (&["user"], None),
            Self::Custom { .. } => return None,
        };
        Some(Place { kinds, id: id.map(|(field, id): (_, &String)| (field, id.as_str())) })
    }

    fn check_place(&self, channel: &ChannelName) -> Checked {
        let Some(place) = self.place() else { return Ok(()) };
        if !place.kinds.contains(&channel.kind()) {
            let kinds = place.kinds.iter().map(|kind| example(kind)).collect::<Vec<_>>().join(" or ");
            return Err(wrong("channel", format!("{} belongs on {kinds}, not on {channel}", self.event())));
        }
        let Some((field, id)) = place.id else { return Ok(()) };
        check_id(format!("data.{field}"), id)?;
        match channel.id() {
            Some(of_channel) if of_channel != id => Err(wrong(
                format!("data.{field}"),
                format!("{id:?} is not the {of_channel:?} of the channel: send it on the one it is about"),
            )),
            _ => Ok(()),
        }
    }

    fn check_data(&self) -> Checked {
        match self {
            Self::DeviceStatus(body) => {
                check_share("data.battery", body.battery)?;
                check_time("data.lastSeen", body.last_seen)
            }
            Self::Telemetry(body) => check_telemetry(body),
            Self::Alert(body) => check_alert(body),
            Self::AlertRead(body) | Self::NotificationRead(body) | Self::NotificationDismissed(body) => check_ids("data.ids", &body.ids, 1),
            Self::UsageSession(body) => check_usage(body),
            Self::DashboardStats(body) => check_share("data.averageCompliance", Some(body.average_compliance)),
            Self::PatientStatusChange(body) | Self::PriorityUpdate(body) | Self::NewPatient(body) => check_patient_change(body),
            Self::MessageNew(body) | Self::MessageUpdated(body) => check_message(body),
            Self::MessageStatus(body) => {
                check_id("data.messageId", &body.message_id)?;
                check_id("data.user", &body.user)
            }
            Self::ConversationUpdated(body) => check_object("data.updates", &body.updates),
            Self::TypingStart(_) | Self::TypingStop(_) | Self::ExecutionRetry(_) => Ok(()),
            Self::Presence(body) => {
                for user in &body.online {
                    check_id("data.online.userId", &user.user_id)?;
                    check_line("data.online.name", &user.name, 0)?;
                }
                check_count("data.online", body.online.len())?;
                check_ids("data.offline", &body.offline, 0)
            }
            Self::Notification(body) => {
                check_optional_id("data.id", body.id.as_deref())?;
                check_line("data.title", &body.title, 1)?;
                check_text("data.body", &body.body)?;
                check_url("data.link", body.link.as_deref())?;
                check_time("data.ts", body.ts)
            }
            Self::ExecutionUpdate(body) => check_execution(body),
            Self::Custom { event, data } => check_custom(event, data),
        }
    }
}

fn example(kind: &str) -> String {
    if matches!(kind, "tenant" | "dashboard") { kind.to_owned() } else { format!("{kind}:{{id}}") }
}

fn check_telemetry(body: &Telemetry) -> Checked {
    let series = &body.series.0;
    if series.is_empty() {
        return Err(wrong("data.series", "holds no metric: give at least one, as in {\"heart_rate\": {\"t\": [ms], \"v\": [number]}}"));
    }
    if series.len() > MAX_METRICS {
        return Err(wrong("data.series", format!("holds more than {MAX_METRICS} metrics: send several messages")));
    }
    for (place, (metric, points)) in series.iter().enumerate() {
        if !is_id(metric) {
            return Err(wrong("data.series", format!("the metric name {} must match [A-Za-z0-9._~@-]{{1,128}}", shown(metric))));
        }
        if series.iter().take(place).any(|(earlier, _)| earlier == metric) {
            return Err(wrong(format!("data.series.{metric}"), "stands there twice: join its points"));
        }
        let (times, values) = (&points.t.0, &points.v.0);
        if times.len() != values.len() {
            return Err(wrong(
                format!("data.series.{metric}"),
                format!("{} times but {} values: t and v go together", times.len(), values.len()),
            ));
        }
        if times.len() > MAX_POINTS {
            return Err(wrong(format!("data.series.{metric}"), format!("more than {MAX_POINTS} points: send several messages")));
        }
        for (field, column) in [("t", times), ("v", values)] {
            if let Some(index) = column.iter().position(|value| !value.is_finite()) {
                return Err(wrong(format!("data.series.{metric}.{field}[{index}]"), "not a finite number: leave the point out"));
            }
        }
        check_optional_line(format!("data.series.{metric}.unit"), points.unit.as_deref())?;
    }
    Ok(())
}

fn check_alert(body: &Alert) -> Checked {
    check_optional_id("data.id", body.id.as_deref())?;
    check_line("data.patientName", &body.patient_name, 0)?;
    check_optional_id("data.deviceId", body.device_id.as_deref())?;
    check_line("data.type", &body.alert_type, 1)?;
    check_text("data.message", &body.message)?;
    check_time("data.ts", body.ts)?;
    body.metadata.as_ref().map_or(Ok(()), |metadata| check_json("data.metadata", metadata))
}

fn check_usage(body: &UsageSession) -> Checked {
    check_id("data.deviceId", &body.device_id)?;
    check_time("data.startedAt", Some(body.started_at))?;
    check_time("data.endedAt", body.ended_at)?;
    if body.ended_at.is_some_and(|ended| ended < body.started_at) {
        return Err(wrong("data.endedAt", "lies before startedAt"));
    }
    check_share("data.compliance", body.compliance)
}

fn check_message(body: &ConversationMessage) -> Checked {
    let message = &body.message;
    check_optional_id("data.patientId", body.patient_id.as_deref())?;
    check_optional_id("data.message.id", message.id.as_deref())?;
    check_optional_line("data.message.clientId", message.client_id.as_deref())?;
    check_text("data.message.content", &message.content)?;
    check_line("data.message.senderName", &message.sender_name, 0)?;
    check_time("data.message.ts", message.ts)?;
    check_url("data.message.url", message.url.as_deref())
}

fn check_execution(body: &ExecutionUpdate) -> Checked {
    check_optional_line("data.step", body.step.as_deref())?;
    check_share("data.progress", Some(body.progress))?;
    if body.attempt == 0 {
        return Err(wrong("data.attempt", "counts from 1"));
    }
    let Some(error) = &body.error else { return Ok(()) };
    check_line("data.error.code", &error.code, 1)?;
    check_text("data.error.message", &error.message)?;
    check_text("data.error.detail", error.detail.as_deref().unwrap_or_default())
}

fn check_custom(event: &str, data: &RawJson) -> Checked {
    if event.is_empty() || event.chars().count() > MAX_EVENT_NAME {
        return Err(wrong("event", format!("a name has 1 to {MAX_EVENT_NAME} characters")));
    }
    if event.chars().any(char::is_control) {
        return Err(wrong("event", "a name holds no control characters"));
    }
    if event.starts_with('#') {
        return Err(wrong("event", "names that begin with # stand for built-in events of later versions"));
    }
    if EventKind::from_name(event).is_some() {
        return Err(wrong("event", format!("{event} is built in: its data has a shape of its own")));
    }
    check_json("data", data)
}

fn check_patient_change(body: &PatientChange) -> Checked {
    check_object("data", &body.data)?;
    match crate::json::patient_id(&body.data) {
        Err(error) if error.path().is_none() => return Err(wrong("data", error.problem.clone())),
        Err(error) => return Err(wrong(format!("data.{}", error.field), error.problem.clone())),
        Ok(inside) if inside != body.patient_id => {
            return Err(wrong(
                "data.patientId",
                format!("{} beside an object that says {}: give one", shown(&body.patient_id), shown(&inside)),
            ));
        }
        Ok(_) => {}
    }
    Ok(())
}

/// Opaque text that was never read: made by hand.
fn check_json(field: &'static str, json: &RawJson) -> Checked {
    if let Err(error) = json.clone().checked() {
        return Err(wrong(field, format!("not JSON: {error}")));
    }
    if json.as_str().contains(['\n', '\r']) {
        Err(wrong(field, "holds a line break between its tokens: pass it through RawJson::parse"))
    } else {
        Ok(())
    }
}

fn check_object(field: &'static str, json: &RawJson) -> Checked {
    check_json(field, json)?;
    if json.as_str().trim_start().starts_with('{') { Ok(()) } else { Err(wrong(field, "expected an object")) }
}

fn check_share(field: &'static str, share: Option<f64>) -> Checked {
    match share {
        Some(share) if !(0.0..=1.0).contains(&share) => Err(wrong(field, format!("{share} is not between 0 and 1 (45 % is 0.45)"))),
        _ => Ok(()),
    }
}

fn check_time(field: &'static str, time: Option<UnixMs>) -> Checked {
    match time {
        Some(UnixMs(ms)) if !(0.0..=8.64e15).contains(&ms) => Err(wrong(field, format!("{ms} is no time in Unix milliseconds"))),
        _ => Ok(()),
    }
}

fn check_id(field: impl Into<Cow<'static, str>>, id: &str) -> Checked {
    if is_id(id) { Ok(()) } else { Err(wrong(field, format!("the id {} must match [A-Za-z0-9._~@-]{{1,128}}", shown(id)))) }
}

fn check_optional_id(field: &'static str, id: Option<&str>) -> Checked {
    id.map_or(Ok(()), |id| check_id(field, id))
}

fn check_count(field: &'static str, count: usize) -> Checked {
    if count > MAX_IDS { Err(wrong(field, format!("holds more than {MAX_IDS}: send several messages"))) } else { Ok(()) }
}

fn check_ids(field: &'static str, ids: &[String], least: usize) -> Checked {
    if ids.len() < least {
        return Err(wrong(field, "holds no id"));
    }
    check_count(field, ids.len())?;
    ids.iter().enumerate().try_for_each(|(index, id)| check_id(format!("{field}[{index}]"), id))
}

/// A text of one line: no control characters.
fn check_line(field: impl Into<Cow<'static, str>>, text: &str, least: usize) -> Checked {
    if text.len() < least {
        return Err(wrong(field, "must not be empty"));
    }
    if text.len() > MAX_LINE_BYTES {
        return Err(wrong(field, format!("longer than {MAX_LINE_BYTES} bytes")));
    }
    if text.chars().any(char::is_control) { Err(wrong(field, "holds control characters")) } else { Ok(()) }
}

fn check_optional_line(field: impl Into<Cow<'static, str>>, text: Option<&str>) -> Checked {
    text.map_or(Ok(()), |text| check_line(field, text, 0))
}

/// A text that people wrote: line breaks and tabs are theirs.
fn check_text(field: &'static str, text: &str) -> Checked {
    if text.len() > MAX_TEXT_BYTES { Err(wrong(field, format!("longer than {MAX_TEXT_BYTES} bytes"))) } else { Ok(()) }
}

/// An address that a page will make a link of: anything but a scheme that runs code.
fn check_url(field: &'static str, url: Option<&str>) -> Checked {
    let Some(url) = url else { return Ok(()) };
    check_line(field, url, 1)?;
    let scheme = url.split_once(':').map(|(scheme, _)| scheme.trim().to_ascii_lowercase());
    match scheme.as_deref() {
        Some("javascript" | "vbscript" | "data") => Err(wrong(field, "expected a path or an https: address")),
        _ => Ok(()),
    }
}

/// A caller's text in our sentence, cut short.
fn shown(text: &str) -> String {
    let start: String = text.chars().take(40).collect();
    format!("{start:?}")
}
