//! Messages on their way to the relay (row C8): each is sent once, in the order of its channel, or its end is told.
//!
//! A message waits until its channel is restored on the connection at hand, because only then its history is known; one of a
//! channel is under way at a time, because a later one must not pass one that the relay asked to be patient with. Every one has an
//! idempotency key, so what was sent and not answered is sent again where the channel still has the epoch that it had then: the
//! relay remembers keys as long as the epoch lasts. Where it has another one, or nobody can tell, the message ends as unknown.
//!
//! Limits: number and bytes of what waits are bounded, and so is its time, by both clocks: the monotonic one may stand still while
//! the machine sleeps, the relay's memory of keys (15 min) does not.
//!
//! Traps: no message is ever dropped in here. Whoever takes one out tells its end.

use crate::channel::Road;
use crate::input::RequestId;
use crate::time::{Millis, Now};
use pulsewire_protocol::{Payload, Saved, UnixMs, cbor};

/// Messages under way over the socket at once, over all channels.
const MAX_UNDER_WAY: usize = 16;
/// The relay keeps keys for 15 min; what was sent is not sent again later than this.
const MAX_SENT_AGE_MS: u64 = 14 * 60_000;
/// How long a message that was sent in a former life of the page waits for the page to hold its channel again.
const MAX_WAIT_FOR_HOLDER_MS: u64 = 10_000;

/// How far a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Not sent, or refused for now.
    Waiting,
    /// Sent over the socket, its answer is awaited.
    Sent,
    /// The same, in a post.
    Posted,
    /// Sent, and no answer will come.
    Uncertain,
}

/// A message that is not at the relay yet.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboxItem {
    /// The same across reconnects and reloads.
    pub id: String,
    /// The page's number for it; absent for one of a former life of the page.
    pub request: Option<RequestId>,
    /// The channel.
    pub channel: String,
    /// The event and its data.
    pub payload: Payload,
    /// Since when it waits (Unix time of this machine).
    pub queued_at: Millis,
    /// The page's own idempotency key.
    key: Option<String>,
    number: u32,
    /// Its place among all, those of former lives of the page included: the wall clock may have gone back between them.
    order: u64,
    stage: Stage,
    /// What the epoch of the channel was when it was sent; empty where that is not known.
    epoch: String,
    /// It was once sent and not answered: whatever the relay says of a repetition, it may be stored.
    unsure: bool,
    not_before: Millis,
    expires_at: Now,
    /// Whether it may wait and be sent again at all.
    queue: bool,
    /// What is kept over a reload is as it is here.
    saved: bool,
}

impl OutboxItem {
    /// Whether it was sent: its answer is awaited, or will never come.
    pub fn is_sent(&self) -> bool {
        self.stage != Stage::Waiting
    }
    /// The idempotency key.
    pub fn key(&self) -> &str {
        self.key.as_deref().unwrap_or(&self.id)
    }
    pub(crate) fn is_queued(&self) -> bool {
        self.queue
    }
    pub(crate) fn number(&self) -> u32 {
        self.number
    }
    /// Whether an earlier sending of it may have been stored.
    pub(crate) fn is_unsure(&self) -> bool {
        self.unsure
    }
    pub(crate) fn is_posted(&self) -> bool {
        self.stage == Stage::Posted
    }
    /// Whether it is kept over a reload, where the configuration says so.
    pub(crate) fn is_kept(&self) -> bool {
        self.queue && matches!(self.payload, Payload::Custom { .. })
    }
    fn bytes(&self) -> usize {
        payload_bytes(&self.payload)
    }
    fn is_expired(&self, now: Now) -> bool {
        self.expires_at.monotonic <= now.monotonic || self.expires_at.unix <= now.unix
    }
}

/// About as much as the data takes.
pub(crate) fn payload_bytes(payload: &Payload) -> usize {
    match payload {
        Payload::Custom { data, .. } => data.as_str().len(),
        // Only native code publishes these.
        _ => payload.data_cbor().len(),
    }
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing, for now.
    Nothing,
    /// Send this one.
    Send(u32),
    /// Tell that nobody knows what became of this one.
    GiveUp(u32),
}

/// A message to be queued.
#[derive(Debug)]
pub(crate) struct NewMessage {
    pub(crate) id: String,
    pub(crate) request: RequestId,
    pub(crate) channel: String,
    pub(crate) payload: Payload,
    pub(crate) key: Option<String>,
    pub(crate) queue: bool,
}

/// All messages that are not at the relay yet, oldest first.
#[derive(Clone, Debug, Default)]
pub struct Outbox {
    items: Vec<OutboxItem>,
    bytes: usize,
    last_number: u32,
    last_order: u64,
    /// The relay asked for patience.
    paused_until: Millis,
}

