//! Writes what waits for one connection: joins it into frames and flushes once.

use super::transport::{Lost, Outbound};
use crate::hub::{Closing, Connection, Due};
use crate::observe::Metrics;
use crate::observe::metrics::Transport;
use bytes::Bytes;
use futures_util::{Sink, SinkExt as _};
use pulsewire_protocol::{CloseCode, Format};
use std::future::poll_fn;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Messages are joined into frames of about this size; a larger message is a frame of its own.
const FRAME_BYTES: usize = 32 * 1024;
/// How long the rest and the close frame may take once the end is decided.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// So many times that for a slow consumer: its socket is full by definition, and a client that is told 4413 comes back by the
/// rules instead of guessing. Not while the relay drains, which is looked at in between.
const SLOW_ROUNDS: usize = 3;

/// Writes until the end is decided and told, or the transport is lost.
pub(super) async fn write<S>(connection: &Connection, sink: &mut S, metrics: &Metrics, draining: impl Fn() -> bool) -> Result<Closing, Lost>
where
    S: Sink<Outbound, Error = Lost> + Unpin,
{
    let out_of_time = async {
        poll_fn(|cx| connection.outbox.poll_closing(cx)).await;
        for _ in 0..SLOW_ROUNDS {
            tokio::time::sleep(CLOSE_TIMEOUT).await;
            let slow = connection.outbox.closing().is_some_and(|closing| closing.code == CloseCode::SLOW_CONSUMER);
            if !slow || draining() {
                return;
            }
        }
    };
    tokio::select! {
        biased;
        written = write_all(connection, sink, metrics) => written,
        () = out_of_time => Err(Lost),
    }
}

async fn write_all<S>(connection: &Connection, sink: &mut S, metrics: &Metrics) -> Result<Closing, Lost>
where
    S: Sink<Outbound, Error = Lost> + Unpin,
{
    loop {
        let mut due = Some(poll_fn(|cx| connection.outbox.poll_due(cx, FRAME_BYTES)).await);
        while let Some(next) = due {
            match next {
                Due::Messages(messages) => {
                    connection.sent.fetch_add(messages.len() as u64, Ordering::Relaxed);
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
