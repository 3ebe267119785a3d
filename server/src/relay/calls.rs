//! Requests (`call`): those the relay answers itself, and those that others add.

use super::{Refusal, Relay};
use crate::auth::Principal;
use futures_util::future::BoxFuture;
use pulsewire_protocol::cbor::MAX_SAFE_INTEGER;
use pulsewire_protocol::{ErrorBody, ErrorCode, PresentUser, Publication, RawJson};
use serde::{Deserialize, Serialize};

/// Methods of `call` that live outside the relay's core (devices, statistics, notifications).
pub trait Methods: Send + Sync {
    /// Answers the method, or gives `None` where it is not one of these. Rights are checked in here.
    fn handle_call<'a>(
        &'a self,
        by: &'a Principal,
        method: &'a str,
        params: Option<&'a RawJson>,
    ) -> Option<BoxFuture<'a, Result<RawJson, Refusal>>>;
}

#[derive(Deserialize)]
struct ChannelParams {
    channel: String,
    after: Option<u64>,
    limit: Option<u32>,
}

#[derive(Serialize)]
struct PresenceResult<'a> {
    channel: &'a str,
    users: Vec<PresentUser>,
}

#[derive(Serialize)]
struct HistoryResult {
    channel: String,
    epoch: String,
    offset: u64,
    recovered: bool,
    publications: Vec<Publication>,
}

impl Relay {
    /// Answers a request of section 12.
    pub async fn call(&self, by: &Principal, method: &str, params: Option<&RawJson>) -> Result<RawJson, Refusal> {
        match method {
            "presence.get" => {
                let params: ChannelParams = read_params(params)?;
                let users = self.presence(by, &params.channel).await?;
                Ok(to_json(&PresenceResult { channel: &params.channel, users })?)
            }
            "history.get" => {
                let params: ChannelParams = read_params(params)?;
                if params.after.is_some_and(|after| after > MAX_SAFE_INTEGER) {
                    return Err(ErrorBody::new(ErrorCode::BadRequest, "params.after: larger than 2^53").into());
                }
                let read = self.history(by, &params.channel, params.after, params.limit).await?;
                Ok(to_json(&HistoryResult {
                    channel: read.channel,
                    epoch: read.epoch,
                    offset: read.offset,
                    recovered: read.recovered,
                    publications: read.publications,
                })?)
            }
            _ => {
                let methods = self.inner.methods.read().clone();
                for methods in &methods {
                    if let Some(answer) = methods.handle_call(by, method, params) {
                        return answer.await;
                    }
                }
                let shown: String = method.chars().take(60).collect();
                Err(ErrorBody::new(ErrorCode::NotFound, format!("method: this relay has no {shown:?}")).into())
            }
        }
    }
}

fn read_params<T: for<'de> Deserialize<'de>>(params: Option<&RawJson>) -> Result<T, ErrorBody> {
    use pulsewire_protocol::json::FromJson as _;
    let text = params.map_or("{}", RawJson::as_str);
    // serde would read an array as the fields in their order.
    if !text.trim_start().starts_with('{') {
        return Err(ErrorBody::new(ErrorCode::BadRequest, "params: expected an object"));
    }
    T::from_json(text).map_err(|error| {
        let path = error.path().map(|path| format!(".{path}")).unwrap_or_default();
        ErrorBody::new(ErrorCode::BadRequest, format!("params{path}: {}", error.problem))
    })
}

fn to_json<T: Serialize>(value: &T) -> Result<RawJson, ErrorBody> {
    RawJson::from_value(value).map_err(|error| ErrorBody::new(ErrorCode::Internal, format!("the answer could not be written: {error}")))
}
