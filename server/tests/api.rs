//! The HTTP API against a real relay on a free port: what is accepted, how refusals read, and that nothing is half-applied.

// Tests may panic: that is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod http;

use http::{Answer, Server, nurse, service, stranger};
use proptest::prelude::*;
use pulsewire_protocol::{DeviceState, DeviceStatus, Payload, PollRequest, PublishItem, SubscribeEntry, SubscribedEntry, cbor};
use pulsewire_relay::config::Config;
use serde_json::{Value, json};

#[track_caller]
fn assert_problem(answer: &Answer, status: u16, code: &str) -> Value {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/problem+json", "{answer:?}");
    let problem = answer.json();
    assert_eq!(problem["status"], status, "{problem}");
    assert_eq!(problem["code"], code, "{problem}");
    for member in ["type", "title", "detail"] {
        assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{member} in {problem}");
    }
    problem
}

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
    let alerts = server.get("/api/v1/alerts?limit=1", &nurse()).json();
    assert_eq!(alerts["items"].as_array().unwrap().len(), 1);
    assert_eq!(server.get("/api/v1/devices/bed-1", &nurse()).json()["metrics"], json!(["ecg"]));
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
    let devices = server.get("/api/v1/devices", &nurse()).json();
    let known: Vec<&str> = devices["items"].as_array().unwrap().iter().map(|d| d["deviceId"].as_str().unwrap()).collect();
    assert_eq!(known, ["bed-1", "bed-7"], "what was refused left no trace");
}

