//! The browser driver of the Pulsewire client: WebSocket, one timer, page signals, and the surface that JavaScript sees.
//!
//! Why so thin: whatever can be decided is decided by `client-core`; this crate carries its inputs in and its outputs out.
//! JavaScript does not use it directly but through the façade of the npm package (`npm/src/core.ts` is the other side).
//!
//! Limits: no JSON parser (the page has one), no formatting of numbers, no panic on anything that JavaScript passes in: what
//! makes no sense is thrown as an `Error` with a `code`. Every exported function and every type that serde writes costs
//! kilobytes of what each page downloads, so there are few of them: commands and reads go by number (`surface.rs`), and
//! objects are put together by hand (`object.rs`).
//!
//! Traps: a callback may call straight back into the client, so nothing of the core is borrowed while JavaScript runs
//! (`driver.rs`). Everything that was started ends when its owner is dropped: socket, timer, frame, listeners.

mod bridge;
mod clock;
mod config;
mod driver;
mod events;
mod notify;
mod object;
mod recording;
mod series;
mod signals;
mod socket;
mod surface;
mod views;

/// For the replay tool, which has to make the same core of the same numbers.
pub use config::{NUMBERS, read as read_config};
pub use surface::WasmClient;

#[cfg(target_family = "wasm")]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();
