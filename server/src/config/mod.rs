//! The relay's configuration: every setting in one value, with its default, checked before anything starts.
//!
//! One TOML file, environment variables over it, command-line flags over both (features.md R19). [`load`] reads all
//! three and names every mistake at once, each with where it stands, its key and what would be accepted.
//!
//! Traps: `--dev` ([`Config::dev`]) opens everything inside a tenant and signs with a secret that stands in this source;
//! [`Config::validate`] therefore keeps it on loopback unless `allow_lan` says otherwise.

mod devices;
mod effective;
mod keys;
mod limits;
mod load;
mod log;
mod mistake;
mod monitor;
mod redis;
mod retention;
mod telemetry;
mod validate;

pub use devices::DevicesConfig;
pub use effective::{Setting, digest, effective};
pub use keys::{KeyInfo, documented_keys};
pub use limits::{LimitsConfig, Quotas};
pub use load::{EnvironmentVariable, Flag, Sources, load, load_without_key};
pub use log::{AuditConfig, LogConfig, LogFormat};
pub use mistake::{Mistake, Mistakes, Place};
pub use monitor::MonitorConfig;
pub use redis::RedisConfig;
pub use retention::{RetentionConfig, days_ms};
pub use secrecy::{ExposeSecret, SecretString};
pub use telemetry::TelemetryConfig;
pub use validate::MIN_SECRET_BYTES;

use pulsewire_protocol::Pattern;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// The secret of `--dev`. It is public: whoever reads this source can sign with it.
pub const DEV_SECRET: &str = "pulsewire-development-secret-known-to-everyone";
/// The tenant of the demo: what `/dev/token` uses where none is named, and where replay and simulator publish.
pub const DEMO_TENANT: &str = "demo";

/// Every setting of the relay.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The relay's id in `welcome`, logs and envelopes; absent: drawn at start.
    pub node: Option<String>,
    /// Development mode: demo secret, `/dev/token`, everything allowed inside a tenant.
    pub dev: bool,
    /// Lets development mode bind an address that others can reach.
    pub allow_lan: bool,
    /// Where files that survive a restart live; absent: nothing is stored.
    pub data_dir: Option<PathBuf>,
    /// The folder of static files to serve at `/`; absent: none.
    pub www: Option<PathBuf>,
    /// Browser origins that may connect and read answers; `*` alone allows all. Empty: pages of this relay only (and of
    /// this machine in development mode).
    pub origins: Vec<String>,
    /// How tokens are checked.
    pub auth: AuthConfig,
    /// What a role may do where the token itself does not say.
    pub roles: BTreeMap<String, RoleConfig>,
    /// Heartbeats and timeouts.
    pub heartbeat: HeartbeatConfig,
    /// What a connection, a user, an address may use.
    pub limits: LimitsConfig,
    /// How much of a channel is kept.
    pub history: HistoryConfig,
    /// How often subscribers are told at most, by kind of channel, in times a second ([`crate::rate::RATES`]).
    pub throttle: BTreeMap<String, u32>,
    /// How long publications may wait for others on their way to a socket, by kind of channel, in milliseconds.
    pub write_delay_ms: BTreeMap<String, u64>,
    /// How telemetry is told.
    pub telemetry: TelemetryConfig,
    /// Redis, where many relays meet.
    pub redis: RedisConfig,
    /// Logs.
    pub log: LogConfig,
    /// The audit log's own file.
    pub audit: AuditConfig,
    /// The metrics endpoint.
    pub metrics: MetricsConfig,
    /// Resource monitor and circuit breaker.
    pub monitor: MonitorConfig,
    /// How devices are watched.
    pub devices: DevicesConfig,
    /// For how long what is stored is kept.
    pub retention: RetentionConfig,
    /// Replay and simulator.
    pub feed: FeedConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            node: None,
            dev: false,
            allow_lan: false,
            data_dir: None,
            www: None,
            origins: Vec::new(),
            auth: AuthConfig::default(),
            roles: BTreeMap::new(),
            heartbeat: HeartbeatConfig::default(),
            limits: LimitsConfig::default(),
            history: HistoryConfig::default(),
            throttle: BTreeMap::new(),
            write_delay_ms: BTreeMap::new(),
            telemetry: TelemetryConfig::default(),
            redis: RedisConfig::default(),
            log: LogConfig::default(),
            audit: AuditConfig::default(),
            metrics: MetricsConfig::default(),
            monitor: MonitorConfig::default(),
            devices: DevicesConfig::default(),
            retention: RetentionConfig::default(),
            feed: FeedConfig::default(),
        }
    }
}