#[test]
fn an_atomic_array_with_one_mistake_applies_nothing() {
    let server = Server::dev();
    let items = json!([{"deviceId": "bed-1", "status": "online"}, {"deviceId": "bed-2", "status": "online", "battery": -1}]);
    let problem = assert_problem(&server.post("/api/v1/devices/status?atomic=true", &service(), &items), 422, "bad_request");
    assert_eq!(problem["outcomes"].as_array().unwrap().len(), 1, "{problem}");
    assert_eq!(problem["outcomes"][0]["index"], 1);
    assert_eq!(server.get("/api/v1/devices", &nurse()).json()["items"], json!([]));
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
fn every_token_problem_has_its_code_and_a_challenge() {
    let server = Server::dev();
    let body = json!({"deviceId": "bed-1", "status": "online"});
    let expired = http::token_at("service", 1_600_000_000_000, 60);
    let cases = [
        (None, "token_missing", "Bearer"),
        (Some(""), "token_missing", "Bearer"),
        (Some("nonsense"), "token_malformed", "Bearer error=\"invalid_token\""),
        (Some(&*stranger()), "token_invalid", "Bearer error=\"invalid_token\""),
        (Some(&*expired), "token_expired", "Bearer error=\"invalid_token\""),
    ]
    .map(|(token, code, challenge)| (token.map(str::to_owned), code, challenge));
    for (token, code, challenge) in cases {
        let answer = server.request(
            "POST",
            "/api/v1/devices/status",
            token.as_deref(),
            Some(("application/json", body.to_string().as_bytes())),
            &[],
        );
        assert_problem(&answer, 401, code);
        assert_eq!(answer.header("www-authenticate"), challenge, "{code}");
        for get in ["/api/v1/stats", "/api/v1/devices", "/api/v1/history/tenant", "/api/v1/presence/tenant"] {
            assert_problem(&server.request("GET", get, token.as_deref(), None, &[]), 401, code);
        }
    }
}

#[test]
fn rights_are_the_relays_over_http_too() {
    let server = Server::with(http::strict_config());
    let status = json!({"deviceId": "bed-1", "status": "online"});
    let forbidden = server.post("/api/v1/devices/status", &server.token("nurse", &["*"], &["*"]), &status);
    assert!(assert_problem(&forbidden, 403, "forbidden")["detail"].as_str().unwrap().contains("service or admin"));
    let elsewhere = server.token("service", &[], &["device:bed-2"]);
    assert_problem(&server.post("/api/v1/devices/status", &elsewhere, &status), 403, "forbidden");
    assert_eq!(server.post("/api/v1/devices/status", &server.token("service", &[], &["device:*"]), &status).status, 202);
    // A client may say what a client may say, and no more.
    let talker = server.token("nurse", &["conversation:c1"], &["conversation:c1"]);
    let say = |event: &str, data: Value| json!({"channel": "conversation:c1", "event": event, "data": data});
    assert_eq!(server.post("/api/v1/publish", &talker, &say("typing_start", json!({"conversationId": "c1"}))).status, 202);
    assert_eq!(server.post("/api/v1/publish", &talker, &say("note", json!({"any": [1, 2]}))).status, 202);
    let update = say("conversation_updated", json!({"conversationId": "c1", "updates": {}}));
    assert_problem(&server.post("/api/v1/publish", &talker, &update), 403, "forbidden");
    assert_problem(&server.get("/api/v1/history/device:bed-1", &talker), 403, "forbidden");
    assert_problem(&server.get("/api/v1/presence/tenant", &talker), 403, "forbidden");
    assert_problem(&server.get("/api/v1/stats", &talker), 403, "forbidden");
    assert_problem(&server.get("/api/v1/history/Device:1", &talker), 400, "invalid_channel");
    // Where an array is refused for one reason alone, the status says that reason.
    let array = json!([status, status]);
    assert_problem(&server.post("/api/v1/devices/status", &elsewhere, &array), 403, "forbidden");
}

#[test]
fn a_tenant_never_reads_what_another_one_was_told() {
    let server = Server::dev();
    assert_eq!(server.post("/api/v1/devices/status", &service(), &json!({"deviceId": "bed-1", "status": "online"})).status, 202);
    let other = http::token_of("south", "service");
    assert_eq!(server.get("/api/v1/history/device:bed-1", &other).json()["publications"], json!([]));
    assert_eq!(server.get("/api/v1/devices", &other).json()["items"], json!([]));
    assert_problem(&server.get("/api/v1/devices/bed-1", &other), 404, "not_found");
}

#[test]
fn unknown_paths_and_wrong_methods_are_problems_too() {
    let server = Server::dev();
    for path in ["/", "/api", "/api/v1/nothing", "/dev/nothing", "/../etc/passwd"] {
        let problem = assert_problem(&server.request("GET", path, None, None, &[]), 404, "not_found");
        assert!(problem["detail"].as_str().unwrap().contains("there is nothing at"), "{problem}");
    }
    let problem = server.request("GET", "/api/v1/nothing?token=eyJhbGciOiJIUzI1NiJ9.e30.c2ln", None, None, &[]);
    assert!(!problem.text().contains("eyJ"), "a token in a query is never told back: {problem:?}");
    for (method, path, allow) in [
        ("GET", "/api/v1/publish", "POST"),
        ("DELETE", "/api/v1/poll", "POST"),
        ("POST", "/api/v1/stats", "GET,HEAD"),
        ("PUT", "/healthz", "GET,HEAD"),
    ] {
        let answer = server.request(method, path, Some(&service()), None, &[]);
        assert_problem(&answer, 405, "bad_request");
        assert_eq!(answer.header("allow"), allow, "{method} {path}");
    }
}

#[test]
fn a_body_of_the_wrong_type_or_too_large_is_refused_before_it_is_read() {
    let mut config = Config::development();
    config.limits.max_message_bytes = 1_024;
    config.limits.max_body_bytes = 4_096;
    let server = Server::with(config);
    let body = json!({"deviceId": "bed-1", "status": "online"}).to_string();
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/cbor"] {
        let answer = server.post_text("/api/v1/devices/status", &service(), kind, &body);
        let problem = assert_problem(&answer, 415, "bad_request");
        assert!(problem["detail"].as_str().unwrap().contains("application/json"), "{problem}");
    }
    for kind in ["application/json; charset=utf-8", "Application/JSON", "application/vnd.pulsewire+json"] {
        assert_eq!(server.post_text("/api/v1/devices/status", &service(), kind, &body).status, 202, "{kind}");
    }
    let huge = format!("{body}{}", " ".repeat(5_000));
    assert_problem(&server.post_text("/api/v1/devices/status", &service(), "application/json", &huge), 413, "too_large");
    assert_problem(&server.post_text("/api/v1/poll", &service(), "application/json", &huge), 413, "too_large");
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
fn publish_and_poll_speak_cbor_as_well() {
    let server = Server::dev();
    let status = DeviceStatus { device_id: "bed-1".to_owned(), status: DeviceState::Online, battery: Some(0.5), last_seen: None };
    let good = PublishItem { channel: "device:bed-1".to_owned(), payload: Payload::DeviceStatus(status.clone()), key: None };
    let bad = PublishItem { channel: "device:bed-2".to_owned(), ..good.clone() };
    let body = cbor::encode_publish_items(&[good, bad]);
    let answer = server.request("POST", "/api/v1/publish", Some(&service()), Some(("application/cbor", &body)), &[]);
    assert_eq!((answer.status, answer.header("content-type")), (202, "application/cbor"));
    let outcomes = cbor::decode_publish_outcomes(&answer.body).unwrap();
    assert_eq!(outcomes[0].accepted.as_ref().unwrap().offset, 1);
    assert!(outcomes[1].error.as_ref().unwrap().message.contains("deviceId"), "{outcomes:?}");

    let entry = |channel: &str| SubscribeEntry { history: Some(10), ..SubscribeEntry::new(channel) };
    let poll = PollRequest { channels: vec![entry("device:bed-1"), entry("no channel")], wait_ms: None };
    let answer = server.request("POST", "/api/v1/poll", Some(&nurse()), Some(("application/cbor", &cbor::encode_poll_request(&poll))), &[]);
    let response = cbor::decode_poll_response(&answer.body).unwrap();
    let SubscribedEntry::Subscribed(device) = &response.channels[0] else { panic!("{response:?}") };
    assert!(matches!(&device.publications[0].payload, Payload::DeviceStatus(s) if s.battery == status.battery));
    assert!(matches!(&response.channels[1], SubscribedEntry::Refused(refused) if refused.channel == "no channel"));

    // The same request with `Accept` for the other format, both ways.
    let body = json!({"channels": [{"channel": "device:bed-1", "history": 10}]}).to_string();
    let accept = [("accept", "application/cbor")];
    let answer = server.request("POST", "/api/v1/poll", Some(&nurse()), Some(("application/json", body.as_bytes())), &accept);
    assert!(cbor::decode_poll_response(&answer.body).is_ok(), "{answer:?}");
    let accept = [("accept", "application/json")];
    let answer =
        server.request("POST", "/api/v1/poll", Some(&nurse()), Some(("application/cbor", &cbor::encode_poll_request(&poll))), &accept);
    assert_eq!(answer.json()["channels"][0]["publications"][0]["data"]["battery"], 0.5);
    for garbage in [&b"\xff"[..], b"\xa1", b"", b"\x9f\x9f\x9f"] {
        let answer = server.request("POST", "/api/v1/poll", Some(&nurse()), Some(("application/cbor", garbage)), &[]);
        assert!([400, 422].contains(&answer.status), "{answer:?}");
        assert_eq!(answer.json()["code"], "bad_request");
    }
}

#[test]
fn a_poll_that_waits_is_answered_by_what_is_published_meanwhile() {
    let server = Server::dev();
    assert_eq!(server.post("/api/v1/devices/status", &service(), &json!({"deviceId": "bed-1", "status": "online"})).status, 202);
    let first = server.post("/api/v1/poll", &nurse(), &json!({"channels": [{"channel": "device:bed-1", "history": 1}]})).json();
    let entry = &first["channels"][0];
    assert_eq!(entry["state"][0]["event"], "device_status", "{first}");
    let position = json!({"epoch": entry["epoch"], "offset": entry["offset"]});
    let body = json!({"channels": [{"channel": "device:bed-1", "recover": position}], "waitMs": 20_000});
    let answer = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| server.post("/api/v1/poll", &nurse(), &body));
        // Published again and again until the poll has seen one: no guess at how long its start takes.
        while !waiting.is_finished() {
            server.post("/api/v1/devices/status", &service(), &json!({"deviceId": "bed-1", "status": "offline"}));
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        waiting.join().unwrap()
    });
    let entry = &answer.json()["channels"][0];
    assert_eq!(entry["recovered"], true);
    assert_eq!(entry["publications"][0]["offset"], 2, "{entry}");
    assert_eq!(entry["publications"][0]["data"]["status"], "offline");
}

