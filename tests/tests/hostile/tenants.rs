//! Reaching across: another tenant's channels in every field that could name one, and another user's idempotency keys.

use crate::ward::{Ward, claims, sign};
use serde_json::{Value, json};

/// Names that would be the ward's channel if a tenant could be named.
const NAMES: [&str; 14] = [
    "ward/device:bed-1",
    "ward:device:bed-1",
    "ward.device:bed-1",
    "ward\0device:bed-1",
    "../ward/device:bed-1",
    "device:bed-1@ward",
    "device:../ward/bed-1",
    "device:ward:bed-1",
    "device:bed-1?tenant=ward",
    "tenant:ward",
    "tenant/ward",
    "*",
    "device:*",
    " device:bed-1",
];

const SECRET_OF_THE_WARD: &str = "HIV-positive";

#[tokio::test]
async fn no_field_of_any_command_reaches_into_another_tenant() {
    let mut ward = Ward::open().await;
    // What only the ward may know, in a channel whose name the attacker knows.
    let told = json!({"channel": "lobby", "event": "note", "data": SECRET_OF_THE_WARD});
    assert_eq!(ward.post("/api/v1/publish", &ward.service(), &told).await.status, 202);
    let mut victim = ward.welcomed(&ward.token("victim"), &["lobby", "patient:p-1", "tenant", "device:bed-9"]).await;

    let attacker = sign(&claims("mallory", "elsewhere", "admin"));
    let mut socket = ward.welcomed(&attacker, &["lobby", "tenant", "patient:p-1", "device:bed-9", "dashboard", "admin"]).await;
    let mut answers: Vec<Value> = Vec::new();
    let mut id = 1;
    for name in NAMES.into_iter().chain(["lobby", "patient:p-1", "user:victim"]) {
        for mut command in [
            json!({"type": "subscribe", "channel": name, "history": 100, "recover": {"epoch": "e", "offset": 0}}),
            json!({"type": "publish", "channel": name, "event": "evil", "data": "gotcha"}),
            json!({"type": "publish", "channel": name, "event": "device_status", "data": {"deviceId": "bed-1", "status": "offline"}}),
            json!({"type": "call", "method": "history.get", "params": {"channel": name, "tenant": "ward", "after": 0}}),
            json!({"type": "call", "method": "presence.get", "params": {"channel": name, "tenant": "ward"}}),
            json!({"type": "unsubscribe", "channel": name}),
        ] {
            id += 1;
            command["id"] = id.into();
            command["tenant"] = "ward".into();
            answers.push(socket.ask(command).await);
        }
        for path in ["history", "presence"] {
            let escaped: String = name.bytes().map(|byte| format!("%{byte:02x}")).collect();
            let answer = ward.get(&format!("/api/v1/{path}/{escaped}?tenant=ward&limit=100"), Some(&attacker)).await;
            assert!(answer.status < 500, "{name}: {answer:?}");
            answers.push(answer.json());
        }
        let poll = json!({"tenant": "ward", "channels": [{"channel": name, "history": 100, "tenant": "ward"}]});
        answers.push(ward.post("/api/v1/poll", &attacker, &poll).await.json());
        let item = json!({"tenant": "ward", "channel": name, "event": "evil", "data": "gotcha"});
        answers.push(ward.post("/api/v1/publish?tenant=ward", &attacker, &item).await.json());
    }
    // An alert goes to two channels, and statistics and devices are of the tenant as a whole.
    let alert = json!({"patientId": "p-1", "patientName": "x", "type": "t", "severity": "high", "message": "evil", "tenant": "ward"});
    assert_eq!(ward.post("/api/v1/alerts", &attacker, &alert).await.status, 202);
    for path in ["/api/v1/devices", "/api/v1/devices/bed-1", "/api/v1/alerts", "/api/v1/stats"] {
        answers.push(ward.get(path, Some(&attacker)).await.json());
    }
    let all = json!(answers).to_string();
    for known in [SECRET_OF_THE_WARD, "witness", "\"userId\":\"victim\""] {
        assert!(!all.contains(known), "the attacker was told {known:?}");
    }

    // What the victim hears is the ward's alone.
    ward.post("/api/v1/publish", &ward.service(), &json!({"channel": "lobby", "event": "end", "data": 1})).await;
    loop {
        let message = victim.next().await.expect("the victim is still connected");
        assert!(!message.to_string().contains("evil") && !message.to_string().contains("mallory"), "{message}");
        if message["event"] == "end" {
            break;
        }
    }
    ward.still_serves().await;
}

