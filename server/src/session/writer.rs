//! How what waits for one connection leaves, and what a connection's own task has to do with it until the end is told.
//!
//! Over a socket the hub's flusher writes, and the task only waits where the socket is full ([`SocketOutlet`]). In memory the
//! task writes: it joins what waits into frames and flushes once ([`SinkOutlet`]).

use super::transport::{Lost, Outbound};
use crate::hub::{Closing, Connection, Due, FRAME_BYTES, Scratch};
use crate::observe::Metrics;
use crate::observe::metrics::Transport;
use bytes::Bytes;
use futures_util::{Sink, SinkExt as _};
use pulsewire_protocol::{CloseCode, Format};
use std::future::poll_fn;
use std::time::Duration;

/// How long the rest and the close frame may take once the end is decided.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// So many times that for a slow consumer: its socket is full by definition, and a client that is told 4413 comes back by the
/// rules instead of guessing. Not while the relay drains, which is looked at in between.
const SLOW_ROUNDS: usize = 3;

/// The way out of a transport. Whatever waits in the connection's outbox leaves through it, in order.
pub trait Outlet: Send {
    /// Writes until the end is decided and told, or the transport is lost.
    fn write_all(&mut self, connection: &Connection, metrics: &Metrics) -> impl Future<Output = Result<Closing, Lost>> + Send;
}

/// The same, but the end is told within a time.
pub(super) async fn write(
    connection: &Connection,
    outlet: &mut impl Outlet,
    metrics: &Metrics,
    draining: impl Fn() -> bool,
) -> Result<Closing, Lost> {
    let out_of_time = async {
        poll_fn(|cx| connection.outbox.poll_closing(cx)).await;
        for _ in 0..SLOW_ROUNDS {
            // Boxed: a timer is large, and until the end nobody needs it.
            Box::pin(tokio::time::sleep(CLOSE_TIMEOUT)).await;
            let slow = connection.outbox.closing().is_some_and(|closing| closing.code == CloseCode::SLOW_CONSUMER);
            if !slow || draining() {
                return;
            }
        }
    };
    tokio::select! {
        biased;
        written = outlet.write_all(connection, metrics) => written,
        () = out_of_time => Err(Lost),
    }
}

/// Of a connection whose socket was given to the hub.
pub struct SocketOutlet;

impl Outlet for SocketOutlet {
    async fn write_all(&mut self, connection: &Connection, metrics: &Metrics) -> Result<Closing, Lost> {
        let ended = poll_fn(|cx| {
            let mut scratch = Scratch::default();
            let ended = connection.outbox.poll_end(cx, &mut scratch);
            if scratch.messages > 0 {
                metrics.sent(Transport::WebSocket, scratch.messages, scratch.bytes);
            }
            if let Some(waited) = scratch.waited {
                metrics.delivered(waited.as_secs_f64());
            }
            ended
        });
        ended.await.ok_or(Lost)
    }
}

/// Of a transport that takes one frame after the other.
pub struct SinkOutlet<S>(pub S);

impl<S: Sink<Outbound, Error = Lost> + Unpin + Send> Outlet for SinkOutlet<S> {
    async fn write_all(&mut self, connection: &Connection, metrics: &Metrics) -> Result<Closing, Lost> {
        let Self(sink) = self;
        loop {
            let mut due = Some(poll_fn(|cx| connection.outbox.poll_due(cx, FRAME_BYTES)).await);
            while let Some(next) = due {
                match next {
                    Due::Messages(messages) => {
                        let count = messages.len() as u64;
                        let frame = join(messages, connection.format);
                        metrics.sent(Transport::WebSocket, count, frame.len() as u64);
                        sink.feed(outbound(frame, connection.format)).await?;
                    }
                    Due::Close(closing) => {
                        sink.send(Outbound::Close(closing.clone())).await?;
                        return Ok(closing);
                    }
                }
                due = connection.outbox.take_due(FRAME_BYTES);
            }
            sink.flush().await?;
            if let Some(waited) = connection.outbox.take_waited() {
                metrics.delivered(waited.as_secs_f64());
            }
        }
    }
}

fn outbound(frame: Bytes, format: Format) -> Outbound {
    match format {
        Format::Json => Outbound::Text(frame),
        Format::Cbor => Outbound::Binary(frame),
    }
}

/// One frame of several messages: NDJSON, or a CBOR sequence. A single message is not copied.
fn join(mut messages: Vec<Bytes>, format: Format) -> Bytes {
    if messages.len() == 1
        && let Some(only) = messages.pop()
    {
        return only;
    }
    let separator: &[u8] = if format == Format::Json { b"\n" } else { b"" };
    Bytes::from(messages.join(separator))
}
