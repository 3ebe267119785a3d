//! A link between page and relay: in order like TCP, with latency, and as faulty as its weather says.

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use pulsewire_client_core::Conn;
use pulsewire_protocol::{CloseCode, Format};
use pulsewire_relay::Relay;
use pulsewire_relay::hub::Closing;
use pulsewire_relay::session::{self, Inbound, Opening, Outbound, pair};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

/// What happens to frames on their way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Door {
    #[default]
    Opens,
    Refuses,
    Hangs,
}

#[derive(Default)]
pub struct Weather {
    pub up: Cell<Flow>,
    pub down: Cell<Flow>,
    pub door: Cell<Door>,
    pub latency_ms: Cell<u64>,
}

impl Weather {
    pub fn clear_up(&self) {
        self.up.set(Flow::Passes);
        self.down.set(Flow::Passes);
        self.door.set(Door::Opens);
        self.latency_ms.set(20);
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
    pub fn open(conn: Conn, relay: Relay, weather: Rc<Weather>, news: UnboundedSender<(Conn, News)>) -> Self {
        let (up, frames) = unbounded_channel();
        let cut = CancellationToken::new();
        spawn_local(serve(conn, relay, weather, news, frames, cut.clone()));
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
            let _ = news.send((self.conn, News::Closed(Closing::new(CloseCode::LOST, ""))));
        }
    }
}

async fn serve(
    conn: Conn,
    relay: Relay,
    weather: Rc<Weather>,
    news: UnboundedSender<(Conn, News)>,
    frames: UnboundedReceiver<Up>,
    cut: CancellationToken,
) {
    sleep(Duration::from_millis(weather.latency_ms.get())).await;
    match weather.door.get() {
        Door::Opens => {}
        Door::Refuses => {
            let _ = news.send((conn, News::Closed(Closing::new(CloseCode::LOST, ""))));
            return;
        }
        Door::Hangs => return,
    }
    let (transport, client) = pair(4_096);
    let opening = Opening { format: Format::Cbor, address: "192.0.2.7:1".to_owned(), principal: None };
    tokio::spawn(relay.track(session::run(relay.clone(), transport, opening)));
    let _ = news.send((conn, News::Opened));
    let mut send = client.send;
    let upwards = async {
        let (mut frames, mut half_open) = (frames, false);
        while let Some(frame) = frames.recv().await {
            let inbound = match frame {
                Up::Frame(sent_at, bytes) => {
                    sleep_until(sent_at + Duration::from_millis(weather.latency_ms.get())).await;
                    Inbound::Binary(Bytes::from(bytes))
                }
                Up::Close(code) => Inbound::Closed(Closing::new(CloseCode(code), "")),
            };
            half_open |= flow(&weather.up).await == Flow::Swallows;
            if !half_open && send.send(inbound).await.is_err() {
                return;
            }
        }
        // The page forgot the socket without a word that got through: the relay has to find out by itself.
        std::future::pending::<()>().await;
    };
    let (stamped, mut arriving) = unbounded_channel();
    let mut receive = client.receive;
    let reading = async {
        while let Some(outbound) = receive.next().await {
            let _ = stamped.send((Instant::now(), Some(outbound)));
        }
        let _ = stamped.send((Instant::now(), None));
        std::future::pending::<()>().await;
    };
    let downwards = async {
        let mut half_open = false;
        while let Some((sent_at, outbound)) = arriving.recv().await {
            sleep_until(sent_at + Duration::from_millis(weather.latency_ms.get())).await;
            half_open |= flow(&weather.down).await == Flow::Swallows;
            if half_open {
                continue;
            }
            let told = match outbound {
                Some(Outbound::Binary(bytes)) => News::Frame(bytes),
                Some(Outbound::Text(_)) => panic!("text to a client that speaks CBOR"),
                Some(Outbound::Close(closing)) => News::Closed(closing),
                None => News::Closed(Closing::new(CloseCode::LOST, "")),
            };
            let ended = matches!(told, News::Closed(_));
            let _ = news.send((conn, told));
            if ended {
                return;
            }
        }
    };
    tokio::select! {
        biased;
        () = cut.cancelled() => {}
        () = downwards => {}
        () = reading => {}
        () = upwards => {}
    }
}

/// Waits while frames have to wait.
async fn flow(flow: &Cell<Flow>) -> Flow {
    while flow.get() == Flow::Waits {
        sleep(Duration::from_millis(50)).await;
    }
    flow.get()
}
