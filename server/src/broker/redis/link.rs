//! The connections for commands: a few, multiplexed, with a time-out on every wait, each made again with backoff.
//!
//! A channel always goes over the same one, so that what one caller does to it stays in order.
//!
//! Each connection knows the run id of the process behind it: after a restart Redis may have lost the newest writes, whatever
//! its persistence says, so the scripts give channels a new epoch then (unless `redis.durable` promises that nothing is lost).
//! It also knows how far Redis' clock is from this relay's: ages are counted by that one clock, whatever the relays' clocks say.
//!
//! Trap: a command that times out may still be carried out later, by a Redis that was held up. A publication carries a
//! deadline, so that it is refused then; only where the connection breaks between script and answer does nobody know.

use super::scripts::Moment;
use super::told::{ComesAndGoes, Seldom};
use crate::clock::Clock;
use crate::config::RedisConfig;
use crate::entropy::Entropy;
use crate::observe::Metrics;
use crate::observe::faults::fault;
use parking_lot::Mutex;
use pulsewire_protocol::{ErrorBody, ErrorCode};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, FromRedisValue, RedisError, ScriptInvocation};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::time::timeout;

/// The first delay before another try, and the longest.
pub(super) const BACKOFF_MS: (u64, u64) = (100, 2_000);
/// The oldest Redis whose streams, scripts and sharded publish/subscribe do what is asked of them here.
pub(super) const OLDEST_VERSION: u64 = 7;

/// How long to wait before the next try, after so many failures: spread, so that relays do not come together.
pub(super) fn backoff(failures: u32, entropy: &Entropy) -> Duration {
    let (first_ms, longest_ms) = BACKOFF_MS;
    let delay_ms = (first_ms << failures.min(10)).min(longest_ms);
    Duration::from_millis(entropy.between(delay_ms / 2, delay_ms))
}

/// The pool.
pub(super) struct Links {
    links: Vec<Link>,
    clock: Clock,
    metrics: Arc<OnceLock<Arc<Metrics>>>,
}

/// A connection that worked when it was last used.
#[derive(Clone)]
pub(super) struct Up {
    connection: MultiplexedConnection,
    /// The process behind it.
    run: Arc<str>,
    /// Redis' clock when it was asked, and this relay's own counter then.
    redis_ms: u64,
    at_ns: u64,
    number: u64,
}

/// One place of the pool.
pub(super) struct Link {
    client: Client,
    connect_timeout: Duration,
    timeout: Duration,
    entropy: Entropy,
    clock: Clock,
    /// Held for a look only, never across an await.
    up: Mutex<Option<Up>>,
    /// One opens, the others wait for it.
    opening: tokio::sync::Mutex<Backoff>,
    made: AtomicU64,
    /// Why Redis refused the last write that only asked whether it takes any.
    refuses: Mutex<Option<String>>,
    /// A full Redis refuses every write.
    refused: Mutex<Seldom>,
    /// A replica that refuses writes is left and found again with each.
    comes_and_goes: Mutex<ComesAndGoes>,
    metrics: Arc<OnceLock<Arc<Metrics>>>,
}

#[derive(Default)]
struct Backoff {
    failures: u32,
    not_before_ns: u64,
    problem: String,
}

impl Links {
    pub(super) fn new(client: &Client, config: &RedisConfig, clock: &Clock, entropy: &Entropy) -> Self {
        let metrics = Arc::new(OnceLock::new());
        let link = || Link {
            client: client.clone(),
            connect_timeout: Duration::from_millis(config.connect_timeout_ms),
            timeout: Duration::from_millis(config.timeout_ms),
            entropy: entropy.clone(),
            clock: clock.clone(),
            up: Mutex::default(),
            opening: tokio::sync::Mutex::default(),
            made: AtomicU64::new(0),
            refuses: Mutex::default(),
            refused: Mutex::default(),
            comes_and_goes: Mutex::default(),
            metrics: Arc::clone(&metrics),
        };
        Self { links: std::iter::repeat_with(link).take(config.pool_size.max(1)).collect(), clock: clock.clone(), metrics }
    }

    pub(super) fn set_metrics(&self, metrics: &Arc<Metrics>) {
        // A second one would be a defect of the caller; the first one stays.
        let _ = self.metrics.set(Arc::clone(metrics));
    }

