//! Sends what waits in the outbox, by whichever way is open, and tells each message's end (row C8).
//!
//! Over the socket a message is a `publish` of its own; while polling, what waits goes out in one post that is stored whole or not
//! at all, and one by one where the relay found fault with the whole.

use crate::channel::Road;
use crate::client::Client;
use crate::connection::{Happening, State};
use crate::digits::push_number;
use crate::input::{HttpAnswer, RequestId};
use crate::outbox::{NewMessage, Next, payload_bytes};
use crate::output::{ClientEvent, Delivery, Failure, Output, Settlement, Slices};
use crate::polling::MAX_MANDATED_DELAY_MS;
use crate::requests::Purpose;
use crate::time::Millis;
use crate::timers::Timer;
use crate::token::Identity;
use pulsewire_protocol::{ChannelName, ClientMessage, ErrorBody, ErrorCode, EventKind, Payload, Publish, PublishItem, cbor};

/// Before a message is sent again, where the relay names no delay.
pub(crate) const RETRY_MS: u64 = 2_000;
/// Messages in one post.
const POST_MESSAGES: usize = 32;
/// What a message takes beside its data and its channel.
const OVERHEAD_BYTES: usize = 512;
/// How long the store of waiting messages may take to open.
const STORE_TIMEOUT_MS: u64 = 3_000;
/// A longer session id would not leave room for the number in an idempotency key.
const MAX_SESSION_BYTES: usize = 96;

/// What sending needs to know beside the messages.
#[derive(Debug, Default)]
pub(crate) struct Sending {
    /// Since when there is a way to the relay.
    pub(crate) opened_at: Millis,
    /// Whose messages these are.
    pub(crate) owner: Option<Identity>,
    /// The name of the store that is open.
    scope: Option<String>,
    /// How long to wait for what is in it.
    store_due: Option<Millis>,
    /// So many posts hold one message each, because the relay found fault with them together.
    one_by_one: usize,
    /// The generation of the token of the post under way.
    post_token: u32,
}

/// How long to wait where somebody asks for it, within reason.
fn patience(asked_ms: Option<u64>) -> u64 {
    asked_ms.unwrap_or(RETRY_MS).min(MAX_MANDATED_DELAY_MS)
}

impl Client {
    /// What the page publishes: into the outbox, or straight out.
    pub(crate) fn publish(&mut self, request: RequestId, channel: String, payload: Payload, key: Option<String>, queue: bool) {
        let bytes = payload_bytes(&payload);
        let limit = self.limits.max_message_bytes;
        let config = &self.config.outbox;
        // Who has stopped typing by the time that a connection is back is no news.
        let is_typing = payload.event() == EventKind::TypingStart.as_str() || payload.event() == EventKind::TypingStop.as_str();
        let queue = queue && !is_typing;
        let failure = if let Err(error) = ChannelName::parse(&channel) {
            Failure::InvalidChannel(error)
        } else if bytes.saturating_add(OVERHEAD_BYTES) > limit as usize {
            Failure::TooLarge { limit }
        } else if self.connection.is_connected() && !queue {
            self.request(request, Purpose::Publish(request), |id| ClientMessage::Publish(Publish { id, channel, payload, key }));
            return;
        } else if self.connection.state == State::Closed || (!queue && !self.connection.is_polling()) {
            Failure::NotConnected
        } else if !self.outbox.has_room(bytes, config.max_messages, config.max_bytes) {
            Failure::OutboxFull
        } else {
            // Unlike those of every other life of this page, and of an instance that was replaced in this one.
            let session = &self.config.client.session;
            let mut id = if session.len() <= MAX_SESSION_BYTES { session.clone() } else { String::new() };
            id.push('-');
            push_number(&mut id, self.life);
            id.push('-');
            push_number(&mut id, u64::from(self.outbox.last_number()) + 1);
            let ttl_ms = config.ttl_ms;
            self.outbox.add(self.now, ttl_ms, NewMessage { id, request, channel, payload, key, queue });
            let number = self.outbox.last_number();
            self.tell_delivery(number, Delivery::Queued);
            return;
        };
        self.settle(request, Err(failure));
    }

