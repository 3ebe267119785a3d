//! Proptest strategies for every message and body: what a peer may legitimately send.
//!
//! For tests only (feature `testing`), here and in the crates built on this one. Texts are arbitrary Unicode, numbers finite,
//! opaque JSON one value on one line; ids are positive. What is not told apart on the wire is not made: an optional opaque
//! value that is `null`, a `call` result that looks like the result of `publish`, a custom event with a built-in name.

use crate::event::*;
use crate::http::{PollRequest, PollResponse, PublishItem, PublishOutcome};
use crate::message::*;
use crate::payload::{EventKind, Payload};
use crate::scalar::{Column, RawJson, SeriesMap, UnixMs};
use crate::wire::MAX_SAFE_INTEGER;
use crate::{ErrorBody, ErrorCode};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

/// One of many, each on the heap: proptest's own union holds all of them side by side, which overflows a test's stack here.
macro_rules! boxed_one_of {
    ($($strategy:expr),* $(,)?) => { proptest::strategy::Union::new([$( $strategy.boxed() ),*]) };
}

/// A short text of any characters.
pub fn text() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[ -~]{0,12}", 1 => any::<String>().prop_map(|text| text.chars().take(12).collect())]
}

/// A valid id.
pub fn id() -> impl Strategy<Value = String> {
    "[A-Za-z0-9._~@-]{1,16}"
}

/// A finite number, often a whole one.
pub fn number() -> impl Strategy<Value = f64> {
    let finite = any::<f64>().prop_filter("finite", |value| value.is_finite());
    prop_oneof![2 => (-1000i32..1000).prop_map(f64::from), 2 => -300.0..300.0f64, 1 => finite]
}

/// A time.
pub fn time() -> impl Strategy<Value = UnixMs> {
    prop_oneof![4 => (0u64..4_000_000_000_000).prop_map(UnixMs::from_millis), 1 => number().prop_map(UnixMs)]
}

/// A count or an offset.
pub fn count() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0u64..1000, 1 => 0..=MAX_SAFE_INTEGER]
}

/// A command's id.
pub fn command_id() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 1u64..1000, 1 => 1..=MAX_SAFE_INTEGER]
}

fn json_value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        number().prop_map(Into::into),
        text().prop_map(Into::into),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Into::into),
            vec((text(), inner), 0..4).prop_map(|entries| serde_json::Value::Object(entries.into_iter().collect())),
        ]
    })
}

fn raw(value: &serde_json::Value) -> RawJson {
    RawJson::from_text_unchecked(value.to_string())
}

/// Opaque JSON.
pub fn raw_json() -> impl Strategy<Value = RawJson> {
    json_value().prop_map(|value| raw(&value))
}

/// Opaque JSON that is not `null`.
pub fn raw_json_some() -> impl Strategy<Value = RawJson> {
    json_value().prop_filter("null stands for absence", |value| !value.is_null()).prop_map(|value| raw(&value))
}

/// A column of numbers.
pub fn column() -> impl Strategy<Value = Column> {
    vec(number(), 0..8).prop_map(Column)
}

prop_compose! {
    fn series()(t in column(), v in column(), unit in of(text())) -> Series {
        Series { t, v, unit }
    }
}

prop_compose! {
    fn message()(
        ids in (of(id()), of(text())), content in text(), sender in select(Sender::ALL), sender_name in text(),
        ts in of(time()), is_audio in of(any::<bool>()), url in of(text())
    ) -> Message {
        Message { id: ids.0, client_id: ids.1, content, sender, sender_name, ts, is_audio, url }
    }
}

prop_compose! {
    fn alert()(
        ids in (of(id()), id(), of(id())), patient_name in text(), alert_type in text(), severity in select(Severity::ALL),
        message in text(), ts in of(time()), metadata in of(raw_json_some())
    ) -> Alert {
        Alert { id: ids.0, patient_id: ids.1, patient_name, device_id: ids.2, alert_type, severity, message, ts, metadata }
    }
}

