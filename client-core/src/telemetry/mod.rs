//! The slice `telemetry`: a ring of the newest points for every device and metric.
//!
//! A ring is made with a metric's first point or with its first holder, whichever comes earlier, so that a chart opened
//! later finds what was there before it. It goes when its channel does, unless somebody holds it.

mod gaps;
mod lttb;
mod ring;
mod sort;

pub use gaps::{holes, usual_interval};
pub use lttb::decimate;
pub use ring::{MAX_CAPACITY, Ring, Taken};

use crate::config::TelemetryConfig;
use crate::table::Table;
use crate::time::Millis;
use pulsewire_protocol::Telemetry as TelemetryEvent;

/// Live becomes stale when the newest point is older than this, or than five usual intervals where these are longer.
const STALE_AFTER_MS: f64 = 5_000.0;
const STALE_AFTER_INTERVALS: f64 = 5.0;

/// Numbers of a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stats {
    /// The smallest value.
    pub min: f64,
    /// The largest value.
    pub max: f64,
    /// The mean value.
    pub mean: f64,
    /// The newest value.
    pub last: f64,
    /// The newest time.
    pub last_t: f64,
    /// How many points.
    pub count: usize,
}

/// How fresh a series is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// No point yet.
    Empty,
    /// Points come.
    Live,
    /// The connection is away, or the device is silent.
    Stale,
    /// Connected, and its channel is being restored.
    Backfilling,
}

impl Freshness {
    /// The word of the page's API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Live => "live",
            Self::Stale => "stale",
            Self::Backfilling => "backfilling",
        }
    }
}

/// One metric of one device.
#[derive(Clone, Debug)]
pub struct Series {
    metric: String,
    unit: Option<String>,
    unit_changes: u32,
    ring: Ring,
    version: u32,
    holders: u32,
}

impl Series {
    fn new(metric: &str, capacity: usize) -> Self {
        Self { metric: metric.to_owned(), unit: None, unit_changes: 0, ring: Ring::new(capacity), version: 0, holders: 0 }
    }
    /// The metric's name.
    pub fn metric(&self) -> &str {
        &self.metric
    }
    /// Its unit, where the device tells one.
    pub fn unit(&self) -> Option<&str> {
        self.unit.as_deref()
    }
    /// How often the unit changed (and wraps); 0 while there is none.
    pub fn unit_changes(&self) -> u32 {
        self.unit_changes
    }
    /// The times, strictly rising: a slice that stays where it is until the next input.
    pub fn times(&self) -> &[f64] {
        self.ring.times()
    }
    /// The values.
    pub fn values(&self) -> &[f64] {
        self.ring.values()
    }
    /// The most points it holds.
    pub fn capacity(&self) -> usize {
        self.ring.capacity()
    }
    /// Rises with every change (and wraps).
    pub fn version(&self) -> u32 {
        self.version
    }
    /// The indices i where a hole lies between i - 1 and i.
    pub fn holes(&self) -> Vec<u32> {
        holes(self.times())
    }
    /// At most so many points that keep the shape.
    pub fn decimated(&self, points: usize) -> (Vec<f64>, Vec<f64>) {
        decimate(self.times(), self.values(), points)
    }
    /// Numbers of the window; `None` while it is empty.
    pub fn stats(&self) -> Option<Stats> {
        let (last, last_t) = (*self.values().last()?, *self.times().last()?);
        let (mut min, mut max, mut sum) = (last, last, 0.0);
        for value in self.values() {
            min = value.min(min);
            max = value.max(max);
            sum += value;
        }
        let count = self.values().len();
        Some(Stats { min, max, mean: sum / count as f64, last, last_t, count })
    }
    /// Age of the newest point.
    pub fn age_ms(&self, unix_now: Millis) -> Option<f64> {
        Some((unix_now.0 as f64 - self.times().last()?).max(0.0))
    }
    pub(crate) fn freshness(&self, unix_now: Millis, connected: bool, restoring: bool) -> Freshness {
        let Some(age_ms) = self.age_ms(unix_now) else { return Freshness::Empty };
        let usual = usual_interval(self.times()).unwrap_or(0.0);
        if connected && restoring {
            Freshness::Backfilling
        } else if connected && age_ms <= STALE_AFTER_MS.max(usual * STALE_AFTER_INTERVALS) {
            Freshness::Live
        } else {
            Freshness::Stale
        }
    }
}

