//! Relays that share a Redis: what a publication costs each of them and Redis, what a delivery costs with two relays beside one, and how
//! old it comes by way of the publisher's own relay and of another one.
//!
//! Limits: relays and Redis have one core together, and no network between them, so the latencies are those of a core that is shared,
//! and the CPU times are what to plan by.

use super::backend::Backend;
use super::fan_out::SETTLE;
use super::fleet::Fleet;
use super::redis::Redis;
use super::setting::Setting;
use super::wire;
use crate::load::metrics::scrape;
use crate::load::process::Process;
use anyhow::{Context as _, Result, ensure};
use hdrhistogram::Histogram;
use serde::Serialize;
use std::time::{Duration, Instant};

/// Publications a second where they are what is measured.
pub const PUBLICATIONS: u32 = 1_000;
/// Subscribers of one channel where deliveries are.
pub const SUBSCRIBERS: usize = 500;
/// Deliveries a second to all of them.
pub const STEADY: u32 = 20_000;

/// What one run measured.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Nodes {
    /// CPU time of a publication on a relay with its broker in memory, in microseconds.
    pub memory_us: f64,
    /// The same of the relay that is given it, on Redis.
    pub publisher_us: f64,
    /// The same of a relay that hears of it and has one subscriber.
    pub listener_us: f64,
    /// The same of Redis.
    pub redis_us: f64,
    /// CPU time of a delivery, on one relay on Redis.
    pub one_us: f64,
    /// The same on two, half of the subscribers at each.
    pub two_us: f64,
    /// Half were faster, on a relay with its broker in memory; from the moment each was due.
    pub memory_p50_ms: f64,
    /// 99 of 100 were.
    pub memory_p99_ms: f64,
    /// Half were faster at the relay that was given them.
    pub same_p50_ms: f64,
    /// 99 of 100 were.
    pub same_p99_ms: f64,
    /// Half were faster at the other one.
    pub other_p50_ms: f64,
    /// 99 of 100 were.
    pub other_p99_ms: f64,
}

/// What one step used, by relay, in microseconds of CPU time, and how old deliveries came.
struct Step {
    publications: f64,
    deliveries: f64,
    relays_us: Vec<f64>,
    redis_us: f64,
    latencies_us: Vec<Histogram<u64>>,
}

impl Step {
    fn relays_us(&self) -> f64 {
        self.relays_us.iter().sum()
    }
    fn of_relay(&self, number: usize) -> f64 {
        self.relays_us.get(number).copied().unwrap_or(f64::NAN)
    }
    fn ms(&self, number: usize, quantile: f64) -> f64 {
        self.latencies_us.get(number).map_or(f64::NAN, |latencies| latencies.value_at_quantile(quantile) as f64 / 1_000.0)
    }
}

/// One run.
///
/// # Errors
/// Where a delivery is missing, or anything fails.
pub fn run(setting: &Setting) -> Result<Nodes> {
    let redis = Redis::start(setting.cores)?;
    let (publications, steady) = (f64::from(PUBLICATIONS), f64::from(STEADY) / SUBSCRIBERS as f64);
    let memory = step(setting, None, &[1], publications).context("publications, in memory")?;
    let shared = step(setting, Some(&redis), &[0, 1], publications).context("publications, on Redis")?;
    let alone = step(setting, None, &[SUBSCRIBERS], steady).context("deliveries, in memory")?;
    let one = step(setting, Some(&redis), &[SUBSCRIBERS], steady).context("deliveries, one relay on Redis")?;
    let two = step(setting, Some(&redis), &[SUBSCRIBERS / 2, SUBSCRIBERS / 2], steady).context("deliveries, two relays on Redis")?;
    Ok(Nodes {
        memory_us: memory.relays_us() / memory.publications,
        publisher_us: shared.of_relay(0) / shared.publications,
        listener_us: shared.of_relay(1) / shared.publications,
        redis_us: shared.redis_us / shared.publications,
        one_us: one.relays_us() / one.deliveries,
        two_us: two.relays_us() / two.deliveries,
        memory_p50_ms: alone.ms(0, 0.5),
        memory_p99_ms: alone.ms(0, 0.99),
        same_p50_ms: two.ms(0, 0.5),
        same_p99_ms: two.ms(0, 0.99),
        other_p50_ms: two.ms(1, 0.5),
        other_p99_ms: two.ms(1, 0.99),
    })
}

