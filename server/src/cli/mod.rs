//! The commands of the binary: `serve`, `token`, `doctor`, `config`, `backup`, `restore`.
//!
//! Exit codes: 0 done, 1 a check of `doctor` failed, a backup was not made or the relay failed while running, 2 the command line or the
//! configuration is wrong, 3 the address cannot be listened on.

mod args;
pub mod doctor;
mod serve;
mod show;
#[cfg(feature = "domain")]
mod storage;
mod token;

#[cfg(feature = "domain")]
pub use args::StorageArgs;
pub use args::{Cli, Command, DoctorArgs, LogArg, ServeArgs, SourceArgs, TokenArgs, listening_line};

use crate::config::{Config, Flag, Mistakes, Sources};
use clap::Parser as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Why a command ended badly, with its exit code.
#[derive(Debug)]
pub struct Failure {
    /// The process's exit code.
    pub exit: u8,
    /// What is wrong and how to mend it.
    pub message: String,
}

impl Failure {
    pub(crate) fn new(exit: u8, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }
}

impl From<Mistakes> for Failure {
    fn from(mistakes: Mistakes) -> Self {
        let count = mistakes.0.len();
        let noun = if count == 1 { "mistake" } else { "mistakes" };
        Self::new(2, format!("{count} {noun} in the configuration:\n{mistakes}"))
    }
}

/// The whole program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        None => serve::serve(&cli.serve),
        Some(Command::Serve(args)) => serve::serve(&args),
        Some(Command::Config(args)) => show::show(&args),
        Some(Command::Token(args)) => token::token(&args),
        Some(Command::Doctor(args)) => doctor::doctor(&args),
        #[cfg(feature = "domain")]
        Some(Command::Backup(args)) => storage::copy(&args, storage::Way::Out),
        #[cfg(feature = "domain")]
        Some(Command::Restore(args)) => storage::copy(&args, storage::Way::In),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("pulsewire-relay: {}", failure.message);
            ExitCode::from(failure.exit)
        }
    }
}

/// Where this process's settings come from.
fn sources(file: Option<PathBuf>, flags: Vec<Flag>) -> Result<Sources, Failure> {
    let mut environment = Vec::new();
    for (name, value) in std::env::vars_os() {
        // Variables of others may be any bytes; ours are text.
        let Some(name) = name.to_str().filter(|name| name.starts_with("PULSEWIRE_")).map(str::to_owned) else { continue };
        match value.into_string() {
            Ok(value) => environment.push((name, value)),
            Err(_) => return Err(Failure::new(2, format!("environment variable {name}: its value is no UTF-8 text"))),
        }
    }
    Ok(Sources { file, environment, flags })
}

fn configuration(file: Option<PathBuf>, flags: Vec<Flag>) -> Result<Config, Failure> {
    Ok(crate::config::load(&sources(file, flags)?)?)
}
