//! The store: what it promises, and what it does when disk, file or caller fail it.

// Tests may panic: that is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs, unreachable_pub)]

mod backup;
mod contract;
mod conversations;
mod crash;
mod executions;
mod keeping;
mod kill;
mod notifications;
mod paging;
mod support;
mod trouble;
mod world;
