//! The relay itself: one handle that every door leads to.
//!
//! WebSocket sessions, HTTP handlers, replay and simulator all publish through [`Relay::publish`] and read through
//! [`Relay::poll`] and [`Relay::history`]; rights, validation and idempotency are decided here and nowhere else.
//!
//! A `Relay` is cheap to clone. It must be made inside a tokio runtime: it starts one task for everything that happens at
//! a time, which ends with the last clone.

mod author;
mod calls;
mod doors;
mod drain;
mod keep;
mod key_ages;
mod poll;
mod publish;
mod refusal;
mod seen;
mod timers;

pub use author::usual_sender;
pub use calls::Methods;
pub use keep::{Incoming, Keeper};
pub(crate) use poll::subscribed;
pub use refusal::{FieldError, Refusal};
pub use seen::Seen;

use crate::auth::{Principal, TokenRefused, Verifier};
use crate::broker::{Broker, ChannelKey, Deliver, memory::Memory, redis::Redis};
use crate::clock::Clock;
use crate::config::Config;
use crate::entropy::Entropy;
use crate::hub::{Hub, WriteDelays};
use crate::limits::{Places, Rates, Waiting};
use crate::observe::metrics::Snapshot;
use crate::observe::{Metrics, RefusedLogins};
use crate::overload::Gate;
use crate::rate::Rate;
use parking_lot::RwLock;
pub use publish::{Asked, Published};
use pulsewire_protocol::{ChannelName, ErrorBody, ErrorCode, Limits, Position, PresentUser, Publication};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Sees what is published on this relay, in the order of each channel. Must be quick: it runs in the fan-out path, under the
/// channel's lock, so it must neither block nor call the relay back.
pub trait Tap: Send + Sync {
    /// A publication was accepted.
    fn handle_publication(&self, tenant: &str, channel: &ChannelName, publication: &Publication);
    /// Who views something changed; [`Relay::viewing_users`] says how many do (ask later, not from in here).
    fn handle_viewers(&self, tenant: &str);
}

/// See the module.
#[derive(Clone)]
pub struct Relay {
    inner: Arc<Inner>,
}

/// See [`Relay::downgrade`].
#[derive(Clone)]
pub struct WeakRelay(Weak<Inner>);

impl WeakRelay {
    /// The relay, as long as somebody has it.
    pub fn upgrade(&self) -> Option<Relay> {
        self.0.upgrade().map(|inner| Relay { inner })
    }
}

struct Inner {
    config: Arc<Config>,
    clock: Clock,
    entropy: Entropy,
    node: String,
    verifier: Verifier,
    broker: Arc<dyn Broker>,
    hub: Arc<Hub>,
    metrics: Arc<Metrics>,
    refused_logins: RefusedLogins,
    taps: Arc<Taps>,
    methods: RwLock<Vec<Arc<dyn Methods>>>,
    keeper: OnceLock<Arc<dyn Keeper>>,
    key_ages: key_ages::KeyAges,
    seen: OnceLock<Arc<dyn Seen>>,
    draining: AtomicBool,
    gate: Gate,
    places: Places,
    http_places: Places,
    rates: Rates,
    waiting: Waiting,
    /// Sessions and publications under way: what a drain waits for.
    work: TaskTracker,
    /// Ends the timer task with the last handle.
    stopped: CancellationToken,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stopped.cancel();
    }
}

#[derive(Default)]
struct Taps(RwLock<Vec<Arc<dyn Tap>>>);

/// What the broker delivers to: first the taps, then everyone who listens.
struct FanOut {
    hub: Arc<Hub>,
    taps: Arc<Taps>,
}

impl Deliver for FanOut {
    fn handle_publication(&self, key: &ChannelKey, epoch: &str, publication: &Arc<Publication>) {
        for tap in self.taps.0.read().iter() {
            tap.handle_publication(&key.tenant, &key.channel, publication);
        }
        self.hub.handle_publication(key, epoch, publication);
    }
    fn handle_gap(&self, key: &ChannelKey, position: &Position) {
        self.hub.handle_gap(key, position);
    }
    fn knows_elsewhere(&self, key: &ChannelKey) -> bool {
        self.hub.knows_elsewhere(key)
    }
    fn handle_all_elsewhere(&self, key: &ChannelKey, users: BTreeMap<String, String>) {
        self.hub.handle_all_elsewhere(key, users);
    }
    fn handle_elsewhere(&self, key: &ChannelKey, user: &str, name: Option<&str>) {
        self.hub.handle_elsewhere(key, user, name);
    }
}

impl Relay {
    /// A relay as its configuration says: on Redis where `redis.url` is set, else by itself.
    ///
    /// # Errors
    /// The address of Redis is none. That it does not answer is no error: the relay is not ready until it does.
    pub fn open(mut config: Config, clock: Clock, entropy: Entropy) -> Result<Self, String> {
        if config.redis.url.is_none() {
            return Ok(Self::new(config, clock, entropy));
        }
        // Drawn here where it is not given: the broker's messages carry it, too.
        let node = config.node.get_or_insert_with(|| drawn_node(&entropy)).clone();
        let config = Arc::new(config);
        let broker = Redis::new(&config, clock.clone(), entropy.clone(), &node)?;
        Ok(Self::with_broker(config, clock, entropy, Arc::new(broker)))
    }

