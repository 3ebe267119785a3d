//! Alerts: kept before they are accepted, dealt with once, told to all, and counted right.

use crate::support::*;
use proptest::prelude::*;
use pulsewire_protocol::{Alert, ErrorCode, Payload, RawJson, Severity, UnixMs};
use pulsewire_relay::config::Config;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

async fn publish(world: &World, alert: Alert) {
    let channel = format!("patient:{}", alert.patient_id);
    world.publish(&channel, Payload::Alert(alert)).await.unwrap();
}

fn ids(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn an_alert_is_listed_read_acknowledged_and_resolved_and_everyone_is_told() {
    let world = World::start();
    let (ana, ben) = (nurse("ana"), nurse("ben"));
    publish(&world, alert_of("a", "p-1", Severity::High)).await;
    world.ask(&ana, "alerts.acknowledge", json!({"id": "a", "note": "On my way."})).await.unwrap();
    publish(&world, alert_of("b", "p-1", Severity::Critical)).await;
    let unread = |by: &str| {
        let by = nurse(by);
        let world = &world;
        async move { world.ask(&by, "alerts.list", json!({"severity": "critical"})).await.unwrap()["unread"].as_i64().unwrap() }
    };
    assert_eq!((unread("ana").await, unread("ben").await), (1, 2), "who acknowledges has read it");
    let item = world.ask(&ben, "alerts.acknowledge", json!({"id": "b", "note": "Taken."})).await.unwrap();
    assert_eq!(
        (&item["state"], &item["acknowledgedBy"], &item["acknowledgedById"], &item["note"], &item["read"]),
        (&json!("acknowledged"), &json!("Name of ben"), &json!("ben"), &json!("Taken."), &json!(true))
    );
    // The first one stays, and is told once.
    let again = world.ask(&ana, "alerts.acknowledge", json!({"id": "b", "note": "Mine!"})).await.unwrap();
    assert_eq!((&again["acknowledgedById"], &again["acknowledgeNote"]), (&json!("ben"), &json!("Taken.")));
    let item = world.ask(&ana, "alerts.resolve", json!({"id": "b"})).await.unwrap();
    assert_eq!(
        (&item["state"], &item["resolvedBy"], &item["acknowledgedById"]),
        (&json!("resolved"), &json!("Name of ana"), &json!("ben"))
    );
    // A retry of the acknowledgement, late, is no mistake.
    assert_eq!(world.ask(&ben, "alerts.acknowledge", json!({"id": "b"})).await.unwrap()["state"], "resolved");
    for channel in ["patient:p-1", "tenant"] {
        let told: Vec<Value> = world.told(channel, "alert_updated").into_iter().filter(|data| data["id"] == "b").collect();
        let states: Vec<&Value> = told.iter().map(|data| &data["state"]).collect();
        assert_eq!(states, ["acknowledged", "resolved"], "{channel}");
        assert_eq!(told[0]["invalidates"], json!([["alerts"], ["alert", "b"], ["patient", "p-1", "alerts"]]));
        assert_eq!((&told[0]["message"], told[0].get("read")), (&json!("SpO2 at 84 %"), None), "whole, and nobody's own");
    }
    assert_eq!(world.told("user:ben", "alert_read"), [json!({"ids": ["b"]})]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_done_is_refused_with_a_reason() {
    let world = World::start();
    publish(&world, alert_of("a", "p-1", Severity::Low)).await;
    let ana = nurse("ana");
    world.ask(&ana, "alerts.resolve", json!({"id": "a"})).await.unwrap();
    let refused = world.ask(&ana, "alerts.acknowledge", json!({"id": "a"})).await.unwrap_err();
    assert_eq!(refused.body.code, ErrorCode::BadRequest);
    assert!(refused.body.message.contains("resolved by Name of ana"), "{refused:?}");
    let unknown = world.ask(&ana, "alerts.resolve", json!({"id": "none"})).await.unwrap_err();
    assert_eq!(unknown.body.code, ErrorCode::NotFound);
    let stranger = who_reads("eva", &["patient:p-2"]);
    assert_eq!(world.ask(&stranger, "alerts.resolve", json!({"id": "a"})).await.unwrap_err().body.code, ErrorCode::NotFound);
    let wrong = world.ask(&ana, "alerts.list", json!({"severity": "grave", "state": "gone", "limit": 0, "from": "x", "before": "?"})).await;
    let named: Vec<String> = wrong.unwrap_err().fields.into_iter().map(|wrong| wrong.field).collect();
    assert_eq!(named, ["severity", "state", "from", "limit", "before"]);
    for params in [json!({}), json!({"all": true, "ids": ["a"]}), json!({"ids": []})] {
        assert_eq!(world.ask(&ana, "alerts.read", params).await.unwrap_err().fields[0].field, "ids");
    }
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn metadata_stay_as_they_were_written() {
    let world = World::start();
    // No double holds this number: it must not be read on the way.
    let metadata = Some(RawJson::parse(r#"{"limit": 1e999}"#).unwrap());
    for _ in 0..2 {
        publish(&world, Alert { metadata: metadata.clone(), ..alert_of("a", "p-1", Severity::High) }).await;
    }
    let list = world.relay.call(&nurse("ana"), "alerts.list", None).await.unwrap();
    assert!(list.as_str().contains(r#""metadata":{"limit": 1e999}"#), "{list:?}");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_id_that_comes_again_is_the_same_alert_or_refused_and_never_lost() {
    let world = World::start();
    let metadata = |text: &str| Some(RawJson::parse(text).unwrap());
    let alert = Alert { metadata: metadata(r#"{"a": 1, "b": 2}"#), ..alert_of("a", "p-1", Severity::High) };
    publish(&world, alert.clone()).await;
    // Beyond the broker's memory of ids: the store knows it still.
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    publish(&world, Alert { ts: None, metadata: metadata(r#"{"b":2,"a":1}"#), ..alert.clone() }).await;
    let refused = world.publish("patient:p-1", Payload::Alert(Alert { message: "another".to_owned(), ..alert })).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::BadRequest);
    assert!(refused.message.starts_with("data.id: "), "{refused}");
    let list = world.ask(&nurse("ana"), "alerts.list", json!({})).await.unwrap();
    assert_eq!(ids(&list), ["a"]);
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_list_is_paged_and_filtered_and_shows_nobody_what_they_may_not_read() {
    let world = World::start();
    for number in 0..25_u64 {
        let severity = if number % 5 == 0 { Severity::Critical } else { Severity::Low };
        let ts = Some(UnixMs::from_millis(START_MS + number));
        publish(&world, Alert { ts, ..alert_of(&format!("a-{number}"), &format!("p-{}", number % 2), severity) }).await;
    }
    let ana = nurse("ana");
    let (mut seen, mut before) = (Vec::new(), Value::Null);
    loop {
        let page = world.ask(&ana, "alerts.list", json!({"limit": 10, "before": before})).await.unwrap();
        assert_eq!(page["unread"], 25);
        seen.extend(ids(&page).iter().map(|id| (*id).to_owned()));
        before = page["next"].clone();
        if before.is_null() {
            break;
        }
        // What comes meanwhile changes no later page.
        publish(&world, alert_of(&format!("new-{}", seen.len()), "p-1", Severity::Low)).await;
        world.ask(&ana, "alerts.read", json!({"ids": [format!("new-{}", seen.len())]})).await.unwrap();
    }
    let wanted: Vec<String> = (0..25).rev().map(|number| format!("a-{number}")).collect();
    assert_eq!(seen, wanted);
    world.ask(&ana, "alerts.resolve", json!({"id": "a-20"})).await.unwrap();
    let list = |params: Value| {
        let (world, ana) = (&world, &ana);
        async move { ids(&world.ask(ana, "alerts.list", params).await.unwrap()).into_iter().map(str::to_owned).collect::<Vec<_>>() }
    };
    assert_eq!(list(json!({"severity": "critical", "state": "open"})).await, ["a-15", "a-10", "a-5", "a-0"]);
    assert_eq!(list(json!({"severity": "critical", "patientId": "p-0"})).await, ["a-20", "a-10", "a-0"]);
    assert_eq!(list(json!({"state": "resolved"})).await, ["a-20"]);
    assert_eq!(list(json!({"patientId": "p-1", "from": START_MS + 3, "to": START_MS + 8, "unread": true})).await, ["a-7", "a-5", "a-3"]);
    let family = who_reads("eva", &["patient:p-0"]);
    let page = world.ask(&family, "alerts.list", json!({"limit": 200})).await.unwrap();
    assert!(page["items"].as_array().unwrap().iter().all(|item| item["patientId"] == "p-0"));
    assert_eq!((page["items"].as_array().unwrap().len(), &page["unread"]), (13, &json!(12)));
    world.ask(&family, "alerts.read", json!({"ids": ["a-1"]})).await.unwrap();
    assert_eq!(world.told("user:eva", "alert_read"), Vec::<Value>::new(), "what one may not read is not marked");
    assert_eq!(world.ask(&family, "alerts.read", json!({"all": true})).await.unwrap(), json!({"unread": 0}));
    let other = pulsewire_relay::Principal { tenant: "south".to_owned(), ..nurse("ana") };
    assert_eq!(world.ask(&other, "alerts.list", json!({})).await.unwrap(), json!({"items": [], "unread": 0, "next": null}));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn alerts_and_what_was_done_to_them_outlive_the_relay_until_they_are_too_old() {
    let folder = Folder::new("alerts");
    let place = folder.place();
    let world = World::start_at(&place, START_MS, Config::development());
    for id in ["a", "b", "c"] {
        publish(&world, alert_of(id, "p-1", Severity::High)).await;
    }
    let ana = nurse("ana");
    world.ask(&ana, "alerts.read", json!({"ids": ["a"]})).await.unwrap();
    world.ask(&ana, "alerts.resolve", json!({"id": "b", "note": "Sensor was off."})).await.unwrap();
    world.end().await;

    let world = World::start_at(&place, START_MS + 1_000, Config::development());
    let list = world.ask(&ana, "alerts.list", json!({})).await.unwrap();
    let states: Vec<_> =
        list["items"].as_array().unwrap().iter().map(|item| (item["state"].as_str().unwrap(), item["read"].as_bool())).collect();
    assert_eq!(states, [("active", Some(false)), ("resolved", Some(true)), ("active", Some(true))]);
    assert_eq!((&list["unread"], &list["items"][1]["resolveNote"]), (&json!(1), &json!("Sensor was off.")));
    assert_eq!(world.ask(&ana, "stats.get", json!({})).await.unwrap()["activeAlerts"], 2);
    // The retry of one that was accepted before.
    publish(&world, alert_of("a", "p-1", Severity::High)).await;
    assert_eq!(ids(&world.ask(&ana, "alerts.list", json!({})).await.unwrap()), ["c", "b", "a"]);
    world.end().await;

    let year_ms = 366 * 86_400_000;
    let world = World::start_at(&place, START_MS + year_ms, Config::development());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.ask(&ana, "alerts.list", json!({})).await.unwrap()["items"], json!([]));
    world.end().await;
}

#[derive(Clone, Debug)]
enum Step {
    Publish(u8),
    Read(u8, Vec<u8>),
    ReadAll(u8),
    Acknowledge(u8, u8),
    Resolve(u8, u8),
}

fn step() -> impl Strategy<Value = Step> {
    let id = 0..8_u8;
    prop_oneof![
        3 => id.clone().prop_map(Step::Publish),
        2 => (0..2_u8, prop::collection::vec(id.clone(), 1..4)).prop_map(|(user, ids)| Step::Read(user, ids)),
        1 => (0..2_u8).prop_map(Step::ReadAll),
        2 => (0..2_u8, id.clone()).prop_map(|(user, id)| Step::Acknowledge(user, id)),
        2 => (0..2_u8, id).prop_map(|(user, id)| Step::Resolve(user, id)),
    ]
}

/// What must be true, as plainly as it can be said.
#[derive(Default)]
struct Model {
    /// Who acknowledged and who resolved.
    alerts: BTreeMap<u8, (Option<u8>, Option<u8>)>,
    read: BTreeSet<(u8, u8)>,
}

impl Model {
    fn unread(&self, user: u8) -> usize {
        self.alerts.iter().filter(|(id, (_, resolved))| resolved.is_none() && !self.read.contains(&(user, **id))).count()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn property_of_marks_and_states_any_steps_of_two_users_give_what_a_plain_model_gives(steps in prop::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let world = World::start();
            let mut model = Model::default();
            let users = [nurse("u0"), nurse("u1")];
            let name = |id: u8| format!("a-{id}");
            for step in steps {
                match step {
                    Step::Publish(id) => {
                        publish(&world, alert_of(&name(id), "p-1", Severity::High)).await;
                        model.alerts.entry(id).or_default();
                    }
                    Step::Read(user, marked) => {
                        let named: Vec<String> = marked.iter().map(|id| name(*id)).collect();
                        world.ask(&users[usize::from(user)], "alerts.read", json!({"ids": named})).await.unwrap();
                        model.read.extend(marked.iter().filter(|id| model.alerts.contains_key(*id)).map(|id| (user, *id)));
                    }
                    Step::ReadAll(user) => {
                        world.ask(&users[usize::from(user)], "alerts.read", json!({"all": true})).await.unwrap();
                        let open = model.alerts.iter().filter(|(_, (_, resolved))| resolved.is_none());
                        model.read.extend(open.map(|(id, _)| (user, *id)));
                    }
                    Step::Acknowledge(user, id) | Step::Resolve(user, id) => {
                        let resolves = matches!(step, Step::Resolve(..));
                        let method = if resolves { "alerts.resolve" } else { "alerts.acknowledge" };
                        let done = world.ask(&users[usize::from(user)], method, json!({"id": name(id)})).await;
                        let may = model.alerts.get(&id).is_some_and(|(acknowledged, resolved)| resolves || resolved.is_none() || acknowledged.is_some());
                        assert_eq!(done.is_ok(), may, "{step:?}: {done:?}");
                        if let (true, Some((acknowledged, resolved))) = (may, model.alerts.get_mut(&id)) {
                            *(if resolves { resolved } else { acknowledged }) = (if resolves { *resolved } else { *acknowledged }).or(Some(user));
                            model.read.insert((user, id));
                        }
                    }
                }
                for user in [0, 1] {
                    let list = world.ask(&users[usize::from(user)], "alerts.list", json!({})).await.unwrap();
                    assert_eq!(list["unread"], model.unread(user));
                    assert_eq!(list["items"].as_array().unwrap().len(), model.alerts.len());
                    for item in list["items"].as_array().unwrap() {
                        let id: u8 = item["id"].as_str().unwrap()[2..].parse().unwrap();
                        let by = |user: Option<u8>| user.map_or(Value::Null, |user| json!(format!("u{user}")));
                        let (acknowledged, resolved) = model.alerts[&id];
                        assert_eq!(item["read"], model.read.contains(&(user, id)));
                        assert_eq!(item.get("acknowledgedById").unwrap_or(&Value::Null), &by(acknowledged));
                        assert_eq!(item.get("resolvedById").unwrap_or(&Value::Null), &by(resolved));
                    }
                }
                let active = model.alerts.values().filter(|(_, resolved)| resolved.is_none()).count();
                assert_eq!(world.ask(&users[0], "stats.get", json!({})).await.unwrap()["activeAlerts"], active);
            }
            world.end().await;
        });
    }
}
