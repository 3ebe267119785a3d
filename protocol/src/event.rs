//! The built-in events: the shape of each one's `data`. Fields marked "relay" are filled in by the relay where absent.

use crate::scalar::{Column, RawJson, SeriesMap, UnixMs};
use crate::wire::{wire_enum, wire_map, wire_struct};

wire_enum! {
    /// What a device is doing.
    pub enum DeviceState {
        /// Reachable.
        1 => Online = "online",
        /// Not reachable.
        2 => Offline = "offline",
        /// Taken out of service on purpose.
        3 => Maintenance = "maintenance",
    }
}

wire_enum! {
    /// How grave an alert or a notification is. Ordered: critical first.
    pub enum Severity {
        /// Someone may be harmed now.
        1 => Critical = "critical",
        /// Needs attention soon.
        2 => High = "high",
        /// Needs attention.
        3 => Medium = "medium",
        /// For information.
        4 => Low = "low",
    }
}

wire_enum! {
    /// Which end of a usage session an event tells.
    pub enum SessionPhase {
        /// Use began.
        1 => Start = "start",
        /// Use ended.
        2 => End = "end",
    }
}

wire_enum! {
    /// Who wrote a message.
    pub enum Sender {
        /// The patient.
        1 => Patient = "patient",
        /// An automatic agent.
        2 => Agent = "agent",
        /// A nurse.
        3 => Nurse = "nurse",
        /// Any other user.
        4 => User = "user",
    }
}

wire_enum! {
    /// How far a message has come.
    pub enum DeliveryStatus {
        /// Accepted by the relay.
        1 => Sent = "sent",
        /// Arrived at a recipient.
        2 => Delivered = "delivered",
        /// Read by a recipient.
        3 => Read = "read",
    }
}

wire_enum! {
    /// The state of a long job.
    pub enum ExecutionState {
        /// Waiting to start.
        1 => Queued = "queued",
        /// At work.
        2 => Running = "running",
        /// Ended well.
        3 => Succeeded = "succeeded",
        /// Ended badly.
        4 => Failed = "failed",
        /// Starting again.
        5 => Retrying = "retrying",
    }
}

wire_struct! {
    /// `device_status` on `device:{id}`; retained.
    pub struct DeviceStatus {
        /// The device.
        1 => device_id: String,
        /// What it is doing.
        2 => status: DeviceState,
        /// Charge, 0 to 1.
        #[cfg_attr(feature = "serialize", serde(skip_serializing_if = "Option::is_none", default))]
        3 => battery: Option<f64>,
        /// When it was last heard of (relay).
        #[cfg_attr(feature = "serialize", serde(skip_serializing_if = "Option::is_none", default))]
        4 => last_seen: Option<UnixMs>,
    }
}

wire_struct! {
    /// The points of one metric: times and values, equally long.
    pub struct Series {
        /// Times in Unix milliseconds.
        1 => t: Column,
        /// Values, in `unit`.
        2 => v: Column,
        /// The unit, such as `mV` or `bpm`.
        #[cfg_attr(feature = "serialize", serde(skip_serializing_if = "Option::is_none", default))]
        3 => unit: Option<String>,
    }
}

wire_struct! {
    /// `telemetry` on `device:{id}`.
    pub struct Telemetry {
        /// The device.
        1 => device_id: String,
        /// Points by metric.
        2 => series: SeriesMap,
    }
}

wire_struct! {
    /// `alert` on `patient:{id}` and `tenant`: published under one `id` to both; clients count it once.
    pub struct Alert {
        /// The alert's id (relay).
        #[cfg_attr(feature = "serialize", serde(skip_serializing_if = "Option::is_none", default))]
        1 => id: Option<String>,
        /// The patient.
        2 => patient_id: String,
        /// The patient's name.
        3 => patient_name: String,
        /// The device it came from.
        #[cfg_attr(feature = "serialize", serde(skip_serializing_if = "Option::is_none", default))]
        4 => device_id: Option<String>,
        /// What kind of alert, in the caller's own words (`heart_rate_high`).
        #[cfg_attr(feature = "serialize", serde(rename = "type"))]
        5 => alert_type: String,
        /// How grave.
        6 => severity: Severity,
        /// A sentence for people.
        7 => message: String,
        /// When it arose (relay).
        #[cfg_attr(feature = "serialize", serde(skip_serializing_if = "Option::is_none", default))]
        8 => ts: Option<UnixMs>,
        /// Anything else, as JSON.
        #[cfg_attr(feature = "serialize", serde(skip_serializing_if = "Option::is_none", default))]
        9 => metadata: Option<RawJson>,
    }
}

