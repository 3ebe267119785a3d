//! The browser driver of the Pulsewire client: WebSocket, one timer, page signals, and the surface that JavaScript sees.
//!
//! Why so thin: whatever can be decided is decided by `client-core`; this crate carries its inputs in and its outputs out.
//! JavaScript does not use it directly but through the façade of the npm package, which gives it a configuration object and
//! an object of callbacks.
//!
//! Limits: no JSON parser (the page has one), no formatting of numbers, no panic on anything that JavaScript passes in: what
//! makes no sense is thrown as an `Error` with a `code`.
//!
//! Traps: a callback may call straight back into the client, so nothing of the core is borrowed while JavaScript runs
//! (`driver.rs`). Everything that was started ends when its owner is dropped: socket, timer, frame, listeners.

mod bridge;
mod clock;
mod config;
mod convert;
mod driver;
mod events;
mod notify;
mod publish;
mod series;
mod signals;
mod socket;
mod surface;
mod views;

pub use surface::WasmClient;
