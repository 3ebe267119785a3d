//! Reading: the polling transport, history, presence, and the calls of section 12 that have an HTTP door.

use super::body::{Given, answer, answer_format, unreadable};
use super::{Api, Callers, Missing, Problem, Senders};
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, Request, State};
use axum::http::{Extensions, StatusCode};
use axum::response::Response;
use pulsewire_protocol::json::FromJson as _;
use pulsewire_protocol::{ErrorCode, Format, PollRequest, RawJson, Severity, cbor};
use serde::{Deserialize, Serialize};

/// Poll: the fallback transport
///
/// Answers at once where there is something to tell, else as soon as there is, at the latest after `waitMs` (at most 25,000).
/// Stateless: a poll carries its own positions. Entries that are left out of the answer are to be asked for again.
#[utoipa::path(
    post, path = "/api/v1/poll", operation_id = "poll", tag = "Reading",
    request_body(description = "In JSON, or in CBOR with the keys of PROTOCOL.md, section 12.", content(
        (ref("#/components/schemas/PollRequest") = "application/json"),
        (ref("#/components/schemas/PollRequest") = "application/cbor"),
    )),
    responses((status = 200, description = "What each channel has to tell, in the order asked for.", content(
        (ref("#/components/schemas/PollResponse") = "application/json"),
        (ref("#/components/schemas/PollResponse") = "application/cbor"),
    )), Senders),
)]
pub(super) async fn poll(State(api): State<Api>, request: Request<Body>) -> Result<Response, Problem> {
    let caller = api.caller(request.extensions())?;
    let headers = request.headers().clone();
    let given = Given::read(&api, request, &[Format::Json, Format::Cbor]).await?;
    let poll = match given.format {
        Format::Json => PollRequest::from_json(given.text()?),
        Format::Cbor => cbor::decode_poll_request(&given.bytes),
    }
    .map_err(|error| unreadable(&error))?;
    let response = api.relay.poll(&caller, poll).await?;
    match answer_format(&headers, given.format) {
        Format::Cbor => Ok(answer(StatusCode::OK, Format::Cbor, cbor::encode_poll_response(&response))),
        Format::Json => Ok(super::body::json(StatusCode::OK, &response)),
    }
}

/// The query of every list; each call takes what it knows.
#[derive(Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Params {
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patient_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    severity: Option<Severity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unread: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u32>,
}

type Asked = Result<Query<Params>, QueryRejection>;

/// Read the history of a channel
///
/// The newest publications, or with `after` those behind that offset, oldest first.
#[utoipa::path(
    get, path = "/api/v1/history/{channel}", operation_id = "getHistory", tag = "Reading",
    params(("channel" = String, Path, description = "A channel name, such as `device:bed-1`.", example = json!("tenant")),
        ("after" = Option<u64>, Query, description = "Only publications above this offset."),
        ("limit" = Option<u32>, Query, description = "At most so many; 100 where nothing is said.")),
    responses((status = 200, description = "What the history holds.", body = ref("#/components/schemas/HistoryResult"), content_type = "application/json"), Callers),
)]
pub(super) async fn history(
    State(api): State<Api>,
    Path(channel): Path<String>,
    asked: Asked,
    found: Extensions,
) -> Result<Response, Problem> {
    call(&api, &found, "history.get", asked, |params| params.channel = Some(channel)).await
}

/// See who is there
///
/// On `tenant` everyone online, on other channels those who view it.
#[utoipa::path(
    get, path = "/api/v1/presence/{channel}", operation_id = "getPresence", tag = "Reading",
    params(("channel" = String, Path, description = "A channel name, such as `device:bed-1`.", example = json!("tenant"))),
    responses((status = 200, description = "The users.", body = ref("#/components/schemas/PresenceResult"), content_type = "application/json"), Callers),
)]
pub(super) async fn presence(
    State(api): State<Api>,
    Path(channel): Path<String>,
    asked: Asked,
    found: Extensions,
) -> Result<Response, Problem> {
    call(&api, &found, "presence.get", asked, |params| params.channel = Some(channel)).await
}

