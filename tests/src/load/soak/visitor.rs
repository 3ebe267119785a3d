//! One visitor of the soak: comes, follows a few channels for a while, goes in one of many ways, and comes again.
//!
//! It checks what it is promised while it is there: offsets of a channel follow each other without a hole.

use super::{Book, flood};
use crate::load::bench::wire;
use crate::load::relay::token;
use anyhow::{Context as _, Result, bail, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use pulsewire_protocol::{
    ClientInfo, ClientMessage, Connect, Pong, SUBPROTOCOL_CBOR, ServerMessage, Subscribe, SubscribeEntry, SubscribedEntry, Unsubscribe,
    cbor,
};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::{HeaderValue, header};
use tokio_tungstenite::tungstenite::protocol::{Message, WebSocketConfig};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// How long one that reads nothing stays, at most: until the relay has found it dead.
const SILENT: Duration = Duration::from_secs(60);

/// How a visit ends.
#[derive(Clone, Copy, Debug)]
enum Exit {
    /// With a close frame.
    Polite,
    /// The socket is closed without one.
    Gone,
    /// The socket is reset.
    Reset,
    /// It stays open and nobody reads or answers any more, as after a network was lost.
    HalfOpen,
    /// It asks for more than it takes and reads nothing for a while, over a narrow socket; most are closed meanwhile.
    Slow,
}

/// The token of visitor number `number`.
pub(super) fn token_of(number: usize) -> Result<String> {
    token(&format!("visitor-{number}"), None)
}

/// Where it all takes place.
#[derive(Clone)]
pub(super) struct Ward {
    pub(super) address: SocketAddr,
    pub(super) channels: usize,
}

/// A visitor with its own dice.
pub(super) struct Visitor {
    pub(super) ward: Ward,
    pub(super) number: usize,
    pub(super) dice: fastrand::Rng,
}

struct Visit {
    socket: WebSocketStream<TcpStream>,
    /// The offset that comes next, of each channel.
    next: BTreeMap<String, u64>,
    id: u64,
}

impl Visitor {
    /// Comes and goes until `until`.
    pub(super) async fn run(mut self, book: &Book, until: Instant) {
        sleep(Duration::from_secs_f64(self.dice.f64() * 20.0)).await;
        while Instant::now() < until {
            match self.visit(book, until).await {
                Ok(()) => drop(book.visits.fetch_add(1, Ordering::Relaxed)),
                Err(error) => book.note(format!("visitor {}: {error:#}", self.number)),
            }
            sleep(Duration::from_secs_f64(self.dice.f64() * 4.0)).await;
        }
    }

    async fn visit(&mut self, book: &Book, until: Instant) -> Result<()> {
        let exit = match self.dice.u8(..40) {
            0..=20 => Exit::Polite,
            21..=27 => Exit::Gone,
            28..=34 => Exit::Reset,
            35..=38 => Exit::HalfOpen,
            _ => Exit::Slow,
        };
        let mut visit = self.come(exit).await.context("coming")?;
        let stays = Duration::from_secs_f64(2.0 + self.dice.f64() * self.dice.f64() * 90.0);
        let leaves = until.min(Instant::now() + stays);
        while Instant::now() < leaves {
            let pause = leaves.min(Instant::now() + Duration::from_secs_f64(1.0 + self.dice.f64() * 20.0));
            if !visit.read(book, pause).await? {
                return Ok(());
            }
            if self.dice.u8(..3) == 0 {
                let channel = self.channel();
                visit.toggle(channel).await?;
            }
        }
        self.go(visit, exit, book, until).await
    }

    fn channel(&mut self) -> String {
        let number = self.dice.usize(..self.ward.channels);
        wire::channel(number)
    }

    async fn come(&mut self, exit: Exit) -> Result<Visit> {
        let stream = match exit {
            Exit::Slow => {
                // Blocking; on loopback that is no wait.
                let stream = wire::narrow(self.ward.address)?;
                stream.set_nonblocking(true)?;
                TcpStream::from_std(stream)?
            }
            _ => TcpStream::connect(self.ward.address).await?,
        };
        stream.set_nodelay(true)?;
        let mut request = format!("ws://{}/ws", self.ward.address).into_client_request()?;
        request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL_CBOR));
        let config = WebSocketConfig::default().read_buffer_size(4 * 1024);
        let (socket, _) = client_async_with_config(request, stream, Some(config)).await?;
        let mut channels: Vec<String> = (0..self.dice.usize(1..4)).map(|_| self.channel()).collect();
        channels.sort();
        channels.dedup();
        let mut visit = Visit { socket, next: BTreeMap::new(), id: 1 };
        let connect = Connect {
            id: 1,
            token: Some(token_of(self.number)?),
            client: ClientInfo {
                name: "pulsewire-soak".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                session: self.number.to_string(),
            },
            subscribe: channels.into_iter().map(SubscribeEntry::new).collect(),
        };
        visit.say(&ClientMessage::Connect(connect)).await?;
        Ok(visit)
    }

    async fn go(&mut self, mut visit: Visit, exit: Exit, book: &Book, until: Instant) -> Result<()> {
        let left = until.saturating_duration_since(Instant::now());
        match exit {
            // Gone already is gone as well.
            Exit::Polite => drop(visit.socket.close(None).await),
            Exit::Gone => {}
            Exit::Reset => visit.socket.get_ref().set_zero_linger()?,
            Exit::HalfOpen => sleep(SILENT.min(left)).await,
            Exit::Slow => {
                visit.toggle(flood(self.ward.channels)).await?;
                sleep(Duration::from_secs_f64(5.0 + self.dice.f64() * 30.0).min(left)).await;
                visit.read(book, Instant::now() + Duration::from_secs(2)).await?;
            }
        }
        Ok(())
    }
}

