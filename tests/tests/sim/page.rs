//! A page: drives a client core the way a browser driver does, through a faulty link.

use crate::judge::Judge;
use crate::link::{News, Socket, Weather};
use crate::truth::Truth;
use pulsewire_client_core::{BackoffConfig, Client, Command, Config, Conn, Input, Millis, Now, Output, RequestId, Wake};
use pulsewire_protocol::ClientInfo;
use pulsewire_relay::Relay;
use pulsewire_relay::mint::{TokenRequest, mint};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, sleep_until};

/// When virtual time begins.
pub const START_MS: u64 = 1_800_000_000_000;
pub const TENANT: &str = "ward";

/// What all pages share.
pub struct World {
    pub relay: RefCell<Relay>,
    pub started: Instant,
    pub token_ttl_s: u64,
}

impl World {
    pub fn elapsed_ms(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }
}

/// What the world does to a page.
#[allow(clippy::large_enum_variant, reason = "a handful of them exist at a time")]
pub enum Order {
    Command(Command),
    /// Publishes a note of this number.
    Note(String, u64),
    Wake(Wake),
    /// The socket dies; the page hears of it or not.
    Cut {
        aloud: bool,
    },
}

pub struct Page {
    pub weather: Rc<Weather>,
    pub client: Rc<RefCell<Client>>,
    pub judge: Rc<RefCell<Judge>>,
    pub held: BTreeSet<String>,
    /// How far this machine's wall clock is off.
    pub skew_ms: Rc<Cell<i64>>,
    /// Answers of `getToken` that fail before one succeeds.
    pub bad_tokens: Rc<Cell<u32>>,
    orders: UnboundedSender<Order>,
}

impl Page {
    pub fn start(world: &Rc<World>, truth: &Truth, number: u64, seed: u64) -> Self {
        let config = Config {
            backoff: BackoffConfig { cap_ms: 8_000, ..BackoffConfig::default() },
            client: ClientInfo { name: "sim".to_owned(), version: "1".to_owned(), session: number.to_string() },
            ..Config::default()
        };
        let weather = Rc::new(Weather::default());
        weather.clear_up();
        let skew_ms = Rc::new(Cell::new(0));
        let bad_tokens = Rc::new(Cell::new(0));
        let client = Rc::new(RefCell::new(Client::new(config, seed, now(world, 0))));
        let judge = Rc::new(RefCell::new(Judge::new(truth.clone())));
        let (orders, inbox) = unbounded_channel();
        let (news, told) = unbounded_channel();
        let (tokens, given) = unbounded_channel();
        let driver = Driver {
            world: Rc::clone(world),
            user: format!("page-{number}"),
            weather: Rc::clone(&weather),
            client: Rc::clone(&client),
            judge: Rc::clone(&judge),
            skew_ms: Rc::clone(&skew_ms),
            bad_tokens: Rc::clone(&bad_tokens),
            socket: None,
            news,
            tokens,
            requests: 0,
        };
        spawn_local(driver.run(inbox, told, given));
        Self { weather, client, judge, held: BTreeSet::new(), skew_ms, bad_tokens, orders }
    }
    pub fn order(&self, order: Order) {
        assert!(self.orders.send(order).is_ok(), "the driver of a page died: see the panic above");
    }
    pub fn command(&self, command: Command) {
        self.order(Order::Command(command));
    }
}

fn now(world: &World, skew_ms: i64) -> Now {
    let elapsed = world.elapsed_ms();
    Now { monotonic: Millis(elapsed + 1), unix: Millis((START_MS + elapsed).saturating_add_signed(skew_ms)) }
}

struct Driver {
    world: Rc<World>,
    user: String,
    weather: Rc<Weather>,
    client: Rc<RefCell<Client>>,
    judge: Rc<RefCell<Judge>>,
    skew_ms: Rc<Cell<i64>>,
    bad_tokens: Rc<Cell<u32>>,
    socket: Option<Socket>,
    news: UnboundedSender<(Conn, News)>,
    tokens: UnboundedSender<(u32, Result<String, String>)>,
    requests: u32,
}

