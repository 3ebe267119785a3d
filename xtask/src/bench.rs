//! `bench`: criterion for codecs and rings, then load on a release relay over loopback.
//!
//! Figures of one run on a shared machine are an order of magnitude, no verdict: compare runs of one machine.

use anyhow::Result;
use clap::ValueEnum;

use crate::build;
use crate::project::Project;
use crate::sh::Sh;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum What {
    /// Criterion: codecs, rings
    Micro,
    /// Load on the relay
    Relay,
    All,
}

pub(crate) fn run(project: &Project, what: What, load_args: &[String]) -> Result<()> {
    if matches!(what, What::Micro | What::All) {
        Sh::cargo(project).args(["bench", "--package", "pulsewire-protocol", "--package", "pulsewire-client-core"]).run()?;
    }
    if matches!(what, What::Relay | What::All) {
        build::relay(project)?;
        Sh::cargo(project).args(["build", "--release", "--package", "pulsewire-tests", "--bin", "pulsewire-load"]).run()?;
        load(project, load_args)?;
    }
    Ok(())
}

/// The standing scenarios: what a dashboard is (everyone watches the same), what a ward is (each their own), and a busy hour.
///
/// The first also keeps the promises: 500 connections under 10 MB, p99 under 100 ms, nothing missing.
const SCENARIOS: [(&str, &[&str]); 3] = [
    ("500 connections, one channel", &["--connections", "500", "--channels", "1", "--rate", "20", "--seconds", "10", "--check"]),
    ("500 connections, a channel each", &["--connections", "500", "--channels", "500", "--rate", "500", "--seconds", "10"]),
    ("1,000 connections, ten channels", &["--connections", "1000", "--channels", "10", "--rate", "100", "--seconds", "10", "--via", "ws"]),
];

fn load(project: &Project, load_args: &[String]) -> Result<()> {
    let binary = project.target.join("release").join(format!("pulsewire-load{}", std::env::consts::EXE_SUFFIX));
    let binary = binary.to_string_lossy();
    let start = || Sh::new(project, &binary).arg("--relay-bin").arg(project.relay_binary());
    if !load_args.is_empty() {
        return start().args(load_args).run();
    }
    for (name, args) in SCENARIOS {
        println!("\n== {name}");
        start().args(args).run()?;
    }
    Ok(())
}
