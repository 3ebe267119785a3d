//! Alerts, devices and patients over HTTP: the same methods as over the WebSocket, with every wrong field named.

use crate::client::*;
use serde_json::json;

#[test]
fn alerts_are_listed_acknowledged_and_resolved_over_http() {
    let server = Server::dev();
    for (id, severity) in [("a", "high"), ("b", "critical"), ("c", "critical")] {
        let alert =
            json!({"id": id, "patientId": "p1", "patientName": "Maria", "type": "spo2_low", "severity": severity, "message": "low"});
        assert_eq!(server.post("/api/v1/alerts", &service(), &alert).status, 202);
    }
    let page = server.get("/api/v1/alerts?severity=critical&state=open&limit=1&patientId=p1&from=0", &nurse()).json();
    assert_eq!((&page["items"][0]["id"], &page["unread"]), (&json!("c"), &json!(3)));
    let next = format!("/api/v1/alerts?severity=critical&limit=1&before={}", page["next"].as_str().unwrap());
    let page = server.get(&next, &nurse()).json();
    assert_eq!((&page["items"][0]["id"], &page["next"]), (&json!("b"), &json!(null)));

    let item = server.post("/api/v1/alerts/b/acknowledge", &nurse(), &json!({"note": "On my way."}));
    assert_eq!(item.status, 200, "{item:?}");
    assert_eq!((&item.json()["state"], &item.json()["acknowledgedById"]), (&json!("acknowledged"), &json!("nurse-1")));
    assert_eq!(server.post("/api/v1/alerts/b/resolve", &nurse(), &json!({})).json()["state"], "resolved");
    assert_eq!(server.post("/api/v1/alerts/read", &nurse(), &json!({"ids": ["a", "unknown"]})).json(), json!({"unread": 1}));
    assert_eq!(server.post("/api/v1/alerts/read", &nurse(), &json!({"all": true})).json(), json!({"unread": 0}));
    assert_eq!(server.get("/api/v1/alerts?unread=true", &nurse()).json()["items"], json!([]));
    assert_eq!(server.get("/api/v1/stats", &nurse()).json()["activeAlerts"], 2);
    let told = server.get("/api/v1/history/patient:p1", &nurse()).json();
    let events: Vec<&str> = told["publications"].as_array().unwrap().iter().map(|told| told["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["alert", "alert", "alert", "alert_updated", "alert_updated"]);

    assert_problem(&server.post("/api/v1/alerts/none/acknowledge", &nurse(), &json!({})), 404, "not_found");
    server.post("/api/v1/alerts/a/resolve", &nurse(), &json!({}));
    let late = assert_problem(&server.post("/api/v1/alerts/a/acknowledge", &nurse(), &json!({})), 422, "bad_request");
    assert!(late["detail"].as_str().unwrap().contains("resolved by"), "{late}");
    let wrong = assert_problem(&server.post("/api/v1/alerts/read", &nurse(), &json!({"ids": ["ok", "n o", 5]})), 422, "bad_request");
    let named: Vec<&str> = wrong["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect();
    assert_eq!(named, ["ids[1]", "ids[2]"]);
    let wrong = assert_problem(&server.get("/api/v1/alerts?state=gone&limit=0", &nurse()), 400, "bad_request");
    assert_eq!(wrong["errors"].as_array().unwrap().len(), 2, "{wrong}");
    let family = server.token("family", &["patient:p2"], &["conversation:*"]);
    assert_eq!(server.get("/api/v1/alerts", &family).json()["items"], json!([]));
    assert_problem(&server.post("/api/v1/alerts/c/resolve", &family, &json!({})), 403, "forbidden");
    let elsewhere = server.token("nurse", &["patient:p2"], &["conversation:*"]);
    assert_problem(&server.post("/api/v1/alerts/c/resolve", &elsewhere, &json!({})), 404, "not_found");
}

#[test]
fn devices_and_patients_are_put_and_read_over_http() {
    let server = Server::dev();
    let put = |path: &str, token: &str, body: serde_json::Value| {
        let body = body.to_string();
        server.request("PUT", path, Some(token), Some(("application/json", body.as_bytes())), &[])
    };
    let registration = json!({"name": "CPAP 1", "patientId": "p1", "targetUseMsPerDay": 14_400_000});
    let device = put("/api/v1/devices/cpap-1", &service(), registration).json();
    assert_eq!((&device["deviceId"], &device["targetUseMsPerDay"]), (&json!("cpap-1"), &json!(14_400_000)));
    assert_eq!(
        server.post("/api/v1/devices/status", &service(), &json!({"deviceId": "cpap-1", "status": "online", "battery": 0.5})).status,
        202
    );
    let page = server.get("/api/v1/devices?patientId=p1&status=online&limit=1", &nurse()).json();
    assert_eq!((&page["items"][0]["battery"], &page["next"]), (&json!(0.5), &json!(null)));
    assert_eq!(server.get("/api/v1/devices/cpap-1", &nurse()).json()["name"], "CPAP 1");
    let patient = put("/api/v1/patients/p1", &service(), json!({"name": "Maria", "status": "admitted", "priority": "high"})).json();
    assert_eq!((&patient["patientId"], &patient["priority"]), (&json!("p1"), &json!("high")));
    assert_eq!(server.get("/api/v1/patients?status=admitted", &nurse()).json()["items"][0], patient);
    assert_eq!(server.get("/api/v1/patients/p1", &nurse()).json(), patient);
    let told = server.get("/api/v1/history/tenant", &nurse()).json();
    assert_eq!((&told["publications"][0]["event"], &told["publications"][0]["data"]["name"]), (&json!("new_patient"), &json!("Maria")));

    let session = json!({"channel": "patient:p1", "event": "usage_session", "data": {"patientId": "p1", "deviceId": "cpap-1", "phase": "end", "startedAt": 1000, "endedAt": 61_000}});
    assert_eq!(server.post("/api/v1/publish", &service(), &session).status, 202);
    let sessions = server.get("/api/v1/patients/p1/sessions?from=0&to=86400000&limit=5", &nurse()).json();
    assert_eq!((&sessions["items"][0]["durationMs"], &sessions["next"]), (&json!(60_000), &json!(null)));
    assert!(sessions["compliance"].as_f64().is_some_and(|share| share > 0.0), "{sessions}");
    assert_problem(&server.get("/api/v1/patients/p1/sessions?from=9&to=5", &nurse()), 400, "bad_request");

    assert_problem(&put("/api/v1/patients/p1", &nurse(), json!({"name": "X"})), 403, "forbidden");
    assert_problem(&put("/api/v1/devices/cpap-1", &nurse(), json!({})), 403, "forbidden");
    let wrong = assert_problem(&put("/api/v1/patients/p1", &service(), json!({"status": 5})), 422, "bad_request");
    let named: Vec<&str> = wrong["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect();
    assert_eq!(named, ["name", "status"]);
    let wrong = assert_problem(&put("/api/v1/devices/a%20b", &service(), json!({"targetUseMsPerDay": 1.5})), 422, "bad_request");
    assert_eq!(wrong["errors"].as_array().unwrap().len(), 2, "{wrong}");
    assert_problem(&server.get("/api/v1/patients/p9", &nurse()), 404, "not_found");
    assert_problem(&server.get("/api/v1/devices?status=asleep", &nurse()), 400, "bad_request");
}
