//! `connect`: who it is, and every subscription to restore, in one round trip.

use super::Session;
use crate::auth::Principal;
use crate::broker::ChannelKey;
use crate::hub::Closing;
use crate::observe::metrics::HandshakeFailure;
use crate::observe::metrics::Limit;
use crate::rate::Rate;
use pulsewire_protocol::error::reason_with_retry_after;
use pulsewire_protocol::{
    ChannelName, CloseCode, Connect, ErrorBody, ErrorCode, Position, Refused, ServerMessage, SubscribeEntry, SubscribedEntry, UnixMs,
    Welcome,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A channel that was joined, from where on it is followed, and at which rate.
type Joined = (ChannelKey, Position, Option<Rate>);

impl Session {
    pub(super) async fn handle_connect(&mut self, command: Connect) {
        if self.connection.principal().is_some() {
            let body = ErrorBody::new(ErrorCode::BadRequest, "this connection is connected already");
            return self.answer_error(Some(command.id), None, body);
        }
        let Some(who) = self.admit(command.token.as_deref()) else { return };
        self.registered.open(&who, &command.client);

        let own = ChannelName::user(&who.user).map(|own| own.as_str().to_owned()).unwrap_or_default();
        let mut entries = command.subscribe;
        // The relay's own come last in the list of names, so that what the client asked for stays in its order.
        for own in [own.as_str(), "tenant"] {
            let allowed = ChannelName::parse(own).is_ok_and(|channel| who.may_subscribe(&channel));
            if allowed && !entries.iter().any(|entry| entry.channel == own) {
                entries.push(SubscribeEntry::new(own));
            }
        }
        let (subscribed, joined) = self.join_all(&entries).await;
        // Most connections never subscribe to anything else.
        self.memberships.shrink_to_fit();
        let heartbeat = &self.relay.config().heartbeat;
        let welcome = Welcome {
            id: command.id,
            connection: self.connection.id.clone(),
            node: self.relay.node().to_owned(),
            user: who.user.clone(),
            tenant: who.tenant.clone(),
            server_time: self.relay.clock().now(),
            heartbeat_ms: heartbeat.interval_ms,
            timeout_ms: heartbeat.client_timeout_ms,
            expires_at: UnixMs::from_millis(who.expires_at_ms),
            limits: self.relay.limits(),
            subscribed,
        };
        self.answer_uncounted(&ServerMessage::Welcome(welcome));
        // Only now may events of these channels follow.
        for (key, position, rate) in joined {
            self.relay.hub().activate(&key, self.connection.number, &position, rate, None);
        }
        self.connection.set_last_pong_ms(self.relay.hub().wheel.now_ms());
        self.relay.arm_connection_timers(&self.connection);
    }

    /// Who it is, from now on known to all, or `None` where it was refused.
    fn admit(&mut self, token: Option<&str>) -> Option<Arc<Principal>> {
        let verified = match self.upgrade.take() {
            // The upgrade's token counts; it was good when the upgrade came.
            Some(who) => Ok(who),
            None => self.relay.authenticate(token),
        };
        let who = match verified {
            Ok(who) => who,
            Err(refused) => {
                tracing::debug!(target: "pulsewire_relay::connections", connection = %self.connection.id, %refused, "token refused");
                match self.relay.token_refused(&self.connection.address, refused.problem) {
                    Ok(()) => self.refuse(refused.problem.into(), Closing::new(CloseCode::UNAUTHORIZED, refused.problem.as_str())),
                    Err(error) => {
                        let reason = reason_with_retry_after("rate_limited", error.retry_after_ms.unwrap_or(1_000));
                        self.refuse(HandshakeFailure::RateLimited, Closing::new(CloseCode::RATE_LIMITED, reason));
                    }
                }
                return None;
            }
        };
        let limit = self.relay.config().limits.per_user;
        if !self.relay.hub().identify_within(&self.connection, &who, limit) {
            self.relay.metrics().refused(Limit::PerUser);
            let reason = reason_with_retry_after("rate_limited", self.relay.spread(30_000));
            self.refuse(HandshakeFailure::TooMany, Closing::new(CloseCode::RATE_LIMITED, reason));
            return None;
        }
        Some(who)
    }

    /// Joins every channel, pending; gives the answers and what is to be activated behind them.
    async fn join_all(&mut self, entries: &[SubscribeEntry]) -> (Vec<SubscribedEntry>, Vec<Joined>) {
        let mut budget = self.relay.answer_budget();
        let (mut answers, mut joined, mut seen) = (Vec::with_capacity(entries.len()), Vec::new(), BTreeSet::new());
        for entry in entries {
            let is_new = seen.insert(entry.channel.as_str());
            if is_new && !self.relay.fits_answer(entry, budget) {
                // The client asks for it by itself, and gets the whole.
                continue;
            }
            let answer = if is_new {
                self.join(entry, &mut budget).await
            } else {
                Err(ErrorBody::new(ErrorCode::BadRequest, "this channel is named twice"))
            };
            answers.push(match answer {
                Ok((key, snapshot)) => {
                    let subscribed = self.subscribed(None, &key, &snapshot);
                    let rate = self.relay.rate_of(&key.channel, entry.max_hz);
                    joined.push((key, snapshot.position, rate));
                    SubscribedEntry::Subscribed(subscribed)
                }
                Err(error) => SubscribedEntry::Refused(Refused { channel: entry.channel.clone(), error }),
            });
        }
        (answers, joined)
    }
}
