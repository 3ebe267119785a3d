//! A process under test, where asked for on a core of its own: the relay, or the bare loop that it is compared with. It is measured
//! through `/proc` and stopped by its process id.
//!
//! A child inherits the affinity of the thread that starts it, so that thread is pinned for the moment of the start. A tokio
//! runtime counts the cores it may use: the relay then has one worker.
//!
//! Trap: what a sender's system call does in the kernel on behalf of the receiver (loopback delivers in the sender's context)
//! counts as the sender's CPU time. It does for the floor as well, so the ratio is honest.

use anyhow::{Context as _, Result, anyhow, bail};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

const STOP_WITHIN: Duration = Duration::from_secs(15);
/// Clock ticks a second in `/proc/PID/stat`: fixed by the kernel's interface, whatever its own timer does.
const TICKS_PER_SECOND: f64 = 100.0;

/// The cores of this run: the process under test has one, the load another.
#[derive(Clone, Copy, Debug)]
pub struct Cores {
    /// Of the process under test.
    pub tested: usize,
    /// Of clients and publisher.
    pub load: usize,
}

impl Cores {
    /// The first two that this process may use.
    ///
    /// # Errors
    /// Where there is only one: both would share it, and no figure would mean anything.
    pub fn choose() -> Result<Self> {
        let allowed = sched_getaffinity(None)?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
        match (cores.next(), cores.next()) {
            (Some(tested), Some(load)) => Ok(Self { tested, load }),
            _ => bail!("the bench wants two cores: one for the relay, one for the load"),
        }
    }
    /// Keeps this thread, and those that it starts from now on, on the core of the load.
    ///
    /// # Errors
    /// The system's.
    pub fn pin_load(self) -> Result<()> {
        pin(self.load)
    }
}

fn pin(core: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set).with_context(|| format!("this thread cannot be kept on core {core}"))
}

/// What a process has used so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Used {
    /// Resident memory.
    pub resident_bytes: u64,
    /// Time on a core, of all its threads.
    pub cpu_seconds: f64,
    /// Memory of the whole kernel for its objects and socket buffers: what a socket costs beside the process.
    pub kernel_bytes: u64,
}

/// Memory and time of a process, as coarse as the kernel's clock ticks; ended threads count.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Resident memory.
    pub resident_bytes: u64,
    /// User and system time.
    pub cpu_seconds: f64,
}

/// See the module. Dropping it kills the process.
pub struct Process {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Process {
    /// Starts it, on its core where one is given, and waits until it says where it listens.
    ///
    /// # Errors
    /// Where it cannot be started or says something else.
    pub fn start(binary: &Path, arguments: &[String], environment: &[(&str, String)], cores: Option<Cores>) -> Result<Self> {
        let mut command = Command::new(binary);
        // What is meant for the bench, such as the length of a soak, is none of the relay's keys: it would refuse to start.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PULSEWIRE_")) {
            command.env_remove(name);
        }
        command.args(arguments).envs(environment.iter().map(|(name, value)| (*name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child =
            spawn(command, cores).with_context(|| format!("{} cannot be started: build it with --release first", binary.display()))?;
        let (stdin, stdout) = child.stdin.take().zip(child.stdout.take()).ok_or_else(|| anyhow!("the child has no standard streams"))?;
        let mut process = Self { child, stdin, stdout: BufReader::new(stdout), address: SocketAddr::from(([127, 0, 0, 1], 0)) };
        let line = process.line()?;
        let address = line.strip_prefix("listening on http://").and_then(|address| address.parse().ok());
        process.address = address.ok_or_else(|| anyhow!("the process said {line:?} instead of where it listens; its log says why"))?;
        Ok(process)
    }

    /// One line of its standard output.
    ///
    /// # Errors
    /// Where it ended.
    pub fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.stdout.read_line(&mut line)? == 0 {
            bail!("the process ended before its time");
        }
        Ok(line.trim().to_owned())
    }

    /// Writes a line to its standard input.
    ///
    /// # Errors
    /// Where it ended.
    pub fn say(&mut self, line: &str) -> Result<()> {
        writeln!(self.stdin, "{line}").context("the process ended before its time")
    }

    /// What it has used.
    ///
    /// # Errors
    /// Where it ended, or the system has no `/proc`.
    pub fn used(&self) -> Result<Used> {
        used(self.child.id())
    }

    /// Memory and time.
    ///
    /// # Errors
    /// As [`Process::used`].
    pub fn usage(&self) -> Result<Usage> {
        usage_of(self.child.id())
    }

    /// Asks it to stop, as an operator would, and waits.
    ///
    /// # Errors
    /// Where it does not stop in time, or stops with an error.
    pub fn stop(mut self) -> Result<()> {
        if !Command::new("kill").arg(self.child.id().to_string()).status()?.success() {
            bail!("process {} was gone before its time", self.child.id());
        }
        let deadline = Instant::now() + STOP_WITHIN;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                return if status.success() { Ok(()) } else { Err(anyhow!("the process ended with {status}")) };
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("the process did not stop within {} s of SIGTERM", STOP_WITHIN.as_secs())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already gone after `stop`: there is nobody left to tell either way.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a program, on the core of what is tested where one is given.
///
/// # Errors
/// Where it cannot be started.
pub fn spawn(mut command: Command, cores: Option<Cores>) -> Result<Child> {
    let started = std::thread::spawn(move || {
        if let Some(cores) = cores {
            pin(cores.tested)?;
        }
        command.spawn().map_err(anyhow::Error::from)
    });
    started.join().map_err(|_| anyhow!("the starting thread panicked"))?
}

/// What a process has used.
///
/// # Errors
/// As [`Process::used`].
pub fn used(pid: u32) -> Result<Used> {
    let usage = usage_of(pid)?;
    Ok(Used {
        resident_bytes: usage.resident_bytes,
        cpu_seconds: cpu_seconds(pid)?.unwrap_or(usage.cpu_seconds),
        kernel_bytes: kernel_bytes()?,
    })
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

/// To the nanosecond, from the scheduler; `None` where the kernel does not count it.
fn cpu_seconds(pid: u32) -> Result<Option<f64>> {
    let mut nanoseconds = 0_u64;
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end while this reads.
        let Ok(text) = std::fs::read_to_string(task?.path().join("schedstat")) else { continue };
        nanoseconds += text.split_whitespace().next().and_then(|first| first.parse::<u64>().ok()).unwrap_or(0);
    }
    Ok((nanoseconds > 0).then_some(nanoseconds as f64 / 1e9))
}

/// Slab and the pages that TCP holds. Of the whole machine: only a difference over a short time says something.
fn kernel_bytes() -> Result<u64> {
    let number = |text: &str| text.split_whitespace().next().and_then(|number| number.parse::<u64>().ok()).unwrap_or(0);
    let memory = std::fs::read_to_string("/proc/meminfo")?;
    let slab_kib = memory.lines().find_map(|line| line.strip_prefix("Slab:")).map_or(0, number);
    let sockets = std::fs::read_to_string("/proc/net/sockstat")?;
    let tcp_pages = sockets.lines().find(|line| line.starts_with("TCP:")).and_then(|line| line.split(" mem ").nth(1)).map_or(0, number);
    Ok(slab_kib * 1024 + tcp_pages * rustix::param::page_size() as u64)
}
