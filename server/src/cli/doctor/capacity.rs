//! Whether this machine carries as many connections as the configuration allows: descriptors, memory, limits of the kernel.

use super::{Check, bad, good, warning};
use crate::config::Config;
use crate::monitor::source::Allowance;
use std::path::Path;

/// Descriptors that the relay uses beside one per connection: listener, files, epoll, clients of its API.
const SPARE_FDS: u64 = 256;
/// What an idle subscribed connection may cost, with room for its share of history and of bursts: what was measured stands in
/// docs/operations/performance.md.
const BYTES_PER_CONNECTION: u64 = 20 * 1024;
/// The relay itself, without connections.
const BASE_BYTES: u64 = 32 * 1024 * 1024;
/// Memory of the kernel for the buffers of a connection that is in use.
const SOCKET_BYTES: u64 = 8 * 1024;
/// Where the page size matters only to a figure of this kind, the usual one does.
const PAGE_BYTES: u64 = 4_096;
/// Connections that may come at the same time after a restart, of each hundred.
const BACKLOG_SHARE: u64 = 20;

/// Descriptors that the WebSockets of this configuration need.
fn descriptors_needed(config: &Config) -> u64 {
    (config.limits.connections as u64).saturating_add(SPARE_FDS)
}

/// Descriptors that the relay opens at most: beside WebSockets requests, polls and what is kept alive, all at once.
pub(in crate::cli) fn descriptors_wanted(config: &Config) -> u64 {
    descriptors_needed(config).saturating_add(config.limits.http_connections() as u64)
}

pub(super) fn descriptors(config: &Config, limits: Option<(u64, u64)>) -> Check {
    const NAME: &str = "file descriptors";
    let connections = config.limits.connections;
    let wanted = descriptors_needed(config);
    let plain = config.limits.http_connections();
    let with_plain = descriptors_wanted(config);
    match limits {
        None => warning(NAME, "the limit cannot be read", format!("make sure that it is at least {wanted}")),
        // `serve` raises the soft limit to the hard one by itself.
        Some((_, hard)) if hard < wanted => bad(
            NAME,
            format!("the hard limit is {hard}, and {connections} connections need {wanted}"),
            format!("LimitNOFILE={wanted} in the service's unit, `ulimit -n {wanted}` in a shell, or a smaller limits.connections"),
        ),
        Some((_, hard)) if hard < with_plain => warning(
            NAME,
            format!("the hard limit is {hard}: {connections} WebSockets and {plain} other connections at once need {with_plain}"),
            format!(
                "LimitNOFILE={with_plain} in the service's unit, `ulimit -n {with_plain}` in a shell, or a smaller limits.http_connections"
            ),
        ),
        Some((soft, hard)) => good(NAME, format!("{soft}, may be raised to {hard}; {connections} connections need {wanted}")),
    }
}

pub(super) fn memory(config: &Config, allowance: &Allowance) -> Check {
    const NAME: &str = "memory";
    let connections = config.limits.connections as u64;
    let wanted = BASE_BYTES.saturating_add(connections.saturating_mul(BYTES_PER_CONNECTION));
    let percent = match config.monitor.memory_percent {
        0 => 100,
        percent => u64::from(percent),
    };
    let Some(there) = allowance.memory_bytes else {
        return warning(NAME, "how much there is cannot be read", format!("make sure that it is at least {}", mib(wanted)));
    };
    let usable = match config.monitor.memory_bytes {
        0 => there / 100 * percent,
        own => own.min(there),
    };
    let finding = format!(
        "{} in all (container or machine), {} until new connections are refused; {connections} idle connections need about {}",
        mib(there),
        mib(usable),
        mib(wanted)
    );
    if wanted <= usable {
        good(NAME, finding)
    } else {
        bad(NAME, finding, "more memory (memory.max of the container), or a smaller limits.connections")
    }
}

fn mib(bytes: u64) -> String {
    format!("{} MiB", bytes / 1024 / 1024)
}

/// What the kernel allows, as it stands below `/proc/sys`; `None`: there is no such limit here.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Kernel {
    /// Connections that wait to be accepted.
    somaxconn: Option<u64>,
    /// Local ports for outgoing connections: the first and the last.
    ports: Option<(u64, u64)>,
    /// Pages for TCP from which the kernel saves memory.
    tcp_pages: Option<u64>,
    /// Open files of the whole machine.
    file_max: Option<u64>,
    /// Connections that the firewall follows.
    conntrack_max: Option<u64>,
}

impl Kernel {
    pub(super) fn read() -> Self {
        Self::read_below(Path::new("/proc/sys"))
    }

    fn read_below(root: &Path) -> Self {
        let numbers = |path: &str| -> Vec<u64> {
            let text = std::fs::read_to_string(root.join(path)).unwrap_or_default();
            text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
        };
        let first = |path: &str| numbers(path).first().copied();
        Self {
            somaxconn: first("net/core/somaxconn"),
            ports: match numbers("net/ipv4/ip_local_port_range").as_slice() {
                [low, high] => Some((*low, *high)),
                _ => None,
            },
            tcp_pages: numbers("net/ipv4/tcp_mem").get(1).copied(),
            file_max: first("fs/file-max"),
            conntrack_max: first("net/netfilter/nf_conntrack_max"),
        }
    }
}

