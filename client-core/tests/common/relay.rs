//! A relay in a few lines: numbered channels with a bounded history, recovery, epochs, and a link that keeps frames in order
//! until it is cut.

#![allow(dead_code, unreachable_pub)]

use super::Page;
use pulsewire_client_core::Conn;
use pulsewire_client_core::protocol::*;
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
        let epoch = self.epoch(channel);
        self.subscribed.insert(channel.to_owned(), 0);
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
                    self.push(&ServerMessage::Reply(Reply { id: ping.id, result: ReplyResult::Time { server_time: UnixMs(0.0) } }));
                }
                ClientMessage::Publish(publish) => {
                    let body = ErrorBody::new(ErrorCode::Forbidden, "not in this model");
                    self.push(&ServerMessage::Error(ErrorMessage { id: Some(publish.id), channel: None, body }));
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
