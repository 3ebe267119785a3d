//! A relay under virtual time, tokens for it, and a client that speaks through a pair of channels.

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use jsonwebtoken::{EncodingKey, Header};
use pulsewire_protocol::*;
use pulsewire_relay::config::{Config, SecretString};
use pulsewire_relay::hub::Closing;
use pulsewire_relay::limits::ClientAddress;
use pulsewire_relay::session::{self, Inbound, MemoryClient, Opening, Outbound, pair};
use pulsewire_relay::{Clock, Entropy, Publisher, Relay};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::task::JoinHandle;

/// When virtual time begins.
pub const START_MS: u64 = 1_800_000_000_000;
pub const SECRET: &str = "a secret of the tests, long enough for anyone";

/// Runs one case of a property test under virtual time.
pub fn under_virtual_time<F: Future>(case: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(case)
}

pub fn config() -> Config {
    Config { node: Some("node-1".to_owned()), auth: auth_config(), ..Config::default() }
}

fn auth_config() -> pulsewire_relay::config::AuthConfig {
    pulsewire_relay::config::AuthConfig { jwt_secret: Some(SecretString::from(SECRET)), ..Default::default() }
}

pub fn relay() -> Relay {
    relay_with(config())
}

pub fn relay_with(config: Config) -> Relay {
    Relay::new(config, Clock::starting_at(START_MS), Entropy::from_seed(1))
}

