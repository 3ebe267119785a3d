//! What all scenarios share: the binaries, the cores, how a relay is started, and who may what.

use super::fan_out::login;
use super::process::{Cores, Process};
use super::wire::Login;
use crate::load::relay::{SECRET, token};
use anyhow::Result;
use std::path::PathBuf;

/// See the module.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The relay, a release build.
    pub relay_bin: PathBuf,
    /// This program: the floor is one of its commands.
    pub own_bin: PathBuf,
    /// How long each measured step takes.
    pub seconds: f64,
    /// See [`Cores`].
    pub cores: Cores,
    /// More of the relay's environment, as NAME=VALUE.
    pub environment: Vec<(String, String)>,
}

impl Setting {
    /// A relay for so many connections, whose other limits do not stand in the way of the load.
    ///
    /// # Errors
    /// Where it does not start.
    pub fn relay(&self, connections: usize) -> Result<Process> {
        let room = (connections + 100).to_string();
        let mut environment = vec![
            ("PULSEWIRE_JWT_SECRET", SECRET.to_owned()),
            ("PULSEWIRE_LOG", "warn".to_owned()),
            ("PULSEWIRE_LIMITS__CONNECTIONS", room.clone()),
            ("PULSEWIRE_LIMITS__PER_ADDRESS", room),
            ("PULSEWIRE_LIMITS__MESSAGES_PER_SECOND", "1000000".to_owned()),
            ("PULSEWIRE_LIMITS__BURST", "1000000".to_owned()),
            ("PULSEWIRE_LIMITS__HANDSHAKES_PER_SECOND", "1000000".to_owned()),
            ("PULSEWIRE_LIMITS__HANDSHAKE_BURST", "1000000".to_owned()),
            // A core that is fully used is what is measured.
            ("PULSEWIRE_MONITOR__CPU_PERCENT", "0".to_owned()),
            ("PULSEWIRE_MONITOR__CONNECTIONS_PERCENT", "0".to_owned()),
            // Bare receivers answer no heartbeat.
            ("PULSEWIRE_HEARTBEAT__DEAD_AFTER_MS", "3600000".to_owned()),
        ];
        environment.extend(self.environment.iter().map(|(name, value)| (name.as_str(), value.clone())));
        let arguments = ["serve", "--listen", "127.0.0.1:0"].map(str::to_owned);
        Process::start(&self.relay_bin, &arguments, &environment, Some(self.cores))
    }

    /// The floor for so many connections.
    ///
    /// # Errors
    /// Where it does not start.
    pub fn floor(&self, connections: usize) -> Result<Process> {
        Process::start(&self.own_bin, &["floor".to_owned(), connections.to_string()], &[], Some(self.cores))
    }

    /// Client number `number`, who listens to channel number `channel`.
    ///
    /// # Errors
    /// Where no token can be signed.
    pub fn login(&self, number: usize, channel: usize) -> Result<Login> {
        Ok(login(token(&format!("user-{number}"), None)?, channel))
    }

    /// The token of the publisher.
    ///
    /// # Errors
    /// Where no token can be signed.
    pub fn backend_token(&self) -> Result<String> {
        token("bench-backend", Some("service"))
    }
}
