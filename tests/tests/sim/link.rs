//! A link between page and relay: in order like TCP, with latency, and as faulty as its weather says.

use crate::web::Net;
use crate::world::{Life, World};
use bytes::Bytes;
use fastrand::Rng;
use futures_util::{SinkExt as _, StreamExt as _};
use pulsewire_client_core::Conn;
use pulsewire_protocol::{CloseCode, Format, ServerMessage, cbor};
use pulsewire_relay::hub::Closing;
use pulsewire_relay::session::{self, Inbound, Opening, Outbound, pair};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, channel, unbounded_channel};
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

/// Frames that the network between the two holds at most: beyond it the relay's writes wait.
const WINDOW: usize = 16;

/// What happens to frames on their way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Flow {
    #[default]
    Passes,
    /// They are gone, and nobody is told. A socket that lost one frame loses all that follow, whatever the weather: TCP leaves no
    /// holes, a half-open connection just never speaks again.
    Swallows,
    /// They wait until the weather changes.
    Waits,
}

/// What happens to a new socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Door {
    #[default]
    Opens,
    Refuses,
    Hangs,
}

/// One direction.
#[derive(Default)]
pub struct Way {
    flow: Cell<Flow>,
    changed: Notify,
}

impl Way {
    pub fn set(&self, flow: Flow) {
        self.flow.set(flow);
        self.changed.notify_waiters();
    }
    /// Waits while frames have to wait.
    async fn pass(&self) -> Flow {
        loop {
            let changed = self.changed.notified();
            match self.flow.get() {
                Flow::Waits => changed.await,
                flow => return flow,
            }
        }
    }
}

pub struct Weather {
    pub up: Way,
    pub down: Way,
    pub door: Cell<Door>,
    pub latency_ms: Cell<u64>,
    /// What happens to requests over HTTP.
    pub net: Cell<Net>,
    /// Whether what was delivered is delivered again now and then.
    pub doubles: Cell<bool>,
    rng: RefCell<Rng>,
}

impl Weather {
    pub fn new(seed: u64) -> Self {
        let rng = RefCell::new(Rng::with_seed(seed));
        let (up, down, door, net) = (Way::default(), Way::default(), Cell::default(), Cell::default());
        let weather = Self { up, down, door, net, latency_ms: Cell::default(), doubles: Cell::default(), rng };
        weather.clear_up();
        weather
    }
    pub fn clear_up(&self) {
        self.up.set(Flow::Passes);
        self.down.set(Flow::Passes);
        self.door.set(Door::Opens);
        self.net.set(Net::Passes);
        self.latency_ms.set(20);
        self.doubles.set(false);
    }
    pub fn draw(&self, below: u64) -> u64 {
        self.rng.borrow_mut().u64(..below)
    }
}

/// News of a socket for the page.
#[derive(Debug)]
pub enum News {
    Opened,
    Frame(Bytes),
    Closed(Closing),
}

enum Up {
    Frame(Instant, Vec<u8>),
    Close(u16),
}

/// The page's end.
pub struct Socket {
    pub conn: Conn,
    up: UnboundedSender<Up>,
    cut: CancellationToken,
}

impl Socket {
    /// Opens one; what becomes of it is told through `news`, also after the page has forgotten it.
    pub fn open(conn: Conn, world: &World, weather: Rc<Weather>, news: UnboundedSender<(Conn, News)>) -> Self {
        let (up, frames) = unbounded_channel();
        let cut = CancellationToken::new();
        // Whichever relay the balancer chooses.
        spawn_local(serve(Wire { conn, weather, news }, world.life(), frames, cut.clone()));
        Self { conn, up, cut }
    }
    pub fn send(&self, bytes: Vec<u8>) {
        // A socket that was cut takes frames and loses them, as a real one does until it notices.
        let _ = self.up.send(Up::Frame(Instant::now(), bytes));
    }
    pub fn close(self, code: u16) {
        let _ = self.up.send(Up::Close(code));
    }
    /// The network drops it; the page is told only if `aloud`.
    pub fn cut(&self, aloud: Option<&UnboundedSender<(Conn, News)>>) {
        self.cut.cancel();
        if let Some(news) = aloud {
            let _ = news.send((self.conn, lost()));
        }
    }
}

