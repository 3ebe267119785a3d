//! Rights: who someone is and which channels and events that allows (protocol section 3).
//!
//! Tenants are isolated by construction: a [`Principal`] carries its tenant, and every look-up of a channel takes the
//! tenant from there, never from what a client sent.

use pulsewire_protocol::schema::TOLD_EVENTS;
use pulsewire_protocol::{Author, ChannelName, ErrorBody, ErrorCode, EventKind, Pattern, Payload};

/// A user with a valid token.
#[derive(Clone, Debug, PartialEq)]
pub struct Principal {
    /// `sub`: a valid id.
    pub user: String,
    /// The name to show; the user id where the token has none.
    pub name: String,
    /// The tenant: a valid id.
    pub tenant: String,
    /// The role, where the token names one.
    pub role: Option<String>,
    /// When the token ends, in Unix milliseconds.
    pub expires_at_ms: u64,
    /// Whether this user is told to others as a viewer.
    pub counts_as_viewer: bool,
    /// What it may subscribe to.
    pub subscribe: Vec<Pattern>,
    /// What it may publish to.
    pub publish: Vec<Pattern>,
}

impl Principal {
    /// Whether the role is `service` or `admin`: allowed every event and the ingest endpoints.
    pub fn is_backend(&self) -> bool {
        matches!(self.role.as_deref(), Some("service" | "admin"))
    }
    /// Whether the role is `admin`.
    pub fn is_admin(&self) -> bool {
        self.role.as_deref() == Some("admin")
    }
    /// Whether it may subscribe to, poll and read the channel. One's own `user:` channel always, another's never, whatever
    /// the patterns say; `admin` for the role only.
    pub fn may_subscribe(&self, channel: &ChannelName) -> bool {
        match channel.kind() {
            "user" => channel.id() == Some(self.user.as_str()),
            "admin" if !self.is_admin() => false,
            _ => self.subscribe.iter().any(|pattern| pattern.allows(channel)),
        }
    }
    /// Whether it may publish anything at all to the channel.
    pub fn may_publish_to(&self, channel: &ChannelName) -> bool {
        (channel.kind() != "admin" || self.is_admin()) && self.publish.iter().any(|pattern| pattern.allows(channel))
    }
    /// Whether it may publish this event to this channel; the error says which of both is refused.
    pub fn may_publish(&self, channel: &ChannelName, payload: &Payload) -> Result<(), ErrorBody> {
        if !self.may_publish_to(channel) {
            return Err(ErrorBody::new(
                ErrorCode::Forbidden,
                format!("the token's publish patterns, or the role's, do not allow {channel}"),
            ));
        }
        let is_relays = payload.kind().is_none() && TOLD_EVENTS.contains(&payload.event());
        if self.is_backend() || (!is_relays && payload.kind().is_none_or(EventKind::client_may_publish)) {
            return Ok(());
        }
        Err(ErrorBody::new(
            ErrorCode::Forbidden,
            format!("the event {} may be published by the roles service and admin only", payload.event()),
        ))
    }
    /// How it stands in `from`. A backend speaks for its system, not for itself.
    pub fn author(&self) -> Option<Author> {
        (self.role.as_deref() != Some("service")).then(|| Author { user: self.user.clone(), name: self.name.clone() })
    }
}

/// On whose behalf something is published.
#[derive(Clone, Copy, Debug)]
pub enum Publisher<'a> {
    /// A user or backend with a token.
    Principal(&'a Principal),
    /// The relay itself (replay, simulator, statistics): allowed everything in this tenant, stands in no `from`.
    System {
        /// The tenant.
        tenant: &'a str,
    },
}

impl Publisher<'_> {
    /// The tenant it publishes in.
    pub fn tenant(&self) -> &str {
        match self {
            Self::Principal(principal) => &principal.tenant,
            Self::System { tenant } => tenant,
        }
    }
    /// Whose idempotency keys these are; empty for the relay itself, which no user id can be.
    pub fn user(&self) -> &str {
        match self {
            Self::Principal(principal) => &principal.user,
            Self::System { .. } => "",
        }
    }
}
