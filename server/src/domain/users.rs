//! The users that the relay knows: who was here with a valid token, with the role and the name that stood in it.
//!
//! They are what `roles` and `all` of a notification mean: everyone of the tenant who was here within [`KEPT_MS`], whichever device
//! they used, with the role of their newest token. Backends (role `service`) and watchers that are not to be counted
//! (`viewer: false`) are no addressees. Written at most once a day for a user whose role and name stay, so that a request costs no
//! write.

use super::service::Service;
use crate::auth::Principal;
use crate::clock::Clock;
use crate::observe::faults::fault;
use crate::relay::{Methods, Refusal, Seen};
use crate::store::{Store, StoreError, Tx};
use futures_util::future::BoxFuture;
use lru::LruCache;
use parking_lot::Mutex;
use pulsewire_protocol::RawJson;
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// A user who was not here for so long is forgotten.
pub const KEPT_MS: i64 = 180 * 86_400_000;
/// Who is known unchanged is written again after so long.
const WRITTEN_EVERY_MS: u64 = 86_400_000;
/// Users that are known without asking the store.
const REMEMBERED: usize = 50_000;
/// Users that may wait to be written; beyond it they are taken at their next request.
const MAX_PENDING: usize = 10_000;

/// Tenant and user.
type Key = (String, String);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Sighting {
    role: Option<String>,
    name: String,
    at_ms: u64,
}

/// See the module.
pub struct Users {
    store: Store,
    clock: Clock,
    /// What stands in the store, of those seen last. Held for one look-up.
    known: Mutex<LruCache<Key, Sighting>>,
    /// What is to be written.
    pending: Mutex<BTreeMap<Key, Sighting>>,
}

impl Users {
    /// On that store.
    pub fn new(store: Store) -> Arc<Self> {
        let clock = store.clock().clone();
        Arc::new(Self {
            store,
            clock,
            known: Mutex::new(LruCache::new(NonZeroUsize::new(REMEMBERED).unwrap_or(NonZeroUsize::MIN))),
            pending: Mutex::default(),
        })
    }

    /// Writes whoever was seen since the last time.
    pub async fn flush(&self) -> Result<(), StoreError> {
        let pending = std::mem::take(&mut *self.pending.lock());
        if pending.is_empty() {
            return Ok(());
        }
        let seen = pending.clone();
        let written = self.store.write("users", move |tx| {
            let mut put = tx.prepare_cached(
                "INSERT INTO users (tenant, user, role, name, seen_at_ms) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (tenant, user) DO UPDATE SET role = excluded.role, name = excluded.name, seen_at_ms = excluded.seen_at_ms",
            )?;
            for ((tenant, user), sighting) in &seen {
                put.execute((tenant, user, &sighting.role, &sighting.name, i64::try_from(sighting.at_ms).unwrap_or(i64::MAX)))?;
            }
            Ok(())
        });
        if let Err(error) = written.await {
            // They count as unknown, so their next request brings them back.
            let mut known = self.known.lock();
            pending.keys().for_each(|key| drop(known.pop(key)));
            return Err(error);
        }
        Ok(())
    }

    /// The same for the relay's housekeeping: a failure is told and tried again.
    pub(super) async fn keep_up(&self) {
        if let Err(error) = self.flush().await {
            fault!(warning, Store, %error, "who was here could not be kept: it is tried again with their next request");
        }
    }
}

/// The users of that tenant, in order: all, or those with one of these roles. At most `most`, and one more where there are more.
pub fn of_roles(connection: &Connection, tenant: &str, roles: Option<&[String]>, most: usize) -> Result<Vec<String>, StoreError> {
    let mut find = connection.prepare_cached("SELECT user, role FROM users WHERE tenant = ?1 ORDER BY user")?;
    let mut rows = find.query([tenant])?;
    let mut users = Vec::new();
    while let Some(row) = rows.next()? {
        let role: Option<String> = row.get(1)?;
        if roles.is_none_or(|roles| role.as_ref().is_some_and(|role| roles.contains(role))) {
            users.push(row.get(0)?);
        }
        if users.len() > most {
            break;
        }
    }
    Ok(users)
}

impl Seen for Users {
    fn handle_user(&self, who: &Principal) {
        if who.role.as_deref() == Some("service") || !who.counts_as_viewer {
            return;
        }
        let sighting = Sighting { role: who.role.clone(), name: who.name.clone(), at_ms: self.clock.now_ms() };
        let key = (who.tenant.clone(), who.user.clone());
        {
            let mut known = self.known.lock();
            let fresh = |before: &Sighting| {
                (&before.role, &before.name) == (&sighting.role, &sighting.name)
                    && sighting.at_ms < before.at_ms.saturating_add(WRITTEN_EVERY_MS)
            };
            if known.get(&key).is_some_and(fresh) {
                return;
            }
            known.put(key.clone(), sighting.clone());
        }
        let mut pending = self.pending.lock();
        if pending.len() < MAX_PENDING || pending.contains_key(&key) {
            pending.insert(key, sighting);
        } else {
            self.known.lock().pop(&key);
        }
    }
}

impl Methods for Users {
    fn handle_call<'a>(&'a self, _: &'a Principal, _: &'a str, _: Option<&'a RawJson>) -> Option<BoxFuture<'a, Result<RawJson, Refusal>>> {
        None
    }
}

impl Service for Users {
    fn expire(&self, tx: &Tx<'_>, most: usize) -> Result<usize, StoreError> {
        let oldest_ms = tx.now_ms().saturating_sub(KEPT_MS);
        let mut forget = tx.prepare_cached(
            "DELETE FROM users WHERE (tenant, user) IN (SELECT tenant, user FROM users WHERE seen_at_ms < ?1 ORDER BY seen_at_ms LIMIT ?2)",
        )?;
        Ok(forget.execute((oldest_ms, most as i64))?)
    }
}
