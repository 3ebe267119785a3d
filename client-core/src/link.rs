//! What goes to the relay by the client's own will: tokens, `connect`, the asking for channels; and what becomes of commands
//! that get no answer.

use crate::client::Client;
use crate::connection::{Happening, State};
use crate::output::{Failure, Output, Slices, TokenReason};
use crate::requests::Purpose;
use crate::sending::RETRY_MS;
use crate::time::Millis;
use crate::timers::Timer;
use crate::token::{Look, look_at};
use pulsewire_protocol::{ClientMessage, Connect, Refresh, TokenProblem, Unsubscribe};

/// After the page could not give a fresh token while connected.
const REFRESH_RETRY_MS: u64 = 15_000;
/// How long before its end a token is refreshed.
const REFRESH_AHEAD_MS: u64 = 60_000;
/// What `connect` needs beside its entries and its token.
const CONNECT_OVERHEAD_BYTES: usize = 512;
/// Subscribe commands and queued messages sent in one go; the relay counts messages, so a page with very many is spread over time.
pub(crate) const COMMAND_BURST: u64 = 100;

impl Client {
    pub(crate) fn ask_token(&mut self, reason: TokenReason) {
        if let Some((request, reason)) = self.tokens.ask(reason) {
            self.outputs.push(Output::RequestToken { request, reason });
        }
    }

    pub(crate) fn handle_token(&mut self, request: u32, result: Result<String, String>) {
        if !self.tokens.handle_answer(request) {
            return;
        }
        let waiting = self.connection.state == State::AwaitingToken;
        let relay_now = self.relay_now();
        match result {
            Err(why) => {
                let mut text = String::from("getToken failed: ");
                text.push_str(&why);
                self.error("token_unavailable", &text, None);
                self.timers.set(Timer::Refresh, self.connection.is_connected().then(|| self.now.monotonic.plus(REFRESH_RETRY_MS)));
                self.step(Happening::TokenUnavailable);
            }
            Ok(token) => match look_at(&token, relay_now) {
                // Ended twice in a row: perhaps it is this machine's clock that is wrong. The relay decides.
                Look::Ended if waiting && self.tokens.doubt() => self.step(Happening::TokenBad(TokenProblem::Expired)),
                Look::Bad(problem) if waiting => self.step(Happening::TokenBad(problem)),
                Look::Bad(problem) => {
                    self.error(problem.as_str(), "getToken gave something that is no token: the one in use goes on", None);
                    self.timers.set(Timer::Refresh, self.connection.is_connected().then(|| self.now.monotonic.plus(REFRESH_RETRY_MS)));
                }
                Look::Fine | Look::Ended => {
                    if self.connection.is_connected() {
                        let copy = token.clone();
                        self.send_command(Purpose::Refresh, |id| ClientMessage::Refresh(Refresh { id, token: copy }));
                    }
                    self.tokens.keep(token);
                    self.handle_identity();
                    self.step(Happening::TokenGiven);
                    self.poll_with_new_token();
                }
            },
        }
    }

    /// When to ask for the next token: a minute before the end, or halfway where that is sooner.
    pub(crate) fn plan_refresh(&mut self, ends_at: u64, relay_now: u64) {
        let left = ends_at.saturating_sub(relay_now);
        let delay = left.saturating_sub(REFRESH_AHEAD_MS).max(left / 2);
        self.tokens.keep_end(ends_at);
        self.timers.set(Timer::Refresh, (left > 0).then(|| self.now.monotonic.plus(delay)));
    }

    /// The token ends soon.
    pub(crate) fn refresh_token(&mut self) {
        if self.connection.is_connected() {
            self.ask_token(TokenReason::Expiring);
        }
    }

