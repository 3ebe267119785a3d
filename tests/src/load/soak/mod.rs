//! The soak: thousands of visitors come and go in every way there is while telemetry flows; afterwards the relay must have
//! nothing left of them.
//!
//! What is looked at before, during and after are the relay's own metrics. Counts (connections, users, subscriptions, viewers,
//! channels, tasks, timers, queued messages) must be the same before and after; memory must not grow once it is warm: the
//! history of every channel is full before anyone comes, every visitor has been there once, and the first quarter is the
//! allocator's. What its heap holds stays the same from then on; what it cannot give back between two blocks in use still grows
//! a little, ever more slowly.
//!
//! Limits: Linux, loopback. The relay's heartbeat is quick here, so that half-open connections are found within the soak.
//! Loopback holds some 2.5 MB for one that does not read, so slow visitors follow a [`flood`] that nobody else does.

mod visitor;

use super::bench::backend::Backend;
use super::bench::fleet::Fleet;
use super::bench::wire::{self, Login};
use super::metrics::{closed_with, scrape};
use super::process::Process;
use super::relay::{self, token};
use anyhow::{Context as _, Result, anyhow, bail, ensure};
use pulsewire_protocol::CloseCode;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use visitor::{Visitor, Ward};

/// Memory may differ so much between the halves of the measured time: the allocator's and the history's own movement.
const FLAT_PERCENT: f64 = 5.0;
const SAMPLE_EVERY: Duration = Duration::from_secs(5);
/// How long the relay may take to forget everyone: until the last half-open connection is found dead.
const FORGET_WITHIN: Duration = Duration::from_secs(60);
/// How long a connection may take to its welcome; the timer of one that came to it in time is left until then.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection is dead that has said nothing for so long.
const DEAD_AFTER: Duration = Duration::from_secs(30);
/// What must be as before.
const SAME: [&str; 9] =
    ["connections", "users", "subscriptions", "viewers", "channels", "tasks", "timers", "queued_messages", "waiting_polls"];
/// Publications that a channel remembers: full before anyone comes, so that what grows then is a leak.
const HISTORY: u64 = 50;
/// Publications a second that fill it.
const FILLING: f64 = 1_000.0;
/// Points of a publication of the flood, about 16 kB; with its rate some 10 s until a reader that does not read is closed.
const FLOOD_POINTS: usize = 1_024;
const FLOOD_PER_SECOND: f64 = 20.0;

/// How to soak.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// For so long, in minutes.
    #[arg(long, env = "PULSEWIRE_SOAK_MINUTES", default_value_t = 30.0)]
    pub minutes: f64,
    /// Visitors.
    #[arg(long, default_value_t = 2_000)]
    pub visitors: usize,
    /// Devices that publish.
    #[arg(long, default_value_t = 200)]
    pub devices: usize,
    /// Publications a second, of all devices.
    #[arg(long, default_value_t = 100.0)]
    pub rate: f64,
    /// The visitors' dice.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Also write every sample to this file: seconds, connections, tasks, queued messages, resident bytes.
    #[arg(long, value_name = "FILE")]
    pub samples: Option<PathBuf>,
}

/// What visitors note.
#[derive(Default)]
struct Book {
    visits: AtomicU64,
    deliveries: AtomicU64,
    trouble: Mutex<BTreeMap<String, u64>>,
}

impl Book {
    fn note(&self, text: String) {
        // Without the visitor's number, so that the same trouble stands once.
        let text = text.split_once(": ").map_or(text.clone(), |(_, rest)| rest.to_owned());
        if let Ok(mut trouble) = self.trouble.lock() {
            *trouble.entry(text).or_default() += 1;
        }
    }
}

/// What came of it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Soaked {
    /// How long it took.
    pub minutes: f64,
    /// Visits that ended as they should.
    pub visits: u64,
    /// Connections that the relay closed with 4413: they did not read fast enough.
    pub closed_slow: u64,
    /// Those that it found dead: 4408.
    pub closed_silent: u64,
    /// Events that visitors read.
    pub deliveries: u64,
    /// The metrics before anyone came.
    pub before: BTreeMap<String, f64>,
    /// The same after everyone had gone.
    pub after: BTreeMap<String, f64>,
    /// Mean resident memory of the second quarter, in MB: warm.
    pub warm_mb: f64,
    /// Of the last quarter.
    pub last_mb: f64,
    /// The slope in between, in kB a minute.
    pub slope_kb_per_minute: f64,
    /// What visitors saw that must not be, with how often.
    pub trouble: BTreeMap<String, u64>,
}

/// The channel that only slow visitors follow.
fn flood(channels: usize) -> String {
    wire::channel(channels)
}

