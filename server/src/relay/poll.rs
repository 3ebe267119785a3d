//! Reading without a connection: polling (the fallback transport) and history.
//!
//! Stateless: a poll carries its own positions, so any relay can answer it. A poller is neither a viewer nor online.

use super::Relay;
use crate::auth::Principal;
use crate::broker::{ChannelKey, ReadRequest, Snapshot};
use crate::hub::Hub;
use crate::observe::metrics::Limit;
use pulsewire_protocol::{ErrorBody, ErrorCode, PollEntry, PollRequest, PollResponse, Position, Refused, Subscribed, SubscribedEntry};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// The longest a poll may wait.
pub(super) const MAX_WAIT_MS: u64 = 25_000;
/// An answer to many channels holds at most so many recoveries of the largest size.
const RECOVERIES_PER_ANSWER: usize = 8;

/// Ends the watching, however the poll ends: a poller that hangs up drops its future.
struct Watching<'a> {
    hub: &'a Hub,
    number: u64,
    keys: Vec<ChannelKey>,
}

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        for key in &self.keys {
            self.hub.unwatch(key, self.number);
        }
    }
}

/// Takes holds back, however the poll ends.
struct Held<'a> {
    relay: &'a Relay,
    keys: Vec<ChannelKey>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        for key in &self.keys {
            self.relay.broker().release(key);
        }
    }
}

impl Relay {
    /// Answers a poll: at once where there is something to tell, else as soon as there is, at the latest after `waitMs`.
    pub async fn poll(&self, by: &Principal, request: PollRequest) -> Result<PollResponse, ErrorBody> {
        let max = self.config().limits.subscriptions;
        if request.channels.len() > max {
            self.metrics().refused(Limit::Subscriptions);
            return Err(ErrorBody::new(ErrorCode::TooManySubscriptions, format!("channels: at most {max} in one poll")));
        }
        let wait_ms = request.wait_ms.unwrap_or(0).min(MAX_WAIT_MS);
        let place = || {
            let place = self.inner.waiting.admit(&by.tenant, &by.user, &self.config().limits);
            place.map_err(|error| {
                self.metrics().refused(Limit::Polls);
                ErrorBody { retry_after_ms: error.retry_after_ms.map(|ms| self.spread(ms)), ..error }
            })
        };
        let _place = if wait_ms > 0 { Some(place()?) } else { None };
        let deadline = Instant::now() + Duration::from_millis(wait_ms);
        let news = Arc::new(Notify::new());
        let mut watching = Watching { hub: self.hub(), number: self.hub().next_number(), keys: Vec::new() };
        let mut held = Held { relay: self, keys: Vec::new() };
        // Watched before it is read: what is published in between wakes the wait below.
        for entry in &request.channels {
            if let Ok(key) = self.readable(by, &entry.channel)
                && !watching.keys.contains(&key)
            {
                self.hub().watch(&key, watching.number, &news);
                watching.keys.push(key.clone());
                self.broker().hold(&key).await?;
                held.keys.push(key);
            }
        }
        loop {
            let response = self.poll_once(by, &request).await?;
            let told = is_news(&response.channels, &request.channels);
            if told || request.channels.is_empty() || Instant::now() >= deadline || self.is_draining() {
                return Ok(response);
            }
            tokio::select! {
                biased;
                () = news.notified() => {}
                () = tokio::time::sleep_until(deadline) => {}
                () = self.inner.stopped.cancelled() => {}
            }
        }
    }

    async fn poll_once(&self, by: &Principal, request: &PollRequest) -> Result<PollResponse, ErrorBody> {
        let mut budget = self.answer_budget();
        let mut channels = Vec::with_capacity(request.channels.len());
        for entry in &request.channels {
            if !self.fits_answer(entry, budget) {
                // The next poll brings it.
                continue;
            }
            let answer = match self.readable(by, &entry.channel) {
                Err(error) => Err(error),
                Ok(key) => self.read(&key, entry, &mut budget).await.map(|snapshot| {
                    let viewers = key.channel.counts_viewers().then(|| self.hub().viewer_count(&key));
                    Subscribed { viewers, ..subscribed(None, key.channel.as_str(), &snapshot) }
                }),
            };
            channels.push(match answer {
                Ok(subscribed) => SubscribedEntry::Subscribed(subscribed),
                // The whole poll is tried again; a refusal would make the client give the channel up.
                Err(error) if error.retryable => return Err(error),
                Err(error) => SubscribedEntry::Refused(Refused { channel: entry.channel.clone(), error }),
            });
        }
        Ok(PollResponse { channels, server_time: self.clock().now() })
    }

