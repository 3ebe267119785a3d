//! Usage sessions: found from telemetry, told, corrected by what comes late, and kept through a restart.

use crate::support::*;
use pulsewire_protocol::{Column, ErrorCode, Payload, Series, SeriesMap, SessionPhase, Telemetry, UnixMs, UsageSession};
use pulsewire_relay::config::Config;
use pulsewire_relay::store::Place;
use serde_json::{Value, json};
use std::time::Duration;

/// Noon of a day (UTC).
const NOON_MS: u64 = START_MS / 86_400_000 * 86_400_000 + 43_200_000;
const HOUR_MS: u64 = 3_600_000;

fn points(device: &str, metric: &str, points: &[(u64, f64)]) -> Payload {
    let (t, v) = points.iter().map(|(t_ms, v)| (*t_ms as f64, *v)).unzip();
    let series = Series { t: Column(t), v: Column(v), unit: None };
    Payload::Telemetry(Telemetry { device_id: device.to_owned(), series: SeriesMap(vec![(metric.to_owned(), series)]) })
}

/// A relay at noon with one device of p-1, to be used two hours a day.
async fn ward(place: &Place, now_ms: u64) -> World {
    let world = World::start_at(place, now_ms, Config::development());
    let put = json!({"deviceId": "cpap", "patientId": "p-1", "targetUseMsPerDay": 2 * HOUR_MS});
    world.ask(&principal("backend", "service"), "devices.put", put).await.unwrap();
    world
}

