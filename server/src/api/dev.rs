//! The doors that only `--dev` opens: tokens for whoever asks, and where the demo's signals come from.
//!
//! Trap: a page of another site can make a browser call 127.0.0.1. It cannot read the answer without CORS; and a site whose
//! name was made to point at this machine is refused by its `Host` ([`super::guarded`]).

use super::body::json;
use super::{Api, Problem};
use crate::config::DEMO_TENANT;
use crate::mint::{TokenRequest, mint};
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
}

/// `GET /dev/token?sub=&tenant=&role=&name=&ttl=`
pub(super) async fn token(State(api): State<Api>, wanted: Result<Query<Wanted>, QueryRejection>) -> Result<Response, Problem> {
    let Query(wanted) = wanted.map_err(|rejection| {
        Problem::bad_request(format!("{}; such as /dev/token?sub=nina&role=nurse", rejection.body_text())).at("query")
    })?;
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    let request = TokenRequest {
        sub: wanted.sub,
        tenant: filled(wanted.tenant).unwrap_or_else(|| DEMO_TENANT.to_owned()),
        name: filled(wanted.name),
        role: filled(wanted.role),
        ttl_s: wanted.ttl.unwrap_or(DEFAULT_TTL_S).min(MAX_TTL_S),
        ..TokenRequest::default()
    };
    let minted = mint(api.relay.config(), &request, api.relay.clock().now_ms())
        .map_err(|error| Problem::bad_request(error.to_string()).at(error.field))?;
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

/// `GET /dev/info`: what feeds the demo.
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
