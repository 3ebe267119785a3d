//! How good the connection is (row C11): round trips, uptime, traffic, and one word for all of it.
//!
//! Fixed windows: the last 32 round trips (of heartbeats, pings and welcomes: some 15 minutes), the last 10 s of traffic, the last
//! three losses. Nothing in here decides anything; it is read when somebody asks.
//!
//! The grade: `offline` where nothing is connected; `poor` while polling, from 1 s of p95, or with three losses in five minutes;
//! `fair` from 300 ms of p95 or 100 ms of jitter, or with a loss in the last minute; `good` otherwise.

use crate::client::Client;
use crate::status::ConnectionState;
use crate::time::Millis;

/// Round trips kept.
const ROUND_TRIPS: usize = 32;
/// The window of traffic, in buckets of a second.
const SECONDS: usize = 10;
/// Losses kept.
const LOSSES: usize = 3;
const RECENT_LOSS_MS: u64 = 60_000;
const MANY_LOSSES_MS: u64 = 300_000;
const SLOW_MS: u32 = 300;
const VERY_SLOW_MS: u32 = 1_000;
const UNSTEADY_MS: f64 = 100.0;

/// What there is of a connection at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Link {
    /// Nothing is wanted: never started, closed, signed out.
    #[default]
    Resting,
    /// Wanted, and not there.
    Down,
    /// Reads by HTTP.
    Polling,
    /// Welcomed.
    Up,
}

/// One word for all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grade {
    /// As it should be.
    Good,
    /// Slow, unsteady, or lost a moment ago.
    Fair,
    /// Very slow, degraded, or lost again and again.
    Poor,
    /// Not connected.
    Offline,
}

impl Grade {
    /// The word of the page's API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Fair => "fair",
            Self::Poor => "poor",
            Self::Offline => "offline",
        }
    }
}

/// The measures at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quality {
    /// One word for all of it.
    pub grade: Grade,
    /// The newest round trip.
    pub latency_ms: Option<u32>,
    /// Half of the round trips took no longer.
    pub latency_p50_ms: Option<u32>,
    /// Nineteen of twenty took no longer.
    pub latency_p95_ms: Option<u32>,
    /// How much one round trip differs from the one before it, on average.
    pub jitter_ms: f64,
    /// The share of the time since the start, while a connection was wanted, in which there was one (or polling): 0 to 1.
    pub uptime: f64,
    /// Messages received per second, over the last 10 s.
    pub messages_per_second: f64,
    /// Bytes received per second, over the last 10 s.
    pub bytes_per_second: f64,
}

/// The windows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measures {
    /// Oldest first.
    round_trips: Vec<u32>,
    /// Messages and bytes of the seconds that end with `second`.
    traffic: [(u64, u64); SECONDS],
    second: u64,
    /// Oldest first.
    losses: Vec<Millis>,
    link: Link,
    link_since: Millis,
    up_ms: u64,
    wanted_ms: u64,
}

