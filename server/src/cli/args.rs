//! The command line, as `clap` reads it.

use crate::config::Flag;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Pulsewire's relay: live events from devices and services to web pages.
#[derive(Debug, Parser)]
#[command(name = "pulsewire-relay", version, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = "Environment: PULSEWIRE_LISTEN, PULSEWIRE_JWT_SECRET, PULSEWIRE_DATA_DIR, PULSEWIRE_LOG, and any key of the\n\
    file as PULSEWIRE_SECTION__KEY. Flags win over the environment, the environment over the file.")]
pub struct Cli {
    /// What to do; `serve` where nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The flags of `serve`, which may stand without the word.
    #[command(flatten)]
    pub serve: ServeArgs,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the relay (the default).
    Serve(Box<ServeArgs>),
    /// Print the configuration that `serve` would run with, and where each value comes from.
    Config(Box<ServeArgs>),
    /// Print a signed token.
    Token(Box<TokenArgs>),
    /// Check configuration and system, and say how to mend what is wrong; exits with 1 where a check fails.
    Doctor(DoctorArgs),
    /// Copy what is stored into a new file, also while the relay runs.
    #[cfg(feature = "domain")]
    Backup(StorageArgs),
    /// Put a backup in the place of what is stored, while no relay runs; what was there is kept beside it.
    #[cfg(feature = "domain")]
    Restore(StorageArgs),
}

