//! The rules of section 10: what a relay refuses although it can read it, and what it says then.

// Tests may panic: that is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use proptest::prelude::*;
use pulsewire_protocol::*;

fn verdict(channel: &str, event: &str, data: &str) -> Result<(), FieldError> {
    Payload::from_json(event, data).expect("has the right shape").validate(&ChannelName::parse(channel).unwrap())
}

#[test]
fn events_that_make_sense_pass_on_their_own_channels() {
    let cases = [
        ("device:d1", "device_status", r#"{"deviceId":"d1","status":"online","battery":0}"#),
        ("device:d1", "device_status", r#"{"deviceId":"d1","status":"maintenance","battery":1,"lastSeen":1732180000000}"#),
        (
            "device:d1",
            "telemetry",
            r#"{"deviceId":"d1","series":{"ecg":{"t":[],"v":[]},"heart_rate":{"t":[1,2],"v":[70,71.5],"unit":"bpm"}}}"#,
        ),
        (
            "patient:p1",
            "alert",
            r#"{"patientId":"p1","patientName":"Ana","type":"fall","severity":"critical","message":"Fell\nin the bathroom","metadata":[1]}"#,
        ),
        ("tenant", "alert", r#"{"patientId":"p1","patientName":"","type":"fall","severity":"low","message":""}"#),
        ("user:u1", "alert_read", r#"{"ids":["a","b"]}"#),
        ("patient:p1", "usage_session", r#"{"patientId":"p1","deviceId":"d1","phase":"end","startedAt":1,"endedAt":2,"compliance":0.5}"#),
        (
            "dashboard",
            "dashboard_stats",
            r#"{"devices":1,"online":1,"activeAlerts":0,"activeSessions":0,"averageCompliance":0.4,"viewers":0}"#,
        ),
        ("tenant", "new_patient", r#"{"patientId":"p1","name":"Ana"}"#),
        ("patient:p1", "priority_update", r#"{"patientId":"p1"}"#),
        (
            "conversation:c1",
            "message_new",
            r#"{"conversationId":"c1","message":{"content":"hi","sender":"nurse","senderName":"Bo","url":"https://x/y.ogg"}}"#,
        ),
        ("conversation:c1", "message_status", r#"{"messageId":"m1","status":"read","user":"u1"}"#),
        ("tenant", "conversation_updated", r#"{"conversationId":"c1","updates":{"status":"assumed"}}"#),
        ("conversation:c1", "typing_start", r#"{"conversationId":"c1"}"#),
        ("tenant", "presence", r#"{"online":[{"userId":"u1","name":"Bo"}]}"#),
        ("user:u1", "notification", r#"{"title":"Hi","body":"","severity":"low","link":"/patients/p1?tab=2"}"#),
        (
            "execution:e1",
            "execution_update",
            r#"{"executionId":"e1","status":"failed","progress":1,"attempt":1,"error":{"code":"E1","message":"no"}}"#,
        ),
        ("execution:e1", "execution_retry", r#"{"executionId":"e1"}"#),
        ("tenant", "lunch is served", r#"{"deep":[1e999]}"#),
        ("bed", "café", "null"),
    ];
    for (channel, event, data) in cases {
        assert_eq!(verdict(channel, event, data), Ok(()), "{event} on {channel}");
    }
}

#[test]
fn every_refusal_names_the_field() {
    let long = "x".repeat(600);
    let cases: Vec<(&str, &str, String, &str)> = [
        ("device:d2", "device_status", r#"{"deviceId":"d1","status":"online"}"#, "data.deviceId"),
        ("tenant", "device_status", r#"{"deviceId":"d1","status":"online"}"#, "channel"),
        ("device:d1", "device_status", r#"{"deviceId":"d1","status":"online","battery":45}"#, "data.battery"),
        ("device:d1", "device_status", r#"{"deviceId":"d1","status":"online","battery":-0.1}"#, "data.battery"),
        ("device:d1", "device_status", r#"{"deviceId":"d1","status":"online","lastSeen":-5}"#, "data.lastSeen"),
        ("device:d1", "telemetry", r#"{"deviceId":"d1","series":{}}"#, "data.series"),
        ("device:d1", "telemetry", r#"{"deviceId":"d1","series":{"a b":{"t":[],"v":[]}}}"#, "data.series"),
        ("device:d1", "telemetry", r#"{"deviceId":"d1","series":{"ecg":{"t":[1,2],"v":[1]}}}"#, "data.series.ecg"),
        ("device:d1", "telemetry", r#"{"deviceId":"d1","series":{"ecg":{"t":[1],"v":[1]},"ecg":{"t":[2],"v":[1]}}}"#, "data.series.ecg"),
        ("device:d1", "telemetry", r#"{"deviceId":"d1","series":{"ecg":{"t":[1],"v":[1],"unit":"m\nV"}}}"#, "data.series.ecg.unit"),
        ("patient:p2", "alert", r#"{"patientId":"p1","patientName":"","type":"fall","severity":"low","message":""}"#, "data.patientId"),
        ("tenant", "alert", r#"{"patientId":"p 1","patientName":"","type":"fall","severity":"low","message":""}"#, "data.patientId"),
        ("tenant", "alert", r#"{"patientId":"p1","patientName":"","type":"","severity":"low","message":""}"#, "data.type"),
        ("tenant", "alert", r#"{"id":"","patientId":"p1","patientName":"","type":"f","severity":"low","message":""}"#, "data.id"),
        ("user:u1", "alert_read", r#"{"ids":[]}"#, "data.ids"),
        ("user:u1", "notification_read", r#"{"ids":["a","b c"]}"#, "data.ids[1]"),
        ("patient:p1", "usage_session", r#"{"patientId":"p1","deviceId":"d1","phase":"end","startedAt":2,"endedAt":1}"#, "data.endedAt"),
        (
            "dashboard",
            "dashboard_stats",
            r#"{"devices":1,"online":1,"activeAlerts":0,"activeSessions":0,"averageCompliance":40,"viewers":0}"#,
            "data.averageCompliance",
        ),
        ("conversation:c1", "conversation_updated", r#"{"conversationId":"c1","updates":[1]}"#, "data.updates"),
        (
            "conversation:c1",
            "message_new",
            r#"{"conversationId":"c1","message":{"content":"hi","sender":"nurse","senderName":"Bo","url":"JavaScript:alert(1)"}}"#,
            "data.message.url",
        ),
        ("conversation:c2", "typing_start", r#"{"conversationId":"c1"}"#, "data.conversationId"),
        ("user:u1", "notification", r#"{"title":"","body":"","severity":"low"}"#, "data.title"),
        ("execution:e1", "execution_update", r#"{"executionId":"e1","status":"running","progress":50,"attempt":1}"#, "data.progress"),
        ("execution:e1", "execution_update", r#"{"executionId":"e1","status":"running","progress":0.5,"attempt":0}"#, "data.attempt"),
        ("tenant", "", "1", "event"),
        ("tenant", "a\u{7}b", "1", "event"),
        ("tenant", "#22", "1", "event"),
    ]
    .map(|(channel, event, data, field)| (channel, event, data.to_owned(), field))
    .into_iter()
    .chain([
        ("tenant", long.as_str(), "1".to_owned(), "event"),
        ("user:u1", "notification", format!(r#"{{"title":"{long}","body":"","severity":"low"}}"#), "data.title"),
    ])
    .collect();
    for (channel, event, data, field) in cases {
        let error = verdict(channel, event, &data).expect_err(&data);
        assert_eq!(error.field, field, "{event} on {channel}: {error}");
        let body = ErrorBody::from(error);
        assert!(body.code == ErrorCode::BadRequest && body.message.starts_with(field) && !body.retryable, "{body}");
    }
}

#[test]
fn what_was_made_by_hand_is_read_before_it_goes_on() {
    let tenant = ChannelName::tenant();
    let change = |patient_id: &str, data: &str| {
        Payload::NewPatient(PatientChange { patient_id: patient_id.into(), data: RawJson::from_text_unchecked(data.into()) })
    };
    assert_eq!(change("p1", r#"{"patientId":"p1"}"#).validate(&tenant), Ok(()));
    assert_eq!(change("p1", r#"{"patientId":"p2"}"#).validate(&tenant).unwrap_err().field, "data.patientId");
    assert_eq!(change("p1", "{}").validate(&tenant).unwrap_err().to_string(), "data.patientId: required field is missing");
    assert_eq!(change("p1", "[").validate(&tenant).unwrap_err().field, "data");
    let custom = |event: &str, data: &str| Payload::Custom { event: event.into(), data: RawJson::from_text_unchecked(data.into()) };
    assert_eq!(custom("x", "{\n}").validate(&tenant).unwrap_err().field, "data");
    assert_eq!(custom("alert", "{}").validate(&tenant).unwrap_err().field, "event");
    let column = |v: f64| {
        Payload::Telemetry(Telemetry {
            device_id: "d".into(),
            series: SeriesMap(vec![("m".into(), Series { t: Column(vec![1.0]), v: Column(vec![v]), unit: None })]),
        })
    };
    let device = ChannelName::parse("device:d").unwrap();
    assert_eq!(column(f64::NAN).validate(&device).unwrap_err().field, "data.series.m.v[0]");
}

#[test]
fn an_alert_goes_to_its_patient_first_and_then_to_the_tenant() {
    let names = |event: &str, data: &str| {
        Payload::from_json(event, data).unwrap().channels().map(|names| names.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    assert_eq!(
        names("alert", r#"{"patientId":"p1","patientName":"","type":"f","severity":"low","message":""}"#).unwrap(),
        ["patient:p1", "tenant"]
    );
    assert_eq!(names("telemetry", r#"{"deviceId":"d1","series":{}}"#).unwrap(), ["device:d1"]);
    assert_eq!(
        names("dashboard_stats", r#"{"devices":1,"online":1,"activeAlerts":0,"activeSessions":0,"averageCompliance":0,"viewers":0}"#)
            .unwrap(),
        ["dashboard"]
    );
    assert!(names("notification_read", r#"{"ids":["a"]}"#).unwrap().is_empty());
    assert!(names("lunch", "1").unwrap().is_empty());
    assert_eq!(names("device_status", r#"{"deviceId":"d/1","status":"online"}"#).unwrap_err().field, "data.deviceId");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_event_gets_a_verdict_and_what_passes_can_be_written_in_both_codecs(payload in testing::payload()) {
        for channel in payload.channels().unwrap().into_iter().chain([ChannelName::tenant(), ChannelName::user("u").unwrap()]) {
            match payload.validate(&channel) {
                Ok(()) => {
                    let message = ClientMessage::Publish(Publish { id: 1, channel: channel.to_string(), payload: payload.clone(), key: None });
                    let line = json::encode_client(&message).unwrap();
                    prop_assert_eq!(json::decode_client(&line).next().unwrap().unwrap(), message.clone());
                    prop_assert_eq!(cbor::decode_client(&cbor::encode_client(&message)).next().unwrap().unwrap(), message);
                }
                Err(error) => prop_assert!(!error.field.is_empty() && !error.problem.is_empty()),
            }
        }
    }
}

#[test]
fn a_link_that_runs_code_is_refused_however_it_is_written() {
    // What browsers strip before they read a scheme: C0 controls and spaces at both ends, tabs and line breaks anywhere.
    let bad = [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "javascript :alert(1)",
        "java\tscript:alert(1)",
        "java\nscript:alert(1)",
        "\u{1}javascript:alert(1)",
        "vbscript:msgbox(1)",
        "data:text/html,<script>alert(1)</script>",
        "DATA:text/html;base64,PHNjcmlwdD4=",
        "",
    ];
    let good = ["/patients/p1?tab=2", "https://ward.example/a:b", "notes#javascript:", "mailto:ward@example.org"];
    let notification = |link: &str| serde_json::json!({"title": "t", "body": "", "severity": "low", "link": link}).to_string();
    for link in bad {
        let refused = verdict("user:u1", "notification", &notification(link)).unwrap_err();
        assert_eq!(refused.field, "data.link", "{link:?}");
    }
    for link in good {
        assert_eq!(verdict("user:u1", "notification", &notification(link)), Ok(()), "{link:?}");
    }
}
