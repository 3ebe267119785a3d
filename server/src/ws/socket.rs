//! A TCP socket after the upgrade, as a session's transport: tungstenite reads, the hub's flusher writes.
//!
//! Why not axum's WebSocket: it keeps hyper's buffer of 8 KiB and one of its own for as long as the connection lives, and wakes
//! the connection's task for each delivery. Here what is read lies in a buffer of the thread, and what a client sent stays in
//! memory only until it is handled: an idle connection has no buffer at all.
//!
//! Trap: tungstenite answers pings and closes by writing. That goes through the outbox ([`Outbox::push_control`]), so that it
//! never lands in the middle of another frame.

use crate::hub::{Closing, Connection, Hub, Outbox, Wire};
use crate::session::{Inbound, SocketOutlet, Transport};
use bytes::{Buf as _, Bytes};
use futures_util::Stream;
use pulsewire_protocol::CloseCode;
use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::net::TcpStream;
use tokio::task::coop::poll_proceed;
use tungstenite::error::ProtocolError;
use tungstenite::protocol::{Role, WebSocketConfig, WebSocketContext};
use tungstenite::{Error, Message};

/// So many bytes are read in one system call.
const READ_BYTES: usize = 16 * 1024;
/// What tungstenite keeps for each connection beside a message that is on its way: enough for a heartbeat's answer.
const KEPT_BYTES: usize = 128;

thread_local! {
    static READ: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// How frames are read: none larger than `limit` bytes.
fn config(limit: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(KEPT_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(KEPT_BYTES.max(1_024))
        .max_message_size(Some(limit))
        .max_frame_size(Some(limit))
}

/// A socket whose upgrade is done.
pub struct Socket {
    stream: TcpStream,
    read: Bytes,
    limit: usize,
}

impl Socket {
    /// `read` is what came behind the upgrade already; no message may be larger than `limit`.
    pub fn new(stream: TcpStream, read: &[u8], limit: usize) -> Self {
        Self { stream, read: Bytes::copy_from_slice(read), limit }
    }
}

impl Transport for Socket {
    type Inlet = Inlet;
    type Outlet = SocketOutlet;
    fn open(self, hub: &Hub, connection: &Connection) -> (Inlet, SocketOutlet) {
        let wire = Arc::new(SocketWire(self.stream));
        let shared: Arc<dyn Wire> = Arc::<SocketWire>::clone(&wire);
        hub.attach(connection, shared);
        let bytes = Incoming { wire, read: self.read, ended: false, outbox: Arc::clone(&connection.outbox) };
        // Boxed: what an idle connection needs of it is a pointer.
        let context = Box::new(WebSocketContext::new(Role::Server, Some(config(self.limit))));
        (Inlet { context, bytes, over: false }, SocketOutlet)
    }
}

struct SocketWire(TcpStream);

impl SocketWire {
    /// Past tokio's look whether the socket takes anything: that is a line of memory of each connection, and as a rule it does.
    #[cfg(target_os = "linux")]
    fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        match rustix::net::send(&self.0, bytes, rustix::net::SendFlags::NOSIGNAL) {
            // tokio must have seen it for itself, or it would wake nobody once the socket takes more.
            Err(rustix::io::Errno::AGAIN) => self.0.try_write(bytes),
            sent => Ok(sent?),
        }
    }
    #[cfg(not(target_os = "linux"))]
    fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }
}

impl Wire for SocketWire {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self.send(bytes) {
            Ok(0) => Err(io::ErrorKind::WriteZero.into()),
            other => other,
        }
    }
    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_write_ready(cx)
    }
}

/// The bytes that tungstenite reads and writes: it never waits, its caller does.
struct Incoming {
    wire: Arc<SocketWire>,
    /// Read from the socket and not yet by tungstenite.
    read: Bytes,
    /// The peer sends nothing more.
    ended: bool,
    outbox: Arc<Outbox>,
}

impl Incoming {
    /// Waits for bytes of the peer.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.wire.0.poll_read_ready(cx))?;
            let read = READ.with_borrow_mut(|buffer| {
                let length = self.wire.0.try_read(buffer)?;
                Ok::<_, io::Error>(Bytes::copy_from_slice(buffer.get(..length).unwrap_or_default()))
            });
            match read {
                Ok(read) => {
                    self.ended = read.is_empty();
                    self.read = read;
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl Read for Incoming {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read.is_empty() {
            return if self.ended { Ok(0) } else { Err(io::ErrorKind::WouldBlock.into()) };
        }
        let length = buffer.len().min(self.read.len());
        self.read.copy_to_slice(buffer.get_mut(..length).unwrap_or_default());
        if self.read.is_empty() {
            // An empty slice would keep what it was cut from.
            self.read = Bytes::new();
        }
        Ok(length)
    }
}

impl Write for Incoming {
    fn write(&mut self, control: &[u8]) -> io::Result<usize> {
        self.outbox.push_control(control);
        Ok(control.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A client's frames.
pub struct Inlet {
    context: Box<WebSocketContext>,
    bytes: Incoming,
    /// The peer broke the rules or is gone: no more frames can be read.
    over: bool,
}

impl Inlet {
    /// Reads what nobody wants any more, and keeps none of it: a socket that is closed with something unread is reset, and the
    /// reset swallows the close frame that says why. How long that may go on is the session's to say.
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while !self.bytes.ended {
            self.bytes.read = Bytes::new();
            if ready!(self.bytes.poll_fill(cx)).is_err() {
                self.bytes.ended = true;
            }
        }
        Poll::Ready(())
    }
}

impl Stream for Inlet {
    type Item = Inbound;
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Inbound>> {
        if self.over {
            return self.poll_discard(cx).map(|()| None);
        }
        let Self { context, bytes, over } = &mut *self;
        loop {
            // Frames that are read already would else be handled without end before anybody else's turn.
            let turn = ready!(poll_proceed(cx));
            let read = context.read(bytes);
            if !matches!(&read, Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock) {
                turn.made_progress();
            }
            drop(turn);
            return Poll::Ready(match read {
                Ok(Message::Text(text)) => Some(Inbound::Text(text.into())),
                Ok(Message::Binary(bytes)) => Some(Inbound::Binary(bytes)),
                // tungstenite answers pings by itself, the next time it is asked.
                Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => continue,
                Ok(Message::Close(frame)) => Some(Inbound::Closed(match frame {
                    Some(frame) => Closing::new(CloseCode(frame.code.into()), frame.reason.as_str()),
                    None => Closing::new(CloseCode::NORMAL, ""),
                })),
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => match ready!(bytes.poll_fill(cx)) {
                    Ok(()) => continue,
                    Err(error) => {
                        *over = true;
                        bytes.ended = true;
                        failed(&Error::Io(error))
                    }
                },
                Err(error) => {
                    *over = true;
                    failed(&error)
                }
            });
        }
    }
}

/// What can still be told about an error of reading; `None` where the peer is gone.
fn failed(error: &Error) -> Option<Inbound> {
    match error {
        Error::Capacity(_) => Some(Inbound::TooLarge),
        Error::Utf8(_) => Some(Inbound::Broken(Closing::new(CloseCode::PROTOCOL, "the frame is not UTF-8"))),
        Error::Protocol(broken) if !matches!(broken, ProtocolError::ResetWithoutClosingHandshake) => {
            Some(Inbound::Broken(Closing::new(CloseCode(1002), broken.to_string())))
        }
        Error::ConnectionClosed => None,
        _ => {
            tracing::debug!(target: "pulsewire_relay::connections", %error, "transport failed");
            None
        }
    }
}
