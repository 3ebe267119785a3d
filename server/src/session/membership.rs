//! One subscription of one connection; dropping it undoes everything it did.

use crate::auth::Principal;
use crate::broker::ChannelKey;
use crate::hub::Connection;
use crate::relay::Relay;
use std::sync::Arc;

/// See the module.
pub(super) struct Membership {
    relay: Relay,
    connection: Arc<Connection>,
    /// The channel.
    pub(super) key: ChannelKey,
    held: bool,
    viewer: Option<Box<str>>,
}

impl Membership {
    /// Joins the room, pending.
    pub(super) fn join(relay: &Relay, connection: &Arc<Connection>, key: ChannelKey) -> Self {
        relay.hub().join(&key, connection);
        Self { relay: relay.clone(), connection: Arc::clone(connection), key, held: false, viewer: None }
    }
    /// The broker holds the channel for this subscription.
    pub(super) fn set_held(&mut self) {
        self.held = true;
    }
    /// Counts the user as a viewer.
    pub(super) fn count_viewer(&mut self, user: &str, name: &str) {
        self.relay.hub().add_viewer(&self.key, user, name);
        self.viewer = Some(user.into());
    }
    /// The user's token was replaced: counts, names or forgets the viewer as the new one says.
    pub(super) fn recount_viewer(&mut self, who: &Principal) {
        match (&self.viewer, self.key.channel.counts_viewers() && who.counts_as_viewer) {
            (None, true) => self.count_viewer(&who.user, &who.name),
            (Some(user), true) => self.relay.hub().rename_viewer(&self.key, user, &who.name),
            (Some(user), false) => {
                self.relay.hub().remove_viewer(&self.key, user);
                self.viewer = None;
            }
            (None, false) => {}
        }
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        // The viewer first: the room may go with its last member.
        if let Some(user) = &self.viewer {
            self.relay.hub().remove_viewer(&self.key, user);
        }
        self.relay.hub().leave(&self.key, self.connection.number);
        if self.held {
            self.relay.broker().release(&self.key);
        }
    }
}
