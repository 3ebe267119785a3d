//! A page under test: a client, its clock, and the relay's side played by the test.
//!
//! It checks what must hold in every test: one socket at most, nothing sent through a dead one, one token request at a time,
//! and no deadline that lies in the past.

#![allow(dead_code, unreachable_pub)]

pub mod relay;

use pulsewire_client_core::protocol::*;
use pulsewire_client_core::*;
use std::collections::BTreeMap;

pub struct Page {
    pub client: Client,
    pub now: Now,
    /// The socket that the core believes to be there.
    pub open: Option<Conn>,
    /// When each socket was asked for.
    pub tries: Vec<Millis>,
    pub sent: Vec<ClientMessage>,
    pub events: Vec<ClientEvent>,
    pub closes: Vec<u16>,
    /// Asked and not answered.
    pub asked: Option<(u32, TokenReason)>,
    pub token_reasons: Vec<TokenReason>,
    /// Given at once when asked.
    pub token: Option<String>,
    pub changed: Slices,
    /// Requests over HTTP that are not answered.
    pub fetches: Vec<Fetch>,
    /// What is kept over a reload, and for whom.
    pub saved: BTreeMap<String, Vec<u8>>,
    pub scope: Option<String>,
    /// The store was opened and has not answered.
    pub store_asked: bool,
}

/// A request over HTTP.
#[derive(Clone, Debug)]
pub struct Fetch {
    pub fetch: u32,
    pub path: &'static str,
    pub token: String,
    pub body: Vec<u8>,
}

impl Fetch {
    pub fn poll(&self) -> PollRequest {
        cbor::decode_poll_request(&self.body).expect("the client writes what the relay can read")
    }
    pub fn items(&self) -> Vec<PublishItem> {
        cbor::decode_publish_items(&self.body).expect("the client writes what the relay can read")
    }
}

/// Three parts; the middle one is `{}`: no `exp`, so the relay decides.
pub const TOKEN: &str = "eyJhbGciOiJub25lIn0.e30.c2ln";

/// A token that ends at so many seconds of Unix time.
pub fn token(exp_s: u64) -> String {
    // base64url of {"exp":N}, without a library: the digits are padded so that the text is a multiple of three bytes.
    let claims = format!("{{\"exp\":{exp_s:>13}}}");
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in claims.as_bytes().chunks(3) {
        let bits = (u32::from(chunk[0]) << 16) | (u32::from(chunk[1]) << 8) | u32::from(chunk[2]);
        for shift in [18, 12, 6, 0] {
            text.push(char::from(letters[(bits >> shift) as usize & 63]));
        }
    }
    format!("eyJhbGciOiJub25lIn0.{text}.c2ln")
}

pub fn exact() -> Config {
    Config { backoff: BackoffConfig { jitter: false, ..BackoffConfig::default() }, ..Config::default() }
}

pub const START: Now = Now { monotonic: Millis(50_000), unix: Millis(1_700_000_000_000) };

