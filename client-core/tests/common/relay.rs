//! A relay in a few lines: numbered channels with a bounded history, recovery, epochs, and a link that keeps frames in order
//! until it is cut.

#![allow(dead_code, unreachable_pub)]

use super::Page;
use pulsewire_client_core::protocol::*;
use pulsewire_client_core::{Conn, Now};
use std::collections::{BTreeMap, VecDeque};

#[derive(Default)]
pub struct Log {
    pub epoch: u64,
    pub offset: u64,
    pub history: VecDeque<u64>,
}

/// What one publication says: which it is.
pub fn mark(epoch: &str, offset: u64) -> String {
    format!("\"{epoch}/{offset}\"")
}

pub struct ModelRelay {
    pub logs: BTreeMap<String, Log>,
    pub max_history: usize,
    /// Of the one connection.
    pub subscribed: BTreeMap<String, u64>,
    /// On their way to the client.
    pub frames: VecDeque<Vec<u8>>,
    /// The socket it serves, and whether that is open.
    conn: Option<Conn>,
    opened: bool,
    epochs: u64,
    /// Every message that was stored, ever: what an independent receiver saw.
    pub accepted: Vec<(String, String)>,
    /// The idempotency keys of the histories that are still there.
    keys: BTreeMap<(String, String), u64>,
    /// What the next messages are refused with.
    pub refusals: VecDeque<ErrorBody>,
}