fn patient_change() -> impl Strategy<Value = PatientChange> {
    (id(), vec((text(), json_value()), 0..3)).prop_map(|(patient_id, rest)| {
        let mut whole: serde_json::Map<String, serde_json::Value> = rest.into_iter().collect();
        whole.insert("patientId".to_owned(), patient_id.clone().into());
        PatientChange { patient_id, data: raw(&whole.into()) }
    })
}

fn ids() -> impl Strategy<Value = Ids> {
    vec(id(), 0..4).prop_map(|ids| Ids { ids })
}

/// An event with its data.
pub fn payload() -> impl Strategy<Value = Payload> {
    let conversation = || {
        (id(), of(id()), message()).prop_map(|(conversation_id, patient_id, message)| ConversationMessage {
            conversation_id,
            patient_id,
            message,
        })
    };
    let execution = (id(), select(ExecutionState::ALL), of(text()), number(), of((text(), text(), of(text()))), any::<u32>()).prop_map(
        |(execution_id, status, step, progress, error, attempt)| {
            let error = error.map(|(code, message, detail)| ExecutionError { code, message, detail });
            ExecutionUpdate { execution_id, status, step, progress, error, attempt }
        },
    );
    let usage = (id(), id(), select(SessionPhase::ALL), time(), of(time()), of(count()), of(number())).prop_map(
        |(patient_id, device_id, phase, started_at, ended_at, duration_ms, compliance)| UsageSession {
            patient_id,
            device_id,
            phase,
            started_at,
            ended_at,
            duration_ms,
            compliance,
        },
    );
    let stats = ((count(), count(), count(), count()), number(), count()).prop_map(
        |((devices, online, active_alerts, active_sessions), average_compliance, viewers)| DashboardStats {
            devices,
            online,
            active_alerts,
            active_sessions,
            average_compliance,
            viewers,
        },
    );
    let notification = (of(id()), text(), text(), select(Severity::ALL), of(text()), of(time()))
        .prop_map(|(id, title, body, severity, link, ts)| Notification { id, title, body, severity, link, ts });
    let presence = (vec((id(), text()), 0..3), vec(id(), 0..3)).prop_map(|(online, offline)| Presence {
        online: online.into_iter().map(|(user_id, name)| PresentUser { user_id, name }).collect(),
        offline,
    });
    let status = (id(), select(DeviceState::ALL), of(number()), of(time()))
        .prop_map(|(device_id, status, battery, last_seen)| DeviceStatus { device_id, status, battery, last_seen });
    let telemetry =
        (id(), vec((text(), series()), 0..3)).prop_map(|(device_id, series)| Telemetry { device_id, series: SeriesMap(series) });
    let told = (id(), select(DeliveryStatus::ALL), id()).prop_map(|(message_id, status, user)| MessageStatus { message_id, status, user });
    let updated = (id(), raw_json()).prop_map(|(conversation_id, updates)| ConversationUpdated { conversation_id, updates });
    let typing = || id().prop_map(|conversation_id| Typing { conversation_id });
    let custom = (text(), raw_json())
        .prop_filter("a built-in event is no custom one", |(event, _)| EventKind::from_name(event).is_none())
        .prop_map(|(event, data)| Payload::Custom { event, data });
    let some = boxed_one_of![
        status.prop_map(Payload::DeviceStatus),
        telemetry.prop_map(Payload::Telemetry),
        alert().prop_map(Payload::Alert),
        ids().prop_map(Payload::AlertRead),
        usage.prop_map(Payload::UsageSession),
        stats.prop_map(Payload::DashboardStats),
        patient_change().prop_map(Payload::PatientStatusChange),
        patient_change().prop_map(Payload::PriorityUpdate),
        patient_change().prop_map(Payload::NewPatient),
        custom,
    ];
    let others = boxed_one_of![
        conversation().prop_map(Payload::MessageNew),
        conversation().prop_map(Payload::MessageUpdated),
        told.prop_map(Payload::MessageStatus),
        updated.prop_map(Payload::ConversationUpdated),
        typing().prop_map(Payload::TypingStart),
        typing().prop_map(Payload::TypingStop),
        presence.prop_map(Payload::Presence),
        notification.prop_map(Payload::Notification),
        ids().prop_map(Payload::NotificationRead),
        ids().prop_map(Payload::NotificationDismissed),
        execution.prop_map(Payload::ExecutionUpdate),
        id().prop_map(|execution_id| Payload::ExecutionRetry(ExecutionRetry { execution_id })),
    ];
    prop_oneof![some, others]
}