impl Page {
    pub fn new(config: Config) -> Self {
        Self {
            client: Client::new(config, 42, START),
            now: START,
            open: None,
            tries: Vec::new(),
            sent: Vec::new(),
            events: Vec::new(),
            closes: Vec::new(),
            asked: None,
            token_reasons: Vec::new(),
            token: Some(TOKEN.to_owned()),
            changed: Slices::NONE,
            fetches: Vec::new(),
            saved: BTreeMap::new(),
            scope: None,
            store_asked: false,
        }
    }
    /// The same page after a reload, with what it kept.
    pub fn reloaded(&mut self, config: Config, seed: u64) {
        let kept = (std::mem::take(&mut self.saved), self.scope.take());
        let (now, token) = (self.now, self.token.take());
        *self = Self { client: Client::new(config, seed, now), now, token, ..Self::new(Config::default()) };
        (self.saved, self.scope) = kept;
    }
    /// The store answers, if it was asked.
    pub fn restore(&mut self) {
        if std::mem::take(&mut self.store_asked) {
            let scope = self.scope.clone().expect("a store was opened");
            // In another order than they were kept in.
            let entries = self.saved.values().rev().cloned().collect();
            self.input(Input::Restored { scope, entries });
        }
    }
    /// The request under way to a path, if there is one.
    pub fn fetch(&self, path: &str) -> Option<Fetch> {
        self.fetches.iter().find(|fetch| fetch.path.starts_with(path)).cloned()
    }
    pub fn poll_under_way(&self) -> Option<Fetch> {
        self.fetch("/api/v1/poll")
    }
    pub fn post_under_way(&self) -> Option<Fetch> {
        self.fetch("/api/v1/publish")
    }
    pub fn answer(&mut self, fetch: u32, answer: HttpAnswer<'_>) {
        let index = self.fetches.iter().position(|open| open.fetch == fetch).expect("the request is under way");
        self.fetches.remove(index);
        self.input(Input::Fetched { fetch, answer });
    }
    pub fn answer_poll(&mut self, channels: Vec<SubscribedEntry>) {
        let fetch = self.poll_under_way().expect("a poll is under way").fetch;
        let body = cbor::encode_poll_response(&PollResponse { channels, server_time: UnixMs::from_millis(self.now.unix.0) });
        self.answer(fetch, HttpAnswer { status: 200, body: &body, ..HttpAnswer::default() });
    }
    /// Publishes a note through the outbox.
    pub fn note(&mut self, request: u32, channel: &str) {
        let data = RawJson::from_text_unchecked(request.to_string());
        let payload = Payload::Custom { event: "note".to_owned(), data };
        self.command(Command::Publish { request: RequestId(request), channel: channel.to_owned(), payload, key: None, queue: true });
    }
    /// One whose socket does not get through and that polls instead.
    pub fn polling(config: Config) -> Self {
        let mut page = Self::new(config);
        page.command(Command::Connect);
        page.block_socket();
        page.answer_poll(vec![SubscribedEntry::Subscribed(fresh(None, "tenant", "a", 1))]);
        assert_eq!(page.state(), ConnectionState::Polling);
        page
    }
    /// Lets the tries of the socket fail until the page polls.
    pub fn block_socket(&mut self) {
        while self.poll_under_way().is_none() {
            self.await_socket();
            self.closed(1006, "");
        }
    }
    /// What was told of the way of each message: its request and the word.
    pub fn deliveries(&mut self) -> Vec<(u32, &'static str)> {
        let of = |event: &ClientEvent| match event {
            ClientEvent::Delivery { request, state, .. } => Some((request.map_or(0, |request| request.0), state.as_str())),
            _ => None,
        };
        self.take_events().iter().filter_map(of).collect()
    }
    /// One that is connected.
    pub fn connected(config: Config) -> Self {
        let mut page = Self::new(config);
        page.command(Command::Connect);
        page.accept();
        page
    }

    pub fn input(&mut self, input: Input<'_>) {
        if let Input::Closed { conn, .. } = &input
            && self.open == Some(*conn)
        {
            self.open = None;
        }
        self.client.handle(self.now, input);
        self.drain();
    }
    fn drain(&mut self) {
        let mut answer = None;
        while let Some(output) = self.client.poll_output() {
            match output {
                Output::Connect { conn } => {
                    assert_eq!(self.open, None, "two sockets at once");
                    self.open = Some(conn);
                    self.tries.push(self.now.monotonic);
                }
                Output::Send { conn, bytes } => {
                    assert_eq!(self.open, Some(conn), "sent through a socket that is gone");
                    for message in cbor::decode_client(&bytes) {
                        self.sent.push(message.expect("the client writes what the relay can read"));
                    }
                }
                Output::Close { conn, code } => {
                    assert_eq!(self.open, Some(conn), "closed a socket that is gone");
                    self.open = None;
                    self.closes.push(code);
                }
                Output::RequestToken { request, reason } => {
                    self.asked = Some((request, reason));
                    self.token_reasons.push(reason);
                    answer = self.token.clone();
                }
                Output::Fetch { fetch, path, token, body } => {
                    self.fetches.push(Fetch { fetch, path, token, body });
                    for kind in ["/api/v1/poll", "/api/v1/publish"] {
                        let under_way = self.fetches.iter().filter(|fetch| fetch.path.starts_with(kind)).count();
                        assert!(under_way <= 1, "{under_way} requests to {kind} at once");
                    }
                }
                Output::AbortFetch { fetch } => {
                    let index = self.fetches.iter().position(|open| open.fetch == fetch).expect("aborted a request that is over");
                    self.fetches.remove(index);
                }
                Output::OpenSaved { scope } => {
                    if self.scope.as_ref() != Some(&scope) {
                        self.saved.clear();
                    }
                    self.scope = Some(scope);
                    self.store_asked = true;
                }
                Output::Save { id, bytes } => {
                    assert!(self.scope.is_some(), "saved without a store");
                    self.saved.insert(id, bytes);
                }
                Output::Forget { id } => {
                    self.saved.remove(&id);
                }
                Output::EraseSaved => {
                    self.saved.clear();
                    self.scope = None;
                }
                Output::Changed(slices) => self.changed |= slices,
                Output::Emit(event) => self.events.push(event),
            }
        }
        if let Some(deadline) = self.client.poll_timeout() {
            assert!(deadline > self.now.monotonic, "a deadline in the past would make a busy loop: {:?}", self.client);
        }
        if let Some(token) = answer {
            self.give_token(Ok(token));
        }
    }
    pub fn give_token(&mut self, result: Result<String, String>) {
        let (request, _) = self.asked.take().expect("a token was asked for");
        self.input(Input::Token { request, result });
    }
    pub fn command(&mut self, command: Command) {
        self.input(Input::Command(command));
    }
    pub fn subscribe(&mut self, channel: &str) {
        self.command(Command::Subscribe { channel: channel.to_owned(), options: SubscribeOptions::default() });
    }
    pub fn release(&mut self, channel: &str) {
        self.command(Command::Release { channel: channel.to_owned() });
    }
    pub fn wake(&mut self, wake: Wake) {
        self.input(Input::Wake(wake));
    }

