//! What became of the items of one request, in their order, and the status that sums them up.
//!
//! An item is answered with `{index, accepted: {epoch, offset}, channel, id?}` (`id` for an alert) or `{index, error: {code, message, field?, …}}`. An
//! array of which nothing was accepted is a problem with the outcomes inside: 202 would tell a caller who looks at nothing else
//! that all is well.

use super::Problem;
use super::body::json;
use super::problem::status_of;
use crate::relay::Published;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use pulsewire_protocol::{DecodeError, ErrorBody, ErrorCode, Position, PublishOutcome};
use serde::Serialize;

/// Why an item was refused.
#[derive(Clone, Debug, Serialize)]
struct Refused {
    #[serde(flatten)]
    error: ErrorBody,
    /// The field, as a path inside the item.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
}

/// One item.
#[derive(Clone, Debug, Serialize)]
struct Outcome {
    /// Its place in the request.
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted: Option<Position>,
    /// An alert's id, which the relay gives where the caller gave none.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Refused>,
}

/// All of them, in the order of the items.
#[derive(Debug)]
pub(super) struct Outcomes {
    /// The items are the data themselves (device endpoints): a path begins without `data.`.
    bare: bool,
    outcomes: Vec<Outcome>,
}

impl Outcomes {
    /// For items that are `{channel, event, data}`, or the data alone.
    pub(super) fn new(bare: bool) -> Self {
        Self { bare, outcomes: Vec::new() }
    }

    pub(super) fn accept(&mut self, index: usize, channel: String, published: Published) {
        let Published { position, alert_id } = published;
        self.outcomes.push(Outcome { index, channel: Some(channel), accepted: Some(position), id: alert_id, error: None });
    }

    /// Refuses an item that the relay did not take. Its message begins with the field, where one is to blame.
    pub(super) fn refuse(&mut self, index: usize, mut error: ErrorBody) {
        if self.bare
            && let Some(rest) = error.message.strip_prefix("data.")
        {
            error.message = rest.to_owned();
        }
        let field = error.message.split_once(": ").map(|(path, _)| path).filter(|path| is_path(path)).map(str::to_owned);
        self.push_error(index, Refused { error, field });
    }

    /// Refuses an item that cannot be read.
    pub(super) fn refuse_unread(&mut self, index: usize, error: &DecodeError) {
        // In an array the path begins with the item's own index, which stands beside it already.
        let path = error.path().unwrap_or("");
        let path = path.strip_prefix(&format!("[{index}]")).unwrap_or(path).trim_start_matches('.');
        let field = if path.is_empty() { None } else { Some(path.to_owned()) };
        let message = match &field {
            Some(field) => format!("{field}: {}", error.problem),
            None => error.problem.to_string(),
        };
        self.push_error(index, Refused { error: ErrorBody::new(ErrorCode::BadRequest, message), field });
    }

    fn push_error(&mut self, index: usize, refused: Refused) {
        self.outcomes.push(Outcome { index, channel: None, accepted: None, id: None, error: Some(refused) });
    }

    pub(super) fn any_refused(&self) -> bool {
        self.outcomes.iter().any(|outcome| outcome.error.is_some())
    }

    fn accepted_count(&self) -> usize {
        self.outcomes.iter().filter(|outcome| outcome.accepted.is_some()).count()
    }

    /// The answer to an array.
    pub(super) fn of_array(self) -> Response {
        if self.accepted_count() > 0 || self.outcomes.is_empty() {
            return json(StatusCode::ACCEPTED, &self.outcomes);
        }
        let detail = format!("none of the {} items was accepted; `outcomes` says why", self.outcomes.len());
        self.into_problem(detail).into_response()
    }

    /// The answer to an array that had to be accepted whole.
    pub(super) fn of_atomic(self, items: usize) -> Response {
        if !self.any_refused() {
            return json(StatusCode::ACCEPTED, &self.outcomes);
        }
        let detail = format!("{} of {items} items are refused, so none was applied; `outcomes` says why", self.outcomes.len());
        self.into_problem(detail).into_response()
    }

    /// The answer to one item alone: its outcome, or its own problem.
    pub(super) fn of_one(mut self) -> Response {
        match self.outcomes.pop() {
            Some(Outcome { error: Some(Refused { error, field }), .. }) => {
                let status = item_status(error.code);
                Problem { status, field, ..Problem::from(error) }.into_response()
            }
            Some(outcome) => json(StatusCode::ACCEPTED, &outcome),
            None => Problem::bad_request("the body holds no item").into_response(),
        }
    }

    /// The status that all refusals have in common, else 422; and the code that goes with it.
    fn summary(&self) -> (StatusCode, ErrorCode) {
        let mut codes = self.outcomes.iter().filter_map(|outcome| outcome.error.as_ref()).map(|refused| refused.error.code);
        let first = codes.next().unwrap_or(ErrorCode::BadRequest);
        if codes.all(|code| code == first) {
            (item_status(first), first)
        } else {
            (StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::BadRequest)
        }
    }

    fn into_problem(self, detail: String) -> Problem {
        let (status, code) = self.summary();
        let mut problem = Problem::new(status, code, detail);
        let refused = || self.outcomes.iter().filter_map(|outcome| outcome.error.as_ref());
        problem.retryable = refused().all(|refused| refused.error.retryable);
        problem.retry_after_ms = refused().filter_map(|refused| refused.error.retry_after_ms).max();
        // Text and numbers: writing them cannot fail.
        let outcomes = serde_json::to_value(&self.outcomes).unwrap_or_default();
        problem.more.insert("outcomes".to_owned(), outcomes);
        problem
    }

    /// The protocol's CBOR answer: one outcome per item, in their order.
    pub(super) fn for_cbor(self) -> Vec<PublishOutcome> {
        self.outcomes
            .into_iter()
            .map(|outcome| PublishOutcome { accepted: outcome.accepted, error: outcome.error.map(|refused| refused.error) })
            .collect()
    }
}

/// An item that could be read but makes no sense is 422; a whole request that does is 400.
fn item_status(code: ErrorCode) -> StatusCode {
    match status_of(code) {
        StatusCode::BAD_REQUEST => StatusCode::UNPROCESSABLE_ENTITY,
        status => status,
    }
}

/// Whether the text reads like the path of a field: `data.series.ecg.t[3]`.
fn is_path(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic()) && bytes.all(|b| b.is_ascii_alphanumeric() || b"._-[]".contains(&b))
}
