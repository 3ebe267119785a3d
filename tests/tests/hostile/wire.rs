//! TCP, HTTP/1.1 and WebSocket frames by hand: exactly the bytes that a test wants, and a patient reader of what comes back.

use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

/// Nothing in these tests takes so long unless the relay hangs.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub const TEXT: u8 = 1;
pub const BINARY: u8 = 2;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const FIN: u8 = 0x80;

/// An HTTP answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.map(|(given, value)| (given.trim(), value.trim())).find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A plain connection.
pub struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Wire {
    pub async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, buffer: Vec::new() }
    }

    /// The same with little room for what comes: who does not read is noticed soon.
    pub async fn open_narrow(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        Self { stream: socket.connect(address).await.unwrap(), buffer: Vec::new() }
    }

    /// The same from another address of this machine, such as 127.0.0.2.
    pub async fn open_from(local: &str, address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(local.parse().unwrap(), 0)).unwrap();
        Self { stream: socket.connect(address).await.unwrap(), buffer: Vec::new() }
    }

    /// Sends the bytes as they are; `false` where the relay has gone.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        let sent = tokio::time::timeout(PATIENCE, self.stream.write_all(bytes.as_ref())).await.expect("the relay takes nothing any more");
        sent.is_ok()
    }

    /// Says that nothing more will be sent.
    pub async fn finish(&mut self) {
        let _ = self.stream.shutdown().await;
    }

    /// Reads more; `false` at the end.
    async fn more(&mut self) -> bool {
        let mut chunk = [0; 16 * 1024];
        let read = tokio::time::timeout(PATIENCE, self.stream.read(&mut chunk)).await.expect("nothing came, and it was not closed");
        // A reset is an end too.
        let count = read.unwrap_or(0);
        self.buffer.extend_from_slice(&chunk[..count]);
        count > 0
    }

    /// Exactly so many bytes, or `None` at the end.
    async fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.buffer.len() < count {
            if !self.more().await {
                return None;
            }
        }
        Some(self.buffer.drain(..count).collect())
    }

    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(at) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
                let line: Vec<u8> = self.buffer.drain(..at + 2).collect();
                return Some(String::from_utf8_lossy(&line[..at]).into_owned());
            }
            if !self.more().await {
                return None;
            }
        }
    }

    /// Everything until the relay closes.
    pub async fn rest(&mut self) -> String {
        while self.more().await {}
        String::from_utf8_lossy(&std::mem::take(&mut self.buffer)).into_owned()
    }

    /// The next answer, or `None` where the relay closed instead. `bodiless` is what a HEAD is answered by.
    async fn answer_to(&mut self, bodiless: bool) -> Option<Answer> {
        let mut head = String::new();
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                break;
            }
            head.push_str(&line);
            head.push('\n');
        }
        let status = head.split(' ').nth(1).unwrap_or_default().parse().unwrap_or_else(|_| panic!("no answer: {head:?}"));
        let mut answer = Answer { status, head, body: Vec::new() };
        if bodiless || status == 101 || status == 204 || status == 304 {
            return Some(answer);
        }
        if answer.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            loop {
                let size = usize::from_str_radix(self.line().await?.trim(), 16).unwrap();
                answer.body.extend(self.take(size).await?);
                self.line().await?;
                if size == 0 {
                    return Some(answer);
                }
            }
        }
        let length: usize = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        answer.body = self.take(length).await?;
        Some(answer)
    }

    /// The next answer.
    pub async fn answer(&mut self) -> Option<Answer> {
        self.answer_to(false).await
    }
    /// The next answer to a HEAD.
    pub async fn answer_to_head(&mut self) -> Option<Answer> {
        self.answer_to(true).await
    }

    /// Asks for an upgrade with these headers beside the necessary ones.
    pub async fn upgrade(&mut self, path: &str, headers: &str) -> Option<Answer> {
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: ward\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
        );
        self.send(head).await;
        self.answer().await
    }
}

/// One frame as it goes over the wire, masked with zeros unless it is told otherwise.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    frame_masked(first, payload, true)
}

