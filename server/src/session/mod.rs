//! One client, whatever its transport: decode, command, apply.
//!
//! A session is one task with two halves. The reader decodes frames and applies commands one after the other, so answers
//! come in order; the writer ([`writer`]) sends what waits in the connection's outbox. Neither waits for the other: a client
//! that does not read can still pong, and a command that waits for the broker does not hold up events.
//!
//! One file per command. What a session registered is undone by dropping it, however it ends.

mod call;
mod connect;
mod membership;
mod ping;
mod publish;
mod refresh;
mod registered;
mod subscribe;
pub mod transport;
mod unsubscribe;
mod writer;

pub use transport::{Inbound, Lost, MemoryClient, MemorySink, MemoryTransport, Outbound, Transport, pair};
pub use writer::{Outlet, SinkOutlet, SocketOutlet};

use crate::auth::Principal;
use crate::hub::{Closing, Connection, OutboxLimits, Timer, encode};
use crate::limits::{ClientAddress, MessageBucket, Toll};
use crate::observe::metrics::Limit;
use crate::observe::metrics::{HandshakeFailure, Transport as Carrier};
use crate::relay::Relay;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use membership::Membership;
use pulsewire_protocol::error::reason_with_retry_after;
use pulsewire_protocol::{
    ClientMessage, CloseCode, DecodeError, ErrorBody, ErrorCode, ErrorMessage, EventKind, Format, ServerMessage, cbor, json,
};
use registered::Registered;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;
use tracing::Instrument as _;

/// How long a command under way may take once the end is decided, so that an accepted publication is not cut off.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(5);
/// How long to wait for the client's own close frame: closing the socket earlier can swallow ours.
const LINGER: Duration = Duration::from_secs(2);

/// How a client comes in.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The encoding.
    pub format: Format,
    /// Where it comes from, for logs and limits.
    pub address: ClientAddress,
    /// Who it is, where the upgrade carried a token.
    pub principal: Option<Arc<Principal>>,
}

/// The state of one client.
struct Session {
    // Dropped in this order: subscriptions first, then the registration, which writes the closing line of the log.
    memberships: Vec<Membership>,
    registered: Registered,
    relay: Relay,
    connection: Arc<Connection>,
    upgrade: Option<Arc<Principal>>,
    bucket: MessageBucket,
}

/// Serves one client until it ends; returns how it ended. The client is here from the call on.
///
/// Each connection holds this future for as long as it lives, so it is made for its size: what an `async fn` is given lies in its
/// future beside what it makes of it, and what is needed only at the end lies in a box until then.
pub fn run<T: Transport>(relay: Relay, transport: T, opening: Opening) -> impl Future<Output = Closing> + Send {
    let mut session = Box::new(Session::open(relay, opening));
    // Around every line that is written for this connection: by `session` its page's own log is found.
    let span = tracing::info_span!("client", connection = %session.connection.id, session = tracing::field::Empty);
    let (mut inlet, mut outlet) = transport.open(session.relay.hub(), &session.connection);
    let serving = async move {
        let ended = serve(&mut session, &mut inlet, &mut outlet).await;
        session.registered.end(&ended);
        drop(session);
        let _ = Box::pin(tokio::time::timeout(LINGER, async { while inlet.next().await.is_some() {} })).await;
        ended
    };
    serving.instrument(span)
}

/// Reads and writes until either side has ended it.
async fn serve(session: &mut Session, inlet: &mut (impl Stream<Item = Inbound> + Unpin), outlet: &mut impl Outlet) -> Closing {
    let connection = Arc::clone(&session.connection);
    let relay = session.relay.clone();
    let mut reader = pin!(session.read(inlet));
    let mut writer = pin!(writer::write(&connection, outlet, relay.metrics(), || relay.is_draining()));
    tokio::select! {
        // In this order, so that a simulation runs the same way twice. The writer first: it only ever has a bounded
        // outbox to write, while a client could keep the reader busy.
        biased;
        written = &mut writer => {
            if connection.is_busy() {
                // Its answer can no longer be told, but what it stores is stored whole.
                let _ = Box::pin(tokio::time::timeout(COMMAND_TIMEOUT, reader)).await;
            }
            told(written, &connection)
        }
        by_peer = &mut reader => match by_peer {
            // A peer that went while its end was being told was ended by us.
            Some(closing) if closing.code == CloseCode::LOST => told(Err(Lost), &connection),
            Some(closing) => closing,
            None => told(writer.await, &connection),
        },
    }
}

