//! Idempotency keys of requests that create something: the answer of the first time, kept in the same transaction as what it made.
//!
//! Scope: tenant, user, key; kept for a day, and through a restart. The same key with another request is `bad_request`.

use super::{StoreError, Tx};
use crate::auth::Principal;
use pulsewire_protocol::{ErrorBody, ErrorCode};
use rusqlite::OptionalExtension as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

/// For how long a key is known.
pub const KEPT_MS: i64 = 24 * 3_600_000;

/// An answer, and whether it was given before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Once<T> {
    /// The answer.
    pub answer: T,
    /// Whether it is that of an earlier request: nothing was made now.
    pub repeated: bool,
}

/// Whose request it is, and what it is known again by.
#[derive(Clone, Debug)]
pub struct Known {
    tenant: String,
    user: String,
    key: String,
    method: &'static str,
    fingerprint: Vec<u8>,
}

impl Known {
    /// The request of that caller; `params` without the key, in any order.
    pub fn new(by: &Principal, method: &'static str, key: &str, params: &serde_json::Value) -> Self {
        let mut params = params.clone();
        params.sort_all_objects();
        let fingerprint = Sha256::new().chain_update(method).chain_update("\0").chain_update(params.to_string()).finalize().to_vec();
        Self { tenant: by.tenant.clone(), user: by.user.clone(), key: key.to_owned(), method, fingerprint }
    }
}

/// Does it the first time, gives the same answer every other time. Without `known` it is done each time.
pub fn once<T: Serialize + DeserializeOwned>(
    tx: &Tx<'_>,
    known: Option<&Known>,
    work: impl FnOnce(&Tx<'_>) -> Result<T, StoreError>,
) -> Result<Once<T>, StoreError> {
    let Some(Known { tenant, user, key, method, fingerprint }) = known else {
        return Ok(Once { answer: work(tx)?, repeated: false });
    };
    let mut find =
        tx.prepare_cached("SELECT method, fingerprint, answer FROM answered WHERE tenant = ?1 AND user = ?2 AND key = ?3 AND at_ms > ?4")?;
    let oldest_ms = tx.now_ms().saturating_sub(KEPT_MS);
    let found: Option<(String, Vec<u8>, String)> =
        find.query_row((tenant, user, key, oldest_ms), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?;
    match found {
        Some((of, print, answer)) if of == *method && print == *fingerprint => {
            Ok(Once { answer: serde_json::from_str(&answer)?, repeated: true })
        }
        Some(_) => {
            let message = "key: this idempotency key was used with another request within the last day: give a new request a new key";
            Err(ErrorBody::new(ErrorCode::BadRequest, message).into())
        }
        None => {
            let answer = work(tx)?;
            tx.prepare_cached("INSERT OR REPLACE INTO answered (tenant, user, key, method, fingerprint, answer, at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
                .execute((tenant, user, key, method, fingerprint, serde_json::to_string(&answer)?, tx.now_ms()))?;
            Ok(Once { answer, repeated: false })
        }
    }
}