    /// What has to be right after every input: what is over is told, what may go out goes out, what is to be kept is kept.
    pub(crate) fn tend_outbox(&mut self) {
        let now = self.now.monotonic;
        if self.sending.store_due.is_some_and(|due| due <= now) {
            self.sending.store_due = None;
        }
        if self.outbox.is_empty() {
            self.timers.set(Timer::Outbox, self.sending.store_due);
            return;
        }
        while let Some((number, sent)) = self.outbox.expired(self.now) {
            self.end_message(number, Err(if sent { Failure::Unknown } else { Failure::Expired }));
        }
        let (connected, polling) = (self.connection.is_connected(), self.connection.is_polling());
        if !connected && !polling {
            while let Some(number) = self.outbox.stranded() {
                self.end_message(number, Err(Failure::NotConnected));
            }
        }
        // What an earlier life of the page left comes first.
        if self.sending.store_due.is_none() {
            if connected {
                self.send_waiting();
            } else if polling && self.polling.post.is_none() {
                self.post_waiting();
            }
        }
        if self.sending.scope.is_some() {
            while let Some((id, bytes)) = self.outbox.poll_save() {
                self.outputs.push(Output::Save { id, bytes });
            }
        }
        let earned = (connected && self.allowance == 0).then(|| self.allowance_at.plus(self.allowance_interval_ms()));
        let deadline = self.outbox.deadline(now, self.sending.opened_at);
        self.timers.set(Timer::Outbox, deadline.into_iter().chain(earned).chain(self.sending.store_due).min());
    }

    /// The next message whose turn it is, marked as sent; what can no longer be sent is told on the way.
    fn take_turn(&mut self, by_post: bool) -> Option<(String, Payload, String, u32)> {
        loop {
            let subscriptions = &self.subscriptions;
            let next = self.outbox.next(self.now.monotonic, by_post, self.sending.opened_at, &|channel| subscriptions.road(channel));
            let number = match next {
                Next::Nothing => return None,
                Next::GiveUp(number) => {
                    self.end_message(number, Err(Failure::Unknown));
                    continue;
                }
                Next::Send(number) => number,
            };
            let item = self.outbox.at(number)?;
            let (channel, payload, key) = (item.channel.clone(), item.payload.clone(), item.key().to_owned());
            let epoch = match self.subscriptions.road(&channel) {
                Road::Open(epoch) => epoch,
                Road::Unheld | Road::Closed => "",
            };
            self.outbox.mark_sent(self.now, number, by_post, epoch);
            self.tell_delivery(number, Delivery::Sent);
            return Some((channel, payload, key, number));
        }
    }

    fn send_waiting(&mut self) {
        self.earn_allowance();
        while self.allowance > 0 {
            let Some((channel, payload, key, number)) = self.take_turn(false) else { return };
            self.allowance -= 1;
            let id = self.requests.begin(self.now.monotonic, Purpose::Message(number));
            let key = Some(key);
            if !self.send(&ClientMessage::Publish(Publish { id, channel, payload, key })) {
                self.requests.take(id);
                self.end_message(number, Err(Failure::TooLarge { limit: self.limits.max_message_bytes }));
            }
        }
    }

    fn post_waiting(&mut self) {
        // Perhaps another user's token, whose claims cannot be read: only the relay's welcome tells.
        if self.tokens.identity() != self.sending.owner.as_ref() {
            return;
        }
        let Some(token) = self.tokens.token().filter(|_| self.tokens.lasts(self.relay_now())).map(str::to_owned) else { return };
        let most = if self.sending.one_by_one > 0 { 1 } else { POST_MESSAGES };
        let mut room = self.limits.max_message_bytes as usize;
        let mut items = Vec::new();
        while items.len() < most && room > 0 {
            let Some((channel, payload, key, _)) = self.take_turn(true) else { break };
            room = room.saturating_sub(payload_bytes(&payload) + OVERHEAD_BYTES);
            items.push(PublishItem { channel, payload, key: Some(key) });
        }
        if items.is_empty() {
            return;
        }
        // Stored whole or not at all: a refusal in the middle must not let a later one of its channel pass.
        let path = if items.len() > 1 { "/api/v1/publish?atomic=true" } else { "/api/v1/publish" };
        let fetch = self.polling.next_fetch();
        self.polling.post = Some(fetch);
        self.sending.post_token = self.tokens.generation();
        self.timers.set(Timer::Post, Some(self.now.monotonic.plus(self.config.polling.timeout_ms)));
        self.outputs.push(Output::Fetch { fetch, path, token, body: cbor::encode_publish_items(&items) });
    }

