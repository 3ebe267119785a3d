//! What the relay says: frames and messages. Where each publication goes is in `apply.rs`.

use crate::apply::Origin;
use crate::client::Client;
use crate::connection::{Happening, State};
use crate::input::Conn;
use crate::output::{ClientEvent, Failure, Settlement, Slices};
use crate::position::Restored;
use crate::requests::{InFlight, Purpose};
use crate::sending::RETRY_MS;
use crate::subscriptions::Arrival;
use crate::toasts::ToastKind;
use pulsewire_protocol::{
    ClientMessage, DecodeError, ErrorBody, ErrorCode, ErrorMessage, Event, Ping, Pong, Reply, ReplyResult, ServerMessage, Subscribed,
    SubscribedEntry, UnixMs, ViewerCount, Welcome, cbor,
};

/// Bounds for what a relay may say about its heartbeats.
const HEARTBEAT_TIMEOUT_MS: core::ops::RangeInclusive<u64> = 1_000..=600_000;

impl Client {
    pub(crate) fn handle_frame(&mut self, conn: Conn, bytes: &[u8]) {
        self.counters.frames += 1;
        self.counters.bytes += bytes.len() as u64;
        self.arm_silence();
        let mut told = false;
        self.measures.handle_traffic(self.now.monotonic, 0, bytes.len() as u64);
        for message in cbor::decode_server(bytes) {
            match message {
                Ok(message) => {
                    self.counters.messages += 1;
                    self.measures.handle_traffic(self.now.monotonic, 1, 0);
                    self.handle_message(message);
                }
                Err(error) => self.handle_unreadable(error, &mut told),
            }
            if self.connection.conn() != Some(conn) {
                return;
            }
        }
    }

    /// What cannot be read is counted, reported (once per frame) and skipped; what it may have held is asked for again.
    #[allow(clippy::needless_borrow, reason = "both texts are `Cow` or `&str`, by the features of the protocol crate")]
    fn handle_unreadable(&mut self, error: DecodeError, told: &mut bool) {
        if error.well_formed && error.field == "type" {
            // A message of a later version.
            self.counters.unknown += 1;
            return;
        }
        self.counters.unreadable += 1;
        if !*told {
            *told = true;
            let mut text = String::from("a message of the relay could not be read and was skipped: ");
            text.push_str(AsRef::<str>::as_ref(&error.field));
            text.push_str(": ");
            text.push_str(AsRef::<str>::as_ref(&error.problem));
            self.error("unreadable_message", &text, None);
        }
        let now = self.now.monotonic;
        match (self.connection.state, error.id) {
            (State::AwaitingWelcome { .. }, Some(_)) => {
                for channel in self.subscriptions.handle_unreadable_welcome() {
                    self.resync(channel);
                }
                self.step(Happening::WelcomeRefused { reason: "protocol_error", retry_after_ms: None });
            }
            (State::Connected { .. }, Some(id)) => {
                if let Some(entry) = self.requests.take(id) {
                    self.handle_unreadable_answer(entry);
                }
            }
            (State::Connected { .. }, None) if !error.well_formed => self.subscriptions.handle_suspicion(now),
            _ => {}
        }
    }

    fn handle_unreadable_answer(&mut self, entry: InFlight) {
        match entry.purpose {
            Purpose::Subscribe(channel) => {
                if self.subscriptions.handle_unreadable_answer(self.now.monotonic, &channel, entry.id) {
                    self.resync(channel);
                }
            }
            Purpose::Message(number) => self.handle_unanswered_message(number, RETRY_MS),
            purpose => {
                if let Some(request) = purpose.request() {
                    self.settle(request, Err(Failure::Unknown));
                }
            }
        }
    }

    fn handle_message(&mut self, message: ServerMessage) {
        let connected = self.connection.is_connected();
        match message {
            ServerMessage::Welcome(welcome) if matches!(self.connection.state, State::AwaitingWelcome { .. }) => {
                self.handle_welcome(welcome);
            }
            ServerMessage::Error(error) if !connected => {
                let retry_after_ms = error.body.retry_after_ms;
                self.report(error);
                self.step(Happening::WelcomeRefused { reason: "refused", retry_after_ms });
            }
            // Nothing else makes sense before `welcome`, and a second one never does.
            _ if !connected => self.counters.strays += 1,
            ServerMessage::Welcome(_) => self.counters.strays += 1,
            ServerMessage::Event(event) => self.handle_event(event),
            ServerMessage::Subscribed(subscribed) => {
                let id = subscribed.id.unwrap_or(0);
                self.requests.take(id);
                self.handle_subscribed(id, subscribed);
            }
            ServerMessage::Unsubscribed(unsubscribed) => match unsubscribed.id {
                // Our own wish; the channel may even be wanted again by now.
                Some(id) => {
                    self.requests.take(id);
                }
                None => {
                    let code = unsubscribed.code.unwrap_or(ErrorCode::Forbidden);
                    let body = ErrorBody { code, message: String::new(), retryable: false, retry_after_ms: None };
                    if self.subscriptions.handle_unsubscribed(&unsubscribed.channel, body) {
                        self.changed |= Slices::CHANNELS;
                        let text = "the relay ended this subscription";
                        self.error(code.as_str(), text, Some(unsubscribed.channel));
                    }
                }
            },
            ServerMessage::Viewers(viewers) => {
                self.handle_viewers(&viewers.channel, ViewerCount { count: viewers.count, names: viewers.names });
            }
            ServerMessage::Heartbeat(heartbeat) => {
                self.send(&ClientMessage::Pong(Pong { ts: heartbeat.ts }));
                // The relay measures its own round trip by the pong; ours rides along.
                if self.requests.len() < self.config.max_requests {
                    self.send_command(Purpose::Measure, |id| ClientMessage::Ping(Ping { id }));
                }
            }
            ServerMessage::Reauth(_) => self.refresh_token(),
            ServerMessage::Reply(reply) => self.handle_reply(reply),
            ServerMessage::Error(error) => self.handle_error(error),
        }
    }

