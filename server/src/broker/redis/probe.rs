//! What `doctor` asks a Redis: whether it is there, which one it is, what it does when it is full, what it keeps.
//!
//! Blocking, and on a connection of its own: it runs before there is a relay.

use super::link::{About, reason};
use crate::config::RedisConfig;
use redis::Connection;
use std::time::Duration;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) version: String,
    /// What it does when it is full, such as `noeviction`.
    pub(crate) when_full: Option<String>,
    /// How much it may hold, in bytes; 0: as much as the machine has.
    pub(crate) max_bytes: Option<u64>,
    /// Whether it appends every write to a file.
    pub(crate) appends: Option<bool>,
    /// When that file is brought to the disk, such as `everysec`; absent where the settings may not be read.
    pub(crate) fsync: Option<String>,
    /// When it writes snapshots; empty: never.
    pub(crate) snapshots: Option<String>,
}

/// Asks. The error never holds the address, which may hold a password.
pub(crate) fn probe(config: &RedisConfig, within: Duration) -> Result<Found, String> {
    let client = super::address::client(config, false)?;
    let mut connection = client.get_connection_with_timeout(within).map_err(|error| reason(&error))?;
    connection.set_read_timeout(Some(within)).map_err(|error| reason(&error))?;
    let server = info(&mut connection, "server")?;
    let (memory, persistence) = (info(&mut connection, "memory")?, info(&mut connection, "persistence")?);
    Ok(Found {
        version: About::parse(&server)?.version.to_owned(),
        when_full: field(&memory, "maxmemory_policy"),
        max_bytes: field(&memory, "maxmemory").and_then(|bytes| bytes.parse().ok()),
        appends: field(&persistence, "aof_enabled").map(|flag| flag == "1"),
        fsync: setting(&mut connection, "appendfsync"),
        snapshots: setting(&mut connection, "save"),
    })
}

fn info(connection: &mut Connection, section: &str) -> Result<String, String> {
    redis::cmd("INFO").arg(section).query(connection).map_err(|error| reason(&error))
}

fn field(info: &str, name: &str) -> Option<String> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(|value| value.trim().to_owned())
}

/// Hosted ones forbid `CONFIG`: then nobody knows.
fn setting(connection: &mut Connection, name: &str) -> Option<String> {
    let answer: Vec<String> = redis::cmd("CONFIG").arg("GET").arg(name).query(connection).ok()?;
    answer.get(1).cloned()
}
