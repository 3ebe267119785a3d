//! Routes of devices; they are read in `read` and told in `ingest`.

use super::send;
use crate::api::{Api, Problem, Senders};
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;

/// Register a device
///
/// Its name, whose it is, and for how long it is to be used each day: the whole, so what is left out is taken away. What it does and
/// when it was heard stay. Needs the role `service` or `admin` and a publish pattern for `device:{id}`.
#[utoipa::path(
    put, path = "/api/v1/devices/{id}", operation_id = "putDevice", tag = "Devices and patients",
    params(("id" = String, Path, description = "The device.", example = json!("bed-1"))),
    request_body(content = ref("#/components/schemas/DeviceRegistration"), content_type = "application/json", description = "In JSON."),
    responses((status = 200, description = "The device as it is known now.", body = ref("#/components/schemas/Device"), content_type = "application/json"), Senders),
)]
pub(in crate::api) async fn put(State(api): State<Api>, Path(id): Path<String>, request: Request<Body>) -> Result<Response, Problem> {
    send(&api, request, "devices.put", StatusCode::OK, &[("deviceId", id)]).await
}
