//! What the wheel does: heartbeats, dead connections, handshakes, token ends, viewer counts, the clock.

use super::Relay;
use crate::broker::{ChannelKey, Deliver as _};
use crate::hub::{Broadcast, Closing, Connection, ConnectionId, Hub, Timer};
use crate::observe::faults::fault;
use crate::observe::metrics::Door;
use pulsewire_protocol::{ChannelName, CloseCode, Format, Heartbeat, Payload, Publication, Reauth, ServerMessage, UnixMs};
use std::sync::{Arc, Weak};

/// The client is told so long before its token ends.
pub(super) const REAUTH_BEFORE_MS: u64 = 60_000;
/// How often the clock is compared with the machine's and the broker tidied.
const HOUSEKEEPING_MS: u64 = 10_000;

/// Starts the one task; it ends with the last handle of the relay.
pub(super) fn start(relay: &Relay) {
    let hub = Arc::clone(relay.hub());
    let inner: Weak<super::Inner> = Arc::downgrade(&relay.inner);
    let stopped = relay.inner.stopped.clone();
    hub.wheel.after(HOUSEKEEPING_MS, Timer::Housekeeping);
    tokio::spawn(async move {
        loop {
            let (due_ms, timers) = tokio::select! {
                // The end first: timers that are always due must not outlive the relay.
                biased;
                () = stopped.cancelled() => return,
                due = hub.wheel.due() => due,
            };
            let Some(inner) = inner.upgrade() else { return };
            let turn = Turn { relay: Relay { inner }, due_ms, heartbeat: None };
            turn.handle(timers);
        }
    });
}

/// One wake-up: what fell due at the same time shares one encoded heartbeat.
struct Turn {
    relay: Relay,
    due_ms: u64,
    heartbeat: Option<Broadcast>,
}

impl Turn {
    fn handle(mut self, timers: Vec<Timer>) {
        for timer in timers {
            match timer {
                Timer::Handshake(number) => self.handle_handshake(number),
                Timer::Heartbeat(number) => self.handle_heartbeat(number),
                Timer::Dead(number) => self.handle_dead(number),
                Timer::Reauth(number) => self.handle_reauth(number),
                Timer::TokenEnd(number) => self.handle_token_end(number),
                Timer::Viewers(key) => self.hub().tell_viewers(&key),
                Timer::Online(tenant) => self.handle_online(&tenant),
                Timer::Held(key, rate) => self.hub().handle_held(&key, rate),
                Timer::Housekeeping => self.handle_housekeeping(),
            }
        }
    }

    fn hub(&self) -> &Hub {
        self.relay.hub()
    }

    fn handle_handshake(&self, number: ConnectionId) {
        if let Some(connection) = self.hub().connection(number)
            && connection.principal().is_none()
        {
            connection.outbox.close(Closing::new(CloseCode::TIMEOUT, "handshake_timeout"));
        }
    }

    fn handle_heartbeat(&mut self, number: ConnectionId) {
        let Some(connection) = self.hub().connection(number) else { return };
        let now = self.relay.clock().now();
        let heartbeat = self.heartbeat.get_or_insert_with(|| Broadcast::new(ServerMessage::Heartbeat(Heartbeat { ts: now })));
        push(&connection, heartbeat);
        let interval_ms = self.relay.config().heartbeat.interval_ms;
        self.relay.arm_token_timers(&connection);
        self.hub().wheel.at(self.due_ms + interval_ms, Timer::Heartbeat(number));
    }

    fn handle_dead(&self, number: ConnectionId) {
        let Some(connection) = self.hub().connection(number) else { return };
        let dead_at_ms = connection.last_pong_ms() + self.relay.config().heartbeat.dead_after_ms;
        if dead_at_ms <= self.hub().wheel.now_ms() {
            connection.outbox.close(Closing::new(CloseCode::TIMEOUT, "no_pong"));
        } else {
            self.hub().wheel.at(dead_at_ms, Timer::Dead(number));
        }
    }

    fn handle_reauth(&self, number: ConnectionId) {
        let Some(connection) = self.hub().connection(number) else { return };
        let Some(who) = connection.principal() else { return };
        if who.expires_at_ms <= self.relay.clock().now_ms() + REAUTH_BEFORE_MS && connection.first_reauth_for(who.expires_at_ms) {
            let reauth = Reauth { expires_at: UnixMs::from_millis(who.expires_at_ms) };
            push(&connection, &Broadcast::new(ServerMessage::Reauth(reauth)));
        }
    }

    fn handle_token_end(&self, number: ConnectionId) {
        let Some(connection) = self.hub().connection(number) else { return };
        let Some(who) = connection.principal() else { return };
        if self.relay.token_end_ms(who.expires_at_ms) <= self.relay.clock().now_ms() {
            connection.outbox.close(Closing::new(CloseCode::TOKEN_EXPIRED, "token_expired"));
        }
    }

    /// To those who listen here: the other relays tell theirs.
    fn handle_online(&self, tenant: &str) {
        let Some(presence) = self.hub().online_news(tenant) else { return };
        let payload = Payload::Presence(presence);
        let publication = Publication { offset: None, first_offset: None, payload, ts: self.relay.clock().now(), from: None };
        self.relay.metrics().events_in(Door::Relay, 1);
        let key = ChannelKey::new(tenant, ChannelName::tenant());
        self.hub().handle_publication(&key, "", &Arc::new(publication));
    }

    fn handle_housekeeping(&self) {
        let moved_ms = self.relay.clock().resync();
        if moved_ms != 0 {
            fault!(warning, System, moved_ms, "the machine's clock was set, or the machine slept");
        }
        self.relay.broker().tidy();
        self.hub().wheel.after(HOUSEKEEPING_MS, Timer::Housekeeping);
    }
}

fn push(connection: &Connection, message: &Broadcast) {
    let format: Format = connection.format;
    if let Some(bytes) = message.bytes(format) {
        connection.outbox.push(bytes);
    }
}

impl Relay {
    /// Puts the timers of a welcomed connection in.
    pub(crate) fn arm_connection_timers(&self, connection: &Connection) {
        let heartbeat = &self.config().heartbeat;
        let wheel = &self.hub().wheel;
        wheel.after(heartbeat.interval_ms, Timer::Heartbeat(connection.number));
        wheel.after(heartbeat.dead_after_ms, Timer::Dead(connection.number));
        self.arm_token_timers(connection);
    }

    /// Puts the timers of the token in where they fall due before the next heartbeat, which calls this again: a token that
    /// lasts an hour must not leave entries behind for an hour when its connection goes.
    pub(crate) fn arm_token_timers(&self, connection: &Connection) {
        let Some(who) = connection.principal() else { return };
        let now_ms = self.clock().now_ms();
        let horizon_ms = now_ms + self.config().heartbeat.interval_ms;
        let reauth_at_ms = who.expires_at_ms.saturating_sub(REAUTH_BEFORE_MS);
        if reauth_at_ms <= horizon_ms {
            self.hub().wheel.after(reauth_at_ms.saturating_sub(now_ms), Timer::Reauth(connection.number));
        }
        let end_ms = self.token_end_ms(who.expires_at_ms);
        if end_ms <= horizon_ms {
            self.hub().wheel.after(end_ms.saturating_sub(now_ms), Timer::TokenEnd(connection.number));
        }
    }

    /// When a connection with a token of that `exp` is closed: not before a new connection would be refused, else a token
    /// that was taken within the leeway would be welcomed and closed at once.
    fn token_end_ms(&self, expires_at_ms: u64) -> u64 {
        expires_at_ms.saturating_add(self.config().auth.leeway_s.saturating_mul(1_000))
    }
}
