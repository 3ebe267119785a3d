//! What an operator sees of the relay: metrics, logs, the audit log.

pub mod audit;
pub mod faults;
mod logins;
pub mod logs;
pub mod metrics;
mod words;

pub use audit::{Audit, audit};
pub use faults::{Category, Severity};
pub(crate) use logins::RefusedLogins;
pub use metrics::Metrics;
