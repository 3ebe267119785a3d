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

fn load(project: &Project, load_args: &[String]) -> Result<()> {
    let binary = project.target.join("release").join(format!("pulsewire-load{}", std::env::consts::EXE_SUFFIX));
    let binary = binary.to_string_lossy();
    let start = || Sh::new(project, &binary).arg("--relay-bin").arg(project.relay_binary());
    start().args(load_args).run()
}
