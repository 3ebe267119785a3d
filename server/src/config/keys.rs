//! The table of keys: each with what it accepts and how it is set. File, environment, flags, error texts and the test of
//! `pulsewire.example.toml` all read this one table, so they cannot drift apart.
//!
//! Why not serde: its first error ends the reading and knows neither bounds nor line; here every mistake is found, and
//! each names its key's own range. `toml` still does the syntax.

use super::{Config, KindOverride, LogFormat};
use ipnet::IpNet;
use pulsewire_protocol::Pattern;
use secrecy::SecretString;
use std::net::{IpAddr, SocketAddr};

/// A value as a source gives it. Text from the environment or a flag stands for any type; from a file only for text.
#[derive(Clone, Debug)]
pub(super) enum Raw {
    Text(String),
    Integer(i64),
    Float(f64),
    Flag(bool),
    List(Vec<String>),
    /// From the environment or a flag: read as whatever the key wants.
    Untyped(String),
    /// A type that no key takes; says which.
    Other(&'static str),
}

impl Raw {
    fn untyped(&self) -> Option<&str> {
        if let Self::Untyped(text) = self { Some(text) } else { None }
    }
    /// The value in an error message.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Text(text) | Self::Untyped(text) => format!("{text:?}"),
            Self::Integer(number) => number.to_string(),
            Self::Float(number) => number.to_string(),
            Self::Flag(flag) => flag.to_string(),
            Self::List(items) => format!("{items:?}"),
            Self::Other(kind) => (*kind).to_owned(),
        }
    }
}

/// How a key's value is read and where it goes. The first text of `set` is the name that stands for `*` in the path.
enum Slot {
    Number {
        min: u64,
        max: u64,
        set: fn(&mut Config, &str, u64),
    },
    Decimal {
        min: f64,
        max: f64,
        set: fn(&mut Config, f64),
    },
    Text {
        accepts: &'static str,
        set: fn(&mut Config, &str) -> Result<(), String>,
    },
    Flag {
        set: fn(&mut Config, bool),
    },
    List {
        accepts: &'static str,
        set: fn(&mut Config, &str, &[String]) -> Result<(), String>,
    },
    /// A list that may be written as its only text.
    OneOrMore {
        accepts: &'static str,
        set: fn(&mut Config, &[String]) -> Result<(), String>,
    },
}

/// One key of the configuration.
pub(super) struct Key {
    pub(super) path: &'static str,
    slot: Slot,
    pub(super) secret: bool,
}

/// A key as documentation and tests see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// The path; `*` stands for a name of the operator's.
    pub path: &'static str,
    /// What it accepts, in words.
    pub accepts: String,
}

/// Every key there is.
pub fn documented_keys() -> Vec<KeyInfo> {
    KEYS.iter().map(|key| KeyInfo { path: key.path, accepts: key.accepts() }).collect()
}

const DAY_MS: u64 = 86_400_000;
/// A bound on sizes and counts that no machine reaches: it keeps sums of them from overflowing.
const HUGE: u64 = 1 << 40;
const ADDRESS: &str = "ADDRESS:PORT, such as 127.0.0.1:8080, [::1]:8080 or localhost:0 for a free port";
const PATTERNS: &str = "a list of channel patterns, such as [\"patient:*\", \"tenant\"] or [\"*\"]";

const fn number(path: &'static str, min: u64, max: u64, set: fn(&mut Config, &str, u64)) -> Key {
    Key { path, slot: Slot::Number { min, max, set }, secret: false }
}
const fn text(path: &'static str, accepts: &'static str, set: fn(&mut Config, &str) -> Result<(), String>) -> Key {
    Key { path, slot: Slot::Text { accepts, set }, secret: false }
}
const fn flag(path: &'static str, set: fn(&mut Config, bool)) -> Key {
    Key { path, slot: Slot::Flag { set }, secret: false }
}
const fn list(path: &'static str, accepts: &'static str, set: fn(&mut Config, &str, &[String]) -> Result<(), String>) -> Key {
    Key { path, slot: Slot::List { accepts, set }, secret: false }
}
const fn one_or_more(path: &'static str, accepts: &'static str, set: fn(&mut Config, &[String]) -> Result<(), String>) -> Key {
    Key { path, slot: Slot::OneOrMore { accepts, set }, secret: false }
}