/// Soaks a relay of its own.
///
/// # Errors
/// Where something is left, memory grows, or a visitor saw what must not be.
pub fn run(binary: &Path, options: &Options) -> Result<Soaked> {
    ensure!(
        options.minutes >= 1.0 && options.visitors > 0 && options.devices > 0 && options.rate > 0.0,
        "minutes: at least 1; visitors, devices, rate: more than none"
    );
    let mut environment = relay::unbounded(2 * options.visitors);
    environment.extend([
        ("PULSEWIRE_LOG", "error".to_owned()),
        ("PULSEWIRE_HEARTBEAT__INTERVAL_MS", "5000".to_owned()),
        ("PULSEWIRE_HEARTBEAT__DEAD_AFTER_MS", DEAD_AFTER.as_millis().to_string()),
        ("PULSEWIRE_HEARTBEAT__HANDSHAKE_TIMEOUT_MS", HANDSHAKE_TIMEOUT.as_millis().to_string()),
        ("PULSEWIRE_HISTORY__PUBLICATIONS", HISTORY.to_string()),
    ]);
    let relay = Process::start(binary, &relay::serve("127.0.0.1:0"), &environment, None)?;
    let publisher =
        |channels, points| Backend::connect(relay.address, Instant::now(), token("soak-backend", Some("service"))?, channels, points);
    let mut backend = publisher(0..options.devices, wire::POINTS)?;
    let mut flooding = publisher(options.devices..options.devices + 1, FLOOD_POINTS)?;
    let filled = Duration::from_secs_f64((options.devices as u64 * HISTORY) as f64 / FILLING);
    backend.at_rate(FILLING, filled)?;
    flooding.at_rate(HISTORY as f64, Duration::from_secs(1))?;
    // Their own channels keep their places for a while after they have gone.
    let everyone = (0..options.visitors).map(|number| Ok(Login { token: visitor::token_of(number)?, channels: Vec::new() }));
    drop(Fleet::connect(relay.address, Instant::now(), &everyone.collect::<Result<Vec<_>>>()?)?);
    let before = at_rest(relay.address)?;
    let ended = AtomicBool::new(false);
    let (samples, published) = std::thread::scope(|scope| {
        let publishing = scope.spawn(|| -> Result<()> {
            while !ended.load(Ordering::Relaxed) {
                backend.at_rate(options.rate, Duration::from_secs(1))?;
            }
            Ok(())
        });
        let flood = scope.spawn(|| -> Result<()> {
            while !ended.load(Ordering::Relaxed) {
                flooding.at_rate(FLOOD_PER_SECOND, Duration::from_secs(1))?;
            }
            Ok(())
        });
        let sampling = scope.spawn(|| sample(relay.address, options.samples.as_deref(), &ended));
        let book = visit(relay.address, options);
        ended.store(true, Ordering::Relaxed);
        let published = publishing.join().and_then(|published| Ok((published, flood.join()?)));
        let published = published.map_err(|_| anyhow!("a publisher panicked")).map(|(published, flooded)| published.and(flooded));
        let samples = sampling.join().map_err(|_| anyhow!("the sampler panicked"));
        (samples.and_then(|samples| samples), published.and_then(|published| published).and(book))
    });
    let (samples, book) = (samples?, published?);
    let deadline = Instant::now() + FORGET_WITHIN;
    let mut after = settled(relay.address)?;
    while !leftovers(&before, &after).is_empty() && Instant::now() < deadline {
        after = settled(relay.address)?;
    }
    let closed = scrape(relay.address)?;
    drop((backend, flooding));
    relay.stop()?;
    let quarter = |number: usize| {
        let part = samples.len() / 4;
        let of: Vec<f64> = samples.iter().skip(number * part).take(part).map(|(_, bytes)| bytes / 1e6).collect();
        of.iter().sum::<f64>() / of.len().max(1) as f64
    };
    let soaked = Soaked {
        minutes: options.minutes,
        visits: book.visits.into_inner(),
        closed_slow: closed_with(&closed, CloseCode::SLOW_CONSUMER),
        closed_silent: closed_with(&closed, CloseCode::TIMEOUT),
        deliveries: book.deliveries.into_inner(),
        warm_mb: quarter(1),
        last_mb: quarter(3),
        slope_kb_per_minute: slope(samples.get(samples.len() / 4..).unwrap_or_default()) * 60.0 / 1e3,
        trouble: book.trouble.into_inner().map_err(|_| anyhow!("a visitor panicked"))?,
        before,
        after,
    };
    println!("{}", serde_json::to_string_pretty(&soaked)?);
    soaked.judge()?;
    Ok(soaked)
}

fn visit(address: SocketAddr, options: &Options) -> Result<Book> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let book = std::rc::Rc::new(Book::default());
    let until = Duration::from_secs_f64(options.minutes * 60.0);
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let until = tokio::time::Instant::now() + until;
        let visits: Vec<_> = (0..options.visitors)
            .map(|number| {
                let ward = Ward { address, channels: options.devices };
                let visitor = Visitor { ward, number, dice: fastrand::Rng::with_seed(options.seed.wrapping_add(number as u64)) };
                let book = std::rc::Rc::clone(&book);
                tokio::task::spawn_local(async move { visitor.run(&book, until).await })
            })
            .collect();
        for visit in visits {
            visit.await?;
        }
        anyhow::Ok(())
    })?;
    std::rc::Rc::try_unwrap(book).map_err(|_| anyhow!("a visitor is still there"))
}

