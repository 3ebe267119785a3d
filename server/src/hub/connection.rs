//! One client's connection as the rest of the relay sees it.

use super::outbox::{Outbox, OutboxLimits};
use crate::auth::Principal;
use crate::limits::ClientAddress;
use parking_lot::RwLock;
use pulsewire_protocol::Format;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Numbers connections in the order in which they came; also the order in which they are told things.
pub type ConnectionId = u64;

/// Shared between the connection's own task, the hub and the wheel.
pub struct Connection {
    /// Its number on this relay.
    pub number: ConnectionId,
    /// Its id on the wire and in logs.
    pub id: String,
    /// The encoding it speaks.
    pub format: Format,
    /// Where it comes from, for logs.
    pub address: ClientAddress,
    /// When it came, in the relay's milliseconds.
    pub since_ms: u64,
    /// What waits to be written to it.
    pub outbox: Arc<Outbox>,
    /// Set by `connect`, replaced by `refresh`.
    principal: RwLock<Option<Arc<Principal>>>,
    last_pong_ms: AtomicU64,
    /// The token end for which `reauth` was last sent.
    reauth_for_ms: AtomicU64,
    /// Round trip of the last heartbeat, plus one; 0 while none came back.
    latency_ms: AtomicU64,
    /// A command is under way.
    busy: AtomicBool,
    /// Messages that came in.
    pub received: AtomicU64,
}

impl Connection {
    /// A connection that has not said who it is.
    pub fn new(number: ConnectionId, id: String, format: Format, address: ClientAddress, now_ms: u64, limits: OutboxLimits) -> Self {
        Self {
            number,
            id,
            format,
            address,
            since_ms: now_ms,
            outbox: Arc::new(Outbox::new(limits)),
            principal: RwLock::new(None),
            last_pong_ms: AtomicU64::new(now_ms),
            reauth_for_ms: AtomicU64::new(0),
            latency_ms: AtomicU64::new(0),
            busy: AtomicBool::new(false),
            received: AtomicU64::new(0),
        }
    }
    /// Who it is, once it has been welcomed.
    pub fn principal(&self) -> Option<Arc<Principal>> {
        self.principal.read().clone()
    }
    /// Says who it is.
    pub fn set_principal(&self, principal: Arc<Principal>) {
        *self.principal.write() = Some(principal);
    }
    /// Whether `reauth` has not been sent yet for a token that ends then; from now on it has.
    pub fn first_reauth_for(&self, expires_at_ms: u64) -> bool {
        self.reauth_for_ms.swap(expires_at_ms, Ordering::Relaxed) != expires_at_ms
    }
    /// Round trip of the last heartbeat.
    pub fn latency_ms(&self) -> Option<u64> {
        self.latency_ms.load(Ordering::Relaxed).checked_sub(1)
    }
    /// A heartbeat came back.
    pub fn set_latency_ms(&self, latency_ms: u64) {
        self.latency_ms.store(latency_ms.saturating_add(1), Ordering::Relaxed);
    }
    /// Marks a command as under way until the guard is dropped.
    pub fn busy(&self) -> Busy<'_> {
        self.busy.store(true, Ordering::Relaxed);
        Busy(self)
    }
    /// Whether a command is under way.
    pub fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed)
    }
    /// When it last ponged, or came.
    pub fn last_pong_ms(&self) -> u64 {
        self.last_pong_ms.load(Ordering::Relaxed)
    }
    /// It ponged.
    pub fn set_last_pong_ms(&self, now_ms: u64) {
        self.last_pong_ms.store(now_ms, Ordering::Relaxed);
    }
}

/// See [`Connection::busy`].
pub struct Busy<'a>(&'a Connection);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.busy.store(false, Ordering::Relaxed);
    }
}
