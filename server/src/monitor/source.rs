//! What the process uses, read from the system.
//!
//! Why `metrics-process`: it is in the tree already (the process's own metrics) and knows Linux, macOS and Windows. The
//! machine's memory comes from `procfs`, which it stands on; cores from the standard library, which knows affinity and the
//! quotas of both kinds of control groups, in whole cores.

use super::cgroup;

/// What one look at the process found; what the system does not tell is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reading {
    /// Resident memory.
    pub resident_bytes: Option<u64>,
    /// User and system time since the start.
    pub cpu_seconds: Option<f64>,
    /// Open file descriptors.
    pub open_fds: Option<u64>,
    /// Their soft limit.
    pub max_fds: Option<u64>,
    /// Memory of the container, else of the machine.
    pub memory_limit_bytes: Option<u64>,
    /// Cores that may be used.
    pub cores_allowed: f64,
}

/// Where readings come from: the process, or a test. It may block for some milliseconds, and is called off the runtime's
/// workers.
pub trait Source: Send + Sync {
    /// How things stand now.
    fn read(&self) -> Reading;
}

/// This process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Process;

impl Source for Process {
    fn read(&self) -> Reading {
        let process = metrics_process::collector::collect();
        let Allowance { memory_bytes, cores } = allowance();
        Reading {
            resident_bytes: process.resident_memory_bytes,
            cpu_seconds: process.cpu_seconds_total,
            open_fds: process.open_fds,
            // 0 and the largest number both stand for no limit.
            max_fds: process.max_fds.filter(|limit| (1..u64::MAX).contains(limit)),
            memory_limit_bytes: memory_bytes,
            cores_allowed: cores,
        }
    }
}

/// What this process may use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Allowance {
    /// Memory of the container, else of the machine.
    pub memory_bytes: Option<u64>,
    /// Cores; a container may give half a one.
    pub cores: f64,
}

/// What this process may use, as the container, the affinity and the machine say.
pub fn allowance() -> Allowance {
    let container = cgroup::read();
    let whole = std::thread::available_parallelism().map_or(1.0, |cores| cores.get() as f64);
    let machine = machine_memory_bytes();
    Allowance {
        memory_bytes: match (container.memory_bytes, machine) {
            (Some(container), Some(machine)) => Some(container.min(machine)),
            (container, machine) => container.or(machine),
        },
        cores: container.cores.map_or(whole, |cores| cores.min(whole)),
    }
}

#[cfg(target_os = "linux")]
fn machine_memory_bytes() -> Option<u64> {
    use procfs::Current as _;
    procfs::Meminfo::current().ok().map(|memory| memory.mem_total)
}

#[cfg(not(target_os = "linux"))]
fn machine_memory_bytes() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_is_measured() {
        let reading = Process.read();
        assert!(reading.resident_bytes.is_some_and(|bytes| bytes > 100_000), "{reading:?}");
        assert!(reading.memory_limit_bytes > reading.resident_bytes, "{reading:?}");
        assert!(reading.open_fds.is_some_and(|open| open >= 3), "{reading:?}");
        assert!(reading.cores_allowed > 0.0 && reading.cpu_seconds.is_some(), "{reading:?}");
    }
}