/// A token with exactly these claims.
pub fn sign(claims: &Value) -> String {
    jsonwebtoken::encode(&Header::default(), claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
}

/// A nurse who may do anything a client may, for a day.
pub fn claims(user: &str) -> Value {
    json!({"sub": user, "name": format!("Name of {user}"), "tenant": "ward", "role": "nurse",
        "exp": START_MS / 1_000 + 86_400, "subscribe": ["*"], "publish": ["*"]})
}

pub fn with(mut claims: Value, key: &str, value: Value) -> Value {
    claims[key] = value;
    claims
}

pub fn token(user: &str) -> String {
    sign(&claims(user))
}

/// Lets everything that can run run; time moves by a millisecond.
pub async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

pub async fn advance(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

pub fn client_address() -> ClientAddress {
    std::net::SocketAddr::from(([192, 0, 2, 7], 1234)).into()
}

pub fn system() -> Publisher<'static> {
    Publisher::System { tenant: "ward" }
}

pub fn status(device: &str, battery: f64) -> Payload {
    Payload::DeviceStatus(DeviceStatus {
        device_id: device.to_owned(),
        status: DeviceState::Online,
        battery: Some(battery),
        last_seen: None,
    })
}

pub fn telemetry(device: &str, t: &[f64], v: &[f64]) -> Payload {
    let series = Series { t: Column(t.to_vec()), v: Column(v.to_vec()), unit: None };
    Payload::Telemetry(Telemetry { device_id: device.to_owned(), series: SeriesMap(vec![("hr".to_owned(), series)]) })
}

pub fn note(number: u64) -> Payload {
    Payload::Custom { event: "note".to_owned(), data: RawJson::parse(&number.to_string()).unwrap() }
}

/// The number that [`note`] put in.
pub fn number_of(payload: &Payload) -> u64 {
    match payload {
        Payload::Custom { data, .. } => data.as_str().parse().unwrap(),
        other => panic!("no note: {other:?}"),
    }
}

/// A client in memory.
pub struct Client {
    link: MemoryClient,
    format: Format,
    next_id: u64,
    inbox: VecDeque<ServerMessage>,
    /// Frames that came.
    pub frames: usize,
    pub closed: Option<Closing>,
    /// Whether it looks at who comes and goes; most tests are about something else.
    pub heeds_presence: bool,
    pub session: JoinHandle<Closing>,
}

impl Client {
    /// Opens a transport; nothing is said yet.
    pub fn open(relay: &Relay, format: Format) -> Self {
        Self::open_with(relay, format, 1_024)
    }

    /// The same with room for so many frames in each direction.
    pub fn open_with(relay: &Relay, format: Format, capacity: usize) -> Self {
        let (transport, link) = pair(capacity);
        let opening = Opening { format, address: client_address(), principal: None };
        let session = tokio::spawn(relay.track(session::run(relay.clone(), transport, opening)));
        Self { link, format, next_id: 1, inbox: VecDeque::new(), frames: 0, closed: None, heeds_presence: false, session }
    }

    /// Connects with that token and these subscriptions.
    pub async fn connect(relay: &Relay, token: &str, channels: &[&str]) -> (Self, Welcome) {
        Self::connect_entries(relay, token, channels.iter().map(|channel| SubscribeEntry::new(*channel)).collect()).await
    }

    pub async fn connect_entries(relay: &Relay, token: &str, subscribe: Vec<SubscribeEntry>) -> (Self, Welcome) {
        let mut client = Self::open(relay, Format::Cbor);
        let welcome = client.say_connect(token, subscribe).await;
        (client, welcome)
    }

    pub async fn say_connect(&mut self, token: &str, subscribe: Vec<SubscribeEntry>) -> Welcome {
        let id = self.id();
        let info = ClientInfo { name: "test".to_owned(), version: "1".to_owned(), session: "page-1".to_owned() };
        self.send(&ClientMessage::Connect(Connect { id, token: Some(token.to_owned()), client: info, subscribe })).await;
        match self.next().await {
            ServerMessage::Welcome(welcome) => welcome,
            other => panic!("expected welcome, got {other:?}"),
        }
    }

    pub fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id - 1
    }

    pub async fn send(&mut self, message: &ClientMessage) {
        let frame = match self.format {
            Format::Json => Inbound::Text(Bytes::from(json::encode_client(message).unwrap())),
            Format::Cbor => Inbound::Binary(Bytes::from(cbor::encode_client(message))),
        };
        self.send_frame(frame).await;
    }

    pub async fn send_frame(&mut self, frame: Inbound) {
        // A session that has ended takes nothing any more: the test sees the close.
        let _ = self.link.send.send(frame).await;
    }

    /// Another way to send, for a task that only does that.
    pub fn sender(&self) -> futures_channel::mpsc::Sender<Inbound> {
        self.link.send.clone()
    }

    /// The client hangs up without a word.
    pub fn vanish(self) -> JoinHandle<Closing> {
        self.session
    }

    /// The client closes in order.
    pub async fn close(mut self) -> Closing {
        self.send_frame(Inbound::Closed(Closing::new(CloseCode::NORMAL, "bye"))).await;
        drop(self.link);
        self.session.await.unwrap()
    }

    fn take(&mut self, frame: Outbound) {
        self.frames += 1;
        match frame {
            Outbound::Text(text) => {
                assert_eq!(self.format, Format::Json);
                self.inbox.extend(json::decode_server(core::str::from_utf8(&text).unwrap()).map(Result::unwrap));
            }
            Outbound::Binary(bytes) => {
                assert_eq!(self.format, Format::Cbor);
                self.inbox.extend(cbor::decode_server(&bytes).map(Result::unwrap));
            }
            Outbound::Close(closing) => {
                assert_eq!(self.closed, None, "closed twice");
                self.closed = Some(closing);
            }
        }
        if !self.heeds_presence {
            let is_presence = |message: &ServerMessage| matches!(message, ServerMessage::Event(event) if matches!(event.publication.payload, Payload::Presence(_)));
            self.inbox.retain(|message| !is_presence(message));
        }
    }

    /// The next message, whatever it is; waits an hour of virtual time.
    pub async fn next(&mut self) -> ServerMessage {
        loop {
            if let Some(message) = self.inbox.pop_front() {
                return message;
            }
            let frame = tokio::time::timeout(Duration::from_secs(3_600), self.link.receive.next()).await.expect("nothing came");
            let frame = frame.unwrap_or_else(|| panic!("the session ended: {:?}", self.closed));
            self.take(frame);
            assert!(!(self.inbox.is_empty() && self.closed.is_some()), "closed instead of a message: {:?}", self.closed);
        }
    }

    /// Everything that has come by now, after letting everybody run.
    pub async fn all(&mut self) -> Vec<ServerMessage> {
        settle().await;
        while let Ok(Some(frame)) = futures_util::future::poll_immediate(self.link.receive.next()).await.ok_or(()) {
            self.take(frame);
        }
        self.inbox.drain(..).collect()
    }

    /// Everything that has come by now, without letting anybody run.
    pub fn arrived(&mut self) -> Vec<ServerMessage> {
        while let Some(Some(frame)) = futures_util::FutureExt::now_or_never(self.link.receive.next()) {
            self.take(frame);
        }
        self.inbox.drain(..).collect()
    }

    /// The frames that have come by now, as they came.
    pub async fn raw_frames(&mut self) -> Vec<Outbound> {
        settle().await;
        let mut frames = Vec::new();
        while let Some(Some(frame)) = futures_util::FutureExt::now_or_never(self.link.receive.next()) {
            frames.push(frame);
        }
        frames
    }

    /// The events that have come by now, with their channels.
    pub async fn events(&mut self) -> Vec<Event> {
        self.all()
            .await
            .into_iter()
            .filter_map(|message| if let ServerMessage::Event(event) = message { Some(event) } else { None })
            .collect()
    }

    /// The next message, or how the relay closed.
    pub async fn next_or_close(&mut self) -> Result<ServerMessage, Closing> {
        loop {
            if let Some(message) = self.inbox.pop_front() {
                return Ok(message);
            }
            if let Some(closing) = &self.closed {
                return Err(closing.clone());
            }
            let frame = tokio::time::timeout(Duration::from_secs(3_600), self.link.receive.next()).await.expect("nothing came");
            self.take(frame.expect("ended without a close frame"));
        }
    }

    /// Waits for the close; messages before it are dropped.
    pub async fn closing(&mut self) -> Closing {
        while self.closed.is_none() {
            let frame = tokio::time::timeout(Duration::from_secs(3_600), self.link.receive.next()).await.expect("never closed");
            self.take(frame.expect("ended without a close frame"));
        }
        self.closed.clone().unwrap()
    }

    /// The next message that is no `viewers`.
    pub async fn next_answer(&mut self) -> ServerMessage {
        loop {
            match self.next().await {
                ServerMessage::Viewers(_) => {}
                other => return other,
            }
        }
    }

    pub async fn subscribe_entry(&mut self, entry: SubscribeEntry) -> Result<Subscribed, ErrorBody> {
        let id = self.id();
        let SubscribeEntry { channel, recover, history, max_hz } = entry;
        self.send(&ClientMessage::Subscribe(Subscribe { id, channel, recover, history, max_hz })).await;
        match self.next_answer().await {
            ServerMessage::Subscribed(subscribed) => {
                assert_eq!(subscribed.id, Some(id));
                Ok(subscribed)
            }
            ServerMessage::Error(error) => {
                assert_eq!(error.id, Some(id));
                Err(error.body)
            }
            other => panic!("expected subscribed, got {other:?}"),
        }
    }

    pub async fn subscribe(&mut self, channel: &str) -> Result<Subscribed, ErrorBody> {
        self.subscribe_entry(SubscribeEntry::new(channel)).await
    }

    pub async fn pong(&mut self, ts: UnixMs) {
        self.send(&ClientMessage::Pong(Pong { ts })).await;
    }
}

/// The subscribed entry of that channel.
pub fn entry<'a>(welcome: &'a Welcome, channel: &str) -> &'a Subscribed {
    let found = welcome.subscribed.iter().find_map(|entry| match entry {
        SubscribedEntry::Subscribed(subscribed) if subscribed.channel == channel => Some(subscribed),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("{channel} is not subscribed: {:?}", welcome.subscribed))
}
