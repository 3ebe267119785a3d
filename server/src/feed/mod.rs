//! Data without devices: a recording played in a loop ([`replay`]) and a simulated ward ([`ward`]).
//!
//! Both are generators that are told the time and hand out events; [`run`] alone reads the clock and publishes them, by the
//! same path as the ingest endpoints. Samples travel as columns of one step, 80 ms: enough for a smooth line, few enough
//! messages for hundreds of viewers.

mod pattern;
pub mod replay;
mod run;
mod signals;
pub mod units;
pub mod ward;

pub use replay::{Recording, RecordingError, Replay};
pub use run::{FeedError, Feeds};
pub use ward::Ward;

use pulsewire_protocol::{Column, DeviceState, DeviceStatus, Payload, Series, SeriesMap, Telemetry, UnixMs};

/// How often samples are handed out, and so how much a column holds.
pub const STEP_MS: u64 = 80;
/// A feed that was not asked for longer than this (a suspended machine) goes on from now and leaves a gap.
const MAX_LAG_MS: f64 = 2_000.0;
/// How often a device's status is told again though nothing changed.
const STATUS_EVERY_MS: f64 = 30_000.0;

/// How long a day a device of a feed shall be worn: what compliance is measured against.
pub(crate) const TARGET_USE_MS_PER_DAY: u64 = 6 * 3_600_000;

/// One event that a feed wants published.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedEvent {
    /// The channel.
    pub channel: String,
    /// The event.
    pub payload: Payload,
}

/// A source of events. Times are Unix milliseconds and only rise.
pub trait Feed: Send {
    /// Everything from the last call up to now.
    fn advance(&mut self, now_ms: f64) -> Vec<FeedEvent>;
    /// The devices it speaks for.
    fn devices(&self) -> Vec<String>;
}

/// The points of one metric, as they are gathered.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Points {
    pub(crate) t: Vec<f64>,
    pub(crate) v: Vec<f64>,
}

impl Points {
    pub(crate) fn push(&mut self, t: f64, v: f64) {
        self.t.push(t);
        self.v.push(v);
    }
}

/// A `telemetry` event of all metrics that have points; `None` where none has.
pub(crate) fn telemetry<'m>(device: &str, metrics: impl IntoIterator<Item = (&'m str, Points)>) -> Option<FeedEvent> {
    let series: Vec<(String, Series)> = metrics
        .into_iter()
        .filter(|(_, points)| !points.t.is_empty())
        .map(|(metric, points)| {
            let unit = units::unit_of(metric).map(str::to_owned);
            (metric.to_owned(), Series { t: Column(points.t), v: Column(points.v), unit })
        })
        .collect();
    (!series.is_empty()).then(|| FeedEvent {
        channel: format!("device:{device}"),
        payload: Payload::Telemetry(Telemetry { device_id: device.to_owned(), series: SeriesMap(series) }),
    })
}

pub(crate) fn status(device: &str, status: DeviceState, battery: f64, now_ms: f64) -> FeedEvent {
    FeedEvent {
        channel: format!("device:{device}"),
        payload: Payload::DeviceStatus(DeviceStatus {
            device_id: device.to_owned(),
            status,
            // Two digits: a badge shows per cent, and a longer number would change with every message.
            battery: Some((battery.clamp(0.0, 1.0) * 100.0).round() / 100.0),
            last_seen: Some(UnixMs(now_ms.floor())),
        }),
    }
}
