//! A relay of our own: started on a free port, measured through `/proc`, stopped by its process id.

use anyhow::{Context as _, Result, anyhow, bail};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Signs the tokens of one run; it never leaves this machine.
pub const SECRET: &str = "load-generator-secret-load-generator-secret";
/// The tenant of every client.
const TENANT: &str = "load";
const STOP_WITHIN: Duration = Duration::from_secs(15);
/// Clock ticks a second in `/proc/PID/stat`: fixed by the kernel's interface, whatever its own timer does.
const TICKS_PER_SECOND: f64 = 100.0;

/// See the module. Dropping it kills the process.
pub struct Relay {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

/// What a process has used so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Resident memory.
    pub resident_bytes: u64,
    /// User and system time.
    pub cpu_seconds: f64,
}

impl Relay {
    /// Starts it with limits that do not stand in the way of the load, and waits until it listens.
    pub fn start(binary: &Path, connections: usize) -> Result<Self> {
        Self::start_at(binary, connections, "127.0.0.1:0")
    }

    /// The same at that address.
    pub fn start_at(binary: &Path, connections: usize, listen: &str) -> Result<Self> {
        let room = (connections + 100).to_string();
        let mut child = Command::new(binary)
            .args(["serve", "--listen", listen])
            .env("PULSEWIRE_JWT_SECRET", SECRET)
            .env("PULSEWIRE_LOG", "warn")
            .env("PULSEWIRE_LIMITS__CONNECTIONS", &room)
            .env("PULSEWIRE_LIMITS__PER_ADDRESS", &room)
            .env("PULSEWIRE_LIMITS__MESSAGES_PER_SECOND", "100000")
            .env("PULSEWIRE_LIMITS__BURST", "100000")
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} cannot be started: build it with `cargo build --release -p pulsewire-relay`", binary.display()))?;
        let stdout = child.stdout.take().ok_or_else(|| anyhow!("the relay has no standard output"))?;
        let mut relay = Self { child, address: SocketAddr::from(([127, 0, 0, 1], 0)) };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let address = line.trim().strip_prefix("listening on http://").and_then(|address| address.parse().ok());
        relay.address = address.ok_or_else(|| anyhow!("the relay said {line:?} instead of where it listens; its log says why"))?;
        Ok(relay)
    }

    /// Resident memory and CPU time.
    pub fn usage(&self) -> Result<Usage> {
        usage_of(self.child.id())
    }

    /// Asks it to drain, as an operator would, and waits.
    pub fn stop(mut self) -> Result<()> {
        let ended = Command::new("kill").arg(self.child.id().to_string()).status()?;
        if !ended.success() {
            bail!("the relay's process {} was gone before its time", self.child.id());
        }
        let deadline = Instant::now() + STOP_WITHIN;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                if status.success() {
                    return Ok(());
                }
                bail!("the relay ended with {status}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("the relay did not stop within {} s of SIGTERM", STOP_WITHIN.as_secs())
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // Already gone after `stop`: there is nobody left to tell either way.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads `/proc/PID`.
pub fn usage_of(pid: u32) -> Result<Usage> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).context("only Linux has /proc, which this reads")?;
    let resident_kib: u64 = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .ok_or_else(|| anyhow!("/proc/{pid}/status has no VmRSS: the process has ended"))?;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // Behind the name, which may hold anything, in parentheses: field 3 is the first, so 14 and 15 are the times.
    let fields: Vec<&str> = stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect()).unwrap_or_default();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok());
    let (user, system) = ticks(11).zip(ticks(12)).ok_or_else(|| anyhow!("/proc/{pid}/stat cannot be read"))?;
    Ok(Usage { resident_bytes: resident_kib * 1024, cpu_seconds: (user + system) as f64 / TICKS_PER_SECOND })
}

/// A token that allows everything inside the tenant.
pub fn token(user: &str, role: Option<&str>) -> Result<String> {
    #[derive(serde::Serialize)]
    struct Claims<'a> {
        sub: &'a str,
        name: &'a str,
        tenant: &'a str,
        exp: u64,
        role: Option<&'a str>,
        subscribe: [&'a str; 1],
        publish: [&'a str; 1],
    }
    let now_s = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
    let claims = Claims { sub: user, name: user, tenant: TENANT, exp: now_s + 6 * 3_600, role, subscribe: ["*"], publish: ["*"] };
    Ok(jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(SECRET.as_bytes()))?)
}