pub fn frame_masked(first: u8, payload: &[u8], masked: bool) -> Vec<u8> {
    let mask = if masked { 0x80 } else { 0 };
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..=125 => bytes.push(mask | u8::try_from(length).unwrap()),
        length @ 126..=0xffff => {
            bytes.push(mask | 126);
            bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
        length => {
            bytes.push(mask | 127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    if masked {
        bytes.extend([0; 4]);
    }
    bytes.extend(payload);
    bytes
}

/// An upgraded connection.
pub struct Socket {
    pub wire: Wire,
    /// Messages of a frame that was read and not yet looked at.
    waiting: std::collections::VecDeque<Value>,
}

impl Socket {
    /// Upgrades; JSON unless the headers say otherwise.
    pub async fn open(address: SocketAddr, path: &str, headers: &str) -> Self {
        let mut wire = Wire::open(address).await;
        let answer = wire.upgrade(path, headers).await.expect("an answer to the upgrade");
        assert_eq!(answer.status, 101, "{answer:?}");
        Self::over(wire)
    }

    /// What was upgraded already.
    pub fn over(wire: Wire) -> Self {
        Self { wire, waiting: std::collections::VecDeque::new() }
    }

    /// Sends one whole frame.
    pub async fn send(&mut self, opcode: u8, payload: impl AsRef<[u8]>) -> bool {
        self.wire.send(frame(FIN | opcode, payload.as_ref())).await
    }

    /// Sends one message in a frame of its own.
    pub async fn say(&mut self, message: &Value) -> bool {
        self.send(TEXT, message.to_string()).await
    }

    /// The next frame: opcode and payload; `None` where the connection has ended.
    pub async fn read(&mut self) -> Option<(u8, Vec<u8>)> {
        let head = self.wire.take(2).await?;
        assert_eq!(head[1] & 0x80, 0, "a relay masks nothing");
        let length = match head[1] {
            126 => u64::from(u16::from_be_bytes(self.wire.take(2).await?.try_into().unwrap())),
            127 => u64::from_be_bytes(self.wire.take(8).await?.try_into().unwrap()),
            short => u64::from(short),
        };
        Some((head[0] & 0x0f, self.wire.take(usize::try_from(length).unwrap()).await?))
    }

    /// The next message, or how the relay closed.
    pub async fn next(&mut self) -> Result<Value, (u16, String)> {
        loop {
            if let Some(message) = self.waiting.pop_front() {
                return Ok(message);
            }
            match self.read().await {
                Some((TEXT, payload)) => {
                    let text = String::from_utf8(payload).expect("a relay's text is UTF-8");
                    self.waiting.extend(text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
                }
                Some((CLOSE, payload)) => return Err(closing(&payload)),
                Some((10 | PING, _)) => {}
                Some((opcode, payload)) => panic!("a frame that was not expected: {opcode} {payload:?}"),
                None => return Err((1006, String::new())),
            }
        }
    }

    /// The next message of that type; others are passed over.
    pub async fn next_of(&mut self, kind: &str) -> Value {
        loop {
            let message = self.next().await.unwrap_or_else(|closing| panic!("closed with {closing:?} before {kind}"));
            if message["type"] == kind {
                return message;
            }
        }
    }

    /// The answer to that command.
    pub async fn answer(&mut self, id: u64) -> Value {
        loop {
            let message = self.next().await.unwrap_or_else(|closing| panic!("closed with {closing:?} before the answer to {id}"));
            if message["id"] == id {
                return message;
            }
        }
    }

    /// Says it, and gives its answer.
    pub async fn ask(&mut self, message: Value) -> Value {
        self.say(&message).await;
        self.answer(message["id"].as_u64().unwrap()).await
    }

    /// How the relay closes; what comes before is passed over, in any encoding.
    pub async fn closed(&mut self) -> (u16, String) {
        loop {
            match self.read().await {
                Some((CLOSE, payload)) => return closing(&payload),
                Some(_) => {}
                None => return (1006, String::new()),
            }
        }
    }

    /// The close frame, and the end of the connection behind it once we have closed too.
    pub async fn closed_for_good(&mut self) -> (u16, String) {
        let closing = self.closed().await;
        self.send(CLOSE, [0x03, 0xe8]).await;
        self.wire.finish().await;
        assert_eq!(self.wire.rest().await, "", "nothing follows a close frame");
        closing
    }
}

fn closing(payload: &[u8]) -> (u16, String) {
    let code = payload.first_chunk::<2>().map_or(1005, |code| u16::from_be_bytes(*code));
    (code, String::from_utf8(payload.get(2..).unwrap_or_default().to_vec()).expect("a reason is UTF-8"))
}

/// The first message of a client.
pub fn connect(token: &str, channels: &[&str]) -> Value {
    let subscribe: Vec<Value> = channels.iter().map(|channel| json!({ "channel": channel })).collect();
    json!({"type": "connect", "id": 1, "token": token, "client": {"name": "t", "version": "1", "session": "s-1"}, "subscribe": subscribe})
}