/// How a connection ended that the writer ended: as it was decided, also where it could no longer be told.
fn told(written: Result<Closing, Lost>, connection: &Connection) -> Closing {
    written.unwrap_or_else(|Lost| connection.outbox.closing().unwrap_or_else(transport::lost))
}

impl Session {
    fn open(relay: Relay, opening: Opening) -> Self {
        let limits = &relay.config().limits;
        let outbox = OutboxLimits { messages: limits.queue_messages, bytes: limits.queue_bytes };
        let (number, id, now_ms) = (relay.hub().next_number(), relay.entropy().id(), relay.hub().wheel.now_ms());
        let connection = Arc::new(Connection::new(number, id, opening.format, opening.address, now_ms, outbox));
        relay.hub().add(&connection);
        relay.hub().wheel.after(relay.config().heartbeat.handshake_timeout_ms, Timer::Handshake(number));
        if relay.is_draining() {
            connection.outbox.close(Closing::new(CloseCode::UNAVAILABLE, reason_with_retry_after("draining", 2_000)));
        }
        Self {
            memberships: Vec::new(),
            registered: Registered::new(relay.clone(), Arc::clone(&connection)),
            bucket: MessageBucket::new(limits, relay.clock()),
            upgrade: opening.principal,
            relay,
            connection,
        }
    }

    /// Reads until the client ends it (`Some`) or the end is decided on this side (`None`).
    async fn read<S: Stream<Item = Inbound> + Unpin>(&mut self, stream: &mut S) -> Option<Closing> {
        while let Some(inbound) = stream.next().await {
            match inbound {
                // Boxed, so that an idle connection does not hold the room that its largest command would need.
                Inbound::Text(frame) => Box::pin(self.handle_frame(&frame, Format::Json)).await,
                Inbound::Binary(frame) => Box::pin(self.handle_frame(&frame, Format::Cbor)).await,
                Inbound::TooLarge => self.close_too_large(),
                Inbound::Broken(closing) => self.close(closing.code, closing.reason),
                Inbound::Closed(closing) => return Some(closing),
            }
            if self.connection.outbox.is_closing() {
                return None;
            }
        }
        Some(transport::lost())
    }

    async fn handle_frame(&mut self, frame: &Bytes, format: Format) {
        self.relay.metrics().received(Carrier::WebSocket, 0, frame.len() as u64);
        if frame.len() > self.relay.config().limits.max_message_bytes {
            return self.close_too_large();
        }
        if format != self.connection.format {
            let expected = if format == Format::Json { "binary" } else { "text" };
            return self.close(CloseCode::PROTOCOL, format!("this subprotocol takes {expected} frames"));
        }
        match format {
            Format::Json => match core::str::from_utf8(frame) {
                Ok(text) => self.handle_messages(json::decode_client(text)).await,
                Err(_) => self.close(CloseCode::PROTOCOL, "the frame is not UTF-8"),
            },
            Format::Cbor => self.handle_messages(cbor::decode_client(frame)).await,
        }
    }

    async fn handle_messages(&mut self, messages: impl Iterator<Item = Result<ClientMessage, DecodeError>>) {
        for message in messages {
            // One frame may hold thousands: others have their turn in between.
            tokio::task::coop::consume_budget().await;
            self.connection.received.fetch_add(1, Ordering::Relaxed);
            self.relay.metrics().received(Carrier::WebSocket, 1, 0);
            match message {
                Ok(message) => self.handle_message(message).await,
                Err(error) if error.well_formed => {
                    if self.may_pass(error.id) {
                        self.answer_error(error.id, None, ErrorBody::new(ErrorCode::BadRequest, error.to_string()));
                    }
                }
                Err(error) => self.close(CloseCode::PROTOCOL, error.to_string()),
            }
            if self.connection.outbox.is_closing() {
                return;
            }
        }
    }

