//! `subscribe`: join, read what was missed, answer, then follow.

use super::Session;
use super::membership::Membership;
use crate::auth::Principal;
use crate::broker::{ChannelKey, Snapshot};
use crate::hub::encode;
use crate::observe::metrics::Limit;
use crate::relay::subscribed;
use pulsewire_protocol::{ChannelName, ErrorBody, ErrorCode, ServerMessage, Subscribe, SubscribeEntry, Subscribed};
use std::sync::Arc;

impl Session {
    pub(super) async fn handle_subscribe(&mut self, command: Subscribe) {
        let Subscribe { id, channel, recover, history, max_hz } = command;
        let entry = SubscribeEntry { channel, recover, history, max_hz };
        let mut budget = self.relay.config().limits.recovery_bytes;
        let (key, snapshot) = match self.join(&entry, &mut budget).await {
            Ok(joined) => joined,
            Err(body) => return self.answer_error(Some(id), Some(entry.channel), body),
        };
        let answer = self.subscribed(Some(id), &key, &snapshot);
        let answer = encode(&ServerMessage::Subscribed(answer), self.connection.format);
        let rate = self.relay.rate_of(&key.channel, entry.max_hz);
        self.relay.hub().activate(&key, self.connection.number, &snapshot.position, rate, answer);
    }

    /// Joins the channel, pending, and reads what the entry asks for. Subscribing again reads again, takes over its rate and changes
    /// nothing else.
    pub(super) async fn join(&mut self, entry: &SubscribeEntry, budget: &mut usize) -> Result<(ChannelKey, Snapshot), ErrorBody> {
        let who = self.connection.principal().ok_or_else(|| ErrorBody::new(ErrorCode::Unauthorized, "not connected"))?;
        let key = self.relay.readable(&who, &entry.channel)?;
        if let Some(known) = self.memberships.iter().find(|membership| membership.key == key) {
            let key = known.key.clone();
            self.relay.hub().join(&key, &self.connection);
            let read = self.relay.read(&key, entry, budget).await;
            if read.is_err() {
                self.relay.hub().resume(&key, self.connection.number);
            }
            return read.map(|snapshot| (key, snapshot));
        }
        let limit = self.relay.config().limits.subscriptions;
        // Those that the relay joins by itself do not count, whoever named them.
        let counted = self.memberships.iter().filter(|membership| !is_own(&who, &membership.key.channel)).count();
        if counted >= limit && !is_own(&who, &key.channel) {
            self.relay.metrics().refused(Limit::Subscriptions);
            return Err(ErrorBody::new(ErrorCode::TooManySubscriptions, format!("at most {limit} subscriptions for one connection")));
        }
        // From here on an error drops the membership, which undoes the joining.
        let mut membership = Membership::join(&self.relay, &self.connection, key);
        self.relay.broker().hold(&membership.key).await?;
        membership.set_held();
        let snapshot = self.relay.read(&membership.key, entry, budget).await?;
        if membership.key.channel.counts_viewers() && who.counts_as_viewer {
            membership.count_viewer(&who.user, &who.name);
        }
        let key = membership.key.clone();
        self.memberships.push(membership);
        Ok((key, snapshot))
    }

    /// The `subscribed` of what was read.
    pub(super) fn subscribed(&self, id: Option<u64>, key: &ChannelKey, snapshot: &Snapshot) -> Subscribed {
        let viewers = key.channel.counts_viewers().then(|| self.relay.hub().viewer_count_for(key, self.connection.number));
        Subscribed { viewers, ..subscribed(id, key.channel.as_str(), snapshot) }
    }

    /// Sends an answer that may hold a recovery.
    pub(super) fn answer_uncounted(&self, message: &ServerMessage) {
        if let Some(bytes) = encode(message, self.connection.format) {
            Arc::clone(&self.connection).outbox.push_uncounted(bytes);
        }
    }
}

/// Whether the relay joins the channel by itself for this user.
fn is_own(who: &Principal, channel: &ChannelName) -> bool {
    channel.as_str() == "tenant" || channel.as_str().strip_prefix("user:").is_some_and(|user| user == who.user)
}
