//! The OpenAPI document and its page: every route and no other, every example and reference right, and a page that needs nothing.
//!
//! That answers are as documented is checked at every request of these tests (`contract`); an official validator reads the document
//! in `tests/interop`.

use crate::client::{Server, service, strict_config};
use crate::contract::Contract;
use base64::Engine as _;
use pulsewire_relay::config::Config;
use serde_json::Value;
use sha2::Digest as _;
use std::collections::BTreeSet;

fn document(server: &Server) -> Value {
    let answer = server.request("GET", "/openapi.json", None, None, &[]);
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"));
    answer.json()
}

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let of = |(path, item): (&String, &Value)| -> Vec<_> {
        let item = item.as_object().unwrap();
        item.iter().map(|(method, operation)| (method.to_ascii_uppercase(), path.clone(), operation.clone())).collect()
    };
    paths.iter().flat_map(of).collect()
}

#[test]
fn no_route_comes_in_without_its_entry() {
    // `routes!` takes route and entry together; a plain `.route(` would bring in a route alone.
    let sources = [
        ("api/mod.rs", include_str!("../../src/api/mod.rs")),
        ("api/ops.rs", include_str!("../../src/api/ops.rs")),
        ("services.rs", include_str!("../../src/services.rs")),
        ("lib.rs", include_str!("../../src/lib.rs")),
    ];
    for (name, text) in sources {
        assert!(!text.contains(".route("), "{name}: add routes by `.routes(routes!(handler))`, with `#[utoipa::path]` above the handler");
    }
    assert_eq!(include_str!("../../src/ws.rs").matches(".route(").count(), 1, "ws.rs: `/ws` alone, whose entry openapi.rs takes in");
}

#[test]
fn every_entry_is_served_by_that_method_at_that_path() {
    let server = Server::dev();
    let document = document(&server);
    let all = operations(&document);
    assert!(all.len() >= 20, "{}", all.len());
    for (method, path, _) in all {
        let path = path.replace("{channel}", "tenant").replace("{id}", "bed-1");
        let answer = server.request(&method, &path, None, None, &[]);
        assert_ne!(answer.status, 405, "{method} {path}");
        assert!(!answer.text().contains("there is nothing at"), "{method} {path}");
    }
}

#[test]
fn the_document_tells_just_the_routes_of_this_relay() {
    let paths = |server: &Server| -> BTreeSet<String> { document(server)["paths"].as_object().unwrap().keys().cloned().collect() };
    let dev = paths(&Server::dev());
    assert!(dev.contains("/dev/token") && dev.contains("/metrics") && dev.contains("/ws"));
    let mut config = strict_config();
    config.metrics.listen = Some("127.0.0.1:0".parse().unwrap());
    let strict = paths(&Server::with(config));
    assert!(!strict.iter().any(|path| path.starts_with("/dev")) && !strict.contains("/metrics"), "{strict:?}");
    assert!(strict.contains("/api/v1/poll"));
}

/// The npm package makes its types from it, without a relay.
#[cfg(feature = "domain")]
#[test]
fn the_document_that_is_checked_in_is_this_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
    let mut written = serde_json::to_string_pretty(&document(&Server::with(strict_config()))).unwrap();
    written.push('\n');
    if std::env::var_os("PULSEWIRE_WRITE_OPENAPI").is_some() {
        std::fs::write(path, &written).unwrap();
    }
    let there = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        there == written,
        "docs/openapi.json is not what the relay tells: PULSEWIRE_WRITE_OPENAPI=1 cargo nextest run -p pulsewire-relay --test http \
         the_document_that_is_checked_in, then `npm run api` in npm/"
    );
}

/// Everything in the document, with its place.
fn walk(value: &Value, place: &str, see: &mut dyn FnMut(&str, &Value)) {
    see(place, value);
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| walk(value, &format!("{place}/{key}"), see)),
        Value::Array(list) => list.iter().enumerate().for_each(|(at, value)| walk(value, &format!("{place}/{at}"), see)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_component_is_used() {
    let document = document(&Server::dev());
    let mut used = BTreeSet::new();
    walk(&document, "", &mut |place, value| {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{place}: {reference}");
            used.insert(reference.to_owned());
        }
    });
    for kind in ["schemas", "responses"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            assert!(used.contains(&format!("#/components/{kind}/{name}")), "{kind} {name} is used by nothing");
        }
    }
}

#[test]
fn every_operation_says_what_it_is_and_who_may_call_it() {
    let document = document(&Server::dev());
    let tags: BTreeSet<&str> = document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let what = format!("{method} {path}");
        assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{what}: its id stands twice");
        assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{what}");
        assert!(operation["tags"].as_array().is_some_and(|own| own.len() == 1 && tags.contains(own[0].as_str().unwrap())), "{what}");
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert!(parameter["description"].as_str().is_some_and(|text| !text.is_empty()), "{what}: {parameter}");
            let schema = &parameter["schema"];
            assert!(schema["type"].is_string() || schema["$ref"].is_string(), "{what}: one that may be left out is not null: {parameter}");
        }
        let open = operation["security"].as_array().is_some_and(|ways| ways.iter().any(|way| way == &serde_json::json!({})));
        assert_eq!(operation["responses"]["401"].is_object(), !open || path == "/ws", "{what}: 401 stands where a token is needed");
        assert_eq!(open, !path.starts_with("/api/"), "{what}");
    }
}

