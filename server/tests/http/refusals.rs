//! Who and what is refused, and that every refusal is a problem document.

use crate::client::*;
use pulsewire_relay::config::Config;
use serde_json::{Value, json};

#[test]
fn every_token_problem_has_its_code_and_a_challenge() {
    let server = Server::dev();
    let body = json!({"deviceId": "bed-1", "status": "online"});
    let expired = token_at("service", 1_600_000_000_000, 60);
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
    let server = Server::with(strict_config());
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
    // Without the domain there are no statistics to be refused.
    let (wanted, code) = if cfg!(feature = "domain") { (403, "forbidden") } else { (404, "not_found") };
    assert_problem(&server.get("/api/v1/stats", &talker), wanted, code);
    assert_problem(&server.get("/api/v1/history/Device:1", &talker), 400, "invalid_channel");
    // Where an array is refused for one reason alone, the status says that reason.
    let array = json!([status, status]);
    assert_problem(&server.post("/api/v1/devices/status", &elsewhere, &array), 403, "forbidden");
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
        ("POST", "/ws", "GET,HEAD"),
        ("PUT", "/ws", "GET,HEAD"),
        ("DELETE", "/metrics", "GET,HEAD"),
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
fn a_packed_body_is_refused_with_a_mend_and_not_taken_for_broken_json() {
    let server = Server::dev();
    let body = json!({"deviceId": "bed-1", "status": "online"}).to_string();
    for (path, encoding) in [("/api/v1/devices/status", "gzip"), ("/api/v1/publish", "br"), ("/api/v1/poll", "identity, gzip")] {
        let headers = [("content-encoding", encoding)];
        let answer = server.request("POST", path, Some(&service()), Some(("application/json", b"\x1f\x8b\x08")), &headers);
        let problem = assert_problem(&answer, 415, "bad_request");
        assert_eq!(problem["field"], "Content-Encoding");
        assert!(problem["detail"].as_str().unwrap().contains("uncompressed"), "{problem}");
    }
    let plain = [("content-encoding", "identity")];
    let answer = server.request("POST", "/api/v1/devices/status", Some(&service()), Some(("application/json", body.as_bytes())), &plain);
    assert_eq!(answer.status, 202, "{answer:?}");
}

#[test]
fn only_configured_origins_may_read_answers() {
    let mut config = strict_config();
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
fn what_cannot_be_read_is_told_by_its_path_and_in_the_words_of_json() {
    let server = Server::dev();
    let cases = [
        (
            "/api/v1/publish",
            r#"{"channel":"tenant","event":"alert","data":{"patientId":1}}"#,
            Some("data.patientId"),
            "expected a string, got 1",
        ),
        ("/api/v1/publish", r#"{"channel":"tenant","event":"x","data":1,"key":true}"#, Some("key"), "expected a string, got true"),
        ("/api/v1/publish", r#"{"channel":"tenant","data":1}"#, Some("event"), "required field is missing"),
        (
            "/api/v1/alerts",
            r#"{"patientId":"p","patientName":"M","type":"t","severity":"grave","message":"m"}"#,
            Some("severity"),
            "unknown word `grave`",
        ),
        (
            "/api/v1/alerts",
            r#"{"patientId":"p","patientName":"M","type":"t","severity":"low","message":5}"#,
            Some("message"),
            "expected a string, got 5",
        ),
        ("/api/v1/devices/status", r#"{"deviceId":"b","status":5}"#, Some("status"), "expected a word"),
        (
            "/api/v1/devices/status",
            r#"{"deviceId":"b","status":"online","battery":"full"}"#,
            Some("battery"),
            "expected a number, got \"full\"",
        ),
        ("/api/v1/telemetry", r#"{"deviceId":"b","series":{"hr":[[1],[2]]}}"#, Some("series.hr"), "expected an object, got an array"),
        ("/api/v1/telemetry", r#"{"deviceId":"b","series":[]}"#, Some("series"), "an array"),
        (
            "/api/v1/publish",
            r#"{"channel":"patient:p","event":"new_patient","data":["p"]}"#,
            Some("data"),
            "expected an object, got an array",
        ),
        (
            "/api/v1/poll",
            r#"{"channels":[{"channel":"tenant","recover":["e",1]}]}"#,
            Some("channels[0].recover"),
            "expected an object, got an array",
        ),
        ("/api/v1/poll", r#"{"channels":[["tenant"]]}"#, Some("channels[0]"), "expected an object, got an array"),
        ("/api/v1/poll", r#"[[],0]"#, None, "expected an object, got an array"),
        ("/api/v1/poll", r#"{"channels":{}}"#, Some("channels"), "expected an array, got an object"),
        ("/api/v1/poll", r#"{"waitMs":-1}"#, Some("waitMs"), "expected a whole number from 0, got -1"),
        ("/api/v1/poll", "{", None, "the body, at byte"),
        ("/api/v1/devices/status", "5", None, "the body, at byte"),
    ];
    for (path, body, field, problem) in cases {
        let answer = server.post_text(path, &service(), "application/json", body);
        let document = answer.json();
        assert!([400, 422].contains(&answer.status), "{body}: {document}");
        assert_eq!(document["field"].as_str(), field, "{body}: {document}");
        let detail = document["detail"].as_str().unwrap();
        assert!(detail.contains(problem), "{body}: {document}");
        for rust in ["struct", "variant", "sequence", "u64", "f64", "serde", "enum ", "invalid type", "PublishItem"] {
            assert!(!detail.contains(rust), "{rust:?} in {document}");
        }
    }
    // Item by item, with the path inside the item.
    let answer = server.post_text(
        "/api/v1/devices/status",
        &service(),
        "application/json",
        r#"[["bed-1","online"],{"deviceId":"b","status":"online"},7]"#,
    );
    let outcomes = answer.json();
    assert_eq!((answer.status, outcomes[0]["error"]["message"].as_str()), (202, Some("expected an object, got an array")), "{outcomes}");
    assert!(outcomes[1]["accepted"].is_object() && outcomes[2]["error"].get("field").is_none(), "{outcomes}");
}
