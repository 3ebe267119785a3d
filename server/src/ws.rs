//! `GET /ws`: who may upgrade, and to what. The handshake itself is [`upgrade`]'s, the socket [`socket`]'s.
//!
//! The size limit of frames lies a little above the relay's own, whose error is the better one: it comes behind the body. Not far
//! above: each socket may have the relay hold so much, before it has shown a token too.

mod socket;
mod upgrade;

pub use socket::{Inlet, Socket};
pub use upgrade::{NoUpgrade, Upgrade};

use crate::api::Problem;
use crate::limits::ClientAddress;
use crate::observe::metrics::HandshakeFailure;
use crate::relay::Relay;
use crate::session::{self, Opening};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Extension, Router};
use pulsewire_protocol::{ErrorBody, ErrorCode, Format, SUBPROTOCOL_CBOR, SUBPROTOCOL_JSON};

/// A message over `limits.max_message_bytes` by no more than this is read whole, and then refused.
const FRAME_ROOM_BYTES: usize = 16 * 1024;

/// The route.
pub fn router(relay: Relay) -> Router {
    Router::new().route("/ws", get(handle_upgrade).fallback(crate::api::method_not_allowed)).with_state(relay)
}

/// Open the connection
///
/// A WebSocket (RFC 6455) with the subprotocol `pulsewire.v1.json` or `pulsewire.v1.cbor`; its messages stand in docs/asyncapi.json.
/// The token stands in `Authorization`, in `token`, or in the first message.
#[utoipa::path(
    get, path = "/ws", operation_id = "connect", tag = "WebSocket", security((), ("bearer" = [])),
    params(
        ("token" = Option<String>, Query, description = "A JWT. Proxies may log it: prefer the header or the first message."),
        ("Sec-WebSocket-Protocol" = Option<String>, Header, description = "`pulsewire.v1.json` (also where none is offered) or `pulsewire.v1.cbor`."),
    ),
    responses((status = 101, description = "The connection is a WebSocket now."), crate::api::Callers),
)]
pub(crate) async fn handle_upgrade(State(relay): State<Relay>, Extension(address): Extension<ClientAddress>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let refuse = |failure: HandshakeFailure, problem: Problem| {
        relay.metrics().handshake_failed(failure);
        tracing::info!(target: "pulsewire_relay::connections", %address, failure = failure.as_str(), "upgrade refused");
        problem.into_response()
    };
    if relay.is_draining() {
        let error = ErrorBody::retryable(ErrorCode::Unavailable, "this relay is going down: connect again", Some(2_000));
        return refuse(HandshakeFailure::Unavailable, error.into());
    }
    // Before anything that costs: the token's signature would.
    if let Err(error) = relay.gate().look() {
        return refuse(HandshakeFailure::Unavailable, error.into());
    }
    // Every one, also what is no text: only a client without any is no page.
    let host = text(&parts.headers, header::HOST);
    let allowed = |origin: &HeaderValue| origin.to_str().is_ok_and(|origin| relay.config().allows_origin(origin, host));
    if !parts.headers.get_all(header::ORIGIN).iter().all(allowed) {
        let error = ErrorBody::new(ErrorCode::Forbidden, "pages of this origin may not connect: add it to `origins`");
        return refuse(HandshakeFailure::Origin, error.into());
    }
    let principal = match token_of(&parts.headers, &parts.uri) {
        None => None,
        Some(token) => match relay.authenticate(Some(&token)) {
            Ok(principal) => Some(principal),
            Err(refused) => {
                return match relay.token_refused(&address, refused.problem) {
                    Ok(()) => refuse(refused.problem.into(), refused.into()),
                    Err(error) => refuse(HandshakeFailure::RateLimited, Problem::from(error).and_close()),
                };
            }
        },
    };
    let passed = match &principal {
        Some(principal) => relay.may_come_back(principal),
        None => relay.may_shake_hands(address.group()),
    };
    if let Err(error) = passed {
        return refuse(HandshakeFailure::RateLimited, Problem::from(error).and_close());
    }
    let admission = match relay.admit(address.group()) {
        Ok(admission) => admission,
        Err(error) => return refuse(HandshakeFailure::TooMany, error.into()),
    };
    let format = choose_format(&parts.headers);
    let upgrade = match Upgrade::of(parts) {
        Ok(upgrade) => upgrade,
        Err(no_upgrade) => {
            let mut response = Problem::bad_request(format!("this address takes WebSocket upgrades only: {no_upgrade}")).into_response();
            // RFC 6455, section 4.4: say which version would do.
            response.headers_mut().insert("sec-websocket-version", HeaderValue::from_static("13"));
            return response;
        }
    };
    let Some(format) = format else {
        let message = format!("offer the subprotocol {SUBPROTOCOL_JSON} or {SUBPROTOCOL_CBOR}, or none (JSON)");
        let error = ErrorBody::new(ErrorCode::BadRequest, message);
        return refuse(HandshakeFailure::Subprotocol, error.into());
    };
    // Last: what is no upgrade, or is refused for its token or its rate, takes none of the trials from a page.
    if let Err(error) = relay.gate().enter() {
        return refuse(HandshakeFailure::Unavailable, error.into());
    }
    let limit = relay.config().limits.max_message_bytes.saturating_add(FRAME_ROOM_BYTES);
    let (response, socket) = upgrade.accept(format, limit);
    // Boxed: a future holds what it was given beside what it has become.
    let opening = Box::new(Opening { format, address, principal });
    let tracked = relay.clone();
    let served = async move {
        let Some(socket) = socket.await else { return };
        let _admission = admission;
        session::run(relay, socket, *opening).await;
    };
    // Tracked: a drain waits for it, also while the peer is still to be told that it may go on.
    tokio::spawn(tracked.track(served));
    response
}

/// The header's token, else the query's. An empty one counts as given (and is refused as missing), and so does one that is
/// no text (refused as malformed).
fn token_of(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    if let Some(given) = headers.get(header::AUTHORIZATION) {
        let given = String::from_utf8_lossy(given.as_bytes());
        let (scheme, token) = given.split_once(' ').unwrap_or((&given, ""));
        if scheme.eq_ignore_ascii_case("bearer") {
            return Some(token.trim().to_owned());
        }
    }
    let query = uri.query()?;
    query.split('&').find_map(|pair| match pair.split_once('=') {
        Some(("token", token)) => Some(unescape(token)),
        None if pair == "token" => Some(String::new()),
        _ => None,
    })
}

/// `%2E` and the like as the characters they stand for; anything else stays as it is.
pub(crate) fn unescape(escaped: &str) -> String {
    let mut bytes = Vec::with_capacity(escaped.len());
    let mut rest = escaped.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = if *first == b'%' { after.first_chunk::<2>() } else { None };
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let byte = hex.and_then(|[high, low]| Some(digit(*high)? * 16 + digit(*low)?));
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// JSON where no subprotocol is offered, the first known one where some are, `None` where none is known.
fn choose_format(headers: &HeaderMap) -> Option<Format> {
    let mut offered = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok()).peekable();
    if offered.peek().is_none() {
        return Some(Format::Json);
    }
    let names: Vec<&str> = offered.flat_map(|list| list.split(',')).map(str::trim).collect();
    // The order of this relay's own list decides, as it does in axum's answer.
    if names.contains(&SUBPROTOCOL_JSON) { Some(Format::Json) } else { names.contains(&SUBPROTOCOL_CBOR).then_some(Format::Cbor) }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
