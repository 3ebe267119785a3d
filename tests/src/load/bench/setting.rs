//! What all scenarios share: the binaries, the cores, how a relay is started, and who may what.

use super::fan_out::login;
use super::wire::Login;
use crate::load::process::{Cores, Process};
use crate::load::relay::{self, token};
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
        self.relay_with(connections, &[])
    }

    /// The same with more of its environment.
    ///
    /// # Errors
    /// Where it does not start.
    pub fn relay_with(&self, connections: usize, own: &[(&'static str, String)]) -> Result<Process> {
        let mut environment = relay::unbounded(connections);
        // Bare receivers answer no heartbeat.
        environment.push(("PULSEWIRE_HEARTBEAT__DEAD_AFTER_MS", "3600000".to_owned()));
        // The price of each delivery is what is measured; the delay that is the default would save some of them.
        environment.push(("PULSEWIRE_TELEMETRY__WRITE_DELAY_MS", "0".to_owned()));
        environment.extend(own.iter().cloned());
        let more = self.environment.iter().map(|(name, value)| (name.as_str(), value.clone()));
        let environment: Vec<(&str, String)> = environment.into_iter().chain(more).collect();
        Process::start(&self.relay_bin, &relay::serve("127.0.0.1:0"), &environment, Some(self.cores))
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
