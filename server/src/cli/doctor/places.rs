//! What the relay opens at start: its port and its folders.

use super::{Check, bad, good};
use crate::config::Config;
use std::net::TcpListener;
use std::path::Path;

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
    match written {
        Ok(()) => good(NAME, format!("{shown} can be written")),
        Err(error) => bad(NAME, format!("{shown} cannot be written: {error}"), format!("mkdir -p {shown}, owned by the relay's user")),
    }
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
}
