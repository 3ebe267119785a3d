//! The HTTP side against a real relay on a free port: what is accepted, how refusals read, that nothing is half-applied, and
//! what health, metrics and static pages say.

// Tests may panic: that is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

#[cfg(feature = "domain")]
mod alerts;
mod client;
mod contract;
#[cfg(feature = "domain")]
mod flows;
mod fuzz;
mod ingest;
mod metrics;
#[cfg(feature = "domain")]
mod notifications;
mod openapi;
mod operations;
mod reading;
mod refusals;
mod www;
