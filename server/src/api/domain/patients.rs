//! Routes of patients.

use super::{Pairs, ask, send};
use crate::api::{Api, Callers, Missing, Problem, Senders};
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{Extensions, StatusCode};
use axum::response::Response;

/// List patients
///
/// Those that the token may read, the newest first.
#[utoipa::path(
    get, path = "/api/v1/patients", operation_id = "listPatients", tag = "Devices and patients",
    params(("status" = Option<String>, Query, description = "Only those of this status."),
        ("priority" = Option<String>, Query, description = "Only those of this priority."),
        ("before" = Option<String>, Query, description = "`next` of the page before."),
        ("limit" = Option<u32>, Query, description = "At most so many; 50 where nothing is said.", minimum = 1, maximum = 200)),
    responses((status = 200, description = "One page.", body = ref("#/components/schemas/PatientList"), content_type = "application/json"), Callers),
)]
pub(in crate::api) async fn list(State(api): State<Api>, query: Pairs, found: Extensions) -> Result<Response, Problem> {
    ask(&api, &found, "patients.list", query, &[]).await
}

/// Read one patient
#[utoipa::path(
    get, path = "/api/v1/patients/{id}", operation_id = "getPatient", tag = "Devices and patients",
    params(("id" = String, Path, description = "The patient.", example = json!("p-9"))),
    responses((status = 200, description = "The patient.", body = ref("#/components/schemas/Patient"), content_type = "application/json"), Missing, Callers),
)]
pub(in crate::api) async fn get(
    State(api): State<Api>,
    Path(id): Path<String>,
    query: Pairs,
    found: Extensions,
) -> Result<Response, Problem> {
    ask(&api, &found, "patients.get", query, &[("patientId", id)]).await
}

/// Say how a patient is
///
/// Name, status and priority: the whole, so what is left out is taken away. What changes is told as `new_patient`,
/// `patient_status_change` (also for a new name) and `priority_update`. Needs the role `service` or `admin` and a publish pattern for
/// `patient:{id}`.
#[utoipa::path(
    put, path = "/api/v1/patients/{id}", operation_id = "putPatient", tag = "Devices and patients",
    params(("id" = String, Path, description = "The patient.", example = json!("p-9"))),
    request_body(content = ref("#/components/schemas/PatientState"), content_type = "application/json", description = "In JSON."),
    responses((status = 200, description = "The patient as it is known now.", body = ref("#/components/schemas/Patient"), content_type = "application/json"), Senders),
)]
pub(in crate::api) async fn put(State(api): State<Api>, Path(id): Path<String>, request: Request<Body>) -> Result<Response, Problem> {
    send(&api, request, "patients.put", StatusCode::OK, &[("patientId", id)]).await
}

/// List a patient's usage sessions
///
/// Those that reach into the time, the newest first, and the compliance of the days (UTC) that it touches, up to today: the use of each
/// beside the device's target, at most 1, and the mean of them.
#[utoipa::path(
    get, path = "/api/v1/patients/{id}/sessions", operation_id = "listSessions", tag = "Devices and patients",
    params(("id" = String, Path, description = "The patient.", example = json!("p-9")),
        ("from" = Option<u64>, Query, description = "In Unix milliseconds; seven days before `to` where nothing is said."),
        ("to" = Option<u64>, Query, description = "In Unix milliseconds; now where nothing is said."),
        ("before" = Option<String>, Query, description = "`next` of the page before."),
        ("limit" = Option<u32>, Query, description = "At most so many; 50 where nothing is said.", minimum = 1, maximum = 200)),
    responses((status = 200, description = "One page.", body = ref("#/components/schemas/SessionList"), content_type = "application/json"), Callers),
)]
pub(in crate::api) async fn sessions(
    State(api): State<Api>,
    Path(id): Path<String>,
    query: Pairs,
    found: Extensions,
) -> Result<Response, Problem> {
    ask(&api, &found, "sessions.list", query, &[("patientId", id)]).await
}
