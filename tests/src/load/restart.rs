//! The restart of a relay under its clients: how soon are they back, and what does their coming cost?
//!
//! Clients are `client-core` over real sockets, so delays, backoff and the spread that a 4503 asks for are the product's own.
//! The relay is started again on the same address at once, once after SIGTERM (a drain) and once after SIGKILL (a crash).
//!
//! Limits: one machine, where clients and relay share the processors; all clients have one address, so the limit of
//! connections per address is set out of the way ([`relay::for_clients`]); the history lies in the relay's memory and goes with
//! it, so what must be told to each client is a resync.

use super::driver::{Told, end, is_settled, start, until};
use super::options::Via;
use super::process::Process;
use super::publisher::{self, Plan};
use super::relay::{self, token};
use anyhow::{Context as _, Result, bail};
use clap::Parser;
use pulsewire_client_core::{ChannelEvent, Client, ClientEvent};
use pulsewire_protocol::Payload;
use serde::Serialize;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Clients that are opened at once before the first measurement.
const OPENING: usize = 50;
const FIRST_CONNECTIONS_WITHIN: Duration = Duration::from_secs(120);
/// Whoever is not back by then is missing.
const GIVE_UP_AFTER: Duration = Duration::from_secs(120);
const DELIVER_WITHIN: Duration = Duration::from_secs(20);
/// How often the relay's CPU time is looked at.
const SECOND: Duration = Duration::from_secs(1);

/// Restarts a relay under many clients and measures their return.
#[derive(Clone, Debug, Parser)]
#[command(name = "pulsewire-restart", version)]
pub struct Options {
    /// The relay to start; a release build, or the figures mean nothing.
    #[arg(long, value_name = "FILE", env = "PULSEWIRE_RELAY_BIN", default_value = "target/release/pulsewire-relay")]
    pub relay_bin: PathBuf,
    /// Clients.
    #[arg(long, default_value_t = 5_000)]
    pub connections: usize,
    /// Channels; client i subscribes to channel i modulo this.
    #[arg(long, default_value_t = 50)]
    pub channels: usize,
    /// All must be back after so many seconds.
    #[arg(long, default_value_t = 30.0)]
    pub within: f64,
    /// Also print the figures as JSON.
    #[arg(long)]
    pub json: bool,
    /// Fail where somebody is not back in time, was not told of the gap, or hears nothing afterwards.
    #[arg(long)]
    pub check: bool,
}

/// How the relay went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// SIGTERM: it drains and tells everybody when to come back.
    Drain,
    /// SIGKILL: nobody is told anything.
    Kill,
}

/// What one restart came to. Times count from the moment the old relay was told to go.
#[derive(Clone, Debug, Serialize)]
pub struct Return {
    /// How it went.
    pub end: End,
    /// When the new relay listened.
    pub listening_s: f64,
    /// When half of the clients were back, with all their channels.
    pub half_s: f64,
    /// When 99 % were.
    pub p99_s: f64,
    /// When the last was.
    pub all_s: f64,
    /// Clients that did not come back.
    pub missing: usize,
    /// CPU seconds of the new relay in each second since it listened.
    pub cpu_by_second: Vec<f64>,
    /// Clients that were told that their channel has a gap.
    pub resyncs: usize,
    /// Deliveries of what was published afterwards, and how many there had to be.
    pub delivered: (u64, u64),
}

impl fmt::Display for Return {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.end == End::Drain { "after SIGTERM (drain)" } else { "after SIGKILL" };
        let peak = self.cpu_by_second.iter().copied().fold(0.0, f64::max);
        let sum: f64 = self.cpu_by_second.iter().sum();
        writeln!(f, "{how}: the new relay listened after {:.2} s", self.listening_s)?;
        writeln!(
            f,
            "  back: 50 % after {:.1} s, 99 % after {:.1} s, all after {:.1} s; {} missing",
            self.half_s, self.p99_s, self.all_s, self.missing
        )?;
        writeln!(f, "  relay: {sum:.2} CPU seconds until all were back, at most {peak:.2} in one second")?;
        write!(f, "  told of the gap: {}; deliveries afterwards: {} of {}", self.resyncs, self.delivered.0, self.delivered.1)
    }
}

impl Return {
    /// What was promised and is not so.
    pub fn broken_promises(&self, options: &Options) -> Vec<String> {
        let mut broken = Vec::new();
        if self.missing > 0 || self.all_s > options.within {
            broken.push(format!("{:?}: all back after {:.1} s, {} missing", self.end, self.all_s, self.missing));
        }
        if self.resyncs != options.connections {
            broken.push(format!("{:?}: {} of {} were told of the gap", self.end, self.resyncs, options.connections));
        }
        if self.delivered.0 != self.delivered.1 {
            broken.push(format!("{:?}: {} of {} deliveries", self.end, self.delivered.0, self.delivered.1));
        }
        broken
    }
}

/// What all clients tell, in one place: they run on one thread.
#[derive(Default)]
struct Tally {
    settled: Cell<usize>,
    /// When each came back, since the restart.
    back: RefCell<Vec<Instant>>,
    resyncs: Cell<usize>,
    deliveries: Cell<u64>,
    trouble: RefCell<Option<String>>,
}

struct Page {
    tally: Rc<Tally>,
    settled: bool,
}