pub(super) static KEYS: &[Key] = &[
    text("listen", ADDRESS, |c, v| address(v).map(|a| c.listen = a)),
    text("node", "1 to 64 of A-Z a-z 0-9 . _ -", |c, v| node(v).map(|n| c.node = Some(n))),
    flag("dev", |c, v| c.dev = v),
    flag("allow_lan", |c, v| c.allow_lan = v),
    text("data_dir", "the path of a folder", |c, v| path(v).map(|p| c.data_dir = Some(p))),
    text("www", "the path of a folder with an index.html", |c, v| path(v).map(|p| c.www = Some(p))),
    list("origins", "a list of origins, such as [\"https://ward.example\"], or [\"*\"] for all", |c, _, v| {
        v.iter().map(|o| origin(o)).collect::<Result<_, _>>().map(|o| c.origins = o)
    }),
    Key {
        path: "auth.jwt_secret",
        slot: Slot::Text {
            accepts: "a random text of at least 32 bytes",
            set: |c, v| {
                c.auth.jwt_secret = (!v.is_empty()).then(|| SecretString::from(v));
                Ok(())
            },
        },
        secret: true,
    },
    number("auth.leeway_s", 0, 300, |c, _, v| c.auth.leeway_s = v),
    list("auth.public_keys", "a list of PEM files with public keys, such as [\"keys/issuer.pem\"]", |c, _, v| {
        v.iter().map(|file| path(file)).collect::<Result<_, _>>().map(|files| c.auth.public_keys = files)
    }),
    text("auth.jwks", "the path of a JWKS file", |c, v| path(v).map(|file| c.auth.jwks = Some(file))),
    one_or_more("auth.issuer", "the text that `iss` must be, or a list of those that it may be", |c, v| {
        some(v).map(|issuers| c.auth.issuers = issuers)
    }),
    one_or_more("auth.audience", "the text that `aud` must hold, or a list of which it must hold one", |c, v| {
        some(v).map(|audiences| c.auth.audiences = audiences)
    }),
    list("auth.acting_roles", "a list of roles, such as [\"nurse\", \"doctor\"]", |c, _, v| {
        v.iter().map(|role| filled(role)).collect::<Result<_, _>>().map(|roles| c.auth.acting_roles = roles)
    }),
    list("roles.*.subscribe", PATTERNS, |c, role, v| patterns(v).map(|p| c.roles.entry(role.to_owned()).or_default().subscribe = p)),
    list("roles.*.publish", PATTERNS, |c, role, v| patterns(v).map(|p| c.roles.entry(role.to_owned()).or_default().publish = p)),
    number("heartbeat.interval_ms", 100, DAY_MS, |c, _, v| c.heartbeat.interval_ms = v),
    number("heartbeat.dead_after_ms", 200, DAY_MS, |c, _, v| c.heartbeat.dead_after_ms = v),
    number("heartbeat.client_timeout_ms", 200, DAY_MS, |c, _, v| c.heartbeat.client_timeout_ms = v),
    number("heartbeat.handshake_timeout_ms", 100, DAY_MS, |c, _, v| c.heartbeat.handshake_timeout_ms = v),
    number("limits.connections", 1, 10_000_000, |c, _, v| c.limits.connections = v as usize),
    number("limits.per_user", 1, 10_000_000, |c, _, v| c.limits.per_user = v as usize),
    number("limits.per_address", 1, 10_000_000, |c, _, v| c.limits.per_address = v as usize),
    number("limits.http_connections", 1, 10_000_000, |c, _, v| c.limits.http_connections = Some(v as usize)),
    number("limits.http_per_address", 1, 10_000_000, |c, _, v| c.limits.http_per_address = Some(v as usize)),
    number("limits.trusted_proxy_hops", 0, 16, |c, _, v| c.limits.trusted_proxy_hops = v as usize),
    list("limits.trusted_proxies", "a list of networks, such as [\"10.0.0.0/8\", \"fd00::/8\", \"192.0.2.1\"]", |c, _, v| {
        v.iter().map(|n| network(n)).collect::<Result<_, _>>().map(|n| c.limits.trusted_proxies = n)
    }),
    number("limits.handshakes_per_second", 1, 1_000_000, |c, _, v| c.limits.handshakes_per_second = Some(v as u32)),
    number("limits.handshake_burst", 1, 10_000_000, |c, _, v| c.limits.handshake_burst = Some(v as u32)),
    number("limits.failed_tokens_per_second", 1, 1_000_000, |c, _, v| c.limits.failed_tokens_per_second = Some(v as u32)),
    number("limits.failed_token_burst", 1, 10_000_000, |c, _, v| c.limits.failed_token_burst = Some(v as u32)),
    number("limits.requests_per_second", 1, 1_000_000, |c, _, v| c.limits.requests_per_second = v as u32),
    number("limits.request_burst", 1, 10_000_000, |c, _, v| c.limits.request_burst = v as u32),
    number("limits.backend_requests_per_second", 1, 1_000_000, |c, _, v| c.limits.backend_requests_per_second = Some(v as u32)),
    number("limits.backend_request_burst", 1, 10_000_000, |c, _, v| c.limits.backend_request_burst = Some(v as u32)),
    number("limits.subscriptions", 1, 1_000_000, |c, _, v| c.limits.subscriptions = v as usize),
    number("limits.queue_messages", 1, 10_000_000, |c, _, v| c.limits.queue_messages = v as usize),
    number("limits.queue_bytes", 4_096, HUGE, |c, _, v| c.limits.queue_bytes = v as usize),
    number("limits.messages_per_second", 1, 1_000_000, |c, _, v| c.limits.messages_per_second = v as u32),
    number("limits.burst", 1, 1_000_000, |c, _, v| c.limits.burst = v as u32),
    number("limits.max_message_bytes", 1_024, 16 * 1024 * 1024, |c, _, v| c.limits.max_message_bytes = v as usize),
    number("limits.max_body_bytes", 1_024, 1024 * 1024 * 1024, |c, _, v| c.limits.max_body_bytes = v as usize),
    number("limits.recovery_bytes", 1_024, 1024 * 1024 * 1024, |c, _, v| c.limits.recovery_bytes = v as usize),
    number("limits.head_timeout_ms", 100, DAY_MS, |c, _, v| c.limits.head_timeout_ms = v),
    number("limits.keep_alive_ms", 100, DAY_MS, |c, _, v| c.limits.keep_alive_ms = v),
    number("limits.body_timeout_ms", 100, DAY_MS, |c, _, v| c.limits.body_timeout_ms = v),
    number("limits.stall_timeout_ms", 1_000, DAY_MS, |c, _, v| c.limits.stall_timeout_ms = v),
    number("limits.drain_ms", 0, 600_000, |c, _, v| c.limits.drain_ms = v),
    number("history.publications", 0, 10_000_000, |c, _, v| c.history.publications = v as usize),
    number("history.age_ms", 0, 365 * DAY_MS, |c, _, v| c.history.age_ms = v),
    number("history.channels", 1, 100_000_000, |c, _, v| c.history.channels = v as usize),
    number("history.kinds.*.publications", 0, 10_000_000, |c, kind, v| kind_of(c, kind).publications = Some(v as usize)),
    number("history.kinds.*.age_ms", 0, 365 * DAY_MS, |c, kind, v| kind_of(c, kind).age_ms = Some(v)),
    number("throttle.*", 1, 60, |c, kind, v| {
        c.throttle.insert(kind.to_owned(), v as u32);
    }),
    number("write_delay_ms.*", 0, 1_000, |c, kind, v| {
        c.write_delay_ms.insert(kind.to_owned(), v);
    }),
    number("telemetry.write_delay_ms", 0, 1_000, |c, _, v| c.telemetry.write_delay_ms = v),
    number("devices.offline_after_ms", 0, 30 * DAY_MS, |c, _, v| c.devices.offline_after_ms = v),
    number("retention.sessions_days", 1, 36_500, |c, _, v| c.retention.sessions_days = v),
    number("retention.alerts_days", 1, 36_500, |c, _, v| c.retention.alerts_days = v),
    number("retention.notifications_days", 1, 3_650, |c, _, v| c.retention.notifications_days = v),
    Key {
        path: "redis.url",
        slot: Slot::Text {
            accepts: "redis://[user:password@]host:port[/db], rediss:// for TLS, or redis+unix:///path",
            set: |c, v| {
                if !v.is_empty() {
                    crate::broker::redis::check_url(v)?;
                }
                c.redis.url = (!v.is_empty()).then(|| SecretString::from(v));
                Ok(())
            },
        },
        secret: true,
    },
    text("redis.ca_file", "the path of a PEM file", |c, v| path(v).map(|file| c.redis.ca_file = Some(file))),
    text("redis.client_cert_file", "the path of a PEM file", |c, v| path(v).map(|file| c.redis.client_cert_file = Some(file))),
    text("redis.client_key_file", "the path of a PEM file", |c, v| path(v).map(|file| c.redis.client_key_file = Some(file))),
    text("redis.prefix", "1 to 64 of A-Z a-z 0-9 . _ : -", |c, v| prefix(v).map(|p| c.redis.prefix = p)),
    number("redis.pool_size", 1, 64, |c, _, v| c.redis.pool_size = v as usize),
    number("redis.connect_timeout_ms", 50, 60_000, |c, _, v| c.redis.connect_timeout_ms = v),
    number("redis.timeout_ms", 50, 60_000, |c, _, v| c.redis.timeout_ms = v),
    flag("redis.durable", |c, v| c.redis.durable = v),
    flag("redis.sharded", |c, v| c.redis.sharded = v),
    number("redis.channel_ttl_ms", 900_000, 365 * DAY_MS, |c, _, v| c.redis.channel_ttl_ms = v),
    number("retention.executions_days", 1, 3_650, |c, _, v| c.retention.executions_days = v),
    number("retention.conversations_days", 1, 36_500, |c, _, v| c.retention.conversations_days = v),
    text("log.format", "\"pretty\" or \"json\"", |c, v| log_format(v).map(|f| c.log.format = f)),
    text("log.level", "error, warn, info, debug, trace, or a filter such as \"info,pulsewire_relay=debug\"", |c, v| {
        log_level(v).map(|level| c.log.level = level)
    }),
    text("log.file", "the path of a file, which need not be there", |c, v| path(v).map(|p| c.log.file = Some(p))),
    number("log.max_bytes", 65_536, HUGE, |c, _, v| c.log.max_bytes = v),
    number("log.keep_files", 1, 100_000, |c, _, v| c.log.keep_files = v as usize),
    number("log.keep_days", 0, 36_500, |c, _, v| c.log.keep_days = v),
    flag("log.compress", |c, v| c.log.compress = v),
    text("audit.file", "the path of a file, which need not be there", |c, v| path(v).map(|p| c.audit.file = Some(p))),
    number("audit.max_bytes", 65_536, HUGE, |c, _, v| c.audit.max_bytes = v),
    number("audit.keep_days", 0, 36_500, |c, _, v| c.audit.keep_days = v),
    text("metrics.listen", ADDRESS, |c, v| address(v).map(|a| c.metrics.listen = Some(a))),
    number("monitor.interval_ms", 100, 600_000, |c, _, v| c.monitor.interval_ms = v),
    number("monitor.sustain_samples", 1, 1_000, |c, _, v| c.monitor.sustain_samples = v as u32),
    number("monitor.trial_connections", 1, 1_000_000, |c, _, v| c.monitor.trial_connections = v as u32),
    number("monitor.connections_percent", 0, 100, |c, _, v| c.monitor.connections_percent = v as u32),
    number("monitor.memory_percent", 0, 100, |c, _, v| c.monitor.memory_percent = v as u32),
    number("monitor.memory_bytes", 0, HUGE, |c, _, v| c.monitor.memory_bytes = v),
    number("monitor.cpu_percent", 0, 100, |c, _, v| c.monitor.cpu_percent = v as u32),
    number("monitor.file_descriptors_percent", 0, 100, |c, _, v| c.monitor.file_descriptors_percent = v as u32),
    number("monitor.network_bytes_per_second", 0, HUGE, |c, _, v| c.monitor.network_bytes_per_second = v),
    text("feed.replay", "the path of a CSV file", |c, v| path(v).map(|p| c.feed.replay = Some(p))),
    Key { path: "feed.speed", slot: Slot::Decimal { min: 0.01, max: 1_000.0, set: |c, v| c.feed.speed = v }, secret: false },
    number("feed.simulate", 0, 1_000, |c, _, v| c.feed.simulate = v as u32),
    number("feed.seed", 0, i64::MAX as u64, |c, _, v| c.feed.seed = v),
    text("feed.tenant", "1 to 128 of A-Z a-z 0-9 . _ ~ @ -", |c, v| {
        if !pulsewire_protocol::channel::is_id(v) {
            return Err(format!("{v:?} is no tenant id"));
        }
        c.feed.tenant = v.to_owned();
        Ok(())
    }),
];

