//! HTTP between page and relay: the relay's own router, over a network that refuses, hangs, loses answers, or answers for somebody
//! else.

use crate::link::Weather;
use crate::world::Life;
use axum::body::Body;
use axum::http::{HeaderMap, Request, header};
use http_body_util::BodyExt as _;
use pulsewire_client_core::HttpAnswer;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::sleep;
use tower::ServiceExt as _;

/// What happens to requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Net {
    #[default]
    Passes,
    /// No connection: an error at once.
    Unreachable,
    /// No connection, and no error either.
    Hangs,
    /// The relay does what it is asked, and its answer is lost.
    LosesAnswers,
    /// A load balancer answers: nobody is there.
    Unavailable,
    /// The same, asking for an hour's patience, which is not its to ask.
    UnavailableForLong,
    /// Something on the way forbids it, and is not the relay.
    Forbids,
    /// A captive portal answers everything by its own page.
    Portal,
}

/// An answer, as a driver hands it to the core.
#[derive(Clone, Debug, Default, Hash)]
pub struct Answer {
    pub status: u16,
    code: String,
    retry_after_ms: Option<u64>,
    body: Vec<u8>,
}

impl Answer {
    pub fn view(&self) -> HttpAnswer<'_> {
        HttpAnswer { status: self.status, code: &self.code, retry_after_ms: self.retry_after_ms, body: &self.body }
    }
}

/// One request of a page's, from the moment it is sent to the moment the page hears of it, if it does.
pub async fn post(life: Life, weather: Rc<Weather>, path: &'static str, token: String, body: Vec<u8>) -> Answer {
    let latency = || sleep(Duration::from_millis(weather.latency_ms.get() + weather.draw(150)));
    latency().await;
    match weather.net.get() {
        Net::Passes | Net::LosesAnswers => {}
        Net::Unreachable => return Answer::default(),
        Net::Hangs => std::future::pending().await,
        Net::Forbids => return Answer { status: 403, ..Answer::default() },
        Net::UnavailableForLong => return Answer { status: 503, retry_after_ms: Some(3_600_000), ..Answer::default() },
        Net::Unavailable => return Answer { status: 503, retry_after_ms: Some(2_000), ..Answer::default() },
        Net::Portal => return Answer { status: 200, ..Answer::default() },
    }
    let answer = tokio::select! {
        biased;
        () = life.died.cancelled() => return Answer::default(),
        answer = ask(&life, path, &token, body) => answer,
    };
    latency().await;
    match weather.net.get() {
        Net::Passes => answer,
        Net::Hangs => std::future::pending().await,
        _ => Answer::default(),
    }
}

async fn ask(life: &Life, path: &str, token: &str, body: Vec<u8>) -> Answer {
    let request = Request::post(path)
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/cbor")
        .header(header::ACCEPT, "application/cbor")
        .body(Body::from(body))
        .expect("a request");
    let response = life.router.clone().oneshot(request).await.expect("the router never fails");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = response.into_body().collect().await.expect("a body").to_bytes();
    let is = |kind: &str| text(&headers, header::CONTENT_TYPE).is_some_and(|of| of.starts_with(kind));
    let after_s = text(&headers, header::RETRY_AFTER).and_then(|seconds| seconds.parse::<u64>().ok());
    let mut answer = Answer { status, retry_after_ms: after_s.map(|seconds| seconds * 1_000), ..Answer::default() };
    if is("application/cbor") {
        answer.body = bytes.to_vec();
    } else if is("application/problem+json") {
        let problem: serde_json::Value = serde_json::from_slice(&bytes).expect("a problem document");
        problem["code"].as_str().expect("its code").clone_into(&mut answer.code);
        answer.retry_after_ms = problem["retryAfterMs"].as_u64().or(answer.retry_after_ms);
    }
    answer
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}
