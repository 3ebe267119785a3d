//! Notifications by `call`: who gets them, what is told, and what is left unread, against a model.

use crate::support::*;
use proptest::prelude::*;
use pulsewire_protocol::{ErrorCode, Pattern, RawJson};
use pulsewire_relay::config::Config;
use pulsewire_relay::domain::Domain;
use pulsewire_relay::domain::notifications::MAX_IDS;
use pulsewire_relay::relay::{Refusal, Seen as _};
use pulsewire_relay::store::{Place, Store};
use pulsewire_relay::{Clock, Entropy, Principal, Relay};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

struct World {
    relay: Relay,
    domain: Domain,
}

fn world() -> World {
    let relay = Relay::new(Config::development(), Clock::starting_at(START_MS), Entropy::from_seed(7));
    let store = Store::open(&Place::Memory, relay.clock().clone(), relay.entropy().clone(), Arc::clone(relay.metrics())).unwrap();
    let domain = Domain::attach(&relay, store);
    World { relay, domain }
}

fn user(tenant: &str, user: &str, role: &str) -> Principal {
    Principal {
        user: user.to_owned(),
        name: user.to_owned(),
        tenant: tenant.to_owned(),
        role: Some(role.to_owned()),
        expires_at_ms: START_MS + 86_400_000,
        counts_as_viewer: true,
        subscribe: vec![Pattern::Everything],
        publish: vec![Pattern::Everything],
    }
}