impl Key {
    /// What the key accepts, in words.
    pub(super) fn accepts(&self) -> String {
        match self.slot {
            Slot::Number { min, max, .. } => format!("a whole number from {min} to {max}"),
            Slot::Decimal { min, max, .. } => format!("a number from {min} to {max}"),
            Slot::Text { accepts, .. } | Slot::List { accepts, .. } | Slot::OneOrMore { accepts, .. } => accepts.to_owned(),
            Slot::Flag { .. } => "true or false".to_owned(),
        }
    }
    /// Sets the key, or says what is wrong with the value.
    pub(super) fn set(&self, config: &mut Config, name: &str, raw: &Raw) -> Result<(), String> {
        match (&self.slot, raw) {
            (Slot::Number { min, max, set }, Raw::Integer(_) | Raw::Untyped(_)) => {
                let number = match raw {
                    Raw::Integer(number) => u64::try_from(*number).map_err(|_| format!("{number} is out of range"))?,
                    Raw::Untyped(text) => text.trim().replace('_', "").parse().map_err(|_| format!("{text:?} is not a whole number"))?,
                    _ => return Err("is not a whole number".to_owned()),
                };
                if !(*min..=*max).contains(&number) {
                    return Err(format!("{number} is out of range"));
                }
                set(config, name, number);
                Ok(())
            }
            (Slot::Decimal { min, max, set }, Raw::Integer(_) | Raw::Float(_) | Raw::Untyped(_)) => {
                let number = match raw {
                    Raw::Integer(number) => *number as f64,
                    Raw::Float(number) => *number,
                    _ => raw.untyped().and_then(|text| text.trim().parse().ok()).ok_or_else(|| format!("{} is no number", raw.shown()))?,
                };
                if !(*min..=*max).contains(&number) {
                    return Err(format!("{number} is out of range"));
                }
                set(config, number);
                Ok(())
            }
            (Slot::Text { set, .. }, Raw::Text(text) | Raw::Untyped(text)) => set(config, text),
            (Slot::Flag { set }, Raw::Flag(flag)) => {
                set(config, *flag);
                Ok(())
            }
            (Slot::Flag { set }, Raw::Untyped(text)) => match text.trim() {
                "true" | "1" | "yes" | "on" => {
                    set(config, true);
                    Ok(())
                }
                "false" | "0" | "no" | "off" => {
                    set(config, false);
                    Ok(())
                }
                _ => Err(format!("{text:?} is neither true nor false")),
            },
            (Slot::List { set, .. }, Raw::List(items)) => set(config, name, items),
            (Slot::List { set, .. }, Raw::Untyped(text)) => set(config, name, &split(text)),
            (Slot::OneOrMore { set, .. }, Raw::List(items)) => set(config, items),
            (Slot::OneOrMore { set, .. }, Raw::Text(text)) => set(config, std::slice::from_ref(text)),
            (Slot::OneOrMore { set, .. }, Raw::Untyped(text)) => set(config, &split(text)),
            _ if self.secret => Err("the value has the wrong type".to_owned()),
            _ => Err(format!("{} has the wrong type", raw.shown())),
        }
    }
    /// Whether an empty text of the environment counts as given: where nothing to compare with means that everybody passes, it
    /// is rather a variable that somebody forgot to fill.
    pub(super) fn reads_empty(&self) -> bool {
        matches!(self.slot, Slot::OneOrMore { .. }) || self.path == "limits.trusted_proxies"
    }
    /// The value as TOML; that of a secret is hidden. For values that [`Key::set`] has taken.
    pub(super) fn literal(&self, raw: &Raw) -> String {
        if self.secret {
            return "\"***\"".to_owned();
        }
        let texts = |items: Vec<String>| toml::Value::from(items).to_string();
        match (raw, &self.slot) {
            (Raw::Text(text), _) => toml::Value::from(text.as_str()).to_string(),
            (Raw::List(items), _) => texts(items.clone()),
            (Raw::Untyped(text), Slot::Number { .. } | Slot::Decimal { .. }) => text.trim().replace('_', ""),
            (Raw::Untyped(text), Slot::Flag { .. }) => matches!(text.trim(), "true" | "1" | "yes" | "on").to_string(),
            (Raw::Untyped(text), Slot::List { .. } | Slot::OneOrMore { .. }) => texts(split(text)),
            (Raw::Untyped(text), Slot::Text { .. }) => toml::Value::from(text.as_str()).to_string(),
            (Raw::Float(number), _) => toml::Value::from(*number).to_string(),
            (Raw::Integer(_) | Raw::Flag(_) | Raw::Other(_), _) => raw.shown(),
        }
    }
    /// Whether the path is this key's, and if so the name that stands for `*`.
    pub(super) fn matches<'p>(&self, path: &'p str) -> Option<&'p str> {
        match self.path.split_once('*') {
            None => (self.path == path).then_some(""),
            Some((before, after)) => path.strip_prefix(before)?.strip_suffix(after).filter(|name| !name.is_empty() && !name.contains('.')),
        }
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let numeric = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None => text.to_owned(),
    };
    numeric.trim().parse().map_err(|_| format!("{text:?} is no address with a port"))
}

