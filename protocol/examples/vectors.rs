//! Writes the golden vectors: `cargo run -p pulsewire-protocol --example vectors`. Look at the difference before you commit it:
//! a line that changes is a change of the protocol.

// A tool of the tests: it may stop with a panic.
#![allow(clippy::expect_used, clippy::indexing_slicing, missing_docs, dead_code, unreachable_pub)]

#[path = "../tests/support/vectors.rs"]
mod vectors;

fn main() -> std::io::Result<()> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    for (name, text) in vectors::files() {
        std::fs::write(folder.join(name), text)?;
        println!("wrote vectors/{name}");
    }
    Ok(())
}