#[test]
fn every_code_of_a_problem_is_listed_and_every_example_is_as_its_schema_says() {
    use pulsewire_protocol::{ErrorCode, TokenProblem};
    let document = document(&Server::dev());
    let listed: BTreeSet<&str> =
        document["components"]["schemas"]["ProblemCode"]["enum"].as_array().unwrap().iter().map(|code| code.as_str().unwrap()).collect();
    let known = ErrorCode::ALL.iter().map(|code| code.as_str()).chain(TokenProblem::ALL.iter().map(|problem| problem.as_str()));
    assert_eq!(listed, known.collect());
    let contract = Contract::new(document.clone());
    let mut examples = 0;
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(schema["description"].as_str().is_some_and(|text| text.len() > 10), "{name}");
        let validator = contract.validator(&serde_json::json!({ "$ref": format!("#/components/schemas/{name}") }));
        for example in schema["examples"].as_array().into_iter().flatten() {
            assert!(validator.is_valid(example), "{name}: {example}");
            examples += 1;
        }
    }
    for (name, response) in document["components"]["responses"].as_object().unwrap() {
        let media = &response["content"]["application/problem+json"];
        assert!(contract.validator(&media["schema"]).is_valid(&media["example"]), "{name}: {media}");
        examples += 1;
    }
    assert!(examples > 15, "{examples}");
}

/// The values of that attribute.
fn attributes<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    page.split(&format!(" {name}=\"")).skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

#[test]
fn the_page_holds_every_operation_and_schema_and_its_links_lead_to_them() {
    let server = Server::dev();
    let document = document(&server);
    let answer = server.request("GET", "/docs", None, None, &[]);
    assert_eq!((answer.status, answer.header("content-type")), (200, "text/html; charset=utf-8"));
    let page = answer.text();
    let ids = attributes(&page, "id");
    let unique: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(ids.len(), unique.len(), "an id stands twice");
    for (_, _, operation) in operations(&document) {
        assert!(unique.contains(operation["operationId"].as_str().unwrap()), "{operation}");
    }
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(unique.contains(format!("schema-{name}").as_str()), "{name}");
    }
    for link in attributes(&page, "href") {
        match link.strip_prefix('#') {
            Some(id) => assert!(unique.contains(id), "{link} leads nowhere"),
            None => assert!(["data:,", "/openapi.json"].contains(&link), "{link} leads away"),
        }
    }
}

#[test]
fn the_page_needs_no_script_loads_nothing_and_its_policy_says_so() {
    let server = Server::dev();
    let answer = server.request("GET", "/docs", None, None, &[]);
    let page = answer.text();
    for word in ["<script", "javascript:", "http://", "https://", " src=", " style=", " onclick=", "@import", "url("] {
        assert!(!page.contains(word), "{word}");
    }
    let style = page.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
    let hash = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(style));
    let policy = answer.header("content-security-policy");
    assert!(policy.contains(&format!("style-src 'sha256-{hash}'")), "{policy}");
    assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
}

#[test]
fn answers_that_hold_tokens_or_patients_are_never_kept_by_a_cache() {
    let server = Server::dev();
    let token = service();
    let of_domain: &[&str] = if cfg!(feature = "domain") { &["/api/v1/stats", "/api/v1/devices"] } else { &[] };
    for path in ["/dev/token?sub=ana", "/api/v1/history/tenant", "/api/v1/presence/tenant"].iter().chain(of_domain) {
        let answer = server.get(path, &token);
        assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"), "{path}");
    }
    let refused = server.request("GET", "/api/v1/stats", None, None, &[]);
    assert_eq!((refused.status, refused.header("cache-control")), (401, "no-store"));
}

#[test]
fn every_answer_tells_browsers_not_to_guess_frame_or_pass_on_addresses() {
    // `contract` insists on the headers at each request; these are those beside the API.
    let mut config = Config::development();
    let folder = std::env::temp_dir().join(format!("pulsewire-headers-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("index.html"), "<!doctype html>").unwrap();
    config.www = Some(folder.clone());
    let server = Server::with(config);
    for (method, path) in [("GET", "/"), ("GET", "/ws"), ("GET", "/nothing.js"), ("PUT", "/healthz"), ("GET", "/metrics"), ("GET", "/docs")]
    {
        let answer = server.request(method, path, None, None, &[]);
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert!(answer.header("content-security-policy").contains("frame-ancestors"), "{path}");
    }
    assert_eq!(server.request("GET", "/", None, None, &[]).header("referrer-policy"), "same-origin");
    std::fs::remove_dir_all(folder).unwrap();
}
