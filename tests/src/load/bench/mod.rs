//! What the relay costs on one core, beside a bare loop that sends the same frames: `pulsewire-bench`.
//!
//! The relay (or the floor) has one core, clients and publisher have another. Every scenario is run several times, each time with
//! a relay of its own, and the medians count. On a shared machine only the ratio of the two in one run is worth anything.
//!
//! Why bare receivers: a client that decodes costs more than the relay's part of a delivery, so it would be measured instead.
//! They count marks in the bytes; a delivery that is missing fails the run.
//!
//! Limits: Linux, two cores, loopback. A scenario of its own is one file and one [`Scenario`].

pub mod backend;
pub mod fan_out;
pub mod fleet;
pub mod floor;
pub mod nodes;
pub mod redis;
pub mod setting;
pub mod slow;
pub mod standing;
pub mod stored;
pub mod table;
pub mod wire;

use super::process::Cores;
use super::soak;
use anyhow::{Context as _, Result, bail};
use clap::{Parser, Subcommand, ValueEnum};
use fan_out::Shape;
use setting::Setting;
use std::path::PathBuf;
use table::Row;

/// The shape of the promises.
pub const FIVE_HUNDRED: Shape = Shape { subscribers: 500, channels: 1 };

/// Measures a release relay on one core, beside the bare floor.
#[derive(Clone, Debug, Parser)]
#[command(name = "pulsewire-bench", version)]
pub struct Cli {
    /// What to do; without one: every scenario.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How to measure.
    #[command(flatten)]
    pub options: Options,
}

/// A command of its own.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// The bare loop that the relay is compared with (started by the bench itself).
    #[command(hide = true)]
    Floor {
        /// Connections to wait for.
        connections: usize,
    },
    /// Visitors come and go for half an hour; nothing of them may be left.
    Soak(soak::Options),
}

/// How to measure.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// The relay: a release build, or the figures mean nothing.
    #[arg(long, value_name = "FILE", env = "PULSEWIRE_RELAY_BIN", default_value = "target/release/pulsewire-relay")]
    pub relay_bin: PathBuf,
    /// Only these.
    #[arg(long, value_enum, value_name = "SCENARIO")]
    pub only: Vec<Scenario>,
    /// Runs of each scenario; the medians count.
    #[arg(long, default_value_t = 3)]
    pub runs: usize,
    /// How long each measured step takes, in seconds.
    #[arg(long, default_value_t = 4.0)]
    pub seconds: f64,
    /// More of the relay's environment.
    #[arg(long, value_name = "NAME=VALUE")]
    pub env: Vec<String>,
    /// Also write the figures as JSON to this file.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Fail where an aim is missed.
    #[arg(long)]
    pub check: bool,
}

/// A scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// One channel, 500 subscribers.
    #[value(name = "fan-out-500")]
    FanOut500,
    /// One channel, 2,000 subscribers.
    #[value(name = "fan-out-2000")]
    FanOut2000,
    /// One channel, 10,000 subscribers.
    #[value(name = "fan-out-10000")]
    FanOut10000,
    /// 1,000 channels, 2 subscribers each.
    Channels,
    /// Memory of idle connections.
    Memory,
    /// CPU time of connecting with tokens.
    Connect,
    /// What is promised for 500 connections.
    Promises,
    /// Readers that never read beside others that do.
    SlowReaders,
    /// Ingest over HTTP, with a store on the disk beside one in memory.
    Storage,
    /// Pages of a list of a million, once.
    Lists,
    /// Two relays on one Redis, beside one.
    Nodes,
}

impl Scenario {
    fn run(self, setting: &Setting, runs: usize) -> Result<Vec<Row>> {
        let fan_out = |shape: Shape| Ok(table::of_fan_out(shape, &repeat(runs, || fan_out::run(setting, shape))?));
        let standing = |connections| Ok(table::of_standing(&repeat(runs, || standing::run(setting, connections))?));
        match self {
            Self::FanOut500 => fan_out(FIVE_HUNDRED),
            Self::FanOut2000 => fan_out(Shape { subscribers: 2_000, channels: 1 }),
            Self::FanOut10000 => fan_out(Shape { subscribers: 10_000, channels: 1 }),
            Self::Channels => fan_out(Shape { subscribers: 2_000, channels: 1_000 }),
            Self::Memory => standing(standing::IDLE),
            Self::Connect => standing(standing::CONNECTS),
            Self::Promises => standing(standing::PROMISED),
            Self::SlowReaders => Ok(table::of_slow(&repeat(runs, || slow::run(setting))?)),
            Self::Storage => Ok(table::of_stored(&repeat(runs, || stored::ingest(setting))?)),
            Self::Lists => Ok(table::of_lists(stored::lists(setting)?)),
            Self::Nodes => Ok(table::of_nodes(&repeat(runs, || nodes::run(setting))?)),
        }
    }
}

fn repeat<T>(runs: usize, mut run: impl FnMut() -> Result<T>) -> Result<Vec<T>> {
    (0..runs).map(|_| run()).collect()
}

/// Does what the command line says.
///
/// # Errors
/// Where a scenario fails, or with `--check` an aim is missed.
pub fn run(cli: Cli) -> Result<()> {
    let Options { relay_bin, only, runs, seconds, env, json, check } = cli.options;
    if let Some(Command::Floor { connections }) = cli.command {
        return floor::run(connections);
    }
    if let Some(Command::Soak(options)) = cli.command {
        return soak::run(&relay_bin, &options).map(drop);
    }
    if runs == 0 || !(0.5..=600.0).contains(&seconds) {
        bail!("--runs: at least 1; --seconds: 0.5 to 600");
    }
    let environment = env.iter().map(|pair| {
        let (name, value) = pair.split_once('=').with_context(|| format!("--env {pair}: expected NAME=VALUE"))?;
        Ok((name.to_owned(), value.to_owned()))
    });
    let cores = Cores::choose()?;
    let environment = environment.collect::<Result<Vec<_>>>()?;
    let setting = Setting { relay_bin, own_bin: std::env::current_exe()?, seconds, cores, environment };
    cores.pin_load()?;
    let mut rows = Vec::new();
    println!("load average before: {}", load_average()?);
    for scenario in Scenario::value_variants().iter().filter(|scenario| only.is_empty() || only.contains(scenario)) {
        let name = scenario.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        eprintln!("{name} …");
        rows.extend(scenario.run(&setting, runs).with_context(|| format!("scenario {name}"))?);
    }
    println!("load average after:  {}", load_average()?);
    println!("{}", table::render(&rows));
    if let Some(path) = json {
        std::fs::write(&path, serde_json::to_string_pretty(&rows)?).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    let missed: Vec<&str> = rows.iter().filter(|row| row.met == Some(false)).map(|row| row.name.as_str()).collect();
    if check && !missed.is_empty() {
        bail!("aims missed: {}", missed.join("; "));
    }
    Ok(())
}

fn load_average() -> Result<String> {
    let text = std::fs::read_to_string("/proc/loadavg").context("the bench wants Linux")?;
    Ok(text.split_whitespace().take(3).collect::<Vec<_>>().join(" "))
}
