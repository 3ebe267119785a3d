//! `refresh`: a new token for the same user; rights are looked at again.

use super::Session;
use pulsewire_protocol::{CloseCode, ErrorCode, Refresh, Reply, ReplyResult, ServerMessage, TokenProblem, UnixMs, Unsubscribed};
use std::sync::Arc;

impl Session {
    pub(super) fn handle_refresh(&mut self, command: &Refresh) {
        let Some(before) = self.connection.principal() else { return };
        let who = match self.relay.authenticate(Some(&command.token)) {
            Ok(who) => who,
            Err(refused) => return self.close(CloseCode::UNAUTHORIZED, refused.problem.as_str()),
        };
        if who.user != before.user || who.tenant != before.tenant {
            return self.close(CloseCode::UNAUTHORIZED, TokenProblem::Invalid.as_str());
        }
        self.connection.set_principal(Arc::clone(&who));
        self.relay.hub().identify(&self.connection);
        let (kept, lost) = self.memberships.drain(..).partition(|membership| who.may_subscribe(&membership.key.channel));
        self.memberships = kept;
        self.memberships.iter_mut().for_each(|membership| membership.recount_viewer(&who));
        let expires_at = UnixMs::from_millis(who.expires_at_ms);
        self.answer(&ServerMessage::Reply(Reply { id: command.id, result: ReplyResult::Refreshed { expires_at } }));
        for membership in lost {
            let channel = membership.key.channel.as_str().to_owned();
            drop(membership);
            self.answer(&ServerMessage::Unsubscribed(Unsubscribed { id: None, channel, code: Some(ErrorCode::Forbidden) }));
        }
        self.relay.arm_token_timers(&self.connection);
    }
}
