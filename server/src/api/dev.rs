//! The doors that only `--dev` opens: tokens for whoever asks, and where the demo's signals come from.
//!
//! Trap: a page of another site can make a browser call 127.0.0.1. It cannot read the answer without CORS; and a site whose
//! name was made to point at this machine is refused by its `Host` ([`super::guarded`]).

use super::body::json;
use super::{Anyone, Api, Problem, Unreadable};
use crate::config::DEMO_TENANT;
use crate::mint::{TokenRequest, mint};
use crate::observe::{Audit, audit};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};

const DEFAULT_TTL_S: u64 = 3_600;
const MAX_TTL_S: u64 = 30 * 86_400;

/// The query of `/dev/token`.
#[derive(Deserialize)]
pub(super) struct Wanted {
    sub: String,
    tenant: Option<String>,
    role: Option<String>,
    name: Option<String>,
    /// Seconds; short ones show how a page renews its token.
    ttl: Option<u64>,
    /// Patterns, separated by commas; what the role gives where nothing is said.
    subscribe: Option<String>,
    publish: Option<String>,
}

/// Make a token
///
/// For whoever asks: only with `--dev`.
#[utoipa::path(
    get, path = "/dev/token", operation_id = "getDevelopmentToken", tag = "Development", security(()),
    params(
        ("sub" = String, Query, description = "The user.", example = json!("nina")),
        ("tenant" = Option<String>, Query, description = "The tenant; the demo's where nothing is said."),
        ("role" = Option<String>, Query, description = "The role, such as `nurse` or `service`."),
        ("name" = Option<String>, Query, description = "The name to show."),
        ("ttl" = Option<u64>, Query, description = "How long it is valid, in seconds."),
        ("subscribe" = Option<String>, Query, description = "What it may subscribe to: patterns, separated by commas; what the role gives where nothing is said.", example = json!("conversation:patient-1,patient:patient-1")),
        ("publish" = Option<String>, Query, description = "What it may publish to, the same way."),
    ),
    responses((status = 200, description = "The token.", body = ref("#/components/schemas/DevelopmentToken"), content_type = "application/json"), Unreadable, Anyone),
)]
pub(super) async fn token(State(api): State<Api>, wanted: Result<Query<Wanted>, QueryRejection>) -> Result<Response, Problem> {
    let Query(wanted) = wanted.map_err(|rejection| {
        Problem::bad_request(format!("{}; such as /dev/token?sub=nina&role=nurse", rejection.body_text())).at("query")
    })?;
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    let patterns = |text: Option<String>| filled(text).map(|text| text.split(',').map(|pattern| pattern.trim().to_owned()).collect());
    let request = TokenRequest {
        sub: wanted.sub,
        tenant: filled(wanted.tenant).unwrap_or_else(|| DEMO_TENANT.to_owned()),
        name: filled(wanted.name),
        role: filled(wanted.role),
        subscribe: patterns(wanted.subscribe),
        publish: patterns(wanted.publish),
        ttl_s: wanted.ttl.unwrap_or(DEFAULT_TTL_S).min(MAX_TTL_S),
        ..TokenRequest::default()
    };
    let minted = mint(api.relay.config(), &request, api.relay.clock().now_ms())
        .map_err(|error| Problem::bad_request(error.to_string()).at(error.field))?;
    audit(Audit::DevTokenMinted { user: &request.sub, tenant: &request.tenant, role: request.role.as_deref() });
    Ok(json(StatusCode::OK, &minted))
}

#[derive(Serialize)]
struct Info {
    source: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    devices: u32,
    tenant: String,
}

/// What feeds the demo
#[utoipa::path(
    get, path = "/dev/info", operation_id = "getDevelopmentInfo", tag = "Development", security(()),
    responses((status = 200, description = "Replay, simulator or nothing.", body = ref("#/components/schemas/DevelopmentInfo"), content_type = "application/json"), Anyone),
)]
pub(super) async fn info(State(api): State<Api>) -> Result<Response, Problem> {
    let feed = &api.relay.config().feed;
    let source = match (&feed.replay, feed.simulate) {
        (Some(_), _) => Some("replay"),
        (None, 1..) => Some("simulate"),
        (None, 0) => None,
    };
    // The name alone: where it lies on this machine is nobody's business.
    let file = feed.replay.as_deref().and_then(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned());
    Ok(json(StatusCode::OK, &Info { source, file, devices: feed.simulate, tenant: feed.tenant.clone() }))
}
