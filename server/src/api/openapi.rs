//! The OpenAPI document: gathered from the handlers' own entries, so that it tells just the routes that this relay serves.
//!
//! Operations stand as `#[utoipa::path]` above their handlers and come in by `routes!` together with the route: one cannot be there
//! without the other. Schemas are the protocol's ([`SCHEMAS`]) and those of the HTTP side alone (`schemas.json`); tests hold every
//! answer of every HTTP test against them. Why utoipa and not aide: aide derives everything from types, and ours come from the
//! protocol, which knows no web framework.

use super::problem::status_of;
use super::{Problem, parameters};
use axum::Extension;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use pulsewire_protocol::schema::SCHEMAS;
use pulsewire_protocol::{ErrorCode, TokenProblem};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use utoipa::openapi::{OpenApi, Ref, RefOr, Response as Described};
use utoipa::{IntoResponses, OpenApi as _};
use utoipa_axum::router::UtoipaMethodRouter;

const OWN_SCHEMAS: &str = include_str!("schemas.json");

/// Everything but the routes, and the one route that is served elsewhere.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Pulsewire relay",
        description = "The HTTP side of the relay: publishing for backends, reading and polling for pages, health and metrics.\n\n\
            Every refusal is a problem document (RFC 9457) with a `code`; `retryable` says whether the same request may succeed later. \
            The WebSocket has a document of its own (docs/asyncapi.json, AsyncAPI 3); PROTOCOL.md is the text of both.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    tags(
        (name = "Publishing", description = "For backends: what devices, alarms and jobs have to say."),
        (name = "Reading", description = "For pages and backends: what is, and what was."),
        (name = "Alerts", description = "What somebody has to see to, kept until it is resolved and too old."),
        (name = "Devices and patients", description = "What is registered of them, and what they did last."),
        (name = "Notifications", description = "What users are to know, kept until they have seen it. Not there where the relay was built without its domain."),
        (name = "Executions", description = "Long jobs of teams: their progress, errors, log and retries. Not there where the relay was built without its domain."),
        (name = "Conversations", description = "Messages, who has read them, and who looks after whom. Not there where the relay was built without its domain."),
        (name = "WebSocket", description = "The connection that everything else stands in for."),
        (name = "Operations", description = "For balancers, monitoring and people."),
        (name = "Development", description = "Only with `--dev`, and only from this machine."),
    ),
    paths(crate::ws::handle_upgrade),
    security(("bearer" = [])),
)]
struct Base;

/// The document before any route is added.
pub(super) fn base() -> OpenApi {
    Base::openapi()
}

/// The same operations under another path: both spellings stand in PROTOCOL.md.
pub(super) fn also_at<S>(path: &str, suffix: &str, (schemas, mut paths, router): UtoipaMethodRouter<S>) -> UtoipaMethodRouter<S> {
    let items = std::mem::take(&mut paths.paths);
    for (other, mut item) in items {
        for operation in [&mut item.get, &mut item.post, &mut item.put, &mut item.delete].into_iter().flatten() {
            operation.operation_id = operation.operation_id.take().map(|id| format!("{id}{suffix}"));
            operation.description = Some(format!("The same as `{other}`."));
        }
        paths.paths.insert(path.to_owned(), item);
    }
    (schemas, paths, router)
}

/// A refusal that several operations share: its status, its name among the components, and what it means.
struct Refusal(u16, &'static str, &'static str);

