//! `call`: a request of section 12.

use super::Session;
use pulsewire_protocol::{Call, Reply, ReplyResult, ServerMessage};

impl Session {
    pub(super) async fn handle_call(&mut self, command: Call) {
        let Some(who) = self.connection.principal() else { return };
        match self.relay.call(&who, &command.method, command.params.as_ref()).await {
            Ok(result) => {
                self.answer(&ServerMessage::Reply(Reply { id: command.id, result: ReplyResult::Json(result) }));
            }
            Err(refusal) => self.answer_error(Some(command.id), None, refusal.body),
        }
    }
}