impl World {
    fn now_ms(&self) -> u64 {
        self.relay.clock().now_ms()
    }
    /// So many seconds of use, one point each.
    async fn use_for(&self, seconds: u64) {
        for _ in 0..seconds / 10 {
            let now_ms = self.now_ms();
            let ten: Vec<(u64, f64)> = (0..10).map(|second| (now_ms + second * 1_000, 1.0)).collect();
            self.publish("device:cpap", points("cpap", "flow", &ten)).await.unwrap();
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
    }
    async fn sessions(&self, params: Value) -> Value {
        let mut all = json!({"patientId": "p-1"});
        all.as_object_mut().unwrap().extend(params.as_object().unwrap().clone());
        self.ask(&nurse("ana"), "sessions.list", all).await.unwrap()
    }
    fn phases(&self) -> Vec<String> {
        self.told("patient:p-1", "usage_session").iter().map(|told| told["phase"].as_str().unwrap().to_owned()).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_starts_with_the_first_use_and_ends_when_it_is_idle_with_its_duration_and_compliance() {
    let world = ward(&Place::Memory, NOON_MS).await;
    world.use_for(1_800).await;
    assert_eq!(world.phases(), ["start"]);
    let list = world.sessions(json!({})).await;
    assert_eq!(list["items"], json!([{"patientId": "p-1", "deviceId": "cpap", "startedAt": NOON_MS}]), "it goes on");
    assert_eq!(world.ask(&nurse("ana"), "stats.get", json!({})).await.unwrap()["activeSessions"], 1);
    // A pause of just five minutes is none.
    tokio::time::sleep(Duration::from_secs(290)).await;
    world.use_for(1_800).await;
    assert_eq!(world.phases(), ["start"]);
    tokio::time::sleep(Duration::from_secs(320)).await;
    let told = world.told("patient:p-1", "usage_session");
    let (ended_ms, duration_ms) = (NOON_MS + 3_890_000, 3_890_000);
    assert_eq!(
        told[1],
        json!({"patientId": "p-1", "deviceId": "cpap", "phase": "end", "startedAt": NOON_MS, "endedAt": ended_ms, "durationMs": duration_ms, "compliance": 0.5403})
    );
    let list = world.sessions(json!({"from": NOON_MS, "to": NOON_MS + HOUR_MS})).await;
    assert_eq!((&list["items"][0]["endedAt"], &list["compliance"], &list["next"]), (&json!(ended_ms), &json!(0.5403), &Value::Null));
    // Seven days touch eight: the mean of the use of today and none before.
    assert_eq!(world.sessions(json!({})).await["compliance"], 0.0675);
    let stats = world.ask(&nurse("ana"), "stats.get", json!({})).await.unwrap();
    assert_eq!((&stats["activeSessions"], &stats["averageCompliance"]), (&json!(0), &json!(0.5403)));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_device_that_says_itself_that_it_is_not_in_use_ends_the_session_at_once() {
    let world = ward(&Place::Memory, NOON_MS).await;
    world.use_for(60).await;
    world.publish("device:cpap", points("cpap", "inUse", &[(world.now_ms(), 0.0)])).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(world.phases(), ["start", "end"]);
    assert_eq!(world.told("patient:p-1", "usage_session")[1]["durationMs"], 60_000);
    // Points of another metric beside `inUse` are no use by themselves.
    let now_ms = world.now_ms() as f64;
    let series = |v: f64| Series { t: Column(vec![now_ms]), v: Column(vec![v]), unit: None };
    let both = SeriesMap(vec![("flow".to_owned(), series(3.0)), ("inUse".to_owned(), series(0.0))]);
    world.publish("device:cpap", Payload::Telemetry(Telemetry { device_id: "cpap".to_owned(), series: both })).await.unwrap();
    // Nor is telemetry of a device that is nobody's.
    world.publish("device:other", points("other", "flow", &[(world.now_ms(), 1.0)])).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(world.phases(), ["start", "end"]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_comes_late_corrects_the_sessions_and_what_comes_too_late_does_not() {
    let world = ward(&Place::Memory, NOON_MS).await;
    world.use_for(100).await;
    tokio::time::sleep(Duration::from_secs(500)).await;
    world.use_for(100).await;
    tokio::time::sleep(Duration::from_secs(400)).await;
    assert_eq!(world.phases(), ["start", "end", "start", "end"]);
    // The gateway brings what was missing: both were one.
    let missing: Vec<(u64, f64)> = (100..600).map(|second| (NOON_MS + second * 1_000, 1.0)).collect();
    world.publish("device:cpap", points("cpap", "flow", &missing)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let list = world.sessions(json!({})).await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
    assert_eq!((&list["items"][0]["startedAt"], &list["items"][0]["durationMs"]), (&json!(NOON_MS), &json!(700_000)));
    assert_eq!(world.told("patient:p-1", "usage_session")[4]["durationMs"], 700_000, "told again as it is now");
    // Too old, and too far ahead: neither makes a session.
    for at_ms in [NOON_MS - HOUR_MS, world.now_ms() + HOUR_MS, 0] {
        world.publish("device:cpap", points("cpap", "flow", &[(at_ms, 1.0)])).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!((world.phases().len(), &world.sessions(json!({})).await["items"]), (5, &list["items"]));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_session_goes_on_over_a_restart_and_after_a_kill() {
    let folder = Folder::new("usage");
    let world = ward(&folder.place(), NOON_MS).await;
    world.use_for(200).await;
    world.end().await;
    let world = ward(&folder.place(), NOON_MS + 260_000).await;
    assert_eq!(world.ask(&nurse("ana"), "stats.get", json!({})).await.unwrap()["activeSessions"], 1);
    world.use_for(100).await;
    assert_eq!(world.phases(), Vec::<String>::new(), "it has not started anew");
    let before_ms = world.now_ms();
    world.kill().await;
    // Ended while no relay was there.
    let world = ward(&folder.place(), before_ms + 2 * HOUR_MS).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let told = world.told("patient:p-1", "usage_session");
    assert_eq!((told.len(), &told[0]["phase"], &told[0]["startedAt"]), (1, &json!("end"), &json!(NOON_MS)));
    // What is not kept each second is at most the last ten.
    let lost_ms = NOON_MS + 360_000 - told[0]["endedAt"].as_u64().unwrap();
    assert!(lost_ms <= 11_000, "{lost_ms}");
    assert_eq!(world.sessions(json!({})).await["items"].as_array().unwrap().len(), 1);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_one_patients_use_stays_theirs_when_the_device_is_given_to_another() {
    let world = ward(&Place::Memory, NOON_MS).await;
    world.use_for(100).await;
    let put = json!({"deviceId": "cpap", "patientId": "p-2"});
    world.ask(&principal("backend", "service"), "devices.put", put).await.unwrap();
    world.use_for(50).await;
    tokio::time::sleep(Duration::from_secs(4_000)).await;
    let mine = |patient: &str| -> Vec<(u64, u64)> {
        let told = world.told(&format!("patient:{patient}"), "usage_session");
        let ends = told.iter().filter(|told| told["phase"] == "end");
        ends.map(|end| (end["startedAt"].as_u64().unwrap(), end["durationMs"].as_u64().unwrap())).collect()
    };
    assert_eq!((mine("p-1"), mine("p-2")), (vec![(NOON_MS, 100_000)], vec![(NOON_MS + 100_000, 50_000)]));
    assert_eq!(world.sessions(json!({})).await["items"].as_array().unwrap().len(), 1);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_backends_own_sessions_are_listed_too_in_pages_and_to_those_who_may() {
    let world = World::start_at(&Place::Memory, NOON_MS, Config::development());
    for hour in 0..5 {
        let started_ms = NOON_MS - (5 - hour) * HOUR_MS;
        let session = UsageSession {
            patient_id: "p-1".to_owned(),
            device_id: "pump".to_owned(),
            phase: SessionPhase::End,
            started_at: UnixMs::from_millis(started_ms),
            ended_at: None,
            duration_ms: Some(60_000),
            compliance: Some(0.5),
        };
        world.publish("patient:p-1", Payload::UsageSession(session)).await.unwrap();
    }
    let page = world.sessions(json!({"limit": 3})).await;
    let starts = |page: &Value| {
        page["items"].as_array().unwrap().iter().map(|item| (NOON_MS - item["startedAt"].as_u64().unwrap()) / HOUR_MS).collect::<Vec<_>>()
    };
    assert_eq!((starts(&page), &page["compliance"]), (vec![1, 2, 3], &Value::Null));
    let rest = world.sessions(json!({"limit": 3, "before": page["next"]})).await;
    assert_eq!((starts(&rest), &rest["next"]), (vec![4, 5], &Value::Null));
    assert_eq!(starts(&world.sessions(json!({"from": NOON_MS - 3 * HOUR_MS, "to": NOON_MS - HOUR_MS})).await), [2, 3]);
    let wrong = world.ask(&nurse("ana"), "sessions.list", json!({"from": 5, "to": 4})).await.unwrap_err();
    assert_eq!(wrong.fields.iter().map(|wrong| wrong.field.as_str()).collect::<Vec<_>>(), ["patientId", "from"]);
    let stranger = who_reads("eva", &["patient:p-2", "tenant"]);
    let refused = world.ask(&stranger, "sessions.list", json!({"patientId": "p-1"})).await.unwrap_err();
    assert_eq!(refused.body.code, ErrorCode::Forbidden);
    world.end().await;
}