fn lost() -> News {
    News::Closed(Closing::new(CloseCode::LOST, ""))
}

struct Wire {
    conn: Conn,
    weather: Rc<Weather>,
    news: UnboundedSender<(Conn, News)>,
}

impl Wire {
    fn tell(&self, news: News) {
        let _ = self.news.send((self.conn, news));
    }
}

async fn serve(wire: Wire, life: Life, frames: UnboundedReceiver<Up>, cut: CancellationToken) {
    let weather = &wire.weather;
    // Each socket takes a way of its own, so that what an old one still carries may arrive after what a new one does.
    let own_ms = weather.draw(150);
    let latency = || Duration::from_millis(weather.latency_ms.get() + own_ms);
    sleep(latency()).await;
    match weather.door.get() {
        Door::Opens if !life.died.is_cancelled() => {}
        Door::Opens | Door::Refuses => return wire.tell(lost()),
        Door::Hangs => return,
    }
    let (transport, client) = pair(2);
    let opening = Opening { format: Format::Cbor, address: std::net::SocketAddr::from(([192, 0, 2, 7], 1)).into(), principal: None };
    let session = life.relay.track(session::run(life.relay.clone(), transport, opening));
    tokio::spawn(session);
    wire.tell(News::Opened);
    let mut send = client.send;
    let upwards = async {
        let (mut frames, mut half_open) = (frames, false);
        while let Some(frame) = frames.recv().await {
            let inbound = match frame {
                Up::Frame(sent_at, bytes) => {
                    sleep_until(sent_at + latency()).await;
                    Inbound::Binary(Bytes::from(bytes))
                }
                Up::Close(code) => Inbound::Closed(Closing::new(CloseCode(code), "")),
            };
            half_open |= weather.up.pass().await == Flow::Swallows;
            if !half_open && send.send(inbound).await.is_err() {
                return;
            }
        }
        // The page forgot the socket without a word that got through: the relay has to find out by itself.
        std::future::pending::<()>().await;
    };
    let (stamped, mut arriving) = channel(WINDOW);
    let mut receive = client.receive;
    let reading = async {
        while let Some(outbound) = receive.next().await {
            let _ = stamped.send((Instant::now(), Some(outbound))).await;
        }
        let _ = stamped.send((Instant::now(), None)).await;
        std::future::pending::<()>().await;
    };
    let downwards = async {
        let (mut half_open, mut doubles) = (false, Doubles::default());
        while let Some((sent_at, outbound)) = arriving.recv().await {
            sleep_until(sent_at + latency()).await;
            half_open |= weather.down.pass().await == Flow::Swallows;
            if half_open {
                continue;
            }
            match outbound {
                Some(Outbound::Binary(bytes)) => {
                    wire.tell(News::Frame(bytes.clone()));
                    doubles.handle(&wire, bytes);
                }
                Some(Outbound::Text(_)) => panic!("text to a client that speaks CBOR"),
                Some(Outbound::Close(closing)) => return wire.tell(News::Closed(closing)),
                None => return wire.tell(lost()),
            }
        }
    };
    tokio::select! {
        biased;
        () = cut.cancelled() => {}
        () = life.died.cancelled() => {
            if life.aloud.get() {
                wire.tell(lost());
            }
        }
        () = downwards => {}
        () = reading => {}
        () = upwards => {}
    }
}

/// Delivers events again, at once or later: what a node that repeats itself would do. Answers are never repeated.
#[derive(Default)]
struct Doubles(VecDeque<Bytes>);

impl Doubles {
    fn handle(&mut self, wire: &Wire, bytes: Bytes) {
        if !wire.weather.doubles.get() || !cbor::decode_server(&bytes).all(|message| matches!(message, Ok(ServerMessage::Event(_)))) {
            return;
        }
        self.0.push_back(bytes);
        if self.0.len() > 4 {
            self.0.pop_front();
        }
        let again = wire.weather.draw(self.0.len() as u64) as usize;
        wire.tell(News::Frame(self.0[again].clone()));
    }
}