/// Where settings come from, for every command.
#[derive(Args, Clone, Debug, Default)]
pub struct SourceArgs {
    /// The configuration file (TOML); see pulsewire.example.toml.
    #[arg(long, value_name = "FILE", env = "PULSEWIRE_CONFIG")]
    pub config: Option<PathBuf>,
    /// Development mode: a public demo secret, /dev/token, everything allowed inside a tenant. Loopback only.
    #[arg(long)]
    pub dev: bool,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LogArg {
    /// One JSON object a line.
    Json,
    /// For people.
    Pretty,
}

/// Flags of `serve`.
#[derive(Args, Clone, Debug, Default)]
pub struct ServeArgs {
    /// Where settings come from.
    #[command(flatten)]
    pub sources: SourceArgs,
    /// Where to listen; port 0 takes a free one [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// With --dev: let other machines in. Whoever reaches the address may do everything.
    #[arg(long)]
    pub allow_lan: bool,
    /// Serve the static files of this folder at /.
    #[arg(long, value_name = "DIR")]
    pub www: Option<PathBuf>,
    /// Play a recording, looped: a CSV file with the header t,device,metric,value or t,device,METRIC….
    #[arg(long, value_name = "FILE.csv")]
    pub replay: Option<PathBuf>,
    /// Play the recording this many times as fast.
    #[arg(long, value_name = "FACTOR")]
    pub speed: Option<String>,
    /// Simulate a ward with so many beds.
    #[arg(long, value_name = "DEVICES")]
    pub simulate: Option<String>,
    /// The simulator's seed: the same seed makes the same ward.
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<String>,
    /// The tenant that replay and simulator publish in [default: demo].
    #[arg(long, value_name = "TENANT")]
    pub feed_tenant: Option<String>,
    /// How logs are written [default: pretty]; PULSEWIRE_LOG sets the level or a filter.
    #[arg(long, value_enum)]
    pub log: Option<LogArg>,
}

/// Flags of `token`.
#[derive(Args, Clone, Debug)]
pub struct TokenArgs {
    /// Where settings come from.
    #[command(flatten)]
    pub sources: SourceArgs,
    /// The user.
    #[arg(long, value_name = "USER")]
    pub sub: String,
    /// The tenant.
    #[arg(long, value_name = "TENANT")]
    pub tenant: String,
    /// The name that others see.
    #[arg(long)]
    pub name: Option<String>,
    /// The role: its patterns in the configuration apply where --subscribe or --publish are absent.
    #[arg(long)]
    pub role: Option<String>,
    /// A channel pattern to subscribe to, such as patient:* or *; may be repeated.
    #[arg(long, value_name = "PATTERN")]
    pub subscribe: Vec<String>,
    /// A channel pattern to publish to; may be repeated.
    #[arg(long, value_name = "PATTERN")]
    pub publish: Vec<String>,
    /// A backend: not counted as a viewer.
    #[arg(long)]
    pub no_viewer: bool,
    /// How long it is valid: 90s, 15m, 1h, 30days.
    #[arg(long, default_value = "1h", value_parser = humantime::parse_duration)]
    pub ttl: std::time::Duration,
    /// Sign with the private key of this PEM file instead of the secret, to try a relay that has the public one.
    #[arg(long, value_name = "FILE.pem")]
    pub key: Option<PathBuf>,
    /// The algorithm; without it the key's own (RSA: RS256, P-256: ES256, Ed25519: EdDSA; the secret: HS256).
    #[arg(long, value_name = "ALGORITHM", value_parser = ["HS256", "RS256", "ES256", "EdDSA"])]
    pub alg: Option<String>,
    /// The `kid` of the header: the key's name in the relay's JWKS file.
    #[arg(long, value_name = "NAME")]
    pub kid: Option<String>,
}

/// Flags of `doctor`.
#[derive(Args, Clone, Debug)]
pub struct DoctorArgs {
    /// Where settings come from.
    #[command(flatten)]
    pub sources: SourceArgs,
    /// The address that `serve` will be given.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// Print one JSON object for machines: `{checks: [{name, verdict: ok, warning or failed, finding, mend}], failed, warnings}`.
    #[arg(long)]
    pub json: bool,
}

/// Flags of `backup` and `restore`.
#[cfg(feature = "domain")]
#[derive(Args, Clone, Debug)]
pub struct StorageArgs {
    /// Where settings come from: `data_dir` is the one that counts.
    #[command(flatten)]
    pub sources: SourceArgs,
    /// The file of the backup.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

#[cfg(feature = "domain")]
impl StorageArgs {
    /// The flags that set keys of the configuration.
    pub fn flags(&self) -> Vec<Flag> {
        self.sources.flags()
    }
}

impl SourceArgs {
    fn flags(&self) -> Vec<Flag> {
        self.dev.then(|| Flag { flag: "--dev", key: "dev", value: "true".to_owned() }).into_iter().collect()
    }
}

impl ServeArgs {
    /// The flags that set keys of the configuration.
    pub fn flags(&self) -> Vec<Flag> {
        let mut flags = self.sources.flags();
        let mut push = |flag, key, value: String| flags.push(Flag { flag, key, value });
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.to_string_lossy().into_owned());
        let given = [
            ("--listen", "listen", self.listen.clone()),
            ("--www", "www", path(&self.www)),
            ("--replay", "feed.replay", path(&self.replay)),
            ("--speed", "feed.speed", self.speed.clone()),
            ("--simulate", "feed.simulate", self.simulate.clone()),
            ("--seed", "feed.seed", self.seed.clone()),
            ("--feed-tenant", "feed.tenant", self.feed_tenant.clone()),
        ];
        for (flag, key, value) in given {
            if let Some(value) = value {
                push(flag, key, value);
            }
        }
        if self.allow_lan {
            push("--allow-lan", "allow_lan", "true".to_owned());
        }
        if let Some(log) = self.log {
            push("--log", "log.format", if matches!(log, LogArg::Json) { "json" } else { "pretty" }.to_owned());
        }
        flags
    }
}

impl TokenArgs {
    /// The flags that set keys of the configuration.
    pub fn flags(&self) -> Vec<Flag> {
        self.sources.flags()
    }
}

impl DoctorArgs {
    /// The flags that set keys of the configuration.
    pub fn flags(&self) -> Vec<Flag> {
        let mut flags = self.sources.flags();
        if let Some(value) = self.listen.clone() {
            flags.push(Flag { flag: "--listen", key: "listen", value });
        }
        flags
    }
}

/// Where the relay listens, as the first line on standard output says it.
pub fn listening_line(address: SocketAddr) -> String {
    format!("listening on http://{address}")
}