impl Told for Page {
    fn handle_event(&mut self, event: &ChannelEvent) {
        if matches!(event.publication.payload, Payload::Telemetry(_)) && !event.replayed {
            self.tally.deliveries.set(self.tally.deliveries.get() + 1);
        }
    }
    fn handle_changed(&mut self, client: &Client) {
        let settled = is_settled(client);
        if settled == self.settled {
            return;
        }
        self.settled = settled;
        let count = self.tally.settled.get();
        if settled {
            self.tally.settled.set(count + 1);
            self.tally.back.borrow_mut().push(Instant::now());
        } else {
            self.tally.settled.set(count - 1);
        }
    }
    fn handle_news(&mut self, news: &ClientEvent) {
        match news {
            ClientEvent::Resync { channel } if channel.starts_with("device:") => self.tally.resyncs.set(self.tally.resyncs.get() + 1),
            ClientEvent::Unauthorized { .. } => {
                self.tally.trouble.borrow_mut().get_or_insert(format!("{news:?}"));
            }
            _ => {}
        }
    }
}

/// Runs it all on this thread; publishing has its own.
pub fn run(options: &Options) -> Result<Vec<Return>> {
    if options.connections == 0 || options.channels == 0 || options.channels > options.connections {
        bail!("--connections and --channels: at least 1, and no more channels than connections");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, measure(options))
}

async fn measure(options: &Options) -> Result<Vec<Return>> {
    let mut relay = relay::start(&options.relay_bin, options.connections)?;
    let tally = Rc::new(Tally::default());
    let mut clients = Vec::with_capacity(options.connections);
    for number in 0..options.connections {
        until("a connection", FIRST_CONNECTIONS_WITHIN, || number < tally.settled.get() + OPENING).await?;
        clients.push(start(relay.address, number, number % options.channels, Page { tally: Rc::clone(&tally), settled: false })?);
    }
    until("connecting", FIRST_CONNECTIONS_WITHIN, || tally.settled.get() == options.connections).await?;
    let mut returns = Vec::new();
    for end in [End::Drain, End::Kill] {
        // Something to have a position in.
        let before = publish(options, &relay, &tally).await?;
        if before.0 != before.1 {
            bail!("before the restart {} of {} deliveries came", before.0, before.1);
        }
        let (next, result) = restart(options, relay, &tally, end).await?;
        relay = next;
        returns.push(result);
    }
    end(clients).await?;
    tokio::task::spawn_blocking(move || relay.stop()).await??;
    if let Some(trouble) = tally.trouble.borrow_mut().take() {
        bail!("a client was refused: {trouble}");
    }
    Ok(returns)
}

async fn restart(options: &Options, relay: Process, tally: &Rc<Tally>, end: End) -> Result<(Process, Return)> {
    tally.back.borrow_mut().clear();
    tally.resyncs.set(0);
    let address = relay.address;
    let told = Instant::now();
    let (binary, connections) = (options.relay_bin.clone(), options.connections);
    // Blocking, so that the clients go on meanwhile.
    let relay = tokio::task::spawn_blocking(move || {
        match end {
            End::Drain => relay.stop()?,
            End::Kill => drop(relay),
        }
        relay::start_at(&binary, connections, &address.to_string())
    })
    .await?
    .context("the relay did not start again")?;
    let listening = Instant::now();
    let mut cpu_by_second = Vec::new();
    let mut used = 0.0;
    loop {
        tokio::time::sleep(SECOND).await;
        let now = relay.usage()?.cpu_seconds;
        cpu_by_second.push(now - used);
        used = now;
        let all_back = tally.settled.get() == connections && tally.back.borrow().len() >= connections;
        if all_back || told.elapsed() > GIVE_UP_AFTER {
            break;
        }
    }
    let mut back: Vec<f64> = tally.back.borrow().iter().map(|at| at.duration_since(told).as_secs_f64()).collect();
    back.sort_by(f64::total_cmp);
    let share = |percent: usize| back.get((connections * percent).div_ceil(100).saturating_sub(1)).copied().unwrap_or(f64::INFINITY);
    let mut result = Return {
        end,
        listening_s: listening.duration_since(told).as_secs_f64(),
        half_s: share(50),
        p99_s: share(99),
        all_s: back.last().copied().filter(|_| back.len() >= connections).unwrap_or(f64::INFINITY),
        missing: connections - tally.settled.get().min(connections),
        cpu_by_second,
        resyncs: tally.resyncs.get(),
        delivered: (0, 0),
    };
    result.delivered = publish(options, &relay, tally).await?;
    Ok((relay, result))
}

/// One publication on each channel; how many deliveries came, and how many had to.
async fn publish(options: &Options, relay: &Process, tally: &Tally) -> Result<(u64, u64)> {
    let plan = Plan {
        address: relay.address,
        token: token("load-publisher", Some("service"))?,
        via: Via::Http,
        devices: options.channels,
        publications: options.channels as u64,
        interval: Duration::from_millis(10),
        points: 1,
        origin: Instant::now(),
    };
    let seen = tally.deliveries.get();
    tokio::task::spawn_blocking(move || publisher::run(&plan)).await??;
    let expected = options.connections as u64;
    // What does not come is reported as missing.
    let _ = until("the deliveries", DELIVER_WITHIN, || tally.deliveries.get() - seen >= expected).await;
    Ok((tally.deliveries.get() - seen, expected))
}
