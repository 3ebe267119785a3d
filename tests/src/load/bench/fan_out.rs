//! The fan-out scenarios: CPU time per delivery at a steady rate, the most deliveries a second, and how old they come, each beside
//! the floor in the same run.

use super::backend::Backend;
use super::fleet::Fleet;
use super::floor::Order;
use super::setting::Setting;
use super::wire::{self, Login};
use crate::load::process::{Process, Used};
use anyhow::{Context as _, Result, ensure};
use hdrhistogram::Histogram;
use pulsewire_protocol::cbor;
use serde::Serialize;
use std::time::{Duration, Instant};

/// Until what was done last has come to rest: viewer counts are told once a second.
pub const SETTLE: Duration = Duration::from_millis(2_200);
/// Deliveries a second of the steady runs.
pub const STEADY_PER_SECOND: f64 = 40_000.0;

/// Who listens to what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Shape {
    /// Connections.
    pub subscribers: usize,
    /// Channels; connection i listens to channel i modulo this.
    pub channels: usize,
}

impl Shape {
    fn receivers(self) -> u64 {
        (self.subscribers / self.channels) as u64
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.channels {
            1 => write!(f, "one channel, {} subscribers", self.subscribers),
            channels => write!(f, "{channels} channels, {} subscribers each", self.receivers()),
        }
    }
}

/// What one run measured.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FanOut {
    /// CPU time of one delivery at the steady rate, in microseconds.
    pub steady_us: f64,
    /// The same of the floor.
    pub floor_us: f64,
    /// The most deliveries a second.
    pub most_per_second: f64,
    /// The same of the floor: one write each.
    pub floor_most_per_second: f64,
    /// How much of its core the relay had at the most.
    pub most_core: f64,
    /// Half were faster, at the steady rate; from the moment each was due.
    pub steady_p50_ms: f64,
    /// 99 of 100 were faster.
    pub steady_p99_ms: f64,
    /// At half of the most.
    pub half_p50_ms: f64,
    /// At half of the most.
    pub half_p99_ms: f64,
}

/// One run of one shape: the relay, then the floor.
///
/// # Errors
/// Where a delivery is missing, or anything fails: a figure of half a run is none.
pub fn run(setting: &Setting, shape: Shape) -> Result<FanOut> {
    let mut ward = Ward::open(setting, shape)?;
    ward.at_rate(STEADY_PER_SECOND, 1.0).context("warming up")?;
    let (steady_us, steady) = ward.at_rate(STEADY_PER_SECOND, setting.seconds).context("at the steady rate")?;
    let (most_per_second, most_core) = ward.at_most(setting.seconds).context("at the most")?;
    let (_, half) = ward.at_rate(most_per_second / 2.0, setting.seconds).context("at half of the most")?;
    ward.close()?;
    let (floor_us, floor_most_per_second) = floor(setting, shape)?;
    let ms = |histogram: &Histogram<u64>, quantile| histogram.value_at_quantile(quantile) as f64 / 1_000.0;
    Ok(FanOut {
        steady_us,
        floor_us,
        most_per_second,
        floor_most_per_second,
        most_core,
        steady_p50_ms: ms(&steady, 0.5),
        steady_p99_ms: ms(&steady, 0.99),
        half_p50_ms: ms(&half, 0.5),
        half_p99_ms: ms(&half, 0.99),
    })
}

/// Microseconds of CPU time for each delivery.
fn cpu_us(before: Used, after: Used, deliveries: u64) -> f64 {
    (after.cpu_seconds - before.cpu_seconds) * 1e6 / deliveries.max(1) as f64
}

/// A relay with its subscribers and its publisher.
struct Ward {
    shape: Shape,
    relay: Process,
    fleet: Fleet,
    backend: Backend,
}

impl Ward {
    fn open(setting: &Setting, shape: Shape) -> Result<Self> {
        let origin = Instant::now();
        let relay = setting.relay(shape.subscribers)?;
        let logins = (0..shape.subscribers).map(|number| setting.login(number, number % shape.channels));
        let fleet = Fleet::connect(relay.address, origin, &logins.collect::<Result<Vec<_>>>()?)?;
        let backend = Backend::connect(relay.address, origin, setting.backend_token()?, 0..shape.channels, wire::POINTS)?;
        std::thread::sleep(SETTLE);
        Ok(Self { shape, relay, fleet, backend })
    }