    async fn handle_message(&mut self, message: ClientMessage) {
        // Pongs are asked for by the relay itself: they cost nothing.
        if let ClientMessage::Pong(pong) = message {
            return self.handle_pong(&pong);
        }
        let id = id_of(&message);
        // No alert is lost for its rate: a backend that floods with them is held up by its own answers alone.
        if !self.is_alert_of_a_backend(&message) && !self.may_pass(Some(id)) {
            return;
        }
        if id == 0 {
            return self.answer_error(Some(0), None, ErrorBody::new(ErrorCode::BadRequest, "id: must be a positive integer"));
        }
        if self.connection.principal().is_none() && !matches!(message, ClientMessage::Connect(_)) {
            return self.answer_error(Some(id), None, ErrorBody::new(ErrorCode::BadRequest, "the first message must be `connect`"));
        }
        let connection = Arc::clone(&self.connection);
        // Its answers need room: the client takes what waits before the next command is taken from it.
        poll_fn(|cx| connection.outbox.poll_calm(cx)).await;
        if connection.outbox.is_closing() {
            // Ended meanwhile: nobody could be told what became of it, so it must not be done either.
            return;
        }
        let _busy = connection.busy();
        let began = Instant::now();
        self.apply(message).await;
        self.relay.metrics().command_took(began.elapsed().as_secs_f64());
    }

    async fn apply(&mut self, message: ClientMessage) {
        match message {
            ClientMessage::Connect(command) => self.handle_connect(command).await,
            ClientMessage::Subscribe(command) => self.handle_subscribe(command).await,
            ClientMessage::Unsubscribe(command) => self.handle_unsubscribe(&command),
            ClientMessage::Publish(command) => self.handle_publish(command).await,
            ClientMessage::Call(command) => self.handle_call(command).await,
            ClientMessage::Refresh(command) => self.handle_refresh(&command),
            ClientMessage::Ping(command) => self.handle_ping(&command),
            ClientMessage::Pong(pong) => self.handle_pong(&pong),
        }
    }

    fn is_alert_of_a_backend(&self, message: &ClientMessage) -> bool {
        let is_alert = matches!(message, ClientMessage::Publish(publish) if publish.payload.kind() == Some(EventKind::Alert));
        is_alert && self.connection.principal().is_some_and(|who| who.is_backend())
    }

    /// Takes the message's toll; answers it, or ends the connection, where it may not pass.
    fn may_pass(&mut self, id: Option<u64>) -> bool {
        let (retry_after_ms, enough) = match self.bucket.take() {
            Toll::Pass => return true,
            Toll::Wait { retry_after_ms } => (retry_after_ms, false),
            Toll::Enough { retry_after_ms } => (retry_after_ms, true),
        };
        self.relay.metrics().refused(Limit::Messages);
        if enough {
            self.close(CloseCode::RATE_LIMITED, reason_with_retry_after("rate_limited", retry_after_ms.max(5_000)));
        } else {
            let limits = &self.relay.config().limits;
            let message = format!("at most {} messages a second, {} at once", limits.messages_per_second, limits.burst);
            self.answer_error(id, None, ErrorBody::retryable(ErrorCode::RateLimited, message, Some(retry_after_ms)));
        }
        false
    }

    /// Sends an answer.
    fn answer(&self, message: &ServerMessage) {
        if let Some(bytes) = encode(message, self.connection.format) {
            self.connection.outbox.push(bytes);
        }
    }

    fn answer_error(&self, id: Option<u64>, channel: Option<String>, body: ErrorBody) {
        self.answer(&ServerMessage::Error(ErrorMessage { id, channel, body }));
    }

    fn close(&self, code: CloseCode, reason: impl Into<String>) {
        self.connection.outbox.close(Closing::new(code, short(reason.into())));
    }

    fn close_too_large(&self) {
        let limit = self.relay.config().limits.max_message_bytes;
        self.close(CloseCode::TOO_LARGE, format!("a message may have {limit} bytes"));
    }

    fn refuse(&mut self, failure: HandshakeFailure, closing: Closing) {
        self.registered.refused_for(failure);
        self.connection.outbox.close(closing);
    }
}

/// A close reason has at most 123 bytes.
fn short(mut reason: String) -> String {
    let mut end = reason.len().min(123);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason.truncate(end);
    reason
}

fn id_of(message: &ClientMessage) -> u64 {
    match message {
        ClientMessage::Connect(command) => command.id,
        ClientMessage::Subscribe(command) => command.id,
        ClientMessage::Unsubscribe(command) => command.id,
        ClientMessage::Publish(command) => command.id,
        ClientMessage::Call(command) => command.id,
        ClientMessage::Refresh(command) => command.id,
        ClientMessage::Ping(command) => command.id,
        ClientMessage::Pong(_) => 0,
    }
}
