//! `call`: a request of section 12.

use super::Session;
use pulsewire_protocol::{Call, ErrorBody, ErrorCode, Reply, ReplyResult, ServerMessage};

impl Session {
    pub(super) async fn handle_call(&mut self, command: Call) {
        let Some(who) = self.connection.principal() else { return };
        match self.relay.call(&who, &command.method, command.params.as_ref()).await {
            // An answer that fills the queue would close the connection, and again after each reconnection that asks the same.
            Ok(result) if result.as_str().len() > self.relay.config().limits.queue_bytes / 2 => {
                let message = format!("the answer has {} bytes, too many for one message: ask for fewer (limit)", result.as_str().len());
                self.answer_error(Some(command.id), None, ErrorBody::new(ErrorCode::TooLarge, message));
            }
            Ok(result) => {
                self.answer(&ServerMessage::Reply(Reply { id: command.id, result: ReplyResult::Json(result) }));
            }
            Err(refusal) => self.answer_error(Some(command.id), None, refusal.body),
        }
    }
}
