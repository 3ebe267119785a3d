//! The door between publishing and storing: what must outlive the relay is kept before it is accepted.
//!
//! A publication goes: checked and filled in, kept, numbered and told. The answer (202, `reply`) comes last, so what was accepted is
//! kept. What is kept and then not told (the relay dies in between, the broker fails) was not accepted: the caller tries again, and
//! keeping it a second time changes nothing.

use crate::auth::Publisher;
use futures_util::future::BoxFuture;
use pulsewire_protocol::{ChannelName, ErrorBody, Payload, Publication};

/// A publication on its way in: checked, with `id` and `ts` filled in, without an offset.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// The tenant, from the token.
    pub tenant: String,
    /// Where it is stored first: an alert's patient, whichever channel was named.
    pub channel: ChannelName,
    /// What will be told.
    pub publication: Publication,
    /// Who publishes it; `None` for the relay itself (replay, simulator).
    pub user: Option<String>,
    /// Whether that is a backend (role `service` or `admin`), or the relay itself.
    pub by_backend: bool,
    /// Whether that is a backend or has one of the roles that act for the ward (`auth.acting_roles`).
    pub by_staff: bool,
}

impl Incoming {
    pub(super) fn new(by: Publisher<'_>, acting_roles: &[String], channel: ChannelName, publication: Publication) -> Self {
        let (user, role, by_backend) = match by {
            Publisher::Principal(principal) => (Some(principal.user.clone()), principal.role.as_deref(), principal.is_backend()),
            Publisher::System { .. } => (None, None, true),
        };
        let by_staff = by_backend || role.is_some_and(|role| acting_roles.iter().any(|acting| acting == role));
        Self { tenant: by.tenant().to_owned(), channel, publication, user, by_backend, by_staff }
    }
}

/// Sees publications before they are accepted, and keeps those that must outlive the relay.
///
/// - [`Keeper::wants`] is asked for every publication, so it must be quick.
/// - [`Keeper::keep`] keeps all that it is given or nothing, and answers once it is kept. An error refuses the whole request: nothing
///   of it is told. Its place says which one is to blame, where one is.
/// - The same publication may come again, by a caller that tries again or by two at once: it is known by its own id (an alert's, a
///   message's; the relay derives those it fills in from the idempotency key, where there is one), and keeping it again changes
///   nothing.
/// - The order in which concurrent publications of one channel are kept need not be the order in which they are told.
pub trait Keeper: Send + Sync {
    /// Whether this one is to be kept.
    fn wants(&self, payload: &Payload) -> bool;
    /// Keeps them.
    fn keep(&self, incoming: Vec<Incoming>) -> BoxFuture<'_, Result<(), (Option<usize>, ErrorBody)>>;
}