impl Outbox {
    /// Every message, in the order of sending.
    pub fn items(&self) -> &[OutboxItem] {
        &self.items
    }
    /// How many there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
    /// How many messages were taken in by this life of the page, restored ones included.
    pub(crate) fn last_number(&self) -> u32 {
        self.last_number
    }
    pub(crate) fn has_room(&self, bytes: usize, max_messages: usize, max_bytes: usize) -> bool {
        self.items.len() < max_messages && self.bytes.saturating_add(bytes) <= max_bytes
    }

    /// Takes a message in.
    pub(crate) fn add(&mut self, now: Now, ttl_ms: u64, message: NewMessage) {
        let NewMessage { id, request, channel, payload, key, queue } = message;
        let number = self.next_number();
        self.last_order += 1;
        let item = OutboxItem {
            id,
            request: Some(request),
            channel,
            payload,
            queued_at: now.unix,
            key,
            number,
            order: self.last_order,
            stage: Stage::Waiting,
            epoch: String::new(),
            unsure: false,
            not_before: Millis(0),
            expires_at: Now { monotonic: now.monotonic.plus(ttl_ms), unix: now.unix.plus(ttl_ms) },
            queue,
            saved: false,
        };
        self.insert(self.items.len(), item);
    }

    /// Takes in what an earlier life of the page left, before all of this life's own, in the old order. `None` where it is there
    /// already; else its number.
    pub(crate) fn restore(&mut self, now: Now, ttl_ms: u64, saved: Saved) -> Option<u32> {
        if self.items.iter().any(|item| item.id == saved.id) {
            return None;
        }
        let queued_at = Millis(saved.queued_at.as_millis());
        let sent = saved.sent_in.is_some();
        let ttl_ms = if sent { ttl_ms.min(MAX_SENT_AGE_MS) } else { ttl_ms };
        let left_ms = ttl_ms.saturating_sub(now.unix.since(queued_at));
        let number = self.next_number();
        let item = OutboxItem {
            id: saved.id,
            request: None,
            channel: saved.channel,
            payload: Payload::Custom { event: saved.event, data: saved.data },
            queued_at,
            key: saved.key,
            number,
            order: saved.number,
            stage: if sent { Stage::Uncertain } else { Stage::Waiting },
            epoch: saved.sent_in.unwrap_or_default(),
            unsure: sent,
            not_before: Millis(0),
            expires_at: Now { monotonic: now.monotonic.plus(left_ms), unix: now.unix.plus(left_ms) },
            queue: true,
            saved: true,
        };
        let is_before = |other: &&OutboxItem| other.request.is_none() && other.order <= item.order;
        let at = self.items.iter().take_while(is_before).count();
        self.insert(at, item);
        Some(number)
    }

    /// All that was left is taken in: what came meanwhile, and what will come, comes after it.
    pub(crate) fn handle_restored(&mut self) {
        self.last_order = 0;
        for item in &mut self.items {
            self.last_order += 1;
            item.saved &= item.order == self.last_order;
            item.order = self.last_order;
        }
    }

    fn next_number(&mut self) -> u32 {
        self.last_number = self.last_number.wrapping_add(1);
        self.last_number
    }
    fn insert(&mut self, at: usize, item: OutboxItem) {
        self.bytes += item.bytes();
        self.items.insert(at, item);
    }
    pub(crate) fn at(&self, number: u32) -> Option<&OutboxItem> {
        self.items.iter().find(|item| item.number == number)
    }
    fn at_mut(&mut self, number: u32) -> Option<&mut OutboxItem> {
        self.items.iter_mut().find(|item| item.number == number)
    }
    /// Takes a message out, whose end is then to be told.
    pub(crate) fn take(&mut self, number: u32) -> Option<OutboxItem> {
        let index = self.items.iter().position(|item| item.number == number)?;
        let item = self.items.remove(index);
        self.bytes = self.bytes.saturating_sub(item.bytes());
        Some(item)
    }

