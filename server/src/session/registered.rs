//! A connection's place in the registry, and its two lines in the log (R16): however it ends, dropping this takes it out of
//! the registry and writes the second line where the first was written.

use crate::auth::Principal;
use crate::hub::{Closing, Connection};
use crate::observe::metrics::HandshakeFailure;
use crate::relay::Relay;
use pulsewire_protocol::{ClientInfo, CloseCode};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// See the module.
pub(super) struct Registered {
    relay: Relay,
    connection: Arc<Connection>,
    /// Present once the opening line was written: the client session, by which both sides' logs are joined.
    session: Option<String>,
    refused: Option<HandshakeFailure>,
    ended: Closing,
}

/// Longer texts of a client do not go into the log.
const MAX_LOGGED_CHARS: usize = 64;

impl Registered {
    pub(super) fn new(relay: Relay, connection: Arc<Connection>) -> Self {
        Self { relay, connection, session: None, refused: None, ended: super::transport::lost() }
    }

    /// The client said who it is.
    pub(super) fn open(&mut self, who: &Principal, client: &ClientInfo) {
        self.relay.metrics().connection_opened();
        let session = loggable(&client.session);
        tracing::Span::current().record("session", session.as_str());
        tracing::info!(
            target: "pulsewire_relay::connections",
            connection = %self.connection.id,
            user = %who.user,
            tenant = %who.tenant,
            address = %self.connection.address,
            session = %session,
            client = %format_args!("{} {}", loggable(&client.name), loggable(&client.version)),
            "connection opened"
        );
        self.session = Some(session);
    }

    /// Why the handshake is refused.
    pub(super) fn refused_for(&mut self, failure: HandshakeFailure) {
        self.refused = Some(failure);
    }

    /// How it ended.
    pub(super) fn end(&mut self, ended: &Closing) {
        self.ended = ended.clone();
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.relay.hub().remove(&self.connection);
        let duration_ms = self.relay.hub().wheel.now_ms().saturating_sub(self.connection.since_ms);
        let (code, reason) = (self.ended.code.0, loggable(&self.ended.reason));
        let Some(session) = &self.session else {
            let failure = self.refused.unwrap_or(match self.ended.code {
                CloseCode::TIMEOUT => HandshakeFailure::Timeout,
                CloseCode::PROTOCOL | CloseCode::TOO_LARGE => HandshakeFailure::Protocol,
                CloseCode::UNAVAILABLE => HandshakeFailure::Unavailable,
                _ => HandshakeFailure::Gone,
            });
            self.relay.metrics().handshake_failed(failure);
            tracing::info!(
                target: "pulsewire_relay::connections",
                connection = %self.connection.id,
                address = %self.connection.address,
                failure = failure.as_str(),
                code,
                reason = %reason,
                duration_ms,
                "handshake failed"
            );
            return;
        };
        self.relay.metrics().connection_closed(self.ended.code);
        tracing::info!(
            target: "pulsewire_relay::connections",
            connection = %self.connection.id,
            user = %self.connection.principal().map(|who| who.user.clone()).unwrap_or_default(),
            session = %session,
            code,
            reason = %reason,
            duration_ms,
            received = self.connection.received.load(Ordering::Relaxed),
            sent = self.connection.outbox.sent(),
            "connection closed"
        );
    }
}

/// A client's text as it may stand in a log: short, and on one line.
fn loggable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_LOGGED_CHARS).collect()
}
