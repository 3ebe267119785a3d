//! `unsubscribe`: nothing of the channel comes after the answer.

use super::Session;
use pulsewire_protocol::{ErrorBody, ErrorCode, ServerMessage, Unsubscribe, Unsubscribed};

impl Session {
    pub(super) fn handle_unsubscribe(&mut self, command: &Unsubscribe) {
        let place = self.memberships.iter().position(|membership| membership.key.channel.as_str() == command.channel);
        let Some(place) = place else {
            let body = ErrorBody::new(ErrorCode::NotSubscribed, "this connection holds no subscription to that channel");
            return self.answer_error(Some(command.id), Some(command.channel.clone()), body);
        };
        // What was published before belongs to the subscription, also where a rate still holds it back.
        if let Some(membership) = self.memberships.get(place) {
            self.relay.hub().flush_member(&membership.key, self.connection.number);
        }
        // Dropped before the answer is queued: what the fan-out pushed earlier stands before it, and nothing comes after.
        drop(self.memberships.swap_remove(place));
        self.answer(&ServerMessage::Unsubscribed(Unsubscribed { id: Some(command.id), channel: command.channel.clone(), code: None }));
    }
}
