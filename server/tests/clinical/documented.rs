//! What the services tell stands in docs/asyncapi.json: every event, with its data. (Every other test here insists on it for what it
//! makes the relay tell: `World::end`.)

use crate::support::*;
use pulsewire_protocol::schema::TOLD_EVENTS;
use pulsewire_protocol::{
    Column, ConversationMessage, DeliveryStatus, DeviceState, DeviceStatus, Message, MessageStatus, Payload, Sender, Series, SeriesMap,
    Severity, Telemetry,
};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn every_event_that_the_services_tell_is_documented() {
    let world = World::start();
    let (backend, ana) = (principal("backend", "service"), nurse("ana"));
    let ask = async |who, method, params| world.ask(who, method, params).await.unwrap();

    // Patients, devices, usage, statistics.
    ask(&backend, "patients.put", json!({"patientId": "p-1", "name": "Maria"})).await;
    ask(&backend, "patients.put", json!({"patientId": "p-1", "name": "Maria", "status": "admitted", "priority": "high"})).await;
    ask(&backend, "devices.put", json!({"deviceId": "bed-1", "patientId": "p-1", "targetUseMsPerDay": 3_600_000})).await;
    let online = DeviceStatus { device_id: "bed-1".to_owned(), status: DeviceState::Online, battery: Some(0.5), last_seen: None };
    world.publish("device:bed-1", Payload::DeviceStatus(online)).await.unwrap();
    for second in 0..3 {
        let series = Series { t: Column(vec![(START_MS + second * 1_000) as f64]), v: Column(vec![1.0]), unit: None };
        let points = Telemetry { device_id: "bed-1".to_owned(), series: SeriesMap(vec![("inUse".to_owned(), series)]) };
        world.publish("device:bed-1", Payload::Telemetry(points)).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    // Until the device is offline by silence, and its session over.
    tokio::time::sleep(Duration::from_secs(900)).await;

    // Alerts.
    world.publish("patient:p-1", Payload::Alert(alert_of("al-1", "p-1", Severity::Critical))).await.unwrap();
    ask(&ana, "alerts.read", json!({"ids": ["al-1"]})).await;
    ask(&ana, "alerts.acknowledge", json!({"id": "al-1", "note": "On my way."})).await;
    ask(&ana, "alerts.resolve", json!({"id": "al-1"})).await;

    // Notifications.
    for title in ["A", "B"] {
        let to = json!({"to": {"users": ["ana"]}, "title": title, "body": "B", "severity": "low", "link": "/beds/3"});
        ask(&backend, "notifications.create", to).await;
    }
    ask(&ana, "notifications.read", json!({"all": true})).await;
    ask(&ana, "notifications.dismiss", json!({"all": true})).await;

    // Executions.
    ask(&backend, "executions.create", json!({"executionId": "e-1", "title": "Report"})).await;
    ask(&backend, "executions.update", json!({"executionId": "e-1", "status": "running", "step": "reading", "progress": 0.5})).await;
    ask(&backend, "executions.log", json!({"executionId": "e-1", "lines": ["a", "b"], "level": "warning"})).await;
    let error = json!({"code": "timeout", "message": "The laboratory did not answer.", "detail": "30 s"});
    ask(&backend, "executions.update", json!({"executionId": "e-1", "status": "failed", "error": error})).await;
    ask(&ana, "executions.retry", json!({"executionId": "e-1"})).await;

    // Conversations.
    let message = Message {
        id: None,
        client_id: Some("c-1".to_owned()),
        content: "I feel dizzy.".to_owned(),
        sender: Sender::Patient,
        sender_name: "Maria".to_owned(),
        ts: None,
        is_audio: None,
        url: None,
    };
    let body = ConversationMessage { conversation_id: "c-1".to_owned(), patient_id: Some("p-1".to_owned()), message };
    world.publish("conversation:c-1", Payload::MessageNew(body)).await.unwrap();
    ask(&ana, "conversations.status", json!({"conversationId": "c-1", "status": "assumed", "note": "Mine."})).await;
    let read = MessageStatus { message_id: "m-1".to_owned(), status: DeliveryStatus::Read, user: "ana".to_owned() };
    world.publish("conversation:c-1", Payload::MessageStatus(read)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;

    let told = world.events();
    let of_services = [
        "new_patient",
        "patient_status_change",
        "priority_update",
        "device_status",
        "telemetry",
        "usage_session",
        "dashboard_stats",
        "alert",
        "alert_read",
        "notification",
        "notification_read",
        "notification_dismissed",
        "execution_update",
        "execution_retry",
        "message_new",
        "message_status",
        "conversation_updated",
    ];
    // What the monitor tells is none of the services'.
    let wanted: BTreeSet<&str> =
        of_services.into_iter().chain(TOLD_EVENTS.into_iter().filter(|event| *event != "relay_overload")).collect();
    assert_eq!(told.iter().map(String::as_str).collect::<BTreeSet<_>>(), wanted);
    world.end().await;
}
