//! Writes `docs/asyncapi.json`: `cargo run -p pulsewire-protocol --example asyncapi`. A test insists that it is current.

// A tool of the tests: it may stop with a panic.
#![allow(clippy::expect_used, clippy::indexing_slicing, missing_docs, dead_code, unreachable_pub)]

#[path = "../tests/support/asyncapi.rs"]
mod asyncapi;
#[path = "../tests/support/messages.rs"]
mod messages;

fn main() -> std::io::Result<()> {
    std::fs::write(asyncapi::path(), asyncapi::text())?;
    println!("wrote docs/asyncapi.json");
    Ok(())
}