/// A check for each limit of the kernel that there is.
pub(super) fn kernel(config: &Config, kernel: &Kernel) -> Vec<Check> {
    let connections = config.limits.connections as u64;
    let at_least = |name: &'static str, key: &str, there: Option<u64>, wanted: u64, why: &str| {
        let there = there?;
        Some(if there >= wanted {
            good(name, format!("{key} is {there}; {connections} connections want {wanted}"))
        } else {
            warning(
                name,
                format!("{key} is {there}, and {connections} connections want {wanted}: {why}"),
                format!("sysctl -w {key}={wanted}"),
            )
        })
    };
    let backlog = (connections / 100).saturating_mul(BACKLOG_SHARE).clamp(128, 4_096);
    let pages = connections.saturating_mul(SOCKET_BYTES) / PAGE_BYTES;
    let ports = kernel.ports.filter(|_| config.listen.ip().is_loopback()).map(|(low, high)| {
        let there = high.saturating_add(1).saturating_sub(low);
        if there >= connections {
            good("kernel: local ports", format!("net.ipv4.ip_local_port_range has {there}, enough for a proxy on this machine"))
        } else {
            warning(
                "kernel: local ports",
                format!(
                    "net.ipv4.ip_local_port_range has {there}: a proxy on this machine needs one for each of {connections} connections"
                ),
                "sysctl -w net.ipv4.ip_local_port_range=\"10240 65535\", or several addresses (127.0.0.2 …) for the proxy to connect to",
            )
        }
    });
    let memory = kernel.tcp_pages.map(|there| {
        if there >= pages {
            good("kernel: TCP memory", format!("net.ipv4.tcp_mem begins to save at {there} pages; {connections} connections want {pages}"))
        } else {
            warning(
                "kernel: TCP memory",
                format!("net.ipv4.tcp_mem begins to save at {there} pages, and {connections} connections want {pages}: it would throttle them all"),
                format!("sysctl -w net.ipv4.tcp_mem=\"{} {pages} {}\"", pages / 4 * 3, pages.saturating_mul(2)),
            )
        }
    });
    let files = descriptors_wanted(config);
    [
        at_least(
            "kernel: backlog",
            "net.core.somaxconn",
            kernel.somaxconn,
            backlog,
            "many that come back at once after a restart are dropped",
        ),
        ports,
        memory,
        at_least("kernel: open files", "fs.file-max", kernel.file_max, files, "the whole machine would run out of open files"),
        at_least(
            "kernel: firewall",
            "net.netfilter.nf_conntrack_max",
            kernel.conntrack_max,
            connections.saturating_mul(2),
            "the firewall follows each connection, and drops what is beyond",
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    fn config(connections: usize) -> Config {
        let mut config = Config::default();
        config.limits.connections = connections;
        config
    }

    #[test]
    fn too_few_descriptors_are_found_and_the_mend_names_the_number() {
        let check = descriptors(&config(10_000), Some((1024, 4096)));
        assert_eq!(check.verdict, Verdict::Bad);
        assert!(check.mend.contains("10256"), "{check}");
        assert_eq!(descriptors(&config(1_000), Some((1024, 4096))).verdict, Verdict::Good, "the soft limit is raised by serve");
        assert_eq!(descriptors(&config(1_000), None).verdict, Verdict::Warning);
        let check = descriptors(&config(10_000), Some((1024, 15_000)));
        assert_eq!(check.verdict, Verdict::Warning, "enough for the WebSockets, not for the requests beside them");
        assert!(check.mend.contains("20256"), "{check}");
        assert_eq!(descriptors_wanted(&config(10_000)), 20_256, "what serve warns below");
    }

    #[test]
    fn a_container_that_is_too_small_for_its_connections_is_found() {
        let container = |mib: u64| Allowance { memory_bytes: Some(mib * 1024 * 1024), cores: 1.0 };
        assert_eq!(memory(&config(10_000), &container(128)).verdict, Verdict::Bad);
        assert_eq!(memory(&config(10_000), &container(512)).verdict, Verdict::Good);
        assert_eq!(memory(&config(1_000), &container(128)).verdict, Verdict::Good);
        assert_eq!(memory(&config(10), &Allowance { memory_bytes: None, cores: 1.0 }).verdict, Verdict::Warning);
        let mut own = config(10_000);
        own.monitor.memory_bytes = 100 * 1024 * 1024;
        assert_eq!(memory(&own, &container(4_096)).verdict, Verdict::Bad, "the breaker opens long before");
    }

    #[test]
    fn each_limit_of_the_kernel_that_is_too_low_is_a_warning_with_the_sysctl_that_mends_it() {
        let small = Kernel {
            somaxconn: Some(128),
            ports: Some((32_768, 33_000)),
            tcp_pages: Some(1_000),
            file_max: Some(5_000),
            conntrack_max: Some(8_192),
        };
        let found = kernel(&config(10_000), &small);
        assert_eq!(found.len(), 5);
        for check in &found {
            assert_eq!(check.verdict, Verdict::Warning, "{check}");
            assert!(check.mend.contains("sysctl -w "), "{check}");
        }
        let far = Config { listen: "0.0.0.0:80".parse().unwrap(), ..config(10_000) };
        assert_eq!(kernel(&far, &small).len(), 4, "a proxy elsewhere has ports of its own");
        assert!(kernel(&config(10), &small).iter().all(|check| check.verdict == Verdict::Good));
        assert!(kernel(&config(10_000), &Kernel::default()).is_empty());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_kernel_is_read() {
        let kernel = Kernel::read();
        assert!(kernel.somaxconn.is_some() && kernel.ports.is_some() && kernel.file_max.is_some(), "{kernel:?}");
    }
}