fn position() -> impl Strategy<Value = Position> {
    (text(), count()).prop_map(|(epoch, offset)| Position { epoch, offset })
}

fn subscribe_entry() -> impl Strategy<Value = SubscribeEntry> {
    (text(), of(position()), of(any::<u32>()), of(any::<u32>())).prop_map(|(channel, recover, history, max_hz)| SubscribeEntry {
        channel,
        recover,
        history,
        max_hz,
    })
}

/// Any message of a client.
pub fn client_message() -> impl Strategy<Value = ClientMessage> {
    let connect = (command_id(), of(text()), (text(), text(), text()), vec(subscribe_entry(), 0..4)).prop_map(
        |(id, token, (name, version, session), subscribe)| Connect { id, token, client: ClientInfo { name, version, session }, subscribe },
    );
    let subscribe = (command_id(), subscribe_entry()).prop_map(|(id, SubscribeEntry { channel, recover, history, max_hz })| Subscribe {
        id,
        channel,
        recover,
        history,
        max_hz,
    });
    boxed_one_of![
        connect.prop_map(ClientMessage::Connect),
        subscribe.prop_map(ClientMessage::Subscribe),
        (command_id(), text()).prop_map(|(id, channel)| ClientMessage::Unsubscribe(Unsubscribe { id, channel })),
        (command_id(), text(), payload(), of(text())).prop_map(|(id, channel, payload, key)| ClientMessage::Publish(Publish {
            id,
            channel,
            payload,
            key
        })),
        (command_id(), text(), of(raw_json_some())).prop_map(|(id, method, params)| ClientMessage::Call(Call { id, method, params })),
        (command_id(), text()).prop_map(|(id, token)| ClientMessage::Refresh(Refresh { id, token })),
        time().prop_map(|ts| ClientMessage::Pong(Pong { ts })),
        command_id().prop_map(|id| ClientMessage::Ping(Ping { id })),
    ]
}

/// An error.
pub fn error_body() -> impl Strategy<Value = ErrorBody> {
    (select(ErrorCode::ALL), text(), any::<bool>(), of(count())).prop_map(|(code, message, retryable, retry_after_ms)| ErrorBody {
        code,
        message,
        retryable,
        retry_after_ms,
    })
}

/// A publication.
pub fn publication() -> impl Strategy<Value = Publication> {
    (of(count()), of(count()), payload(), time(), of((text(), text()))).prop_map(|(offset, first_offset, payload, ts, from)| Publication {
        offset,
        first_offset,
        payload,
        ts,
        from: from.map(|(user, name)| Author { user, name }),
    })
}

fn subscribed() -> impl Strategy<Value = Subscribed> {
    let place = (of(command_id()), text(), text(), count(), any::<bool>());
    (place, vec(publication(), 0..3), vec(publication(), 0..2), of((any::<u32>(), vec(text(), 0..3)))).prop_map(
        |((id, channel, epoch, offset, recovered), publications, state, viewers)| Subscribed {
            id,
            channel,
            epoch,
            offset,
            recovered,
            publications,
            state,
            viewers: viewers.map(|(count, names)| ViewerCount { count, names }),
        },
    )
}

fn subscribed_entry() -> impl Strategy<Value = SubscribedEntry> {
    boxed_one_of![
        subscribed().prop_map(SubscribedEntry::Subscribed),
        (text(), error_body()).prop_map(|(channel, error)| SubscribedEntry::Refused(Refused { channel, error })),
    ]
}

