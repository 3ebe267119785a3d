//! Which door asks which bucket (R10).
//!
//! One rule: **a request that shows a good token is counted against its user, everything else against its address.** A hospital
//! is one address, so what one machine in it does without a token must not keep out those who have one.
//!
//! - A bare upgrade (a browser's: it cannot set headers) takes one of its address's *handshakes*.
//! - A request or an upgrade with a good token takes one of its user's *requests*. A backend's requests have a budget of
//!   their own, which by default is without bound, and its alerts are never asked for any.
//! - A refused token takes one of its address's *failures*, whichever door it came to. These are few beside the handshakes and
//!   apart from them: guessing at tokens leaves the others of an address their handshakes. A token that has merely expired was
//!   good, and costs nothing: after a long weekend every page of a ward comes back with one.

use super::{AddressGroup, Buckets};
use crate::auth::Principal;
use crate::clock::Clock;
use crate::config::{LimitsConfig, Quotas};
use pulsewire_protocol::TokenProblem;
use std::hash::{BuildHasher as _, RandomState};

/// Addresses and users that are remembered, each: some 10 MB where all are in use.
const REMEMBERED: usize = 50_000;

/// The bucket is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RatesFull {
    /// When there is one again.
    pub wait_ms: u64,
    /// The figures of the bucket.
    pub quota: Quotas,
}

struct Keyed<K: std::hash::Hash + Eq> {
    buckets: Buckets<K>,
    quota: Quotas,
}

impl<K: std::hash::Hash + Eq> Keyed<K> {
    fn new(quota: Quotas, clock: &Clock) -> Self {
        Self { buckets: Buckets::new(quota.per_second, quota.burst, REMEMBERED, clock), quota }
    }
    fn take(&self, key: K) -> Result<(), RatesFull> {
        self.buckets.take(key).map_err(|wait_ms| RatesFull { wait_ms, quota: self.quota })
    }
}

/// See the module.
pub struct Rates {
    handshakes: Keyed<AddressGroup>,
    failures: Keyed<AddressGroup>,
    requests: Keyed<u64>,
    backends: Option<Keyed<u64>>,
    /// Users are remembered by a keyed hash of tenant and name: short, and nobody can choose to share another's bucket.
    users: RandomState,
}

impl Rates {
    /// Full buckets.
    pub fn new(limits: &LimitsConfig, clock: &Clock) -> Self {
        Self {
            handshakes: Keyed::new(limits.handshake_quotas(), clock),
            failures: Keyed::new(limits.failed_token_quotas(), clock),
            requests: Keyed::new(limits.request_quotas(), clock),
            backends: limits.backend_request_quotas().map(|quotas| Keyed::new(quotas, clock)),
            users: RandomState::new(),
        }
    }

    /// An upgrade that shows no token.
    pub fn take_handshake(&self, address: AddressGroup) -> Result<(), RatesFull> {
        self.handshakes.take(address)
    }

    /// A token was refused.
    pub fn take_failure(&self, address: AddressGroup, problem: TokenProblem) -> Result<(), RatesFull> {
        if problem == TokenProblem::Expired { Ok(()) } else { self.failures.take(address) }
    }

    /// A request with a good token. The caller knows whether it brings an alert, which is not asked for here.
    pub fn take_request(&self, by: &Principal) -> Result<(), RatesFull> {
        match (&self.backends, by.is_backend()) {
            (None, true) => Ok(()),
            (Some(backends), true) => backends.take(self.key(by)),
            (_, false) => self.requests.take(self.key(by)),
        }
    }

    /// An upgrade with a good token: a backend that comes back in a loop is no alert.
    pub fn take_known_handshake(&self, by: &Principal) -> Result<(), RatesFull> {
        self.requests.take(self.key(by))
    }

    fn key(&self, by: &Principal) -> u64 {
        self.users.hash_one((&by.tenant, &by.user))
    }
}
