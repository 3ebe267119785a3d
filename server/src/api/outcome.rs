//! What became of the items of one request: which were accepted, which refused and why, and the status that sums them up.

use super::Problem;
use super::body::json;
use super::problem::status_of;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use pulsewire_protocol::{DecodeError, ErrorBody, ErrorCode, Position};
use serde::Serialize;

/// An item that was accepted.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Accepted {
    /// Its place in the request.
    index: usize,
    channel: String,
    epoch: String,
    offset: u64,
}

/// An item that was refused.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Refused {
    /// Its place in the request.
    index: usize,
    #[serde(flatten)]
    error: ErrorBody,
    /// The field, as a path inside the item.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
}

/// All of them.
#[derive(Debug, Default, Serialize)]
pub(super) struct Outcomes {
    /// The items are the data themselves (device endpoints): a path begins without `data.`.
    #[serde(skip)]
    bare: bool,
    pub(super) accepted: Vec<Accepted>,
    pub(super) errors: Vec<Refused>,
}

impl Outcomes {
    /// For items that are `{channel, event, data}`, or the data alone.
    pub(super) fn new(bare: bool) -> Self {
        Self { bare, ..Self::default() }
    }
    pub(super) fn accept(&mut self, index: usize, channel: &str, position: Position) {
        self.accepted.push(Accepted { index, channel: channel.to_owned(), epoch: position.epoch, offset: position.offset });
    }
    /// Refuses an item that the relay did not take. Its message begins with the field, where one is to blame.
    pub(super) fn refuse(&mut self, index: usize, mut error: ErrorBody) {
        if self.bare
            && let Some(rest) = error.message.strip_prefix("data.")
        {
            error.message = rest.to_owned();
        }
        let field = error.message.split_once(": ").map(|(path, _)| path).filter(|path| is_path(path)).map(str::to_owned);
        self.errors.push(Refused { index, error, field });
    }
    /// Refuses an item that cannot be read.
    pub(super) fn refuse_unread(&mut self, index: usize, error: &DecodeError) {
        // In an array the path begins with the item's own index, which stands beside it already.
        let path = error.field.strip_prefix(&format!("[{index}]")).unwrap_or(&error.field).trim_start_matches('.');
        let field = if path.is_empty() { None } else { Some(path.to_owned()) };
        let message = match &field {
            Some(field) => format!("{field}: {}", error.problem),
            None => error.problem.to_string(),
        };
        self.errors.push(Refused { index, error: ErrorBody::new(ErrorCode::BadRequest, message), field });
    }

    /// The status that all refusals have in common, else 422.
    fn refused_status(&self) -> StatusCode {
        let mut statuses = self.errors.iter().map(|refused| item_status(refused.error.code));
        let first = statuses.next().unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
        if statuses.all(|status| status == first) { first } else { StatusCode::UNPROCESSABLE_ENTITY }
    }

    /// The answer to an array: 202 where anything was accepted or nothing was asked, else a problem with every error.
    pub(super) fn of_array(self) -> Response {
        if !self.accepted.is_empty() || self.errors.is_empty() {
            return json(StatusCode::ACCEPTED, &self);
        }
        let detail = format!("none of the {} items was accepted; `errors` says why", self.errors.len());
        self.into_problem(detail).into_response()
    }

    /// The answer to an array that had to be accepted whole.
    pub(super) fn of_atomic(self, items: usize) -> Response {
        if self.errors.is_empty() {
            return json(StatusCode::ACCEPTED, &self);
        }
        let detail = if self.accepted.is_empty() {
            format!("{} of {items} items are refused, so none was applied; `errors` says why", self.errors.len())
        } else {
            // Everything that can be known before was checked before; what fails later is the store itself.
            format!("the store failed after {} of {items} items: send the whole again with the same keys", self.accepted.len())
        };
        self.into_problem(detail).into_response()
    }

    /// The answer to one item alone: what was accepted, or its own problem.
    pub(super) fn of_one(mut self) -> Response {
        match (self.accepted.pop(), self.errors.pop()) {
            (Some(accepted), _) => {
                let Accepted { channel, epoch, offset, .. } = accepted;
                json(StatusCode::ACCEPTED, &serde_json::json!({ "channel": channel, "epoch": epoch, "offset": offset }))
            }
            (None, Some(Refused { error, field, .. })) => {
                let status = item_status(error.code);
                Problem { status, field, ..Problem::from(error) }.into_response()
            }
            (None, None) => Problem::bad_request("the body holds no item").into_response(),
        }
    }

    fn into_problem(self, detail: String) -> Problem {
        let status = self.refused_status();
        let first = self.errors.first().map(|refused| refused.error.clone());
        let code = first.as_ref().map_or(ErrorCode::BadRequest, |error| error.code);
        let mut problem =
            Problem::new(status, if status == StatusCode::UNPROCESSABLE_ENTITY { ErrorCode::BadRequest } else { code }, detail);
        problem.retryable = self.errors.iter().all(|refused| refused.error.retryable);
        problem.retry_after_ms = self.errors.iter().filter_map(|refused| refused.error.retry_after_ms).max();
        for (name, value) in [("accepted", serde_json::to_value(&self.accepted)), ("errors", serde_json::to_value(&self.errors))] {
            // Plain text and numbers: writing them cannot fail.
            problem.more.insert(name.to_owned(), value.unwrap_or_default());
        }
        problem
    }

    /// One outcome per item, in their order: the shape of the protocol's CBOR answer.
    pub(super) fn in_order(self, items: usize) -> Vec<pulsewire_protocol::PublishOutcome> {
        let nothing = pulsewire_protocol::PublishOutcome { accepted: None, error: None };
        let mut outcomes = vec![nothing; items];
        for Accepted { index, epoch, offset, .. } in self.accepted {
            if let Some(outcome) = outcomes.get_mut(index) {
                outcome.accepted = Some(Position { epoch, offset });
            }
        }
        for Refused { index, error, .. } in self.errors {
            if let Some(outcome) = outcomes.get_mut(index) {
                outcome.error = Some(error);
            }
        }
        outcomes
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