    /// The one for that channel.
    pub(super) fn of(&self, name: &str) -> Result<&Link, ErrorBody> {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        let place = usize::try_from(hasher.finish() % self.links.len().max(1) as u64).unwrap_or_default();
        self.links.get(place).ok_or_else(|| unavailable("there is no connection to it"))
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Link> {
        self.links.iter()
    }

    /// Whether every connection is there.
    pub(super) fn are_up(&self) -> bool {
        self.links.iter().all(|link| link.up.lock().is_some())
    }

    /// Why Redis refuses writes, where it did when it was last tried.
    pub(super) fn refusal(&self) -> Option<String> {
        self.links.iter().find_map(|link| link.refuses.lock().clone())
    }

    /// This moment, as a script on that connection is told it.
    pub(super) fn moment<'a>(&self, up: &'a Up, link: &Link) -> Moment<'a> {
        let now_ms = up.redis_ms + self.clock.elapsed_ns().saturating_sub(up.at_ns) / 1_000_000;
        // Half of what the caller waits: the rest is for the answer's way back.
        let patience_ms = u64::try_from(link.timeout.as_millis() / 2).unwrap_or(u64::MAX);
        Moment { run: &up.run, now_ms, deadline_ms: now_ms.saturating_add(patience_ms) }
    }
}

impl Link {
    /// The connection, opened where there is none.
    pub(super) async fn up(&self) -> Result<Up, ErrorBody> {
        if let Some(up) = self.up.lock().clone() {
            return Ok(up);
        }
        let mut backoff = self.opening.lock().await;
        if let Some(up) = self.up.lock().clone() {
            return Ok(up);
        }
        if self.clock.elapsed_ns() < backoff.not_before_ns {
            return Err(unavailable(&backoff.problem));
        }
        match timeout(self.connect_timeout + self.timeout, self.open()).await.unwrap_or_else(|_| Err("no answer in time".to_owned())) {
            Ok(up) => {
                if backoff.failures > 0 || up.number > 1 {
                    if self.comes_and_goes.lock().back() {
                        tracing::info!(target: "pulsewire_relay::broker", run = %up.run, "connected to redis again");
                    }
                    self.count(Metrics::broker_reconnected);
                }
                *backoff = Backoff::default();
                *self.up.lock() = Some(up.clone());
                Ok(up)
            }
            Err(problem) => {
                if backoff.failures == 0 {
                    // Whatever was said of the connection before: this is another trouble.
                    self.comes_and_goes.lock().lost(self.clock.elapsed_ns());
                    fault!(error, Broker, problem, "redis cannot be reached: publishing is refused until it is back");
                }
                let delay = super::link::backoff(backoff.failures, &self.entropy);
                backoff.failures = backoff.failures.saturating_add(1);
                backoff.not_before_ns = self.clock.elapsed_ns().saturating_add(u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX));
                backoff.problem = problem;
                Err(unavailable(&backoff.problem))
            }
        }
    }

    async fn open(&self) -> Result<Up, String> {
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(self.connect_timeout)).set_response_timeout(Some(self.timeout));
        let connection = self.client.get_multiplexed_async_connection_with_config(&config).await;
        let mut connection = connection.map_err(|error| reason(&error))?;
        let info: String = redis::cmd("INFO").arg("server").query_async(&mut connection).await.map_err(|error| reason(&error))?;
        let at_ns = self.clock.elapsed_ns();
        let about = About::parse(&info)?;
        let number = self.made.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(Up { connection, run: Arc::from(about.run), redis_ms: about.time_ms, at_ns, number })
    }

    /// Runs a script. An error of the connection drops it.
    pub(super) async fn run<T: FromRedisValue>(&self, up: &Up, script: &ScriptInvocation<'_>) -> Result<T, ErrorBody> {
        let mut connection = up.connection.clone();
        let began_ns = self.clock.elapsed_ns();
        let answer = timeout(self.timeout, script.invoke_async(&mut connection)).await;
        let took = Duration::from_nanos(self.clock.elapsed_ns().saturating_sub(began_ns));
        self.count(|metrics| metrics.broker_answered(took));
        self.checked(up, answer)
    }

    /// Runs a command.
    pub(super) async fn command<T: FromRedisValue>(&self, command: &redis::Cmd) -> Result<T, ErrorBody> {
        let up = self.up().await?;
        let mut connection = up.connection.clone();
        let answer = timeout(self.timeout, command.query_async(&mut connection)).await;
        self.checked(&up, answer)
    }

    /// Finds out whether Redis takes writes, by one that nobody needs: a Redis that is full, cannot save or is a replica still
    /// answers everything else.
    pub(super) async fn try_write(&self, command: &redis::Cmd) {
        // Whoever asks whether it is there sees that it is not.
        let Ok(up) = self.up().await else { return };
        let mut connection = up.connection.clone();
        let answer: Result<Result<redis::Value, RedisError>, _> = timeout(self.timeout, command.query_async(&mut connection)).await;
        let refusal = match &answer {
            Ok(Ok(_)) => None,
            Ok(Err(error)) if error.code().is_some() => Some(reason(error)),
            // It never came so far: that the connection is lost says enough.
            _ => self.refuses.lock().clone(),
        };
        let was_refused = std::mem::replace(&mut *self.refuses.lock(), refusal.clone()).is_some();
        if was_refused && refusal.is_none() {
            tracing::info!(target: "pulsewire_relay::broker", "redis takes writes again");
        }
        // What went wrong is counted and told there.
        let _ = self.checked(&up, answer);
    }

    fn count(&self, count: impl FnOnce(&Metrics)) {
        if let Some(metrics) = self.metrics.get() {
            count(metrics);
        }
    }

    fn checked<T>(&self, up: &Up, answer: Result<Result<T, RedisError>, tokio::time::error::Elapsed>) -> Result<T, ErrorBody> {
        if !matches!(answer, Ok(Ok(_))) {
            self.count(Metrics::broker_failed);
        }
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) if error.is_timeout() => {
                self.drop_it(up, "no answer in time");
                Err(unavailable("no answer in time"))
            }
            Ok(Err(error)) => {
                let problem = reason(&error);
                if error.is_io_error() || error.is_connection_dropped() || error.is_unrecoverable_error() || is_replica(&error) {
                    self.drop_it(up, &problem);
                } else if let Some(unsaid) = self.refused.lock().tell(self.clock.elapsed_ns()) {
                    fault!(error, Broker, problem, unsaid, "redis refused a command");
                }
                Err(unavailable(&problem))
            }
            Err(_) => {
                self.drop_it(up, "no answer in time");
                Err(unavailable("no answer in time"))
            }
        }
    }

    /// Gives this connection up, so that the next caller makes another.
    pub(super) fn drop_it(&self, up: &Up, problem: &str) {
        let mut now = self.up.lock();
        if now.as_ref().is_some_and(|now| now.number == up.number) {
            *now = None;
            drop(now);
            if let Some(unsaid) = self.comes_and_goes.lock().lost(self.clock.elapsed_ns()) {
                fault!(warning, Broker, problem, unsaid, "the connection to redis is lost");
            }
        }
    }
}

