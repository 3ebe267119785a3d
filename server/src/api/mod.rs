//! The HTTP API: ingest, publishing, polling, reading, health, metrics; and with `--dev` the demo's tokens.
//!
//! Handlers translate: rights, validation and order are the relay's. Every refusal, also of an unknown path or a wrong
//! method, is a problem document (RFC 9457) with the protocol's `code`.

mod body;
mod dev;
mod ingest;
mod layers;
mod ops;
mod outcome;
mod problem;
mod read;

pub use layers::guarded;
pub(crate) use ops::method_not_allowed;
pub use problem::Problem;

use crate::auth::Principal;
use crate::relay::Relay;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderMap, header};
use axum::routing::{get, post};
use std::sync::Arc;

/// What every handler has.
#[derive(Clone)]
pub struct Api {
    /// The relay.
    pub relay: Relay,
}

impl Api {
    /// The API of this relay.
    pub fn new(relay: Relay) -> Self {
        Self { relay }
    }

    /// Every route, with the static pages behind them where the configuration names some.
    pub fn router(&self) -> Router {
        let config = self.relay.config();
        let mut router = Router::new()
            .route("/api/v1/devices/status", post(ingest::status))
            // Both spellings: the protocol's table reads either way.
            .route("/api/v1/devices/alerts", post(ingest::alerts))
            .route("/api/v1/alerts", post(ingest::alerts).get(read::alerts))
            .route("/api/v1/devices/telemetry", post(ingest::telemetry))
            .route("/api/v1/telemetry", post(ingest::telemetry))
            .route("/api/v1/publish", post(ingest::publish))
            .route("/api/v1/poll", post(read::poll))
            .route("/api/v1/history/{channel}", get(read::history))
            .route("/api/v1/presence/{channel}", get(read::presence))
            .route("/api/v1/stats", get(read::stats))
            .route("/api/v1/devices", get(read::devices))
            .route("/api/v1/devices/{id}", get(read::device))
            .route("/healthz", get(ops::health))
            .route("/readyz", get(ops::ready));
        if config.metrics.listen.is_none() {
            router = router.route("/metrics", get(ops::metrics));
        }
        if config.dev {
            router = router.route("/dev/token", get(dev::token)).route("/dev/info", get(dev::info));
        }
        let router = match &config.www {
            Some(folder) => router.fallback_service(crate::www::service(folder)),
            None => router.fallback(ops::not_found),
        };
        let router = router
            .method_not_allowed_fallback(ops::method_not_allowed)
            .with_state(self.clone())
            .layer(DefaultBodyLimit::max(config.limits.max_body_bytes));
        layers::apply(router, self)
    }

    /// `/metrics` alone, for a listener of its own.
    pub fn metrics_router(&self) -> Router {
        let router = Router::new()
            .route("/metrics", get(ops::metrics))
            .fallback(ops::not_found)
            .method_not_allowed_fallback(ops::method_not_allowed)
            .with_state(self.clone());
        layers::guarded(router, &self.relay)
    }

    /// Who calls: the bearer token of the request.
    fn caller(&self, headers: &HeaderMap) -> Result<Arc<Principal>, Problem> {
        let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| {
            let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
            scheme.eq_ignore_ascii_case("bearer").then_some(token)
        });
        self.relay.authenticate(token).map_err(Problem::from)
    }
}