    /// Lets time pass, ticking at every deadline on the way.
    pub fn advance(&mut self, ms: u64) {
        let end = self.now.monotonic.plus(ms);
        while let Some(deadline) = self.client.poll_timeout().filter(|deadline| *deadline <= end) {
            self.jump(deadline.since(self.now.monotonic));
            self.input(Input::Tick);
        }
        self.jump(end.since(self.now.monotonic));
        self.input(Input::Tick);
    }
    /// Lets time pass until the client asks for a socket.
    pub fn await_socket(&mut self) {
        while self.open.is_none() {
            let deadline = self.client.poll_timeout().expect("the client means to try again");
            self.advance(deadline.since(self.now.monotonic));
        }
    }
    /// Moves both clocks without telling the client.
    pub fn jump(&mut self, ms: u64) {
        self.now.monotonic = self.now.monotonic.plus(ms);
        self.now.unix = self.now.unix.plus(ms);
    }

    pub fn opened(&mut self) {
        let conn = self.open.expect("a socket was asked for");
        self.input(Input::Opened { conn });
    }
    pub fn closed(&mut self, code: u16, reason: &str) {
        let conn = self.open.expect("a socket is there");
        self.input(Input::Closed { conn, code, reason });
    }
    pub fn relay(&mut self, message: ServerMessage) {
        self.bytes(&cbor::encode_server(&message));
    }
    pub fn bytes(&mut self, bytes: &[u8]) {
        let conn = self.open.expect("a socket is there");
        self.input(Input::Frame { conn, bytes });
    }
    pub fn connect_message(&self) -> &Connect {
        self.sent
            .iter()
            .rev()
            .find_map(|message| match message {
                ClientMessage::Connect(connect) => Some(connect),
                _ => None,
            })
            .expect("a connect was sent")
    }
    /// Opens and welcomes, with an empty history for every channel asked for.
    pub fn accept(&mut self) {
        self.opened();
        let entries = self.connect_message().subscribe.clone();
        self.welcome(entries.into_iter().map(|entry| SubscribedEntry::Subscribed(fresh(None, &entry.channel, "a", 0))).collect());
    }
    pub fn welcome(&mut self, subscribed: Vec<SubscribedEntry>) {
        let welcome = welcome(self.connect_message().id, self.now, subscribed);
        self.relay(ServerMessage::Welcome(welcome));
    }
    pub fn event(&mut self, channel: &str, publication: Publication) {
        self.relay(ServerMessage::Event(Event { channel: channel.to_owned(), publication }));
    }

