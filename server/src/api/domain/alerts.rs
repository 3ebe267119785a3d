//! Routes of alerts; they are listed in `read` and published in `ingest`.

use super::send;
use crate::api::{Api, Missing, Problem, Senders};
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;

/// Mark alerts read
///
/// By the caller, on all devices. Ids that are unknown or marked already are passed over.
#[utoipa::path(
    post, path = "/api/v1/alerts/read", operation_id = "readAlerts", tag = "Alerts",
    request_body(content = ref("#/components/schemas/AlertMarks"), content_type = "application/json", description = "In JSON."),
    responses((status = 200, description = "What is left unread.", body = ref("#/components/schemas/AlertUnread"), content_type = "application/json"), Senders),
)]
pub(in crate::api) async fn read(State(api): State<Api>, request: Request<Body>) -> Result<Response, Problem> {
    send(&api, request, "alerts.read", StatusCode::OK, &[]).await
}

/// Acknowledge an alert
///
/// The first one who does stays; a repetition changes nothing. One that was resolved without it cannot be acknowledged any more
/// (422). Told as `alert_updated`.
#[utoipa::path(
    post, path = "/api/v1/alerts/{id}/acknowledge", operation_id = "acknowledgeAlert", tag = "Alerts",
    params(("id" = String, Path, description = "The alert.", example = json!("al-1"))),
    request_body(content = ref("#/components/schemas/AlertNote"), content_type = "application/json", description = "In JSON."),
    responses((status = 200, description = "The alert as it stands now.", body = ref("#/components/schemas/StoredAlert"), content_type = "application/json"), Missing, Senders),
)]
pub(in crate::api) async fn acknowledge(
    State(api): State<Api>,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    send(&api, request, "alerts.acknowledge", StatusCode::OK, &[("id", id)]).await
}

/// Resolve an alert
///
/// The first one who does stays; a repetition changes nothing. Told as `alert_updated`.
#[utoipa::path(
    post, path = "/api/v1/alerts/{id}/resolve", operation_id = "resolveAlert", tag = "Alerts",
    params(("id" = String, Path, description = "The alert.", example = json!("al-1"))),
    request_body(content = ref("#/components/schemas/AlertNote"), content_type = "application/json", description = "In JSON."),
    responses((status = 200, description = "The alert as it stands now.", body = ref("#/components/schemas/StoredAlert"), content_type = "application/json"), Missing, Senders),
)]
pub(in crate::api) async fn resolve(State(api): State<Api>, Path(id): Path<String>, request: Request<Body>) -> Result<Response, Problem> {
    send(&api, request, "alerts.resolve", StatusCode::OK, &[("id", id)]).await
}
