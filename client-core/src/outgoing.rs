//! What waits to be sent: messages of one moment share frames, and no frame is larger than the relay takes.

use crate::input::Conn;
use crate::output::Output;
use pulsewire_protocol::{ClientMessage, cbor};

/// The frame being filled.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    frame: Vec<u8>,
}

impl Outgoing {
    /// Adds a message, unless it alone is larger than `max_bytes`; says whether it was added.
    pub(crate) fn push(&mut self, conn: Conn, message: &ClientMessage, max_bytes: u32, outputs: &mut Vec<Output>) -> bool {
        let bytes = cbor::encode_client(message);
        let max_bytes = max_bytes as usize;
        if bytes.len() > max_bytes {
            return false;
        }
        if self.frame.len() + bytes.len() > max_bytes {
            self.flush(conn, outputs);
        }
        if self.frame.is_empty() {
            self.frame = bytes;
        } else {
            self.frame.extend_from_slice(&bytes);
        }
        true
    }
    /// Hands the frame out.
    pub(crate) fn flush(&mut self, conn: Conn, outputs: &mut Vec<Output>) {
        if !self.frame.is_empty() {
            outputs.push(Output::Send { conn, bytes: std::mem::take(&mut self.frame) });
        }
    }
    /// Drops what was not handed out: its socket is gone.
    pub(crate) fn clear(&mut self) {
        self.frame.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulsewire_protocol::{ClientMessage, Unsubscribe};

    #[test]
    fn messages_share_frames_below_the_limit_and_one_too_large_is_refused() {
        let message = |id, text: &str| ClientMessage::Unsubscribe(Unsubscribe { id, channel: text.to_owned() });
        let (mut outgoing, mut outputs) = (Outgoing::default(), Vec::new());
        for id in 1..=10 {
            assert!(outgoing.push(Conn(1), &message(id, "device:1"), 40, &mut outputs));
        }
        assert!(!outgoing.push(Conn(1), &message(1, &"x".repeat(64)), 40, &mut outputs));
        outgoing.flush(Conn(1), &mut outputs);
        let mut count = 0;
        for output in &outputs {
            let Output::Send { bytes, .. } = output else { panic!() };
            assert!(bytes.len() <= 40);
            count += cbor::decode_client(bytes).filter(|message| message.is_ok()).count();
        }
        assert_eq!(count, 10);
        assert!(outputs.len() > 1 && outputs.len() < 10);
    }
}
