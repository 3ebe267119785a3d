//! The Pulsewire relay: authenticated WebSocket and polling fan-out with history, recovery, viewers and statistics.

pub mod config;
pub mod mint;
pub mod observe;
