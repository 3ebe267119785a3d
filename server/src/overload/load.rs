//! What the relay uses of what it may use, judged against the thresholds of the configuration.

use super::breaker::Level;
use crate::config::MonitorConfig;
use serde::Serialize;

/// What can run out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// Connections, of `limits.connections`.
    Connections,
    /// Resident memory in bytes, of what the container or the machine has.
    Memory,
    /// Cores in use, of those that the process may use.
    Cpu,
    /// Open file descriptors, of the soft limit.
    FileDescriptors,
    /// Bytes a second in and out, of `monitor.network_bytes_per_second`.
    Network,
}

impl Resource {
    /// Every one of them.
    pub const ALL: [Self; 5] = [Self::Connections, Self::Memory, Self::Cpu, Self::FileDescriptors, Self::Network];
    /// The word for it in logs, metrics and events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Memory => "memory",
            Self::Cpu => "cpu",
            Self::FileDescriptors => "file_descriptors",
            Self::Network => "network",
        }
    }
    /// Below this part of its threshold a resource counts as fine again. CPU time jumps from sample to sample; the others
    /// move slowly, and room that is there should be used.
    const fn fine_below(self) -> f64 {
        match self {
            Self::Cpu | Self::Network => 0.8,
            Self::Connections | Self::Memory | Self::FileDescriptors => 0.95,
        }
    }
}

/// One resource at one time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Use {
    /// Which.
    pub resource: Resource,
    /// How much is used, in the resource's own unit.
    pub used: f64,
    /// How much there is.
    pub of: f64,
    /// The threshold in percent of that; `None`: not watched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold_percent: Option<f64>,
}

/// What a sample found. What could not be measured is `None`, and then nothing depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sample {
    /// Open connections.
    pub connections: u64,
    /// Resident memory.
    pub resident_bytes: Option<u64>,
    /// The memory of the container, else of the machine.
    pub memory_limit_bytes: Option<u64>,
    /// Cores that were busy since the sample before.
    pub cores_used: Option<f64>,
    /// Cores that may be used: of the machine, the affinity and the container the fewest.
    pub cores_allowed: f64,
    /// Open file descriptors.
    pub open_fds: Option<u64>,
    /// Their soft limit; `None`: there is none.
    pub max_fds: Option<u64>,
    /// Bytes of messages and bodies that came in, a second, since the sample before.
    pub bytes_in_per_second: Option<f64>,
    /// Bytes that went out, a second.
    pub bytes_out_per_second: Option<f64>,
}

impl Use {
    /// How much of it is used, in percent.
    pub fn percent(&self) -> f64 {
        if self.of > 0.0 { self.used / self.of * 100.0 } else { 0.0 }
    }
    fn level(&self) -> Level {
        match self.threshold_percent {
            Some(threshold) if self.percent() >= threshold => Level::Over,
            Some(threshold) if self.percent() >= threshold * self.resource.fine_below() => Level::Between,
            _ => Level::Fine,
        }
    }
    /// Whether it is over its threshold.
    pub fn is_over(&self) -> bool {
        self.level() == Level::Over
    }
}

impl core::fmt::Display for Use {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} {:.0} % of {}", self.resource.as_str(), self.percent(), self.of)
    }
}

