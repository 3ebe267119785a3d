//! What an operator sees of the relay: metrics, logs, health.

pub mod logs;
pub mod metrics;

pub use metrics::Metrics;
