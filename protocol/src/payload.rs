//! An event and its data, typed where the event is built in, opaque JSON where it is not.

use crate::error::DecodeError;
use crate::event::*;
use crate::scalar::RawJson;
use crate::wire::{In, Major, Out, Wire, skip};

/// Names every built-in event once: its CBOR number, its name, its type.
macro_rules! payloads {
    ($( $(#[$meta:meta])* $code:literal => $variant:ident($ty:ty) = $name:literal ),* $(,)?) => {
        /// An event and its data.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Payload {
            $( $(#[$meta])* $variant($ty), )*
            /// Any other event: passed through unread.
            Custom {
                /// The event's name.
                event: String,
                /// Its data.
                data: RawJson,
            },
        }

        /// The built-in events by themselves.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum EventKind { $( $(#[$meta])* $variant, )* }

        impl EventKind {
            /// Every built-in event, in the order of the numbers.
            pub const ALL: &'static [EventKind] = &[ $( EventKind::$variant ),* ];
            /// The name on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $( EventKind::$variant => $name ),* }
            }
            /// The number in CBOR.
            pub const fn code(self) -> u64 {
                match self { $( EventKind::$variant => $code ),* }
            }
            /// The built-in event of that name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $( $name => Some(EventKind::$variant), )* _ => None }
            }
            fn from_code(code: u64) -> Option<Self> {
                match code { $( $code => Some(EventKind::$variant), )* _ => None }
            }
        }

        impl Payload {
            /// Which built-in event this is, if it is one.
            pub fn kind(&self) -> Option<EventKind> {
                match self { $( Self::$variant(_) => Some(EventKind::$variant), )* Self::Custom { .. } => None }
            }
            fn encode_data(&self, out: &mut Out) {
                match self { $( Self::$variant(data) => data.encode(out), )* Self::Custom { data, .. } => data.encode(out) }
            }
            #[inline(never)]
            fn decode_data(kind: EventKind, input: &mut In<'_>) -> Result<Self, DecodeError> {
                match kind { $( EventKind::$variant => <$ty as Wire>::decode(input).map(Self::$variant), )* }
            }
            #[cfg(feature = "json")]
            pub(crate) fn deserialize_data<'de, D: serde::Deserializer<'de>>(event: &str, deserializer: D) -> Result<Self, D::Error> {
                use serde::Deserialize as _;
                match EventKind::from_name(event) {
                    $( Some(EventKind::$variant) => <$ty>::deserialize(deserializer).map(Self::$variant), )*
                    None => Ok(Self::Custom { event: event.to_owned(), data: RawJson::deserialize(deserializer)? }),
                }
            }
            #[cfg(feature = "serialize")]
            pub(crate) fn serialize_data<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::Serialize as _;
                match self { $( Self::$variant(data) => data.serialize(serializer), )* Self::Custom { data, .. } => data.serialize(serializer) }
            }
        }
    };
}

payloads! {
    /// See [`DeviceStatus`].
    1 => DeviceStatus(DeviceStatus) = "device_status",
    /// See [`Telemetry`].
    2 => Telemetry(Telemetry) = "telemetry",
    /// See [`Alert`].
    3 => Alert(Alert) = "alert",
    /// See [`Ids`].
    4 => AlertRead(Ids) = "alert_read",
    /// See [`UsageSession`].
    5 => UsageSession(UsageSession) = "usage_session",
    /// See [`DashboardStats`].
    6 => DashboardStats(DashboardStats) = "dashboard_stats",
    /// See [`PatientChange`].
    7 => PatientStatusChange(PatientChange) = "patient_status_change",
    /// See [`PatientChange`].
    8 => PriorityUpdate(PatientChange) = "priority_update",
    /// See [`PatientChange`].
    9 => NewPatient(PatientChange) = "new_patient",
    /// See [`ConversationMessage`].
    10 => MessageNew(ConversationMessage) = "message_new",
    /// See [`ConversationMessage`].
    11 => MessageUpdated(ConversationMessage) = "message_updated",
    /// See [`MessageStatus`].
    12 => MessageStatus(MessageStatus) = "message_status",
    /// See [`ConversationUpdated`].
    13 => ConversationUpdated(ConversationUpdated) = "conversation_updated",
    /// See [`Typing`].
    14 => TypingStart(Typing) = "typing_start",
    /// See [`Typing`].
    15 => TypingStop(Typing) = "typing_stop",
    /// See [`Presence`].
    16 => Presence(Presence) = "presence",
    /// See [`Notification`].
    17 => Notification(Notification) = "notification",
    /// See [`Ids`].
    18 => NotificationRead(Ids) = "notification_read",
    /// See [`Ids`].
    19 => NotificationDismissed(Ids) = "notification_dismissed",
    /// See [`ExecutionUpdate`].
    20 => ExecutionUpdate(ExecutionUpdate) = "execution_update",
    /// See [`ExecutionRetry`].
    21 => ExecutionRetry(ExecutionRetry) = "execution_retry",
}