impl Measures {
    pub(crate) fn handle_round_trip(&mut self, ms: u64) {
        if self.round_trips.len() >= ROUND_TRIPS {
            self.round_trips.remove(0);
        }
        self.round_trips.push(u32::try_from(ms).unwrap_or(u32::MAX));
    }
    /// A frame came.
    pub(crate) fn handle_traffic(&mut self, now: Millis, messages: u64, bytes: u64) {
        self.run_clock(now);
        if let Some(bucket) = self.traffic.get_mut((self.second % SECONDS as u64) as usize) {
            bucket.0 += messages;
            bucket.1 += bytes;
        }
    }
    /// Empties the seconds that are over.
    fn run_clock(&mut self, now: Millis) {
        let second = now.0 / 1_000;
        for passed in 1..=second.saturating_sub(self.second).min(SECONDS as u64) {
            if let Some(bucket) = self.traffic.get_mut(((self.second + passed) % SECONDS as u64) as usize) {
                *bucket = (0, 0);
            }
        }
        self.second = self.second.max(second);
    }
    /// The connection may have changed.
    pub(crate) fn handle_link(&mut self, now: Millis, link: Link) {
        if link == self.link {
            return;
        }
        let (up_ms, wanted_ms) = self.times(now);
        (self.up_ms, self.wanted_ms) = (up_ms, wanted_ms);
        if self.link == Link::Up && link != Link::Resting {
            if self.losses.len() >= LOSSES {
                self.losses.remove(0);
            }
            self.losses.push(now);
        }
        (self.link, self.link_since) = (link, now);
    }
    fn times(&self, now: Millis) -> (u64, u64) {
        let passed = now.since(self.link_since);
        let add = |counts: bool| if counts { passed } else { 0 };
        (self.up_ms + add(matches!(self.link, Link::Up | Link::Polling)), self.wanted_ms + add(self.link != Link::Resting))
    }
    /// The smallest round trip that `share` percent of all do not exceed.
    fn percentile(&self, share: usize) -> Option<u32> {
        let needed = (self.round_trips.len() * share).div_ceil(100);
        let covers = |limit: u32| self.round_trips.iter().filter(|one| **one <= limit).count() >= needed;
        self.round_trips.iter().copied().filter(|one| covers(*one)).min()
    }
    fn jitter_ms(&self) -> f64 {
        let mut before = None;
        let (mut sum, mut count) = (0.0, 0.0);
        for one in &self.round_trips {
            if let Some(before) = before.replace(*one) {
                sum += f64::from(one.abs_diff(before));
                count += 1.0;
            }
        }
        if count > 0.0 { sum / count } else { 0.0 }
    }
    /// The measures now.
    pub(crate) fn quality(&self, now: Millis) -> Quality {
        let mut traffic = self.clone();
        traffic.run_clock(now);
        let (mut messages, mut bytes) = (0, 0);
        for bucket in traffic.traffic {
            messages += bucket.0;
            bytes += bucket.1;
        }
        let (up_ms, wanted_ms) = self.times(now);
        let (p95, jitter_ms) = (self.percentile(95), self.jitter_ms());
        let lost_within = |ms: u64| self.losses.iter().filter(|at| now.since(**at) < ms).count();
        let slower_than = |ms: u32| p95.is_some_and(|p95| p95 >= ms);
        let grade = match self.link {
            Link::Resting | Link::Down => Grade::Offline,
            Link::Polling => Grade::Poor,
            Link::Up if slower_than(VERY_SLOW_MS) || lost_within(MANY_LOSSES_MS) >= LOSSES => Grade::Poor,
            Link::Up if slower_than(SLOW_MS) || jitter_ms >= UNSTEADY_MS || lost_within(RECENT_LOSS_MS) > 0 => Grade::Fair,
            Link::Up => Grade::Good,
        };
        Quality {
            grade,
            latency_ms: self.round_trips.last().copied(),
            latency_p50_ms: self.percentile(50),
            latency_p95_ms: p95,
            jitter_ms,
            uptime: if wanted_ms == 0 { 0.0 } else { up_ms as f64 / wanted_ms as f64 },
            messages_per_second: messages as f64 / SECONDS as f64,
            bytes_per_second: bytes as f64 / SECONDS as f64,
        }
    }
}

