//! Relay processes, so that a kill is a kill and a drain is a signal.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

pub const SECRET: &str = "many-relays-secret-many-relays-secret-many";

pub struct RelayProcess {
    child: Child,
    pub address: SocketAddr,
    log: PathBuf,
}

impl RelayProcess {
    /// One on a Redis that keeps everything. What it logs is left in `target/tmp`, the test's own process id in the name.
    pub fn start(number: usize, redis: &str) -> Self {
        let log = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("many-{}-relay-{number}.log", std::process::id()));
        let mut child = Command::new(env!("CARGO_BIN_EXE_pulsewire-relay"))
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env_clear()
            .env("PULSEWIRE_JWT_SECRET", SECRET)
            .env("PULSEWIRE_LOG", "warn")
            .env("PULSEWIRE_REDIS_URL", redis)
            .env("PULSEWIRE_REDIS__TIMEOUT_MS", "1000")
            .env("PULSEWIRE_REDIS__DURABLE", "true")
            .env("PULSEWIRE_NODE", format!("relay-{number}"))
            .env("PULSEWIRE_LIMITS__PER_ADDRESS", "10000")
            .env("PULSEWIRE_LIMITS__HANDSHAKES_PER_SECOND", "10000")
            .env("PULSEWIRE_LIMITS__HANDSHAKE_BURST", "10000")
            // Nobody is away for so long here that the history would not reach back.
            .env("PULSEWIRE_HISTORY__PUBLICATIONS", "10000")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").unwrap_or_else(|| panic!("{line:?}")).parse().unwrap();
        Self { child, address, log }
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM; does not wait for the end.
    pub fn drain(&self) {
        assert!(Command::new("kill").arg(self.child.id().to_string()).status().unwrap().success());
    }

    /// How it ended, where it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }
}

impl Drop for RelayProcess {
    fn drop(&mut self) {
        // Gone already where it was killed or drained.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("what it logged: {}", self.log.display());
            return;
        }
        let log = std::fs::read_to_string(&self.log).unwrap();
        assert!(!log.contains("panicked"), "a relay panicked: {log}");
        std::fs::remove_file(&self.log).unwrap();
    }
}