#[test]
fn health_readiness_and_metrics_need_no_token() {
    let server = Server::dev();
    assert_eq!(server.request("GET", "/healthz", None, None, &[]).json(), json!({"status": "ok"}));
    assert_eq!(server.request("GET", "/readyz", None, None, &[]).json()["status"], "ready");
    server.post("/api/v1/devices/status", &service(), &json!({"deviceId": "bed-1", "status": "online"}));
    let metrics = server.request("GET", "/metrics", None, None, &[]);
    assert_eq!(metrics.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let text = metrics.text();
    assert!(text.contains("pulsewire_events_in_total{source=\"http\"} 1"), "{text}");
    assert!(text.contains("pulsewire_http_requests_total{route=\"/api/v1/devices/status\",status=\"202\"} 1"), "{text}");
    assert!(!text.contains("bed-1"), "no label names a device");
}

#[test]
fn metrics_may_have_an_address_of_their_own() {
    let mut config = Config::development();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    config.metrics.listen = Some(free);
    let server = Server::with(config);
    assert_problem(&server.request("GET", "/metrics", None, None, &[]), 404, "not_found");
    let own = http::fetch("GET", &format!("http://{free}/metrics"), None, None, &[]);
    assert!(own.text().starts_with("# HELP pulsewire_"), "{own:?}");
    assert_eq!(http::fetch("GET", &format!("http://{free}/api/v1/stats"), None, None, &[]).status, 404);
}

#[test]
fn development_tokens_work_and_are_given_to_this_machine_only() {
    let server = Server::dev();
    let minted = server.request("GET", "/dev/token?sub=nina&role=service&name=Nina%20N&ttl=60", None, None, &[]).json();
    assert!(minted["expiresAt"].as_u64().is_some());
    assert_eq!(server.get("/api/v1/stats", minted["token"].as_str().unwrap()).status, 200);
    assert_problem(&server.request("GET", "/dev/token", None, None, &[]), 400, "bad_request");
    assert_problem(&server.request("GET", "/dev/token?sub=a%20b", None, None, &[]), 400, "bad_request");
    assert_problem(&server.request("GET", "/dev/token?sub=nina", None, None, &[("host", "evil.example:8080")]), 403, "forbidden");
    assert_eq!(server.request("GET", "/dev/info", None, None, &[]).json(), json!({"source": null, "devices": 0, "tenant": "demo"}));
    let strict = Server::with(http::strict_config());
    assert_problem(&strict.request("GET", "/dev/token?sub=nina", None, None, &[]), 404, "not_found");
    assert_problem(&strict.request("GET", "/dev/info", None, None, &[]), 404, "not_found");
}

#[test]
fn only_configured_origins_may_read_answers() {
    let mut config = http::strict_config();
    config.origins = vec!["https://ward.example".to_owned()];
    let server = Server::with(config);
    let asked = |origin: &str| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "authorization,content-type"),
        ];
        server.request("OPTIONS", "/api/v1/publish", None, None, &headers)
    };
    let allowed = asked("https://ward.example");
    assert_eq!(allowed.status, 200);
    assert_eq!(allowed.header("access-control-allow-origin"), "https://ward.example");
    assert!(allowed.header("access-control-allow-headers").contains("authorization"), "{allowed:?}");
    assert_eq!(asked("https://evil.example").header("access-control-allow-origin"), "");
    let refused = server.request("GET", "/api/v1/stats", None, None, &[("origin", "https://ward.example")]);
    assert_eq!(refused.header("access-control-allow-origin"), "https://ward.example", "a page must be able to read its refusals");
}