wire_struct! {
    /// `alert_read`, `notification_read`, `notification_dismissed` on `user:{id}`.
    pub struct Ids {
        /// What was read or dismissed.
        #[cfg_attr(feature = "serialize", serde(default))]
        1 => ids: Vec<String>,
    }
}

wire_struct! {
    /// `usage_session` on `patient:{id}`.
    pub struct UsageSession {
        /// The patient.
        1 => patient_id: String,
        /// The device.
        2 => device_id: String,
        /// Start or end.
        3 => phase: SessionPhase,
        /// When use began.
        4 => started_at: UnixMs,
        /// When use ended.
        #[cfg_attr(feature = "serialize", serde(skip_serializing_if = "Option::is_none", default))]
        5 => ended_at: Option<UnixMs>,
        /// How long it lasted.
        #[cfg_attr(feature = "serialize", serde(skip_serializing_if = "Option::is_none", default))]
        6 => duration_ms: Option<u64>,
        /// Share of the day's target, 0 to 1.
        #[cfg_attr(feature = "serialize", serde(skip_serializing_if = "Option::is_none", default))]
        7 => compliance: Option<f64>,
    }
}

wire_struct! {
    /// `dashboard_stats` on `dashboard`; retained.
    pub struct DashboardStats {
        /// Devices known.
        1 => devices: u64,
        /// Of these, online.
        2 => online: u64,
        /// Alerts neither resolved nor expired.
        3 => active_alerts: u64,
        /// Usage sessions under way.
        4 => active_sessions: u64,
        /// Mean compliance, 0 to 1.
        5 => average_compliance: f64,
        /// Distinct users who look at something.
        6 => viewers: u64,
    }
}

/// `patient_status_change`, `priority_update`, `new_patient`: the caller's whole object, with a checked `patientId`.
///
/// In JSON the data *is* that object; in CBOR it travels as text beside the `patientId`, so that a client can route it
/// without a JSON parser.
#[derive(Clone, Debug, PartialEq)]
pub struct PatientChange {
    /// The patient; the same as `patientId` in `data`.
    pub patient_id: String,
    /// The whole object as it was given, `patientId` included, as JSON.
    pub data: RawJson,
}

// In JSON the whole object stands under key 2, and nothing else.
wire_map! { PatientChange as crate::wire::Shape::JsonAt(2) => { 1 => patient_id: String, 2 => data: RawJson } }

wire_struct! {
    /// One message of a conversation.
    pub struct Message {
        /// The message's id (relay).
        #[cfg_attr(feature = "serialize", serde(skip_serializing_if = "Option::is_none", default))]
        1 => id: Option<String>,
        /// The sender's own id, by which an optimistic page finds it again.
        #[cfg_attr(feature = "serialize", serde(skip_serializing_if = "Option::is_none", default))]
        2 => client_id: Option<String>,
        /// The text.
        3 => content: String,
        /// Who wrote it.
        4 => sender: Sender,
        /// The writer's name.
        5 => sender_name: String,
        /// When (relay).
        #[cfg_attr(feature = "serialize", serde(skip_serializing_if = "Option::is_none", default))]
        6 => ts: Option<UnixMs>,
        /// Whether `url` is a recording.
        #[cfg_attr(feature = "serialize", serde(skip_serializing_if = "Option::is_none", default))]
        7 => is_audio: Option<bool>,
        /// Where the recording or attachment is.
        #[cfg_attr(feature = "serialize", serde(skip_serializing_if = "Option::is_none", default))]
        8 => url: Option<String>,
    }
}

