//! What the relay itself knows of the ward: devices, active alerts, usage sessions and the statistics made of them, from
//! live state in memory.

mod dashboard;
pub mod state;

pub use dashboard::Dashboard;
pub use state::{DeviceView, WardState};
