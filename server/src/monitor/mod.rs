//! The resource monitor (R12): samples what the relay uses, moves the breaker, and tells operators.
//!
//! Every `monitor.interval_ms` it reads the process ([`source`]), asks the relay for its connections and its bytes, and hands
//! the sample to the relay's [`Gate`](crate::overload::Gate). Where the breaker opens or closes it logs, and tells the
//! `admin` channel of each tenant in which somebody listens to it: `admin` belongs to a tenant, and a channel that nobody
//! holds would be kept for nothing.

pub mod cgroup;
pub mod source;

use crate::auth::Publisher;
use crate::observe::faults::fault;
use crate::observe::metrics::Door;
use crate::overload::Change;
use crate::overload::breaker::State;
use crate::overload::load::{Sample, Use, uses};
use crate::relay::Relay;
use pulsewire_protocol::{ChannelName, Payload, RawJson};
use serde::Serialize;
use source::{Reading, Source};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

/// The event on `admin`.
pub const EVENT: &str = "relay_overload";
/// Its channel.
const CHANNEL: &str = "admin";

/// What is told on `admin`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    node: &'a str,
    state: &'static str,
    /// What is over its threshold; empty where the breaker closed.
    over: &'a [Use],
}

/// Rates need the sample before.
#[derive(Clone, Copy)]
struct Before {
    at: Instant,
    cpu_seconds: Option<f64>,
    bytes: (u64, u64),
}

/// Samples until `stop`.
pub async fn run(relay: Relay, source: Arc<dyn Source>, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(Duration::from_millis(relay.config().monitor.interval_ms.max(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut before = None;
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let reader = Arc::clone(&source);
        // Ten thousand open files take a while to count.
        match tokio::task::spawn_blocking(move || reader.read()).await {
            Ok(reading) => {
                let sample = sample(&relay, reading, &mut before);
                handle_sample(&relay, &sample).await;
            }
            Err(error) => fault!(error, System, %error, "the process could not be measured"),
        }
    }
}

fn sample(relay: &Relay, reading: Reading, before: &mut Option<Before>) -> Sample {
    let now = Before { at: Instant::now(), cpu_seconds: reading.cpu_seconds, bytes: relay.metrics().bytes() };
    let elapsed = before.map(|before| now.at.duration_since(before.at).as_secs_f64()).filter(|elapsed| *elapsed > 0.0);
    let rate = |of: fn(&Before) -> Option<f64>| {
        let (then, elapsed) = before.as_ref().zip(elapsed)?;
        Some((of(&now)? - of(then)?).max(0.0) / elapsed)
    };
    let sample = Sample {
        connections: relay.hub().connection_count() as u64,
        resident_bytes: reading.resident_bytes,
        memory_limit_bytes: reading.memory_limit_bytes,
        cores_used: rate(|at| at.cpu_seconds),
        cores_allowed: reading.cores_allowed,
        open_fds: reading.open_fds,
        max_fds: reading.max_fds,
        bytes_in_per_second: rate(|at| Some(at.bytes.0 as f64)),
        bytes_out_per_second: rate(|at| Some(at.bytes.1 as f64)),
    };
    *before = Some(now);
    sample
}

async fn handle_sample(relay: &Relay, sample: &Sample) {
    let config = relay.config();
    let uses = uses(sample, config.limits.connections, &config.monitor);
    let change = relay.gate().handle_sample(&uses);
    let state = relay.gate().state();
    relay.metrics().load_sampled(sample, &uses, state);
    let Some(Change { from, to }) = change else { return };
    relay.metrics().breaker_changed(to);
    let over: Vec<Use> = uses.into_iter().filter(Use::is_over).collect();
    match to {
        State::Open { .. } => {
            let shown: Vec<String> = over.iter().map(ToString::to_string).collect();
            let over_what = shown.join(", ");
            fault!(error, Limits, over = over_what, "overloaded: new connections are asked to come back later");
            // Back from half-open: nobody was told that it had closed.
            if matches!(from, State::Closed { .. }) {
                tell(relay, "open", &over).await;
            }
        }
        State::HalfOpen { .. } => {
            fault!(warning, Limits, "the overload may be over: a few new connections are let in");
        }
        State::Closed { .. } => {
            fault!(warning, Limits, "the overload is over: everybody is let in again");
            tell(relay, "closed", &[]).await;
        }
    }
}

async fn tell(relay: &Relay, state: &'static str, over: &[Use]) {
    let data = match RawJson::from_value(&Told { node: relay.node(), state, over }) {
        Ok(data) => data,
        Err(error) => return fault!(error, Internal, %error, "the overload cannot be told on admin"),
    };
    let Ok(channel) = ChannelName::parse(CHANNEL) else { return };
    for tenant in relay.hub().tenants_listening(&channel) {
        let payload = Payload::Custom { event: EVENT.to_owned(), data: data.clone() };
        match relay.publish(Publisher::System { tenant: &tenant }, CHANNEL, payload, None).await {
            Ok(_) => relay.metrics().events_in(Door::Relay, 1),
            Err(error) => fault!(error, Broker, %tenant, %error, "the overload could not be told on admin"),
        }
    }
}
