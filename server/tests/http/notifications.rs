//! Notifications over HTTP: the same methods, statuses and headers as API users expect.

use crate::client::*;
use serde_json::{Value, json};

const PATH: &str = "/api/v1/notifications";

fn new(to: Value) -> Value {
    json!({"to": to, "title": "Handover", "body": "Bed 3", "severity": "low"})
}

#[test]
fn one_is_made_listed_read_and_dismissed() {
    let server = Server::dev();
    let (nurse, service) = (nurse(), service());
    let created = server.post(PATH, &service, &new(json!({"users": ["nurse-1"]})));
    assert_eq!(created.status, 201, "{created:?}");
    let id = created.json()["ids"][0].clone();
    let list = server.get(PATH, &nurse).json();
    assert_eq!((&list["items"][0]["id"], &list["unread"], &list["next"]), (&id, &json!(1), &Value::Null));
    assert_eq!(server.get(PATH, &token_of("south", "nurse")).json()["items"], json!([]), "the same user of another tenant");
    let read = server.post(&format!("{PATH}/read"), &nurse, &json!({"ids": [id]}));
    assert_eq!((read.status, read.json()), (200, json!({"unread": 0})));
    assert_eq!(server.get(&format!("{PATH}?unread=true"), &nurse).json()["items"], json!([]));
    assert_eq!(server.get(&format!("{PATH}?unread=false"), &nurse).json()["items"][0]["read"], true);
    assert_eq!(server.post(&format!("{PATH}/dismiss"), &nurse, &json!({"all": true})).status, 200);
    assert_eq!(server.get(PATH, &nurse).json()["items"], json!([]));
}

#[test]
fn pages_follow_each_other_by_their_cursor() {
    let server = Server::dev();
    for _ in 0..7 {
        assert_eq!(server.post(PATH, &service(), &new(json!({"users": ["nurse-1"]}))).status, 201);
    }
    let (mut ids, mut query) = (Vec::new(), String::new());
    loop {
        let page = server.get(&format!("{PATH}?limit=3{query}"), &nurse()).json();
        ids.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => query = format!("&before={next}"),
            None => break,
        }
    }
    assert_eq!(ids.len(), 7);
    assert!(ids.is_sorted_by(|a, b| a > b), "newest first: {ids:?}");
}

#[test]
fn every_wrong_field_is_named_and_a_key_makes_one_of_two() {
    let server = Server::dev();
    let bad = server.post(PATH, &service(), &json!({"to": {}, "title": 5, "severity": "grave"}));
    let problem = assert_problem(&bad, 422, "bad_request");
    let fields: Vec<&str> = problem["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["to", "title", "body", "severity"], "{problem}");
    assert_eq!(problem["field"], "to");
    let bad = server.get(&format!("{PATH}?limit=many&before=x&unread=5"), &nurse());
    let problem = assert_problem(&bad, 400, "bad_request");
    assert_eq!(problem["errors"].as_array().unwrap().len(), 3, "{problem}");
    assert_problem(&server.post(PATH, &nurse(), &new(json!({"users": ["nurse-1"]}))), 403, "forbidden");
    assert_problem(&server.post_text(PATH, &service(), "application/json", "[]"), 422, "bad_request");
    assert_problem(&server.post_text(PATH, &service(), "application/json", "{"), 400, "bad_request");

    let ask = |body: &Value| {
        let body = body.to_string();
        server.request("POST", PATH, Some(&service()), Some(("application/json", body.as_bytes())), &[("idempotency-key", "\"k-1\"")])
    };
    let first = ask(&new(json!({"users": ["nurse-1"]})));
    let again = ask(&new(json!({"users": ["nurse-1"]})));
    assert_eq!((again.status, again.json()), (201, first.json()));
    // A key that is null in the body is none: the header's counts.
    let mut with_null = new(json!({"users": ["nurse-1"]}));
    with_null["key"] = Value::Null;
    assert_eq!(ask(&with_null).json(), first.json());
    for (key, wanted) in [("k-2", 201), ("\"k-3\"", 201), ("a b", 400), ("a\"b", 400), ("\"\"", 400)] {
        let body = new(json!({"users": ["nurse-3"]})).to_string();
        let body = Some(("application/json", body.as_bytes()));
        assert_eq!(server.request("POST", PATH, Some(&service()), body, &[("idempotency-key", key)]).status, wanted, "{key}");
    }
    assert_problem(&ask(&new(json!({"users": ["nurse-2"]}))), 422, "bad_request");
    assert_eq!(server.get(PATH, &nurse()).json()["unread"], 1);
}
