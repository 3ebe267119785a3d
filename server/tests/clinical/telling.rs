//! What was kept is told once: what is asked for again later is found in the lists, and a list that is refused leaves nothing behind.

use crate::support::*;
use proptest::prelude::*;
use pulsewire_protocol::{ErrorCode, Notification, Payload, Severity};
use pulsewire_relay::Publisher;
use pulsewire_relay::relay::Asked;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// For so long the broker knows a key again.
const KEY_KNOWN: Duration = Duration::from_secs(15 * 60);

fn notification(title: &str) -> Payload {
    Payload::Notification(Notification {
        id: None,
        title: title.to_owned(),
        body: "Bed 3".to_owned(),
        severity: Severity::Low,
        link: None,
        ts: None,
    })
}

#[tokio::test(start_paused = true)]
async fn a_notification_that_is_created_again_is_told_again_neither_soon_nor_later() {
    let world = World::start();
    let backend = principal("backend", "service");
    let new = json!({"to": {"users": ["ana", "bo"]}, "title": "T", "body": "B", "severity": "low", "key": "k-1"});
    let first = world.ask(&backend, "notifications.create", new.clone()).await.unwrap();
    for _ in 0..4 {
        assert_eq!(world.ask(&backend, "notifications.create", new.clone()).await.unwrap(), first);
        assert_eq!(world.told("user:ana", "notification").len(), 1);
        tokio::time::sleep(KEY_KNOWN + Duration::from_secs(1)).await;
    }
    assert_eq!((world.told("user:ana", "notification").len(), world.told("user:bo", "notification").len()), (1, 1));
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_execution_that_is_asked_for_again_later_is_told_once() {
    let world = World::start();
    let backend = principal("backend", "service");
    let (new, id) = (json!({"executionId": "e-1", "title": "Report", "key": "k-1"}), json!({"executionId": "e-1"}));
    let lines = json!({"executionId": "e-1", "lines": ["a", "b"], "key": "k-2"});
    let failed = json!({"executionId": "e-1", "status": "failed", "error": {"code": "c", "message": "m"}});
    let mut told = Vec::new();
    for _ in 0..3 {
        world.ask(&backend, "executions.create", new.clone()).await.unwrap();
        world.ask(&backend, "executions.log", lines.clone()).await.unwrap();
        told.push((world.told("tenant", "execution_new").len(), world.told("execution:e-1", "execution_log").len()));
        tokio::time::sleep(KEY_KNOWN + Duration::from_secs(1)).await;
    }
    assert_eq!(told, [(1, 1); 3]);
    world.ask(&backend, "executions.update", failed.clone()).await.unwrap();
    world.ask(&backend, "executions.retry", id.clone()).await.unwrap();
    let told =
        |world: &World| (world.told("execution:e-1", "execution_update").len(), world.told("execution:e-1", "execution_retry").len());
    let once = told(&world);
    tokio::time::sleep(KEY_KNOWN + Duration::from_secs(1)).await;
    world.ask(&backend, "executions.retry", id).await.unwrap();
    assert_eq!(told(&world), once, "asking twice is asking once, however late");
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_alert_that_is_acknowledged_again_later_is_told_once() {
    let world = World::start();
    world.publish("patient:p-1", Payload::Alert(alert_of("al-1", "p-1", Severity::High))).await.unwrap();
    let ana = nurse("ana");
    for _ in 0..3 {
        world.ask(&ana, "alerts.acknowledge", json!({"id": "al-1"})).await.unwrap();
        assert_eq!((world.told("tenant", "alert_updated").len(), world.told("patient:p-1", "alert_updated").len()), (1, 1));
        tokio::time::sleep(KEY_KNOWN + Duration::from_secs(1)).await;
    }
    world.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_list_whose_items_share_a_key_with_different_bodies_is_refused_before_any_of_it_is_kept() {
    let world = World::start();
    let backend = principal("backend", "service");
    let asked = |title: &str, key: &str| Asked { channel: "user:ana".to_owned(), payload: notification(title), key: Some(key.to_owned()) };
    let list = vec![asked("A", "k-1"), asked("B", "k-2"), asked("C", "k-1")];
    let (place, error) = world.relay.publish_all(Publisher::Principal(&backend), list).await.unwrap_err();
    assert_eq!((place, error.code), (Some(2), ErrorCode::BadRequest), "{error:?}");
    let kept = world.ask(&nurse("ana"), "notifications.list", json!({})).await.unwrap();
    assert_eq!((&kept["items"], &kept["unread"]), (&json!([]), &json!(0)));
    assert!(world.told("user:ana", "notification").is_empty());
    // An alert by its id alone, without any key.
    let alert = |message: &str| {
        let payload = Payload::Alert(pulsewire_protocol::Alert { message: message.to_owned(), ..alert_of("al-1", "p-1", Severity::High) });
        Asked { channel: "patient:p-1".to_owned(), payload, key: None }
    };
    let (place, error) = world.relay.publish_all(Publisher::Principal(&backend), vec![alert("fell"), alert("stood up")]).await.unwrap_err();
    assert_eq!((place, error.code), (Some(1), ErrorCode::BadRequest), "{error:?}");
    assert_eq!(world.ask(&nurse("ana"), "alerts.list", json!({})).await.unwrap()["items"], json!([]));
    world.end().await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn property_of_lists_what_is_refused_was_not_kept_and_what_is_accepted_is_kept_once(
        lists in prop::collection::vec(prop::collection::vec((0..3_u8, 0..2_u8, prop::option::of(0..3_u8)), 1..5), 1..6)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let world = World::start();
            let backend = principal("backend", "service");
            // By user and key, the title that was accepted; and how many without a key.
            let mut keyed: BTreeMap<(u8, u8), u8> = BTreeMap::new();
            let mut kept: BTreeMap<u8, Vec<String>> = BTreeMap::new();
            for list in lists {
                let asked = list.iter().map(|(user, title, key)| Asked {
                    channel: format!("user:u{user}"),
                    payload: notification(&format!("t{title}")),
                    key: key.map(|key| format!("k{key}")),
                });
                let published = world.relay.publish_all(Publisher::Principal(&backend), asked.collect()).await;
                let (mut would_be, mut fits) = (keyed.clone(), true);
                let mut new = Vec::new();
                for (user, title, key) in &list {
                    let Some(key) = key else {
                        new.push((*user, *title));
                        continue;
                    };
                    match would_be.insert((*user, *key), *title) {
                        None => new.push((*user, *title)),
                        Some(before) => fits &= before == *title,
                    }
                }
                assert_eq!(published.is_ok(), fits, "{list:?}: {published:?}");
                if fits {
                    keyed = would_be;
                    new.into_iter().for_each(|(user, title)| kept.entry(user).or_default().push(format!("t{title}")));
                }
            }
            for user in 0..3_u8 {
                let list = world.ask(&nurse(&format!("u{user}")), "notifications.list", json!({})).await.unwrap();
                let items = list["items"].as_array().unwrap();
                let mut titles: Vec<String> = items.iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect();
                let ids: BTreeSet<&str> = items.iter().map(|item| item["id"].as_str().unwrap()).collect();
                titles.sort();
                let mut wanted = kept.remove(&user).unwrap_or_default();
                wanted.sort();
                assert_eq!((titles, ids.len()), (wanted, items.len()), "user {user}");
            }
            world.end().await;
        });
    }
}
