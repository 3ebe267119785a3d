//! The binary `pulsewire-relay`: everything is in the library, so that tests can start a real relay in their own process.

use std::process::ExitCode;

fn main() -> ExitCode {
    pulsewire_relay::cli::main()
}
