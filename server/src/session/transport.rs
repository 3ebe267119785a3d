//! What a session speaks over: a WebSocket, or a pair of channels in tests and in the simulation.

use super::writer::{Outlet, SinkOutlet};
use crate::hub::{Closing, Connection, Hub};
use bytes::Bytes;
use futures_channel::mpsc;
use futures_util::{Sink, Stream};
use pulsewire_protocol::CloseCode;
use std::pin::Pin;
use std::task::{Context, Poll};

/// What comes from the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inbound {
    /// A text frame: valid UTF-8, by the transport's promise.
    Text(Bytes),
    /// A binary frame.
    Binary(Bytes),
    /// A frame that was not read because it is larger than the transport takes.
    TooLarge,
    /// The peer broke the transport's own rules: nothing more can be read, but the close can still be told.
    Broken(Closing),
    /// The client closed, with the code it gave. Nothing follows.
    Closed(Closing),
}

/// What goes to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outbound {
    /// A text frame of valid UTF-8.
    Text(Bytes),
    /// A binary frame.
    Binary(Bytes),
    /// The close frame. Nothing follows.
    Close(Closing),
}

/// The transport is gone: nothing can be written any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost;

impl core::fmt::Display for Lost {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the connection is lost")
    }
}

impl std::error::Error for Lost {}

/// A two-way transport of frames.
pub trait Transport: Send {
    /// Its way in. The stream ends when the peer is gone.
    type Inlet: Stream<Item = Inbound> + Send + Unpin;
    /// Its way out.
    type Outlet: Outlet;
    /// Becomes that connection's: what waits in its outbox leaves by this way from now on.
    fn open(self, hub: &Hub, connection: &Connection) -> (Self::Inlet, Self::Outlet);
}

/// A transport in memory: what [`pair`] gives the session.
pub struct MemoryTransport {
    inbound: mpsc::Receiver<Inbound>,
    outbound: mpsc::Sender<Outbound>,
}

/// The client's end of a [`pair`].
pub struct MemoryClient {
    /// Frames to the session.
    pub send: mpsc::Sender<Inbound>,
    /// Frames from the session.
    pub receive: mpsc::Receiver<Outbound>,
}

/// A transport in memory and its other end. `capacity` frames fit in each direction: a client that does not read makes
/// the session wait, as a full socket does.
pub fn pair(capacity: usize) -> (MemoryTransport, MemoryClient) {
    let (send, inbound) = mpsc::channel(capacity);
    let (outbound, receive) = mpsc::channel(capacity);
    (MemoryTransport { inbound, outbound }, MemoryClient { send, receive })
}

/// The outgoing frames of a transport in memory.
pub struct MemorySink(mpsc::Sender<Outbound>);

impl Transport for MemoryTransport {
    type Inlet = mpsc::Receiver<Inbound>;
    type Outlet = SinkOutlet<MemorySink>;
    fn open(self, _: &Hub, _: &Connection) -> (Self::Inlet, Self::Outlet) {
        (self.inbound, SinkOutlet(MemorySink(self.outbound)))
    }
}

impl Sink<Outbound> for MemorySink {
    type Error = Lost;
    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Lost>> {
        Pin::new(&mut self.0).poll_ready(cx).map_err(|_| Lost)
    }
    fn start_send(mut self: Pin<&mut Self>, item: Outbound) -> Result<(), Lost> {
        Pin::new(&mut self.0).start_send(item).map_err(|_| Lost)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Lost>> {
        Pin::new(&mut self.0).poll_flush(cx).map_err(|_| Lost)
    }
    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Lost>> {
        Pin::new(&mut self.0).poll_close(cx).map_err(|_| Lost)
    }
}

/// How a connection ends that was not closed by anyone.
pub(super) fn lost() -> Closing {
    Closing::new(CloseCode::LOST, "lost")
}