    /// Microseconds of the relay's CPU time for each delivery at so many a second, and how old they came.
    fn at_rate(&mut self, per_second: f64, seconds: f64) -> Result<(f64, Histogram<u64>)> {
        drop(self.fleet.take_latency_us()?);
        let (before, delivered) = (self.relay.used()?, self.fleet.deliveries());
        let sent = self.backend.at_rate(per_second / self.shape.receivers() as f64, Duration::from_secs_f64(seconds))?;
        let came = self.all_of(sent, delivered)?;
        Ok((cpu_us(before, self.relay.used()?, came), self.fleet.take_latency_us()?))
    }

    /// The most deliveries a second, and the share of its core that the relay had.
    fn at_most(&mut self, seconds: f64) -> Result<(f64, f64)> {
        // So far ahead that the relay always has work, and never so far that a queue overflows.
        let window = (128 * self.shape.channels as u64).min(1_000);
        let (before, delivered, start) = (self.relay.used()?, self.fleet.deliveries(), Instant::now());
        let sent = self.backend.at_most(&self.fleet, self.shape.receivers(), window, Duration::from_secs_f64(seconds))?;
        let came = self.all_of(sent, delivered)?;
        let took = start.elapsed().as_secs_f64();
        Ok((came as f64 / took, (self.relay.used()?.cpu_seconds - before.cpu_seconds) / took))
    }

    /// Waits until every one of so many publications has come everywhere.
    fn all_of(&self, sent: u64, delivered_before: u64) -> Result<u64> {
        let expected = sent * self.shape.receivers();
        let came = self.fleet.wait_for(delivered_before + expected) - delivered_before;
        ensure!(came == expected, "{came} deliveries instead of {expected}, {} connections lost", self.fleet.lost());
        Ok(came)
    }

    fn close(self) -> Result<()> {
        drop((self.fleet, self.backend));
        self.relay.stop()
    }
}

fn floor(setting: &Setting, shape: Shape) -> Result<(f64, f64)> {
    let mut floor = setting.floor(shape.subscribers)?;
    let fleet = Fleet::plain(floor.address, Instant::now(), shape.subscribers)?;
    ensure!(floor.line()? == "ready", "the floor did not take {} connections", shape.subscribers);
    let receivers = shape.receivers() as usize;
    let mut order = |per_second: f64, seconds: f64| -> Result<(f64, f64)> {
        let (before, delivered, start) = (floor.used()?, fleet.deliveries(), Instant::now());
        floor.say(&Order { per_second, receivers, frame_bytes: frame_bytes(), seconds }.to_string())?;
        let sent: u64 = floor.line()?.parse()?;
        let came = fleet.wait_for(delivered + sent) - delivered;
        let took = start.elapsed().as_secs_f64();
        ensure!(came == sent, "{came} deliveries of {sent} from the floor");
        Ok((cpu_us(before, floor.used()?, came), came as f64 / took))
    };
    order(STEADY_PER_SECOND, 1.0)?;
    let (steady_us, _) = order(STEADY_PER_SECOND, setting.seconds)?;
    let (_, most_per_second) = order(0.0, setting.seconds)?;
    Ok((steady_us, most_per_second))
}

/// What the relay sends for one publication: the header of the frame and the event.
fn frame_bytes() -> usize {
    let Some(Ok(pulsewire_protocol::ClientMessage::Publish(publish))) = cbor::decode_client(&wire::publish(1, 0, 0, wire::POINTS)).next()
    else {
        return 128;
    };
    let publication = pulsewire_protocol::Publication {
        offset: Some(1_000),
        first_offset: None,
        payload: publish.payload,
        ts: pulsewire_protocol::UnixMs::from_millis(1_790_000_000_000),
        from: None,
    };
    let event = pulsewire_protocol::Event { channel: publish.channel, publication };
    cbor::encode_server(&pulsewire_protocol::ServerMessage::Event(event)).len() + 4
}

/// A client that listens to channel number `index`.
pub fn login(token: String, index: usize) -> Login {
    Login { token, channels: vec![wire::channel(index)] }
}
