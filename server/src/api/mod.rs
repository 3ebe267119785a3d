//! The HTTP API: ingest, publishing, polling, reading, health, metrics; and with `--dev` the demo's tokens.
//!
//! Handlers translate: rights, validation and order are the relay's. Every refusal, also of an unknown path or a wrong
//! method, is a problem document (RFC 9457) with the protocol's `code`.

mod body;
mod dev;
mod docs;
#[cfg(feature = "domain")]
mod domain;
mod ingest;
mod layers;
mod openapi;
mod ops;
mod outcome;
mod parameters;
mod problem;
mod read;
mod restart;

pub use layers::guarded;
pub(crate) use openapi::{Anyone, Callers, Missing, Senders, Unreadable};
pub(crate) use ops::method_not_allowed;
pub use problem::Problem;
pub use restart::Restarts;

use crate::auth::{Principal, TokenRefused};
use crate::relay::Relay;
use axum::extract::DefaultBodyLimit;
use axum::http::{Extensions, HeaderMap, StatusCode, header};
use axum::{Extension, Router};
use openapi::also_at;
use pulsewire_protocol::ErrorCode;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What the gate found out about the token of a request, in the request's extensions: it is checked, and counted, once.
#[derive(Clone)]
struct Caller(Result<Arc<Principal>, TokenRefused>);

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
        // A route comes with its entry in the OpenAPI document, which stands above its handler.
        let mut routes = OpenApiRouter::with_openapi(openapi::base())
            .routes(routes!(ingest::status))
            .routes(routes!(ingest::alerts, read::alerts))
            .routes(routes!(ingest::telemetry))
            // Both spellings: the protocol's table reads either way.
            .routes(also_at("/api/v1/devices/alerts", "OfDevices", routes!(ingest::alerts)))
            .routes(also_at("/api/v1/devices/telemetry", "OfDevices", routes!(ingest::telemetry)))
            .routes(routes!(ingest::publish))
            .routes(routes!(read::poll))
            .routes(routes!(read::history))
            .routes(routes!(read::presence))
            .routes(routes!(read::stats))
            .routes(routes!(read::devices))
            .routes(routes!(read::device))
            .routes(routes!(ops::health))
            .routes(routes!(ops::ready))
            .routes(routes!(openapi::openapi))
            .routes(routes!(openapi::docs));
        #[cfg(feature = "domain")]
        {
            routes = domain::routes(routes);
        }
        if config.metrics.listen.is_none() {
            routes = routes.routes(routes!(ops::metrics));
        }
        if config.dev {
            routes = routes.routes(routes!(dev::token)).routes(routes!(dev::info)).routes(routes!(restart::restart));
        }
        let (router, document) = routes.split_for_parts();
        let router = match &config.www {
            Some(folder) => router.fallback_service(crate::www::service(folder)),
            None => router.fallback(ops::not_found),
        };
        let router = router
            .method_not_allowed_fallback(ops::method_not_allowed)
            .with_state(self.clone())
            .layer(Extension(openapi::Pages::new(document)))
            .layer(DefaultBodyLimit::max(config.limits.max_body_bytes));
        layers::apply(router, self)
    }

    /// `/metrics` alone, for a listener of its own.
    pub fn metrics_router(&self) -> Router {
        let (router, _) = OpenApiRouter::new().routes(routes!(ops::metrics)).split_for_parts();
        let router = router.fallback(ops::not_found).method_not_allowed_fallback(ops::method_not_allowed).with_state(self.clone());
        layers::guarded(router, &self.relay)
    }

    /// Who calls, as the gate found out.
    fn caller(&self, found: &Extensions) -> Result<Arc<Principal>, Problem> {
        match found.get::<Caller>() {
            Some(Caller(found)) => found.clone().map_err(Problem::from),
            None => Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Internal, "nobody checked the token of this request")),
        }
    }

    /// Checks the bearer token of a request. For the gate alone: each call costs a check, and counts where it refuses.
    fn authenticate(&self, headers: &HeaderMap) -> Result<Arc<Principal>, TokenRefused> {
        let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| {
            let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
            scheme.eq_ignore_ascii_case("bearer").then_some(token)
        });
        self.relay.authenticate(token)
    }
}
