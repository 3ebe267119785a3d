//! What the relay itself knows of the ward: devices, active alerts, usage sessions and the statistics made of them, from
//! live state in memory.
//!
//! A cargo feature (`domain`, on by default): it comes in through [`Tap`](crate::relay::Tap) and
//! [`Methods`](crate::relay::Methods) alone, and `services` is the one place that knows of it.

mod dashboard;
pub mod state;

pub use dashboard::Dashboard;
pub use state::{DeviceView, WardState};