#[tokio::test]
async fn another_users_idempotency_key_neither_answers_for_one_nor_stands_in_ones_way() {
    let mut ward = Ward::open().await;
    let mut ana = ward.welcomed(&ward.token("ana"), &["lobby"]).await;
    let mut bob = ward.welcomed(&ward.token("bob"), &[]).await;
    let publish = |id: u64, data: &str, key: &str| json!({"type": "publish", "id": id, "channel": "lobby", "event": "note", "data": data, "key": key});
    let mut offsets = Vec::new();
    for (at, key) in ["k-1", "ana\0k-1", "\0k-1", "k-1\0", "\0alert\0a-1"].into_iter().enumerate() {
        let id = 10 + at as u64 * 10;
        let first = bob.ask(publish(id, "bob's", key)).await;
        let same = ana.ask(publish(id, "bob's", key)).await;
        let other = ana.ask(publish(id + 1, "ana's", key)).await;
        let again = bob.ask(publish(id + 1, "bob's", key)).await;
        assert_eq!(again["result"], first["result"], "one's own key answers for one: {again}");
        assert_ne!(same["result"]["offset"], first["result"]["offset"], "another's does not");
        assert_eq!(other["code"], "bad_request", "ana's own key with another body");
        offsets.extend([first["result"]["offset"].as_u64().unwrap(), same["result"]["offset"].as_u64().unwrap()]);
    }
    let mut fresh = offsets.clone();
    fresh.sort_unstable();
    fresh.dedup();
    assert_eq!(fresh.len(), offsets.len(), "each of them was stored: {offsets:?}");
    for bad in ["", &"k".repeat(129)] {
        assert_eq!(bob.ask(publish(900, "x", bad)).await["code"], "bad_request");
    }
    ward.still_serves().await;
}

#[tokio::test]
async fn nobody_publishes_or_listens_in_another_users_name() {
    let mut ward = Ward::open().await;
    let mut victim = ward.welcomed(&ward.token("victim"), &["conversation:c-1"]).await;
    let mut socket = ward.welcomed(&ward.token("mallory"), &["conversation:c-1"]).await;
    assert_eq!(socket.ask(json!({"type": "subscribe", "id": 2, "channel": "user:victim"})).await["code"], "forbidden");
    let notify = json!({"type": "publish", "id": 3, "channel": "user:victim", "event": "notification", "data": {"title": "t", "body": "b", "severity": "high"}});
    assert_eq!(socket.ask(notify).await["code"], "forbidden");
    let spoofed = json!({"type": "publish", "id": 4, "channel": "conversation:c-1", "event": "message_status", "from": {"user": "victim", "name": "victim"},
        "data": {"messageId": "m-1", "status": "read", "user": "victim"}});
    assert_eq!(socket.ask(spoofed).await["type"], "reply");
    let event = victim.next_of("event").await;
    assert_eq!((&event["from"]["user"], &event["data"]["user"]), (&json!("mallory"), &json!("mallory")), "{event}");
    for backend_only in ["alert", "telemetry", "device_status", "dashboard_stats", "execution_update", "new_patient"] {
        let command = json!({"type": "publish", "id": 5, "channel": "tenant", "event": backend_only, "data": {"patientId": "p-1"}});
        let answer = socket.ask(command).await;
        assert!(["forbidden", "bad_request"].contains(&answer["code"].as_str().unwrap()), "{backend_only}: {answer}");
    }
    for path in ["/api/v1/devices/status", "/api/v1/telemetry", "/api/v1/alerts"] {
        assert_eq!(ward.post(path, &ward.token("mallory"), &json!([])).await.status, 403, "{path}");
    }
    ward.still_serves().await;
}
