//! `pulsewire-relay doctor`: looks at configuration and system before users do, and says the mend for each finding.
//!
//! Limits: it looks from where it runs. A limit that a service manager sets must be looked at from inside that service.

use super::{DoctorArgs, Failure, sources};
use crate::config::{Config, ExposeSecret, Sources};
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing to do.
    Good,
    /// It works, and could be better.
    Warning,
    /// It will not work.
    Bad,
}

/// One check, its verdict and its mend.
#[derive(Clone, Debug)]
pub struct Check {
    /// What was looked at.
    pub name: &'static str,
    /// How it ended.
    pub verdict: Verdict,
    /// What was found.
    pub finding: String,
    /// What to do about it; empty where there is nothing to do.
    pub mend: String,
}

impl core::fmt::Display for Check {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let word = match self.verdict {
            Verdict::Good => "ok  ",
            Verdict::Warning => "warn",
            Verdict::Bad => "FAIL",
        };
        write!(f, "{word}  {}: {}", self.name, self.finding)?;
        if !self.mend.is_empty() {
            write!(f, "\n      mend: {}", self.mend)?;
        }
        Ok(())
    }
}

/// Descriptors that the relay uses beside one per connection: listener, files, epoll, clients of its API.
const SPARE_FDS: u64 = 256;
/// 2025-01-01: a clock before it has never been set.
const EARLIEST_S: u64 = 1_735_689_600;

pub(super) fn doctor(args: &DoctorArgs) -> Result<(), Failure> {
    let checks = examine(&sources(args.sources.config.clone(), args.flags())?);
    for check in &checks {
        println!("{check}");
    }
    let bad = checks.iter().filter(|check| check.verdict == Verdict::Bad).count();
    let warnings = checks.iter().filter(|check| check.verdict == Verdict::Warning).count();
    println!("{} checks: {bad} failed, {warnings} to look at", checks.len());
    if bad == 0 { Ok(()) } else { Err(Failure::new(1, format!("{bad} of {} checks failed", checks.len()))) }
}

/// Makes every check that these settings allow.
pub fn examine(sources: &Sources) -> Vec<Check> {
    let mut checks = vec![clock(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO))];
    match crate::config::load(sources) {
        Ok(config) => {
            let from = sources.file.as_ref().map_or("defaults, environment and flags".to_owned(), |file| file.display().to_string());
            checks.push(good("configuration", format!("{from}: every key is known and in range")));
            checks.push(secret(&config));
            checks.extend(sources.file.as_deref().and_then(|file| secret_file(file, &config)));
            checks.push(descriptors(config.limits.connections as u64, rlimit::Resource::NOFILE.get().ok()));
            checks.push(port(&config));
            checks.extend(config.data_dir.as_deref().map(data_dir));
            checks.extend(config.www.as_deref().map(www));
        }
        Err(mistakes) => checks.extend(mistakes.0.into_iter().map(|mistake| Check {
            name: "configuration",
            verdict: Verdict::Bad,
            finding: match mistake.key.as_str() {
                "" => format!("{}: {}", mistake.place, mistake.problem),
                key => format!("{}: {key}: {}", mistake.place, mistake.problem),
            },
            mend: mistake.mend,
        })),
    }
    checks
}

fn good(name: &'static str, finding: impl Into<String>) -> Check {
    Check { name, verdict: Verdict::Good, finding: finding.into(), mend: String::new() }
}

fn warning(name: &'static str, finding: impl Into<String>, mend: impl Into<String>) -> Check {
    Check { name, verdict: Verdict::Warning, finding: finding.into(), mend: mend.into() }
}

fn bad(name: &'static str, finding: impl Into<String>, mend: impl Into<String>) -> Check {
    Check { name, verdict: Verdict::Bad, finding: finding.into(), mend: mend.into() }
}

fn clock(since_epoch: Duration) -> Check {
    let shown = humantime::format_rfc3339_seconds(UNIX_EPOCH + since_epoch);
    if since_epoch.as_secs() < EARLIEST_S {
        bad("clock", format!("it says {shown}: tokens would count as not yet valid"), "set the clock, and keep it set (NTP)")
    } else {
        good("clock", format!("it says {shown}"))
    }
}

/// Length was checked with the configuration; this looks at variety, which a passphrase of repeated words lacks.
fn secret(config: &Config) -> Check {
    const NAME: &str = "secret";
    let Some(secret) = &config.auth.jwt_secret else {
        return warning(
            NAME,
            "development mode signs with a secret that everyone knows",
            "set PULSEWIRE_JWT_SECRET for anything but trying out",
        );
    };
    let secret = secret.expose_secret();
    let distinct = secret.bytes().collect::<std::collections::BTreeSet<u8>>().len();
    if distinct < 10 {
        let finding = format!("{} bytes, of which only {distinct} different ones", secret.len());
        return warning(NAME, finding, "take a random one, such as the output of `openssl rand -base64 48`");
    }
    good(NAME, format!("{} bytes, {distinct} different ones", secret.len()))
}

