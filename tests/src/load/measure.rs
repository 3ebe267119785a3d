//! One run: baseline, connections, idle memory, deliveries, costs.

use super::driver::{Told, end, is_settled, start, until};
use super::options::Options;
use super::process::{Process, Usage, usage_of};
use super::publisher::{self, METRIC, Plan, Published};
use super::relay::{self, token};
use super::report::Report;
use anyhow::{Context as _, Result};
use hdrhistogram::Histogram;
use pulsewire_client_core::{ChannelEvent, Client, ClientEvent, ConnectionState};
use pulsewire_protocol::Payload;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Longer ones count as this.
const LONGEST_LATENCY_US: u64 = 60_000_000;
/// Until what was done last has come to rest: viewer counts are told once a second.
const SETTLE: Duration = Duration::from_millis(2_500);
const CONNECT_WITHIN: Duration = Duration::from_secs(60);
/// How long the last deliveries may take.
const DRAIN_WITHIN: Duration = Duration::from_secs(10);
/// What is published before anything counts: caches fill, buffers grow to their size.
const WARM_UP: Duration = Duration::from_secs(1);

/// What all clients tell, in one place: they run on one thread.
struct Tally {
    origin: Instant,
    latency_us: RefCell<Histogram<u64>>,
    deliveries: Cell<u64>,
    settled: Cell<usize>,
    trouble: RefCell<Option<String>>,
}

impl Tally {
    fn new() -> Result<Self> {
        Ok(Self {
            origin: Instant::now(),
            latency_us: RefCell::new(Histogram::new_with_max(LONGEST_LATENCY_US, 3)?),
            deliveries: Cell::new(0),
            settled: Cell::new(0),
            trouble: RefCell::new(None),
        })
    }
    fn clear(&self) {
        self.latency_us.borrow_mut().reset();
        self.deliveries.set(0);
    }
}

/// One client's share of it.
struct Listener {
    tally: Rc<Tally>,
    settled: bool,
}

impl Listener {
    fn new(tally: &Rc<Tally>) -> Self {
        Self { tally: Rc::clone(tally), settled: false }
    }
}

impl Told for Listener {
    fn handle_event(&mut self, event: &ChannelEvent) {
        let Payload::Telemetry(telemetry) = &event.publication.payload else { return };
        let Some((_, series)) = telemetry.series.0.iter().find(|(metric, _)| metric == METRIC) else { return };
        if event.replayed {
            return;
        }
        let now_us = self.tally.origin.elapsed().as_micros() as u64;
        let due_us = series.v.0.first().copied().unwrap_or_default() as u64;
        // Saturating: values over the histogram's range count as its largest.
        self.tally.latency_us.borrow_mut().saturating_record(now_us.saturating_sub(due_us));
        self.tally.deliveries.set(self.tally.deliveries.get() + 1);
    }
    fn handle_changed(&mut self, client: &Client) {
        let settled = is_settled(client);
        if settled != self.settled {
            self.settled = settled;
            let count = self.tally.settled.get();
            self.tally.settled.set(if settled { count + 1 } else { count - 1 });
        }
        let status = client.connection();
        if status.state == ConnectionState::Reconnecting || status.state == ConnectionState::Unauthorized {
            let text = format!("a client lost its connection: {status:?}");
            self.tally.trouble.borrow_mut().get_or_insert(text);
        }
    }
    fn handle_news(&mut self, news: &ClientEvent) {
        if let ClientEvent::Error { .. } | ClientEvent::Resync { .. } | ClientEvent::Unauthorized { .. } = news {
            self.tally.trouble.borrow_mut().get_or_insert(format!("{news:?}"));
        }
    }
}

/// Runs it all on this thread; publishing has its own.
pub fn run(options: &Options) -> Result<Report> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, measure(options))
}