/// What was measured, resource by resource.
pub fn uses(sample: &Sample, connection_limit: usize, config: &MonitorConfig) -> Vec<Use> {
    let threshold = |percent: u32| (percent > 0).then_some(f64::from(percent));
    let measured = |resource, used: Option<f64>, of: Option<f64>, threshold_percent| {
        Some(Use { resource, used: used?, of: of.filter(|of| *of > 0.0)?, threshold_percent })
    };
    let count = |value: u64| value as f64;
    let own_memory_limit = (config.memory_bytes > 0).then(|| count(config.memory_bytes));
    let memory_threshold = if own_memory_limit.is_some() { Some(100.0) } else { threshold(config.memory_percent) };
    let network = sample.bytes_in_per_second.zip(sample.bytes_out_per_second).map(|(incoming, outgoing)| incoming + outgoing);
    let network_limit = (config.network_bytes_per_second > 0).then(|| count(config.network_bytes_per_second));
    [
        measured(
            Resource::Connections,
            Some(count(sample.connections)),
            Some(connection_limit as f64),
            threshold(config.connections_percent),
        ),
        measured(
            Resource::Memory,
            sample.resident_bytes.map(count),
            own_memory_limit.or(sample.memory_limit_bytes.map(count)),
            memory_threshold,
        ),
        measured(Resource::Cpu, sample.cores_used, Some(sample.cores_allowed), threshold(config.cpu_percent)),
        measured(
            Resource::FileDescriptors,
            sample.open_fds.map(count),
            sample.max_fds.map(count),
            threshold(config.file_descriptors_percent),
        ),
        measured(Resource::Network, network, network_limit, Some(100.0)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The worst of them.
pub fn level(uses: &[Use]) -> Level {
    let worst = |wanted: Level| uses.iter().any(|one| one.level() == wanted);
    if worst(Level::Over) {
        Level::Over
    } else if worst(Level::Between) {
        Level::Between
    } else {
        Level::Fine
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level_of(sample: Sample, config: &MonitorConfig) -> Level {
        level(&uses(&sample, 1_000, config))
    }

    #[test]
    fn each_resource_is_judged_by_its_own_threshold_and_falls_back_below_it_only_by_a_margin() {
        let config = MonitorConfig::default();
        let memory = |share: u64| Sample { resident_bytes: Some(share * 10), memory_limit_bytes: Some(1_000), ..Sample::default() };
        assert_eq!(level_of(memory(85), &config), Level::Over);
        assert_eq!(level_of(memory(84), &config), Level::Between);
        assert_eq!(level_of(memory(80), &config), Level::Fine);
        let cpu = |cores: f64| Sample { cores_used: Some(cores), cores_allowed: 0.5, ..Sample::default() };
        assert_eq!(level_of(cpu(0.49), &config), Level::Over, "half a core is all that the container has");
        assert_eq!(level_of(cpu(0.4), &config), Level::Between);
        assert_eq!(level_of(cpu(0.3), &config), Level::Fine);
        let crowd = Sample { connections: 950, ..Sample::default() };
        assert_eq!(level_of(crowd, &config), Level::Fine, "their own limit refuses them");
        assert_eq!(level_of(crowd, &MonitorConfig { connections_percent: 95, ..config }), Level::Over);
        let fds = Sample { open_fds: Some(950), max_fds: Some(1_000), ..Sample::default() };
        assert_eq!(level_of(fds, &config), Level::Over);
    }

    #[test]
    fn what_cannot_be_measured_or_is_not_watched_never_closes_the_door() {
        let unknown = Sample { resident_bytes: Some(u64::MAX), open_fds: Some(5), cores_used: Some(64.0), ..Sample::default() };
        assert_eq!(level_of(unknown, &MonitorConfig::default()), Level::Fine);
        let blind = MonitorConfig {
            connections_percent: 0,
            memory_percent: 0,
            cpu_percent: 0,
            file_descriptors_percent: 0,
            ..MonitorConfig::default()
        };
        let full = Sample {
            connections: 2_000,
            resident_bytes: Some(100),
            memory_limit_bytes: Some(100),
            cores_used: Some(1.0),
            cores_allowed: 1.0,
            open_fds: Some(10),
            max_fds: Some(10),
            bytes_in_per_second: Some(1e12),
            bytes_out_per_second: Some(1e12),
        };
        assert_eq!(level_of(full, &blind), Level::Fine);
    }

    #[test]
    fn bytes_of_ones_own_win_over_the_share_and_the_network_counts_where_it_is_asked_for() {
        let own = MonitorConfig { memory_bytes: 500, network_bytes_per_second: 1_000, ..MonitorConfig::default() };
        let memory = Sample { resident_bytes: Some(500), memory_limit_bytes: Some(1_000_000), ..Sample::default() };
        assert_eq!(level_of(memory, &own), Level::Over);
        let network = |out: f64| Sample { bytes_in_per_second: Some(100.0), bytes_out_per_second: Some(out), ..Sample::default() };
        assert_eq!(level_of(network(900.0), &own), Level::Over);
        assert_eq!(level_of(network(600.0), &own), Level::Fine);
    }
}