const REFUSALS: [Refusal; 11] = [
    Refusal(400, "BadRequest", "The request cannot be read, or a parameter makes no sense; `field` names it where one is to blame."),
    Refusal(401, "Unauthorized", "No valid token: missing, malformed, expired or invalid, as `code` says."),
    Refusal(
        403,
        "Forbidden",
        "The rights of the token, or of its role, do not allow it; with `--dev` also a name that is not this machine's.",
    ),
    Refusal(404, "NotFound", "There is no such thing here."),
    Refusal(408, "Timeout", "The body did not arrive in time."),
    Refusal(
        413,
        "TooLarge",
        "The body is larger than `limits.max_body_bytes` of this relay, or a list that is to be applied whole has too many items.",
    ),
    Refusal(415, "UnsupportedMediaType", "`Content-Type` or `Content-Encoding` is not taken here."),
    Refusal(422, "Unprocessable", "The body can be read but makes no sense: `detail` says what, `outcomes` says it for each item."),
    Refusal(429, "RateLimited", "Too much at once; `Retry-After` and `retryAfterMs` say how long to wait."),
    Refusal(500, "Internal", "A defect of the relay; its log has the details."),
    Refusal(503, "Unavailable", "The relay cannot do it now (draining, overloaded); `Retry-After` says when to try again."),
];

fn refusals(statuses: &[u16]) -> BTreeMap<String, RefOr<Described>> {
    let named = REFUSALS.iter().filter(|Refusal(status, ..)| statuses.contains(status));
    named.map(|Refusal(status, name, _)| (status.to_string(), RefOr::Ref(Ref::from_response_name(*name)))).collect()
}

/// What everybody may be told.
pub(crate) struct Anyone;
impl IntoResponses for Anyone {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        refusals(&[403, 429, 500, 503])
    }
}

/// What whoever needs a token may be told beside.
pub(crate) struct Callers;
impl IntoResponses for Callers {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        refusals(&[400, 401, 403, 429, 500, 503])
    }
}

/// Where the thing that is asked for may not be there.
pub(crate) struct Missing;
impl IntoResponses for Missing {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        refusals(&[404])
    }
}

/// Where parameters may make no sense.
pub(crate) struct Unreadable;
impl IntoResponses for Unreadable {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        refusals(&[400])
    }
}

/// What whoever sends a body may be told beside.
pub(crate) struct Senders;
impl IntoResponses for Senders {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        refusals(&[400, 401, 403, 408, 413, 415, 422, 429, 500, 503])
    }
}

/// The document as this relay tells it.
pub(super) fn document(api: &OpenApi) -> Value {
    // Both are made of our own text: neither can fail, and a test reads the document.
    let mut document = match serde_json::to_value(api) {
        Ok(Value::Object(document)) => document,
        _ => Map::new(),
    };
    let mut schemas: Map<String, Value> = Map::new();
    #[cfg(feature = "domain")]
    let domain = super::domain::SCHEMAS;
    #[cfg(not(feature = "domain"))]
    let domain: [&str; 0] = [];
    for text in [SCHEMAS, OWN_SCHEMAS].into_iter().chain(domain) {
        let mut read: Value = serde_json::from_str(text).unwrap_or_default();
        if let Some(Value::Object(named)) = read.pointer_mut("/components/schemas").map(Value::take) {
            schemas.extend(named);
        }
    }
    // Those of the WebSocket alone stand in its own document.
    for name in [
        "Connect",
        "Subscribe",
        "Unsubscribe",
        "Publish",
        "Call",
        "Refresh",
        "Pong",
        "Ping",
        "Welcome",
        "Unsubscribed",
        "Event",
        "Viewers",
        "Heartbeat",
        "Reauth",
        "Reply",
        "ErrorMessage",
        "ClientInfo",
        "Limits",
    ] {
        schemas.remove(name);
    }
    let codes = ErrorCode::ALL.iter().map(|code| code.as_str()).chain(TokenProblem::ALL.iter().map(|problem| problem.as_str()));
    let codes: std::collections::BTreeSet<&str> = codes.collect();
    schemas.insert(
        "ProblemCode".to_owned(),
        json!({ "description": "The code of a refusal over HTTP: that of an error, or why a token was refused.", "type": "string", "enum": codes }),
    );
    if let Some(paths) = document.get_mut("paths") {
        without_null(paths);
        parameters::refine(paths);
    }
    let components = json!({
        "schemas": schemas,
        "responses": responses(),
        "securitySchemes": {
            "bearer": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "A JWT with `sub`, `tenant`, `exp` and, where wanted, `role`, `name`, `subscribe`, `publish` (PROTOCOL.md, section 2).",
            },
        },
    });
    document.insert("components".to_owned(), components);
    Value::Object(document)
}

