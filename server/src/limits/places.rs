//! Places that are counted: connections by address, polls that wait by user.
//!
//! Counting is by RAII: a [`Place`] gives itself back however its holder ends, so no path can leak one.

use super::AddressGroup;
use crate::config::LimitsConfig;
use parking_lot::Mutex;
use pulsewire_protocol::{ErrorBody, ErrorCode};
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Default)]
struct Taken {
    total: usize,
    by_address: BTreeMap<AddressGroup, usize>,
}

/// Which limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// In all.
    Relay {
        /// The limit.
        limit: usize,
    },
    /// From this address.
    Address {
        /// The limit.
        limit: usize,
    },
}

impl core::fmt::Display for Full {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Relay { limit } => write!(f, "this relay: the limit of {limit} connections is reached"),
            Self::Address { limit } => write!(f, "your address: the limit of {limit} connections is reached"),
        }
    }
}

/// Who is in, by address.
#[derive(Clone, Default)]
pub struct Places {
    taken: Arc<Mutex<Taken>>,
}

/// A place among the connections; dropping it gives it back.
pub struct Place {
    taken: Arc<Mutex<Taken>>,
    address: Option<AddressGroup>,
}

impl Places {
    /// Takes a place, or says which limit is reached. Without an address only the whole counts: what a proxy brings is
    /// many clients'.
    pub fn take(&self, address: Option<AddressGroup>, in_all: usize, per_address: usize) -> Result<Place, Full> {
        let mut taken = self.taken.lock();
        if taken.total >= in_all {
            return Err(Full::Relay { limit: in_all });
        }
        if let Some(address) = address {
            if taken.by_address.get(&address).is_some_and(|here| *here >= per_address) {
                return Err(Full::Address { limit: per_address });
            }
            *taken.by_address.entry(address).or_default() += 1;
        }
        taken.total += 1;
        Ok(Place { taken: Arc::clone(&self.taken), address })
    }

    /// How many are taken in all.
    pub fn count(&self) -> usize {
        self.taken.lock().total
    }

    /// How many of this address, and of how many addresses there are any.
    pub fn of(&self, address: AddressGroup) -> (usize, usize) {
        let taken = self.taken.lock();
        (taken.by_address.get(&address).copied().unwrap_or(0), taken.by_address.len())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock();
        taken.total = taken.total.saturating_sub(1);
        let Some(address) = self.address else { return };
        if let Some(here) = taken.by_address.get_mut(&address) {
            *here = here.saturating_sub(1);
            if *here == 0 {
                taken.by_address.remove(&address);
            }
        }
    }
}

/// Polls that wait for news, by tenant and user. Each holds a request and watches its channels, so they are counted as
/// connections are: so many of one user, so many in all, and never more than half of the TCP connections that are no WebSocket: a
/// backend that brings an alert must find one.
#[derive(Clone, Default)]
pub struct Waiting {
    polls: Arc<Mutex<BTreeMap<(String, String), usize>>>,
}

/// The right of one poll to wait; dropping it gives it back.
pub struct Wait {
    polls: Arc<Mutex<BTreeMap<(String, String), usize>>>,
    who: (String, String),
}

impl Waiting {
    /// Takes a place, or says which limit is reached.
    pub fn admit(&self, tenant: &str, user: &str, limits: &LimitsConfig) -> Result<Wait, ErrorBody> {
        let who = (tenant.to_owned(), user.to_owned());
        let mut polls = self.polls.lock();
        let full = |whose: &str, limit: usize| {
            let message = format!("{whose}: the limit of {limit} polls that wait is reached; ask without waitMs, or later");
            Err(ErrorBody::retryable(ErrorCode::RateLimited, message, Some(5_000)))
        };
        if polls.get(&who).is_some_and(|own| *own >= limits.per_user) {
            return full("this user", limits.per_user);
        }
        let in_all = limits.waiting_polls();
        if polls.values().sum::<usize>() >= in_all {
            return full("this relay", in_all);
        }
        *polls.entry(who.clone()).or_default() += 1;
        Ok(Wait { polls: Arc::clone(&self.polls), who })
    }

    /// How many wait.
    pub fn count(&self) -> usize {
        self.polls.lock().values().sum()
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let mut polls = self.polls.lock();
        if let Some(own) = polls.get_mut(&self.who) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                polls.remove(&self.who);
            }
        }
    }
}
