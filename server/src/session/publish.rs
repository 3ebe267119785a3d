//! `publish`: through the one door, answered with the offset.

use super::Session;
use crate::auth::Publisher;
use crate::observe::metrics::Door;
use pulsewire_protocol::{Publish, Reply, ReplyResult, ServerMessage};

impl Session {
    pub(super) async fn handle_publish(&mut self, command: Publish) {
        let Some(who) = self.connection.principal() else { return };
        let Publish { id, channel, payload, key } = command;
        match self.relay.publish(Publisher::Principal(&who), &channel, payload, key.as_deref()).await {
            Ok(position) => {
                self.relay.metrics().events_in(Door::WebSocket, 1);
                self.answer(&ServerMessage::Reply(Reply { id, result: ReplyResult::Published { offset: position.offset } }));
            }
            Err(body) => self.answer_error(Some(id), Some(channel), body),
        }
    }
}
