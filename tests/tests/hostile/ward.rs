//! A relay under attack: a thread of its own, everything it logs, every panic in it, and a good client that must not notice.

use crate::wire::{Answer, Socket, Wire, connect};
use jsonwebtoken::{EncodingKey, Header};
use pulsewire_relay::config::{Config, SecretString};
use pulsewire_relay::{Clock, Entropy, Relay, serve};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Once};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// What the relay under attack signs with.
pub const SECRET: &str = "a secret of the ward, long enough for anyone";
/// The channel that good clients listen to.
const BED: &str = "device:bed-1";
/// A good client waits no longer than this for an event, whatever goes on beside it.
const PROMPT: Duration = Duration::from_secs(5);

static PANICS: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());
static NUMBER: AtomicUsize = AtomicUsize::new(1);

/// Every line of the log, fields and all.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl tracing::Subscriber for Log {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        struct Line(String);
        impl tracing::field::Visit for Line {
            fn record_str(&mut self, field: &tracing::field::Field, value: &str) {
                let _ = write!(self.0, " {field}={value}");
            }
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                let _ = write!(self.0, " {field}={value:?}");
            }
        }
        let mut line = Line(event.metadata().target().to_owned());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

type Leap = (Duration, oneshot::Sender<()>);

/// See the module.
pub struct Ward {
    pub address: SocketAddr,
    pub relay: Relay,
    log: Log,
    name: String,
    witness: Option<Socket>,
    told: usize,
    frozen: bool,
    leaps: mpsc::UnboundedSender<Leap>,
    stop: CancellationToken,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Ward {
    /// A relay with a good client connected to it.
    pub async fn open() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let mut ward = Self::start(change, false).await;
        ward.witness = Some(ward.good_client("witness").await);
        ward
    }

    /// A relay whose time stands still until [`Ward::pass`]. No good client yet: it would have to answer heartbeats.
    pub async fn frozen() -> Self {
        Self::frozen_with(|_| {}).await
    }

