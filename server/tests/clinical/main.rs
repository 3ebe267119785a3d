//! What the ward remembers of its patients: alerts, devices, patients, and the statistics of them.

// Tests may panic: that is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs, unreachable_pub)]

mod acting;
mod alerts;
mod devices;
mod documented;
mod shared;
mod support;
mod telling;
mod usage;