    /// Connected, with `patient:1` live at offset 5 of epoch `a`.
    pub fn live() -> Self {
        let mut page = Self::new(exact());
        page.subscribe("patient:1");
        page.command(Command::Connect);
        page.opened();
        page.welcome(vec![answered(fresh(None, "patient:1", "a", 5))]);
        page.take_sent();
        page
    }
    pub fn phase(&self, channel: &str) -> Option<ChannelPhase> {
        self.client.channel(channel).map(|view| view.phase)
    }
    /// Takes what was sent; of it, the subscriptions.
    pub fn take_subscribes(&mut self) -> Vec<Subscribe> {
        let of = |message| match message {
            ClientMessage::Subscribe(subscribe) => Some(subscribe),
            _ => None,
        };
        self.take_sent().into_iter().filter_map(of).collect()
    }
    pub fn state(&self) -> ConnectionState {
        self.client.connection().state
    }
    pub fn take_sent(&mut self) -> Vec<ClientMessage> {
        std::mem::take(&mut self.sent)
    }
    pub fn take_events(&mut self) -> Vec<ClientEvent> {
        std::mem::take(&mut self.events)
    }
    /// Offsets of the events of a channel that the page was told.
    pub fn offsets(&self, name: &str) -> Vec<u64> {
        let of = |event: &ClientEvent| match event {
            ClientEvent::Event(event) if event.channel == name => event.publication.offset,
            _ => None,
        };
        self.events.iter().filter_map(of).collect()
    }
    pub fn resyncs(&self) -> Vec<String> {
        let of = |event: &ClientEvent| match event {
            ClientEvent::Resync { channel } => Some(channel.clone()),
            _ => None,
        };
        self.events.iter().filter_map(of).collect()
    }
    pub fn errors(&self) -> Vec<&'static str> {
        let of = |event: &ClientEvent| match event {
            ClientEvent::Error { code, .. } => Some(*code),
            _ => None,
        };
        self.events.iter().filter_map(of).collect()
    }
    pub fn toasts(&self) -> Vec<String> {
        self.client.toasts().visible().map(|toast| toast.title.clone()).collect()
    }
}

pub fn welcome(id: u64, now: Now, subscribed: Vec<SubscribedEntry>) -> Welcome {
    Welcome {
        id,
        connection: "c1".to_owned(),
        node: "n1".to_owned(),
        user: "ana".to_owned(),
        tenant: "t".to_owned(),
        server_time: UnixMs::from_millis(now.unix.0),
        heartbeat_ms: 30_000,
        timeout_ms: 60_000,
        expires_at: UnixMs::from_millis(now.unix.0 + 3_600_000),
        limits: Limits { max_message_bytes: 65_536, max_subscriptions: 256, messages_per_second: 50, recovery_bytes: 1 << 20 },
        subscribed,
    }
}
pub fn at(epoch: &str, offset: u64) -> Position {
    Position { epoch: epoch.to_owned(), offset }
}
pub fn answered(answer: Subscribed) -> SubscribedEntry {
    SubscribedEntry::Subscribed(answer)
}
pub fn fresh(id: Option<u64>, channel: &str, epoch: &str, offset: u64) -> Subscribed {
    Subscribed {
        id,
        channel: channel.to_owned(),
        epoch: epoch.to_owned(),
        offset,
        recovered: false,
        publications: Vec::new(),
        state: Vec::new(),
        viewers: None,
    }
}
pub fn custom(offset: Option<u64>) -> Publication {
    let payload = Payload::Custom { event: "note".to_owned(), data: RawJson::from_text_unchecked("1".to_owned()) };
    Publication { offset, first_offset: None, payload, ts: UnixMs(START.unix.0 as f64), from: None }
}
pub fn publication(offset: u64, payload: Payload, ts: Millis) -> Publication {
    Publication { offset: Some(offset), first_offset: None, payload, ts: UnixMs::from_millis(ts.0), from: None }
}
pub fn alert(id: &str, severity: Severity, ts: Millis) -> Payload {
    Payload::Alert(Alert {
        id: Some(id.to_owned()),
        patient_id: "p1".to_owned(),
        patient_name: id.to_owned(),
        device_id: None,
        alert_type: "hr".to_owned(),
        severity,
        message: "high".to_owned(),
        ts: Some(UnixMs::from_millis(ts.0)),
        metadata: None,
    })
}
