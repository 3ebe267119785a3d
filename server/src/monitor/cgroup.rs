//! What a container lets its processes have (cgroup v2: `memory.max`, `cpu.max`).
//!
//! Why by hand: three files of one line each; the crates that read them bring the whole administration of control groups.
//! A limit of any group above counts too, so the walk goes from the process's own group up to the root that is mounted.
//!
//! Limits: cgroup v1 is not read (for CPUs the standard library knows it).

use std::path::{Path, PathBuf};

/// Where control groups are mounted.
const ROOT: &str = "/sys/fs/cgroup";

/// The limits that hold; `None`: none is set.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// Bytes of memory.
    pub memory_bytes: Option<u64>,
    /// CPU time a second, in cores.
    pub cores: Option<f64>,
}

/// The limits of this process.
pub fn read() -> Limits {
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    read_below(Path::new(ROOT), &own)
}

/// The limits below a mount point, for a process whose `/proc/PID/cgroup` reads so.
fn read_below(root: &Path, own: &str) -> Limits {
    // The line of cgroup v2 is `0::/path`. Inside a container the path may be one of the host's, which is not there: then
    // the walk comes to the root, which is the container's own group.
    let path = own.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("/");
    let mut folder: PathBuf = root.join(path.trim_start_matches('/'));
    let mut limits = Limits::default();
    while folder.starts_with(root) {
        let line = |name: &str| std::fs::read_to_string(folder.join(name)).ok();
        limits.memory_bytes = least(limits.memory_bytes, line("memory.max").and_then(|text| memory(&text)), u64::min);
        limits.cores = least(limits.cores, line("cpu.max").and_then(|text| cores(&text)), f64::min);
        if !folder.pop() {
            break;
        }
    }
    limits
}

fn least<T>(one: Option<T>, other: Option<T>, min: fn(T, T) -> T) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(min(one, other)),
        (one, other) => one.or(other),
    }
}

/// `max` or bytes.
fn memory(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

/// `max 100000` or quota and period in microseconds.
fn cores(text: &str) -> Option<f64> {
    let (quota, period) = text.trim().split_once(' ')?;
    let (quota, period): (f64, f64) = (quota.parse().ok()?, period.parse().ok()?);
    (quota > 0.0 && period > 0.0).then_some(quota / period)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn with(files: &[(&str, &str)]) -> Self {
            use std::sync::atomic::{AtomicU32, Ordering};
            static NEXT: AtomicU32 = AtomicU32::new(0);
            let root =
                std::env::temp_dir().join(format!("pulsewire-cgroup-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
            for (path, text) in files {
                let file = root.join(path);
                std::fs::create_dir_all(file.parent().unwrap()).unwrap();
                std::fs::write(file, text).unwrap();
            }
            Self(root)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn the_tightest_limit_on_the_way_up_counts() {
        let root = Folder::with(&[
            ("memory.max", "max\n"),
            ("cpu.max", "max 100000\n"),
            ("pod/memory.max", "536870912\n"),
            ("pod/cpu.max", "50000 100000\n"),
            ("pod/relay/memory.max", "1073741824\n"),
            ("pod/relay/cpu.max", "200000 100000\n"),
            ("other/memory.max", "1\n"),
        ]);
        let limits = read_below(&root.0, "12:cpu:/elsewhere\n0::/pod/relay\n");
        assert_eq!(limits, Limits { memory_bytes: Some(512 * 1024 * 1024), cores: Some(0.5) });
    }

    #[test]
    fn a_path_of_the_host_leads_to_the_containers_own_root_and_no_limit_is_none() {
        let root = Folder::with(&[("memory.max", "1000\n"), ("cpu.max", "max 100000\n")]);
        assert_eq!(read_below(&root.0, "0::/docker/4711\n"), Limits { memory_bytes: Some(1_000), cores: None });
        assert_eq!(read_below(&root.0, "5:memory:/v1\n"), Limits { memory_bytes: Some(1_000), cores: None });
        let empty = Folder::with(&[("cpu.max", "nonsense")]);
        assert_eq!(read_below(&empty.0, "0::/"), Limits::default());
    }
}
