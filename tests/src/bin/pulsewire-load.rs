//! Puts load on a relay of its own and says what it cost: `pulsewire-load --help`.

use anyhow::{Result, anyhow, bail};
use clap::Parser as _;
use pulsewire_tests::load::{measure, options::Options};
use std::path::Path;

fn main() -> Result<()> {
    let options = Options::parse();
    options.check().map_err(|problem| anyhow!(problem))?;
    // Two sockets' worth of room; the system's hard limit decides in the end.
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        eprintln!("pulsewire-load: the limit of open files could not be raised: {error}");
    }
    let report = measure::run(&options)?;
    match &options.json {
        Some(path) if path == Path::new("-") => {
            eprintln!("{report}");
            println!("{}", serde_json::to_string_pretty(&report)?);
        }
        Some(path) => {
            println!("{report}");
            std::fs::write(path, serde_json::to_string_pretty(&report)?)?;
        }
        None => println!("{report}"),
    }
    let broken = report.broken_promises();
    if options.check && !broken.is_empty() {
        bail!("promises broken: {}", broken.join("; "));
    }
    Ok(())
}
