//! Publishers, two by HTTP, each with a relay that it asks first, and one through a socket: whatever is refused, or not answered, is
//! asked for again by its key, wherever somebody listens.

use super::balancer::{Balancer, Handle};
use super::http::post;
use super::relays::SECRET;
use super::visitors::{Socket, open, send};
use super::{CHANNELS, channel};
use futures_util::StreamExt as _;
use jsonwebtoken::{EncodingKey, Header};
use pulsewire_protocol::{ClientMessage, Payload, Publish, RawJson, ReplyResult, ServerMessage};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;

/// How many there are; each has one publication under way.
pub const COUNT: usize = 3;
/// Between two of one publisher.
const PAUSE: Duration = Duration::from_millis(25);
/// For an answer, before it is asked for again.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the relays answered for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    pub channel: String,
    /// A reply does not tell it.
    pub epoch: Option<String>,
    pub offset: u64,
    pub number: u64,
}

#[derive(Default)]
struct Shared {
    accepted: RefCell<Vec<Accepted>>,
    next: Cell<u64>,
    paused: Cell<bool>,
    busy: Cell<usize>,
    /// Tries that were refused, or had no answer.
    refused: Cell<usize>,
}

/// They publish as long as the local set runs.
pub struct Publishers {
    relays: Handle,
    shared: Rc<Shared>,
}

pub fn token(user: &str, role: Option<&str>) -> String {
    let now_s = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let claims =
        json!({"sub": user, "name": user, "tenant": "many", "exp": now_s + 3_600, "role": role, "subscribe": ["*"], "publish": ["*"]});
    jsonwebtoken::encode(&Header::default(), &claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
}

impl Publishers {
    pub fn start(balancer: &Balancer) -> Self {
        let publishers = Self { relays: balancer.handle(), shared: Rc::default() };
        for first in 0..COUNT {
            let (shared, relays, balancer) = (Rc::clone(&publishers.shared), balancer.handle(), balancer.address);
            let mut by = if first + 1 < COUNT {
                By::Http { relays, first, token: token("publisher", Some("service")) }
            } else {
                By::Socket { balancer, socket: None, ids: 1 }
            };
            tokio::task::spawn_local(async move {
                loop {
                    if !shared.paused.get() {
                        shared.busy.set(shared.busy.get() + 1);
                        let number = shared.number();
                        let one = by.publish(&shared, &channel(number as usize), number).await;
                        shared.accepted.borrow_mut().push(one);
                        shared.busy.set(shared.busy.get() - 1);
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            });
        }
        publishers
    }

    /// Holds all of them up, once what they have under way is accepted.
    pub async fn pause(&self) {
        self.shared.paused.set(true);
        super::until("what is under way is accepted", Duration::from_secs(60), || self.shared.busy.get() == 0).await;
    }

    pub fn go_on(&self) {
        self.shared.paused.set(false);
    }

    pub fn accepted(&self) -> Vec<Accepted> {
        self.shared.accepted.borrow().clone()
    }

    pub fn refused(&self) -> usize {
        self.shared.refused.get()
    }

    /// One more in each channel; gives them by channel.
    pub async fn one_each(&self) -> BTreeMap<String, Accepted> {
        let mut last = BTreeMap::new();
        for first in 0..CHANNELS {
            let mut by = By::Http { relays: self.relays.clone(), first, token: token("publisher", Some("service")) };
            let one = by.publish(&self.shared, &channel(first), self.shared.number()).await;
            last.insert(one.channel.clone(), one);
        }
        last
    }
}

impl Shared {
    fn number(&self) -> u64 {
        self.next.set(self.next.get() + 1);
        self.next.get()
    }
}

enum By {
    /// One relay after the other.
    Http { relays: Handle, first: usize, token: String },
    /// Whomever the balancer chooses, for as long as that lasts.
    Socket { balancer: std::net::SocketAddr, socket: Option<Box<Socket>>, ids: u64 },
}

impl By {
    /// Asks until one accepts it.
    async fn publish(&mut self, shared: &Shared, channel: &str, number: u64) -> Accepted {
        for attempt in 0.. {
            let tried = match self {
                Self::Http { relays, first, token } => by_http(relays, *first + attempt, token, channel, number).await,
                Self::Socket { balancer, socket, ids } => {
                    if socket.is_none() {
                        *socket = open(*balancer, "talker", Some("service"), Vec::new()).await.map(Box::new);
                    }
                    let asked = async {
                        *ids += 1;
                        by_socket(socket.as_mut()?, *ids, channel, number).await
                    };
                    let answer = tokio::time::timeout(PATIENCE, asked).await.ok().flatten();
                    if answer.is_none() {
                        *socket = None;
                    }
                    answer
                }
            };
            if let Some(accepted) = tried {
                return accepted;
            }
            shared.refused.set(shared.refused.get() + 1);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        unreachable!("it never ends")
    }
}

fn key(number: u64) -> String {
    format!("key-{number}")
}

async fn by_http(relays: &Handle, first: usize, token: &str, channel: &str, number: u64) -> Option<Accepted> {
    let body = json!({"channel": channel, "event": "note", "data": number, "key": key(number)}).to_string();
    let address = *relays.from(first).first()?;
    let asked = post(address, "/api/v1/publish", token, "application/json", body.into_bytes());
    let answer: Value = serde_json::from_slice(&tokio::time::timeout(PATIENCE, asked).await.ok()??).unwrap();
    let accepted = &answer["accepted"];
    let (Some(epoch), Some(offset)) = (accepted["epoch"].as_str(), accepted["offset"].as_u64()) else {
        panic!("accepted as {answer}");
    };
    Some(Accepted { channel: channel.to_owned(), epoch: Some(epoch.to_owned()), offset, number })
}

async fn by_socket(socket: &mut Socket, id: u64, channel: &str, number: u64) -> Option<Accepted> {
    let payload = Payload::Custom { event: "note".to_owned(), data: RawJson::from_text_unchecked(number.to_string()) };
    let publish = Publish { id, channel: channel.to_owned(), payload, key: Some(key(number)) };
    send(socket, &ClientMessage::Publish(publish)).await?;
    loop {
        let text = match socket.next().await?.ok()? {
            Message::Text(text) => text,
            Message::Close(_) => return None,
            _ => continue,
        };
        for message in pulsewire_protocol::json::decode_server(text.as_str()) {
            match message.unwrap() {
                ServerMessage::Reply(reply) if reply.id == id => {
                    let ReplyResult::Published { offset } = reply.result else { panic!("{reply:?}") };
                    return Some(Accepted { channel: channel.to_owned(), epoch: None, offset, number });
                }
                ServerMessage::Error(error) if error.id == Some(id) => {
                    assert!(error.body.retryable, "{error:?}");
                    return None;
                }
                _ => {}
            }
        }
    }
}