impl Visit {
    async fn say(&mut self, message: &ClientMessage) -> Result<()> {
        Ok(self.socket.send(Message::binary(cbor::encode_client(message))).await?)
    }

    /// Subscribes to a channel, or leaves it where it is subscribed.
    async fn toggle(&mut self, channel: String) -> Result<()> {
        self.id += 1;
        let id = self.id;
        let message = match self.next.remove(&channel) {
            Some(_) => ClientMessage::Unsubscribe(Unsubscribe { id, channel }),
            None => ClientMessage::Subscribe(Subscribe { id, channel, recover: None, history: Some(5), max_hz: None }),
        };
        self.say(&message).await
    }

    /// Reads and answers until then; false where the relay closed.
    async fn read(&mut self, book: &Book, until: Instant) -> Result<bool> {
        loop {
            let Ok(message) = timeout_at(until, self.socket.next()).await else { return Ok(true) };
            match message {
                Some(Ok(Message::Binary(frame))) => {
                    for message in cbor::decode_server(&frame) {
                        self.handle(message?, book).await?;
                    }
                }
                Some(Ok(Message::Close(frame))) => {
                    let code = frame.map_or(1005, |frame| frame.code.into());
                    // Slow ones and silent ones are told so, and come again.
                    ensure!([4408, 4413].contains(&code), "closed with {code}");
                    return Ok(false);
                }
                Some(Ok(_)) => {}
                // A slow or silent one that the relay let go.
                Some(Err(_)) | None => return Ok(false),
            }
        }
    }

    async fn handle(&mut self, message: ServerMessage, book: &Book) -> Result<()> {
        match message {
            ServerMessage::Welcome(welcome) => {
                for entry in welcome.subscribed {
                    match entry {
                        SubscribedEntry::Subscribed(entry) => drop(self.next.insert(entry.channel, entry.offset + 1)),
                        refused => bail!("refused: {refused:?}"),
                    }
                }
            }
            ServerMessage::Subscribed(answer) => drop(self.next.insert(answer.channel, answer.offset + 1)),
            ServerMessage::Unsubscribed(answer) => drop(self.next.remove(&answer.channel)),
            ServerMessage::Heartbeat(heartbeat) => self.say(&ClientMessage::Pong(Pong { ts: heartbeat.ts })).await?,
            ServerMessage::Event(event) => {
                book.deliveries.fetch_add(1, Ordering::Relaxed);
                // What an unsubscribe overtook has no place any more.
                if let (Some(offset), Some(next)) = (event.publication.offset, self.next.get_mut(&event.channel)) {
                    ensure!(offset == *next, "{}: offset {offset} instead of {next}", event.channel);
                    *next = offset + 1;
                }
            }
            ServerMessage::Error(error) => bail!("an error: {error:?}"),
            _ => {}
        }
        Ok(())
    }
}