/// A primary that has become a replica: the address may lead to the new one.
fn is_replica(error: &RedisError) -> bool {
    error.code() == Some("READONLY")
}

/// What `INFO server` says that matters here.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct About<'a> {
    pub(super) run: &'a str,
    pub(super) version: &'a str,
    pub(super) time_ms: u64,
}

impl<'a> About<'a> {
    /// Reads it, and refuses what cannot be worked with.
    pub(super) fn parse(info: &'a str) -> Result<Self, String> {
        let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
        let missing = |name: &str| format!("it does not tell its {name}: is it Redis {OLDEST_VERSION} or newer?");
        let version = field("redis_version").ok_or_else(|| missing("version"))?;
        let major = version.split('.').next().and_then(|major| major.parse::<u64>().ok()).unwrap_or(0);
        if major < OLDEST_VERSION {
            return Err(format!("it is version {version}: {OLDEST_VERSION} or newer is needed"));
        }
        if field("redis_mode") == Some("cluster") {
            return Err("it is a cluster: name a single Redis, or a primary behind Sentinel or a proxy".to_owned());
        }
        let run = field("run_id").filter(|run| !run.is_empty()).ok_or_else(|| missing("run_id"))?;
        let time_us: u64 = field("server_time_usec").and_then(|time| time.parse().ok()).ok_or_else(|| missing("time"))?;
        Ok(Self { run, version, time_ms: time_us / 1_000 })
    }
}

/// What a caller is told: never an address, which may hold a password.
pub(super) fn unavailable(problem: &str) -> ErrorBody {
    ErrorBody::retryable(ErrorCode::Unavailable, format!("the relay's store cannot be reached: {problem}"), Some(1_000))
}

/// The kind of an error and its words; `redis` keeps the connection's address out of both.
pub(super) fn reason(error: &RedisError) -> String {
    error.to_string().chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_worked_with_is_refused_in_words() {
        let info = |version: &str, mode: &str| {
            format!("# Server\r\nredis_version:{version}\r\nredis_mode:{mode}\r\nrun_id:abc\r\nserver_time_usec:1700000000123456\r\n")
        };
        let good = info("7.0.15", "standalone");
        assert_eq!(About::parse(&good), Ok(About { run: "abc", version: "7.0.15", time_ms: 1_700_000_000_123 }));
        assert!(About::parse(&info("6.2.1", "standalone")).unwrap_err().contains("7 or newer"));
        assert!(About::parse(&info("7.2.4", "cluster")).unwrap_err().contains("cluster"));
        assert!(About::parse("").unwrap_err().contains("version"));
    }
}
