//! Operations: health, readiness, metrics, and what answers where nothing else does.

use super::body::json;
use super::{Anyone, Api, Problem};
use crate::observe::faults::fault;
use crate::observe::metrics::Exposition;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use pulsewire_protocol::{ErrorBody, ErrorCode};

/// Is the process alive
///
/// Says nothing about whether it can serve: that is `/readyz`.
#[utoipa::path(
    get, path = "/healthz", operation_id = "getHealth", tag = "Operations", security(()),
    responses((status = 200, description = "It answers.", body = ref("#/components/schemas/Health"), content_type = "application/json"), Anyone),
)]
pub(super) async fn health() -> Response {
    json(StatusCode::OK, &serde_json::json!({ "status": "ok" }))
}

/// Can the relay serve
///
/// A balancer sends nobody here where it answers 503. An overloaded relay is ready: it refuses new WebSockets itself (`breaker`).
#[utoipa::path(
    get, path = "/readyz", operation_id = "getReadiness", tag = "Operations", security(()),
    responses((status = 200, description = "It can.", body = ref("#/components/schemas/Ready"), content_type = "application/json"), Anyone),
)]
pub(super) async fn ready(State(api): State<Api>) -> Result<Response, Problem> {
    match api.relay.ready() {
        Ok(()) => Ok(json(
            StatusCode::OK,
            &serde_json::json!({ "status": "ready", "node": api.relay.node(), "breaker": api.relay.gate().state().as_str() }),
        )),
        Err(reason) => Err(Problem::from(ErrorBody::retryable(ErrorCode::Unavailable, format!("not ready: {reason}"), Some(2_000)))),
    }
}

/// Metrics for Prometheus
///
/// In the OpenMetrics text format, or in Prometheus' older one for who accepts `text/plain` alone. Where `metrics.listen` is set, they stand there instead of here.
#[utoipa::path(
    get, path = "/metrics", operation_id = "getMetrics", tag = "Operations", security(()),
    responses((status = 200, description = "The metrics: OpenMetrics, or Prometheus' older text for whom asks for that alone.", content(
        ("application/openmetrics-text"),
        ("text/plain"),
    )), Anyone),
)]
pub(super) async fn metrics(State(api): State<Api>, headers: HeaderMap) -> Result<Response, Problem> {
    let form = Exposition::accepted(headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()));
    match api.relay.metrics().render(api.relay.snapshot()) {
        Ok(text) => Ok(([(header::CONTENT_TYPE, form.content_type()), (header::VARY, "accept")], form.of(text)).into_response()),
        Err(error) => {
            fault!(error, Internal, %error, "metrics could not be written");
            Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Internal, "the metrics could not be written"))
        }
    }
}

/// No such path.
pub(super) async fn not_found(uri: Uri) -> Problem {
    // The path alone: a query may hold a token.
    let shown: String = uri.path().chars().take(120).collect();
    Problem::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, format!("there is nothing at {shown}"))
}

/// The path is there, the method is not; axum adds `Allow`.
pub(crate) async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    let shown: String = uri.path().chars().take(120).collect();
    let detail = format!("{method} is not allowed at {shown}; the Allow header says what is");
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::BadRequest, detail)
}
