//! The fallback transport (row C10): polls with the same positions where the WebSocket does not get through.
//!
//! `connection.rs` decides when polls are made and what their outcome means; this file makes them and takes their answers in. The
//! first poll asks without waiting, so that the page knows at once whether HTTP gets through; those after it let the relay wait for
//! news. Where something on the way cuts what waits, they ask at intervals instead.
//!
//! Traps: an answer is taken in only if it belongs to the poll under way: one that was given up has been replaced, and its
//! channels are asked for again from where they stand.

use crate::backoff::delay_ms;
use crate::client::Client;
use crate::connection::Happening;
use crate::input::HttpAnswer;
use crate::output::{Output, Slices};
use crate::time::Millis;
use crate::timers::Timer;
use pulsewire_protocol::{PollRequest, PollResponse, SubscribedEntry, TokenProblem, cbor};

/// What was given up after so long may have been cut for waiting.
const CUT_AFTER_MS: u64 = 2_000;
/// The longest pause between polls that fail.
const MAX_DELAY_MS: u64 = 15_000;
/// A relay may ask for at most this long a pause.
pub(crate) const MAX_MANDATED_DELAY_MS: u64 = 5 * 60_000;
/// While the token in use goes on, the page is not asked for the next one oftener than this.
const ASK_SPACING_MS: u64 = 15_000;
/// The longest that a relay waits.
const MAX_WAIT_MS: u64 = 25_000;
/// A page that subscribes to many channels at once gets one poll for all of them.
const GATHER_MS: u64 = 50;

/// The poll under way.
#[derive(Clone, Copy, Debug)]
struct Poll {
    fetch: u32,
    began: Millis,
    waits: bool,
    /// The generation of its token.
    token: u32,
    overdue_at: Millis,
}

/// Requests over HTTP.
#[derive(Debug, Default)]
pub(crate) struct Polling {
    last_fetch: u32,
    poll: Option<Poll>,
    /// The post under way.
    pub(crate) post: Option<u32>,
    /// Polls in a row that failed.
    failures: u32,
    /// Something on the way cuts what waits.
    cut: bool,
    /// The page is not asked for the next token before.
    ask_not_before: Millis,
}

impl Polling {
    /// A number for a request.
    pub(crate) fn next_fetch(&mut self) -> u32 {
        self.last_fetch = self.last_fetch.wrapping_add(1);
        self.last_fetch
    }
}

impl Client {
    /// Polls now, in place of the poll under way.
    pub(crate) fn poll(&mut self) {
        self.abort_poll();
        let relay_now = self.relay_now();
        if !self.connection.polls() {
            return;
        }
        let now = self.now.monotonic;
        let lasts = self.tokens.lasts(relay_now);
        if !self.tokens.is_usable(relay_now) && (!lasts || self.polling.ask_not_before <= now) {
            self.polling.ask_not_before = now.plus(ASK_SPACING_MS);
            self.ask_token(self.tokens.reason(relay_now));
        }
        // Without one the answer to that question polls. Until it comes nobody hears of the relay, and the page has to know.
        let Some(token) = self.tokens.token().filter(|_| lasts).map(str::to_owned) else {
            self.end_polls();
            return;
        };
        self.tokens.mark_tried();
        let config = &self.config.polling;
        let waits = self.connection.is_polling() && config.wait_ms > 0 && !self.polling.cut;
        let wait_ms = if waits { config.wait_ms.min(MAX_WAIT_MS) } else { 0 };
        let overdue_at = now.plus(wait_ms.saturating_add(config.timeout_ms));
        let fetch = self.polling.next_fetch();
        let mut user = String::from("user:");
        let mut own = vec!["tenant"];
        if let Some(identity) = self.tokens.identity() {
            user.push_str(&identity.user);
            own.push(&user);
        }
        let channels = self.subscriptions.poll_entries(fetch, &own, self.limits.max_subscriptions as usize);
        let body = cbor::encode_poll_request(&PollRequest { channels, wait_ms: waits.then_some(wait_ms) });
        self.polling.poll = Some(Poll { fetch, began: now, waits, token: self.tokens.generation(), overdue_at });
        self.timers.set(Timer::Poll, Some(overdue_at));
        self.outputs.push(Output::Fetch { fetch, path: "/api/v1/poll", token, body });
    }

    fn abort_poll(&mut self) {
        self.timers.set(Timer::Poll, None);
        if let Some(poll) = self.polling.poll.take() {
            self.outputs.push(Output::AbortFetch { fetch: poll.fetch });
            self.subscriptions.handle_poll_lost();
        }
    }

    /// The socket took over, or nothing is to go on.
    pub(crate) fn stop_polling(&mut self) {
        self.abort_poll();
        self.polling.failures = 0;
        self.polling.cut = false;
        self.subscriptions.handle_polls_ended();
        self.changed |= Slices::CHANNELS;
    }

    /// A token came.
    pub(crate) fn poll_with_new_token(&mut self) {
        if self.polling.poll.is_none() {
            self.poll();
        }
    }

    /// The next poll is due, or the one under way is overdue.
    pub(crate) fn handle_poll_timer(&mut self) {
        match self.polling.poll {
            Some(poll) if poll.overdue_at <= self.now.monotonic => {
                self.abort_poll();
                self.fail_poll(poll, &HttpAnswer::default());
            }
            _ => self.poll(),
        }
    }

