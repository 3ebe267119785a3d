//! Load on a relay, measured: `client-core` clients over real sockets, a publisher that keeps its schedule, the relay's own costs.
//!
//! Why the pieces: [`driver`] is the native driver of one client (the browser's has a page, this one has tokio), [`process`] starts a
//! process and reads its memory and CPU time from `/proc`, [`relay`] says how a relay is started, [`publisher`] publishes on a thread of its own, [`measure`] puts them
//! together, [`report`] tells people and machines. [`bench`] measures the relay alone, on a core of its own, against a floor.
//!
//! Limits: loopback only, Linux only (`/proc`), one publishing connection. Clients and relay share the machine: on two cores the
//! clients are part of the latency.
//!
//! Trap: latency counts from the moment a publication was *due*, not from when it was sent. A sender that falls behind would
//! otherwise hide exactly the waiting that it causes.

pub mod bench;
pub mod driver;
pub mod measure;
pub mod metrics;
pub mod options;
pub mod process;
pub mod publisher;
pub mod relay;
pub mod report;
pub mod restart;
pub mod soak;