    pub(crate) fn send_connect(&mut self) {
        let now = self.now.monotonic;
        let id = self.requests.begin(now, Purpose::Connect);
        let token = self.tokens.token().map(str::to_owned).filter(|token| !token.is_empty());
        let info = &self.config.client;
        let taken =
            CONNECT_OVERHEAD_BYTES + token.as_ref().map_or(0, String::len) + info.name.len() + info.version.len() + info.session.len();
        let room = (self.limits.max_message_bytes as usize).saturating_sub(taken);
        let subscribe = self.subscriptions.connect_entries(id, room, self.limits.max_subscriptions as usize);
        if !self.send(&ClientMessage::Connect(Connect { id, token, client: info.clone(), subscribe })) {
            let text = "the token (or the client's name) is larger than the relay takes in one message: nothing was sent";
            self.error("too_large", text, None);
            self.step(Happening::WelcomeRefused { reason: "too_large", retry_after_ms: None });
        }
    }

    /// Sends a command of the client's own.
    pub(crate) fn send_command(&mut self, purpose: Purpose, message: impl FnOnce(u64) -> ClientMessage) {
        let id = self.requests.begin(self.now.monotonic, purpose);
        self.send(&message(id));
    }

    /// Says whether the message was small enough to be sent.
    pub(crate) fn send(&mut self, message: &ClientMessage) -> bool {
        let Some(conn) = self.connection.conn() else { return false };
        self.outgoing.push(conn, message, self.limits.max_message_bytes, &mut self.outputs)
    }

    /// The connection is over: what was not answered will not be.
    pub(crate) fn let_go(&mut self) {
        self.outgoing.clear();
        for entry in self.requests.drain() {
            if let Purpose::Message(number) = entry.purpose {
                self.handle_unanswered_message(number, 0);
            } else if let Some(request) = entry.purpose.request() {
                self.settle(request, Err(Failure::Unknown));
            }
        }
        self.subscriptions.handle_lost(self.now.monotonic, self.connection.polls());
        self.forget_typing();
        self.changed |= Slices::CHANNELS;
    }

    pub(crate) fn expire_requests(&mut self) {
        let now = self.now.monotonic;
        let Some(limit) = now.0.checked_sub(self.config.request_timeout_ms) else { return };
        while let Some(entry) = self.requests.take_sent_until(Millis(limit)) {
            match entry.purpose {
                Purpose::Publish(request) | Purpose::Call(request) | Purpose::Ping(request) => {
                    self.settle(request, Err(Failure::Unknown));
                }
                Purpose::Message(number) => self.handle_unanswered_message(number, RETRY_MS),
                Purpose::Subscribe(channel) => self.subscriptions.handle_unanswered(now, &channel, entry.id),
                Purpose::Refresh => self.timers.set(Timer::Refresh, Some(now.plus(REFRESH_RETRY_MS))),
                Purpose::Connect | Purpose::Unsubscribe | Purpose::Probe | Purpose::Measure | Purpose::Presence | Purpose::Own => {}
            }
        }
    }

    /// How long it takes to earn one command: half of what the relay allows is left to the page.
    pub(crate) fn allowance_interval_ms(&self) -> u64 {
        2_000 / u64::from(self.limits.messages_per_second.clamp(2, 2_000))
    }

    /// Counts what was earned since the last time.
    pub(crate) fn earn_allowance(&mut self) {
        let now = self.now.monotonic;
        let interval = self.allowance_interval_ms();
        let earned = now.since(self.allowance_at) / interval;
        self.allowance = self.allowance.saturating_add(earned).min(COMMAND_BURST);
        self.allowance_at = if self.allowance == COMMAND_BURST { now } else { self.allowance_at.plus(earned * interval) };
    }

    pub(crate) fn ask_for_channels(&mut self) {
        let now = self.now.monotonic;
        self.earn_allowance();
        while self.allowance > 0 {
            if let Some(channel) = self.subscriptions.poll_unsubscribe() {
                self.send_command(Purpose::Unsubscribe, |id| ClientMessage::Unsubscribe(Unsubscribe { id, channel }));
            } else if let Some(name) = self.subscriptions.next_due(now).map(str::to_owned) {
                let id = self.requests.begin(now, Purpose::Subscribe(name.clone()));
                if let Some(command) = self.subscriptions.subscribe(id, &name) {
                    self.send(&ClientMessage::Subscribe(command));
                }
            } else {
                return;
            }
            self.allowance -= 1;
        }
    }
}
