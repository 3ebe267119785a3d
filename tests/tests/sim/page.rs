//! A page: drives a client core the way a browser driver does, through a faulty link, on a machine that sleeps.

use crate::judge::Judge;
use crate::link::{News, Socket, Weather};
use crate::truth::Truth;
use crate::world::{START_MS, TENANT, World};
use fastrand::Rng;
use pulsewire_client_core::{
    BackoffConfig, Client, ClientEvent, Command, Config, Conn, Input, Millis, Output, RequestId, SubscribeOptions, Wake,
};
use pulsewire_protocol::{ClientInfo, CloseCode, Position};
use pulsewire_relay::mint::{TokenRequest, mint};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::spawn_local;
use tokio::time::{sleep, sleep_until};

/// The longest delay between tries in the simulation.
pub const BACKOFF_CAP_MS: u64 = 8_000;

/// What the world does to a page.
#[allow(clippy::large_enum_variant, reason = "a handful of them exist at a time")]
pub enum Order {
    Command(Command),
    /// Publishes a note of this number.
    Note(String, u64),
    Ping,
    Wake(Wake),
    /// The socket dies; the page hears of it or not.
    Cut {
        aloud: bool,
    },
    /// The machine sleeps; its monotonic clock with it, or not.
    Sleep {
        ms: u64,
        clock_stands: bool,
    },
    /// The page is loaded anew, holds these channels and tells the core where it stood in them.
    Reload(BTreeSet<String>),
}

/// How the application's backend answers the next `getToken`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    Fails,
    /// Never comes.
    Hangs,
    /// A token that has ended.
    Ended,
    /// A token of somebody who does not know the secret.
    Forged,
    /// Something that is no token.
    Malformed,
}

pub struct Page {
    pub weather: Rc<Weather>,
    pub client: Rc<RefCell<Client>>,
    pub judge: Rc<RefCell<Judge>>,
    pub held: BTreeSet<String>,
    /// How far this machine's wall clock is off.
    pub skew_ms: Rc<Cell<i64>>,
    /// What the backend answers before it gives good tokens again; the next one last.
    pub answers: Rc<RefCell<Vec<Answer>>>,
    /// When (virtual time) the machine will be awake.
    pub awake_at_ms: u64,
    orders: UnboundedSender<Order>,
}

impl Page {
    pub fn start(world: &Rc<World>, truth: &Truth, number: u64, seed: u64) -> Self {
        let weather = Rc::new(Weather::new(seed));
        let skew_ms = Rc::new(Cell::new(0));
        let answers = Rc::new(RefCell::new(Vec::new()));
        let client = Rc::new(RefCell::new(Client::new(config(number), seed, world.now(0, 0))));
        let judge = Rc::new(RefCell::new(Judge::new(truth.clone())));
        let (orders, inbox) = unbounded_channel();
        let (news, told) = unbounded_channel();
        let (tokens, given) = unbounded_channel();
        let driver = Driver {
            world: Rc::clone(world),
            number,
            weather: Rc::clone(&weather),
            client: Rc::clone(&client),
            judge: Rc::clone(&judge),
            skew_ms: Rc::clone(&skew_ms),
            lag_ms: 0,
            answers: Rc::clone(&answers),
            socket: None,
            news,
            told,
            tokens,
            given,
            orders: orders.clone(),
            requests: 0,
            next_try: None,
            closed: false,
            rng: Rng::with_seed(!seed),
        };
        spawn_local(driver.run(inbox));
        Self { weather, client, judge, held: BTreeSet::new(), skew_ms, answers, awake_at_ms: 0, orders }
    }
    pub fn order(&self, order: Order) {
        assert!(self.orders.send(order).is_ok(), "the driver of a page died: see the panic above");
    }
    pub fn command(&self, command: Command) {
        self.order(Order::Command(command));
    }
    /// What is not well again yet, if anything.
    pub fn lacks(&self) -> Option<String> {
        assert!(!self.orders.is_closed(), "the driver of a page died: see the panic above");
        self.judge.borrow().lacks(&self.client.borrow(), &self.held)
    }
}

fn config(number: u64) -> Config {
    Config {
        backoff: BackoffConfig { cap_ms: BACKOFF_CAP_MS, ..BackoffConfig::default() },
        client: ClientInfo { name: "sim".to_owned(), version: "1".to_owned(), session: number.to_string() },
        ..Config::default()
    }
}

/// A token, and when it ends (0 where no relay will take it).
type Given = (u32, Result<(String, u64), String>);