impl Config {
    /// What `--dev` starts with, before file, environment and flags.
    pub fn development() -> Self {
        Self { dev: true, ..Self::default() }
    }
    /// The secret that tokens are checked with: the configured one, else in development mode the public one.
    pub fn signing_secret(&self) -> Option<SecretString> {
        self.auth.jwt_secret.clone().or_else(|| self.dev.then(|| SecretString::from(DEV_SECRET)))
    }
    /// The patterns of a role: what applies where a token names none of its own. In development mode: everything.
    pub fn role_patterns(&self, role: Option<&str>) -> RoleConfig {
        match role.and_then(|role| self.roles.get(role)) {
            Some(patterns) => patterns.clone(),
            None if self.dev => RoleConfig { subscribe: vec![Pattern::Everything], publish: vec![Pattern::Everything] },
            None => RoleConfig::default(),
        }
    }
    /// How much is kept of a channel of this kind: the kind's own figures, else the general ones.
    pub fn history_of(&self, kind: &str) -> KindHistory {
        let own = self.history.kinds.get(kind).copied().unwrap_or_default();
        KindHistory {
            publications: own.publications.unwrap_or(self.history.publications),
            age_ms: own.age_ms.unwrap_or(self.history.age_ms),
        }
    }
    /// Whether a page of this origin may use the relay. `host` is the request's own `Host`: pages that the relay itself
    /// serves always may.
    pub fn allows_origin(&self, origin: &str, host: Option<&str>) -> bool {
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        let same = authority.is_some() && authority == host;
        same || self.origins.iter().any(|allowed| allowed == "*" || allowed.eq_ignore_ascii_case(origin))
            || (self.dev && authority.is_some_and(is_this_machine))
    }
}

/// Whether the authority of an origin (`localhost:5173`) names this machine.
pub(crate) fn is_this_machine(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    };
    host == "localhost" || host == "[::1]" || host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
}

/// How tokens are checked.
#[derive(Clone, Debug)]
pub struct AuthConfig {
    /// The HS256 secret. Its `Debug` prints nothing of it.
    pub jwt_secret: Option<SecretString>,
    /// PEM files of public keys, for RS256, ES256 and EdDSA.
    pub public_keys: Vec<PathBuf>,
    /// A JWKS file, for the same.
    pub jwks: Option<PathBuf>,
    /// How far clocks may differ, for `exp` and `nbf`.
    pub leeway_s: u64,
    /// `iss` must be one of these; empty: anything.
    pub issuers: Vec<String>,
    /// `aud` must hold one of these; empty: anything.
    pub audiences: Vec<String>,
    /// The roles that acknowledge and resolve alerts, and assume and resolve conversations.
    pub acting_roles: Vec<String>,
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            jwt_secret: None,
            public_keys: Vec::new(),
            jwks: None,
            leeway_s: 5,
            issuers: Vec::new(),
            audiences: Vec::new(),
            acting_roles: ["nurse", "doctor", "technician", "agent", "admin", "service"].map(str::to_owned).into(),
        }
    }
}

impl AuthConfig {
    /// Whether tokens are checked with public keys, beside a secret or without one.
    pub fn has_key_files(&self) -> bool {
        self.jwks.is_some() || !self.public_keys.is_empty()
    }
}

/// What a role may do where the token itself does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleConfig {
    /// Channels it may subscribe to.
    pub subscribe: Vec<Pattern>,
    /// Channels it may publish to.
    pub publish: Vec<Pattern>,
}

/// Heartbeats and timeouts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeartbeatConfig {
    /// How often a heartbeat goes to each connection.
    pub interval_ms: u64,
    /// A connection that has not ponged for so long is closed (4408).
    pub dead_after_ms: u64,
    /// After so much silence the client reconnects (`welcome.timeoutMs`).
    pub client_timeout_ms: u64,
    /// How long a connection may take until its `connect`.
    pub handshake_timeout_ms: u64,
}

impl Default for HeartbeatConfig {
    fn default() -> Self {
        Self { interval_ms: 30_000, dead_after_ms: 90_000, client_timeout_ms: 60_000, handshake_timeout_ms: 30_000 }
    }
}

/// How much of a channel is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryConfig {
    /// Publications of one channel.
    pub publications: usize,
    /// Their age.
    pub age_ms: u64,
    /// Channels whose history is kept; beyond it the one idle longest goes.
    pub channels: usize,
    /// Other figures for a kind of channel.
    pub kinds: BTreeMap<String, KindOverride>,
}

impl Default for HistoryConfig {
    fn default() -> Self {
        Self { publications: 1_000, age_ms: 600_000, channels: 100_000, kinds: BTreeMap::new() }
    }
}

/// How much of a channel of one kind is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KindHistory {
    /// Publications of one channel; 0: no history at all.
    pub publications: usize,
    /// Their age.
    pub age_ms: u64,
}

/// What the configuration says of one kind; what it does not say is as for all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KindOverride {
    /// Publications of one channel; 0: no history at all.
    pub publications: Option<usize>,
    /// Their age.
    pub age_ms: Option<u64>,
}

/// The metrics endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MetricsConfig {
    /// An address of its own for `/metrics`; absent: it stands beside the other endpoints.
    pub listen: Option<SocketAddr>,
}

/// Replay and simulator: data without devices, for demos and tests.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedConfig {
    /// The recording to play, a CSV file.
    pub replay: Option<PathBuf>,
    /// How many times as fast as it was recorded.
    pub speed: f64,
    /// Beds of the simulated ward; 0: none.
    pub simulate: u32,
    /// The same seed makes the same ward.
    pub seed: u64,
    /// The tenant to publish in.
    pub tenant: String,
}

impl Default for FeedConfig {
    fn default() -> Self {
        Self { replay: None, speed: 1.0, simulate: 0, seed: 1, tenant: DEMO_TENANT.to_owned() }
    }
}
