//! The relay's own WebSocket frames (RFC 6455, section 5.2): whole, unmasked, so that one buffer takes header and messages and
//! one system call sends them.
//!
//! Reading is tungstenite's: what comes from a client needs a parser, what goes to it needs ten bytes.

use super::outbox::Closing;
use pulsewire_protocol::Format;

const FINAL: u8 = 0x80;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
/// A control frame has no longer payload.
const MAX_CONTROL_BYTES: usize = 125;

/// Writes the header of a data frame with a payload of that many bytes.
pub(super) fn begin(format: Format, length: usize, frame: &mut Vec<u8>) {
    let opcode = match format {
        Format::Json => TEXT,
        Format::Cbor => BINARY,
    };
    frame.push(FINAL | opcode);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(length), _) if length < 126 => frame.push(length),
        (_, Ok(length)) => {
            frame.push(126);
            frame.extend_from_slice(&length.to_be_bytes());
        }
        _ => {
            frame.push(127);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

/// Writes a close frame; a reason that is too long is cut, at a character.
pub(super) fn close(closing: &Closing, frame: &mut Vec<u8>) {
    let mut end = closing.reason.len().min(MAX_CONTROL_BYTES - 2);
    while !closing.reason.is_char_boundary(end) {
        end -= 1;
    }
    let reason = closing.reason.as_bytes().get(..end).unwrap_or_default();
    frame.push(FINAL | CLOSE);
    frame.push(u8::try_from(reason.len() + 2).unwrap_or(2));
    frame.extend_from_slice(&closing.code.0.to_be_bytes());
    frame.extend_from_slice(reason);
}

/// Whether these bytes begin with a close frame.
pub(super) fn is_close(frame: &[u8]) -> bool {
    frame.first().is_some_and(|first| first & 0x0F == CLOSE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulsewire_protocol::CloseCode;
    use std::io::Cursor;
    use tungstenite::protocol::frame::FrameSocket;
    use tungstenite::protocol::frame::coding::{Data, OpCode};

    #[test]
    fn a_parser_reads_every_length_and_both_formats() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536, 100_000] {
            for (format, opcode) in [(Format::Json, Data::Text), (Format::Cbor, Data::Binary)] {
                let mut bytes = Vec::new();
                begin(format, length, &mut bytes);
                bytes.resize(bytes.len() + length, b'x');
                let mut socket = FrameSocket::new(Cursor::new(bytes));
                let frame = socket.read(None).unwrap().unwrap();
                assert_eq!((frame.header().opcode, frame.header().is_final), (OpCode::Data(opcode), true), "{length}");
                assert_eq!(frame.payload().len(), length);
                assert!(socket.read(None).unwrap().is_none(), "{length}: nothing is left over");
            }
        }
    }

    #[test]
    fn a_close_frame_carries_code_and_reason_and_is_never_too_long() {
        for reason in ["", "draining; retryAfterMs=1500", &"é".repeat(100)] {
            let mut bytes = Vec::new();
            close(&Closing::new(CloseCode::UNAVAILABLE, reason), &mut bytes);
            assert!(is_close(&bytes) && bytes.len() <= 127);
            let frame = FrameSocket::new(Cursor::new(bytes)).read(None).unwrap().unwrap();
            assert_eq!(frame.payload().get(..2).unwrap(), 4503_u16.to_be_bytes());
            assert!(reason.starts_with(std::str::from_utf8(frame.payload().get(2..).unwrap()).unwrap()));
        }
    }
}