struct Driver {
    world: Rc<World>,
    number: u64,
    weather: Rc<Weather>,
    client: Rc<RefCell<Client>>,
    judge: Rc<RefCell<Judge>>,
    skew_ms: Rc<Cell<i64>>,
    /// How long the monotonic clock has stood still.
    lag_ms: u64,
    answers: Rc<RefCell<Vec<Answer>>>,
    socket: Option<Socket>,
    news: UnboundedSender<(Conn, News)>,
    told: UnboundedReceiver<(Conn, News)>,
    tokens: UnboundedSender<Given>,
    given: UnboundedReceiver<Given>,
    orders: UnboundedSender<Order>,
    requests: u32,
    next_try: Option<Millis>,
    /// Closed on purpose.
    closed: bool,
    rng: Rng,
}

impl Driver {
    async fn run(mut self, mut orders: UnboundedReceiver<Order>) {
        loop {
            let deadline = self.client.borrow().poll_timeout();
            let tick = async {
                match deadline {
                    Some(at) => sleep_until(self.world.started + Duration::from_millis(at.0 - 1 + self.lag_ms)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                Some((conn, news)) = self.told.recv() => self.handle_news(conn, &news),
                Some((request, result)) = self.given.recv() => self.handle_token(request, result),
                order = orders.recv() => match order {
                    Some(Order::Sleep { ms, clock_stands }) => {
                        self.world.pass(ms).await;
                        self.lag_ms += if clock_stands { ms } else { 0 };
                    }
                    Some(order) => self.handle_order(order),
                    None => return,
                },
                () = tick => self.handle(Input::Tick),
            }
        }
    }

    fn handle_news(&mut self, conn: Conn, news: &News) {
        match news {
            News::Opened => self.handle(Input::Opened { conn }),
            News::Frame(bytes) => self.handle(Input::Frame { conn, bytes }),
            News::Closed(closing) => {
                if self.socket.as_ref().is_some_and(|socket| socket.conn == conn) {
                    self.socket = None;
                }
                if closing.code == CloseCode::UNAUTHORIZED {
                    self.judge.borrow_mut().bad_tokens += 1;
                }
                self.handle(Input::Closed { conn, code: closing.code.0, reason: &closing.reason });
            }
        }
    }

    fn handle_token(&mut self, request: u32, result: Result<(String, u64), String>) {
        // Ended, or so it seems: a machine whose clock jumped cannot know better, and asks for another one first.
        let offset_ms = self.client.borrow().connection().clock_offset_ms;
        let seems_ms = self.world.now(0, self.skew_ms.get()).unix.0.saturating_add_signed(offset_ms);
        let now_ms = seems_ms.max(START_MS + self.world.elapsed_ms());
        if result.as_ref().is_ok_and(|(_, ends_ms)| *ends_ms <= now_ms) {
            self.judge.borrow_mut().bad_tokens += 1;
        }
        self.handle(Input::Token { request, result: result.map(|(token, _)| token) });
    }

    fn request(&mut self, number: Option<u64>) -> RequestId {
        self.requests += 1;
        let request = RequestId(self.requests);
        self.judge.borrow_mut().handle_request(request, number);
        request
    }

    fn handle_order(&mut self, order: Order) {
        match order {
            Order::Command(command) => {
                match command {
                    Command::Connect => self.closed = false,
                    Command::Close => self.closed = true,
                    _ => {}
                }
                self.handle(Input::Command(command));
            }
            Order::Wake(wake) => self.handle(Input::Wake(wake)),
            Order::Ping => {
                let request = self.request(None);
                self.handle(Input::Command(Command::Ping { request }));
            }
            Order::Note(channel, number) => {
                let request = self.request(Some(number));
                let payload = Truth::note(number);
                self.handle(Input::Command(Command::Publish { request, channel, payload, key: Some(number.to_string()), queue: false }));
            }
            Order::Cut { aloud } => {
                if let Some(socket) = &self.socket {
                    socket.cut(aloud.then_some(&self.news));
                }
            }
            Order::Reload(held) => self.reload(&held),
            Order::Sleep { .. } => {}
        }
    }

    /// The page goes and comes back knowing its channels and how far it had read, as after a trap of the wasm.
    fn reload(&mut self, held: &BTreeSet<String>) {
        if let Some(socket) = self.socket.take() {
            socket.close(1001);
        }
        let now = self.world.now(self.lag_ms, self.skew_ms.get());
        let mut fresh = Client::new(config(self.number), self.rng.u64(..), now);
        for channel in held {
            fresh.handle(now, Input::Command(Command::Subscribe { channel: channel.clone(), options: SubscribeOptions::default() }));
            let client = self.client.borrow();
            if let Some(view) = client.channel(channel).filter(|view| !view.epoch.is_empty()) {
                let position = Position { epoch: view.epoch.to_owned(), offset: view.offset };
                fresh.handle(now, Input::Command(Command::Resume { channel: channel.clone(), position }));
            }
        }
        self.client.replace(fresh);
        self.judge.borrow_mut().handle_reload();
        // Sockets and questions of the old page are numbered like those of the new one: their news must reach nobody.
        (self.news, self.told) = unbounded_channel();
        (self.tokens, self.given) = unbounded_channel();
        if !self.closed {
            self.handle(Input::Command(Command::Connect));
        }
    }

    fn handle(&mut self, input: Input<'_>) {
        let now = self.world.now(self.lag_ms, self.skew_ms.get());
        self.world.say(format_args!("    {} < {input:?}", self.number));
        self.trace_input(&input);
        let client = Rc::clone(&self.client);
        let mut client = client.borrow_mut();
        client.handle(now, input);
        while let Some(output) = client.poll_output() {
            self.world.say(format_args!("    {} > {output:?}", self.number));
            match output {
                Output::Connect { conn } => {
                    self.world.note((self.number, 'o', conn.0));
                    assert!(self.socket.is_none(), "two sockets at once");
                    self.socket = Some(Socket::open(conn, &self.world, Rc::clone(&self.weather), self.news.clone()));
                }
                Output::Send { conn, bytes } => {
                    self.world.note((self.number, 's', conn.0, &bytes));
                    let socket = self.socket.as_ref().expect("sent without a socket");
                    assert_eq!(socket.conn, conn, "sent through another socket");
                    socket.send(bytes);
                }
                Output::Close { conn, code } => {
                    self.world.note((self.number, 'c', conn.0, code));
                    let socket = self.socket.take().expect("closed without a socket");
                    assert_eq!(socket.conn, conn, "closed another socket");
                    socket.close(code);
                }
                Output::RequestToken { request, .. } => self.give_token(request),
                Output::Emit(event) => {
                    if matches!(event, ClientEvent::Unauthorized { .. }) {
                        // The user signs in again.
                        let _ = self.orders.send(Order::Command(Command::Connect));
                    }
                    self.judge.borrow_mut().handle_event(&client, event);
                }
                _ => {}
            }
        }
        assert!(!self.closed || self.socket.is_none(), "revived after it was closed on purpose");
        self.judge.borrow_mut().handle_state(&client);
        if let Some(deadline) = client.poll_timeout() {
            assert!(deadline > now.monotonic, "a deadline in the past");
        }
        let next_try = client.connection().next_retry_at;
        if let Some(at) = next_try.filter(|_| next_try != self.next_try) {
            let mandated = matches!(client.connection().reason, Some("unavailable" | "rate_limited"));
            let most = if mandated { 60_000 } else { BACKOFF_CAP_MS };
            assert!(at.since(now.unix) <= most, "the next try in {} ms", at.since(now.unix));
        }
        self.next_try = next_try;
    }

    fn trace_input(&self, input: &Input<'_>) {
        let which = std::mem::discriminant(input);
        match input {
            Input::Frame { conn, bytes } => self.world.note((self.number, which, conn.0, *bytes)),
            Input::Closed { conn, code, reason } => self.world.note((self.number, which, conn.0, *code, *reason)),
            Input::Opened { conn } => self.world.note((self.number, which, conn.0)),
            _ => self.world.note((self.number, which)),
        }
    }

    fn give_token(&mut self, request: u32) {
        let (world, tokens, user) = (Rc::clone(&self.world), self.tokens.clone(), format!("page-{}", self.number));
        let answer = self.answers.borrow_mut().pop();
        let takes_ms = if self.rng.u8(..4) == 0 { self.rng.u64(..4_000) } else { 30 };
        spawn_local(async move {
            sleep(Duration::from_millis(takes_ms)).await;
            let config = world.relay().config().clone();
            let now_ms = START_MS + world.elapsed_ms();
            let request_for = |ttl_s| TokenRequest { sub: user, tenant: TENANT.to_owned(), ttl_s, ..TokenRequest::default() };
            let good = |ttl_s, at_ms| mint(&config, &request_for(ttl_s), at_ms).expect("a token");
            let result = match answer {
                Some(Answer::Fails) => Err("the app's backend is down".to_owned()),
                Some(Answer::Hangs) => return,
                Some(Answer::Malformed) => Ok(("no.token".to_owned(), 0)),
                Some(Answer::Ended) => Ok((good(60, now_ms - 600_000).token, 0)),
                Some(Answer::Forged) => {
                    let mut token = good(3_600, now_ms).token;
                    let last = if token.ends_with('A') { 'B' } else { 'A' };
                    token.pop();
                    token.insert(token.rfind('.').expect("a signature") + 1, last);
                    Ok((token, now_ms + 3_600_000))
                }
                None => {
                    let minted = good(world.token_ttl_s, now_ms);
                    Ok((minted.token, minted.expires_at))
                }
            };
            let _ = tokens.send((request, result));
        });
    }
}