/// What an event changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TelemetryChange {
    pub(crate) points: bool,
    pub(crate) metrics: bool,
    /// A metric was not stored because there are too many rings.
    pub(crate) refused: bool,
}

/// Every ring of the page.
#[derive(Clone, Debug)]
pub struct Telemetry {
    config: TelemetryConfig,
    devices: Table<Vec<Series>>,
    series: usize,
    unreadable_points: u64,
    late_points: u64,
    refused_series: u64,
}

impl Telemetry {
    pub(crate) fn new(config: TelemetryConfig) -> Self {
        Self { config, devices: Table::default(), series: 0, unreadable_points: 0, late_points: 0, refused_series: 0 }
    }
    /// One metric of one device.
    pub fn series(&self, device: &str, metric: &str) -> Option<&Series> {
        self.devices.at(device)?.iter().find(|series| series.metric == metric)
    }
    /// The metrics of a device, in the order they were seen.
    pub fn metrics(&self, device: &str) -> impl Iterator<Item = &Series> {
        self.devices.at(device).into_iter().flatten()
    }
    /// Points skipped because they were no numbers.
    pub fn unreadable_points(&self) -> u64 {
        self.unreadable_points
    }
    /// Points that came after a full ring had moved on.
    pub fn late_points(&self) -> u64 {
        self.late_points
    }
    /// Metrics that were not stored because there were too many.
    pub fn refused_series(&self) -> u64 {
        self.refused_series
    }

    /// Takes the points of an event.
    pub(crate) fn handle_points(&mut self, event: &TelemetryEvent) -> TelemetryChange {
        let mut change = TelemetryChange::default();
        for (metric, points) in &event.series.0 {
            let known = self.series(&event.device_id, metric).is_some();
            let Some(series) = self.series_mut(&event.device_id, metric) else {
                change.refused = true;
                continue;
            };
            change.metrics |= !known;
            if points.unit.is_some() && series.unit != points.unit {
                series.unit.clone_from(&points.unit);
                series.unit_changes = series.unit_changes.wrapping_add(1);
                series.version = series.version.wrapping_add(1);
            }
            let taken = series.ring.extend(&points.t.0, &points.v.0);
            if taken.stored > 0 {
                series.version = series.version.wrapping_add(1);
                change.points = true;
            }
            self.unreadable_points += taken.unreadable as u64;
            self.late_points += taken.too_late as u64;
        }
        change
    }

    /// Somebody holds a ring; says whether it is there now (there may be too many).
    pub(crate) fn handle_hold(&mut self, device: &str, metric: &str, capacity: Option<usize>) -> bool {
        let Some(series) = self.series_mut(device, metric) else { return false };
        series.holders = series.holders.saturating_add(1);
        if let Some(capacity) = capacity {
            series.ring.grow(capacity);
        }
        true
    }
    /// Somebody let go of a ring. It stays while its channel does.
    pub(crate) fn handle_release(&mut self, device: &str, metric: &str) {
        if let Some(series) = self.devices.at_mut(device).and_then(|all| all.iter_mut().find(|series| series.metric == metric)) {
            series.holders = series.holders.saturating_sub(1);
        }
    }
    /// The channel of a device is gone: its rings go, but for those that are held. Says whether any went.
    pub(crate) fn forget(&mut self, device: &str) -> bool {
        let Some(all) = self.devices.at_mut(device) else { return false };
        let before = all.len();
        all.retain(|series| series.holders > 0);
        let (gone, empty) = (before - all.len(), all.is_empty());
        self.series -= gone;
        if empty {
            self.devices.remove(device);
        }
        gone > 0
    }
    /// Another user: every point goes, held rings stay (empty).
    pub(crate) fn clear(&mut self) {
        // A device without held rings keeps an empty list until its channel goes.
        self.series = 0;
        for (_, all) in self.devices.values_mut() {
            all.retain(|series| series.holders > 0);
            self.series += all.len();
            for series in all {
                series.ring.clear();
                series.version = series.version.wrapping_add(1);
            }
        }
    }

