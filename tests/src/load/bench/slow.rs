//! Whether readers that never read delay those that do: the same readers of one busy channel, alone, beside slow ones, and alone
//! again, all on one relay in one run.
//!
//! The slow ones subscribe over narrow sockets and read nothing any more. What the systems between hold is soon full, then the
//! relay's queue for them, and each is closed with 4413: the step beside them lasts until all are, and all of that lies in it.
//!
//! Limits: one core for the relay, loopback. The figures alone before and after are taken together: what the machine itself
//! does to a p99 within a minute is in them.

use super::backend::Backend;
use super::fan_out::SETTLE;
use super::fleet::Fleet;
use super::setting::Setting;
use super::wire;
use crate::load::metrics::{closed_with, scrape};
use crate::load::process::Process;
use anyhow::{Context as _, Result, ensure};
use hdrhistogram::Histogram;
use pulsewire_protocol::CloseCode;
use serde::Serialize;
use std::time::{Duration, Instant};

/// Readers that read.
pub const READERS: usize = 200;
/// Readers that do not.
pub const SLOW: usize = 50;
/// Publications a second, to all of them.
const PER_SECOND: f64 = 100.0;
/// Points of each, about 8 kB. Loopback holds some 2.5 MB for a narrow reader, then the relay 1 MiB: full within seconds.
const POINTS: usize = 512;
/// Until the last slow reader is closed, at most.
const CLOSED_WITHIN: Duration = Duration::from_secs(40);
/// So long the metrics are left alone.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What one run measured.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Slow {
    /// Half of the deliveries were faster without slow readers; from the moment each was due.
    pub alone_p50_ms: f64,
    /// 99 of 100 were.
    pub alone_p99_ms: f64,
    /// Half were faster beside slow readers.
    pub beside_p50_ms: f64,
    /// 99 of 100 were.
    pub beside_p99_ms: f64,
    /// Slow readers that the relay closed with 4413.
    pub closed: u64,
    /// From the first publication beside them to the last such close.
    pub closed_after_seconds: f64,
    /// What the relay's memory grew by beside them, at most.
    pub grown_bytes: f64,
}

/// One run.
///
/// # Errors
/// Where a delivery to one that reads is missing, or anything fails.
pub fn run(setting: &Setting) -> Result<Slow> {
    let origin = Instant::now();
    let relay = setting.relay(READERS + SLOW)?;
    let logins = (0..READERS).map(|number| setting.login(number, 0)).collect::<Result<Vec<_>>>()?;
    let fleet = Fleet::connect(relay.address, origin, &logins)?;
    let backend = Backend::connect(relay.address, origin, setting.backend_token()?, 0..1, POINTS)?;
    std::thread::sleep(SETTLE);
    let mut ward = Ward { relay, fleet, backend };
    ward.publish(2.0, |_| Ok(false)).context("warming up")?;
    let mut alone = ward.alone(setting.seconds).context("alone")?;
    let mut slow = Vec::with_capacity(SLOW);
    for number in 0..SLOW {
        let login = setting.login(READERS + number, 0)?;
        slow.push(wire::connect_over(wire::narrow(ward.relay.address)?, ward.relay.address, &login).context("a slow reader")?);
    }
    std::thread::sleep(SETTLE);
    let (before, start) = (ward.relay.used()?.resident_bytes, Instant::now());
    let (mut most, mut closed, mut closed_after_seconds) = (before, 0, 0.0);
    let address = ward.relay.address;
    let beside = ward.publish(CLOSED_WITHIN.as_secs_f64(), |relay: &Process| {
        most = most.max(relay.used()?.resident_bytes);
        closed = closed_with(&scrape(address)?, CloseCode::SLOW_CONSUMER);
        closed_after_seconds = start.elapsed().as_secs_f64();
        Ok(closed >= SLOW as u64 && closed_after_seconds >= setting.seconds)
    });
    let beside = beside.context("beside slow readers")?;
    drop(slow);
    std::thread::sleep(SETTLE);
    // As long as beside them: a longer time sees more of what the machine does by itself.
    alone.add(ward.alone(closed_after_seconds).context("alone again")?)?;
    ensure!(ward.fleet.lost() == 0, "{} readers that read were closed", ward.fleet.lost());
    let Ward { relay, fleet, backend } = ward;
    drop((fleet, backend));
    relay.stop()?;
    let ms = |histogram: &Histogram<u64>, quantile| histogram.value_at_quantile(quantile) as f64 / 1_000.0;
    Ok(Slow {
        alone_p50_ms: ms(&alone, 0.5),
        alone_p99_ms: ms(&alone, 0.99),
        beside_p50_ms: ms(&beside, 0.5),
        beside_p99_ms: ms(&beside, 0.99),
        closed,
        closed_after_seconds,
        grown_bytes: (most - before) as f64,
    })
}

/// A relay, those who read, and the publisher.
struct Ward {
    relay: Process,
    fleet: Fleet,
    backend: Backend,
}

impl Ward {
    /// How old deliveries were, published for so long.
    fn alone(&mut self, seconds: f64) -> Result<Histogram<u64>> {
        let start = Instant::now();
        self.publish(seconds, |_| Ok(start.elapsed().as_secs_f64() >= seconds))
    }

    /// Publishes until `done` says so, at most for so long; how old the deliveries were to those who read.
    fn publish(&mut self, seconds: f64, mut done: impl FnMut(&Process) -> Result<bool>) -> Result<Histogram<u64>> {
        drop(self.fleet.take_latency_us()?);
        let (before, start, mut sent) = (self.fleet.deliveries(), Instant::now(), 0);
        while start.elapsed().as_secs_f64() < seconds && !done(&self.relay)? {
            sent += self.backend.at_rate(PER_SECOND, LOOK_EVERY)?;
        }
        let expected = sent * READERS as u64;
        let came = self.fleet.wait_for(before + expected) - before;
        ensure!(came == expected, "{came} deliveries instead of {expected}, {} connections lost", self.fleet.lost());
        self.fleet.take_latency_us()
    }
}
