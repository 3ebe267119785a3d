//! `bench`: criterion for codecs and rings; a release relay on one core beside the bare floor; load by whole clients; the package beside
//! its rivals in a browser.
//!
//! Figures of one run on a shared machine are an order of magnitude, no verdict: compare runs of one machine, or the ratio to the
//! floor (docs/operations/performance.md).

use anyhow::Result;
use clap::ValueEnum;

use crate::browsers;
use crate::build;
use crate::project::Project;
use crate::sh::Sh;
use crate::tools;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum What {
    /// Criterion: codecs, rings
    Micro,
    /// The relay on one core: CPU, memory and latency, beside a bare loop that sends the same frames
    Relay,
    /// Load by whole clients, and the promises for 500 of them
    Load,
    /// The package, centrifuge and socket.io-client in Chromium: main-thread time and allocation for the same stream
    Browser,
    All,
}

pub(crate) fn run(project: &Project, what: What, load_args: &[String]) -> Result<()> {
    if matches!(what, What::Micro | What::All) {
        Sh::cargo(project).args(["bench", "--package", "pulsewire-protocol", "--package", "pulsewire-client-core"]).run()?;
    }
    if matches!(what, What::Relay | What::All) {
        tools::redis(project)?;
        let bench = release(project, "pulsewire-bench")?;
        Sh::new(project, &bench).arg("--relay-bin").arg(project.relay_binary()).args(load_args).run()?;
    }
    if matches!(what, What::Load | What::All) {
        load(project, &release(project, "pulsewire-load")?, load_args)?;
    }
    if matches!(what, What::Browser | What::All) {
        browser(project, if what == What::All { &[] } else { load_args })?;
    }
    Ok(())
}

fn browser(project: &Project, args: &[String]) -> Result<()> {
    build::npm(project)?;
    let browser = browsers::chromium(project)?;
    tools::npm_packages(project, "tests/bench")?;
    let npm = Sh::npm(project, "tests/bench").args(["run", "bench", "--"]).args(args);
    npm.env("PULSEWIRE_CHROMIUM", browser.chromium).env("PULSEWIRE_PACKAGE", project.package()).run()
}

/// Builds the relay and one of the programs that measure it, and gives the program's path.
pub(crate) fn release(project: &Project, name: &str) -> Result<String> {
    build::relay(project)?;
    Sh::cargo(project).args(["build", "--release", "--package", "pulsewire-tests", "--bin", name]).run()?;
    let binary = project.target.join("release").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    Ok(binary.to_string_lossy().into_owned())
}

/// The standing scenarios: what a dashboard is (everyone watches the same), what a ward is (each their own), and a busy hour.
///
/// The first also keeps the promises: 500 connections under 10 MB, p99 under 100 ms, nothing missing.
const SCENARIOS: [(&str, &[&str]); 3] = [
    ("500 connections, one channel", &["--connections", "500", "--channels", "1", "--rate", "20", "--seconds", "10", "--check"]),
    ("500 connections, a channel each", &["--connections", "500", "--channels", "500", "--rate", "500", "--seconds", "10"]),
    ("1,000 connections, ten channels", &["--connections", "1000", "--channels", "10", "--rate", "100", "--seconds", "10", "--via", "ws"]),
];

fn load(project: &Project, binary: &str, load_args: &[String]) -> Result<()> {
    let start = || Sh::new(project, binary).arg("--relay-bin").arg(project.relay_binary());
    if !load_args.is_empty() {
        return start().args(load_args).run();
    }
    for (name, args) in SCENARIOS {
        println!("\n== {name}");
        start().args(args).run()?;
    }
    Ok(())
}