impl Driver {
    async fn run(
        mut self,
        mut orders: UnboundedReceiver<Order>,
        mut told: UnboundedReceiver<(Conn, News)>,
        mut given: UnboundedReceiver<(u32, Result<String, String>)>,
    ) {
        loop {
            let deadline = self.client.borrow().poll_timeout();
            let tick = async {
                match deadline {
                    Some(at) => sleep_until(self.world.started + Duration::from_millis(at.0 - 1)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                Some((conn, news)) = told.recv() => self.handle_news(conn, &news),
                Some((request, result)) = given.recv() => self.handle(Input::Token { request, result }),
                order = orders.recv() => match order {
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
                self.handle(Input::Closed { conn, code: closing.code.0, reason: &closing.reason });
            }
        }
    }

    fn handle_order(&mut self, order: Order) {
        match order {
            Order::Command(command) => self.handle(Input::Command(command)),
            Order::Wake(wake) => self.handle(Input::Wake(wake)),
            Order::Note(channel, number) => {
                self.requests += 1;
                let request = RequestId(self.requests);
                self.judge.borrow_mut().handle_request(request, number);
                let payload = Truth::note(number);
                self.handle(Input::Command(Command::Publish { request, channel, payload, key: Some(number.to_string()), queue: false }));
            }
            Order::Cut { aloud } => {
                if let Some(socket) = &self.socket {
                    socket.cut(aloud.then_some(&self.news));
                }
            }
        }
    }

    fn handle(&mut self, input: Input<'_>) {
        let now = now(&self.world, self.skew_ms.get());
        let client = Rc::clone(&self.client);
        let mut client = client.borrow_mut();
        client.handle(now, input);
        while let Some(output) = client.poll_output() {
            match output {
                Output::Connect { conn } => {
                    assert!(self.socket.is_none(), "two sockets at once");
                    let relay = self.world.relay.borrow().clone();
                    self.socket = Some(Socket::open(conn, relay, Rc::clone(&self.weather), self.news.clone()));
                }
                Output::Send { conn, bytes } => {
                    let socket = self.socket.as_ref().expect("sent without a socket");
                    assert_eq!(socket.conn, conn, "sent through another socket");
                    socket.send(bytes);
                }
                Output::Close { conn, code } => {
                    let socket = self.socket.take().expect("closed without a socket");
                    assert_eq!(socket.conn, conn, "closed another socket");
                    socket.close(code);
                }
                Output::RequestToken { request, .. } => self.give_token(request),
                Output::Fetch { .. }
                | Output::AbortFetch { .. }
                | Output::OpenSaved { .. }
                | Output::Save { .. }
                | Output::Forget { .. }
                | Output::EraseSaved => {}
                Output::Changed(_) => {}
                Output::Emit(event) => self.judge.borrow_mut().handle_event(&client, event),
            }
        }
        self.judge.borrow_mut().handle_state(&client);
        if let Some(deadline) = client.poll_timeout() {
            assert!(deadline > now.monotonic, "a deadline in the past");
        }
    }

    fn give_token(&self, request: u32) {
        let (world, tokens, user) = (Rc::clone(&self.world), self.tokens.clone(), self.user.clone());
        let fails = self.bad_tokens.get() > 0;
        self.bad_tokens.set(self.bad_tokens.get().saturating_sub(1));
        spawn_local(async move {
            sleep(Duration::from_millis(30)).await;
            let result = if fails {
                Err("the app's backend is down".to_owned())
            } else {
                let config = world.relay.borrow().config().clone();
                let request = TokenRequest { sub: user, tenant: TENANT.to_owned(), ttl_s: world.token_ttl_s, ..TokenRequest::default() };
                Ok(mint(&config, &request, START_MS + world.elapsed_ms()).expect("a token").token)
            };
            let _ = tokens.send((request, result));
        });
    }
}