    pub(crate) fn handle_post_overdue(&mut self) {
        if let Some(fetch) = self.polling.post {
            self.outputs.push(Output::AbortFetch { fetch });
            self.handle_post_answer(&HttpAnswer::default());
        }
    }

    pub(crate) fn handle_post_answer(&mut self, answer: &HttpAnswer<'_>) {
        self.polling.post = None;
        self.timers.set(Timer::Post, None);
        let posted: Vec<u32> = self.outbox.items().iter().filter(|item| item.is_posted()).map(|item| item.number()).collect();
        let is_single = posted.len() == 1;
        let now = self.now.monotonic;
        match answer.status {
            200..=299 => {
                if let Ok(outcomes) = cbor::decode_publish_outcomes(answer.body)
                    && outcomes.len() == posted.len()
                {
                    self.sending.one_by_one = self.sending.one_by_one.saturating_sub(1);
                    for (number, outcome) in posted.into_iter().zip(outcomes) {
                        match (outcome.accepted, outcome.error) {
                            (Some(position), _) => self.end_message(number, Ok(position.offset)),
                            (None, Some(error)) => self.handle_message_refused(number, error),
                            (None, None) => self.handle_unanswered_message(number, RETRY_MS),
                        }
                    }
                    return;
                }
            }
            401 => {
                self.postpone_all(posted, now);
                self.handle_http_unauthorized(answer.code, self.sending.post_token);
                return;
            }
            // The relay's own word, one post being stored whole or not at all. Without a code it is somebody else's, who cannot know.
            429 | 503 if !answer.code.is_empty() => {
                let delay = patience(answer.retry_after_ms);
                self.outbox.pause(now.plus(delay));
                self.postpone_all(posted, now.plus(delay));
                return;
            }
            408 | 429 => {}
            400..=499 if is_single && !answer.code.is_empty() => {
                let code = ErrorCode::ALL.iter().find(|code| code.as_str() == answer.code).copied().unwrap_or(ErrorCode::BadRequest);
                let message = "the relay refused the post of this message".to_owned();
                for number in posted {
                    let body = ErrorBody { code, message: message.clone(), retryable: false, retry_after_ms: None };
                    self.end_message(number, Err(Failure::Refused(Box::new(body))));
                }
                return;
            }
            400..=499 if !answer.code.is_empty() => {
                // One of them is at fault; nothing was stored.
                self.sending.one_by_one = posted.len();
                self.postpone_all(posted, now);
                return;
            }
            _ => {}
        }
        for number in posted {
            self.handle_unanswered_message(number, 0);
        }
        self.outbox.pause(now.plus(patience(answer.retry_after_ms)));
        // The relay may be another one by now: what its channels are is asked anew before anything is sent again.
        if self.connection.polls() {
            self.subscriptions.handle_polls_ended();
            // And asked without waiting, as the first poll is: a long one begun anew with every such post would hide for minutes
            // that nothing gets through.
            self.step(Happening::PollFailed);
            self.poll();
        }
    }

    fn postpone_all(&mut self, numbers: Vec<u32>, until: Millis) {
        for number in numbers {
            self.outbox.postpone(number, until);
            self.tell_delivery(number, Delivery::Queued);
        }
    }

    /// The relay answered a message with an error.
    pub(crate) fn handle_message_refused(&mut self, number: u32, error: ErrorBody) {
        if !error.retryable {
            self.end_message(number, Err(Failure::Refused(Box::new(error))));
            return;
        }
        let until = self.now.monotonic.plus(patience(error.retry_after_ms).max(1));
        if error.code == ErrorCode::RateLimited {
            self.outbox.pause(until);
        }
        self.postpone_all(vec![number], until);
    }

