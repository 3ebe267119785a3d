//! What the relay opens at start: its port and its folders.

use super::{Check, bad, good, warning};
use crate::config::Config;
use std::net::TcpListener;
use std::path::Path;

const MIB: u64 = 1024 * 1024;
/// Logs alone fill this within the day.
const NO_ROOM_BYTES: u64 = 64 * MIB;
const LITTLE_ROOM_BYTES: u64 = 1024 * MIB;

pub(super) fn port(config: &Config) -> Check {
    const NAME: &str = "port";
    let address = config.listen;
    match TcpListener::bind(address) {
        Ok(_) => good(NAME, format!("{address} is free")),
        Err(error) => bad(NAME, format!("{address} cannot be listened on: {error}"), mend_of_bind(&error)),
    }
}

/// How to mend a failed bind; `serve` says the same.
pub(in crate::cli) fn mend_of_bind(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            "stop what listens there (`ss -ltnp` shows it), or take another port: --listen 127.0.0.1:0 takes a free one"
        }
        std::io::ErrorKind::PermissionDenied => "ports below 1024 need a right: take a larger one, or give the binary cap_net_bind_service",
        std::io::ErrorKind::AddrNotAvailable => "this machine has no such address: listen on one of its own, on 127.0.0.1 or on 0.0.0.0",
        _ => "look at the address",
    }
}

pub(super) fn data_dir(folder: &Path) -> Check {
    const NAME: &str = "data folder";
    let shown = folder.display();
    let probe = folder.join(format!(".pulsewire-doctor-{}", std::process::id()));
    let written = std::fs::write(&probe, b"").and_then(|()| std::fs::remove_file(&probe));
    if let Err(error) = written {
        return bad(NAME, format!("{shown} cannot be written: {error}"), format!("mkdir -p {shown}, owned by the relay's user"));
    }
    match free_bytes(folder) {
        Ok(free) => space(&shown.to_string(), free),
        Err(error) => warning(NAME, format!("{shown} can be written; how much room it has cannot be read: {error}"), "look at `df`"),
    }
}

/// What is stored, read from end to end; it may be in use.
#[cfg(feature = "domain")]
pub(super) fn store(config: &Config) -> Option<Check> {
    const NAME: &str = "store";
    let Some(folder) = &config.data_dir else {
        let finding = "data_dir is not set: notifications and all else that is stored end with the relay";
        return (!config.dev).then(|| warning(NAME, finding, "set data_dir to a folder on a local disk"));
    };
    let file = folder.join(crate::store::FILE);
    // It is made at the first start.
    file.exists().then(|| match crate::store::check(&file) {
        Ok(()) => good(NAME, format!("{} is sound", file.display())),
        Err(error) => bad(NAME, error.to_string(), "stop the relay and restore a backup: pulsewire-relay restore FILE"),
    })
}

fn space(shown: &str, free: u64) -> Check {
    const NAME: &str = "data folder";
    let finding = format!("{shown} can be written and has {} MiB free", free / MIB);
    let mend = "make room: what grows there stops when it is full";
    match free {
        0..NO_ROOM_BYTES => bad(NAME, finding, mend),
        NO_ROOM_BYTES..LITTLE_ROOM_BYTES => warning(NAME, finding, mend),
        LITTLE_ROOM_BYTES.. => good(NAME, finding),
    }
}

fn free_bytes(folder: &Path) -> std::io::Result<u64> {
    let room = rustix::fs::statvfs(folder)?;
    Ok(room.f_bavail.saturating_mul(room.f_frsize))
}

pub(super) fn www(folder: &Path) -> Check {
    const NAME: &str = "www folder";
    let index = folder.join("index.html");
    if index.is_file() {
        good(NAME, format!("{} is there", index.display()))
    } else {
        bad(NAME, format!("{} is missing", index.display()), "build the page first, or point --www at its output folder")
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn a_taken_port_is_found() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let config = Config { listen: taken.local_addr().unwrap(), ..Config::development() };
        let check = port(&config);
        assert_eq!(check.verdict, Verdict::Bad);
        assert!(check.mend.contains("another port"), "{check}");
    }

    #[test]
    fn a_data_folder_is_measured_and_one_that_is_missing_or_full_is_found() {
        let folder = std::env::temp_dir();
        assert!(data_dir(&folder).finding.contains("MiB free"), "{}", data_dir(&folder));
        assert_eq!(data_dir(&folder.join("pulsewire-is-not-there")).verdict, Verdict::Bad);
        assert_eq!(space("/data", 10 * MIB).verdict, Verdict::Bad);
        assert_eq!(space("/data", 500 * MIB).verdict, Verdict::Warning);
        assert_eq!(space("/data", 5_000 * MIB).verdict, Verdict::Good);
    }
}