wire_struct! {
    /// `message_new`, `message_updated` on `conversation:{id}`.
    pub struct ConversationMessage {
        /// The conversation.
        1 => conversation_id: String,
        /// The patient it is about.
        #[cfg_attr(feature = "serialize", serde(skip_serializing_if = "Option::is_none", default))]
        2 => patient_id: Option<String>,
        /// The message.
        3 => message: Message,
    }
}

wire_struct! {
    /// `message_status` on `conversation:{id}`.
    pub struct MessageStatus {
        /// The message.
        1 => message_id: String,
        /// How far it came.
        2 => status: DeliveryStatus,
        /// For whom.
        3 => user: String,
    }
}

wire_struct! {
    /// `conversation_updated` on `conversation:{id}` and `tenant`.
    pub struct ConversationUpdated {
        /// The conversation.
        1 => conversation_id: String,
        /// What changed, as JSON: `{status: open|assumed|resolved, assignee?, lastMessageTs?, unread?, …}`.
        2 => updates: RawJson,
    }
}

wire_struct! {
    /// `typing_start`, `typing_stop` on `conversation:{id}`; who types stands in `from`.
    pub struct Typing {
        /// The conversation.
        1 => conversation_id: String,
    }
}

wire_struct! {
    /// A user with a name to show.
    pub struct PresentUser {
        /// The user.
        1 => user_id: String,
        /// The name to show.
        2 => name: String,
    }
}

wire_struct! {
    /// `presence` on `tenant`.
    pub struct Presence {
        /// Who came: their first connection.
        #[cfg_attr(feature = "serialize", serde(default))]
        1 => online: Vec<PresentUser>,
        /// Who left: their last connection gone for 10 s.
        #[cfg_attr(feature = "serialize", serde(default))]
        2 => offline: Vec<String>,
    }
}

wire_struct! {
    /// `notification` on `user:{id}`.
    pub struct Notification {
        /// The notification's id (relay).
        #[cfg_attr(feature = "serialize", serde(skip_serializing_if = "Option::is_none", default))]
        1 => id: Option<String>,
        /// The headline.
        2 => title: String,
        /// The text.
        3 => body: String,
        /// How grave.
        4 => severity: Severity,
        /// Where a click leads.
        #[cfg_attr(feature = "serialize", serde(skip_serializing_if = "Option::is_none", default))]
        5 => link: Option<String>,
        /// When (relay).
        #[cfg_attr(feature = "serialize", serde(skip_serializing_if = "Option::is_none", default))]
        6 => ts: Option<UnixMs>,
    }
}

wire_struct! {
    /// Why an execution failed.
    pub struct ExecutionError {
        /// The machine-readable code.
        1 => code: String,
        /// A sentence for people.
        2 => message: String,
        /// More, for whoever mends it.
        #[cfg_attr(feature = "serialize", serde(skip_serializing_if = "Option::is_none", default))]
        3 => detail: Option<String>,
    }
}

wire_struct! {
    /// `execution_update` on `execution:{id}`; retained.
    pub struct ExecutionUpdate {
        /// The execution.
        1 => execution_id: String,
        /// Its state.
        2 => status: ExecutionState,
        /// What it is doing.
        #[cfg_attr(feature = "serialize", serde(skip_serializing_if = "Option::is_none", default))]
        3 => step: Option<String>,
        /// 0 to 1.
        4 => progress: f64,
        /// Why it failed.
        #[cfg_attr(feature = "serialize", serde(skip_serializing_if = "Option::is_none", default))]
        5 => error: Option<ExecutionError>,
        /// The number of this attempt, from 1.
        6 => attempt: u32,
    }
}

wire_struct! {
    /// `execution_retry` on `execution:{id}`: asked for by a user, acted on by the backend that subscribes.
    pub struct ExecutionRetry {
        /// The execution.
        1 => execution_id: String,
    }
}
