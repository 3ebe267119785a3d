//! Devices and patients: registered, heard, silent, back again, and kept through a restart.

use crate::support::*;
use proptest::prelude::*;
use pulsewire_protocol::{
    Column, DeviceState, DeviceStatus, ErrorCode, PatientChange, Payload, RawJson, Series, SeriesMap, Severity, Telemetry,
};
use pulsewire_relay::Moment;
use pulsewire_relay::config::Config;
use pulsewire_relay::domain::registry::Registry;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

const SILENCE_MS: u64 = 120_000;

fn status(device: &str, status: DeviceState) -> Payload {
    Payload::DeviceStatus(status_of(device, status))
}

fn status_of(device: &str, status: DeviceState) -> DeviceStatus {
    DeviceStatus { device_id: device.to_owned(), status, battery: Some(0.5), last_seen: None }
}

fn telemetry_of(device: &str) -> Telemetry {
    let series = Series { t: Column(vec![1.0]), v: Column(vec![2.0]), unit: None };
    Telemetry { device_id: device.to_owned(), series: SeriesMap(vec![("spo2".to_owned(), series)]) }
}

fn telemetry(device: &str) -> Payload {
    Payload::Telemetry(telemetry_of(device))
}

async fn seconds(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

fn states(world: &World, device: &str) -> Vec<String> {
    let told = world.told(&format!("device:{device}"), "device_status");
    told.iter().map(|data| data["status"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_device_that_falls_silent_is_told_offline_and_whatever_comes_from_it_brings_it_back() {
    let world = World::start();
    let ana = nurse("ana");
    for device in ["bed-1", "bed-2", "bed-3"] {
        world.publish(&format!("device:{device}"), status(device, DeviceState::Online)).await.unwrap();
    }
    world.publish("device:bed-3", status("bed-3", DeviceState::Maintenance)).await.unwrap();
    // One goes on, one stops, one is out of service on purpose.
    for _ in 0..13 {
        seconds(10).await;
        world.publish("device:bed-1", telemetry("bed-1")).await.unwrap();
    }
    assert_eq!(states(&world, "bed-1"), ["online"]);
    assert_eq!(states(&world, "bed-2"), ["online", "offline"]);
    assert_eq!(states(&world, "bed-3"), ["online", "maintenance"]);
    let silent = &world.told("device:bed-2", "device_status")[1];
    assert_eq!(
        (&silent["lastSeen"], &silent["battery"]),
        (&json!(START_MS), &json!(0.5)),
        "when it was really heard, and what it said then"
    );
    assert_eq!(world.ask(&ana, "stats.get", json!({})).await.unwrap()["online"], 1);
    world.publish("device:bed-2", telemetry("bed-2")).await.unwrap();
    seconds(2).await;
    assert_eq!(states(&world, "bed-2"), ["online", "offline", "online"]);
    // An alert of it is a sign of life too, and so is any event on its channel.
    for sign in 0..2 {
        seconds(130).await;
        assert_eq!(states(&world, "bed-2").last().unwrap(), "offline");
        match sign {
            0 => {
                let alert = pulsewire_protocol::Alert { device_id: Some("bed-2".to_owned()), ..alert_of("a", "p-1", Severity::Low) };
                world.publish("patient:p-1", Payload::Alert(alert)).await.unwrap();
            }
            _ => {
                let custom = Payload::Custom { event: OF_A_TEST.to_owned(), data: RawJson::parse("{}").unwrap() };
                world.publish("device:bed-2", custom).await.unwrap();
            }
        }
        seconds(2).await;
        assert_eq!(states(&world, "bed-2").last().unwrap(), "online");
    }
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_backend_says_of_a_device_is_not_undone_by_telemetry_and_silence_may_mean_nothing() {
    let world = World::start();
    world.publish("device:bed-1", status("bed-1", DeviceState::Offline)).await.unwrap();
    world.publish("device:bed-1", telemetry("bed-1")).await.unwrap();
    seconds(500).await;
    assert_eq!(states(&world, "bed-1"), ["offline"]);
    world.end().await;
    let mut config = Config::development();
    config.devices.offline_after_ms = 0;
    let world = World::start_at(&pulsewire_relay::store::Place::Memory, START_MS, config);
    world.publish("device:bed-1", status("bed-1", DeviceState::Online)).await.unwrap();
    seconds(5_000).await;
    assert_eq!(states(&world, "bed-1"), ["online"]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn devices_are_registered_listed_with_filters_and_outlive_the_relay() {
    let folder = Folder::new("devices");
    let world = World::start_at(&folder.place(), START_MS, Config::development());
    let (backend, ana) = (principal("backend", "service"), nurse("ana"));
    let put = json!({"deviceId": "cpap-1", "name": "CPAP 1", "patientId": "p-1", "targetUseMsPerDay": 14_400_000});
    let device = world.ask(&backend, "devices.put", put).await.unwrap();
    assert_eq!(device, json!({"deviceId": "cpap-1", "name": "CPAP 1", "patientId": "p-1", "targetUseMsPerDay": 14_400_000, "metrics": []}));
    world.ask(&backend, "devices.put", json!({"deviceId": "cpap-2", "patientId": "p-2"})).await.unwrap();
    world.publish("device:cpap-1", telemetry("cpap-1")).await.unwrap();
    world.publish("device:cpap-2", status("cpap-2", DeviceState::Online)).await.unwrap();
    world.publish("device:bed-9", status("bed-9", DeviceState::Maintenance)).await.unwrap();
    seconds(125).await;
    world.end().await;

    let later_ms = START_MS + 1_000_000;
    let world = World::start_at(&folder.place(), later_ms, Config::development());
    let device = world.ask(&ana, "devices.get", json!({"deviceId": "cpap-1"})).await.unwrap();
    assert_eq!((&device["name"], &device["metrics"], &device["status"]), (&json!("CPAP 1"), &json!(["spo2"]), &json!("offline")));
    let list = |params: Value| {
        let (world, ana) = (&world, &ana);
        async move {
            let list = world.ask(ana, "devices.list", params).await.unwrap();
            let ids = list["items"].as_array().unwrap().iter().map(|device| device["deviceId"].as_str().unwrap().to_owned());
            (ids.collect::<Vec<_>>(), list["next"].clone())
        }
    };
    assert_eq!(list(json!({})).await.0, ["bed-9", "cpap-1", "cpap-2"]);
    assert_eq!(list(json!({"patientId": "p-2"})).await.0, ["cpap-2"]);
    assert_eq!(list(json!({"status": "offline"})).await.0, ["cpap-1", "cpap-2"]);
    let (first, next) = list(json!({"limit": 2})).await;
    assert_eq!((first.len(), list(json!({"limit": 2, "before": next})).await), (2, (vec!["cpap-2".to_owned()], Value::Null)));
    // Its silence was told by the relay before: what comes now brings it back.
    world.publish("device:cpap-2", telemetry("cpap-2")).await.unwrap();
    seconds(2).await;
    assert_eq!(states(&world, "cpap-2"), ["online"]);
    // What is left out of a registration is taken away; what the device does stays.
    let device = world.ask(&backend, "devices.put", json!({"deviceId": "cpap-1", "name": "Spare"})).await.unwrap();
    assert_eq!((device.get("patientId"), &device["name"], &device["status"]), (None, &json!("Spare"), &json!("offline")));

    let few = who_reads("eva", &["device:bed-9"]);
    assert_eq!(world.ask(&few, "devices.list", json!({})).await.unwrap()["items"].as_array().unwrap().len(), 1);
    assert_eq!(world.ask(&few, "devices.get", json!({"deviceId": "cpap-1"})).await.unwrap_err().body.code, ErrorCode::Forbidden);
    assert_eq!(world.ask(&ana, "devices.put", json!({"deviceId": "x"})).await.unwrap_err().body.code, ErrorCode::Forbidden);
    let wrong = world.ask(&backend, "devices.put", json!({"deviceId": "a b", "patientId": 5, "targetUseMsPerDay": 0})).await.unwrap_err();
    let named: Vec<&str> = wrong.fields.iter().map(|wrong| wrong.field.as_str()).collect();
    assert_eq!(named, ["deviceId", "patientId", "targetUseMsPerDay"]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn patients_are_put_and_what_changes_is_told_once_to_patient_and_tenant() {
    let folder = Folder::new("patients");
    let world = World::start_at(&folder.place(), START_MS, Config::development());
    let (backend, ana) = (principal("backend", "service"), nurse("ana"));
    let put = |name: &str, status: Value, priority: Value| {
        let params = json!({"patientId": "p-1", "name": name, "status": status, "priority": priority});
        let (world, backend) = (&world, &backend);
        async move { world.ask(backend, "patients.put", params).await.unwrap() }
    };
    let first = put("Maria", json!("admitted"), json!("low")).await;
    assert_eq!(
        first,
        json!({"patientId": "p-1", "name": "Maria", "status": "admitted", "priority": "low", "createdAt": START_MS, "ts": START_MS})
    );
    put("Maria", json!("admitted"), json!("low")).await;
    put("Maria", json!("admitted"), json!("high")).await;
    put("Maria", json!("discharged"), Value::Null).await;
    for channel in ["patient:p-1", "tenant"] {
        let of = |event: &str| world.told(channel, event);
        assert_eq!((of("new_patient").len(), of("patient_status_change").len(), of("priority_update").len()), (1, 1, 2), "{channel}");
        let change = &of("patient_status_change")[0];
        assert_eq!((&change["patientId"], &change["status"], &change["name"]), (&json!("p-1"), &json!("discharged"), &json!("Maria")));
        assert_eq!(change["invalidates"], json!([["patients"], ["patient", "p-1"]]));
        assert_eq!(of("priority_update")[1]["priority"], Value::Null, "what was taken away is told");
    }
    // What a backend publishes itself is kept as well.
    let data = RawJson::parse(r#"{"patientId": "p-2", "patientName": "João", "status": "admitted", "ward": 7, "priority": 3}"#).unwrap();
    let change = PatientChange { patient_id: "p-2".to_owned(), data };
    world.publish("patient:p-2", Payload::PatientStatusChange(change)).await.unwrap();
    world.end().await;
    let world = World::start_at(&folder.place(), START_MS + 5, Config::development());
    let list = world.ask(&ana, "patients.list", json!({})).await.unwrap();
    let names: Vec<&str> = list["items"].as_array().unwrap().iter().map(|patient| patient["name"].as_str().unwrap()).collect();
    assert_eq!((names, &list["next"]), (vec!["João", "Maria"], &Value::Null));
    assert_eq!(world.ask(&ana, "patients.list", json!({"status": "discharged"})).await.unwrap()["items"][0]["patientId"], "p-1");
    assert_eq!(world.ask(&ana, "patients.get", json!({"patientId": "p-2"})).await.unwrap().get("priority"), None);
    assert_eq!(world.ask(&ana, "patients.get", json!({"patientId": "p-3"})).await.unwrap_err().body.code, ErrorCode::NotFound);
    let family = who_reads("eva", &["patient:p-1"]);
    assert_eq!(world.ask(&family, "patients.list", json!({})).await.unwrap()["items"].as_array().unwrap().len(), 1);
    assert_eq!(world.ask(&family, "patients.get", json!({"patientId": "p-2"})).await.unwrap_err().body.code, ErrorCode::Forbidden);
    assert_eq!(
        world.ask(&ana, "patients.put", json!({"patientId": "p-1", "name": "X"})).await.unwrap_err().body.code,
        ErrorCode::Forbidden
    );
    assert_eq!(world.ask(&backend, "patients.put", json!({"patientId": "p-1"})).await.unwrap_err().fields[0].field, "name");
    world.end().await;
}

#[derive(Clone, Debug)]
enum Sign {
    Status(DeviceState),
    Telemetry,
    /// The telling of what is due fails this time.
    Failure,
    Nothing,
}

fn sign() -> impl Strategy<Value = Sign> {
    prop_oneof![
        prop::sample::select(DeviceState::ALL.to_vec()).prop_map(Sign::Status),
        Just(Sign::Telemetry),
        Just(Sign::Failure),
        Just(Sign::Nothing),
    ]
}

/// One device, as plainly as it can be said.
#[derive(Default)]
struct Plain {
    status: Option<DeviceState>,
    heard_ms: u64,
    by_silence: bool,
}

const DAY_MS: i64 = 86_400_000;

fn at(uptime_ms: u64) -> Moment {
    Moment { unix_ms: START_MS + uptime_ms, uptime_ms }
}

proptest! {
    #[test]
    fn property_of_silence_a_device_is_offline_just_while_nothing_comes_from_it(
        // The wall clock is set by up to a day at any step: silence does not follow it.
        steps in prop::collection::vec((0..3_u8, 0..200_000_u64, -DAY_MS..DAY_MS, sign()), 1..60)
    ) {
        let mut registry = Registry::default();
        let mut plain: BTreeMap<String, Plain> = BTreeMap::new();
        let mut now_ms = START_MS;
        for (device, wait_ms, set_by_ms, sign) in steps {
            now_ms += wait_ms;
            let now = Moment { unix_ms: now_ms.saturating_add_signed(set_by_ms), uptime_ms: now_ms - START_MS };
            let id = format!("bed-{device}");
            match &sign {
                Sign::Status(state) => {
                    registry.handle_status(&status_of(&id, *state), now);
                    plain.insert(id, Plain { status: Some(*state), heard_ms: now_ms, by_silence: false });
                }
                Sign::Telemetry => {
                    registry.handle_telemetry(&telemetry_of(&id), now);
                    plain.entry(id).or_default().heard_ms = now_ms;
                }
                Sign::Failure | Sign::Nothing => {}
            }
            for turn in registry.turns(now, SILENCE_MS) {
                if matches!(sign, Sign::Failure) {
                    registry.give_back(&turn);
                } else {
                    registry.handle_status(&turn.status, now);
                    registry.handle_told(&turn);
                }
            }
            if matches!(sign, Sign::Failure) {
                continue;
            }
            for (id, plain) in &mut plain {
                let silent = plain.heard_ms + SILENCE_MS <= now_ms;
                match plain.status {
                    Some(DeviceState::Maintenance) => {}
                    Some(DeviceState::Offline) if !plain.by_silence => {}
                    Some(DeviceState::Offline) if silent => {}
                    // It was heard since, and is told back.
                    Some(DeviceState::Offline) => (plain.status, plain.by_silence) = (Some(DeviceState::Online), false),
                    _ if silent => (plain.status, plain.by_silence) = (Some(DeviceState::Offline), true),
                    _ => {}
                }
                prop_assert_eq!(registry.get(id).unwrap().status, plain.status, "{} at {}", id, now_ms - START_MS);
            }
            let online = plain.values().filter(|plain| plain.status == Some(DeviceState::Online)).count() as u64;
            prop_assert_eq!((registry.online(), registry.len()), (online, plain.len()));
        }
    }
}

#[test]
fn what_was_kept_does_not_overrule_what_was_heard_meanwhile() {
    let mut before = Registry::default();
    before.handle_status(&status_of("bed-1", DeviceState::Maintenance), at(0));
    before.handle_status(&status_of("bed-2", DeviceState::Online), at(0));
    let saved = before.take_unsaved();
    assert_eq!((saved.len(), before.take_unsaved().len()), (2, 0));
    let mut after = Registry::default();
    after.handle_status(&status_of("bed-1", DeviceState::Online), at(10));
    saved.into_iter().for_each(|saved| after.restore(saved, at(20)));
    assert_eq!(after.get("bed-1").unwrap().status, Some(DeviceState::Online));
    assert_eq!((after.online(), after.len()), (2, 2));
    // The relay's own absence is no silence of the device's.
    let turns = after.turns(at(20 + SILENCE_MS - 1), SILENCE_MS);
    assert_eq!(turns.iter().map(|turn| turn.status.device_id.as_str()).collect::<Vec<_>>(), ["bed-1"]);
    assert_eq!(after.turns(at(20 + SILENCE_MS), SILENCE_MS).len(), 1);
}
