//! Why a request is refused: the protocol's error, and every field that is to blame.
//!
//! Over the WebSocket the fields stand in the message (`params.title: is missing; params.body: …`), over HTTP in `errors` of the
//! problem document as well.

use pulsewire_protocol::{ErrorBody, ErrorCode};
use serde::Serialize;

/// Fields that are named; a request that has more wrong with it says how many.
const MAX_FIELDS: usize = 20;

/// One field that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Its path in the parameters: `to.users[3]`.
    pub field: String,
    /// What is wrong with it and what would be taken.
    pub message: String,
}

impl FieldError {
    /// That field, that mistake.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// A refusal of `call`.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// What the caller is told.
    pub body: ErrorBody,
    /// The fields that are to blame; empty where none is.
    pub fields: Vec<FieldError>,
}

impl From<ErrorBody> for Refusal {
    fn from(body: ErrorBody) -> Self {
        Self { body, fields: Vec::new() }
    }
}

impl Refusal {
    /// These fields make no sense.
    pub fn fields(mut fields: Vec<FieldError>) -> Self {
        let more = fields.len().saturating_sub(MAX_FIELDS);
        fields.truncate(MAX_FIELDS);
        let mut message = sentence(&fields, "params.");
        if more > 0 {
            message.push_str(&format!("; and {more} more"));
        }
        Self { body: ErrorBody::new(ErrorCode::BadRequest, message), fields }
    }

    /// One field makes no sense.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::fields(vec![FieldError::new(field, message)])
    }

    /// What is wrong, for HTTP, where there are no `params`.
    pub fn detail(&self) -> String {
        if self.fields.is_empty() { self.body.message.clone() } else { sentence(&self.fields, "") }
    }
}

fn sentence(fields: &[FieldError], prefix: &str) -> String {
    let parts: Vec<String> = fields.iter().map(|FieldError { field, message }| format!("{prefix}{field}: {message}")).collect();
    parts.join("; ")
}