fn reply_result() -> impl Strategy<Value = ReplyResult> {
    let fixed = ["offset", "serverTime", "expiresAt"];
    let call = json_value()
        .prop_filter("a result of fixed shape", move |value| {
            value.as_object().is_none_or(|object| object.len() != 1 || !fixed.iter().any(|key| object.contains_key(*key)))
        })
        .prop_map(|value| ReplyResult::Json(raw(&value)));
    prop_oneof![
        count().prop_map(|offset| ReplyResult::Published { offset }),
        time().prop_map(|server_time| ReplyResult::Time { server_time }),
        time().prop_map(|expires_at| ReplyResult::Refreshed { expires_at }),
        call,
    ]
}

fn welcome() -> impl Strategy<Value = Welcome> {
    let names = (text(), text(), text(), text());
    let limits = (any::<u32>(), any::<u32>(), any::<u32>(), any::<u32>());
    (command_id(), names, (time(), time()), (count(), count()), limits, vec(subscribed_entry(), 0..3)).prop_map(
        |(id, (connection, node, user, tenant), (server_time, expires_at), (heartbeat_ms, timeout_ms), limits, subscribed)| Welcome {
            id,
            connection,
            node,
            user,
            tenant,
            server_time,
            heartbeat_ms,
            timeout_ms,
            expires_at,
            limits: Limits {
                max_message_bytes: limits.0,
                max_subscriptions: limits.1,
                messages_per_second: limits.2,
                recovery_bytes: limits.3,
            },
            subscribed,
        },
    )
}

/// Any message of a relay.
pub fn server_message() -> impl Strategy<Value = ServerMessage> {
    boxed_one_of![
        welcome().prop_map(ServerMessage::Welcome),
        subscribed().prop_map(ServerMessage::Subscribed),
        (of(command_id()), text(), of(select(ErrorCode::ALL))).prop_map(|(id, channel, code)| ServerMessage::Unsubscribed(Unsubscribed {
            id,
            channel,
            code
        })),
        (text(), publication()).prop_map(|(channel, publication)| ServerMessage::Event(Event { channel, publication })),
        (text(), any::<u32>(), vec(text(), 0..4)).prop_map(|(channel, count, names)| ServerMessage::Viewers(Viewers {
            channel,
            count,
            names
        })),
        time().prop_map(|ts| ServerMessage::Heartbeat(Heartbeat { ts })),
        time().prop_map(|expires_at| ServerMessage::Reauth(Reauth { expires_at })),
        (command_id(), reply_result()).prop_map(|(id, result)| ServerMessage::Reply(Reply { id, result })),
        (of(command_id()), of(text()), error_body()).prop_map(|(id, channel, body)| ServerMessage::Error(ErrorMessage {
            id,
            channel,
            body
        })),
    ]
}

/// The body of a poll.
pub fn poll_request() -> impl Strategy<Value = PollRequest> {
    (vec(subscribe_entry(), 0..4), of(count())).prop_map(|(channels, wait_ms)| PollRequest { channels, wait_ms })
}

/// The answer to a poll.
pub fn poll_response() -> impl Strategy<Value = PollResponse> {
    (vec(subscribed_entry(), 0..3), time()).prop_map(|(channels, server_time)| PollResponse { channels, server_time })
}

/// One item of a publish over HTTP.
pub fn publish_item() -> impl Strategy<Value = PublishItem> {
    (text(), payload(), of(text())).prop_map(|(channel, payload, key)| PublishItem { channel, payload, key })
}

/// What became of one item.
pub fn publish_outcome() -> impl Strategy<Value = PublishOutcome> {
    prop_oneof![
        position().prop_map(|accepted| PublishOutcome { accepted: Some(accepted), error: None }),
        error_body().prop_map(|error| PublishOutcome { accepted: None, error: Some(error) }),
    ]
}