    fn handle_welcome(&mut self, welcome: Welcome) {
        self.greet(welcome.user, welcome.tenant);
        let request = self.requests.take(welcome.id);
        let asked_at = request.map_or(self.now.monotonic, |entry| entry.sent_at);
        self.counters.welcomes += 1;
        let server_time = welcome.server_time.as_millis();
        self.handle_server_time(welcome.server_time);
        self.handle_round_trip(self.now.monotonic.since(asked_at));
        self.status.connection_id = Some(welcome.connection);
        self.limits = welcome.limits;
        // A limit that would not even take a `connect` is no limit but a mistake.
        self.limits.max_message_bytes = self.limits.max_message_bytes.max(1_024);
        self.heartbeat_timeout_ms = match welcome.timeout_ms {
            0 => self.config.heartbeat_timeout_ms,
            timeout_ms => timeout_ms.clamp(*HEARTBEAT_TIMEOUT_MS.start(), *HEARTBEAT_TIMEOUT_MS.end()),
        };
        self.step(Happening::Welcomed);
        self.sending.opened_at = self.now.monotonic;
        self.outbox.resume();
        self.arm_silence();
        self.plan_refresh(welcome.expires_at.as_millis(), server_time);
        self.dismiss_connection_toasts();
        for entry in welcome.subscribed {
            match entry {
                SubscribedEntry::Subscribed(subscribed) => self.handle_subscribed(welcome.id, subscribed),
                SubscribedEntry::Refused(refused) => self.handle_refused(&refused.channel, welcome.id, refused.error),
            }
        }
        self.subscriptions.handle_welcomed(self.now.monotonic, welcome.id);
        self.changed |= Slices::CONNECTION | Slices::CHANNELS;
        self.ask_presence();
    }

    /// Who this is, by the relay's word or the token's.
    pub(crate) fn greet(&mut self, user: String, tenant: String) {
        let same = |known: &Option<String>, now: &str| known.as_deref().is_none_or(|known| known == now);
        let is_other = !same(&self.status.user, &user) || !same(&self.status.tenant, &tenant);
        // Where the claims of a token could not be read, nothing but the relay's word tells that its user is not the messages' owner.
        if self.sending.owner.as_ref().map_or(is_other, |owner| owner.user != user || owner.tenant != tenant) {
            self.clear_outbox();
            self.sending.owner = None;
        }
        if is_other {
            self.forget_user();
        }
        self.status.user = Some(user);
        self.status.tenant = Some(tenant);
    }

    /// The relay's clock, by which tokens end.
    pub(crate) fn handle_server_time(&mut self, server_time: UnixMs) {
        self.status.clock_offset_ms = (server_time.as_millis() as i64).wrapping_sub(self.now.unix.0 as i64);
    }

    pub(crate) fn dismiss_connection_toasts(&mut self) {
        let changed = self.toasts.handle_dismiss_kind(self.now, ToastKind::Connection);
        self.mark(changed, Slices::TOASTS);
    }

    /// Another user signed in on this page: nothing of the former one may show.
    pub(crate) fn forget_user(&mut self) {
        self.subscriptions.forget_positions();
        self.devices.clear();
        self.alerts.clear();
        self.dashboard.clear();
        self.viewers.clear();
        self.toasts.clear();
        self.telemetry.clear();
        let all = Slices::DEVICES | Slices::ALERTS | Slices::DASHBOARD | Slices::VIEWERS;
        self.changed |= all | Slices::TOASTS | Slices::TELEMETRY | Slices::METRICS;
        self.forget_people();
    }

    fn handle_subscribed(&mut self, id: u64, mut answer: Subscribed) {
        let was_known = self.subscriptions.is_known(&answer.channel);
        match self.subscriptions.handle_subscribed(self.now.monotonic, id, &mut answer) {
            Some(restored) => self.take_in(answer, restored, was_known),
            None => self.counters.strays += 1,
        }
    }

