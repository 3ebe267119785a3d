//! Any body, path and query at any endpoint: never a 5xx, and each refusal is a problem document that says what is wrong.
//!
//! Input: one byte chooses the endpoint, one the content type, the token and the kind of `Accept`, then one line of path and query
//! (only for what the endpoint leaves open), then the body.

use super::relay::{relay, token, under_virtual_time};
use axum::body::Body;
use axum::http::{Method, Request, header};
use http_body_util::BodyExt as _;
use pulsewire_relay::api::Api;
use tower::ServiceExt as _;

const ENDPOINTS: [(Method, &str); 12] = [
    (Method::POST, "/api/v1/publish?"),
    (Method::POST, "/api/v1/publish?atomic=true&"),
    (Method::POST, "/api/v1/poll?"),
    (Method::POST, "/api/v1/devices/status?"),
    (Method::POST, "/api/v1/telemetry?"),
    (Method::POST, "/api/v1/alerts?"),
    (Method::GET, "/api/v1/history/"),
    (Method::GET, "/api/v1/presence/"),
    (Method::GET, "/api/v1/devices/"),
    (Method::GET, "/api/v1/devices?"),
    (Method::GET, "/api/v1/alerts?"),
    (Method::GET, "/"),
];
const TYPES: [&str; 4] = ["application/json", "application/cbor", "application/x+json; charset=utf-8", "text/plain"];

/// See the module.
pub fn check(input: &[u8]) {
    let Some(([endpoint, choices], rest)) = input.split_first_chunk::<2>() else { return };
    let (line, body) = rest.iter().position(|byte| *byte == b'\n').map_or((rest, &[][..]), |at| (&rest[..at], &rest[at + 1..]));
    let (method, path) = &ENDPOINTS[usize::from(*endpoint) % ENDPOINTS.len()];
    let Ok(line) = core::str::from_utf8(line) else { return };
    let mut request = Request::builder().method(method).uri(format!("{path}{line}"));
    request = request.header(header::CONTENT_TYPE, TYPES[usize::from(*choices) & 3]);
    let role = if choices & 4 == 4 { "nurse" } else { "service" };
    if choices & 8 == 0 {
        request = request.header(header::AUTHORIZATION, format!("Bearer {}", token("ana", "ward", role)));
    }
    if choices & 16 == 16 {
        request = request.header(header::ACCEPT, TYPES[usize::from(*choices >> 5) & 1]);
    }
    if choices & 64 == 64 {
        request = request.header("idempotency-key", "k-1");
    }
    // What is no address at all does not come through the HTTP parser in front.
    let Ok(request) = request.body(Body::from(body.to_vec())) else { return };
    under_virtual_time(async {
        let router = Api::new(relay()).router();
        let response = router.oneshot(request).await.unwrap();
        let status = response.status();
        let kind = response.headers().get(header::CONTENT_TYPE).map(|kind| kind.to_str().unwrap().to_owned());
        let answer = response.into_body().collect().await.unwrap().to_bytes();
        assert!(!status.is_server_error(), "{status}: {}", String::from_utf8_lossy(&answer));
        if status.is_client_error() {
            assert_eq!(kind.as_deref(), Some("application/problem+json"), "{status}");
            let problem: serde_json::Value = serde_json::from_slice(&answer).unwrap();
            for member in ["title", "detail", "code"] {
                assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{member} in {problem}");
            }
        }
    });
}