async fn measure(options: &Options) -> Result<Report> {
    let relay = relay::start(&options.relay_bin, options.connections)?;
    let fresh = relay.usage()?;
    let tally = Rc::new(Tally::new()?);

    // One client and one publication first: what a relay loads once is not what a connection costs.
    let first = start(relay.address, usize::MAX, 0, Listener::new(&tally))?;
    until("the first connection", CONNECT_WITHIN, || tally.settled.get() == 1).await?;
    publish(plan(options, &relay, &tally, Duration::from_millis(200))?).await?;
    end(vec![first]).await?;
    tally.settled.set(0);
    tokio::time::sleep(SETTLE).await;
    let none = relay.usage()?;

    let connecting = Instant::now();
    let mut clients = Vec::with_capacity(options.connections);
    for number in 0..options.connections {
        until("a connection", CONNECT_WITHIN, || number < tally.settled.get() + options.opening).await?;
        clients.push(start(relay.address, number, number % options.channels, Listener::new(&tally))?);
    }
    until("connecting", CONNECT_WITHIN, || tally.settled.get() == options.connections).await.context(trouble(&tally))?;
    let connected_in = connecting.elapsed();
    let connected = relay.usage()?;
    tokio::time::sleep(SETTLE).await;
    let idle = relay.usage()?;

    deliver(options, &relay, &tally, WARM_UP).await?;
    tally.clear();
    let (before, own_before) = (relay.usage()?, usage_of(std::process::id())?);
    let publishing = Instant::now();
    let (published, expected) = deliver(options, &relay, &tally, Duration::from_secs_f64(options.seconds)).await?;
    let took = publishing.elapsed();
    let (after, own_after) = (relay.usage()?, usage_of(std::process::id())?);

    end(clients).await?;
    relay.stop()?;
    if let Some(trouble) = tally.trouble.borrow_mut().take() {
        eprintln!("pulsewire-load: {trouble}");
    }
    let costs = Costs { fresh, none, connect: connected.cpu_seconds - none.cpu_seconds, connected_in, idle, before, after };
    let own_cpu_seconds = own_after.cpu_seconds - own_before.cpu_seconds;
    let latency = tally.latency_us.borrow();
    Ok(Report::new(options, &costs, published, expected, tally.deliveries.get(), took, own_cpu_seconds, &latency))
}

/// What the relay used at each point of the run.
pub struct Costs {
    /// Just started.
    pub fresh: Usage,
    /// Warm, with no connection.
    pub none: Usage,
    /// CPU seconds of connecting all.
    pub connect: f64,
    /// How long connecting took.
    pub connected_in: Duration,
    /// With all connections, nothing published.
    pub idle: Usage,
    /// Before the measured publications.
    pub before: Usage,
    /// After the last delivery.
    pub after: Usage,
}

fn plan(options: &Options, relay: &Process, tally: &Tally, during: Duration) -> Result<Plan> {
    Ok(Plan {
        address: relay.address,
        token: token("load-publisher", Some("service"))?,
        via: options.via,
        devices: options.channels,
        publications: ((options.rate * during.as_secs_f64()).round() as u64).max(1),
        interval: Duration::from_secs_f64(1.0 / options.rate),
        points: options.points,
        origin: tally.origin,
    })
}

async fn publish(plan: Plan) -> Result<Published> {
    tokio::task::spawn_blocking(move || publisher::run(&plan)).await?
}

/// Publishes for so long and waits for the deliveries; gives how many there had to be.
async fn deliver(options: &Options, relay: &Process, tally: &Tally, during: Duration) -> Result<(Published, u64)> {
    let plan = plan(options, relay, tally, during)?;
    let seen = tally.deliveries.get();
    // Publication n goes to channel n modulo `channels`, connection i listens to channel i modulo `channels`.
    let share = |total: u64, index: u64| total / options.channels as u64 + u64::from(index < total % options.channels as u64);
    let expected: u64 =
        (0..options.channels as u64).map(|index| share(plan.publications, index) * share(options.connections as u64, index)).sum();
    let published = publish(plan).await?;
    // What does not come is reported as missing, not as a failure to measure.
    let _ = until("the last delivery", DRAIN_WITHIN, || tally.deliveries.get() - seen >= expected).await;
    Ok((published, expected))
}

fn trouble(tally: &Tally) -> String {
    tally.trouble.borrow().clone().unwrap_or_else(|| format!("{} clients were ready", tally.settled.get()))
}