    /// No answer to a message will come.
    pub(crate) fn handle_unanswered_message(&mut self, number: u32, delay_ms: u64) {
        if self.outbox.handle_unanswered(number, self.now.monotonic.plus(delay_ms)) {
            self.end_message(number, Err(Failure::Unknown));
        }
    }

    /// Ends a message, well or not.
    pub(crate) fn end_message(&mut self, number: u32, result: Result<u64, Failure>) {
        let Some(item) = self.outbox.take(number) else { return };
        let result = result.map_err(|failure| if item.is_unsure() { Failure::Unknown } else { failure });
        self.changed |= Slices::OUTBOX;
        if self.sending.scope.is_some() && item.is_kept() {
            self.outputs.push(Output::Forget { id: item.id.clone() });
        }
        if item.is_queued() {
            let state = match &result {
                Ok(offset) => Delivery::Confirmed { offset: *offset },
                Err(failure) => Delivery::Failed(failure.clone()),
            };
            self.emit(ClientEvent::Delivery { id: item.id, request: item.request, channel: item.channel, state });
        }
        if let Some(request) = item.request {
            self.settle(request, result.map(|offset| Settlement::Published { offset }));
        }
    }

    fn tell_delivery(&mut self, number: u32, state: Delivery) {
        self.changed |= Slices::OUTBOX;
        if let Some(item) = self.outbox.at(number).filter(|item| item.is_queued()) {
            let (id, request, channel) = (item.id.clone(), item.request, item.channel.clone());
            self.emit(ClientEvent::Delivery { id, request, channel, state });
        }
    }

    /// Every message ends: its user is gone.
    pub(crate) fn clear_outbox(&mut self) {
        if let Some(fetch) = self.polling.post.take() {
            self.timers.set(Timer::Post, None);
            self.outputs.push(Output::AbortFetch { fetch });
        }
        while let Some(item) = self.outbox.items().first() {
            let failure = if item.is_sent() { Failure::Unknown } else { Failure::SignedOut };
            self.end_message(item.number(), Err(failure));
        }
        self.sending.store_due = None;
        if self.sending.scope.take().is_some() {
            self.outputs.push(Output::EraseSaved);
        }
    }

    /// A token tells whose messages these are. Those of another user are never sent under it.
    pub(crate) fn handle_identity(&mut self) {
        let Some(identity) = self.tokens.identity().cloned() else { return };
        if self.sending.owner.as_ref().is_some_and(|owner| *owner != identity) {
            self.clear_outbox();
        }
        if self.config.outbox.persist && self.sending.scope.is_none() {
            let mut scope = identity.tenant.clone();
            scope.push('\n');
            scope.push_str(&identity.user);
            self.outputs.push(Output::OpenSaved { scope: scope.clone() });
            self.sending.store_due = Some(self.now.monotonic.plus(STORE_TIMEOUT_MS));
            self.sending.scope = Some(scope);
        }
        self.sending.owner = Some(identity);
    }

    /// What an earlier life of the page left.
    pub(crate) fn handle_restored(&mut self, scope: &str, entries: &[Vec<u8>]) {
        if self.sending.scope.as_deref() != Some(scope) {
            return;
        }
        self.sending.store_due = None;
        let mut unreadable = false;
        for bytes in entries {
            let Ok(saved) = cbor::decode_saved(bytes) else {
                unreadable = true;
                continue;
            };
            let ttl_ms = self.config.outbox.ttl_ms;
            if let Some(number) = self.outbox.restore(self.now, ttl_ms, saved) {
                let sent = self.outbox.at(number).is_some_and(|item| item.is_sent());
                self.tell_delivery(number, if sent { Delivery::Sent } else { Delivery::Queued });
                if self.outbox.len() > self.config.outbox.max_messages {
                    self.end_message(number, Err(Failure::OutboxFull));
                }
            }
        }
        self.outbox.handle_restored();
        if unreadable {
            let text = "messages that an earlier page left cannot be read (another version of the package wrote them): they stay where they are and are not sent";
            self.error("saved_unreadable", text, None);
        }
    }
}
