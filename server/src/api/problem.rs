//! Problem documents (RFC 9457): the one shape of every refusal over HTTP, and the one table from error codes to statuses.

use crate::auth::TokenRefused;
use crate::relay::Refusal;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use pulsewire_protocol::{ErrorBody, ErrorCode, TokenProblem};
use serde::Serialize;

/// A refusal.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    /// The machine-readable code.
    pub code: &'static str,
    /// What is wrong, where, and how to mend it.
    pub detail: String,
    /// The field of the body or the query, where one is to blame.
    pub field: Option<String>,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// How long to wait before the next try.
    pub retry_after_ms: Option<u64>,
    /// Whether the connection is to be closed behind the answer: for those who come too fast, so that each try costs them one.
    pub closes: bool,
    /// Members of this kind of problem, such as the errors of each item.
    pub more: serde_json::Map<String, serde_json::Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    retryable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
    #[serde(flatten)]
    more: &'a serde_json::Map<String, serde_json::Value>,
}

/// The status of an error code, whoever is told.
pub(super) fn status_of(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::BadRequest | ErrorCode::InvalidChannel | ErrorCode::TooManySubscriptions => StatusCode::BAD_REQUEST,
        ErrorCode::Unauthorized | ErrorCode::TokenExpired => StatusCode::UNAUTHORIZED,
        ErrorCode::Forbidden => StatusCode::FORBIDDEN,
        ErrorCode::NotSubscribed => StatusCode::CONFLICT,
        ErrorCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::NotFound => StatusCode::NOT_FOUND,
        ErrorCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl Problem {
    /// A problem that the same request will meet again.
    pub fn new(status: StatusCode, code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            code: code.as_str(),
            detail: detail.into(),
            field: None,
            retryable: false,
            retry_after_ms: None,
            closes: false,
            more: serde_json::Map::new(),
        }
    }
    /// A request that makes no sense.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ErrorCode::BadRequest, detail)
    }
    /// Closes the connection behind the answer.
    #[must_use]
    pub fn and_close(self) -> Self {
        Self { closes: true, ..self }
    }
    /// Blames a field.
    #[must_use]
    pub fn at(self, field: impl Into<String>) -> Self {
        Self { field: Some(field.into()), ..self }
    }
}

impl From<ErrorBody> for Problem {
    fn from(error: ErrorBody) -> Self {
        let problem = Self::new(status_of(error.code), error.code, error.message);
        Self { retryable: error.retryable, retry_after_ms: error.retry_after_ms, ..problem }
    }
}

/// With the first field that is to blame as `field`, and all of them as `errors`.
impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let detail = refusal.detail();
        let Refusal { body, fields } = refusal;
        let mut problem = Self::from(ErrorBody { message: detail, ..body });
        problem.field = fields.first().map(|first| first.field.clone());
        if !fields.is_empty() {
            // Text alone: writing it cannot fail.
            problem.more.insert("errors".to_owned(), serde_json::to_value(&fields).unwrap_or_default());
        }
        problem
    }
}

impl From<TokenRefused> for Problem {
    fn from(refused: TokenRefused) -> Self {
        Self { code: refused.problem.as_str(), ..Self::new(StatusCode::UNAUTHORIZED, ErrorCode::Unauthorized, refused.message) }
    }
}

impl Problem {
    fn as_document(&self) -> Document<'_> {
        Document {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code,
            retryable: self.retryable,
            field: self.field.as_deref(),
            retry_after_ms: self.retry_after_ms,
            more: &self.more,
        }
    }
    /// The document as a value, for an example.
    pub(super) fn document(&self) -> serde_json::Value {
        serde_json::to_value(self.as_document()).unwrap_or_default()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        // Text and numbers only: this cannot fail; an empty body with the right status would still be an answer.
        let body = serde_json::to_string(&self.as_document()).unwrap_or_default();
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let wait_ms = self.retry_after_ms.or((self.status == StatusCode::SERVICE_UNAVAILABLE).then_some(1_000));
        if let Some(wait_ms) = wait_ms {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(wait_ms.div_ceil(1_000).max(1)));
        }
        if self.closes {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            // RFC 6750: no error attribute where no token was given.
            let challenge = if self.code == TokenProblem::Missing.as_str() { "Bearer" } else { "Bearer error=\"invalid_token\"" };
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Api;
    use crate::config::Config;
    use crate::{Clock, Entropy, Relay};
    use axum::body::Body;
    use axum::http::Request;
    use tower::ServiceExt as _;

    #[test]
    fn what_may_pass_by_itself_says_when_to_try_again() {
        let response = Problem::from(ErrorBody::retryable(ErrorCode::Unavailable, "busy", Some(1_500))).into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::RETRY_AFTER], "2", "seconds, rounded up: never too early");
        let response = Problem::from(ErrorBody::retryable(ErrorCode::Unavailable, "busy", None)).into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "1", "503 always says when");
        let response = Problem::from(ErrorBody::retryable(ErrorCode::RateLimited, "slower", Some(10))).into_response();
        assert_eq!((response.status().as_u16(), &response.headers()[header::RETRY_AFTER]), (429, &HeaderValue::from_static("1")));
    }

    #[test]
    fn every_error_code_has_a_status_of_its_kind() {
        for code in ErrorCode::ALL {
            let status = status_of(*code);
            assert!(status.is_client_error() || status.is_server_error(), "{code}: {status}");
        }
    }

    #[tokio::test]
    async fn a_relay_that_goes_down_is_healthy_but_not_ready() {
        let relay = Relay::new(Config::development(), Clock::system(), Entropy::from_seed(1));
        let router = Api::new(relay.clone()).router();
        let ask = |path: &str| router.clone().oneshot(Request::get(path).body(Body::empty()).unwrap());
        assert_eq!(ask("/readyz").await.unwrap().status(), StatusCode::OK);
        relay.drain(std::time::Duration::ZERO).await;
        assert_eq!(ask("/healthz").await.unwrap().status(), StatusCode::OK);
        let response = ask("/readyz").await.unwrap();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(response.headers().contains_key(header::RETRY_AFTER));
    }
}