/// The moment and the resident memory, every few seconds.
fn sample(address: SocketAddr, file: Option<&Path>, ended: &AtomicBool) -> Result<Vec<(f64, f64)>> {
    let (mut samples, start) = (Vec::new(), Instant::now());
    let mut file = file.map(File::create).transpose().context("--samples: the file cannot be written")?;
    while !ended.load(Ordering::Relaxed) {
        std::thread::sleep(SAMPLE_EVERY);
        let now = scrape(address)?;
        let of = |name: &str| now.get(name).copied().unwrap_or_default();
        let (at, bytes) = (start.elapsed().as_secs_f64(), of("process_resident_memory_bytes"));
        let (connections, queued, tasks) = (of("connections"), of("queued_messages"), of("tasks"));
        eprintln!("{at:6.0} s  {connections:5} connections  {tasks:5} tasks  {queued:5} queued  {:7.2} MB", bytes / 1e6);
        if let Some(file) = &mut file {
            writeln!(file, "{at:.0}\t{connections}\t{tasks}\t{queued}\t{bytes}")?;
        }
        samples.push((at, bytes));
    }
    Ok(samples)
}

/// The metrics, once nothing moves.
fn settled(address: SocketAddr) -> Result<BTreeMap<String, f64>> {
    std::thread::sleep(Duration::from_secs(3));
    let all = scrape(address)?;
    SAME.iter()
        .map(|name| Ok(((*name).to_owned(), *all.get(*name).with_context(|| format!("the relay has no metric {name}"))?)))
        .chain(
            ["process_resident_memory_bytes", "process_open_fds"]
                .iter()
                .filter_map(|name| all.get(*name).map(|value| Ok(((*name).to_owned(), *value)))),
        )
        .collect()
}

/// The same, once no timer of what is over is left either.
fn at_rest(address: SocketAddr) -> Result<BTreeMap<String, f64>> {
    let deadline = Instant::now() + FORGET_WITHIN + 2 * DEAD_AFTER;
    let mut before = settled(address)?;
    loop {
        // Longer than the longest timer of a connection that has gone: two looks at those that only wait would be the same.
        std::thread::sleep(DEAD_AFTER);
        let now = settled(address)?;
        if leftovers(&before, &now).is_empty() {
            return Ok(now);
        }
        ensure!(Instant::now() < deadline, "the relay does not come to rest: {before:?}, then {now:?}");
        before = now;
    }
}

fn leftovers(before: &BTreeMap<String, f64>, after: &BTreeMap<String, f64>) -> Vec<String> {
    let differ = SAME.iter().filter(|name| before.get(**name) != after.get(**name));
    differ.map(|name| format!("{name}: {:?} before, {:?} after", before.get(*name), after.get(*name))).collect()
}

/// Bytes a second, by least squares.
fn slope(samples: &[(f64, f64)]) -> f64 {
    let count = samples.len().max(1) as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| samples.iter().map(of).sum::<f64>() / count;
    let (at, bytes) = (mean(|sample| sample.0), mean(|sample| sample.1));
    let above: f64 = samples.iter().map(|sample| (sample.0 - at) * (sample.1 - bytes)).sum();
    let below: f64 = samples.iter().map(|sample| (sample.0 - at).powi(2)).sum();
    if below > 0.0 { above / below } else { 0.0 }
}

impl Soaked {
    fn judge(&self) -> Result<()> {
        let mut wrong = leftovers(&self.before, &self.after);
        if self.deliveries == 0 {
            wrong.push("no telemetry came".to_owned());
        }
        if self.closed_slow == 0 || self.closed_silent == 0 {
            wrong.push(format!(
                "{} were closed as slow and {} as silent: neither way was tried enough",
                self.closed_slow, self.closed_silent
            ));
        }
        let grown = (self.last_mb / self.warm_mb - 1.0) * 100.0;
        if grown > FLAT_PERCENT {
            wrong.push(format!("memory grew by {grown:.1} % from the second quarter to the last"));
        }
        wrong.extend(self.trouble.iter().map(|(what, count)| format!("{count} × {what}")));
        if !wrong.is_empty() {
            bail!("{}", wrong.join("; "));
        }
        let Self { minutes, visits, closed_slow, closed_silent, deliveries, warm_mb, last_mb, slope_kb_per_minute, .. } = self;
        println!(
            "soak: {minutes} minutes, {visits} visits, {closed_slow} closed as slow and {closed_silent} as silent, {deliveries} deliveries in order, nothing left; \
             memory {warm_mb:.1} → {last_mb:.1} MB, {slope_kb_per_minute:+.1} kB a minute"
        );
        Ok(())
    }
}