    pub async fn frozen_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start(change, true).await
    }

    async fn start(change: impl FnOnce(&mut Config), frozen: bool) -> Self {
        listen_to_panics();
        let mut config = Config { node: Some("node-1".to_owned()), ..Config::default() };
        config.auth.jwt_secret = Some(SecretString::from(SECRET));
        change(&mut config);
        let log = Log::default();
        let stop = CancellationToken::new();
        let name = format!("ward-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let (started, begun) = oneshot::channel();
        let (leaps, leaping) = mpsc::unbounded_channel();
        let (stopping, logging) = (stop.clone(), log.clone());
        let thread = std::thread::Builder::new().name(name.clone()).spawn(move || {
            let _guard = tracing::subscriber::set_default(logging);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(frozen).build().unwrap();
            runtime.block_on(async {
                let clock = if frozen { Clock::starting_at(now_ms()) } else { Clock::system() };
                let relay = Relay::new(config, clock, Entropy::from_os());
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let _ = started.send((listener.local_addr().unwrap(), relay.clone()));
                let clock = frozen.then(|| tokio::spawn(keep_time(leaping)));
                serve(listener, relay, stopping).await.unwrap();
                if let Some(clock) = clock {
                    clock.abort();
                }
            });
        });
        let (address, relay) = begun.await.unwrap();
        Self { address, relay, log, name, witness: None, told: 0, frozen, leaps, stop, thread: Some(thread.unwrap()) }
    }

    /// Lets time pass in a frozen relay, in steps that let it act in between.
    pub async fn pass(&self, time: Duration) {
        let (done, passed) = oneshot::channel();
        self.leaps.send((time, done)).unwrap();
        passed.await.unwrap();
    }

    /// A token of this user of `ward`, allowed everything that a nurse may do.
    pub fn token(&self, user: &str) -> String {
        sign(&claims(user, "ward", "nurse"))
    }
    /// A backend's token.
    pub fn service(&self) -> String {
        sign(&claims("backend", "ward", "service"))
    }

    /// An upgraded connection on which nothing was said.
    pub async fn socket(&self) -> Socket {
        Socket::open(self.address, "/ws", "").await
    }

    /// A connection that is welcomed and subscribed to these.
    pub async fn welcomed(&self, token: &str, channels: &[&str]) -> Socket {
        let mut socket = self.socket().await;
        socket.say(&connect(token, channels)).await;
        socket.next_of("welcome").await;
        socket
    }

    async fn good_client(&self, user: &str) -> Socket {
        self.welcomed(&self.token(user), &[BED]).await
    }

    /// One HTTP request on a connection of its own.
    pub async fn request(&self, request: impl AsRef<[u8]>) -> Answer {
        let mut wire = Wire::open(self.address).await;
        wire.send(request.as_ref()).await;
        wire.answer().await.unwrap_or_else(|| panic!("no answer to {:?}", String::from_utf8_lossy(request_of(&request))))
    }
    pub async fn get(&self, path: &str, token: Option<&str>) -> Answer {
        let bearer = token.map_or_else(String::new, |token| format!("Authorization: Bearer {token}\r\n"));
        self.request(format!("GET {path} HTTP/1.1\r\nHost: ward\r\n{bearer}\r\n")).await
    }
    pub async fn post(&self, path: &str, token: &str, body: &Value) -> Answer {
        let body = body.to_string();
        let head = format!("POST {path} HTTP/1.1\r\nHost: ward\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n");
        self.request(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())).await
    }

    /// Publishes by the backend and sees it come to the client, promptly.
    async fn tell(&mut self, client: &mut Socket) {
        self.told += 1;
        let battery = self.told as f64 / 1_000.0;
        let answer = self
            .post("/api/v1/devices/status", &self.service(), &json!({"deviceId": "bed-1", "status": "online", "battery": battery}))
            .await;
        assert_eq!(answer.status, 202, "{answer:?}");
        let arrived = tokio::time::timeout(PROMPT, async { while client.next_of("event").await["data"]["battery"] != battery {} });
        arrived.await.expect("a good client waits for its event");
    }

    /// The one who was there all along gets what is published now.
    pub async fn witness_is_served(&mut self) {
        let mut witness = self.witness.take().expect("there is a witness");
        self.tell(&mut witness).await;
        self.witness = Some(witness);
    }

    /// A good client, old or new, is served as ever; nothing panicked and no token is in the log.
    pub async fn still_serves(&mut self) {
        if self.witness.is_some() {
            self.witness_is_served().await;
        }
        let mut newcomer = self.good_client("newcomer").await;
        self.tell(&mut newcomer).await;
        newcomer.send(crate::wire::CLOSE, [0x03, 0xe8]).await;
        assert_eq!(self.get("/healthz", None).await.status, 200);
        self.is_clean();
    }

    /// Waits until the relay counts as many connections as good clients are connected.
    pub async fn only_the_good_are_left(&self) {
        let good = usize::from(self.witness.is_some());
        let began = std::time::Instant::now();
        while self.relay.snapshot().connections != good {
            assert!(began.elapsed() < Duration::from_secs(15), "{:?}", self.relay.snapshot());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub fn log(&self) -> Vec<String> {
        self.log.0.lock().unwrap().clone()
    }

    fn is_clean(&self) {
        let panics: Vec<_> = PANICS.lock().unwrap().iter().filter(|(thread, _)| *thread == self.name).cloned().collect();
        assert!(panics.is_empty(), "the relay panicked: {panics:?}");
        for line in self.log() {
            assert!(!line.contains("eyJ"), "a token in the log: {line}");
            assert!(!line.chars().any(char::is_control), "a line of the log that a client has shaped: {line:?}");
        }
    }
}

impl Drop for Ward {
    fn drop(&mut self) {
        self.stop.cancel();
        self.witness = None;
        // A frozen relay cannot wait for its drain: its thread ends with the process.
        if !self.frozen {
            let ended = self.thread.take().map(std::thread::JoinHandle::join);
            assert!(ended.is_none_or(|ended| ended.is_ok()) || std::thread::panicking(), "the relay ended badly");
        }
        if !std::thread::panicking() {
            self.is_clean();
        }
    }
}

/// Moves a frozen runtime's time on demand. The blocking task keeps tokio from moving it by itself when it has nothing to do.
async fn keep_time(mut leaps: mpsc::UnboundedReceiver<Leap>) {
    let (_hold, held) = std::sync::mpsc::channel::<()>();
    tokio::task::spawn_blocking(move || held.recv());
    while let Some((time, done)) = leaps.recv().await {
        let step = Duration::from_millis(500);
        let mut left = time;
        while !left.is_zero() {
            tokio::time::advance(left.min(step)).await;
            // Tasks that have become due, and what comes of them.
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            left = left.saturating_sub(step);
        }
        let _ = done.send(());
    }
}

fn listen_to_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if let Some(name) = std::thread::current().name().filter(|name| name.starts_with("ward-")) {
                PANICS.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((name.to_owned(), panic.to_string()));
            }
            before(panic);
        }));
    });
}

fn request_of(request: &impl AsRef<[u8]>) -> &[u8] {
    let bytes = request.as_ref();
    &bytes[..bytes.len().min(200)]
}

pub fn now_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// Claims that are good for ten minutes.
pub fn claims(user: &str, tenant: &str, role: &str) -> Value {
    json!({"sub": user, "name": user, "tenant": tenant, "role": role, "exp": now_ms() / 1_000 + 600, "subscribe": ["*"], "publish": ["*"]})
}

/// Signed as the relay wants it.
pub fn sign(claims: &Value) -> String {
    jsonwebtoken::encode(&Header::default(), claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
}
