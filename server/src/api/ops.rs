//! Operations: health, readiness, metrics, and what answers where nothing else does.

use super::body::json;
use super::{Api, Problem};
use crate::observe::metrics::CONTENT_TYPE;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use pulsewire_protocol::{ErrorBody, ErrorCode};

/// `GET /healthz`: the process answers.
pub(super) async fn health() -> Response {
    json(StatusCode::OK, &serde_json::json!({ "status": "ok" }))
}

/// `GET /readyz`: the relay can serve; a balancer sends nobody here where it cannot.
pub(super) async fn ready(State(api): State<Api>) -> Result<Response, Problem> {
    match api.relay.ready() {
        Ok(()) => Ok(json(StatusCode::OK, &serde_json::json!({ "status": "ready", "node": api.relay.node() }))),
        Err(reason) => Err(Problem::from(ErrorBody::retryable(ErrorCode::Unavailable, format!("not ready: {reason}"), Some(2_000)))),
    }
}

/// `GET /metrics`
pub(super) async fn metrics(State(api): State<Api>) -> Result<Response, Problem> {
    match api.relay.metrics().render(api.relay.snapshot()) {
        Ok(text) => Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response()),
        Err(error) => {
            tracing::error!(%error, "metrics could not be written");
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