#[test]
fn long_answers_are_compressed_for_those_who_can_read_it() {
    let server = Server::dev();
    let devices: Vec<Value> = (0..100).map(|i| json!({"deviceId": format!("bed-{i}"), "status": "online"})).collect();
    assert_eq!(server.post("/api/v1/devices/status", &service(), &json!(devices)).status, 202);
    let plain = server.get("/api/v1/devices", &nurse());
    for encoding in ["gzip", "br"] {
        let packed = server.request("GET", "/api/v1/devices", Some(&nurse()), None, &[("accept-encoding", encoding)]);
        assert_eq!(packed.header("content-encoding"), encoding);
        assert!(packed.body.len() * 3 < plain.body.len(), "{encoding}: {} of {}", packed.body.len(), plain.body.len());
    }
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
    assert_eq!(server.get("/api/v1/devices?limit=1000", &nurse()).json()["items"].as_array().unwrap().len(), 666);
}

/// Text that is nearly a body: what a broken or hostile backend sends.
fn nearly_json() -> impl Strategy<Value = String> {
    let atom = prop_oneof![
        Just("null".to_owned()),
        Just("1e999".to_owned()),
        Just("-0".to_owned()),
        Just("\"\\u0000\"".to_owned()),
        Just("\"bed-1\"".to_owned()),
        Just("\"online\"".to_owned()),
        Just("\"device:bed-1\"".to_owned()),
        Just("\"device_status\"".to_owned()),
        any::<f64>().prop_map(|number| number.to_string()),
        "\\PC{0,12}".prop_map(|text| json!(text).to_string()),
    ];
    let key = prop::sample::select(vec![
        "deviceId", "status", "battery", "series", "t", "v", "ecg", "channel", "event", "data", "key", "channels", "waitMs", "recover",
        "epoch", "offset",
    ]);
    let value = atom.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec((key.clone(), inner), 0..5)
                .prop_map(|members| format!("{{{}}}", members.iter().map(|(k, v)| format!("\"{k}\":{v}")).collect::<Vec<_>>().join(","))),
        ]
    });
    // Now and then cut off in the middle.
    (value, prop::option::weighted(0.2, 0.0_f64..1.0)).prop_map(|(text, cut)| match cut {
        Some(share) => text.chars().take((text.chars().count() as f64 * share) as usize).collect(),
        None => text,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn no_body_of_any_kind_breaks_an_endpoint(
        path in prop::sample::select(vec!["devices/status", "devices/alerts", "devices/telemetry", "publish", "publish?atomic=true", "poll"]),
        cbor in any::<bool>(),
        body in prop_oneof![nearly_json().prop_map(String::into_bytes), prop::collection::vec(any::<u8>(), 0..200)],
    ) {
        static SERVER: std::sync::LazyLock<(Server, String)> = std::sync::LazyLock::new(|| (Server::dev(), service()));
        let (server, token) = &*SERVER;
        let kind = if cbor { "application/cbor" } else { "application/json" };
        let answer = server.request("POST", &format!("/api/v1/{path}"), Some(token), Some((kind, &body)), &[]);
        prop_assert!(answer.status < 500, "{:?}", answer);
        if answer.status >= 400 {
            prop_assert_eq!(answer.header("content-type"), "application/problem+json");
            let problem = answer.json();
            prop_assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{}", problem);
        } else {
            prop_assert!([200, 202].contains(&answer.status));
        }
    }
}