/// A list as the environment and flags write it.
fn split(text: &str) -> Vec<String> {
    text.split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()
}

fn filled(text: &str) -> Result<String, String> {
    if text.trim().is_empty() { Err("the text is empty".to_owned()) } else { Ok(text.to_owned()) }
}

/// At least one: an empty list would switch off the check that whoever wrote it asked for.
fn some(texts: &[String]) -> Result<Vec<String>, String> {
    if texts.is_empty() {
        return Err("the list is empty, which would switch the check off: leave the key out for that".to_owned());
    }
    texts.iter().map(|text| filled(text)).collect()
}

fn path(text: &str) -> Result<std::path::PathBuf, String> {
    filled(text).map(std::path::PathBuf::from)
}

fn node(text: &str) -> Result<String, String> {
    let valid = (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if valid { Ok(text.to_owned()) } else { Err(format!("{text:?} is no node id")) }
}

fn prefix(text: &str) -> Result<String, String> {
    let valid = (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:-".contains(&b));
    if valid { Ok(text.to_owned()) } else { Err(format!("{text:?} is no prefix")) }
}

/// An origin is scheme, host and port, no path: what browsers send, in the form they send it (small letters, no default port,
/// names in ASCII). A trailing slash is the usual slip.
fn origin(text: &str) -> Result<String, String> {
    if text == "*" {
        return Ok(text.to_owned());
    }
    let lower = text.to_ascii_lowercase();
    let (authority, default_port) = match (lower.strip_prefix("https://"), lower.strip_prefix("http://")) {
        (Some(authority), _) => (authority, ":443"),
        (None, Some(authority)) => (authority, ":80"),
        (None, None) => return Err(format!("{text:?} is no origin: it begins with neither https:// nor http://")),
    };
    if authority.is_empty() || authority.contains(['/', '?', '#', ' ', '*', '@', '\\']) {
        return Err(format!("{text:?} is no origin: scheme and host only, no path, no slash at the end, no `*` inside"));
    }
    if !authority.is_ascii() {
        return Err(format!("{text:?} is not what browsers send: they write such a name in ASCII, as xn--…"));
    }
    Ok(lower.strip_suffix(default_port).unwrap_or(&lower).to_owned())
}

/// A network, or one address alone.
fn network(text: &str) -> Result<IpNet, String> {
    let alone = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse().or_else(|_| alone()).map(|network: IpNet| network.trunc()).map_err(|_| format!("{text:?} is no network"))
}

fn patterns(items: &[String]) -> Result<Vec<Pattern>, String> {
    items.iter().map(|item| Pattern::parse(item).map_err(|error| format!("{item:?} is no pattern: {error}"))).collect()
}

fn kind_of<'c>(config: &'c mut Config, kind: &str) -> &'c mut KindOverride {
    config.history.kinds.entry(kind.to_owned()).or_default()
}

fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "json" => Ok(LogFormat::Json),
        "pretty" => Ok(LogFormat::Pretty),
        _ => Err(format!("{text:?} is no log format")),
    }
}

fn log_level(text: &str) -> Result<String, String> {
    match tracing_subscriber::EnvFilter::builder().parse(text) {
        Ok(_) if !text.trim().is_empty() => Ok(text.to_owned()),
        _ => Err(format!("{text:?} is neither a level nor a filter")),
    }
}