    /// What an answer adds to a channel, over the socket or by a poll.
    pub(crate) fn take_in(&mut self, answer: Subscribed, restored: Restored, was_known: bool) {
        let channel = answer.channel;
        self.changed |= Slices::CHANNELS;
        self.counters.duplicates += restored.duplicates;
        if restored.resync {
            self.resync(channel.clone());
        }
        if let Some(viewers) = answer.viewers {
            self.handle_viewers(&channel, viewers);
        }
        for publication in &restored.restated {
            self.backfill(&channel, publication, true);
        }
        for publication in &restored.older {
            self.backfill(&channel, publication, false);
        }
        // Also after a resync: what the new epoch brings was published while this page could not hear it.
        let origin = if was_known { Origin::Recovered } else { Origin::History };
        for publication in restored.fresh {
            self.apply(channel.clone(), publication, origin);
        }
    }

    fn handle_refused(&mut self, channel: &str, id: u64, error: ErrorBody) {
        let code = error.code.as_str();
        let mut text = error.message.clone();
        if text.is_empty() {
            text.push_str("the relay refused this subscription");
        }
        if self.subscriptions.handle_refused(self.now.monotonic, channel, id, error) {
            self.changed |= Slices::CHANNELS;
            self.error(code, &text, Some(channel.to_owned()));
        }
    }

    fn handle_viewers(&mut self, channel: &str, viewers: ViewerCount) {
        if self.subscriptions.is_wanted(channel) && self.viewers.handle_count(channel, viewers) {
            self.changed |= Slices::VIEWERS;
        }
    }

    fn handle_event(&mut self, event: Event) {
        match self.subscriptions.handle_event(self.now.monotonic, &event.channel, &event.publication) {
            Arrival::Next => self.apply(event.channel, event.publication, Origin::Live),
            Arrival::Duplicate => self.counters.duplicates += 1,
            Arrival::Stray => self.counters.strays += 1,
            Arrival::Gap => self.counters.gaps += 1,
            Arrival::Covered => {}
        }
    }

    fn handle_reply(&mut self, reply: Reply) {
        let Some(entry) = self.requests.take(reply.id) else {
            self.counters.strays += 1;
            return;
        };
        let round_trip_ms = self.now.monotonic.since(entry.sent_at);
        let result = match (&entry.purpose, reply.result) {
            (Purpose::Message(number), ReplyResult::Published { offset }) => {
                self.end_message(*number, Ok(offset));
                return;
            }
            (Purpose::Publish(_), ReplyResult::Published { offset }) => Ok(Settlement::Published { offset }),
            (Purpose::Call(_), ReplyResult::Json(json)) => Ok(Settlement::Answer(json)),
            (Purpose::Ping(_) | Purpose::Probe | Purpose::Measure, ReplyResult::Time { server_time }) => {
                self.handle_server_time(server_time);
                // Only the probe's own answer proves anything: others may have waited in a buffer since before the sleep.
                if entry.purpose == Purpose::Probe {
                    self.step(Happening::Alive);
                }
                self.handle_round_trip(round_trip_ms);
                Ok(Settlement::Pong { round_trip_ms })
            }
            (Purpose::Refresh, ReplyResult::Refreshed { expires_at }) => {
                let relay_now = self.relay_now();
                self.plan_refresh(expires_at.as_millis(), relay_now);
                return;
            }
            (Purpose::Presence, ReplyResult::Json(json)) => {
                self.emit(ClientEvent::PresenceGiven(json));
                return;
            }
            (Purpose::Own, _) => return,
            // An answer of the wrong kind tells nothing of what was done.
            _ => {
                self.counters.unreadable += 1;
                if let Purpose::Message(number) = entry.purpose {
                    self.handle_unanswered_message(number, RETRY_MS);
                    return;
                }
                Err(Failure::Unknown)
            }
        };
        if let Some(request) = entry.purpose.request() {
            self.settle(request, result);
        }
    }

    fn handle_round_trip(&mut self, round_trip_ms: u64) {
        self.measures.handle_round_trip(round_trip_ms);
        if self.status.latency_ms != Some(round_trip_ms) {
            self.status.latency_ms = Some(round_trip_ms);
            self.changed |= Slices::CONNECTION;
        }
    }

    fn handle_error(&mut self, error: ErrorMessage) {
        let Some(entry) = error.id.and_then(|id| self.requests.take(id)) else {
            self.report(error);
            return;
        };
        match entry.purpose {
            Purpose::Subscribe(channel) => self.handle_refused(&channel, entry.id, error.body),
            Purpose::Publish(request) | Purpose::Call(request) | Purpose::Ping(request) => {
                let result = Err(Failure::Refused(Box::new(error.body)));
                self.settle(request, result);
            }
            Purpose::Message(number) => self.handle_message_refused(number, error.body),
            // It answers: it lives.
            Purpose::Probe => self.step(Happening::Alive),
            Purpose::Measure | Purpose::Unsubscribe => {}
            Purpose::Connect | Purpose::Refresh | Purpose::Presence | Purpose::Own => self.report(error),
        }
    }

    fn report(&mut self, error: ErrorMessage) {
        self.error(error.body.code.as_str(), &error.body.message, error.channel);
    }

    pub(crate) fn resync(&mut self, channel: String) {
        self.counters.resyncs += 1;
        self.emit(ClientEvent::Resync { channel });
    }
}