/// Read the figures of the tenant
///
/// Those of `dashboard_stats`; needs the right to `dashboard`. A relay that was built without its domain has none.
#[utoipa::path(
    get, path = "/api/v1/stats", operation_id = "getStats", tag = "Reading",
    responses((status = 200, description = "The figures.", body = ref("#/components/schemas/DashboardStats"), content_type = "application/json"), Missing, Callers),
)]
pub(super) async fn stats(State(api): State<Api>, asked: Asked, found: Extensions) -> Result<Response, Problem> {
    call(&api, &found, "stats.get", asked, |_| ()).await
}

/// List devices
///
/// Those that were registered or heard of and that the token may read, in the order of their ids.
#[utoipa::path(
    get, path = "/api/v1/devices", operation_id = "listDevices", tag = "Devices and patients",
    params(("patientId" = Option<String>, Query, description = "Only those of this patient."),
        ("status" = Option<String>, Query, description = "Only those that are online, offline or in maintenance."),
        ("before" = Option<String>, Query, description = "`next` of the page before."),
        ("limit" = Option<u32>, Query, description = "At most so many; 1,000 where nothing is said.", minimum = 1, maximum = 1000)),
    responses((status = 200, description = "One page.", body = ref("#/components/schemas/DeviceList"), content_type = "application/json"), Missing, Callers),
)]
pub(super) async fn devices(State(api): State<Api>, asked: Asked, found: Extensions) -> Result<Response, Problem> {
    call(&api, &found, "devices.list", asked, |_| ()).await
}

/// Read one device
#[utoipa::path(
    get, path = "/api/v1/devices/{id}", operation_id = "getDevice", tag = "Devices and patients",
    params(("id" = String, Path, description = "The device.", example = json!("bed-1"))),
    responses((status = 200, description = "The device.", body = ref("#/components/schemas/Device"), content_type = "application/json"), Missing, Callers),
)]
pub(super) async fn device(State(api): State<Api>, Path(id): Path<String>, asked: Asked, found: Extensions) -> Result<Response, Problem> {
    call(&api, &found, "devices.get", asked, |params| params.device_id = Some(id)).await
}

/// List alerts
///
/// Those that the token may read, newest first, and how many of them the caller has not read and nobody has resolved.
#[utoipa::path(
    get, path = "/api/v1/alerts", operation_id = "listAlerts", tag = "Alerts",
    params(("patientId" = Option<String>, Query, description = "Only of this patient."),
        ("severity" = Option<String>, Query, description = "Only of this severity: critical, high, medium or low."),
        ("state" = Option<String>, Query, description = "Only in this state: active, acknowledged or resolved; open is what is not resolved."),
        ("unread" = Option<bool>, Query, description = "Only those that the caller has not read and nobody has resolved."),
        ("from" = Option<u64>, Query, description = "Only those that arose then or later, in Unix milliseconds."),
        ("to" = Option<u64>, Query, description = "Only those that arose before then."),
        ("before" = Option<String>, Query, description = "`next` of the page before."),
        ("limit" = Option<u32>, Query, description = "At most so many; 50 where nothing is said.", minimum = 1, maximum = 200)),
    responses((status = 200, description = "One page.", body = ref("#/components/schemas/AlertList"), content_type = "application/json"), Missing, Callers),
)]
pub(super) async fn alerts(State(api): State<Api>, asked: Asked, found: Extensions) -> Result<Response, Problem> {
    call(&api, &found, "alerts.list", asked, |_| ()).await
}

/// Answers as `call` over the WebSocket would.
async fn call(api: &Api, found: &Extensions, method: &str, asked: Asked, path: impl FnOnce(&mut Params)) -> Result<Response, Problem> {
    let caller = api.caller(found)?;
    let Query(mut params) = asked.map_err(|rejection| Problem::bad_request(format!("the query: {}", rejection.body_text())).at("query"))?;
    path(&mut params);
    let params = RawJson::from_value(&params).map_err(|error| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Internal, format!("the parameters cannot be written: {error}"))
    })?;
    let result = api.relay.call(&caller, method, Some(&params)).await?;
    Ok(answer(StatusCode::OK, Format::Json, result.as_str().to_owned()))
}