/// An optional parameter is left out: no query and no header holds null.
fn without_null(paths: &mut Value) {
    let operations = paths.as_object_mut().into_iter().flat_map(|paths| paths.values_mut().filter_map(Value::as_object_mut));
    for operation in operations.flat_map(|item| item.values_mut()) {
        for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
            let kind = parameter.pointer_mut("/schema/type");
            if let Some(kind) = kind
                && let Some(first) = kind.get(0).cloned()
            {
                *kind = first;
            }
        }
    }
}

fn responses() -> Value {
    let named = REFUSALS.iter().map(|Refusal(status, name, description)| {
        let content = json!({
            "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" }, "example": example(*status) },
        });
        let headers = match status {
            401 => json!({ "WWW-Authenticate": { "description": "`Bearer`.", "schema": { "type": "string" } } }),
            429 | 503 => json!({
                "Retry-After": { "description": "Seconds to wait before the next try.", "schema": { "type": "integer", "minimum": 1 } },
            }),
            _ => json!({}),
        };
        ((*name).to_owned(), json!({ "description": description, "headers": headers, "content": content }))
    });
    Value::Object(named.collect())
}

/// A problem of that status, as the relay itself writes it.
fn example(status: u16) -> Value {
    let code = ErrorCode::ALL.iter().copied().find(|code| status_of(*code).as_u16() == status).unwrap_or(ErrorCode::BadRequest);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    let detail = match status {
        StatusCode::UNPROCESSABLE_ENTITY => "battery: 45 is not between 0 and 1 (45 % is 0.45)",
        _ => "a sentence for people: what, where, how to mend it",
    };
    let problem = Problem::new(status, code, detail);
    let retryable = matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS);
    let code = if status == StatusCode::UNAUTHORIZED { TokenProblem::Expired.as_str() } else { problem.code };
    Problem { code, retryable, retry_after_ms: retryable.then_some(2_000), ..problem }.document()
}

/// What `/openapi.json` and `/docs` tell: written when it is first asked for.
pub(super) struct Pages {
    api: OpenApi,
    written: OnceLock<(Bytes, Bytes)>,
}

impl Pages {
    pub(super) fn new(api: OpenApi) -> Arc<Self> {
        Arc::new(Self { api, written: OnceLock::new() })
    }

    fn written(&self) -> &(Bytes, Bytes) {
        self.written.get_or_init(|| {
            let document = document(&self.api);
            (Bytes::from(document.to_string()), Bytes::from(super::docs::page(&document)))
        })
    }
}

fn served(kind: &'static str, body: Bytes) -> Response {
    let mut response = body.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    // It changes with the relay's version and configuration: asked for anew each time.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// This document
///
/// OpenAPI 3.1, of just the routes that this relay serves. A page to read it is at `/docs`.
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "getOpenApi", tag = "Operations", security(()),
    responses((status = 200, description = "The document.", content_type = "application/json"), Anyone),
)]
pub(super) async fn openapi(Extension(pages): Extension<Arc<Pages>>) -> Response {
    served("application/json", pages.written().0.clone())
}

/// This document as a page
///
/// Plain HTML without scripts; it loads nothing from anywhere.
#[utoipa::path(
    get, path = "/docs", operation_id = "getDocs", tag = "Operations", security(()),
    responses((status = 200, description = "The page.", content_type = "text/html"), Anyone),
)]
pub(super) async fn docs(Extension(pages): Extension<Arc<Pages>>) -> Response {
    let mut response = served("text/html; charset=utf-8", pages.written().1.clone());
    if let Ok(policy) = HeaderValue::from_str(&super::docs::policy()) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}
