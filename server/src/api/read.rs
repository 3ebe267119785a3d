//! Reading: the polling transport, history, presence, and the calls of section 12 that have an HTTP door.

use super::body::{Given, answer, answer_format, unreadable};
use super::{Api, Problem};
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use pulsewire_protocol::json::FromJson as _;
use pulsewire_protocol::{ErrorCode, Format, PollRequest, RawJson, Severity, cbor};
use serde::{Deserialize, Serialize};

/// `POST /api/v1/poll`
pub(super) async fn poll(State(api): State<Api>, request: Request<Body>) -> Result<Response, Problem> {
    let caller = api.caller(request.headers())?;
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
    after: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u32>,
}

type Asked = Result<Query<Params>, QueryRejection>;

/// `GET /api/v1/history/{channel}?after=&limit=`
pub(super) async fn history(
    State(api): State<Api>,
    Path(channel): Path<String>,
    asked: Asked,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    call(&api, &headers, "history.get", asked, |params| params.channel = Some(channel)).await
}

/// `GET /api/v1/presence/{channel}`
pub(super) async fn presence(
    State(api): State<Api>,
    Path(channel): Path<String>,
    asked: Asked,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    call(&api, &headers, "presence.get", asked, |params| params.channel = Some(channel)).await
}

/// `GET /api/v1/stats`
pub(super) async fn stats(State(api): State<Api>, asked: Asked, headers: HeaderMap) -> Result<Response, Problem> {
    call(&api, &headers, "stats.get", asked, |_| ()).await
}

/// `GET /api/v1/devices?limit=`
pub(super) async fn devices(State(api): State<Api>, asked: Asked, headers: HeaderMap) -> Result<Response, Problem> {
    call(&api, &headers, "devices.list", asked, |_| ()).await
}

/// `GET /api/v1/devices/{id}`
pub(super) async fn device(State(api): State<Api>, Path(id): Path<String>, asked: Asked, headers: HeaderMap) -> Result<Response, Problem> {
    call(&api, &headers, "devices.get", asked, |params| params.device_id = Some(id)).await
}

/// `GET /api/v1/alerts?patientId=&severity=&limit=`
pub(super) async fn alerts(State(api): State<Api>, asked: Asked, headers: HeaderMap) -> Result<Response, Problem> {
    call(&api, &headers, "alerts.list", asked, |_| ()).await
}

/// Answers as `call` over the WebSocket would.
async fn call(api: &Api, headers: &HeaderMap, method: &str, asked: Asked, path: impl FnOnce(&mut Params)) -> Result<Response, Problem> {
    let caller = api.caller(headers)?;
    let Query(mut params) = asked.map_err(|rejection| Problem::bad_request(format!("the query: {}", rejection.body_text())).at("query"))?;
    path(&mut params);
    let params = RawJson::from_value(&params).map_err(|error| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Internal, format!("the parameters cannot be written: {error}"))
    })?;
    let result = api.relay.call(&caller, method, Some(&params)).await?;
    Ok(answer(StatusCode::OK, Format::Json, result.as_str().to_owned()))
}