impl ModelRelay {
    pub fn new(max_history: usize) -> Self {
        Self {
            logs: BTreeMap::new(),
            max_history,
            subscribed: BTreeMap::new(),
            frames: VecDeque::new(),
            conn: None,
            opened: false,
            epochs: 0,
            accepted: Vec::new(),
            keys: BTreeMap::new(),
            refusals: VecDeque::new(),
        }
    }
    fn log(&mut self, channel: &str) -> &mut Log {
        if !self.logs.contains_key(channel) {
            self.epochs += 1;
            self.logs.insert(channel.to_owned(), Log { epoch: self.epochs, ..Log::default() });
        }
        self.logs.get_mut(channel).unwrap()
    }
    pub fn epoch(&mut self, channel: &str) -> String {
        format!("e{}", self.log(channel).epoch)
    }
    fn publication(epoch: &str, offset: u64) -> Publication {
        let data = RawJson::from_text_unchecked(mark(epoch, offset));
        let payload = Payload::Custom { event: "note".to_owned(), data };
        Publication { offset: Some(offset), first_offset: None, payload, ts: UnixMs(0.0), from: None }
    }
    /// Publishes so many, which a subscriber gets one by one or merged into one event.
    pub fn publish(&mut self, channel: &str, count: u64, merged: bool) {
        let (max_history, epoch) = (self.max_history, self.epoch(channel));
        let log = self.log(channel);
        let first = log.offset + 1;
        for _ in 0..count {
            log.offset += 1;
            log.history.push_back(log.offset);
            if log.history.len() > max_history {
                log.history.pop_front();
            }
        }
        let last = log.offset;
        if !self.subscribed.contains_key(channel) {
            return;
        }
        let offsets: Vec<u64> = if merged && count > 0 { vec![last] } else { (first..=last).collect() };
        for offset in offsets {
            let mut publication = Self::publication(&epoch, offset);
            publication.first_offset = merged.then_some(first);
            self.push(&ServerMessage::Event(Event { channel: channel.to_owned(), publication }));
        }
    }
    /// The history loses its oldest entries.
    pub fn trim(&mut self, channel: &str) {
        let log = self.log(channel);
        let keep = log.history.len() / 2;
        while log.history.len() > keep {
            log.history.pop_front();
        }
    }
    /// Everything is lost but the names.
    pub fn restart(&mut self) {
        self.logs.clear();
        self.keys.clear();
        self.cut();
    }
    pub fn cut(&mut self) {
        self.frames.clear();
        self.subscribed.clear();
    }
    /// Another socket than before: what was under way through the old one is gone.
    fn follow(&mut self, page: &mut Page) {
        if self.conn != page.open {
            page.take_sent();
            self.conn = page.open;
            self.opened = false;
            self.cut();
        }
    }
    /// Opens a socket that waits for it; says whether there was one.
    pub fn open(&mut self, page: &mut Page) -> bool {
        self.follow(page);
        let waits = page.open.is_some() && !self.opened;
        if waits {
            self.opened = true;
            page.opened();
        }
        waits
    }
    fn push(&mut self, message: &ServerMessage) {
        self.frames.push_back(cbor::encode_server(message));
    }
    fn subscribe(&mut self, id: Option<u64>, channel: &str, recover: Option<&Position>, history: Option<u32>) -> Subscribed {
        self.subscribed.insert(channel.to_owned(), 0);
        self.snapshot(id, channel, recover, history)
    }
    fn snapshot(&mut self, id: Option<u64>, channel: &str, recover: Option<&Position>, history: Option<u32>) -> Subscribed {
        let epoch = self.epoch(channel);
        let log = self.log(channel);
        let reaches_back = |position: &&Position| {
            position.epoch == epoch
                && position.offset <= log.offset
                && log.history.front().map_or(position.offset == log.offset, |oldest| *oldest <= position.offset + 1)
        };
        let from = recover.filter(reaches_back).map(|position| position.offset);
        let skip = log.history.len().saturating_sub(history.unwrap_or(0) as usize);
        let offsets: Vec<u64> = match from {
            Some(from) => log.history.iter().copied().filter(|offset| *offset > from).collect(),
            None => log.history.iter().copied().skip(skip).collect(),
        };
        Subscribed {
            id,
            channel: channel.to_owned(),
            offset: log.offset,
            recovered: from.is_some(),
            publications: offsets.into_iter().map(|offset| Self::publication(&epoch, offset)).collect(),
            state: vec![],
            viewers: None,
            epoch,
        }
    }
    /// Stores a message, unless it was stored before or is refused.
    fn accept(&mut self, channel: &str, payload: &Payload, key: Option<String>) -> Result<u64, ErrorBody> {
        let key = (channel.to_owned(), key.expect("a message of the outbox has a key"));
        if let Some(offset) = self.keys.get(&key) {
            return Ok(*offset);
        }
        if let Some(refusal) = self.refusals.pop_front() {
            return Err(refusal);
        }
        let Payload::Custom { data, .. } = payload else { panic!("a note") };
        self.accepted.push((channel.to_owned(), data.as_str().to_owned()));
        self.publish(channel, 1, false);
        let offset = self.log(channel).offset;
        self.keys.insert(key, offset);
        Ok(offset)
    }
    /// What the relay does with a request over HTTP, and what it would answer: status, code, body.
    pub fn answer(&mut self, fetch: &super::Fetch, now: Now) -> (u16, &'static str, Vec<u8>) {
        if fetch.path == "/api/v1/poll" {
            let entries = fetch.poll().channels;
            let entries = entries.iter().map(|entry| {
                let snapshot = self.snapshot(None, &entry.channel, entry.recover.as_ref(), entry.history);
                SubscribedEntry::Subscribed(snapshot)
            });
            let channels = entries.collect();
            let body = PollResponse { channels, server_time: UnixMs::from_millis(now.unix.0) };
            return (200, "", cbor::encode_poll_response(&body));
        }
        let items = fetch.items();
        let is_new = |relay: &Self, item: &PublishItem| {
            let key = (item.channel.clone(), item.key.clone().expect("a message of the outbox has a key"));
            !relay.keys.contains_key(&key)
        };
        if fetch.path.contains("atomic") && !self.refusals.is_empty() && items.iter().any(|item| is_new(self, item)) {
            return (400, "bad_request", Vec::new());
        }
        let mut outcomes = Vec::new();
        for item in items {
            outcomes.push(match self.accept(&item.channel, &item.payload, item.key) {
                Ok(offset) => {
                    let epoch = self.epoch(&item.channel);
                    PublishOutcome { accepted: Some(Position { epoch, offset }), error: None }
                }
                Err(error) => PublishOutcome { accepted: None, error: Some(error) },
            });
        }
        (202, "", cbor::encode_publish_outcomes(&outcomes))
    }
    /// Reads what the page sent, and queues the answers.
    pub fn serve(&mut self, page: &mut Page) {
        self.follow(page);
        for message in page.take_sent() {
            match message {
                ClientMessage::Connect(connect) => {
                    let entries = connect.subscribe.iter().map(|entry| {
                        SubscribedEntry::Subscribed(self.subscribe(None, &entry.channel, entry.recover.as_ref(), entry.history))
                    });
                    let entries = entries.collect();
                    let welcome = super::welcome(connect.id, page.now, entries);
                    self.push(&ServerMessage::Welcome(welcome));
                }
                ClientMessage::Subscribe(subscribe) => {
                    let answer = self.subscribe(Some(subscribe.id), &subscribe.channel, subscribe.recover.as_ref(), subscribe.history);
                    self.push(&ServerMessage::Subscribed(answer));
                }
                ClientMessage::Unsubscribe(unsubscribe) => {
                    self.subscribed.remove(&unsubscribe.channel);
                    let answer = Unsubscribed { id: Some(unsubscribe.id), channel: unsubscribe.channel, code: None };
                    self.push(&ServerMessage::Unsubscribed(answer));
                }
                ClientMessage::Ping(ping) => {
                    self.push(&ServerMessage::Reply(Reply {
                        id: ping.id,
                        result: ReplyResult::Time { server_time: UnixMs::from_millis(page.now.unix.0) },
                    }));
                }
                ClientMessage::Publish(publish) => {
                    let id = publish.id;
                    let answer = match self.accept(&publish.channel, &publish.payload, publish.key) {
                        Ok(offset) => ServerMessage::Reply(Reply { id, result: ReplyResult::Published { offset } }),
                        Err(body) => ServerMessage::Error(ErrorMessage { id: Some(id), channel: None, body }),
                    };
                    self.push(&answer);
                }
                ClientMessage::Call(call) => {
                    let body = ErrorBody::new(ErrorCode::NotFound, "not in this model");
                    self.push(&ServerMessage::Error(ErrorMessage { id: Some(call.id), channel: None, body }));
                }
                ClientMessage::Refresh(_) | ClientMessage::Pong(_) => {}
            }
        }
    }
}
