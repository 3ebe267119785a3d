//! What lies around every route: CORS, compression, counting, and a net under panics.

use super::{Api, Caller, Problem};
use crate::limits::ClientAddress;
use crate::observe::faults::fault;
use crate::observe::metrics::{Metrics, Transport};
use crate::relay::Relay;
use axum::Router;
use axum::body::HttpBody as _;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use pulsewire_protocol::ErrorCode;
use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tower::util::MapResponseLayer;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};

/// Puts the layers around the routes.
pub(super) fn apply(router: Router, api: &Api) -> Router {
    // The last one is the outermost.
    router
        .layer(middleware::from_fn_with_state(api.clone(), gate))
        .layer(CatchPanicLayer::custom(handle_panic))
        .layer(middleware::from_fn_with_state(Arc::clone(api.relay.metrics()), count))
        .layer(CompressionLayer::new())
        .layer(cors(api))
}

/// What every answer says to a browser, unless it says something else itself: its type is not to be guessed, it is no page that may
/// load or be framed, and no address of ours (which may hold a token) is told to another site.
const HEADERS: [(HeaderName, HeaderValue); 3] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
];

/// One layer for all of them: each layer costs every request two allocations, and every connection begins with one.
fn with_headers(router: Router) -> Router {
    router.layer(MapResponseLayer::new(|mut response: Response| {
        for (name, value) in HEADERS {
            response.headers_mut().entry(name).or_insert(value);
        }
        response
    }))
}

/// With `--dev` everything may be done by whoever reaches this machine. A page of any site can make a browser call a name of
/// its own that was made to point at 127.0.0.1, and such a page could read the answers: so only this machine's names are
/// answered, at every door, unless `--allow-lan` opens them. The headers of every answer are put on here, too.
pub fn guarded(router: Router, relay: &Relay) -> Router {
    let config = relay.config();
    if !config.dev || config.allow_lan {
        return with_headers(router);
    }
    with_headers(router.layer(middleware::from_fn(|request: Request, next: Next| async move {
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        // A target with an authority of its own counts before the header (RFC 9112, section 3.2.2).
        let host = request.uri().authority().map(|authority| authority.as_str()).or(host);
        if host.is_some_and(crate::config::is_this_machine) {
            return next.run(request).await;
        }
        let detail = "with --dev only requests to 127.0.0.1, [::1] and localhost are answered; --allow-lan opens it to other names";
        Problem::new(StatusCode::FORBIDDEN, ErrorCode::Forbidden, detail).into_response()
    })))
}

/// Who calls `/api/v1`, found out here alone and handed on as [`Caller`], and its rates (R10): a good token's request is counted against its user, a refused token against its address.
///
/// A backend's `/publish` passes here and is asked once its body is known, because its alerts are never refused for a rate
/// ([`super::ingest`]).
async fn gate(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    if !route.starts_with("/api/v1/") {
        return next.run(request).await;
    }
    let spared = matches!(route, "/api/v1/alerts" | "/api/v1/devices/alerts" | "/api/v1/publish") && request.method() == Method::POST;
    let found = api.authenticate(request.headers());
    request.extensions_mut().insert(Caller(found.clone()));
    match found {
        Ok(caller) => {
            let asks = !(caller.is_backend() && spared);
            if asks && let Err(error) = api.relay.may_ask(&caller) {
                return Problem::from(error).into_response();
            }
        }
        Err(refused) => {
            let address = request.extensions().get::<ClientAddress>().copied();
            // The handler says it, unless the method is wrong: that is no attempt.
            let response = next.run(request).await;
            // Without an address the request came from within this process.
            if response.status() == StatusCode::UNAUTHORIZED
                && let Some(address) = address
                && let Err(error) = api.relay.token_refused(&address, refused.problem)
            {
                return Problem::from(error).and_close().into_response();
            }
            return response;
        }
    }
    next.run(request).await
}

fn cors(api: &Api) -> CorsLayer {
    let relay = api.relay.clone();
    let allowed = AllowOrigin::predicate(move |origin: &HeaderValue, parts| {
        let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        origin.to_str().is_ok_and(|origin| relay.config().allows_origin(origin, host))
    });
    CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::POST, Method::PUT])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::ACCEPT, HeaderName::from_static("idempotency-key")])
        .expose_headers([header::RETRY_AFTER, header::WWW_AUTHENTICATE])
        .max_age(Duration::from_secs(600))
}

async fn count(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or_else(|| "other".to_owned(), |path| path.as_str().to_owned());
    let request_bytes = request.body().size_hint().exact().unwrap_or(0);
    let method = request.method().clone();
    let started = Instant::now();
    let response = next.run(request).await;
    let took = started.elapsed();
    // The route and never the query: it may hold a token.
    tracing::debug!(target: "pulsewire_relay::http", %method, route, status = response.status().as_u16(), took_ms = took.as_millis(), "answered");
    // Waiting is what a poll is for.
    let seconds = (route != "/api/v1/poll").then_some(took.as_secs_f64());
    metrics.request_handled(&route, response.status().as_u16(), seconds);
    metrics.received(Transport::Http, 1, request_bytes);
    metrics.sent(Transport::Http, 1, response.body().size_hint().exact().unwrap_or(0));
    response
}

/// A handler that panics is a defect; the caller gets a problem, the log the reason, and everyone else goes on.
fn handle_panic(reason: Box<dyn Any + Send + 'static>) -> Response {
    let reason =
        reason.downcast_ref::<String>().map(String::as_str).or_else(|| reason.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
    fault!(error, Internal, reason, "a request handler panicked");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Internal, "a defect of the relay; its log has the details").into_response()
}