    /// A relay that keeps everything in memory.
    pub fn new(config: Config, clock: Clock, entropy: Entropy) -> Self {
        let config = Arc::new(config);
        let broker = Arc::new(Memory::new(Arc::clone(&config), clock.clone(), entropy.clone()));
        Self::with_broker(config, clock, entropy, broker)
    }

    /// A relay on a broker of the caller's.
    pub fn with_broker(config: Arc<Config>, clock: Clock, entropy: Entropy, broker: Arc<dyn Broker>) -> Self {
        let metrics = Arc::new(Metrics::new());
        let taps = Arc::new(Taps::default());
        let viewers_taps = Arc::clone(&taps);
        let viewers_changed = Box::new(move |tenant: &str| viewers_taps.0.read().iter().for_each(|tap| tap.handle_viewers(tenant)));
        let workers = tokio::runtime::Handle::current().metrics().num_workers();
        // Weak: the broker holds the hub.
        let presence = Arc::downgrade(&broker);
        let announce = Box::new(move |key: &ChannelKey, user: &str, name: Option<&str>| {
            if let Some(broker) = presence.upgrade() {
                broker.set_present(key, user, name);
            }
        });
        let kinds = config.write_delay_ms.iter().map(|(kind, delay_ms)| (kind.clone(), Duration::from_millis(*delay_ms)));
        let write_delays = WriteDelays { kinds: kinds.collect(), telemetry: Duration::from_millis(config.telemetry.write_delay_ms) };
        let hub = Arc::new(Hub::new(Arc::clone(&metrics), viewers_changed, announce, workers, write_delays));
        broker.set_metrics(&metrics);
        broker.set_deliver(Arc::new(FanOut { hub: Arc::clone(&hub), taps: Arc::clone(&taps) }));
        let inner = Inner {
            gate: Gate::new(&config.monitor, entropy.clone()),
            node: config.node.clone().unwrap_or_else(|| drawn_node(&entropy)),
            verifier: Verifier::new(Arc::clone(&config), clock.clone()),
            rates: Rates::new(&config.limits, &clock),
            config,
            clock,
            entropy,
            broker,
            hub,
            metrics,
            refused_logins: RefusedLogins::default(),
            taps,
            methods: RwLock::default(),
            keeper: OnceLock::new(),
            key_ages: key_ages::KeyAges::default(),
            seen: OnceLock::new(),
            draining: AtomicBool::new(false),
            places: Places::default(),
            http_places: Places::default(),
            waiting: Waiting::default(),
            work: TaskTracker::new(),
            stopped: CancellationToken::new(),
        };
        let relay = Self { inner: Arc::new(inner) };
        timers::start(&relay);
        relay.start_flushers();
        relay
    }

