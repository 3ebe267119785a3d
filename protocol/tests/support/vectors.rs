//! The golden vectors as data: what `examples/vectors.rs` writes and `tests/vectors.rs` checks.
//!
//! Longer than 400 lines because it is a list: one entry for every message, event and body.

use pulsewire_protocol::json::ToJson as _;
use pulsewire_protocol::*;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// One message or body in both encodings.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Vector {
    pub name: String,
    /// `client` or `server` for messages; the name of the body for HTTP.
    pub kind: String,
    pub json: Box<RawValue>,
    pub cbor_hex: String,
}

/// A frame of several messages.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Frame {
    pub name: String,
    pub kind: String,
    /// The messages; a JSON frame is these joined by newlines.
    pub json: Vec<Box<RawValue>>,
    pub cbor_hex: String,
}

/// What another encoder may write: it reads as `json`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Lenient {
    pub name: String,
    pub kind: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub given_json: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub given_cbor_hex: Option<String>,
    pub json: Box<RawValue>,
}

/// What no receiver accepts.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Invalid {
    pub name: String,
    pub kind: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub given_json: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub given_cbor_hex: Option<String>,
    /// `malformed`: no JSON, no CBOR (close 4400). `senseless`: readable, but no message (`error bad_request`, or skipped by a client).
    pub verdict: String,
    /// The field that the error names.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub field: Option<String>,
    /// The command's id, where it can still be told.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub id: Option<u64>,
}

/// A channel name or a pattern and what becomes of it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Name {
    pub name: String,
    pub channel: bool,
    pub pattern: bool,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub allows: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub denies: Vec<String>,
}

/// A close code with what a client does.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Close {
    pub code: u16,
    pub reason: String,
    pub action: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retry_after_ms: Option<u64>,
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal")).collect()
}

fn raw(text: String) -> Box<RawValue> {
    RawValue::from_string(text).expect("JSON")
}

const NOW: f64 = 1_732_180_000_000.0;

fn now() -> UnixMs {
    UnixMs(NOW)
}
fn s(text: &str) -> String {
    text.to_owned()
}
fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}
fn opaque(text: &str) -> RawJson {
    RawJson::parse(text).expect("JSON")
}

