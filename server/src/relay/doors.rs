//! Who may come in now: the limits of section R10, asked by every door, counted where they refuse.

use super::Relay;
use crate::auth::Principal;
use crate::limits::{AddressGroup, ClientAddress, Full, Place, Places, RatesFull};
use crate::observe::metrics::Limit;
use pulsewire_protocol::{ErrorBody, ErrorCode, TokenProblem};

/// Nobody who is refused for a rate is asked back sooner.
const RETRY_MIN_MS: u64 = 1_000;
/// Those who are refused together are asked back over so long, that they do not come back together.
const RETRY_SPREAD_MS: u64 = 4_000;
/// A place comes free when somebody goes: nobody knows when. They are asked back between this and twice as long.
const PLACE_RETRY_MS: u64 = 10_000;

impl Relay {
    /// The places of TCP connections that are no WebSocket.
    pub fn http_places(&self) -> Places {
        self.inner.http_places.clone()
    }

    /// Takes a place for a connection from that address.
    pub fn admit(&self, address: AddressGroup) -> Result<Place, ErrorBody> {
        let limits = &self.config().limits;
        self.inner.places.take(Some(address), limits.connections, limits.per_address).map_err(|full| {
            self.metrics().refused(match full {
                Full::Relay { .. } => Limit::Connections,
                Full::Address { .. } => Limit::PerAddress,
            });
            ErrorBody::retryable(ErrorCode::Unavailable, full.to_string(), Some(self.spread(PLACE_RETRY_MS)))
        })
    }

    /// Whether an upgrade without a token may go on.
    pub fn may_shake_hands(&self, address: AddressGroup) -> Result<(), ErrorBody> {
        let taken = self.inner.rates.take_handshake(address);
        taken.map_err(|full| self.too_fast(Limit::Handshakes, "upgrades without a token from your address", full))
    }

    /// Whether an upgrade with this good token may go on.
    pub fn may_come_back(&self, by: &Principal) -> Result<(), ErrorBody> {
        let taken = self.inner.rates.take_known_handshake(by);
        taken.map_err(|full| self.too_fast(Limit::Requests, "requests of this user", full))
    }

    /// Whether a request of this user may go on.
    pub fn may_ask(&self, by: &Principal) -> Result<(), ErrorBody> {
        let taken = self.inner.rates.take_request(by);
        taken.map_err(|full| self.too_fast(Limit::Requests, "requests of this user", full))
    }

    /// A token from this address was refused. The error is what it is told instead, where there were too many.
    pub fn token_refused(&self, address: &ClientAddress, problem: TokenProblem) -> Result<(), ErrorBody> {
        let taken = self.inner.rates.take_failure(address.group(), problem);
        taken.map_err(|full| self.too_fast(Limit::FailedTokens, "refused tokens from your address", full))
    }

    /// Between so long and twice as long: those who are refused together do not come back together.
    pub(crate) fn spread(&self, retry_after_ms: u64) -> u64 {
        self.entropy().between(retry_after_ms, retry_after_ms.saturating_mul(2))
    }

    fn too_fast(&self, limit: Limit, what: &str, full: RatesFull) -> ErrorBody {
        self.metrics().refused(limit);
        let RatesFull { wait_ms, quota } = full;
        let retry_after_ms = wait_ms.max(RETRY_MIN_MS).saturating_add(self.entropy().between(0, RETRY_SPREAD_MS));
        let message = format!("{what}: at most {} a second, {} at once", quota.per_second, quota.burst);
        ErrorBody::retryable(ErrorCode::RateLimited, message, Some(retry_after_ms))
    }
}