impl World {
    async fn call(&self, by: &Principal, method: &str, params: Value) -> Result<Value, Refusal> {
        let params = RawJson::parse(&params.to_string()).unwrap();
        let answer = self.relay.call(by, method, Some(&params)).await?;
        Ok(serde_json::from_str(answer.as_str()).unwrap())
    }
    async fn create(&self, to: Value) -> Vec<String> {
        let params = json!({"to": to, "title": "T", "body": "B", "severity": "low"});
        let answer = self.call(&user("ward", "b", "service"), "notifications.create", params).await.unwrap();
        answer["ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
    }
    async fn unread(&self, by: &Principal) -> i64 {
        self.call(by, "notifications.list", json!({})).await.unwrap()["unread"].as_i64().unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn roles_and_all_are_who_was_here_in_this_tenant() {
    let world = world();
    let (ana, bo, cy) = (user("ward", "ana", "nurse"), user("ward", "bo", "nurse"), user("ward", "cy", "doctor"));
    let stranger = user("other", "dee", "nurse");
    let watcher = Principal { counts_as_viewer: false, ..user("ward", "screen", "nurse") };
    for who in [&ana, &bo, &cy, &stranger, &watcher, &user("ward", "b", "service")] {
        world.domain.users().handle_user(who);
    }
    assert_eq!(world.create(json!({"roles": ["nurse"]})).await.len(), 2);
    assert_eq!(world.create(json!({"all": true})).await.len(), 3);
    // Named and of a role: once. Nobody knows `zed`, who finds it later.
    assert_eq!(world.create(json!({"users": ["zed", "ana"], "roles": ["nurse", "porter"]})).await.len(), 3);
    let mut counts = Vec::new();
    for who in [&ana, &bo, &cy, &user("ward", "zed", "nurse"), &stranger, &watcher] {
        counts.push(world.unread(who).await);
    }
    assert_eq!(counts, [3, 3, 1, 1, 0, 0]);
    // The newest token's role counts.
    world.domain.users().handle_user(&user("ward", "cy", "nurse"));
    assert_eq!(world.create(json!({"roles": ["nurse"]})).await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_create_is_refused_field_by_field_and_to_those_who_may_not() {
    let world = world();
    let backend = user("ward", "b", "service");
    let params =
        json!({"to": {"users": ["a b"], "all": "yes"}, "title": "line\nbreak", "severity": "grave", "link": "javascript:alert(1)"});
    let refusal = world.call(&backend, "notifications.create", params).await.unwrap_err();
    let named: Vec<&str> = refusal.fields.iter().map(|wrong| wrong.field.as_str()).collect();
    assert_eq!(named, ["to.users[0]", "to.all", "title", "body", "severity"]);
    let good = json!({"to": {"users": ["ana"]}, "title": "T", "body": "B", "severity": "low"});
    let linked = json!({"to": {"users": ["ana"]}, "title": "T", "body": "B", "severity": "low", "link": "javascript:alert(1)"});
    let refusal = world.call(&backend, "notifications.create", linked).await.unwrap_err();
    assert_eq!(refusal.fields[0].field, "link", "{refusal:?}");
    for by in [user("ward", "ana", "nurse"), Principal { publish: vec![Pattern::parse("user:bo").unwrap()], ..backend.clone() }] {
        let refusal = world.call(&by, "notifications.create", good.clone()).await.unwrap_err();
        assert_eq!(refusal.body.code, ErrorCode::Forbidden, "{refusal:?}");
    }
    assert_eq!(world.unread(&user("ward", "ana", "nurse")).await, 0);
    for (params, field) in [
        (json!({}), "ids"),
        (json!({"ids": ["x"], "all": true}), "ids"),
        (json!({"ids": vec!["x"; MAX_IDS + 1]}), "ids"),
        (json!({"ids": ["x", 5]}), "ids[1]"),
    ] {
        let refusal = world.call(&user("ward", "ana", "nurse"), "notifications.read", params).await.unwrap_err();
        assert_eq!(refusal.fields[0].field, field, "{refusal:?}");
    }
    let refusal = world.call(&backend, "notifications.list", json!({"before": "xx", "limit": 0})).await.unwrap_err();
    assert_eq!(refusal.fields.len(), 2, "{refusal:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_too_old_is_forgotten_and_counts_no_longer() {
    let world = world();
    let ana = user("ward", "ana", "nurse");
    // More than one bite of the retention.
    for _ in 0..3 {
        world.create(json!({"users": (0..500).map(|i| format!("u{i}")).chain(["ana".to_owned()]).collect::<Vec<_>>()})).await;
    }
    tokio::time::advance(Duration::from_secs(60 * 86_400)).await;
    world.create(json!({"users": ["ana"]})).await;
    tokio::time::advance(Duration::from_secs(31 * 86_400)).await;
    let (relay, store, stop) = (world.relay.clone(), world.domain.store().clone(), CancellationToken::new());
    let running = tokio::spawn(world.domain.run(relay.clone(), stop.clone()));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let left: i64 = store.read("count", |db| Ok(db.query_row("SELECT count(*) FROM notifications", [], |row| row.get(0))?)).await.unwrap();
    let listed = relay.call(&ana, "notifications.list", None).await.unwrap();
    let listed: Value = serde_json::from_str(listed.as_str()).unwrap();
    assert_eq!((left, listed["unread"].as_i64(), listed["items"].as_array().unwrap().len()), (1, Some(1), 1));
    stop.cancel();
    running.await.unwrap();
}

#[derive(Clone, Debug)]
enum Step {
    Create(bool, bool),
    /// Which of the ids that there are, by a number.
    Read(bool, Vec<usize>),
    Dismiss(bool, Vec<usize>),
    ReadAll(bool),
    DismissAll(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let some = || proptest::collection::vec(0usize..40, 1..6);
    prop_oneof![
        5 => (any::<bool>(), any::<bool>()).prop_map(|(a, b)| Step::Create(a, b)),
        3 => (any::<bool>(), some()).prop_map(|(who, which)| Step::Read(who, which)),
        2 => (any::<bool>(), some()).prop_map(|(who, which)| Step::Dismiss(who, which)),
        1 => any::<bool>().prop_map(Step::ReadAll),
        1 => any::<bool>().prop_map(Step::DismissAll),
    ]
}

/// One as the model has it.
#[derive(Clone, Debug)]
struct Known {
    whose: bool,
    id: String,
    read: bool,
    dismissed: bool,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn lists_and_counts_are_what_a_recount_of_everything_says(steps in proptest::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let world = world();
            let users = [user("ward", "ana", "nurse"), user("ward", "bo", "nurse")];
            let mut model: Vec<Known> = Vec::new();
            for step in steps {
                let (who, method, params) = match step {
                    Step::Create(a, b) => {
                        let to: Vec<bool> = [(a, false), (b, true)].into_iter().filter(|(on, _)| *on).map(|(_, whose)| whose).collect();
                        if !to.is_empty() {
                            let names: Vec<&str> = to.iter().map(|whose| users[usize::from(*whose)].user.as_str()).collect();
                            let ids = world.create(json!({ "users": names })).await;
                            model.extend(to.into_iter().zip(ids).map(|(whose, id)| Known { whose, id, read: false, dismissed: false }));
                        }
                        continue;
                    }
                    // Ids of others, unknown ones and those that are marked already are passed over.
                    Step::Read(who, which) | Step::Dismiss(who, which) if model.is_empty() => (who, "notifications.read", json!({"ids": which.iter().map(|i| format!("unknown-{i}")).collect::<Vec<_>>()})),
                    Step::Read(who, which) => {
                        let ids: Vec<String> = which.iter().map(|i| model[i % model.len()].id.clone()).collect();
                        model.iter_mut().filter(|known| known.whose == who && ids.contains(&known.id)).for_each(|known| known.read = true);
                        (who, "notifications.read", json!({ "ids": ids }))
                    }
                    Step::Dismiss(who, which) => {
                        let ids: Vec<String> = which.iter().map(|i| model[i % model.len()].id.clone()).collect();
                        model.iter_mut().filter(|known| known.whose == who && ids.contains(&known.id)).for_each(|known| known.dismissed = true);
                        (who, "notifications.dismiss", json!({ "ids": ids }))
                    }
                    Step::ReadAll(who) => {
                        model.iter_mut().filter(|known| known.whose == who).for_each(|known| known.read = true);
                        (who, "notifications.read", json!({"all": true}))
                    }
                    Step::DismissAll(who) => {
                        model.iter_mut().filter(|known| known.whose == who).for_each(|known| known.dismissed = true);
                        (who, "notifications.dismiss", json!({"all": true}))
                    }
                };
                let answer = world.call(&users[usize::from(who)], method, params).await.unwrap();
                let unread = model.iter().filter(|known| known.whose == who && !known.read && !known.dismissed).count();
                assert_eq!(answer, json!({ "unread": unread }));
            }
            for who in [false, true] {
                for only_unread in [false, true] {
                    let wanted: Vec<(&str, bool)> = model
                        .iter()
                        .rev()
                        .filter(|known| known.whose == who && !known.dismissed && !(only_unread && known.read))
                        .map(|known| (known.id.as_str(), known.read))
                        .collect();
                    let mut listed = Vec::new();
                    let mut before = Value::Null;
                    loop {
                        let params = json!({"unread": only_unread, "limit": 3, "before": before});
                        let page = world.call(&users[usize::from(who)], "notifications.list", params).await.unwrap();
                        listed.extend(page["items"].as_array().unwrap().clone());
                        before = page["next"].clone();
                        if before.is_null() {
                            break;
                        }
                    }
                    let listed: Vec<(&str, bool)> = listed.iter().map(|item| (item["id"].as_str().unwrap(), item["read"].as_bool().unwrap())).collect();
                    assert_eq!(listed, wanted);
                }
            }
        });
    }
}
