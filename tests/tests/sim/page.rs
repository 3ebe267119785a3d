//! A page: drives a client core the way a browser driver does, through a faulty link, on a machine that sleeps.

use crate::backend::{Mood, give_token};
use crate::judge::Judge;
use crate::link::{News, Socket, Weather};
use crate::truth::Truth;
use crate::web::{Answer, post};
use crate::world::{START_MS, World};
use fastrand::Rng;
use pulsewire_client_core::{
    BackoffConfig, Client, ClientEvent, Command, Config, Conn, ConnectionState, Input, Millis, OutboxConfig, Output, RequestId,
    SubscribeOptions, Wake,
};
use pulsewire_protocol::{ClientInfo, CloseCode, Position};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{AbortHandle, spawn_local};
use tokio::time::sleep_until;

/// The longest delay between tries in the simulation.
pub const BACKOFF_CAP_MS: u64 = 8_000;

/// A page that polls hears of the relay at least this often: what a poll may wait, twice, and then some.
const SILENCE_MS: u64 = 90_000;

/// What the world does to a page.
#[allow(clippy::large_enum_variant, reason = "a handful of them exist at a time")]
pub enum Order {
    Command(Command),
    /// Publishes a note of this number, at once or through the outbox.
    Note {
        channel: String,
        number: u64,
        queue: bool,
    },
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

pub struct Page {
    pub weather: Rc<Weather>,
    pub client: Rc<RefCell<Client>>,
    pub judge: Rc<RefCell<Judge>>,
    pub held: BTreeSet<String>,
    /// How far this machine's wall clock is off.
    pub skew_ms: Rc<Cell<i64>>,
    /// What the backend answers before it gives good tokens again; the next one last.
    pub moods: Rc<RefCell<Vec<Mood>>>,
    /// When (virtual time) the machine will be awake.
    pub awake_at_ms: u64,
    orders: UnboundedSender<Order>,
}

impl Page {
    pub fn start(world: &Rc<World>, truth: &Truth, number: u64, seed: u64) -> Self {
        let weather = Rc::new(Weather::new(seed));
        let skew_ms = Rc::new(Cell::new(0));
        let moods = Rc::new(RefCell::new(Vec::new()));
        // Some pages keep their messages over a reload.
        let persist = Rng::with_seed(seed.rotate_left(7)).bool();
        let client = Rc::new(RefCell::new(Client::new(config(number, persist), seed, world.now(0, 0))));
        let judge = Rc::new(RefCell::new(Judge::new(truth.clone())));
        let (orders, inbox) = unbounded_channel();
        let (news, told) = unbounded_channel();
        let (tokens, given) = unbounded_channel();
        let (answers, answered) = unbounded_channel();
        let (restored, opened) = unbounded_channel();
        let driver = Driver {
            world: Rc::clone(world),
            number,
            weather: Rc::clone(&weather),
            client: Rc::clone(&client),
            judge: Rc::clone(&judge),
            skew_ms: Rc::clone(&skew_ms),
            lag_ms: 0,
            moods: Rc::clone(&moods),
            socket: None,
            news,
            told,
            tokens,
            given,
            answers,
            answered,
            fetches: BTreeMap::new(),
            saved: BTreeMap::new(),
            scope: None,
            restored,
            opened,
            persist,
            orders: orders.clone(),
            requests: 0,
            next_try: None,
            heard_at_ms: 0,
            woke_at_ms: 0,
            closed: false,
            rng: Rng::with_seed(!seed),
        };
        spawn_local(driver.run(inbox));
        Self { weather, client, judge, held: BTreeSet::new(), skew_ms, moods, awake_at_ms: 0, orders }
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

fn config(number: u64, persist: bool) -> Config {
    Config {
        outbox: OutboxConfig { persist, ..OutboxConfig::default() },
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
    moods: Rc<RefCell<Vec<Mood>>>,
    socket: Option<Socket>,
    news: UnboundedSender<(Conn, News)>,
    told: UnboundedReceiver<(Conn, News)>,
    tokens: UnboundedSender<Given>,
    given: UnboundedReceiver<Given>,
    answers: UnboundedSender<(u32, Answer)>,
    answered: UnboundedReceiver<(u32, Answer)>,
    fetches: BTreeMap<u32, AbortHandle>,
    /// What outlives a reload, and whose it is.
    saved: BTreeMap<String, Vec<u8>>,
    scope: Option<String>,
    restored: UnboundedSender<(String, Vec<Vec<u8>>)>,
    opened: UnboundedReceiver<(String, Vec<Vec<u8>>)>,
    persist: bool,
    orders: UnboundedSender<Order>,
    requests: u32,
    next_try: Option<Millis>,
    /// When the last answer came over HTTP, and when the machine last woke up.
    heard_at_ms: u64,
    woke_at_ms: u64,
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
                Some((fetch, answer)) = self.answered.recv() => self.handle_answer(fetch, &answer),
                Some((scope, entries)) = self.opened.recv() => self.handle(Input::Restored { scope, entries }),
                order = orders.recv() => match order {
                    Some(Order::Sleep { ms, clock_stands }) => {
                        self.world.pass(ms).await;
                        self.woke_at_ms = self.world.elapsed_ms();
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

    fn handle_answer(&mut self, fetch: u32, answer: &Answer) {
        if self.fetches.remove(&fetch).is_none() {
            // Aborted when its answer was already there.
            return;
        }
        self.world.note((self.number, fetch, answer));
        let mut judge = self.judge.borrow_mut();
        judge.bad_tokens += u32::from(answer.status == 401);
        judge.figures.polls += 1;
        drop(judge);
        if answer.status == 200 {
            self.heard_at_ms = self.world.elapsed_ms();
        }
        self.handle(Input::Fetched { fetch, answer: answer.view() });
    }

    fn request(&mut self, number: Option<u64>, queue: bool) -> RequestId {
        self.requests += 1;
        let request = RequestId(self.requests);
        self.judge.borrow_mut().ledger.handle_request(request, number, queue);
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
                let request = self.request(None, false);
                self.handle(Input::Command(Command::Ping { request }));
            }
            Order::Note { channel, number, queue } => {
                let request = self.request(Some(number), queue);
                let payload = Truth::note(number);
                let key = (!queue).then(|| number.to_string());
                self.handle(Input::Command(Command::Publish { request, channel, payload, key, queue }));
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
        let mut fresh = Client::new(config(self.number, self.persist), self.rng.u64(..), now);
        for channel in held {
            fresh.handle(now, Input::Command(Command::Subscribe { channel: channel.clone(), options: SubscribeOptions::default() }));
            let client = self.client.borrow();
            if let Some(view) = client.channel(channel).filter(|view| !view.epoch.is_empty()) {
                let position = Position { epoch: view.epoch.to_owned(), offset: view.offset };
                fresh.handle(now, Input::Command(Command::Resume { channel: channel.clone(), position }));
            }
        }
        self.client.replace(fresh);
        self.judge.borrow_mut().handle_reload(|id| self.saved.contains_key(id));
        std::mem::take(&mut self.fetches).into_values().for_each(|task| task.abort());
        // Sockets and questions of the old page are numbered like those of the new one: their news must reach nobody.
        (self.news, self.told) = unbounded_channel();
        (self.tokens, self.given) = unbounded_channel();
        (self.answers, self.answered) = unbounded_channel();
        (self.restored, self.opened) = unbounded_channel();
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
                Output::Fetch { fetch, path, token, body } => self.post(fetch, path, token, body),
                Output::AbortFetch { fetch } => {
                    // Gone already where its answer is what is being handled.
                    if let Some(task) = self.fetches.remove(&fetch) {
                        task.abort();
                    }
                }
                Output::OpenSaved { scope } => self.open_saved(scope),
                Output::Save { id, bytes } => {
                    self.saved.insert(id, bytes);
                }
                Output::Forget { id } => {
                    self.saved.remove(&id);
                }
                Output::EraseSaved => self.saved.clear(),
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
        if client.connection().state == ConnectionState::Polling {
            let silent_ms = self.world.elapsed_ms() - self.heard_at_ms.max(self.woke_at_ms);
            assert!(silent_ms < SILENCE_MS, "the page says that it polls, and has heard nothing for {silent_ms} ms");
        }
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
        let mood = self.moods.borrow_mut().pop();
        let takes_ms = if self.rng.u8(..4) == 0 { self.rng.u64(..4_000) } else { 30 };
        let giving = give_token(Rc::clone(&self.world), format!("page-{}", self.number), mood, takes_ms);
        let tokens = self.tokens.clone();
        spawn_local(async move {
            if let Some(result) = giving.await {
                let _ = tokens.send((request, result));
            }
        });
    }

    fn post(&mut self, fetch: u32, path: &'static str, token: String, body: Vec<u8>) {
        self.world.note((self.number, 'f', fetch, path, &body));
        let posting = post(self.world.life(), Rc::clone(&self.weather), path, token, body);
        let answers = self.answers.clone();
        let task = spawn_local(async move {
            let answer = posting.await;
            let _ = answers.send((fetch, answer));
        });
        assert!(self.fetches.insert(fetch, task.abort_handle()).is_none(), "two requests under one number");
        assert!(self.fetches.len() <= 2, "more than a poll and a post at once");
    }

    /// The store of waiting messages answers, with everything in it or (a full disk, a private window) with nothing.
    fn open_saved(&mut self, scope: String) {
        if self.scope.as_ref().is_some_and(|known| *known != scope) {
            self.saved.clear();
        }
        self.scope = Some(scope.clone());
        let entries = self.saved.values().cloned().collect();
        let _ = self.restored.send((scope, entries));
    }
}