/// Publishes at the first of as many relays as there are numbers of subscribers, all of one channel.
fn step(setting: &Setting, redis: Option<&Redis>, subscribers: &[usize], per_second: f64) -> Result<Step> {
    let origin = Instant::now();
    let mut parts: Vec<(Process, Fleet)> = Vec::new();
    for (number, count) in subscribers.iter().enumerate() {
        let environment = redis.map(|redis| ("PULSEWIRE_REDIS_URL", redis.url()));
        let own: Vec<_> = environment.into_iter().chain([("PULSEWIRE_NODE", format!("bench-{number}"))]).collect();
        let relay = setting.relay_with(*count, &own)?;
        if redis.is_some() {
            until_ready(&relay)?;
        }
        let logins = (0..*count).map(|login| setting.login(number * SUBSCRIBERS + login, 0)).collect::<Result<Vec<_>>>()?;
        let fleet = Fleet::connect(relay.address, origin, &logins)?;
        parts.push((relay, fleet));
    }
    let (first, _) = parts.first().context("a step without relays")?;
    let mut backend = Backend::connect(first.address, origin, setting.backend_token()?, 0..1, wire::POINTS)?;
    std::thread::sleep(SETTLE);
    publish(&mut backend, &parts, subscribers, per_second, 1.0).context("warming up")?;
    for (_, fleet) in &parts {
        drop(fleet.take_latency_us()?);
    }
    let cpu = || -> Result<Vec<f64>> { parts.iter().map(|(relay, _)| Ok(relay.used()?.cpu_seconds)).collect() };
    let of_redis = || redis.map_or(Ok(0.0), |redis| redis.used().map(|used| used.cpu_seconds));
    let (before, redis_before) = (cpu()?, of_redis()?);
    let sent = publish(&mut backend, &parts, subscribers, per_second, setting.seconds)?;
    let (after, redis_after) = (cpu()?, of_redis()?);
    let step = Step {
        publications: sent as f64,
        deliveries: sent as f64 * subscribers.iter().sum::<usize>() as f64,
        relays_us: before.iter().zip(after).map(|(before, after)| (after - before) * 1e6).collect(),
        redis_us: (redis_after - redis_before) * 1e6,
        latencies_us: parts.iter().map(|(_, fleet)| fleet.take_latency_us()).collect::<Result<_>>()?,
    };
    drop(backend);
    for (relay, fleet) in parts {
        drop(fleet);
        relay.stop()?;
    }
    Ok(step)
}

/// Publishes for so long, and waits until every one has come everywhere.
fn publish(backend: &mut Backend, parts: &[(Process, Fleet)], subscribers: &[usize], per_second: f64, seconds: f64) -> Result<u64> {
    let before: Vec<u64> = parts.iter().map(|(_, fleet)| fleet.deliveries()).collect();
    let sent = backend.at_rate(per_second, Duration::from_secs_f64(seconds))?;
    for (((_, fleet), count), before) in parts.iter().zip(subscribers).zip(before) {
        let expected = sent * *count as u64;
        let came = fleet.wait_for(before + expected) - before;
        ensure!(came == expected, "{came} deliveries instead of {expected}, {} connections lost", fleet.lost());
    }
    Ok(sent)
}

/// A relay on Redis listens before it has reached Redis.
fn until_ready(relay: &Process) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(10);
    while scrape(relay.address)?.get("broker_ready") != Some(&1.0) {
        ensure!(Instant::now() < deadline, "the relay does not become ready: is Redis there?");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
