//! Clients that mean harm, against a real relay on a free port: each attack ends as the protocol says, and a good client is served
//! all the while, with no panic and no token in the log.
//!
//! Everything is sent by hand over plain TCP: a client library would not let us break the rules.
// Tests may unwrap: a panic is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs, unreachable_pub)]

mod floods;
mod frames;
mod handshakes;
mod http;
mod limits;
mod messages;
mod public_keys;
mod tenants;
mod tokens;
mod ward;
mod wire;
