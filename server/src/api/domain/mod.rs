//! HTTP routes of the stored domain: each answers as `call` over the WebSocket would, so a service has one file of methods (in
//! `domain`) and one of routes here, with the schemas of its answers beside it.
//!
//! A body or a query becomes the method's `params`; parts of the path and the header `Idempotency-Key` are put among them.

mod alerts;
mod conversations;
mod devices;
mod executions;
mod notifications;
mod patients;

use super::body::{Given, answer};
use super::{Api, Problem};
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request};
use axum::http::{Extensions, HeaderMap, StatusCode};
use axum::response::Response;
use pulsewire_protocol::{ErrorCode, Format, RawJson};
use serde_json::{Map, Value};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The schemas of requests and answers: what several share, and one file for each service.
pub(super) const SCHEMAS: [&str; 6] = [
    include_str!("common.json"),
    include_str!("alerts.json"),
    include_str!("patients.json"),
    include_str!("notifications.json"),
    include_str!("conversations.json"),
    include_str!("executions.json"),
];

/// All routes.
pub(super) fn routes(router: OpenApiRouter<Api>) -> OpenApiRouter<Api> {
    router
        .routes(routes!(devices::put))
        .routes(routes!(patients::list))
        .routes(routes!(patients::sessions))
        .routes(routes!(patients::get, patients::put))
        .routes(routes!(alerts::read))
        .routes(routes!(alerts::acknowledge))
        .routes(routes!(alerts::resolve))
        .routes(routes!(notifications::list, notifications::create))
        .routes(routes!(notifications::read))
        .routes(routes!(notifications::dismiss))
        .routes(routes!(executions::list, executions::create))
        .routes(routes!(executions::get))
        .routes(routes!(executions::update))
        .routes(routes!(executions::lines, executions::log))
        .routes(routes!(executions::retry))
        .routes(routes!(conversations::list))
        .routes(routes!(conversations::messages, conversations::post_message))
        .routes(routes!(conversations::status))
}

/// A query, as pairs.
type Pairs = Result<Query<Vec<(String, String)>>, QueryRejection>;

/// Answers a `GET`: the query, and what the path names.
async fn ask(api: &Api, found: &Extensions, method: &str, query: Pairs, path: &[(&str, String)]) -> Result<Response, Problem> {
    let caller = api.caller(found)?;
    let Query(pairs) = query.map_err(|rejection| Problem::bad_request(format!("the query: {}", rejection.body_text())).at("query"))?;
    let mut params: Map<String, Value> = pairs
        .into_iter()
        .map(|(name, text)| {
            let value = typed(&name, text);
            (name, value)
        })
        .collect();
    params.extend(path.iter().map(|(name, part)| ((*name).to_owned(), Value::String(part.clone()))));
    let result = api.relay.call(&caller, method, Some(&written(&params)?)).await?;
    Ok(answer(StatusCode::OK, Format::Json, result.as_str().to_owned()))
}

/// The parameters of queries that are numbers or flags in the methods; all others are texts, also where they look like numbers.
const NOT_TEXT: [&str; 5] = ["limit", "unread", "after", "from", "to"];

/// A word of a query as the method wants it. What is neither number nor flag stays a text, which the method refuses by its name.
fn typed(name: &str, text: String) -> Value {
    if !NOT_TEXT.contains(&name) {
        return Value::String(text);
    }
    match (text.as_str(), text.parse::<u64>()) {
        ("true", _) => Value::Bool(true),
        ("false", _) => Value::Bool(false),
        (_, Ok(number)) => Value::from(number),
        (_, Err(_)) => Value::String(text),
    }
}

/// Answers a request with a body: an object, or nothing where the method needs none.
async fn send(api: &Api, request: Request<Body>, method: &str, status: StatusCode, path: &[(&str, String)]) -> Result<Response, Problem> {
    let caller = api.caller(request.extensions())?;
    let key = key_of(request.headers())?;
    let given = Given::read(api, request, &[Format::Json]).await?;
    let text = given.text()?;
    let mut params = match serde_json::from_str(if text.trim().is_empty() { "{}" } else { text }) {
        Ok(Value::Object(params)) => params,
        Ok(_) => return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::BadRequest, "the body: expected an object")),
        Err(error) => return Err(Problem::bad_request(format!("the body: {error}"))),
    };
    params.extend(path.iter().map(|(name, part)| ((*name).to_owned(), Value::String(part.clone()))));
    // A `key` of the body counts first; null says nothing, as everywhere.
    if let Some(key) = key
        && params.get("key").is_none_or(Value::is_null)
    {
        params.insert("key".to_owned(), Value::String(key));
    }
    match api.relay.call(&caller, method, Some(&written(&params)?)).await {
        Ok(result) => Ok(answer(status, Format::Json, result.as_str().to_owned())),
        Err(refusal) => {
            // The body could be read, but makes no sense.
            let senseless = refusal.body.code == ErrorCode::BadRequest;
            let problem = Problem::from(refusal);
            Err(if senseless { Problem { status: StatusCode::UNPROCESSABLE_ENTITY, ..problem } } else { problem })
        }
    }
}

fn key_of(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    super::ingest::key_of(headers)
}

fn written(params: &Map<String, Value>) -> Result<RawJson, Problem> {
    RawJson::from_value(params).map_err(|error| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Internal, format!("the parameters cannot be written: {error}"))
    })
}
