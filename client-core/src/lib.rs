//! The whole Pulsewire client as a state machine without I/O.
//!
//! Why: the same logic runs in a page (as wasm), in the load generator, in the simulation and in tests with virtual time.
//! A driver owns socket, clock and timer, and does three things:
//!
//! ```text
//! client.handle(now, input)                       // whatever happened
//! while let Some(output) = client.poll_output()   // does what the core asks for
//! arm ONE timer for client.poll_timeout()         // a point on the monotonic clock; then Input::Tick
//! ```
//!
//! State is read through plain getters ([`Client::connection`], [`Client::alerts`] …) whenever the driver likes;
//! [`Output::Changed`] says which parts are worth reading again.
//!
//! Limits: no clock, no ambient randomness, no logging, no JSON parser in here (`clippy.toml` bans them). Every list is bounded.
//!
//! Traps: outputs must be drained after every `handle`, in order. `Closed` of a socket that the core closed itself need not be
//! reported. Bytes from the wire are never trusted: what cannot be read is counted, reported and skipped.

mod alerts;
mod apply;
mod backoff;
mod channel;
mod channel_view;
mod client;
mod commands;
mod config;
mod connection;
mod counters;
mod dashboard;
mod devices;
mod digits;
mod fields;
mod incoming;
mod input;
mod link;
mod measures;
mod members;
mod notices;
mod outbox;
mod outgoing;
mod output;
mod people;
mod polling;
mod position;
mod records;
mod requests;
mod rng;
mod sending;
mod status;
mod subscriptions;
mod table;
pub mod telemetry;
mod time;
mod timers;
mod toasts;
mod token;
mod viewers;

pub use alerts::{AlertItem, Alerts};
pub use channel_view::{ChannelPhase, ChannelView};
pub use client::Client;
pub use config::{BackoffConfig, Config, OutboxConfig, PollingConfig, TelemetryConfig, ToastConfig};
pub use counters::Counters;
pub use dashboard::Dashboard;
pub use devices::Devices;
pub use input::{AlertIds, Command, Conn, HttpAnswer, Input, RequestId, SubscribeOptions, Wake};
pub use measures::{Grade, Quality};
pub use outbox::{Outbox, OutboxItem};
pub use output::{ChannelEvent, ClientEvent, Delivery, Failure, Output, Settlement, Slices, TokenReason};
/// The wire types that appear in this crate's API.
pub use pulsewire_protocol as protocol;
pub use records::{Kept, Record, Records};
pub use status::{ConnectionState, ConnectionStatus};
pub use table::Table;
pub use telemetry::{Freshness, Series, Stats, Telemetry};
pub use time::{Millis, Now};
pub use toasts::{Toast, ToastKind, Toasts};
pub use viewers::Viewers;
