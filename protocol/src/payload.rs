//! An event and its data, typed where the event is built in, opaque JSON where it is not.

use crate::event::*;
use crate::scalar::RawJson;
#[cfg(not(feature = "every-event"))]
use crate::wire::skip;
use crate::wire::{In, Keys, Major, Out, Shape, Wire};
use std::borrow::Cow;

/// Names every built-in event once: its CBOR number, its name, its type. Those under `always` are read by the client itself.
macro_rules! payloads {
    (
        always { $( $(#[$meta:meta])* $code:literal => $variant:ident($ty:ty) = $name:literal ),* $(,)? }
        every { $( $(#[$more_meta:meta])* $more_code:literal => $more:ident($more_ty:ty) = $more_name:literal ),* $(,)? }
    ) => {
        /// An event and its data.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Payload {
            $( $(#[$meta])* #[cfg(feature = "every-event")] $variant($ty), )*
            $( $(#[$more_meta])* #[cfg(feature = "every-event")] $more($more_ty), )*
            /// A built-in event: its data as it came, for [`known`](Payload::known) and for [`walk`](crate::cbor::walk).
            #[cfg(not(feature = "every-event"))]
            Unread {
                /// Which event.
                kind: EventKind,
                /// Its data: one well-formed CBOR item.
                cbor: Vec<u8>,
            },
            /// Any other event: passed through unread.
            Custom {
                /// The event's name.
                event: String,
                /// Its data.
                data: RawJson,
            },
        }

        /// The built-in events that the client itself reads; natively a [`Payload`] is read already.
        #[cfg(not(feature = "every-event"))]
        #[derive(Clone, Debug, PartialEq)]
        pub enum Known {
            $( $(#[$meta])* $variant($ty), )*
            /// Any other, or one whose data cannot be read.
            Other,
        }

        #[cfg(not(feature = "every-event"))]
        impl From<Known> for Payload {
            fn from(known: Known) -> Self {
                let mut out = Out::new();
                match known {
                    $( Known::$variant(data) => {
                        data.encode(&mut out);
                        Self::Unread { kind: EventKind::$variant, cbor: out.into_bytes() }
                    } )*
                    Known::Other => Self::of_later_version(0),
                }
            }
        }

        /// The built-in events by themselves.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum EventKind { $( $(#[$meta])* $variant, )* $( $(#[$more_meta])* $more, )* }

        impl EventKind {
            /// Every built-in event.
            pub const ALL: &'static [EventKind] = &[ $( EventKind::$variant, )* $( EventKind::$more, )* ];
            /// The name on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $( EventKind::$variant => $name, )* $( EventKind::$more => $more_name, )* }
            }
            /// The number in CBOR.
            pub const fn code(self) -> u64 {
                match self { $( EventKind::$variant => $code, )* $( EventKind::$more => $more_code, )* }
            }
            /// The built-in event of that name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
            }
            fn from_code(code: u64) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.code() == code)
            }
            /// The form of its data.
            pub const fn shape(self) -> Shape {
                match self {
                    $( EventKind::$variant => <$ty as Wire>::SHAPE, )*
                    $( EventKind::$more => <$more_ty as Wire>::SHAPE, )*
                }
            }
        }

        impl Payload {
            /// What the client itself reads, read.
            #[cfg(not(feature = "every-event"))]
            pub fn known(&self) -> Cow<'_, Known> {
                let Self::Unread { kind, cbor } = self else { return Cow::Owned(Known::Other) };
                let mut input = In::new(cbor).over_checked();
                let known = match kind {
                    $( EventKind::$variant => Known::$variant(<$ty as Wire>::read(&mut input)), )*
                    _ => Known::Other,
                };
                Cow::Owned(if input.failed() { Known::Other } else { known })
            }
            /// Which built-in event this is, if it is one.
            pub fn kind(&self) -> Option<EventKind> {
                match self {
                    $( #[cfg(feature = "every-event")] Self::$variant(_) => Some(EventKind::$variant), )*
                    $( #[cfg(feature = "every-event")] Self::$more(_) => Some(EventKind::$more), )*
                    #[cfg(not(feature = "every-event"))]
                    Self::Unread { kind, .. } => Some(*kind),
                    Self::Custom { .. } => None,
                }
            }
            fn encode_data(&self, out: &mut Out) {
                match self {
                    $( #[cfg(feature = "every-event")] Self::$variant(data) => data.encode(out), )*
                    $( #[cfg(feature = "every-event")] Self::$more(data) => data.encode(out), )*
                    #[cfg(not(feature = "every-event"))]
                    Self::Unread { cbor, .. } => out.raw(cbor),
                    Self::Custom { data, .. } => data.encode(out),
                }
            }
            fn read_data(kind: EventKind, input: &mut In<'_>) -> Self {
                match kind {
                    $( #[cfg(feature = "every-event")] EventKind::$variant => Self::$variant(<$ty as Wire>::read(input)), )*
                    $( #[cfg(feature = "every-event")] EventKind::$more => Self::$more(<$more_ty as Wire>::read(input)), )*
                    #[cfg(not(feature = "every-event"))]
                    kind => {
                        let start = input.position();
                        skip(input);
                        Self::Unread { kind, cbor: input.since(start).to_vec() }
                    }
                }
            }
            #[cfg(feature = "json")]
            pub(crate) fn deserialize_data<'de, D: serde::Deserializer<'de>>(event: &str, deserializer: D) -> Result<Self, D::Error> {
                use serde::Deserialize as _;
                match EventKind::from_name(event) {
                    $( Some(EventKind::$variant) => <$ty>::deserialize(deserializer).map(Self::$variant), )*
                    $( Some(EventKind::$more) => <$more_ty>::deserialize(deserializer).map(Self::$more), )*
                    None => Ok(Self::Custom { event: event.to_owned(), data: RawJson::deserialize(deserializer)? }),
                }
            }
            #[cfg(feature = "serialize")]
            pub(crate) fn serialize_data<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::Serialize as _;
                match self {
                    $( #[cfg(feature = "every-event")] Self::$variant(data) => data.serialize(serializer), )*
                    $( #[cfg(feature = "every-event")] Self::$more(data) => data.serialize(serializer), )*
                    #[cfg(not(feature = "every-event"))]
                    Self::Unread { .. } => Err(serde::ser::Error::custom("this event was not read: turn on the feature every-event")),
                    Self::Custom { data, .. } => data.serialize(serializer),
                }
            }
        }
    };
}

/// The built-in events that the client itself reads: here all are.
#[cfg(feature = "every-event")]
pub type Known = Payload;

payloads! {
    always {
        /// See [`DeviceStatus`].
        1 => DeviceStatus(DeviceStatus) = "device_status",
        /// See [`Telemetry`].
        2 => Telemetry(Telemetry) = "telemetry",
        /// See [`Alert`].
        3 => Alert(Alert) = "alert",
        /// See [`Ids`].
        4 => AlertRead(Ids) = "alert_read",
        /// See [`DashboardStats`].
        6 => DashboardStats(DashboardStats) = "dashboard_stats",
    }
    every {
        /// See [`UsageSession`].
        5 => UsageSession(UsageSession) = "usage_session",
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
    fn read_known(kind: EventKind, input: &mut In<'_>) -> Self {
        #[cfg(feature = "json")]
        if input.peek_major() == Major::Text {
            let text = input.text();
            if input.failed() {
                return Self::of_later_version(kind.code());
            }
            return Self::from_json(kind.as_str(), &text).unwrap_or_else(|error| {
                input.fail_with(if error.path().is_none() { error.at_whole() } else { error });
                Self::of_later_version(kind.code())
            });
        }
        Self::read_data(kind, input)
    }

    /// Reads event and data, which stand under these keys.
    #[inline(never)]
    pub(crate) fn read_at(input: &mut In<'_>, keys: &Keys, event_key: usize, data_key: usize, unknown: UnknownEvents) -> Self {
        if !input.enter(keys, event_key) {
            input.miss(keys, "event");
        }
        let at = input.position();
        let (mut name, mut code) = (String::new(), 0);
        let named = input.peek_major() == Major::Text;
        let kind = if named {
            name = input.text();
            EventKind::from_name(&name)
        } else {
            code = input.uint();
            EventKind::from_code(code)
        };
        if !named && kind.is_none() && unknown == UnknownEvents::Refused {
            input.fail(at, "unknown event number");
        }
        if input.failed() {
            input.blame(|error| if error.field.is_empty() { error.within("event") } else { error });
        } else if !input.enter(keys, data_key) {
            input.miss(keys, "data");
        }
        if input.failed() {
            return Self::of_later_version(code);
        }
        let payload = match kind {
            Some(kind) => {
                let payload = Self::read_known(kind, input);
                if input.failed() && unknown == UnknownEvents::Kept {
                    input.forgive();
                    Self::of_later_version(kind.code())
                } else {
                    payload
                }
            }
            None if !named => Self::of_later_version(code),
            None => Self::Custom { event: name, data: RawJson::read(input) },
        };
        input.blame(|error| error.within("data"));
        payload
    }

    /// Whether this stands for a built-in event that could not be read: one that a later version added or changed.
    pub fn is_unread(&self) -> bool {
        matches!(self, Self::Custom { event, .. } if event.starts_with('#'))
    }

    /// What stands for a built-in event that a later version added or changed: named `#number`, its data unread.
    fn of_later_version(code: u64) -> Self {
        let mut event = String::from("#");
        push_number(&mut event, code);
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
    /// The data alone as one CBOR item: what [`walk`](crate::cbor::walk) takes, with the event's [`shape`](EventKind::shape).
    pub fn data_cbor(&self) -> Cow<'_, [u8]> {
        #[cfg(not(feature = "every-event"))]
        if let Self::Unread { cbor, .. } = self {
            return Cow::Borrowed(cbor);
        }
        let mut out = Out::new();
        self.encode_data(&mut out);
        Cow::Owned(out.into_bytes())
    }
    /// What the client itself reads, read.
    #[cfg(feature = "every-event")]
    pub fn known(&self) -> Cow<'_, Known> {
        Cow::Borrowed(self)
    }
    /// Writes `key: data`.
    pub(crate) fn encode_data_at(&self, out: &mut Out, key: u64) {
        out.uint(key);
        self.encode_data(out);
    }
}

/// Writes a number in decimal, without the formatting machinery.
fn push_number(text: &mut String, number: u64) {
    if number >= 10 {
        push_number(text, number / 10);
    }
    text.push(char::from(b'0' + (number % 10) as u8));
}

/// Whether an event that cannot be read is refused (what a client sends) or kept as a placeholder (what a client gets: one
/// publication of a later version must not make a whole `welcome` unreadable, nor leave a gap in the channel's numbers).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnknownEvents {
    Refused,
    Kept,
}
