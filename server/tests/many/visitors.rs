//! Clients that keep their place: each holds two channels by position, most through any number of connections, some by polling.
//!
//! They are bare, on purpose: `client-core` could mend what a relay does wrong. Whatever breaks the order of offsets shows here.

use super::http::post;
use super::logs::{Logs, Places};
use super::publishers::token;
use super::{CHANNELS, channel};
use futures_util::{SinkExt as _, StreamExt as _};
use pulsewire_protocol::*;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// One of so many polls.
const POLLERS: usize = 6;
/// How long a poll may wait.
const WAIT_MS: u64 = 1_000;

pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

pub struct Visitors {
    pub logs: Logs,
    /// Clients with all their channels.
    pub there: Rc<Cell<usize>>,
    /// Connections that were welcomed.
    pub connections: Rc<Cell<usize>>,
    /// Polls that were answered, each through a connection of its own.
    pub polls: Rc<Cell<usize>>,
}

struct Visitor {
    number: usize,
    there: Rc<Cell<usize>>,
    connections: Rc<Cell<usize>>,
    places: Places,
    /// Channels that the relay of now has given.
    held: BTreeSet<String>,
}

/// Starts so many, for as long as the local set runs.
pub fn visit(address: SocketAddr, count: usize) -> Visitors {
    let all = Visitors { logs: Rc::default(), there: Rc::default(), connections: Rc::default(), polls: Rc::default() };
    for number in 0..count {
        let places = Places::new(number, [number, number + CHANNELS / 2].map(channel), &all.logs);
        let (there, connections, polls) = (Rc::clone(&all.there), Rc::clone(&all.connections), Rc::clone(&all.polls));
        if number % POLLERS == 0 {
            tokio::task::spawn_local(poll_for_ever(address, number, places, there, polls));
            continue;
        }
        let mut visitor = Visitor { number, there, connections, places, held: BTreeSet::new() };
        tokio::task::spawn_local(async move {
            loop {
                visitor.connection(address).await;
                visitor.lose_all();
                // Not all at once.
                tokio::time::sleep(Duration::from_millis(100 + 37 * (number as u64 % 20))).await;
            }
        });
    }
    all
}

/// Each poll is a connection of its own, so the balancer sends each to another relay than the one before.
async fn poll_for_ever(address: SocketAddr, number: usize, mut places: Places, there: Rc<Cell<usize>>, polls: Rc<Cell<usize>>) {
    let token = token(&format!("poller-{number}"), None);
    loop {
        let channels = places.iter().map(|(channel, recover)| SubscribeEntry { recover: recover.clone(), ..SubscribeEntry::new(channel) });
        let request = PollRequest { channels: channels.collect(), wait_ms: Some(WAIT_MS) };
        // What stands still for longer than a poll may wait is given up, and asked for again elsewhere.
        let asked = post(address, "/api/v1/poll", &token, "application/cbor", cbor::encode_poll_request(&request));
        let Ok(Some(answer)) = tokio::time::timeout(Duration::from_millis(WAIT_MS + 3_000), asked).await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let was_there = places.are_all_known();
        for entry in cbor::decode_poll_response(&answer).unwrap().channels {
            let SubscribedEntry::Subscribed(told) = entry else { panic!("refused: {entry:?}") };
            places.handle_subscribed(&told);
        }
        polls.set(polls.get() + 1);
        if !was_there && places.are_all_known() {
            there.set(there.get() + 1);
        }
    }
}

/// Connects and says who it is.
pub async fn open(address: SocketAddr, user: &str, role: Option<&str>, subscribe: Vec<SubscribeEntry>) -> Option<Socket> {
    let mut request = format!("ws://{address}/ws").into_client_request().unwrap();
    request.headers_mut().append("sec-websocket-protocol", "pulsewire.v1.json".parse().unwrap());
    let opening = tokio::time::timeout(Duration::from_secs(10), tokio_tungstenite::connect_async(request)).await;
    let (mut socket, _) = opening.ok()?.ok()?;
    let client = ClientInfo { name: "many".to_owned(), version: "1".to_owned(), session: user.to_owned() };
    let connect = Connect { id: 1, token: Some(token(user, role)), client, subscribe };
    send(&mut socket, &ClientMessage::Connect(connect)).await?;
    Some(socket)
}

impl Visitor {
    fn lose_all(&mut self) {
        if self.held.len() == self.places.len() {
            self.there.set(self.there.get() - 1);
        }
        self.held.clear();
    }

    /// One connection from its beginning to its end.
    async fn connection(&mut self, address: SocketAddr) {
        let places = self.places.iter();
        let subscribe =
            places.map(|(channel, recover)| SubscribeEntry { recover: recover.clone(), ..SubscribeEntry::new(channel) }).collect();
        let Some(mut socket) = open(address, &format!("visitor-{}", self.number), None, subscribe).await else { return };
        let (mut again, mut ids) = (Vec::<String>::new(), 1);
        loop {
            let message = tokio::select! {
                message = socket.next() => message,
                // What was refused for now is asked for again.
                () = tokio::time::sleep(Duration::from_millis(250)), if !again.is_empty() => {
                    for channel in std::mem::take(&mut again) {
                        ids += 1;
                        let recover = self.places.of(&channel);
                        let asked = Subscribe { id: ids, channel, recover, history: None, max_hz: None };
                        if send(&mut socket, &ClientMessage::Subscribe(asked)).await.is_none() {
                            return;
                        }
                    }
                    continue;
                }
            };
            let text = match message {
                Some(Ok(Message::Text(text))) => text,
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => continue,
            };
            for message in json::decode_server(text.as_str()) {
                match message.unwrap() {
                    ServerMessage::Welcome(welcome) => {
                        self.connections.set(self.connections.get() + 1);
                        for entry in welcome.subscribed {
                            match entry {
                                SubscribedEntry::Subscribed(subscribed) => self.handle_subscribed(&subscribed),
                                SubscribedEntry::Refused(refused) if self.places.has(&refused.channel) => {
                                    assert!(refused.error.retryable, "{refused:?}");
                                    again.push(refused.channel);
                                }
                                SubscribedEntry::Refused(_) => {}
                            }
                        }
                    }
                    ServerMessage::Subscribed(subscribed) => self.handle_subscribed(&subscribed),
                    ServerMessage::Error(error) => {
                        assert!(error.body.retryable, "{error:?}");
                        again.extend(error.channel);
                    }
                    ServerMessage::Event(event) => self.places.handle_publication(&event.channel, &event.publication),
                    ServerMessage::Heartbeat(heartbeat) => {
                        let sent = send(&mut socket, &ClientMessage::Pong(Pong { ts: heartbeat.ts })).await;
                        if sent.is_none() {
                            return;
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    fn handle_subscribed(&mut self, subscribed: &Subscribed) {
        self.places.handle_subscribed(subscribed);
        if self.places.has(&subscribed.channel) && self.held.insert(subscribed.channel.clone()) && self.held.len() == self.places.len() {
            self.there.set(self.there.get() + 1);
        }
    }
}

pub async fn send(socket: &mut Socket, message: &ClientMessage) -> Option<()> {
    socket.send(Message::text(json::encode_client(message).unwrap())).await.ok()
}