    /// How many bytes of publications one answer may hold over all its channels.
    pub fn answer_budget(&self) -> usize {
        self.config().limits.recovery_bytes.saturating_mul(RECOVERIES_PER_ANSWER)
    }

    /// Whether an answer with so much room left can hold all that an entry asks for. Where it cannot, the entry is left out,
    /// to be asked for again: half an answer would say that publications are lost which the history still holds.
    pub fn fits_answer(&self, entry: &PollEntry, budget: usize) -> bool {
        budget >= self.config().limits.recovery_bytes || (entry.recover.is_none() && entry.history.unwrap_or(0) == 0)
    }

    /// Reads what an entry asks for, within what is left of the answer's budget.
    pub async fn read(&self, key: &ChannelKey, entry: &PollEntry, budget: &mut usize) -> Result<Snapshot, ErrorBody> {
        let max_bytes = self.config().limits.recovery_bytes.min(*budget);
        let request = ReadRequest { recover: entry.recover.clone(), history: entry.history.unwrap_or(0), max_bytes };
        let snapshot = self.broker().read(key, request).await?;
        let used = snapshot.publications.iter().map(|publication| crate::broker::size::approximate_bytes(publication)).sum();
        *budget = budget.saturating_sub(used);
        Ok(snapshot)
    }

    /// The publications after an offset (of the current epoch), oldest first, or the newest `limit`.
    pub async fn history(&self, by: &Principal, channel: &str, after: Option<u64>, limit: Option<u32>) -> Result<Subscribed, ErrorBody> {
        let key = self.readable(by, channel)?;
        let max = u32::try_from(self.config().history_of(key.channel.kind()).publications).unwrap_or(u32::MAX);
        let limit = limit.unwrap_or(100).min(max);
        let mut entry = PollEntry { history: Some(if after.is_some() { max } else { limit }), ..PollEntry::new(channel) };
        let mut budget = self.answer_budget();
        if let Some(after) = after {
            let now = self.read(&key, &PollEntry::new(channel), &mut budget).await?;
            entry.recover = Some(Position { epoch: now.position.epoch, offset: after });
        }
        let mut snapshot = self.read(&key, &entry, &mut budget).await?;
        if let Some(after) = after {
            snapshot.publications.retain(|publication| publication.offset.is_some_and(|offset| offset > after));
            snapshot.publications.truncate(limit as usize);
        }
        Ok(subscribed(None, channel, &snapshot))
    }
}

/// The `subscribed` of a snapshot.
pub(crate) fn subscribed(id: Option<u64>, channel: &str, snapshot: &Snapshot) -> Subscribed {
    Subscribed {
        id,
        channel: channel.to_owned(),
        epoch: snapshot.position.epoch.clone(),
        offset: snapshot.position.offset,
        recovered: snapshot.recovered,
        publications: snapshot.publications.iter().map(|publication| (**publication).clone()).collect(),
        state: snapshot.state.iter().map(|publication| (**publication).clone()).collect(),
        viewers: None,
    }
}

/// Whether the answers tell the poller anything: publications, a lost history, a first position. A channel without history
/// never does, and refusals only where there is nothing else to wait for: a client that asks again with the same channels
/// would be answered at once for ever.
fn is_news(answers: &[SubscribedEntry], asked: &[PollEntry]) -> bool {
    let mut all_refused = true;
    for answer in answers {
        let SubscribedEntry::Subscribed(answer) = answer else { continue };
        all_refused = false;
        let positioned = !answer.epoch.is_empty();
        let has_position = asked.iter().any(|asked| asked.channel == answer.channel && asked.recover.is_some());
        if !answer.publications.is_empty() || (positioned && !(has_position && answer.recovered)) {
            return true;
        }
    }
    all_refused
}
