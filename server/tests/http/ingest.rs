//! What is accepted, item by item or whole, and how a refused item reads.

use crate::client::*;
use pulsewire_relay::config::Config;
use serde_json::{Value, json};

#[test]
fn a_status_an_alert_and_telemetry_are_accepted_and_can_be_read_back() {
    let server = Server::dev();
    let token = service();
    let status = server.post("/api/v1/devices/status", &token, &json!({"deviceId": "bed-1", "status": "online", "battery": 0.5}));
    assert_eq!(status.status, 202, "{status:?}");
    let outcome = status.json();
    assert_eq!((outcome["channel"].as_str(), outcome["accepted"]["offset"].as_u64()), (Some("device:bed-1"), Some(1)));
    let points = json!({"deviceId": "bed-1", "series": {"ecg": {"t": [1, 2.5], "v": [0.1, -0.2], "unit": "mV"}}});
    let alert = json!({"patientId": "patient-1", "patientName": "Maria", "type": "spo2_low", "severity": "high", "message": "low"});
    for path in ["/api/v1/devices/telemetry", "/api/v1/telemetry"] {
        assert_eq!(server.post(path, &token, &points).status, 202, "{path}");
    }
    for path in ["/api/v1/devices/alerts", "/api/v1/alerts"] {
        assert_eq!(server.post(path, &token, &alert).status, 202, "{path}");
    }
    let history = server.get("/api/v1/history/device:bed-1", &nurse()).json();
    let events: Vec<&str> = history["publications"].as_array().unwrap().iter().map(|p| p["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["device_status", "telemetry", "telemetry"], "{history}");
    assert_eq!(history["publications"][0]["data"]["battery"], 0.5);
    assert!(history["publications"][0]["data"]["lastSeen"].is_number(), "the relay fills lastSeen in");
    // An alert reaches the patient and the tenant.
    for channel in ["patient:patient-1", "tenant"] {
        let history = server.get(&format!("/api/v1/history/{channel}"), &nurse()).json();
        assert_eq!(history["publications"].as_array().unwrap().iter().filter(|p| p["event"] == "alert").count(), 2, "{channel}: {history}");
    }
    if cfg!(feature = "domain") {
        let alerts = server.get("/api/v1/alerts?limit=1", &nurse()).json();
        assert_eq!(alerts["items"].as_array().unwrap().len(), 1);
        assert_eq!(server.get("/api/v1/devices/bed-1", &nurse()).json()["metrics"], json!(["ecg"]));
    }
}

/// What was stored of a bed.
fn history_of(server: &Server, bed: u32) -> Vec<Value> {
    server.get(&format!("/api/v1/history/device:bed-{bed}"), &nurse()).json()["publications"].as_array().unwrap().clone()
}

#[test]
fn an_array_is_accepted_item_by_item_and_each_refusal_names_index_field_and_reason() {
    let server = Server::dev();
    let items = json!([
        {"deviceId": "bed-1", "status": "online"},
        {"deviceId": "bed-2", "status": "sleeping"},
        {"deviceId": "bed-3", "status": "online", "battery": 3},
        {"status": "online"},
        {"deviceId": "bed 5", "status": "online"},
        "bed-6",
        {"deviceId": "bed-7", "status": "offline"},
    ]);
    let answer = server.post("/api/v1/devices/status", &service(), &items);
    assert_eq!(answer.status, 202, "{answer:?}");
    let outcomes = answer.json();
    let outcomes = outcomes.as_array().unwrap();
    assert_eq!(outcomes.len(), 7);
    for (index, outcome) in outcomes.iter().enumerate() {
        assert_eq!(outcome["index"], index);
        assert_eq!(outcome["accepted"].is_object(), [0, 6].contains(&index), "{outcome}");
        assert_eq!(outcome["error"].is_object(), ![0, 6].contains(&index), "{outcome}");
    }
    assert_eq!(outcomes[1]["error"]["field"], "status", "{}", outcomes[1]);
    assert!(outcomes[1]["error"]["message"].as_str().unwrap().contains("maintenance"), "the accepted words: {}", outcomes[1]);
    assert_eq!(outcomes[2]["error"]["field"], "battery", "{}", outcomes[2]);
    assert!(outcomes[3]["error"]["message"].as_str().unwrap().contains("deviceId"), "{}", outcomes[3]);
    assert_eq!(outcomes[5]["error"]["code"], "bad_request");
    let heard: Vec<u32> = [1, 2, 3, 7].into_iter().filter(|bed| !history_of(&server, *bed).is_empty()).collect();
    assert_eq!(heard, [1, 7], "what was refused left no trace");
    if cfg!(feature = "domain") {
        let devices = server.get("/api/v1/devices", &nurse()).json();
        let known: Vec<&str> = devices["items"].as_array().unwrap().iter().map(|d| d["deviceId"].as_str().unwrap()).collect();
        assert_eq!(known, ["bed-1", "bed-7"]);
    }
}

#[test]
fn an_atomic_array_with_one_mistake_applies_nothing() {
    let server = Server::dev();
    let items = json!([{"deviceId": "bed-1", "status": "online"}, {"deviceId": "bed-2", "status": "online", "battery": -1}]);
    let problem = assert_problem(&server.post("/api/v1/devices/status?atomic=true", &service(), &items), 422, "bad_request");
    assert_eq!(problem["outcomes"].as_array().unwrap().len(), 1, "{problem}");
    assert_eq!(problem["outcomes"][0]["index"], 1);
    assert!(history_of(&server, 1).is_empty());
    let publish = json!([
        {"channel": "device:bed-1", "event": "note", "data": {}},
        {"channel": "device:bed-1", "event": "device_status", "data": {"deviceId": "bed-2", "status": "online"}},
    ]);
    assert_problem(&server.post("/api/v1/publish?atomic=true", &service(), &publish), 422, "bad_request");
    assert_eq!(server.get("/api/v1/history/device:bed-1", &nurse()).json()["offset"], 0);
    let good = json!([{"deviceId": "bed-1", "status": "online"}, {"deviceId": "bed-2", "status": "offline"}]);
    let answer = server.post("/api/v1/devices/status?atomic=true", &service(), &good);
    assert_eq!((answer.status, answer.json().as_array().unwrap().len()), (202, 2));
    assert_problem(&server.post("/api/v1/devices/status?atomic=maybe", &service(), &good), 400, "bad_request");
}

#[test]
fn an_atomic_array_is_refused_whole_for_its_keys_too() {
    let server = Server::dev();
    let note = |key: &str, text: &str| json!({"channel": "ward:2", "event": "note", "data": {"text": text}, "key": key});
    let used = json!([note("used", "first")]);
    assert_eq!(server.post("/api/v1/publish", &service(), &used).status, 202);
    let bad_keys = [
        json!([note("a", "1"), note(&"k".repeat(200), "2")]),
        json!([note("b", "1"), note("", "2")]),
        json!([note("c", "1"), note("c", "2")]),
        json!([note("d", "1"), note("used", "another")]),
    ];
    for items in bad_keys {
        assert_problem(&server.post("/api/v1/publish?atomic=true", &service(), &items), 422, "bad_request");
        assert_eq!(server.get("/api/v1/history/ward:2", &nurse()).json()["offset"], 1, "nothing was stored: {items}");
    }
    let repeated = json!([note("used", "first"), note("e", "2")]);
    assert_eq!(server.post("/api/v1/publish?atomic=true", &service(), &repeated).status, 202, "a repetition is no conflict");
    assert_eq!(server.get("/api/v1/history/ward:2", &nurse()).json()["offset"], 2);
}

#[test]
fn an_alert_needs_the_right_to_its_patient_also_when_the_tenant_is_named() {
    let server = Server::dev();
    let alert = json!({"patientId": "p1", "patientName": "Maria", "type": "spo2_low", "severity": "high", "message": "low"});
    let item = json!({"channel": "tenant", "event": "alert", "data": alert});
    let only = |pattern: &str| token_for("service", &[pattern]);
    assert_problem(&server.post("/api/v1/publish", &only("tenant"), &item), 403, "forbidden");
    assert_eq!(server.get("/api/v1/history/patient:p1", &nurse()).json()["offset"], 0);
    let direct = json!({"channel": "patient:p1", "event": "alert", "data": alert});
    assert_eq!(server.post("/api/v1/publish", &only("patient:*"), &direct).status, 202, "the copy to the tenant is implied");
    assert_eq!(server.get("/api/v1/history/tenant", &nurse()).json()["offset"], 1);
}

#[test]
fn an_array_of_which_nothing_is_accepted_is_a_problem_and_an_empty_one_is_not() {
    let server = Server::dev();
    let problem =
        assert_problem(&server.post("/api/v1/devices/status", &service(), &json!([{"deviceId": "bed-1"}, {}])), 422, "bad_request");
    assert_eq!(problem["outcomes"].as_array().unwrap().len(), 2);
    let answer = server.post("/api/v1/devices/status", &service(), &json!([]));
    assert_eq!((answer.status, answer.json()), (202, json!([])));
}

#[test]
fn one_refused_object_is_its_own_problem_with_the_field() {
    let server = Server::dev();
    let problem = assert_problem(
        &server.post("/api/v1/devices/telemetry", &service(), &json!({"deviceId": "bed-1", "series": {"ecg": {"t": [1, 2], "v": [1]}}})),
        422,
        "bad_request",
    );
    assert!(problem["field"].as_str().unwrap().starts_with("series.ecg"), "{problem}");
    let problem = assert_problem(
        &server.post("/api/v1/devices/telemetry", &service(), &json!({"deviceId": "b", "series": {"ecg": {"t": [1, "x"], "v": [1, 2]}}})),
        422,
        "bad_request",
    );
    assert_eq!(problem["field"], "series.ecg.t[1]", "{problem}");
    for body in ["{\"deviceId\": \"bed-1\"", "", "5", "[1,", "null"] {
        let answer = server.post_text("/api/v1/devices/status", &service(), "application/json", body);
        assert!([400, 422].contains(&answer.status), "{body:?}: {answer:?}");
        assert_eq!(answer.json()["code"], "bad_request");
    }
}

#[test]
fn the_same_key_publishes_once_whether_in_the_item_or_in_the_header() {
    let server = Server::dev();
    let note = |text: &str| json!({"channel": "patient:patient-1", "event": "note", "data": {"text": text}});
    let with_key = |body: &Value, key: &str| {
        server.request(
            "POST",
            "/api/v1/publish",
            Some(&service()),
            Some(("application/json", body.to_string().as_bytes())),
            &[("idempotency-key", key)],
        )
    };
    let first = with_key(&note("a"), "k1").json();
    assert_eq!(with_key(&note("a"), "k1").json(), first, "the first result again");
    assert_eq!(with_key(&note("a"), "\"k1\"").json(), first, "the quoted form of the header is the same key");
    let problem = assert_problem(&with_key(&note("b"), "k1"), 422, "bad_request");
    assert_eq!(problem["field"], "key", "{problem}");
    let mut in_item = note("a");
    in_item["key"] = json!("k1");
    assert_eq!(server.post("/api/v1/publish", &service(), &in_item).json(), first);
    let array = json!([note("c"), note("d")]);
    assert_eq!(with_key(&array, "k2").json(), with_key(&array, "k2").json());
    let history = server.get("/api/v1/history/patient:patient-1", &nurse()).json();
    assert_eq!(history["offset"], 3, "a, c and d once each: {history}");
    assert_problem(&with_key(&note("a"), &"k".repeat(101)), 400, "bad_request");
}

#[test]
fn a_thousand_items_with_mistakes_all_over_get_one_outcome_each() {
    let server = Server::dev();
    let items: Vec<Value> = (0..1_000)
        .map(|i| if i % 3 == 0 { json!({"deviceId": i}) } else { json!({"deviceId": format!("bed-{i}"), "status": "online"}) })
        .collect();
    let outcomes = server.post("/api/v1/devices/status", &service(), &json!(items)).json();
    for (index, outcome) in outcomes.as_array().unwrap().iter().enumerate() {
        assert_eq!(outcome["index"], index);
        assert_eq!(outcome["error"].is_object(), index % 3 == 0, "{outcome}");
    }
    if cfg!(feature = "domain") {
        assert_eq!(server.get("/api/v1/devices?limit=1000", &nurse()).json()["items"].as_array().unwrap().len(), 666);
    }
}

#[test]
fn an_alerts_outcome_tells_its_id_and_a_conflict_names_what_conflicts() {
    let server = Server::dev();
    let alert = |more: Value| {
        let mut alert = json!({"patientId": "p1", "patientName": "Maria", "type": "spo2_low", "severity": "high", "message": "low"});
        alert.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        alert
    };
    let outcome = server.post("/api/v1/alerts", &service(), &alert(json!({}))).json();
    let id = outcome["id"].as_str().unwrap().to_owned();
    let told = server.get("/api/v1/history/tenant", &nurse()).json();
    assert_eq!(told["publications"][0]["data"]["id"], id.as_str());
    let outcomes = server.post("/api/v1/alerts", &service(), &json!([alert(json!({"id": "a1"})), alert(json!({}))])).json();
    assert_eq!(outcomes[0]["id"], "a1");
    assert!(outcomes[1]["id"].as_str().is_some_and(|other| other != id && other != "a1"), "{outcomes}");
    let note = json!({"channel": "ward:1", "event": "note", "data": 1});
    assert_eq!(server.post("/api/v1/publish", &service(), &note).json().get("id"), None, "nothing else has one");
    // The data endpoint's fields begin at the data, the other one's at the item.
    let other = alert(json!({"id": "a1", "message": "very low"}));
    let problem = assert_problem(&server.post("/api/v1/alerts", &service(), &other), 422, "bad_request");
    assert_eq!(problem["field"], "id", "{problem}");
    let item = json!({"channel": "patient:p1", "event": "alert", "data": other});
    let problem = assert_problem(&server.post("/api/v1/publish", &service(), &item), 422, "bad_request");
    assert_eq!(problem["field"], "data.id", "{problem}");
    let keyed = json!([{"channel": "patient:p1", "event": "alert", "data": alert(json!({})), "key": "k"},
        {"channel": "patient:p1", "event": "alert", "data": alert(json!({"message": "x"})), "key": "k"}]);
    let outcomes = server.post("/api/v1/publish", &service(), &keyed).json();
    assert_eq!(outcomes[1]["error"]["field"], "key", "{outcomes}");
}

#[test]
fn an_atomic_array_that_the_store_cannot_take_whole_leaves_no_trace() {
    let mut config = Config::development();
    // Room for one channel, and somebody listens to it: it cannot make room for another.
    config.history.channels = 1;
    let server = Server::with(config);
    let note = |channel: &str| json!({"channel": channel, "event": "note", "data": 1});
    assert_eq!(server.post("/api/v1/publish", &service(), &note("ward:1")).status, 202);
    let position = server.get("/api/v1/history/ward:1", &nurse()).json();
    let recover = json!({"epoch": position["epoch"], "offset": 1});
    let poll = json!({"channels": [{"channel": "ward:1", "recover": recover}], "waitMs": 20_000});
    std::thread::scope(|scope| {
        let poller = scope.spawn(|| server.post("/api/v1/poll", &nurse(), &poll));
        let both = json!([note("ward:1"), note("ward:2")]);
        let answer = server.post("/api/v1/publish?atomic=true", &service(), &both);
        let problem = assert_problem(&answer, 503, "unavailable");
        assert_eq!((problem["retryable"].as_bool(), problem["outcomes"].as_array().map(Vec::len)), (Some(true), Some(2)), "{problem}");
        let after = server.get("/api/v1/history/ward:1", &nurse()).json();
        assert_eq!((&after["epoch"], &after["offset"]), (&position["epoch"], &json!(1)), "nothing was stored");
        server.post("/api/v1/publish", &service(), &note("ward:1"));
        assert_eq!(poller.join().unwrap().json()["channels"][0]["publications"][0]["offset"], 2);
    });
}