/// Every built-in event, full and bare, and two of the application's own.
pub fn events() -> Vec<(&'static str, &'static str, Payload)> {
    let message = Message {
        id: some("m-1"),
        client_id: some("c-77"),
        content: s("Tudo bem?\n“ok”"),
        sender: Sender::Nurse,
        sender_name: s("João"),
        ts: Some(now()),
        is_audio: Some(true),
        url: some("https://files.example/a.ogg"),
    };
    let bare_message = Message {
        id: None,
        client_id: None,
        content: s("Hi"),
        sender: Sender::Patient,
        sender_name: s("Ana"),
        ts: None,
        is_audio: None,
        url: None,
    };
    let series = |t: Vec<f64>, v: Vec<f64>, unit: Option<&str>| Series { t: Column(t), v: Column(v), unit: unit.map(s) };
    let change = |text: &str| PatientChange { patient_id: s("p-9"), data: opaque(text) };
    let ids = |ids: &[&str]| Ids { ids: ids.iter().map(|id| s(id)).collect() };
    vec![
        (
            "device_status",
            "device:bed-1",
            Payload::DeviceStatus(DeviceStatus {
                device_id: s("bed-1"),
                status: DeviceState::Online,
                battery: Some(0.87),
                last_seen: Some(now()),
            }),
        ),
        (
            "device_status, bare",
            "device:bed-1",
            Payload::DeviceStatus(DeviceStatus { device_id: s("bed-1"), status: DeviceState::Offline, battery: None, last_seen: None }),
        ),
        (
            "device_status, maintenance",
            "device:bed-1",
            Payload::DeviceStatus(DeviceStatus {
                device_id: s("bed-1"),
                status: DeviceState::Maintenance,
                battery: Some(0.25),
                last_seen: None,
            }),
        ),
        (
            "telemetry",
            "device:bed-1",
            Payload::Telemetry(Telemetry {
                device_id: s("bed-1"),
                series: SeriesMap(vec![
                    (s("heart_rate"), series(vec![NOW, NOW + 1000.0], vec![72.0, 72.5], Some("bpm"))),
                    (s("ecg"), series(vec![NOW, NOW + 2.5, NOW + 5.0], vec![-0.125, 1.25, 0.1], None)),
                    (s("empty"), series(vec![], vec![], None)),
                ]),
            }),
        ),
        (
            "alert",
            "patient:p-9",
            Payload::Alert(Alert {
                id: some("a-1"),
                patient_id: s("p-9"),
                patient_name: s("Maria Oliveira"),
                device_id: some("bed-1"),
                alert_type: s("heart_rate_high"),
                severity: Severity::Critical,
                message: s("Heart rate over 140"),
                ts: Some(now()),
                metadata: Some(opaque(r#"{"limit":140,"seen":[141,152.5],"note":"ção"}"#)),
            }),
        ),
        (
            "alert, bare",
            "tenant",
            Payload::Alert(Alert {
                id: None,
                patient_id: s("p-9"),
                patient_name: s("Maria Oliveira"),
                device_id: None,
                alert_type: s("fall"),
                severity: Severity::Low,
                message: s(""),
                ts: None,
                metadata: None,
            }),
        ),
        ("alert_read", "user:u-1", Payload::AlertRead(ids(&["a-1", "a-2"]))),
        (
            "usage_session, start",
            "patient:p-9",
            Payload::UsageSession(UsageSession {
                patient_id: s("p-9"),
                device_id: s("bed-1"),
                phase: SessionPhase::Start,
                started_at: now(),
                ended_at: None,
                duration_ms: None,
                compliance: None,
            }),
        ),
        (
            "usage_session, end",
            "patient:p-9",
            Payload::UsageSession(UsageSession {
                patient_id: s("p-9"),
                device_id: s("bed-1"),
                phase: SessionPhase::End,
                started_at: now(),
                ended_at: Some(UnixMs(NOW + 60_000.5)),
                duration_ms: Some(60_000),
                compliance: Some(0.5),
            }),
        ),
        (
            "dashboard_stats",
            "dashboard",
            Payload::DashboardStats(DashboardStats {
                devices: 12,
                online: 11,
                active_alerts: 3,
                active_sessions: 7,
                average_compliance: 0.82,
                viewers: 300,
            }),
        ),
        (
            "patient_status_change",
            "patient:p-9",
            Payload::PatientStatusChange(change(r#"{"patientId":"p-9","status":"discharged","by":{"user":"u-1"}}"#)),
        ),
        ("priority_update", "tenant", Payload::PriorityUpdate(change(r#"{"priority":1,"patientId":"p-9"}"#))),
        ("new_patient", "tenant", Payload::NewPatient(change(r#"{"patientId":"p-9","name":"Maria Oliveira"}"#))),
        (
            "message_new",
            "conversation:c-1",
            Payload::MessageNew(ConversationMessage { conversation_id: s("c-1"), patient_id: some("p-9"), message: message.clone() }),
        ),
        (
            "message_new, bare",
            "conversation:c-1",
            Payload::MessageNew(ConversationMessage { conversation_id: s("c-1"), patient_id: None, message: bare_message }),
        ),
        (
            "message_updated",
            "conversation:c-1",
            Payload::MessageUpdated(ConversationMessage {
                conversation_id: s("c-1"),
                patient_id: None,
                message: Message { sender: Sender::Agent, is_audio: Some(false), ..message.clone() },
            }),
        ),
        (
            "message_status",
            "conversation:c-1",
            Payload::MessageStatus(MessageStatus { message_id: s("m-1"), status: DeliveryStatus::Delivered, user: s("u-2") }),
        ),
        (
            "conversation_updated",
            "conversation:c-1",
            Payload::ConversationUpdated(ConversationUpdated {
                conversation_id: s("c-1"),
                updates: opaque(r#"{"status":"assumed","assignee":"u-1","unread":0}"#),
            }),
        ),
        ("typing_start", "conversation:c-1", Payload::TypingStart(Typing { conversation_id: s("c-1") })),
        ("typing_stop", "conversation:c-1", Payload::TypingStop(Typing { conversation_id: s("c-1") })),
        (
            "presence",
            "tenant",
            Payload::Presence(Presence {
                online: vec![PresentUser { user_id: s("u-1"), name: s("João") }],
                offline: vec![s("u-2"), s("u-3")],
            }),
        ),
        (
            "notification",
            "user:u-1",
            Payload::Notification(Notification {
                id: some("n-1"),
                title: s("Shift change"),
                body: s("At 19:00"),
                severity: Severity::Medium,
                link: some("/shifts"),
                ts: Some(now()),
            }),
        ),
        (
            "notification, bare",
            "user:u-1",
            Payload::Notification(Notification { id: None, title: s("Hi"), body: s(""), severity: Severity::High, link: None, ts: None }),
        ),
        ("notification_read", "user:u-1", Payload::NotificationRead(ids(&["n-1"]))),
        ("notification_dismissed", "user:u-1", Payload::NotificationDismissed(ids(&["n-1"]))),
        (
            "execution_update",
            "execution:e-1",
            Payload::ExecutionUpdate(ExecutionUpdate {
                execution_id: s("e-1"),
                status: ExecutionState::Failed,
                step: some("transcribe"),
                progress: 0.5,
                error: Some(ExecutionError { code: s("timeout"), message: s("No answer in 30 s"), detail: some("node 3") }),
                attempt: 2,
            }),
        ),
        (
            "execution_update, bare",
            "execution:e-1",
            Payload::ExecutionUpdate(ExecutionUpdate {
                execution_id: s("e-1"),
                status: ExecutionState::Queued,
                step: None,
                progress: 0.25,
                error: None,
                attempt: 1,
            }),
        ),
        ("execution_retry", "execution:e-1", Payload::ExecutionRetry(ExecutionRetry { execution_id: s("e-1") })),
        ("custom", "ward:3", Payload::Custom { event: s("bed_moved"), data: opaque(r#"{"from":3,"to":[4,5],"why":null,"share":0.5}"#) }),
        ("custom, null", "ward:3", Payload::Custom { event: s("café"), data: RawJson::null() }),
    ]
}

fn client_messages() -> Vec<(&'static str, ClientMessage)> {
    let position = Position { epoch: s("e7f3"), offset: 41 };
    vec![
        (
            "connect",
            ClientMessage::Connect(Connect {
                id: 1,
                token: some("aaa.bbb.ccc"),
                client: ClientInfo { name: s("pulsewire-js"), version: s("0.1.0"), session: s("s-5f2a") },
                subscribe: vec![
                    SubscribeEntry { channel: s("device:bed-1"), recover: Some(position.clone()), history: None, max_hz: Some(10) },
                    SubscribeEntry { channel: s("patient:p-9"), recover: None, history: Some(100), max_hz: None },
                    SubscribeEntry::new("tenant"),
                ],
            }),
        ),
        ("connect, bare", ClientMessage::Connect(Connect { id: 1, token: None, client: ClientInfo::default(), subscribe: vec![] })),
        (
            "subscribe",
            ClientMessage::Subscribe(Subscribe {
                id: 2,
                channel: s("device:bed-1"),
                recover: Some(position),
                history: Some(100),
                max_hz: Some(30),
            }),
        ),
        (
            "subscribe, bare",
            ClientMessage::Subscribe(Subscribe { id: 24, channel: s("dashboard"), recover: None, history: None, max_hz: None }),
        ),
        ("unsubscribe", ClientMessage::Unsubscribe(Unsubscribe { id: 256, channel: s("device:bed-1") })),
        (
            "publish with key",
            ClientMessage::Publish(Publish {
                id: 65_536,
                channel: s("conversation:c-1"),
                payload: Payload::TypingStart(Typing { conversation_id: s("c-1") }),
                key: some("k-1"),
            }),
        ),
        ("call", ClientMessage::Call(Call { id: 5, method: s("alerts.list"), params: Some(opaque(r#"{"unread":true,"limit":20}"#)) })),
        ("call, bare", ClientMessage::Call(Call { id: 5, method: s("stats.get"), params: None })),
        ("refresh", ClientMessage::Refresh(Refresh { id: 6, token: s("ddd.eee.fff") })),
        ("pong", ClientMessage::Pong(Pong { ts: now() })),
        ("pong, fractional time", ClientMessage::Pong(Pong { ts: UnixMs(NOW + 0.5) })),
        ("ping", ClientMessage::Ping(Ping { id: cbor::MAX_SAFE_INTEGER - 1 })),
    ]
}

fn publication(payload: Payload) -> Publication {
    Publication { offset: Some(42), first_offset: None, payload, ts: now(), from: None }
}

fn server_messages() -> Vec<(&'static str, ServerMessage)> {
    let status =
        Payload::DeviceStatus(DeviceStatus { device_id: s("bed-1"), status: DeviceState::Online, battery: None, last_seen: Some(now()) });
    let custom = Payload::Custom { event: s("bed_moved"), data: opaque(r#"{"to":4}"#) };
    let subscribed = Subscribed {
        id: None,
        channel: s("device:bed-1"),
        epoch: s("e7f3"),
        offset: 43,
        recovered: true,
        publications: vec![publication(custom.clone()), Publication { offset: Some(43), ..publication(status.clone()) }],
        state: vec![Publication { offset: Some(43), ..publication(status) }],
        viewers: Some(ViewerCount { count: 2, names: vec![s("Ana"), s("João")] }),
    };
    let plain = Subscribed {
        id: Some(2),
        channel: s("ward:3"),
        epoch: s(""),
        offset: 0,
        recovered: false,
        publications: vec![],
        state: vec![],
        viewers: None,
    };
    let refused = Refused { channel: s("admin"), error: ErrorBody::new(ErrorCode::Forbidden, "admin: needs role admin") };
    let limits = Limits { max_message_bytes: 65_536, max_subscriptions: 256, messages_per_second: 50, recovery_bytes: 1_048_576 };
    let welcome = Welcome {
        id: 1,
        connection: s("c-9d1"),
        node: s("n-1"),
        user: s("u-1"),
        tenant: s("clinic"),
        server_time: now(),
        heartbeat_ms: 30_000,
        timeout_ms: 60_000,
        expires_at: UnixMs(NOW + 3_600_000.0),
        limits,
        subscribed: vec![SubscribedEntry::Subscribed(subscribed.clone()), SubscribedEntry::Refused(refused)],
    };
    let reply = |result| ServerMessage::Reply(Reply { id: 7, result });
    let error = |id, channel: Option<&str>, body| ServerMessage::Error(ErrorMessage { id, channel: channel.map(s), body });
    vec![
        ("welcome", ServerMessage::Welcome(welcome.clone())),
        ("welcome, no subscriptions", ServerMessage::Welcome(Welcome { subscribed: vec![], ..welcome })),
        ("subscribed, recovered", ServerMessage::Subscribed(subscribed)),
        ("subscribed, no history", ServerMessage::Subscribed(plain)),
        ("unsubscribed", ServerMessage::Unsubscribed(Unsubscribed { id: Some(3), channel: s("ward:3"), code: None })),
        (
            "unsubscribed by the relay",
            ServerMessage::Unsubscribed(Unsubscribed { id: None, channel: s("ward:3"), code: Some(ErrorCode::Forbidden) }),
        ),
        (
            "event with author",
            ServerMessage::Event(Event {
                channel: s("conversation:c-1"),
                publication: Publication {
                    offset: None,
                    from: Some(Author { user: s("u-2"), name: s("Bo") }),
                    ..publication(Payload::TypingStart(Typing { conversation_id: s("c-1") }))
                },
            }),
        ),
        (
            "event, merged",
            ServerMessage::Event(Event {
                channel: s("ward:3"),
                publication: Publication { first_offset: Some(40), ..publication(custom) },
            }),
        ),
        ("viewers", ServerMessage::Viewers(Viewers { channel: s("patient:p-9"), count: 2, names: vec![s("Ana"), s("João")] })),
        ("viewers, nobody", ServerMessage::Viewers(Viewers { channel: s("patient:p-9"), count: 0, names: vec![] })),
        ("heartbeat", ServerMessage::Heartbeat(Heartbeat { ts: now() })),
        ("reauth", ServerMessage::Reauth(Reauth { expires_at: now() })),
        ("reply to publish", reply(ReplyResult::Published { offset: 42 })),
        ("reply to ping", reply(ReplyResult::Time { server_time: now() })),
        ("reply to refresh", reply(ReplyResult::Refreshed { expires_at: now() })),
        ("reply to call", reply(ReplyResult::Json(opaque(r#"{"items":[{"id":"a-1"}],"unread":1,"next":null}"#)))),
        (
            "error",
            error(Some(7), Some("device:bed-1"), ErrorBody::retryable(ErrorCode::RateLimited, "over 50 messages a second", Some(1500))),
        ),
        ("error, bare", error(None, None, ErrorBody::new(ErrorCode::BadRequest, "message at byte 0: expected a map"))),
    ]
}

fn client_vector(name: &str, message: &ClientMessage) -> Vector {
    let json = raw(json::encode_client(message).expect("JSON"));
    Vector { name: s(name), kind: s("client"), json, cbor_hex: hex(&cbor::encode_client(message)) }
}

fn server_vector(name: &str, message: &ServerMessage) -> Vector {
    let json = raw(json::encode_server(message).expect("JSON"));
    Vector { name: s(name), kind: s("server"), json, cbor_hex: hex(&cbor::encode_server(message)) }
}

fn body_vector<T: Serialize>(name: &str, kind: &str, body: &T, cbor: &[u8]) -> Vector {
    Vector { name: s(name), kind: s(kind), json: raw(body.to_json().expect("JSON").as_str().to_owned()), cbor_hex: hex(cbor) }
}

pub fn messages() -> Vec<Vector> {
    let client = client_messages().into_iter().map(|(name, message)| client_vector(name, &message));
    let server = server_messages().into_iter().map(|(name, message)| server_vector(name, &message));
    let errors = ErrorCode::ALL.iter().map(|code| {
        let body = ErrorBody::new(*code, "…");
        server_vector(&format!("error {code}"), &ServerMessage::Error(ErrorMessage { id: None, channel: None, body }))
    });
    client.chain(server).chain(errors).collect()
}

pub fn event_vectors() -> Vec<Vector> {
    let both = events().into_iter().flat_map(|(name, channel, payload)| {
        let event = ServerMessage::Event(Event { channel: s(channel), publication: publication(payload.clone()) });
        let publish = ClientMessage::Publish(Publish { id: 9, channel: s(channel), payload, key: None });
        [client_vector(&format!("publish {name}"), &publish), server_vector(&format!("event {name}"), &event)]
    });
    both.collect()
}

pub fn frames() -> Vec<Frame> {
    let client = client_messages();
    let server = server_messages();
    let client_frame = |name: &str, messages: &[(&str, ClientMessage)]| Frame {
        name: s(name),
        kind: s("client"),
        json: messages.iter().map(|(_, message)| raw(json::encode_client(message).expect("JSON"))).collect(),
        cbor_hex: messages.iter().map(|(_, message)| hex(&cbor::encode_client(message))).collect(),
    };
    let server_frame = |name: &str, messages: &[(&str, ServerMessage)]| Frame {
        name: s(name),
        kind: s("server"),
        json: messages.iter().map(|(_, message)| raw(json::encode_server(message).expect("JSON"))).collect(),
        cbor_hex: messages.iter().map(|(_, message)| hex(&cbor::encode_server(message))).collect(),
    };
    vec![
        client_frame("one message", &client[..1]),
        client_frame("every message of a client", &client),
        server_frame("two messages", &server[1..3]),
        server_frame("every message of a relay", &server),
    ]
}

pub fn bodies() -> Vec<Vector> {
    let request = PollRequest {
        channels: vec![
            SubscribeEntry {
                channel: s("device:bed-1"),
                recover: Some(Position { epoch: s("e7f3"), offset: 41 }),
                history: None,
                max_hz: None,
            },
            SubscribeEntry { channel: s("user:u-1"), recover: None, history: Some(10), max_hz: None },
        ],
        wait_ms: Some(25_000),
    };
    let bare = PollRequest { channels: vec![SubscribeEntry::new("tenant")], wait_ms: None };
    let channels = server_messages()
        .into_iter()
        .find_map(|(_, message)| if let ServerMessage::Welcome(welcome) = message { Some(welcome.subscribed) } else { None })
        .expect("there is a welcome");
    let response = PollResponse { channels, server_time: now() };
    let items: Vec<PublishItem> = events()
        .into_iter()
        .step_by(5)
        .map(|(name, channel, payload)| PublishItem { channel: s(channel), payload, key: some(name) })
        .collect();
    let outcomes = vec![
        PublishOutcome { accepted: Some(Position { epoch: s("e7f3"), offset: 44 }), error: None },
        PublishOutcome {
            accepted: None,
            error: Some(ErrorBody::new(ErrorCode::BadRequest, "[1].data.battery: 45 is not between 0 and 1")),
        },
        PublishOutcome { accepted: None, error: Some(ErrorBody::retryable(ErrorCode::Unavailable, "draining", Some(2000))) },
    ];
    vec![
        body_vector("poll", "poll_request", &request, &cbor::encode_poll_request(&request)),
        body_vector("poll, bare", "poll_request", &bare, &cbor::encode_poll_request(&bare)),
        body_vector("answer to a poll", "poll_response", &response, &cbor::encode_poll_response(&response)),
        body_vector("publish", "publish_items", &items, &cbor::encode_publish_items(&items)),
        body_vector("answer to a publish", "publish_outcomes", &outcomes, &cbor::encode_publish_outcomes(&outcomes)),
    ]
}

pub fn lenient() -> Vec<Lenient> {
    let cbor = |name: &str, kind: &str, given: &str, json: &str| Lenient {
        name: s(name),
        kind: s(kind),
        given_json: None,
        given_cbor_hex: Some(given.replace(' ', "")),
        json: raw(s(json)),
    };
    let json = |name: &str, kind: &str, given: &str, json: &str| Lenient {
        name: s(name),
        kind: s(kind),
        given_json: Some(s(given)),
        given_cbor_hex: None,
        json: raw(s(json)),
    };
    let ping = r#"{"type":"ping","id":5}"#;
    let telemetry = r#"{"type":"publish","id":1,"channel":"device:d","event":"telemetry","data":{"deviceId":"d","series":{"m":{"t":[1,2],"v":[0.5,-3]}}}}"#;
    vec![
        cbor("the type and the id as float64", "client", "a2 00 fb4020000000000000 01 fb4014000000000000", ping),
        cbor("the id as float16", "client", "a2 00 08 01 f94500", ping),
        cbor("an integer longer than it need be", "client", "a2 00 1b0000000000000008 01 190005", ping),
        cbor("keys in another order", "client", "a2 01 05 00 08", ping),
        cbor("an indefinite map", "client", "bf 00 08 01 05 ff", ping),
        cbor("unknown keys, numbers and texts", "client", "a4 00 08 1863 81f6 01 05 646d6f7265 c100", ping),
        cbor("null for an absent field", "client", "a5 00 02 01 05 02 6174 03 f6 04 f6", r#"{"type":"subscribe","id":5,"channel":"t"}"#),
        cbor("a text in pieces", "client", "a3 00 03 01 05 02 7f 6174 6165 ff", r#"{"type":"unsubscribe","id":5,"channel":"te"}"#),
        cbor(
            "columns as plain arrays of integers and floats",
            "client",
            "a5 00 04 01 01 02 68 6465766963653a64 03 02 04 a2 01 6164 02 a1 616d a2 01 820102 02 82f9380022",
            telemetry,
        ),
        cbor(
            "columns as float32",
            "client",
            "a5 00 04 01 01 02 68 6465766963653a64 03 02 04 a2 01 6164 02 a1 616d a2 01 d855480000803f00000040 02 d855480000003f000040c0",
            telemetry,
        ),
        cbor(
            "a built-in event by its name",
            "client",
            "a5 00 04 01 01 02 6163 03 6c747970696e675f7374617274 04 a1 01 6163",
            r#"{"type":"publish","id":1,"channel":"c","event":"typing_start","data":{"conversationId":"c"}}"#,
        ),
        cbor(
            "a built-in event's data as JSON text",
            "client",
            "a5 00 04 01 01 02 6163 03 0e 04 76 7b22636f6e766572736174696f6e4964223a2263227d",
            r#"{"type":"publish","id":1,"channel":"c","event":"typing_start","data":{"conversationId":"c"}}"#,
        ),
        cbor(
            "a client reads a built-in event of a later version as #number without data",
            "server",
            "a6 00 04 01 6163 02 1863 03 05 04 a1 01 613f 05 11",
            r##"{"type":"event","channel":"c","offset":17,"event":"#99","ts":5,"data":null}"##,
        ),
        json("type behind, numbers with a fraction", "client", r#"{ "id": 5.0, "later": {"a":[1e999]}, "type": "ping" }"#, ping),
        json(
            "data before event, null for absent fields",
            "client",
            r#"{"data":{"series":{"m":{"v":[0.5,-3.0],"unit":null,"t":[1,2.0]}},"deviceId":"d"},"event":"telemetry","key":null,"channel":"device:d","id":1,"type":"publish"}"#,
            telemetry,
        ),
        json(
            "data left out of a custom event",
            "client",
            r#"{"type":"publish","id":1,"channel":"c","event":"ring"}"#,
            r#"{"type":"publish","id":1,"channel":"c","event":"ring","data":null}"#,
        ),
        json(
            "lists left out",
            "server",
            r#"{"type":"subscribed","channel":"c","epoch":"e","offset":3,"recovered":false}"#,
            r#"{"type":"subscribed","channel":"c","epoch":"e","offset":3,"recovered":false,"publications":[],"state":[]}"#,
        ),
    ]
}

pub fn invalid() -> Vec<Invalid> {
    let cbor = |name: &str, kind: &str, given: &str, verdict: &str, field: &str, id: Option<u64>| Invalid {
        name: s(name),
        kind: s(kind),
        given_json: None,
        given_cbor_hex: Some(given.replace(' ', "")),
        verdict: s(verdict),
        field: Some(s(field)),
        id,
    };
    let json = |name: &str, kind: &str, given: &str, verdict: &str, field: &str, id: Option<u64>| Invalid {
        name: s(name),
        kind: s(kind),
        given_json: Some(s(given)),
        given_cbor_hex: None,
        verdict: s(verdict),
        field: Some(s(field)),
        id,
    };
    let publish = |event: &str, data: &str| format!(r#"{{"type":"publish","id":4,"channel":"c","event":"{event}","data":{data}}}"#);
    vec![
        cbor("cut short", "client", "a2 00 08 01", "malformed", "frame", None),
        cbor("a reserved head", "client", "1c", "malformed", "frame", None),
        cbor("a break without an opening", "client", "ff", "malformed", "frame", None),
        cbor("a map with a key but no value", "client", "bf 00 ff", "malformed", "frame", None),
        cbor("text that is no UTF-8", "client", "a3 00 03 01 05 02 61ff", "malformed", "frame", None),
        cbor("a length that lies", "client", "a1 00 5b 00ffffffffffffff", "malformed", "frame", None),
        cbor("no map", "client", "83 08 05 00", "senseless", "message", None),
        cbor("no type", "client", "a1 01 05", "senseless", "type", Some(5)),
        cbor("an unknown type", "client", "a2 00 1863 01 05", "senseless", "type", Some(5)),
        cbor("an unknown type from a relay", "server", "a2 00 1863 01 05", "senseless", "type", Some(5)),
        cbor("no id", "client", "a1 00 08", "senseless", "id", None),
        cbor("id 0", "client", "a2 00 08 01 00", "senseless", "id", None),
        cbor("a negative id", "client", "a2 00 08 01 20", "senseless", "id", None),
        cbor("an id with a fraction", "client", "a2 00 08 01 f93e00", "senseless", "id", None),
        cbor("an id over 2^53", "client", "a2 00 08 01 1b0020000000000001", "senseless", "id", None),
        cbor("a channel that is no text", "client", "a3 00 03 01 05 02 07", "senseless", "channel", Some(5)),
        cbor("an infinite time", "client", "a2 00 07 01 f97c00", "senseless", "ts", None),
        cbor("an unknown event number", "client", "a5 00 04 01 05 02 6163 03 1863 04 a0", "senseless", "event", Some(5)),
        cbor("an unknown device state", "client", "a5 00 04 01 05 02 6163 03 01 04 a2 01 6164 02 09", "senseless", "data.status", Some(5)),
        cbor(
            "NaN in a column",
            "client",
            "a5 00 04 01 05 02 6163 03 02 04 a2 01 6164 02 a1 616d a2 01 80 02 d85648000000000000f87f",
            "senseless",
            "data.series.m.v[0]",
            Some(5),
        ),
        cbor(
            "a column that is no multiple of eight bytes",
            "client",
            "a5 00 04 01 05 02 6163 03 02 04 a2 01 6164 02 a1 616d a2 01 80 02 d856470000000000f87f",
            "senseless",
            "data.series.m.v",
            Some(5),
        ),
        cbor("opaque data that is no JSON", "client", "a5 00 04 01 05 02 6163 03 6178 04 617b", "senseless", "data", Some(5)),
        json("no JSON", "client", "{\"type\":\"ping\",", "malformed", "message", None),
        json("two values on a line", "client", r#"{"type":"ping","id":1} {"type":"ping","id":2}"#, "malformed", "message", None),
        json("no object", "client", "[1]", "senseless", "message", None),
        json("no type", "client", r#"{"id":5}"#, "senseless", "type", Some(5)),
        json("an unknown type", "client", r#"{"type":"dance","id":5}"#, "senseless", "type", Some(5)),
        json("an unknown type from a relay", "server", r#"{"type":"dance","id":5}"#, "senseless", "type", Some(5)),
        json("id 0", "client", r#"{"type":"ping","id":0}"#, "senseless", "id", None),
        json("an id with a fraction", "client", r#"{"type":"ping","id":1.5}"#, "senseless", "id", None),
        json("a channel that is no text", "client", r#"{"type":"unsubscribe","id":5,"channel":7}"#, "senseless", "channel", Some(5)),
        json("a number no float can hold", "client", r#"{"type":"pong","ts":1e999}"#, "senseless", "ts", None),
        json(
            "no data for a built-in event",
            "client",
            r#"{"type":"publish","id":4,"channel":"c","event":"alert"}"#,
            "senseless",
            "data",
            Some(4),
        ),
        json(
            "an unknown device state",
            "client",
            &publish("device_status", r#"{"deviceId":"d","status":"on"}"#),
            "senseless",
            "data.status",
            Some(4),
        ),
        json(
            "null in a column",
            "client",
            &publish("telemetry", r#"{"deviceId":"d","series":{"m":{"t":[1],"v":[null]}}}"#),
            "senseless",
            "data.series.m.v[0]",
            Some(4),
        ),
        json(
            "a patient change without its patient",
            "client",
            &publish("new_patient", r#"{"patient":"p"}"#),
            "senseless",
            "data.patientId",
            Some(4),
        ),
    ]
}

pub fn names() -> Vec<Name> {
    let name = |name: &str, allows: &[&str], denies: &[&str]| Name {
        name: s(name),
        channel: ChannelName::parse(name).is_ok(),
        pattern: Pattern::parse(name).is_ok(),
        allows: allows.iter().map(|channel| s(channel)).collect(),
        denies: denies.iter().map(|channel| s(channel)).collect(),
    };
    vec![
        name("device:bed-1", &["device:bed-1"], &["device:bed-2", "patient:bed-1"]),
        name("device:*", &["device:bed-1", "device:~@._-"], &["dashboard", "patient:1"]),
        name("*", &["device:bed-1", "tenant", "anything"], &[]),
        name("tenant", &["tenant"], &["dashboard"]),
        name("ward", &["ward"], &["ward:3"]),
        name("ward:*", &["ward:3"], &["ward", "wards:3"]),
        name("tenant:*", &[], &[]),
        name("tenant:x", &[], &[]),
        name("device", &[], &[]),
        name("device:", &[], &[]),
        name("device:a b", &[], &[]),
        name("device:a:b", &[], &[]),
        name("Device:a", &[], &[]),
        name("1device:a", &[], &[]),
        name("dev*:a", &[], &[]),
        name("device:a*", &[], &[]),
        name("", &[], &[]),
        name(&format!("k{}", "x".repeat(31)), &[], &[]),
        name(&format!("k{}", "x".repeat(32)), &[], &[]),
        name(&format!("device:{}", "x".repeat(128)), &[], &[]),
        name(&format!("device:{}", "x".repeat(129)), &[], &[]),
    ]
}

pub fn closes() -> Vec<Close> {
    let close = |code: CloseCode, reason: &str| Close {
        code: code.0,
        reason: s(reason),
        action: s(match code.action() {
            CloseAction::Reconnect => "reconnect",
            CloseAction::ReconnectDropping => "reconnect_dropping",
            CloseAction::ReconnectAfter => "reconnect_after",
            CloseAction::RenewToken => "renew_token",
            CloseAction::RenewTokenOnce => "renew_token_once",
            CloseAction::StopProtocol => "stop_protocol",
            CloseAction::StopForbidden => "stop_forbidden",
        }),
        retry_after_ms: error::retry_after_from_reason(reason),
    };
    let mut all = vec![
        close(CloseCode::NORMAL, ""),
        close(CloseCode::GOING_AWAY, ""),
        close(CloseCode::LOST, ""),
        close(CloseCode::TOO_LARGE, "message over 65536 bytes"),
        close(CloseCode::PROTOCOL, "message at byte 3: the frame ends too early"),
        close(CloseCode::FORBIDDEN, "origin_refused"),
        close(CloseCode::TIMEOUT, "handshake_timeout"),
        close(CloseCode::TOKEN_EXPIRED, "token_expired"),
        close(CloseCode::SLOW_CONSUMER, "slow_consumer"),
        close(CloseCode::RATE_LIMITED, &error::reason_with_retry_after("rate_limited", 30_000)),
        close(CloseCode::UNAVAILABLE, &error::reason_with_retry_after("draining", 1500)),
        close(CloseCode::UNAVAILABLE, "draining"),
        close(CloseCode(4999), "a code of a later version"),
    ];
    all.extend(TokenProblem::ALL.iter().map(|problem| close(CloseCode::UNAUTHORIZED, problem.as_str())));
    all
}

/// One file: an array with one entry a line, so that a change shows as a line in a diff.
fn file<T: Serialize>(entries: &[T]) -> String {
    let lines: Vec<String> = entries.iter().map(|entry| serde_json::to_string(entry).expect("JSON")).collect();
    format!("[\n{}\n]\n", lines.join(",\n"))
}

/// Every file of `vectors/` with its text.
pub fn files() -> Vec<(&'static str, String)> {
    vec![
        ("messages.json", file(&messages())),
        ("events.json", file(&event_vectors())),
        ("frames.json", file(&frames())),
        ("bodies.json", file(&bodies())),
        ("lenient.json", file(&lenient())),
        ("invalid.json", file(&invalid())),
        ("channels.json", file(&names())),
        ("closes.json", file(&closes())),
    ]
}
