//! Restarts a relay under thousands of clients and says how they came back: `pulsewire-restart --help`.

use anyhow::{Result, bail};
use clap::Parser as _;
use pulsewire_tests::load::restart::{self, Options};

fn main() -> Result<()> {
    let options = Options::parse();
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        eprintln!("pulsewire-restart: the limit of open files could not be raised: {error}");
    }
    let returns = restart::run(&options)?;
    for one in &returns {
        println!("{one}");
    }
    if options.json {
        println!("{}", serde_json::to_string_pretty(&returns)?);
    }
    let broken: Vec<String> = returns.iter().flat_map(|one| one.broken_promises(&options)).collect();
    if options.check && !broken.is_empty() {
        bail!("promises broken: {}", broken.join("; "));
    }
    Ok(())
}