    /// The ring, made where there is none yet.
    fn series_mut(&mut self, device: &str, metric: &str) -> Option<&mut Series> {
        if self.series(device, metric).is_none() {
            if self.series >= self.config.max_series {
                self.refused_series += 1;
                return None;
            }
            let own = self.config.capacities.iter().find(|(name, _)| name == metric).map(|(_, capacity)| *capacity);
            let capacity = own.unwrap_or(self.config.capacity);
            self.devices.at_or_insert_with(device, Vec::new)?.push(Series::new(metric, capacity));
            self.series += 1;
        }
        self.devices.at_mut(device)?.iter_mut().find(|series| series.metric == metric)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulsewire_protocol::{Column, Series as WireSeries, SeriesMap};

    fn event(device: &str, metric: &str, times: &[f64]) -> TelemetryEvent {
        let column = Column(times.to_vec());
        let series = WireSeries { t: column.clone(), v: column, unit: Some("bpm".to_owned()) };
        TelemetryEvent { device_id: device.to_owned(), series: SeriesMap(vec![(metric.to_owned(), series)]) }
    }

    #[test]
    fn a_metric_gets_a_ring_of_its_configured_size_with_its_first_point() {
        let mut telemetry = Telemetry::new(TelemetryConfig { capacities: vec![("ecg".to_owned(), 3_600)], ..TelemetryConfig::default() });
        let change = telemetry.handle_points(&event("d", "ecg", &[1.0, 2.0]));
        assert_eq!(change, TelemetryChange { points: true, metrics: true, refused: false });
        assert!(!telemetry.handle_points(&event("d", "ecg", &[3.0])).metrics);
        telemetry.handle_points(&event("d", "hr", &[1.0]));
        let series = telemetry.series("d", "ecg").unwrap();
        assert_eq!((series.capacity(), series.times().len(), series.unit()), (3_600, 3, Some("bpm")));
        assert_eq!(telemetry.series("d", "hr").unwrap().capacity(), 100);
        assert_eq!(telemetry.metrics("d").map(Series::metric).collect::<Vec<_>>(), ["ecg", "hr"]);
    }

    #[test]
    fn the_numbers_of_a_window_are_those_of_its_points() {
        let mut telemetry = Telemetry::new(TelemetryConfig::default());
        telemetry.handle_points(&event("d", "hr", &[1.0, 2.0, 6.0]));
        let stats = telemetry.series("d", "hr").unwrap().stats().unwrap();
        assert_eq!(stats, Stats { min: 1.0, max: 6.0, mean: 3.0, last: 6.0, last_t: 6.0, count: 3 });
    }

    #[test]
    fn a_held_ring_survives_its_channel_and_an_unheld_one_goes() {
        let mut telemetry = Telemetry::new(TelemetryConfig::default());
        assert!(telemetry.handle_hold("d", "ecg", Some(3_600)));
        telemetry.handle_points(&event("d", "hr", &[1.0]));
        assert!(telemetry.forget("d"));
        assert!(telemetry.series("d", "hr").is_none());
        assert_eq!(telemetry.series("d", "ecg").unwrap().capacity(), 3_600);
        telemetry.handle_release("d", "ecg");
        assert!(telemetry.forget("d"));
        assert_eq!(telemetry.series, 0);
    }

    #[test]
    fn more_metrics_than_allowed_are_counted_and_not_stored() {
        let mut telemetry = Telemetry::new(TelemetryConfig { max_series: 1, ..TelemetryConfig::default() });
        telemetry.handle_points(&event("d", "hr", &[1.0]));
        assert!(telemetry.handle_points(&event("d", "ecg", &[1.0])).refused);
        assert!(!telemetry.handle_hold("d", "ppg", None));
        assert_eq!(telemetry.refused_series(), 2);
    }

    #[test]
    fn freshness_tells_live_from_stale_and_from_being_restored() {
        let mut telemetry = Telemetry::new(TelemetryConfig::default());
        telemetry.handle_hold("d", "hr", None);
        let fresh = |telemetry: &Telemetry, now, connected, restoring| {
            telemetry.series("d", "hr").unwrap().freshness(Millis(now), connected, restoring)
        };
        assert_eq!(fresh(&telemetry, 0, true, false), Freshness::Empty);
        telemetry.handle_points(&event("d", "hr", &[1_000.0, 2_000.0]));
        assert_eq!(fresh(&telemetry, 3_000, true, false), Freshness::Live);
        assert_eq!(fresh(&telemetry, 3_000, false, false), Freshness::Stale);
        assert_eq!(fresh(&telemetry, 3_000, true, true), Freshness::Backfilling);
        assert_eq!(fresh(&telemetry, 9_000, true, false), Freshness::Stale);
    }
}
