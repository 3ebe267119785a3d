//! What a service of the domain is: methods of `call`, publications that it keeps, and what it forgets.
//!
//! A service is one file of methods here and one file of HTTP routes in `api/domain`; both doors lead to the same method.

use crate::broker::memory::IDEMPOTENCY_TTL_MS;
use crate::observe::faults::fault;
use crate::relay::{Asked, Incoming, Keeper, Methods, Refusal, WeakRelay};
use crate::store::{Store, StoreError, Tx};
use futures_util::future::BoxFuture;
use pulsewire_protocol::{ErrorBody, ErrorCode, EventKind, Payload, RawJson};
use serde::Serialize;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Publications that are told at a time.
const TOLD_AT_ONCE: usize = 64;
/// The first delay before what could not be told is tried again; it doubles up to 32 times that.
const TELL_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// With the delays above: ten minutes.
const TELL_AGAIN_TIMES: u32 = 23;
/// Rows that are forgotten in one write: others come in between.
const EXPIRED_AT_ONCE: usize = 1_000;

/// One service.
pub trait Service: Methods {
    /// The events that it keeps before they are accepted.
    fn keeps(&self) -> &'static [EventKind] {
        &[]
    }
    /// Keeps one of them, inside the transaction of all that is published together. Must bear to see the same one again
    /// ([`Keeper`]). A refusal ([`StoreError::Refused`]) refuses the publication.
    fn keep(&self, _tx: &Tx<'_>, _incoming: &Incoming) -> Result<(), StoreError> {
        Ok(())
    }
    /// Forgets at most `most` rows of what is too old; says how many they were. Asked again at once where they were `most`.
    fn expire(&self, _tx: &Tx<'_>, _most: usize) -> Result<usize, StoreError> {
        Ok(0)
    }
}

/// A result as `call` answers it.
pub fn answer<T: Serialize>(value: &T) -> Result<RawJson, Refusal> {
    RawJson::from_value(value).map_err(|error| StoreError::internal(format!("an answer cannot be written: {error}")).into())
}

/// A refusal from inside a write.
pub(super) fn refused(message: impl Into<String>) -> StoreError {
    ErrorBody::new(ErrorCode::BadRequest, message).into()
}

/// Whether what was kept then is still told when it is asked for again. The broker knows the key of what was told for so long, so a
/// repetition completes what was cut short and tells nobody twice; whoever comes later has it in the lists.
pub(super) fn is_news(store: &Store, kept_ms: i64) -> bool {
    store.clock().now_ms().saturating_sub(kept_ms.unsigned_abs()) < IDEMPOTENCY_TTL_MS
}

/// Tells what is kept already, in bites; others get a turn in between. What cannot be told now (the broker is away) is tried again in
/// the background for ten minutes: pages that are connected would hear of it only when they next load their lists. What is
/// no mere mark must have a key, so that it is not told twice.
pub(super) async fn tell(relay: &WeakRelay, tenant: &str, mut asked: Vec<Asked>) {
    while !asked.is_empty() {
        let rest = asked.split_off(asked.len().min(TOLD_AT_ONCE));
        if let Err(error) = tell_now(relay, tenant, asked.clone()).await {
            if !error.retryable {
                // The same again would be refused again; the rest may be told.
                fault!(error, Store, %error, count = asked.len(), "what was kept cannot be told: it is found in the lists");
                asked = rest;
                continue;
            }
            fault!(warning, Store, %error, "what was kept could not be told: it is tried again");
            asked.extend(rest);
            let (relay, tenant) = (relay.clone(), tenant.to_owned());
            drop(tokio::spawn(tell_later(relay, tenant, asked)));
            return;
        }
        asked = rest;
        tokio::task::yield_now().await;
    }
}

/// Tells what is kept already, or says why it cannot be told: for what has an order, where an older one that is told later would undo
/// a newer one. The caller comes again.
pub(super) async fn tell_now(relay: &WeakRelay, tenant: &str, asked: Vec<Asked>) -> Result<(), ErrorBody> {
    match relay.upgrade() {
        Some(relay) => relay.tell_kept(tenant, asked).await.map(drop),
        // Nobody is there to hear it.
        None => Ok(()),
    }
}

async fn tell_later(relay: WeakRelay, tenant: String, mut asked: Vec<Asked>) {
    for tries in 0..TELL_AGAIN_TIMES {
        tokio::time::sleep(TELL_AGAIN_AFTER * (1 << tries.min(5))).await;
        if relay.upgrade().is_none_or(|relay| relay.is_draining()) {
            return;
        }
        while !asked.is_empty() {
            let some: Vec<Asked> = asked.iter().take(TOLD_AT_ONCE).cloned().collect();
            let count = some.len();
            match tell_now(&relay, &tenant, some).await {
                Ok(()) => {}
                Err(error) if error.retryable => break,
                Err(error) => fault!(error, Store, %error, count, "what was kept cannot be told: it is found in the lists"),
            }
            asked.drain(..count);
        }
        if asked.is_empty() {
            return;
        }
    }
    fault!(error, Store, count = asked.len(), "what was kept could not be told for ten minutes: it is found in the lists");
}

/// All services, as the relay's one keeper.
pub(super) struct Keeping {
    pub(super) store: Store,
    pub(super) services: Arc<[Arc<dyn Service>]>,
}

impl Keeper for Keeping {
    fn wants(&self, payload: &Payload) -> bool {
        payload.kind().is_some_and(|kind| self.services.iter().any(|service| service.keeps().contains(&kind)))
    }

    fn keep(&self, incoming: Vec<Incoming>) -> BoxFuture<'_, Result<(), (Option<usize>, ErrorBody)>> {
        let services = Arc::clone(&self.services);
        let blamed = Arc::new(OnceLock::new());
        let blame = Arc::clone(&blamed);
        Box::pin(async move {
            let kept = self.store.write("publish", move |tx| {
                for (place, one) in incoming.iter().enumerate() {
                    let Some(kind) = one.publication.payload.kind() else { continue };
                    for service in services.iter().filter(|service| service.keeps().contains(&kind)) {
                        service.keep(tx, one).inspect_err(|error| {
                            if matches!(error, StoreError::Refused(_)) {
                                blame.get_or_init(|| place);
                            }
                        })?;
                    }
                }
                Ok(())
            });
            kept.await.map_err(|error| (blamed.get().copied(), Refusal::from(error).body))
        })
    }
}

/// Forgets what is too old of every service, a little at a time.
pub(super) async fn expire(store: &Store, services: &[Arc<dyn Service>]) {
    for service in services {
        loop {
            let service = Arc::clone(service);
            match store.write("retention", move |tx| service.expire(tx, EXPIRED_AT_ONCE)).await {
                Ok(EXPIRED_AT_ONCE) => {}
                Ok(_) => break,
                Err(error) => {
                    fault!(warning, Store, %error, "what is too old could not be forgotten: it is tried again later");
                    break;
                }
            }
        }
    }
}