    /// What to do next: the first message whose turn it is. A post takes many of one channel, because they are stored in its order
    /// or not at all; `opened_at` is since when there is a way to the relay.
    pub(crate) fn next<'r>(&self, now: Millis, by_post: bool, opened_at: Millis, road: &dyn Fn(&str) -> Road<'r>) -> Next {
        let under_way = self.items.iter().filter(|item| item.stage == Stage::Sent).count();
        if under_way >= MAX_UNDER_WAY || now < self.paused_until {
            return Next::Nothing;
        }
        let mut blocked: Vec<&str> = Vec::new();
        for item in &self.items {
            if blocked.contains(&item.channel.as_str()) {
                continue;
            }
            let road = match item.stage {
                Stage::Posted if by_post => continue,
                Stage::Sent | Stage::Posted => Road::Closed,
                Stage::Waiting | Stage::Uncertain if item.not_before > now => Road::Closed,
                Stage::Waiting | Stage::Uncertain => road(&item.channel),
            };
            match (item.stage, road) {
                (_, Road::Closed) => {}
                // Between the poll that told the epoch and the post the relay may have become another one.
                (Stage::Uncertain, Road::Open(_)) if by_post => return Next::GiveUp(item.number),
                (Stage::Uncertain, Road::Open(epoch)) if epoch.is_empty() || epoch != item.epoch => return Next::GiveUp(item.number),
                (Stage::Uncertain, Road::Unheld) if now >= opened_at.plus(MAX_WAIT_FOR_HOLDER_MS) => return Next::GiveUp(item.number),
                (Stage::Uncertain, Road::Unheld) => {}
                _ => return Next::Send(item.number),
            }
            blocked.push(&item.channel);
        }
        Next::Nothing
    }

    /// It is being sent; `epoch` is what its channel has now.
    pub(crate) fn mark_sent(&mut self, now: Now, number: u32, by_post: bool, epoch: &str) {
        if let Some(item) = self.at_mut(number) {
            item.stage = if by_post { Stage::Posted } else { Stage::Sent };
            item.epoch.clear();
            item.epoch.push_str(epoch);
            let last = Now { monotonic: now.monotonic.plus(MAX_SENT_AGE_MS), unix: now.unix.plus(MAX_SENT_AGE_MS) };
            item.expires_at.monotonic = item.expires_at.monotonic.min(last.monotonic);
            item.expires_at.unix = item.expires_at.unix.min(last.unix);
            item.saved = false;
        }
    }
    /// The relay has not taken it this time, for sure: it waits again.
    pub(crate) fn postpone(&mut self, number: u32, until: Millis) {
        if let Some(item) = self.at_mut(number) {
            item.not_before = until;
            if item.unsure {
                item.stage = Stage::Uncertain;
            } else {
                item.stage = Stage::Waiting;
                item.epoch.clear();
                item.saved = false;
            }
        }
    }
    /// Nothing is sent before then.
    pub(crate) fn pause(&mut self, until: Millis) {
        self.paused_until = self.paused_until.max(until);
    }
    /// A new connection: what was asked of the way before it does not bind this one.
    pub(crate) fn resume(&mut self) {
        self.paused_until = Millis(0);
    }
    /// No answer to it will come. Says whether that is its end: nobody could tell later whether sending it again is safe.
    pub(crate) fn handle_unanswered(&mut self, number: u32, not_before: Millis) -> bool {
        let Some(item) = self.at_mut(number) else { return false };
        item.stage = Stage::Uncertain;
        item.unsure = true;
        item.not_before = not_before;
        item.epoch.is_empty() || !item.queue
    }
    /// The largest one under way over the socket.
    pub(crate) fn largest_sent(&self) -> Option<u32> {
        self.items.iter().filter(|item| item.stage == Stage::Sent).max_by_key(|item| item.bytes()).map(|item| item.number)
    }
    /// One that waits although it must not.
    pub(crate) fn stranded(&self) -> Option<u32> {
        self.items.iter().find(|item| !item.queue && item.stage == Stage::Waiting).map(|item| item.number)
    }
    /// One whose time is over, and whether it was sent. While an answer may still come, it is waited for.
    pub(crate) fn expired(&self, now: Now) -> Option<(u32, bool)> {
        let is_over = |item: &&OutboxItem| matches!(item.stage, Stage::Waiting | Stage::Uncertain) && item.is_expired(now);
        self.items.iter().find(is_over).map(|item| (item.number, item.is_sent()))
    }
    /// The next moment at which something is to be done by itself.
    pub(crate) fn deadline(&self, now: Millis, opened_at: Millis) -> Option<Millis> {
        let waits = |item: &&OutboxItem| matches!(item.stage, Stage::Waiting | Stage::Uncertain);
        let ends = self.items.iter().filter(waits).map(|item| item.expires_at.monotonic);
        let starts = self.items.iter().filter(waits).map(|item| item.not_before);
        let pause = (!self.items.is_empty()).then_some(self.paused_until);
        let holder = self.items.iter().any(|item| item.stage == Stage::Uncertain).then(|| opened_at.plus(MAX_WAIT_FOR_HOLDER_MS));
        starts.chain(pause).chain(holder).filter(|at| *at > now).chain(ends).min()
    }

    /// What is to be kept of one that is not kept as it is: its id and bytes.
    pub(crate) fn poll_save(&mut self) -> Option<(String, Vec<u8>)> {
        let item = self.items.iter_mut().find(|item| !item.saved && item.is_kept())?;
        item.saved = true;
        let Payload::Custom { event, data } = &item.payload else { return None };
        let saved = Saved {
            id: item.id.clone(),
            channel: item.channel.clone(),
            event: event.clone(),
            data: data.clone(),
            key: item.key.clone(),
            queued_at: UnixMs::from_millis(item.queued_at.0),
            number: item.order,
            sent_in: item.is_sent().then(|| item.epoch.clone()),
        };
        Some((saved.id.clone(), cbor::encode_saved(&saved)))
    }
}
