//! Redis: where many relays meet.

use secrecy::SecretString;
use std::path::PathBuf;

/// The Redis (7 or newer, or Valkey) that relays share.
#[derive(Clone, Debug)]
pub struct RedisConfig {
    /// `redis://[user:password@]host:port[/db]`, by TLS `rediss://`; absent: this relay is alone and keeps everything in memory.
    pub url: Option<SecretString>,
    /// PEM: the authorities that may sign its certificate, in place of the system's.
    pub ca_file: Option<PathBuf>,
    /// PEM: the relay's own certificate, where Redis asks for one, and its key.
    pub client_cert_file: Option<PathBuf>,
    /// See there.
    pub client_key_file: Option<PathBuf>,
    /// What every key, and every name that is published under, begins with.
    pub prefix: String,
    /// Connections for commands, beside the one that listens.
    pub pool_size: usize,
    /// How long making a connection may take.
    pub connect_timeout_ms: u64,
    /// How long an answer may take.
    pub timeout_ms: u64,
    /// Redis promises to lose nothing that it answered for (`appendonly yes`, `appendfsync always`): epochs outlive its restart.
    pub durable: bool,
    /// Whether relays tell each other by sharded publish/subscribe.
    pub sharded: bool,
    /// A channel that nobody used for so long is forgotten: its epoch, its retained state.
    pub channel_ttl_ms: u64,
}

impl Default for RedisConfig {
    fn default() -> Self {
        Self {
            url: None,
            ca_file: None,
            client_cert_file: None,
            client_key_file: None,
            prefix: "pulsewire".to_owned(),
            pool_size: 2,
            connect_timeout_ms: 2_000,
            timeout_ms: 2_000,
            durable: false,
            sharded: false,
            channel_ttl_ms: 24 * 60 * 60 * 1_000,
        }
    }
}