/// A file with a secret in it that other users of the machine may read.
#[cfg(unix)]
fn secret_file(file: &Path, config: &Config) -> Option<Check> {
    use std::os::unix::fs::PermissionsExt as _;
    config.auth.jwt_secret.as_ref()?;
    let text = std::fs::read_to_string(file).ok()?;
    let holds_secret = text.lines().any(|line| line.trim_start().starts_with("jwt_secret"));
    let mode = std::fs::metadata(file).ok()?.permissions().mode() & 0o777;
    let shown = file.display();
    (holds_secret && mode & 0o044 != 0)
        .then(|| warning("file", format!("{shown} holds the secret and others may read it (mode {mode:o})"), format!("chmod 600 {shown}")))
}

#[cfg(not(unix))]
fn secret_file(_file: &Path, _config: &Config) -> Option<Check> {
    None
}

fn descriptors(connections: u64, limits: Option<(u64, u64)>) -> Check {
    const NAME: &str = "file descriptors";
    let wanted = connections.saturating_add(SPARE_FDS);
    match limits {
        None => warning(NAME, "the limit cannot be read", format!("make sure that it is at least {wanted}")),
        // `serve` raises the soft limit to the hard one by itself.
        Some((_, hard)) if hard < wanted => bad(
            NAME,
            format!("the hard limit is {hard}, and {connections} connections need {wanted}"),
            format!("LimitNOFILE={wanted} in the service's unit, `ulimit -n {wanted}` in a shell, or a smaller limits.connections"),
        ),
        Some((soft, hard)) => good(NAME, format!("{soft}, may be raised to {hard}; {connections} connections need {wanted}")),
    }
}

fn port(config: &Config) -> Check {
    const NAME: &str = "port";
    let address = config.listen;
    match TcpListener::bind(address) {
        Ok(_) => good(NAME, format!("{address} is free")),
        Err(error) => bad(NAME, format!("{address} cannot be listened on: {error}"), mend_of_bind(&error)),
    }
}

/// How to mend a failed bind; `serve` says the same.
pub(super) fn mend_of_bind(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            "stop what listens there (`ss -ltnp` shows it), or take another port: --listen 127.0.0.1:0 takes a free one"
        }
        std::io::ErrorKind::PermissionDenied => "ports below 1024 need a right: take a larger one, or give the binary cap_net_bind_service",
        std::io::ErrorKind::AddrNotAvailable => "this machine has no such address: listen on one of its own, on 127.0.0.1 or on 0.0.0.0",
        _ => "look at the address",
    }
}

fn data_dir(folder: &Path) -> Check {
    const NAME: &str = "data folder";
    let shown = folder.display();
    let probe = folder.join(format!(".pulsewire-doctor-{}", std::process::id()));
    let written = std::fs::write(&probe, b"").and_then(|()| std::fs::remove_file(&probe));
    match written {
        Ok(()) => good(NAME, format!("{shown} can be written")),
        Err(error) => bad(NAME, format!("{shown} cannot be written: {error}"), format!("mkdir -p {shown}, owned by the relay's user")),
    }
}

fn www(folder: &Path) -> Check {
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
    use super::*;

    #[test]
    fn a_clock_that_was_never_set_is_found() {
        assert_eq!(clock(Duration::from_secs(100)).verdict, Verdict::Bad);
        assert_eq!(clock(Duration::from_secs(EARLIEST_S)).verdict, Verdict::Good);
    }

    #[test]
    fn too_few_descriptors_are_found_and_the_mend_names_the_number() {
        let check = descriptors(10_000, Some((1024, 4096)));
        assert_eq!(check.verdict, Verdict::Bad);
        assert!(check.mend.contains("10256"), "{check}");
        assert_eq!(descriptors(1_000, Some((1024, 4096))).verdict, Verdict::Good, "the soft limit is raised by serve");
        assert_eq!(descriptors(1_000, None).verdict, Verdict::Warning);
    }

    #[test]
    fn a_taken_port_is_found() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let config = Config { listen: taken.local_addr().unwrap(), ..Config::development() };
        let check = port(&config);
        assert_eq!(check.verdict, Verdict::Bad);
        assert!(check.mend.contains("another port"), "{check}");
    }

    #[test]
    fn a_long_secret_of_few_letters_is_a_warning() {
        let with = |text: &str| {
            let mut config = Config::default();
            config.auth.jwt_secret = Some(text.into());
            secret(&config).verdict
        };
        assert_eq!(with("abababababababababababababababababab"), Verdict::Warning);
        assert_eq!(with("kX9vQ2mLr8pYw3Zt6BnHs1JdGf5CuEaT7oIe"), Verdict::Good);
    }
}
