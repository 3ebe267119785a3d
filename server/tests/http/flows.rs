//! Executions and conversations over HTTP: the same as `call`, with statuses, paths and queries.

use crate::client::*;
use serde_json::json;

#[test]
fn an_execution_is_made_reported_on_read_and_tried_again() {
    let server = Server::dev();
    let (worker, nurse) = (service(), nurse());
    let made = server.post("/api/v1/executions", &worker, &json!({ "title": "Report of bed 3" }));
    assert_eq!(made.status, 201, "{made:?}");
    let id = made.json()["executionId"].as_str().unwrap().to_owned();
    let at = |rest: &str| format!("/api/v1/executions/{id}{rest}");
    let running = server.post(&at("/updates"), &worker, &json!({ "status": "running", "step": "Reading", "progress": 0.25 }));
    assert_eq!((running.status, &running.json()["progress"]), (200, &json!(0.25)));
    assert_eq!(server.post(&at("/log"), &worker, &json!({ "lines": ["one", "two"] })).status, 201);
    let error = json!({ "code": "timeout", "message": "No answer.", "detail": "30 s" });
    assert_eq!(server.post(&at("/updates"), &worker, &json!({ "status": "failed", "error": error })).status, 200);
    let read = server.get(&at(""), &nurse).json();
    assert_eq!((&read["error"], &read["log"][1]["text"], &read["steps"][0]["name"]), (&error, &json!("two"), &json!("Reading")));
    assert_eq!(server.get(&at("/log?limit=1"), &nurse).json()["items"][0]["text"], "two");
    let again = server.request("POST", &at("/retry"), Some(&nurse), None, &[]);
    assert_eq!((again.status, &again.json()["status"], &again.json()["attempt"]), (202, &json!("retrying"), &json!(2)));
    assert_eq!(server.get("/api/v1/executions?status=retrying", &nurse).json()["items"][0]["executionId"], json!(id));
    // Mistakes.
    let late = server.post(&at("/updates"), &worker, &json!({ "progress": 1, "attempt": 1 }));
    assert!(assert_problem(&late, 422, "bad_request")["detail"].as_str().unwrap().contains("given up"));
    let wrong = server.post("/api/v1/executions", &worker, &json!({ "title": 5, "executionId": "a b" }));
    let fields = assert_problem(&wrong, 422, "bad_request")["errors"].clone();
    let named: Vec<&str> = fields.as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect();
    assert_eq!(named, ["executionId", "title"]);
    assert_problem(&server.get("/api/v1/executions?status=done", &nurse), 400, "bad_request");
    assert_problem(&server.get("/api/v1/executions/nowhere", &nurse), 404, "not_found");
    assert_problem(&server.post("/api/v1/executions", &nurse, &json!({ "title": "x" })), 403, "forbidden");
    assert_problem(&server.post(&at("/updates"), &nurse, &json!({ "progress": 1 })), 403, "forbidden");
    assert_problem(&server.get(&at(""), &token_of("south", "service")), 404, "not_found");
}

#[test]
fn a_conversation_is_written_in_read_listed_and_assumed() {
    let server = Server::dev();
    let (agent, nurse) = (service(), nurse());
    let at = |rest: &str| format!("/api/v1/conversations/c-1{rest}");
    let body = json!({ "clientId": "m-1", "content": "I feel dizzy.", "sender": "patient", "senderName": "Ana", "patientId": "p-7" });
    let sent = server.post(&at("/messages"), &agent, &body);
    assert_eq!((sent.status, &sent.json()["content"]), (201, &json!("I feel dizzy.")), "{sent:?}");
    assert_eq!(server.post(&at("/messages"), &agent, &body).json()["id"], sent.json()["id"]);
    let keyed = [("idempotency-key", "k-1")];
    let reply = json!({ "content": "On my way." }).to_string();
    let replies: Vec<_> = (0..2)
        .map(|_| server.request("POST", &at("/messages"), Some(&nurse), Some(("application/json", reply.as_bytes())), &keyed).json())
        .collect();
    assert_eq!(replies[0]["id"], replies[1]["id"]);
    let page = server.get(&at("/messages?limit=1"), &nurse).json();
    assert_eq!(page["items"][0]["content"], "On my way.");
    let next = format!("/messages?limit=1&before={}", page["next"].as_str().unwrap());
    assert_eq!(server.get(&at(&next), &nurse).json()["items"][0]["id"], sent.json()["id"]);
    let assumed = server.post(&at("/status"), &nurse, &json!({ "status": "assumed" }));
    assert_eq!((assumed.status, &assumed.json()["status"]), (200, &json!("assumed")));
    for (query, count) in [("?status=assumed&patientId=p-7", 1), ("?unread=true", 0), ("?status=open", 0)] {
        let list = server.get(&format!("/api/v1/conversations{query}"), &nurse).json();
        assert_eq!(list["items"].as_array().unwrap().len(), count, "{query}");
    }
    assert_problem(&server.post(&at("/status"), &nurse, &json!({ "status": "gone" })), 422, "bad_request");
    assert_problem(&server.post("/api/v1/conversations/c-9/status", &nurse, &json!({ "status": "open" })), 404, "not_found");
    assert_problem(&server.get("/api/v1/conversations?before=x", &nurse), 400, "bad_request");
    assert_problem(&server.get(&at("/messages"), &server.token("nurse", &["device:*"], &[])), 403, "forbidden");
    assert_eq!(server.get("/api/v1/conversations", &token_of("south", "nurse")).json()["items"], json!([]));
}
