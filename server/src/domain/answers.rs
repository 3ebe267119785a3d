//! Forgets the answers that idempotency keys are kept for ([`crate::store::once`]).

use super::service::Service;
use crate::auth::Principal;
use crate::relay::{Methods, Refusal};
use crate::store::{ANSWERS_KEPT_MS, StoreError, Tx};
use futures_util::future::BoxFuture;
use pulsewire_protocol::RawJson;

/// See the module.
pub(super) struct Answers;

impl Methods for Answers {
    fn handle_call<'a>(&'a self, _: &'a Principal, _: &'a str, _: Option<&'a RawJson>) -> Option<BoxFuture<'a, Result<RawJson, Refusal>>> {
        None
    }
}

impl Service for Answers {
    fn expire(&self, tx: &Tx<'_>, most: usize) -> Result<usize, StoreError> {
        let oldest_ms = tx.now_ms().saturating_sub(ANSWERS_KEPT_MS);
        let mut forget = tx.prepare_cached(
            "DELETE FROM answered WHERE (tenant, user, key) IN
             (SELECT tenant, user, key FROM answered WHERE at_ms <= ?1 ORDER BY at_ms LIMIT ?2)",
        )?;
        Ok(forget.execute((oldest_ms, most as i64))?)
    }
}
