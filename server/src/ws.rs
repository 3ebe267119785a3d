//! `GET /ws`: the upgrade, and axum's WebSocket as a session's transport.
//!
//! Why the settings: tungstenite's read buffer of 128 KiB costs 134 KB per idle connection and is zero-filled on every read
//! attempt; 4 KiB cost 6.5 KB and cut fan-out CPU about three times (measured). Its size limit lies above the relay's own, because
//! its error comes before the body is read and a reset can swallow the close frame.

use crate::api::Problem;
use crate::hub::Closing;
use crate::limits::ClientAddress;
use crate::observe::metrics::HandshakeFailure;
use crate::relay::Relay;
use crate::session::{self, Inbound, Lost, Opening, Outbound};
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Extension, Router};
use futures_util::{Sink, Stream};
use pulsewire_protocol::{CloseCode, ErrorBody, ErrorCode, Format, SUBPROTOCOL_CBOR, SUBPROTOCOL_JSON};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

const READ_BUFFER_BYTES: usize = 4 * 1024;
const WRITE_BUFFER_BYTES: usize = 32 * 1024;
/// A welcome with many recoveries is one frame.
const MAX_WRITE_BUFFER_BYTES: usize = 64 * 1024 * 1024;

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
    let (mut parts, _) = request.into_parts();
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
    if let Err(error) = relay.gate().enter() {
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
    let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => upgrade,
        Err(rejection) => {
            let mut response = Problem::bad_request(format!("this address takes WebSocket upgrades only: {rejection}")).into_response();
            // RFC 6455, section 4.4: say which version would do.
            response.headers_mut().insert("sec-websocket-version", HeaderValue::from_static("13"));
            return response;
        }
    };
    let Some(format) = choose_format(&parts.headers) else {
        let message = format!("offer the subprotocol {SUBPROTOCOL_JSON} or {SUBPROTOCOL_CBOR}, or none (JSON)");
        let error = ErrorBody::new(ErrorCode::BadRequest, message);
        return refuse(HandshakeFailure::Subprotocol, error.into());
    };
    let limit = relay.config().limits.max_message_bytes.saturating_mul(4).max(256 * 1024);
    let opening = Opening { format, address, principal };
    upgraded(upgrade, limit, move |socket| {
        // Tracked, because the spawn behind `on_upgrade` is not: a drain waits for it.
        let tracked = relay.clone();
        tracked.track(async move {
            let _admission = admission;
            session::run(relay, socket, opening).await;
        })
    })
}

/// Upgrades with the settings of `/ws` and runs something over the socket. The echo of `tests/tests/conformance` goes through here
/// too, so that what it shows is true of `/ws`.
pub fn upgraded<F>(upgrade: WebSocketUpgrade, limit_bytes: usize, run: impl FnOnce(Socket) -> F + Send + 'static) -> Response
where
    F: Future<Output = ()> + Send + 'static,
{
    upgrade
        .protocols([SUBPROTOCOL_JSON, SUBPROTOCOL_CBOR])
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_write_buffer_size(MAX_WRITE_BUFFER_BYTES)
        .max_message_size(limit_bytes)
        .max_frame_size(limit_bytes)
        .on_upgrade(move |socket| run(Socket(socket)))
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

/// axum's WebSocket as frames.
pub struct Socket(WebSocket);

impl Stream for Socket {
    type Item = Inbound;
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Inbound>> {
        loop {
            let message = ready!(Pin::new(&mut self.0).poll_next(cx));
            return Poll::Ready(match message {
                None => None,
                Some(Ok(Message::Text(text))) => Some(Inbound::Text(text.into())),
                Some(Ok(Message::Binary(bytes))) => Some(Inbound::Binary(bytes)),
                // tungstenite answers pings by itself.
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                Some(Ok(Message::Close(frame))) => Some(Inbound::Closed(match frame {
                    Some(frame) => Closing::new(CloseCode(frame.code), frame.reason.as_str()),
                    None => Closing::new(CloseCode::NORMAL, ""),
                })),
                Some(Err(error)) => broken(&error).or_else(|| {
                    tracing::debug!(target: "pulsewire_relay::connections", %error, "transport failed");
                    None
                }),
            });
        }
    }
}

/// What can still be told about an error of reading; `None` where the peer is gone.
fn broken(error: &axum::Error) -> Option<Inbound> {
    use tungstenite::Error;
    use tungstenite::error::ProtocolError;
    match std::error::Error::source(error)?.downcast_ref::<Error>()? {
        Error::Capacity(_) => Some(Inbound::TooLarge),
        Error::Utf8(_) => Some(Inbound::Broken(Closing::new(CloseCode::PROTOCOL, "the frame is not UTF-8"))),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        Error::Protocol(broken) => Some(Inbound::Broken(Closing::new(CloseCode(1002), broken.to_string()))),
        _ => None,
    }
}

impl Sink<Outbound> for Socket {
    type Error = Lost;
    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Lost>> {
        Pin::new(&mut self.0).poll_ready(cx).map_err(|_| Lost)
    }
    fn start_send(mut self: Pin<&mut Self>, item: Outbound) -> Result<(), Lost> {
        let message = match item {
            Outbound::Text(text) => Message::Text(Utf8Bytes::try_from(text).map_err(|_| Lost)?),
            Outbound::Binary(bytes) => Message::Binary(bytes),
            Outbound::Close(closing) => Message::Close(Some(CloseFrame { code: closing.code.0, reason: Utf8Bytes::from(closing.reason) })),
        };
        Pin::new(&mut self.0).start_send(message).map_err(|_| Lost)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Lost>> {
        Pin::new(&mut self.0).poll_flush(cx).map_err(|_| Lost)
    }
    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Lost>> {
        Pin::new(&mut self.0).poll_close(cx).map_err(|_| Lost)
    }
}