    /// What writes to sockets ends with the last handle, too.
    fn start_flushers(&self) {
        for flusher in self.hub().flushers() {
            let (flusher, metrics, stopped) = (Arc::clone(flusher), Arc::clone(self.metrics()), self.inner.stopped.clone());
            tokio::spawn(async move { stopped.run_until_cancelled(flusher.run(metrics)).await });
        }
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.inner.config
    }
    /// The clock.
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }
    /// The source of ids.
    pub fn entropy(&self) -> &Entropy {
        &self.inner.entropy
    }
    /// The relay's id.
    pub fn node(&self) -> &str {
        &self.inner.node
    }
    /// What was counted so far.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.inner.metrics
    }
    /// The registry of connections.
    pub fn hub(&self) -> &Arc<Hub> {
        &self.inner.hub
    }
    /// The broker.
    pub fn broker(&self) -> &Arc<dyn Broker> {
        &self.inner.broker
    }

    /// How things stand now. Walks all connections: for a scrape, not for every message.
    pub fn snapshot(&self) -> Snapshot {
        let connections = self.hub().connections();
        let keys = self.verifier().figures();
        Snapshot {
            token_keys: keys.keys,
            refused_key_files: keys.refused_files,
            connections: connections.len(),
            users: self.hub().people(crate::hub::People::users),
            subscriptions: self.hub().room_counts().1,
            channels: self.broker().channels(),
            waiting_polls: self.inner.waiting.count(),
            http_connections: self.inner.http_places.count(),
            broker_ready: self.broker().ready().is_ok(),
            viewers: self.hub().viewers_in_all(),
            tasks: tokio::runtime::Handle::current().metrics().num_alive_tasks(),
            timers: self.hub().wheel.waiting(),
            queued_messages: connections.iter().map(|connection| connection.outbox.waiting().0).sum(),
        }
    }

    /// What `welcome.limits` says.
    pub fn limits(&self) -> Limits {
        let limits = &self.config().limits;
        let small = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        Limits {
            max_message_bytes: small(limits.max_message_bytes),
            max_subscriptions: small(limits.subscriptions),
            messages_per_second: limits.messages_per_second,
            recovery_bytes: small(limits.recovery_bytes),
        }
    }

    /// The rate at which a subscriber is told that wants at most `max_hz`: the lower of its wish and of the kind's throttle.
    pub fn rate_of(&self, channel: &ChannelName, max_hz: Option<u32>) -> Option<Rate> {
        let throttle = self.config().throttle.get(channel.kind()).copied();
        [throttle, max_hz].into_iter().flatten().min().map(Rate::at_most)
    }

    /// Checks a token.
    pub fn authenticate(&self, token: Option<&str>) -> Result<Arc<Principal>, TokenRefused> {
        let found = self.inner.verifier.verify(token).inspect_err(|refused| {
            self.inner.refused_logins.handle_refusal(self.clock().now_ms(), refused.problem);
        })?;
        if let Some(seen) = self.inner.seen.get() {
            seen.handle_user(&found);
        }
        Ok(found)
    }

    /// The door's circuit breaker.
    pub fn gate(&self) -> &Gate {
        &self.inner.gate
    }

    /// What tokens are checked with, and how its files stand.
    pub fn verifier(&self) -> &Verifier {
        &self.inner.verifier
    }

    /// Counts a session as work that a drain waits for.
    pub fn track<F: Future>(&self, session: F) -> impl Future<Output = F::Output> + use<F> {
        self.inner.work.track_future(session)
    }

    /// Sessions and publications that a drain would wait for.
    pub fn work_under_way(&self) -> usize {
        self.inner.work.len()
    }

    /// Adds methods that `call` answers.
    pub fn add_methods(&self, methods: Arc<dyn Methods>) {
        self.inner.methods.write().push(methods);
    }

    /// Lets publications be kept before they are accepted. There is one keeper, so that what is published together is kept
    /// together; `false` where there was one already, which stays.
    pub fn set_keeper(&self, keeper: Arc<dyn Keeper>) -> bool {
        self.inner.keeper.set(keeper).is_ok()
    }

    /// Tells who was here; `false` where somebody is told already, who stays.
    pub fn set_seen(&self, seen: Arc<dyn Seen>) -> bool {
        self.inner.seen.set(seen).is_ok()
    }

    /// A handle that does not keep the relay: for what the relay itself holds (taps, methods, the keeper).
    pub fn downgrade(&self) -> WeakRelay {
        WeakRelay(Arc::downgrade(&self.inner))
    }

    /// Adds a tap.
    pub fn add_tap(&self, tap: Arc<dyn Tap>) {
        self.inner.taps.0.write().push(tap);
    }

    /// Distinct users of the tenant who look at something.
    pub fn viewing_users(&self, tenant: &str) -> usize {
        self.hub().people(|people| people.viewing(tenant))
    }

    /// Who is there: on `tenant` everyone online, on other channels those who view it. While the broker is away, and nobody here
    /// holds the channel, those of this relay.
    pub async fn presence(&self, by: &Principal, channel: &str) -> Result<Vec<PresentUser>, ErrorBody> {
        let key = self.readable(by, channel)?;
        // That the broker is away is a fault told where it was noticed; here it would be a line for each who asks.
        let elsewhere = self.broker().present_elsewhere(&key).await.unwrap_or_else(|problem| {
            tracing::debug!(channel = %key.channel, problem = problem.message, "who is present is answered without the other relays");
            Vec::new()
        });
        let here = match key.channel.kind() {
            "tenant" => self.hub().online(&by.tenant),
            _ => self.hub().viewers(&key),
        };
        let users: BTreeMap<String, PresentUser> = elsewhere.into_iter().chain(here).map(|user| (user.user_id.clone(), user)).collect();
        Ok(users.into_values().collect())
    }

    /// Whether the relay can serve: the reason where it cannot. An open breaker is none: it refuses new connections by
    /// itself, while a balancer that took the relay out would stop alerts and polls of those who are in, too.
    pub fn ready(&self) -> Result<(), String> {
        if self.is_draining() {
            return Err("draining".to_owned());
        }
        // A file of keys that has become bad does not count: the keys of before still work.
        if self.verifier().figures().keys == 0 {
            return Err("there is no key to check tokens with".to_owned());
        }
        self.broker().ready()
    }

    /// Whether it is going down.
    pub fn is_draining(&self) -> bool {
        self.inner.draining.load(Ordering::Relaxed)
    }

    /// The channel of that name in the principal's tenant, if it may read it.
    pub fn readable(&self, by: &Principal, channel: &str) -> Result<ChannelKey, ErrorBody> {
        let channel = parse_channel(channel)?;
        if !by.may_subscribe(&channel) {
            return Err(ErrorBody::new(
                ErrorCode::Forbidden,
                format!("the token's subscribe patterns, or the role's, do not allow {channel}"),
            ));
        }
        Ok(ChannelKey::new(&by.tenant, channel))
    }
}

fn drawn_node(entropy: &Entropy) -> String {
    format!("relay-{}", entropy.id())
}

fn parse_channel(channel: &str) -> Result<ChannelName, ErrorBody> {
    ChannelName::parse(channel).map_err(|error| {
        let shown: String = channel.chars().take(80).collect();
        ErrorBody::new(ErrorCode::InvalidChannel, format!("{shown:?} is no channel: {error}"))
    })
}
