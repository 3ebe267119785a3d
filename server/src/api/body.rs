//! Request bodies: size, time, `Content-Type`, `Accept`; JSON or CBOR.

use super::{Api, Problem};
use crate::observe::faults::fault;
use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{FromRequest as _, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use pulsewire_protocol::{DecodeError, ErrorCode, Format};
use std::time::Duration;

const CBOR: &str = "application/cbor";
const JSON: &str = "application/json";

/// A body that was read.
pub(super) struct Given {
    pub(super) format: Format,
    pub(super) bytes: Bytes,
}

impl Given {
    /// Reads the body of a request whose endpoint takes these formats.
    pub(super) async fn read(api: &Api, request: Request<Body>, accepted: &[Format]) -> Result<Self, Problem> {
        let format = format_of(request.headers(), accepted)?;
        check_encoding(request.headers())?;
        if request.body().size_hint().lower() > api.relay.config().limits.max_body_bytes as u64 {
            // Already by its announced length: waiting for the rest of it would hold the caller up for nothing.
            return Err(too_large());
        }
        // A body that takes longer holds memory for nothing.
        let within = Duration::from_millis(api.relay.config().limits.body_timeout_ms);
        let read = tokio::time::timeout(within, Bytes::from_request(request, &())).await;
        let bytes = match read {
            Ok(Ok(bytes)) => bytes,
            Ok(Err(BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)))) => {
                return Err(too_large());
            }
            Ok(Err(rejection)) => return Err(Problem::bad_request(format!("the body cannot be read: {}", rejection.body_text()))),
            Err(_) => {
                let detail = format!("the body did not arrive within {} ms (limits.body_timeout_ms)", within.as_millis());
                return Err(Problem { retryable: true, ..Problem::new(StatusCode::REQUEST_TIMEOUT, ErrorCode::BadRequest, detail) });
            }
        };
        Ok(Self { format, bytes })
    }

    /// The body as JSON text.
    pub(super) fn text(&self) -> Result<&str, Problem> {
        std::str::from_utf8(&self.bytes).map_err(|error| Problem::bad_request(format!("the body is no UTF-8 text: {error}")))
    }
}

fn too_large() -> Problem {
    let detail = "the body is larger than limits.max_body_bytes of this relay: send it in parts";
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::TooLarge, detail)
}

/// The format of the body: what `Content-Type` says, JSON where it says nothing.
fn format_of(headers: &HeaderMap, accepted: &[Format]) -> Result<Format, Problem> {
    let refused = |shown: &str| {
        let names: Vec<&str> = accepted.iter().map(|format| media_type(*format)).collect();
        let detail = format!("Content-Type {shown:?} is not taken here: send {}", names.join(" or "));
        Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, ErrorCode::BadRequest, detail)
    };
    let Some(given) = headers.get(header::CONTENT_TYPE) else { return Ok(Format::Json) };
    let given = given.to_str().map_err(|_| refused("?"))?;
    let essence = given.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    let format = match essence.as_str() {
        JSON => Format::Json,
        CBOR => Format::Cbor,
        other if other.starts_with("application/") && other.ends_with("+json") => Format::Json,
        _ => return Err(refused(&essence)),
    };
    if accepted.contains(&format) { Ok(format) } else { Err(refused(&essence)) }
}

/// Bodies come as they are: unpacking one would need a bound of its own, and telemetry goes as CBOR columns instead.
fn check_encoding(headers: &HeaderMap) -> Result<(), Problem> {
    let given = headers.get_all(header::CONTENT_ENCODING).iter();
    let other = given.map(|value| value.to_str().unwrap_or("?")).find(|value| !value.trim().eq_ignore_ascii_case("identity"));
    let Some(other) = other else { return Ok(()) };
    let shown: String = other.chars().take(40).collect();
    let detail = format!("Content-Encoding {shown:?} is not taken here: send the body uncompressed");
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, ErrorCode::BadRequest, detail).at("Content-Encoding"))
}

fn media_type(format: Format) -> &'static str {
    match format {
        Format::Json => JSON,
        Format::Cbor => CBOR,
    }
}

/// The format of the answer: what `Accept` names first of the two, else that of the body.
pub(super) fn answer_format(headers: &HeaderMap, body: Format) -> Format {
    let accept = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let named = accept.flat_map(|list| list.split(',')).find_map(|item| {
        let mut parts = item.split(';').map(str::trim);
        let essence = parts.next()?.to_ascii_lowercase();
        let refused = parts.any(|parameter| matches!(parameter.replace(' ', "").as_str(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
        match essence.as_str() {
            CBOR if !refused => Some(Format::Cbor),
            JSON if !refused => Some(Format::Json),
            _ => None,
        }
    });
    named.unwrap_or(body)
}

/// A body that cannot be read as a whole.
pub(super) fn unreadable(error: &DecodeError) -> Problem {
    let status = if error.well_formed { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::BAD_REQUEST };
    match error.path() {
        Some(path) => Problem::new(status, ErrorCode::BadRequest, format!("{path}: {}", error.problem)).at(path),
        None => Problem::new(status, ErrorCode::BadRequest, format!("the body, at byte {}: {}", error.at, error.problem)),
    }
}

/// An answer with a body that must not be kept by caches.
pub(super) fn answer(status: StatusCode, format: Format, body: impl Into<Body>) -> Response {
    let mut response = (status, body.into()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(format)));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The same with a value written as JSON.
pub(super) fn json<T: serde::Serialize>(status: StatusCode, value: &T) -> Response {
    match serde_json::to_string(value) {
        Ok(text) => answer(status, Format::Json, text),
        Err(error) => {
            fault!(error, Protocol, %error, "an answer could not be written as JSON");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Internal, "the answer could not be written").into_response()
        }
    }
}
