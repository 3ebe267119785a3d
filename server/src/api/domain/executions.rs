//! Routes of executions.

use super::{Pairs, ask, send};
use crate::api::{Api, Callers, Missing, Problem, Senders};
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{Extensions, StatusCode};
use axum::response::Response;

fn of(id: String) -> [(&'static str, String); 1] {
    [("executionId", id)]
}

/// List executions
///
/// Newest first; those whose channel the caller may subscribe to.
#[utoipa::path(
    get, path = "/api/v1/executions", operation_id = "listExecutions", tag = "Executions",
    params(("status" = Option<String>, Query, description = "Only those in this state: `queued`, `running`, `succeeded`, `failed` or `retrying`."),
        ("before" = Option<String>, Query, description = "`next` of the page before."),
        ("limit" = Option<u32>, Query, description = "At most so many; 50 where nothing is said.", minimum = 1, maximum = 200)),
    responses((status = 200, description = "One page.", body = ref("#/components/schemas/ExecutionList"), content_type = "application/json"), Callers),
)]
pub(in crate::api) async fn list(State(api): State<Api>, query: Pairs, found: Extensions) -> Result<Response, Problem> {
    ask(&api, &found, "executions.list", query, &[]).await
}

/// Make an execution
///
/// It waits as `queued` until a worker reports on it. Told as `execution_update` on `execution:{id}` and as `execution_new` on `tenant`.
/// Needs the role `service` or `admin`, and a publish pattern for its channel.
#[utoipa::path(
    post, path = "/api/v1/executions", operation_id = "createExecution", tag = "Executions",
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 100 visible ASCII characters: the same key with the same body is answered with the same execution for a day.", min_length = 1, max_length = 100)),
    request_body(content = ref("#/components/schemas/NewExecution"), content_type = "application/json", description = "In JSON."),
    responses((status = 201, description = "It is kept.", body = ref("#/components/schemas/Execution"), content_type = "application/json"), Senders),
)]
pub(in crate::api) async fn create(State(api): State<Api>, request: Request<Body>) -> Result<Response, Problem> {
    send(&api, request, "executions.create", StatusCode::CREATED, &[]).await
}

/// Read an execution
///
/// With its steps and the newest 100 lines of its log.
#[utoipa::path(
    get, path = "/api/v1/executions/{executionId}", operation_id = "getExecution", tag = "Executions",
    params(("executionId" = String, Path, description = "The execution.")),
    responses((status = 200, description = "The execution.", body = ref("#/components/schemas/ExecutionDetail"), content_type = "application/json"), Callers, Missing),
)]
pub(in crate::api) async fn get(
    State(api): State<Api>,
    Path(id): Path<String>,
    query: Pairs,
    found: Extensions,
) -> Result<Response, Problem> {
    ask(&api, &found, "executions.get", query, &of(id)).await
}

/// Report on an execution
///
/// What is absent stays as it is. An attempt that has ended changes no more: what goes on is reported under the next number. Told as
/// `execution_update`. Needs the role `service` or `admin`, and a publish pattern for its channel.
#[utoipa::path(
    post, path = "/api/v1/executions/{executionId}/updates", operation_id = "updateExecution", tag = "Executions",
    params(("executionId" = String, Path, description = "The execution.")),
    request_body(content = ref("#/components/schemas/ExecutionChange"), content_type = "application/json", description = "In JSON."),
    responses((status = 200, description = "As it is now.", body = ref("#/components/schemas/Execution"), content_type = "application/json"), Senders, Missing),
)]
pub(in crate::api) async fn update(State(api): State<Api>, Path(id): Path<String>, request: Request<Body>) -> Result<Response, Problem> {
    send(&api, request, "executions.update", StatusCode::OK, &of(id)).await
}

/// Read the log of an execution
///
/// Newest first; the newest 1,000 lines are kept.
#[utoipa::path(
    get, path = "/api/v1/executions/{executionId}/log", operation_id = "getExecutionLog", tag = "Executions",
    params(("executionId" = String, Path, description = "The execution."),
        ("before" = Option<String>, Query, description = "`next` of the page before."),
        ("limit" = Option<u32>, Query, description = "At most so many; 50 where nothing is said.", minimum = 1, maximum = 200)),
    responses((status = 200, description = "One page.", body = ref("#/components/schemas/ExecutionLines"), content_type = "application/json"), Callers, Missing),
)]
pub(in crate::api) async fn lines(
    State(api): State<Api>,
    Path(id): Path<String>,
    query: Pairs,
    found: Extensions,
) -> Result<Response, Problem> {
    ask(&api, &found, "executions.lines", query, &of(id)).await
}

/// Write into the log of an execution
///
/// Told as `execution_log` on its channel. Needs the role `service` or `admin`, and a publish pattern for its channel.
#[utoipa::path(
    post, path = "/api/v1/executions/{executionId}/log", operation_id = "writeExecutionLog", tag = "Executions",
    params(("executionId" = String, Path, description = "The execution."),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 100 visible ASCII characters: the same key with the same body is written once.", min_length = 1, max_length = 100)),
    request_body(content = ref("#/components/schemas/NewExecutionLines"), content_type = "application/json", description = "In JSON."),
    responses((status = 201, description = "They are kept.", body = ref("#/components/schemas/ExecutionLinesKept"), content_type = "application/json"), Senders, Missing),
)]
pub(in crate::api) async fn log(State(api): State<Api>, Path(id): Path<String>, request: Request<Body>) -> Result<Response, Problem> {
    send(&api, request, "executions.log", StatusCode::CREATED, &of(id)).await
}

/// Try a failed execution again
///
/// It becomes `retrying` under the next attempt's number, and its worker hears `execution_retry`. Asked twice is asked once.
#[utoipa::path(
    post, path = "/api/v1/executions/{executionId}/retry", operation_id = "retryExecution", tag = "Executions",
    params(("executionId" = String, Path, description = "The execution.")),
    request_body(content = Object, content_type = "application/json", description = "Nothing, or an empty object."),
    responses((status = 202, description = "As it is now.", body = ref("#/components/schemas/Execution"), content_type = "application/json"), Senders, Missing),
)]
pub(in crate::api) async fn retry(State(api): State<Api>, Path(id): Path<String>, request: Request<Body>) -> Result<Response, Problem> {
    send(&api, request, "executions.retry", StatusCode::ACCEPTED, &of(id)).await
}
