//! The command line of `pulsewire-load`.

use clap::{Parser, ValueEnum};
use std::path::PathBuf;

/// Load on a relay over loopback: starts it, connects, publishes, measures, stops it.
#[derive(Clone, Debug, Parser)]
#[command(name = "pulsewire-load", version)]
pub struct Options {
    /// The relay to start; a release build, or the figures mean nothing.
    #[arg(long, value_name = "FILE", env = "PULSEWIRE_RELAY_BIN", default_value = "target/release/pulsewire-relay")]
    pub relay_bin: PathBuf,
    /// Connections.
    #[arg(long, default_value_t = 500)]
    pub connections: usize,
    /// Channels; connection i subscribes to channel i modulo this.
    #[arg(long, default_value_t = 1)]
    pub channels: usize,
    /// Publications a second, over all channels.
    #[arg(long, default_value_t = 20.0)]
    pub rate: f64,
    /// How long to publish, in seconds.
    #[arg(long, default_value_t = 10.0)]
    pub seconds: f64,
    /// Points of telemetry in one publication.
    #[arg(long, default_value_t = 20)]
    pub points: usize,
    /// The door to publish through.
    #[arg(long, value_enum, default_value_t = Via::Http)]
    pub via: Via,
    /// How many connections are opened at once.
    #[arg(long, default_value_t = 50)]
    pub opening: usize,
    /// Also write the figures as JSON to this file; `-` is standard output, and people's words go to standard error then.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Fail where 500 connections would cost 10 MB or more, where p99 latency is over 100 ms, or where a delivery is missing.
    #[arg(long)]
    pub check: bool,
}

/// A door of the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Via {
    /// `POST /api/v1/telemetry`, JSON.
    Http,
    /// `publish` over a WebSocket, CBOR.
    Ws,
}

impl Options {
    /// What cannot be measured.
    ///
    /// # Errors
    /// Names the option and what it takes.
    pub fn check(&self) -> Result<(), String> {
        let within = |name: &str, value: f64, least: f64, most: f64| {
            if (least..=most).contains(&value) { Ok(()) } else { Err(format!("--{name} {value}: expected {least} to {most}")) }
        };
        within("connections", self.connections as f64, 1.0, 20_000.0)?;
        within("channels", self.channels as f64, 1.0, self.connections as f64)?;
        within("rate", self.rate, 0.1, 100_000.0)?;
        within("seconds", self.seconds, 0.5, 3_600.0)?;
        within("points", self.points as f64, 1.0, 1_000.0)?;
        within("opening", self.opening as f64, 1.0, 1_000.0)
    }
}
