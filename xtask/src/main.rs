//! `cargo xtask`: the project's commands, for people and for CI alike.
//!
//! Why a program and not scripts: it runs wherever Rust does, it is type-checked, and its checks (`tidy`) have tests.
//! Limits: it needs Node 20 or newer and npm for everything that touches the web side, and installs neither.
//! Trap: it runs under `cargo run`, so its children inherit cargo's variables; `sh.rs` takes the harmful ones away.

mod bench;
mod browsers;
mod build;
mod demo;
mod mutations;
mod project;
mod sh;
mod stamp;
mod suites;
mod table;
mod tidy;
mod tools;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::project::Project;
use crate::sh::Sh;

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "Builds, tests, measures and shows Pulsewire.", max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build everything and start the relay with the demo ward on http://127.0.0.1:8080
    Demo {
        /// Passed to pulsewire-relay, for example: -- --replay ../shared/data/ward-recording.csv
        #[arg(last = true, value_name = "RELAY ARGS")]
        relay_args: Vec<String>,
    },
    /// Install what is missing and run the test suites, one after the other
    Test {
        /// Also the suites that are dear or need more of the machine
        #[arg(long)]
        all: bool,
        /// Only these suites (may be repeated)
        #[arg(long, value_name = "SUITE")]
        only: Vec<String>,
        /// Go on after a failing suite
        #[arg(long)]
        keep_going: bool,
        /// Say which suites there are, and stop
        #[arg(long)]
        list: bool,
    },
    /// Build one part and what it stands on; rebuilds nothing that is up to date
    Build {
        #[arg(value_enum, default_value_t = build::Part::All)]
        part: build::Part,
    },
    /// Measure: criterion benches, the relay on one core beside the bare floor, load by whole clients, the package in a browser
    Bench {
        #[arg(value_enum, default_value_t = bench::What::All)]
        what: bench::What,
        /// Passed to what measures (with `load`: instead of the standing scenarios)
        #[arg(last = true, value_name = "LOAD ARGS")]
        load_args: Vec<String>,
    },
    /// Go through a recording of the flight recorder again, with the same core: prints its transitions and whether it ends alike
    Replay {
        /// What client.exportRecording() gave
        file: std::path::PathBuf,
    },
    /// Check the habits that no compiler checks: file length, module docs, import direction, links, versions
    Tidy,
    /// What CI runs: every suite but the dear ones, going on after a failure
    Ci,
    /// Take the pictures of docs/images from the running demo
    Screenshots,
}

fn run(cli: Cli) -> Result<ExitCode> {
    let project = Project::find()?;
    match cli.command {
        Command::Demo { relay_args } => demo::run(&project, &relay_args),
        Command::Test { list: true, .. } => {
            suites::list();
            Ok(ExitCode::SUCCESS)
        }
        Command::Test { all, only, keep_going, list: false } => suites::run(&project, &suites::Choice { all, only, keep_going }),
        Command::Build { part } => build::run(&project, part).map(|()| ExitCode::SUCCESS),
        Command::Bench { what, load_args } => bench::run(&project, what, &load_args).map(|()| ExitCode::SUCCESS),
        Command::Replay { file } => Sh::cargo(&project)
            .args(["run", "--quiet", "--package", "pulsewire-client-wasm", "--example", "replay", "--"])
            .arg(std::path::absolute(file)?)
            .run()
            .map(|()| ExitCode::SUCCESS),
        Command::Tidy => tidy::run(&project).map(|()| ExitCode::SUCCESS),
        Command::Ci => suites::run(&project, &suites::Choice { all: false, only: Vec::new(), keep_going: true }),
        Command::Screenshots => demo::screenshots(&project).map(|()| ExitCode::SUCCESS),
    }
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