impl EventKind {
    /// Retained: a new subscriber gets the newest one as `state`.
    pub const fn is_retained(self) -> bool {
        matches!(self, Self::DeviceStatus | Self::DashboardStats | Self::ExecutionUpdate)
    }
    /// Kept in the channel's history and numbered.
    pub const fn has_history(self) -> bool {
        !matches!(self, Self::TypingStart | Self::TypingStop | Self::Presence)
    }
    /// A client of an ordinary role may publish it (where a pattern allows the channel).
    pub const fn client_may_publish(self) -> bool {
        matches!(self, Self::TypingStart | Self::TypingStop | Self::MessageNew | Self::MessageStatus | Self::ExecutionRetry)
    }
}

impl Payload {
    /// The event's name on the wire.
    pub fn event(&self) -> &str {
        match self {
            Self::Custom { event, .. } => event,
            _ => self.kind().map_or("", EventKind::as_str),
        }
    }
    /// Whether a new subscriber gets the newest one as `state`.
    pub fn is_retained(&self) -> bool {
        self.kind().is_some_and(EventKind::is_retained)
    }
    /// Whether the publication is numbered and kept.
    pub fn has_history(&self) -> bool {
        self.kind().is_none_or(EventKind::has_history)
    }

    /// Reads the data of a built-in event: its map, or its JSON as text, which a page without a JSON parser sends.
    #[inline(never)]
    fn decode_known(kind: EventKind, input: &mut In<'_>) -> Result<Self, DecodeError> {
        #[cfg(feature = "json")]
        if input.peek_major()? == Major::Text {
            return Self::from_json(kind.as_str(), &String::decode(input)?)
                .map_err(|error| if error.field == "message" { error.at_whole() } else { error });
        }
        Self::decode_data(kind, input)
    }

    /// Whether this stands for a built-in event that could not be read: one that a later version added or changed.
    pub fn is_unread(&self) -> bool {
        matches!(self, Self::Custom { event, .. } if event.starts_with('#'))
    }

    /// What stands for a built-in event that a later version added or changed: named `#number`, its data unread.
    fn of_later_version(code: u64) -> Self {
        let mut event = String::from("#");
        event.push_str(&code.to_string());
        Self::Custom { event, data: RawJson::null() }
    }

    /// Writes `key: event`: a built-in event as its number, any other as its name.
    pub(crate) fn encode_event(&self, out: &mut Out, key: u64) {
        out.uint(key);
        match self.kind() {
            Some(kind) => out.uint(kind.code()),
            None => out.text(self.event()),
        }
    }
    /// Writes `key: data`.
    pub(crate) fn encode_data_at(&self, out: &mut Out, key: u64) {
        out.uint(key);
        self.encode_data(out);
    }
}

/// Collects `event` and `data` from a map in whichever order they stand, then reads the data as the event's type.
#[derive(Default)]
pub(crate) struct PayloadSlots<'b> {
    event: Option<EventRef>,
    data: Option<In<'b>>,
}

enum EventRef {
    Known(EventKind),
    Named(String),
    /// A number that this version does not know.
    Unknown {
        code: u64,
        at: usize,
    },
}

/// Whether an event that cannot be read is refused (what a client sends) or kept as a placeholder (what a client gets: one
/// publication of a later version must not make a whole `welcome` unreadable, nor leave a gap in the channel's numbers).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnknownEvents {
    Refused,
    Kept,
}

impl<'b> PayloadSlots<'b> {
    pub(crate) fn event(&mut self, input: &mut In<'b>) -> Result<(), DecodeError> {
        let at = input.position();
        self.event = Some(if input.peek_major()? == Major::Text {
            let name = String::decode(input).map_err(|e| e.within("event"))?;
            EventKind::from_name(&name).map_or(EventRef::Named(name), EventRef::Known)
        } else {
            let code = u64::decode(input).map_err(|e| e.within("event"))?;
            EventKind::from_code(code).map_or(EventRef::Unknown { code, at }, EventRef::Known)
        });
        Ok(())
    }
    pub(crate) fn data(&mut self, input: &mut In<'b>) -> Result<(), DecodeError> {
        self.data = Some(input.clone());
        skip(input)
    }
    #[inline(never)]
    pub(crate) fn finish(self, at: usize, unknown: UnknownEvents) -> Result<Payload, DecodeError> {
        let event = self.event.ok_or_else(|| DecodeError::missing(at, "event"))?;
        let mut data = self.data.ok_or_else(|| DecodeError::missing(at, "data"))?;
        match event {
            EventRef::Known(kind) => match Payload::decode_known(kind, &mut data) {
                // What a later version made of it; see `UnknownEvents`.
                Err(_) if unknown == UnknownEvents::Kept => Ok(Payload::of_later_version(kind.code())),
                result => result.map_err(|e| e.within("data")),
            },
            EventRef::Named(event) => Ok(Payload::Custom { event, data: RawJson::decode(&mut data).map_err(|e| e.within("data"))? }),
            EventRef::Unknown { code, .. } if unknown == UnknownEvents::Kept => Ok(Payload::of_later_version(code)),
            EventRef::Unknown { at, .. } => Err(DecodeError::fixed(at, "unknown event number").within("event")),
        }
    }
}
