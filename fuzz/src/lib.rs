//! What the fuzz targets check: each module has one `check(input)` that takes any bytes and panics where a promise is broken.
//!
//! Why a library: libFuzzer drives it from `fuzz_targets/`, and the workspace's own tests include the very same files and replay
//! seeds, golden vectors and what was once found (`tests/tests/replay`), without a fuzzer installed.
//! Limits: no input makes a check wait, and no state outlives a check, so that a find replays alone.

// A check panics: that is how it tells.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs, unreachable_pub)]

pub mod codecs;
pub mod config;
pub mod golden;
pub mod http;
pub mod keys;
pub mod recording;
pub mod relay;
pub mod session;
pub mod tokens;

pub use golden::golden;

/// A target's name and its check.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 7] = [
    ("codecs", codecs::check),
    ("session", session::check),
    ("http", http::check),
    ("tokens", tokens::check),
    ("keys", keys::check),
    ("config", config::check),
    ("recording", recording::check),
];
