//! A client that breaks the rules as it is told: frames by hand over plain TCP, read and written at the same time.

use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

pub const CONTINUATION: u8 = 0;
pub const TEXT: u8 = 1;
pub const BINARY: u8 = 2;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;
pub const FIN: u8 = 0x80;

/// Nothing takes so long unless the relay hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// What comes from the relay: opcode and payload of a frame that is no close.
pub type Event = (u8, Vec<u8>);

/// Payloads up to here are masked in earnest; larger ones with zeros, which costs a debug build no time.
const MASKED_BYTES: usize = 64 * 1024;

/// One frame as a client sends it, masked.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = if payload.len() <= MASKED_BYTES { [0x37, 0xfa, 0x21, 0x3d] } else { [0; 4] };
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..=125 => bytes.push(0x80 | u8::try_from(length).unwrap()),
        length @ 126..=0xffff => {
            bytes.push(0x80 | 126);
            bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
        length => {
            bytes.push(0x80 | 127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend(mask);
    if mask == [0; 4] {
        bytes.extend(payload);
    } else {
        bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    }
    bytes
}

/// The half that writes.
pub struct Writer(OwnedWriteHalf);

impl Writer {
    /// Sends the bytes as they are; `false` where the relay has gone.
    pub async fn send(&mut self, bytes: &[u8]) -> bool {
        tokio::time::timeout(PATIENCE, self.0.write_all(bytes)).await.expect("the relay takes nothing any more").is_ok()
    }
    /// Says that nothing more will be sent.
    pub async fn finish(&mut self) {
        let _ = self.0.shutdown().await;
    }
}

/// The half that reads.
pub struct Reader {
    stream: OwnedReadHalf,
    buffer: Vec<u8>,
    at: usize,
    /// What the relay closed with: 1005 without a code, 1006 without a close frame.
    pub closed: Option<u16>,
}

impl Reader {
    /// Exactly so many bytes, or `None` at the end.
    async fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.buffer.len() - self.at < count {
            self.buffer.drain(..self.at);
            self.at = 0;
            let mut chunk = vec![0; 64 * 1024];
            let read = tokio::time::timeout(PATIENCE, self.stream.read(&mut chunk)).await.expect("nothing came, and it was not closed");
            // A reset is an end too.
            let read = read.unwrap_or(0);
            if read == 0 {
                return None;
            }
            self.buffer.extend_from_slice(&chunk[..read]);
        }
        let taken = self.buffer[self.at..self.at + count].to_vec();
        self.at += count;
        Some(taken)
    }

    async fn frame(&mut self) -> Option<Event> {
        let head = self.take(2).await?;
        assert_eq!(
            (head[0] & 0x70, head[0] & FIN, head[1] & 0x80),
            (0, FIN, 0),
            "a relay sends whole frames, unmasked and without extensions"
        );
        let length = match head[1] {
            126 => u64::from(u16::from_be_bytes(self.take(2).await?.try_into().unwrap())),
            127 => u64::from_be_bytes(self.take(8).await?.try_into().unwrap()),
            short => u64::from(short),
        };
        Some((head[0] & 0x0f, self.take(usize::try_from(length).unwrap()).await?))
    }

    /// The next event, or `None` once the relay has closed, with or without a close frame.
    pub async fn next(&mut self) -> Option<Event> {
        if self.closed.is_some() {
            return None;
        }
        match self.frame().await {
            Some((CLOSE, payload)) => {
                self.closed = Some(payload.first_chunk::<2>().map_or(1005, |code| u16::from_be_bytes(*code)));
                None
            }
            Some(event) => Some(event),
            None => {
                self.closed = Some(1006);
                None
            }
        }
    }

    /// Whether nothing follows the close.
    pub async fn is_over(&mut self) -> bool {
        self.take(1).await.is_none()
    }
}

/// An upgraded connection.
pub async fn open(address: SocketAddr, path: &str) -> (Writer, Reader) {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (stream, sink) = stream.into_split();
    let (mut writer, mut reader) = (Writer(sink), Reader { stream, buffer: Vec::new(), at: 0, closed: None });
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    writer.send(head.as_bytes()).await;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.extend(reader.take(1).await.expect("an answer to the upgrade"));
    }
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 101 ") && answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{answer}");
    (writer, reader)
}
