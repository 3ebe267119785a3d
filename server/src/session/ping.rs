//! `ping` and `pong`.

use super::Session;
use pulsewire_protocol::{Ping, Pong, Reply, ReplyResult, ServerMessage};

impl Session {
    pub(super) fn handle_ping(&mut self, command: &Ping) {
        let result = ReplyResult::Time { server_time: self.relay.clock().now() };
        self.answer(&ServerMessage::Reply(Reply { id: command.id, result }));
    }

    pub(super) fn handle_pong(&mut self, pong: &Pong) {
        self.connection.set_last_pong_ms(self.relay.hub().wheel.now_ms());
        let latency_ms = self.relay.clock().now_ms().checked_sub(pong.ts.as_millis());
        // A client may send any time: what cannot be the answer to a heartbeat measures nothing.
        if let Some(latency_ms) = latency_ms.filter(|latency_ms| *latency_ms <= self.relay.config().heartbeat.dead_after_ms) {
            self.connection.set_latency_ms(latency_ms);
            self.relay.metrics().round_trip(latency_ms as f64 / 1_000.0);
        }
    }
}
