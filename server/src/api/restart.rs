//! `/dev/restart`: the relay of a demo ends and a new one takes its place, so that a page's recovery from it can be watched.
//!
//! It is the end that SIGTERM brings (drained, 4503 with a delay for each client, nothing accepted meanwhile) and then a start
//! with an empty memory: other epochs, another node. Whoever runs the process decides whether it can be done, by [`Restarts`]
//! in the request's extensions; a relay inside another program has none and says so.
//!
//! Trap: a page of another site can make a browser post to 127.0.0.1 without reading the answer. Pages of other origins are
//! refused by their `Origin`, which no page can hide on a POST.

use super::body::json;
use super::{Anyone, Api, Problem, Unreadable};
use crate::observe::{Audit, audit};
use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use pulsewire_protocol::ErrorCode;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const DEFAULT_AWAY_MS: u64 = 2_000;
/// A relay that stays away longer is better stopped by hand.
const MAX_AWAY_MS: u64 = 60_000;

/// One relay's chance to be asked for another one in its place: held by whoever runs it, and by the door.
#[derive(Clone, Debug, Default)]
pub struct Restarts {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    stop: OnceLock<CancellationToken>,
    away: OnceLock<Duration>,
}

impl Restarts {
    /// What ends this relay; the first one given counts.
    pub fn will_cancel(&self, stop: CancellationToken) {
        self.inner.stop.get_or_init(|| stop);
    }

    /// How long it shall stay away, where another one was asked for.
    pub fn asked(&self) -> Option<Duration> {
        self.inner.away.get().copied()
    }

    /// Ends this relay; says whether there is somebody to start the next one. Asked twice, the first time counts.
    fn ask(&self, away: Duration) -> bool {
        let Some(stop) = self.inner.stop.get() else { return false };
        self.inner.away.get_or_init(|| away);
        stop.cancel();
        true
    }
}

/// The query of `/dev/restart`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Wanted {
    away_ms: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Restarting {
    away_ms: u64,
}

/// Restart the relay
///
/// For whoever reaches this relay and is no page of another site: only with `--dev`, which listens to this machine alone unless `--allow-lan` is given. Connections are drained as by SIGTERM, then a relay with an empty memory
/// takes this one's place at the same address.
#[utoipa::path(
    post, path = "/dev/restart", operation_id = "restartDevelopmentRelay", tag = "Development", security(()),
    params(("awayMs" = Option<u64>, Query, description = "How long nobody listens in between, in milliseconds: 2000 where nothing is said, at most 60000.")),
    responses(
        (status = 202, description = "It ends now.", body = ref("#/components/schemas/DevelopmentRestart"), content_type = "application/json"),
        (status = 503, description = "Nobody would start it again: it runs inside another program.", body = ref("#/components/schemas/Problem"), content_type = "application/problem+json"),
        Unreadable,
        Anyone,
    ),
)]
pub(super) async fn restart(
    State(api): State<Api>,
    restarts: Option<Extension<Restarts>>,
    headers: HeaderMap,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Response, Problem> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or(""));
    if text(header::ORIGIN).is_some_and(|origin| !api.relay.config().allows_origin(origin, text(header::HOST))) {
        return Err(Problem::new(StatusCode::FORBIDDEN, ErrorCode::Forbidden, "a page of another site may not restart this relay"));
    }
    let Query(wanted) = wanted
        .map_err(|rejection| Problem::bad_request(format!("{}; such as /dev/restart?awayMs=2000", rejection.body_text())).at("query"))?;
    let away_ms = wanted.away_ms.unwrap_or(DEFAULT_AWAY_MS);
    if away_ms > MAX_AWAY_MS {
        return Err(Problem::bad_request(format!("{away_ms} is too long: at most {MAX_AWAY_MS}")).at("awayMs"));
    }
    if !restarts.is_some_and(|Extension(restarts)| restarts.ask(Duration::from_millis(away_ms))) {
        let detail = "this relay runs inside another program, which would not start it again: restart that program";
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable, detail));
    }
    audit(Audit::StopRequested { by: "/dev/restart" });
    Ok(json(StatusCode::ACCEPTED, &Restarting { away_ms }))
}
