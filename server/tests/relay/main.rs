//! Tests of the relay's core: sessions over transports in memory under virtual time, and a few over real sockets.
// Tests may unwrap: a panic is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs, unreachable_pub)]

mod auth;
mod broker_contract;
mod families;
mod fan_out;
mod heartbeat;
mod idempotency;
mod isolation;
mod keys;
mod lifecycle;
mod limits;
mod log;
#[cfg(feature = "domain")]
mod notifications;
mod online;
mod overload;
mod pairs;
mod poll;
mod protocol_rules;
mod recovery;
mod redis;
mod redis_faults;
mod redis_nodes;
mod redis_presence;
mod redis_proxy;
mod redis_server;
mod redis_tls;
mod registry;
mod slow_broker;
mod slow_consumer;
mod sockets;
mod support;
mod throttle;
mod throttle_properties;
mod viewers;
mod wires;