    /// A channel that no poll asks for yet is worth one soon.
    pub(crate) fn hurry_poll(&mut self) {
        if let Some(at) = self.timers.at(Timer::Poll)
            && self.connection.is_polling()
            && self.subscriptions.wants_poll()
        {
            self.timers.set(Timer::Poll, Some(at.min(self.now.monotonic.plus(GATHER_MS))));
        }
    }

    pub(crate) fn handle_fetched(&mut self, fetch: u32, answer: &HttpAnswer<'_>) {
        self.counters.bytes += answer.body.len() as u64;
        if self.polling.post == Some(fetch) {
            self.handle_post_answer(answer);
        } else if let Some(poll) = self.polling.poll.take_if(|poll| poll.fetch == fetch) {
            self.timers.set(Timer::Poll, None);
            self.handle_poll_answer(poll, answer);
        }
    }

    fn handle_poll_answer(&mut self, poll: Poll, answer: &HttpAnswer<'_>) {
        match answer.status {
            200..=299 => match cbor::decode_poll_response(answer.body) {
                Ok(response) => {
                    self.handle_poll_response(poll, response);
                    return;
                }
                // Without CBOR it was somebody else who answered: a captive portal, a proxy.
                Err(_) if answer.body.is_empty() => {}
                Err(_) => {
                    self.counters.unreadable += 1;
                    let text = "the answer to a poll could not be read: its channels start over";
                    self.error("unreadable_message", text, None);
                    for channel in self.subscriptions.handle_unreadable_welcome() {
                        self.resync(channel);
                    }
                }
            },
            401 => {
                self.subscriptions.handle_poll_lost();
                self.handle_http_unauthorized(answer.code, poll.token);
                return;
            }
            _ => {}
        }
        self.subscriptions.handle_poll_lost();
        self.fail_poll(poll, answer);
    }

    /// A token was refused. A poll, a post and a try of the socket may all have carried it: it counts once.
    pub(crate) fn handle_http_unauthorized(&mut self, code: &str, generation: u32) {
        if self.tokens.token().is_some() && self.tokens.generation() == generation {
            self.abort_poll();
            let problem = TokenProblem::from_reason(code).unwrap_or(TokenProblem::Invalid);
            self.step(Happening::HttpUnauthorized(problem));
            if self.polling.poll.is_none() && self.connection.polls() {
                self.end_polls();
            }
        } else if self.polling.poll.is_none() {
            self.poll();
        }
    }

    fn fail_poll(&mut self, poll: Poll, answer: &HttpAnswer<'_>) {
        let now = self.now.monotonic;
        if poll.waits && now.since(poll.began) >= CUT_AFTER_MS && matches!(answer.status, 0 | 408 | 502 | 504) {
            // Perhaps not the network, but the patience of something on the way: one that does not wait tells.
            self.polling.cut = true;
            self.poll();
            return;
        }
        self.polling.failures = self.polling.failures.saturating_add(1);
        let delay = match answer.retry_after_ms {
            Some(mandated) => mandated.min(MAX_MANDATED_DELAY_MS),
            None => delay_ms(&self.config.backoff, self.polling.failures, &mut self.rng).min(MAX_DELAY_MS),
        };
        self.timers.set(Timer::Poll, Some(now.plus(delay.max(1))));
        self.end_polls();
    }

    /// Polls tell nothing for now: what they told is as old as it is.
    fn end_polls(&mut self) {
        self.subscriptions.handle_polls_ended();
        self.changed |= Slices::CHANNELS;
        self.step(Happening::PollFailed);
    }

    fn handle_poll_response(&mut self, poll: Poll, response: PollResponse) {
        self.polling.failures = 0;
        self.handle_server_time(response.server_time);
        if let Some(identity) = self.tokens.identity().cloned() {
            self.greet(identity.user, identity.tenant);
        }
        if !self.connection.is_polling() {
            self.sending.opened_at = self.now.monotonic;
        }
        self.step(Happening::Polled);
        self.dismiss_connection_toasts();
        let mut told = false;
        for entry in response.channels {
            match entry {
                SubscribedEntry::Subscribed(mut answer) => {
                    told = true;
                    let was_known = self.subscriptions.is_known(&answer.channel);
                    if let Some(restored) = self.subscriptions.handle_polled(poll.fetch, &mut answer) {
                        self.take_in(answer, restored, was_known);
                    }
                }
                SubscribedEntry::Refused(refused) => {
                    let (code, mut text) = (refused.error.code.as_str(), refused.error.message.clone());
                    if text.is_empty() {
                        text.push_str("the relay refused this subscription");
                    }
                    self.changed |= Slices::CHANNELS;
                    if self.subscriptions.handle_poll_refused(poll.fetch, &refused.channel, refused.error) {
                        self.error(code, &text, Some(refused.channel));
                    }
                }
            }
        }
        self.subscriptions.handle_poll_lost();
        let config = &self.config.polling;
        // Where every channel is refused the relay does not wait.
        let lets_wait = config.wait_ms > 0 && !self.polling.cut && told;
        let next = poll.began.plus(if lets_wait { config.spacing_ms } else { config.interval_ms });
        self.timers.set(Timer::Poll, Some(next.max(self.now.monotonic.plus(1))));
    }
}
