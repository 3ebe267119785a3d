//! What connections cost that only stand there: connecting, memory, idle CPU time.

use super::fan_out::SETTLE;
use super::fleet::Fleet;
use super::setting::Setting;
use anyhow::Result;
use serde::Serialize;
use std::time::{Duration, Instant};

/// Connections of the memory scenario.
pub const IDLE: usize = 5_000;
/// Connections of the connect scenario.
pub const CONNECTS: usize = 2_000;
/// Connections of the promises.
pub const PROMISED: usize = 500;

/// What one run measured.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// How many connected.
    pub connections: usize,
    /// How long that took.
    pub connect_seconds: f64,
    /// The relay's CPU time for it: upgrade, token, welcome, one channel each.
    pub connect_cpu_seconds: f64,
    /// The relay's memory for one connection that is idle and subscribed.
    pub bytes_each: f64,
    /// The kernel's memory for both ends of one connection: slab and TCP pages.
    pub kernel_bytes_each: f64,
    /// The share of its core that the relay has while nothing is published.
    pub idle_core: f64,
}

/// One run: everyone connects to the same channel and stays.
///
/// # Errors
/// Where the relay cannot be started or refuses one.
pub fn run(setting: &Setting, connections: usize) -> Result<Standing> {
    let relay = setting.relay(connections)?;
    // What a relay loads once is not what a connection costs.
    let first = Fleet::connect(relay.address, Instant::now(), &[setting.login(connections, 0)?])?;
    drop(first);
    std::thread::sleep(SETTLE);
    let none = relay.used()?;
    let logins = (0..connections).map(|number| setting.login(number, 0)).collect::<Result<Vec<_>>>()?;
    let start = Instant::now();
    let fleet = Fleet::connect(relay.address, start, &logins)?;
    let connect_seconds = start.elapsed().as_secs_f64();
    let connected = relay.used()?;
    std::thread::sleep(SETTLE);
    let (quiet, quiet_since) = (relay.used()?, Instant::now());
    std::thread::sleep(Duration::from_secs_f64(setting.seconds));
    let idle = relay.used()?;
    let idle_core = (idle.cpu_seconds - quiet.cpu_seconds) / quiet_since.elapsed().as_secs_f64();
    drop(fleet);
    relay.stop()?;
    let each = |after: u64, before: u64| (after as f64 - before as f64) / connections as f64;
    Ok(Standing {
        connections,
        connect_seconds,
        connect_cpu_seconds: connected.cpu_seconds - none.cpu_seconds,
        bytes_each: each(idle.resident_bytes, none.resident_bytes),
        kernel_bytes_each: each(idle.kernel_bytes, none.kernel_bytes),
        idle_core,
    })
}
