//! Measures what the relay costs on one core: `pulsewire-bench --help`.

use anyhow::Result;
use clap::Parser as _;
use pulsewire_tests::load::bench::{self, Cli};

fn main() -> Result<()> {
    // Ten thousand sockets; the system's hard limit decides in the end.
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        eprintln!("pulsewire-bench: the limit of open files could not be raised: {error}");
    }
    bench::run(Cli::parse())
}