impl Client {
    /// How good the connection is, at a moment of the monotonic clock.
    pub fn quality(&self, monotonic_now: Millis) -> Quality {
        self.measures.quality(monotonic_now)
    }
    pub(crate) fn measure_link(&mut self) {
        let link = match self.status.state {
            ConnectionState::Connected => Link::Up,
            ConnectionState::Polling => Link::Polling,
            ConnectionState::Connecting | ConnectionState::Reconnecting => Link::Down,
            _ => Link::Resting,
        };
        self.measures.handle_link(self.now.monotonic, link);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn up() -> Measures {
        let mut measures = Measures::default();
        measures.handle_link(Millis(0), Link::Up);
        measures
    }
    fn of(round_trips: &[u64]) -> Measures {
        let mut measures = up();
        for ms in round_trips {
            measures.handle_round_trip(*ms);
        }
        measures
    }

    #[test]
    fn percentiles_and_jitter_are_of_the_last_32_round_trips() {
        let mut all = vec![9_000; 10];
        all.extend(1..=32);
        let quality = of(&all).quality(Millis(0));
        assert_eq!((quality.latency_ms, quality.latency_p50_ms, quality.latency_p95_ms), (Some(32), Some(16), Some(31)));
        assert_eq!(quality.jitter_ms, 1.0);
        let nothing = Measures::default().quality(Millis(5));
        assert_eq!((nothing.latency_ms, nothing.latency_p50_ms, nothing.jitter_ms, nothing.uptime), (None, None, 0.0, 0.0));
        assert_eq!(of(&[7]).quality(Millis(0)).latency_p95_ms, Some(7));
    }

    #[test]
    fn uptime_counts_only_while_a_connection_is_wanted() {
        let mut measures = Measures::default();
        for (at, link) in [(1_000, Link::Down), (2_000, Link::Up), (5_000, Link::Resting), (90_000, Link::Down), (91_000, Link::Polling)] {
            measures.handle_link(Millis(at), link);
        }
        // Wanted 4 s and 6 s, of which there were 3 and 5.
        assert_eq!(measures.quality(Millis(96_000)).uptime, 0.8);
    }

    #[test]
    fn traffic_is_that_of_the_last_10_s() {
        let mut measures = up();
        for second in 0..20 {
            measures.handle_traffic(Millis(second * 1_000), 2, 300);
        }
        let quality = measures.quality(Millis(19_500));
        assert_eq!((quality.messages_per_second, quality.bytes_per_second), (2.0, 300.0));
        assert_eq!(measures.quality(Millis(24_500)).messages_per_second, 1.0);
        assert_eq!(measures.quality(Millis(99_000)).messages_per_second, 0.0);
    }

    #[test]
    fn the_grade_follows_what_the_module_says() {
        let grade = |measures: &Measures, now| measures.quality(Millis(now)).grade;
        assert_eq!(grade(&of(&[299; 9]), 0), Grade::Good);
        assert_eq!(grade(&of(&[300; 9]), 0), Grade::Fair);
        assert_eq!(grade(&of(&[1_000; 9]), 0), Grade::Poor);
        assert_eq!(grade(&of(&[10, 150, 10, 150]), 0), Grade::Fair);
        let mut measures = up();
        for loss in 1..=3 {
            measures.handle_link(Millis(loss * 100_000), Link::Down);
            assert_eq!(grade(&measures, loss * 100_000), Grade::Offline);
            measures.handle_link(Millis(loss * 100_000 + 1), Link::Up);
            let expected = if loss < 3 { Grade::Fair } else { Grade::Poor };
            assert_eq!(grade(&measures, loss * 100_000 + 59_999), expected);
        }
        assert_eq!(grade(&measures, 399_999), Grade::Poor);
        assert_eq!(grade(&measures, 400_000), Grade::Good);
        measures.handle_link(Millis(500_000), Link::Polling);
        assert_eq!(grade(&measures, 500_000), Grade::Poor);
    }

    proptest! {
        #[test]
        fn windows_stay_bounded_and_percentiles_are_those_of_a_sorted_list(
            round_trips in proptest::collection::vec(0..5_000u64, 1..100),
            frames in proptest::collection::vec((0..30_000u64, 1..9u64), 0..200),
        ) {
            let mut measures = of(&round_trips);
            let mut now = 0;
            for (wait, messages) in frames {
                now += wait;
                measures.handle_traffic(Millis(now), messages, messages * 10);
                measures.handle_link(Millis(now), if messages % 2 == 0 { Link::Up } else { Link::Down });
            }
            prop_assert!(measures.round_trips.len() <= ROUND_TRIPS && measures.losses.len() <= LOSSES);
            let mut sorted: Vec<u64> = round_trips.iter().rev().take(ROUND_TRIPS).copied().collect();
            sorted.sort_unstable();
            let rank = |share: usize| sorted[(sorted.len() * share).div_ceil(100) - 1] as u32;
            let quality = measures.quality(Millis(now));
            prop_assert_eq!((quality.latency_p50_ms, quality.latency_p95_ms), (Some(rank(50)), Some(rank(95))));
            prop_assert!((0.0..=1.0).contains(&quality.uptime));
        }
    }
}
