//! Usage sessions of one device, found from the times of its points (D4).
//!
//! Pure, and a function of the *set* of points: the order in which they come changes nothing.
//!
//! - Time counts in whole seconds. A second in which a point says so (`inUse` 0) is *stopped*, else one with a point is *used*.
//! - A session is a run of used seconds with no gap over [`IDLE_S`] and no stop in between. It ends with the stop, where one comes
//!   within that time, else one second after its last used one.
//! - A point may come late by so much as the caller says when it settles ([`Finder::settle`]); what is older is passed over.
//!
//! Seconds that stand side by side are kept as one run, so a device that sends all the time costs a few numbers, and one that sends now
//! and then at most one for each second that is not settled.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A gap longer than this ends a session.
pub const IDLE_S: u64 = 300;

/// One session, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The first second of use.
    pub from_s: u64,
    /// The first second behind it, as far as is known.
    pub to_s: u64,
    /// Whether it is over.
    pub ended: bool,
}

/// Seconds as runs: first and last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Runs(BTreeMap<u64, u64>);

impl Runs {
    fn holds(&self, second: u64) -> bool {
        self.0.range(..=second).next_back().is_some_and(|(_, last)| *last >= second)
    }

    /// Whether it was not there.
    fn add(&mut self, second: u64) -> bool {
        if self.holds(second) {
            return false;
        }
        let mut last = second;
        if let Some(joined) = self.0.remove(&second.saturating_add(1)) {
            last = joined;
        }
        match self.0.range_mut(..second).next_back() {
            Some((_, end)) if end.saturating_add(1) == second => *end = last,
            _ => drop(self.0.insert(second, last)),
        }
        true
    }

    /// Takes out what lies at or before that second.
    fn take_to(&mut self, second: u64) -> Self {
        let mut taken = std::mem::take(&mut self.0);
        self.0 = taken.split_off(&second.saturating_add(1));
        if let Some(mut last) = taken.last_entry()
            && *last.get() > second
        {
            let end = std::mem::replace(last.get_mut(), second);
            self.0.insert(second.saturating_add(1), end);
        }
        Self(taken)
    }
}

/// Where the walk through the seconds stands: the session under way, its first and its last used second.
type Open = Option<(u64, u64)>;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finder {
    open: Open,
    /// Up to here nothing changes any more.
    settled_s: u64,
    used: Runs,
    stopped: Runs,
}

impl Finder {
    /// A point; whether it changes anything. One that is too late does not.
    pub fn add(&mut self, second: u64, in_use: bool) -> bool {
        second > self.settled_s && if in_use { self.used.add(second) } else { self.stopped.add(second) }
    }

    /// Nothing that is this old changes any more; gives the sessions that ended by then, for ever.
    pub fn settle(&mut self, settled_s: u64) -> Vec<Session> {
        if settled_s <= self.settled_s {
            return Vec::new();
        }
        self.settled_s = settled_s;
        let (used, stopped) = (self.used.take_to(settled_s), self.stopped.take_to(settled_s));
        let mut ended = Vec::new();
        self.open = walk(self.open, &used, &stopped, &mut ended);
        // What comes later is behind the settled seconds.
        if let Some((from_s, last_s)) = self.open
            && settled_s.saturating_sub(last_s) > IDLE_S
        {
            ended.push(Session { from_s, to_s: last_s.saturating_add(1), ended: true });
            self.open = None;
        }
        ended
    }

    /// The sessions that are not settled, oldest first; the last one may be under way.
    pub fn sessions(&self, now_s: u64) -> Vec<Session> {
        let mut sessions = Vec::new();
        if let Some((from_s, last_s)) = walk(self.open, &self.used, &self.stopped, &mut sessions) {
            sessions.push(Session { from_s, to_s: last_s.saturating_add(1), ended: now_s.saturating_sub(last_s) > IDLE_S });
        }
        sessions
    }

    /// Every second that is not settled.
    pub fn seconds(&self, mut see: impl FnMut(u64, bool)) {
        for (runs, in_use) in [(&self.used, true), (&self.stopped, false)] {
            runs.0.iter().flat_map(|(first, last)| *first..=*last).for_each(|second| see(second, in_use));
        }
    }

    /// Whether there is nothing to be told of it any more.
    pub fn is_idle(&self) -> bool {
        self.open.is_none() && self.used.0.is_empty() && self.stopped.0.is_empty()
    }
}

/// Goes on from a session under way through these seconds, in order; puts aside those that end.
fn walk(mut open: Open, used: &Runs, stopped: &Runs, ended: &mut Vec<Session>) -> Open {
    let mut stops = stopped.0.iter().map(|(first, last)| (*first, *last)).peekable();
    let mut end = |open: &mut Open, stop: Option<u64>| {
        if let Some((from_s, last_s)) = open.take() {
            let to_s = stop.filter(|stop| stop.saturating_sub(last_s) <= IDLE_S).unwrap_or(last_s.saturating_add(1));
            ended.push(Session { from_s, to_s, ended: true });
        }
    };
    for (&first, &last) in &used.0 {
        let mut next = first;
        while next <= last {
            // Stops before it, or over its beginning.
            while let Some((stop, stop_last)) = stops.peek().copied().filter(|(stop, _)| *stop <= next) {
                end(&mut open, Some(stop));
                if stop_last >= next {
                    next = stop_last.saturating_add(1);
                }
                if stop_last > last {
                    break;
                }
                stops.next();
            }
            if next > last {
                break;
            }
            if open.is_some_and(|(_, seen)| next.saturating_sub(seen) > IDLE_S) {
                end(&mut open, None);
            }
            let until = stops.peek().map_or(last, |(stop, _)| last.min(stop.saturating_sub(1)));
            open = Some((open.map_or(next, |(from, _)| from), until));
            next = until.saturating_add(1);
        }
    }
    for (stop, _) in stops {
        end(&mut open, Some(stop));
    }
    open
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// From scratch: second by second through everything that ever came.
    fn from_scratch(points: &[(u64, bool)], now_s: u64) -> Vec<Session> {
        let stopped: BTreeSet<u64> = points.iter().filter(|(_, in_use)| !in_use).map(|(second, _)| *second).collect();
        let used: BTreeSet<u64> =
            points.iter().filter(|(second, in_use)| *in_use && !stopped.contains(second)).map(|(second, _)| *second).collect();
        let mut sessions: Vec<Session> = Vec::new();
        let mut open: Option<Session> = None;
        for second in used.union(&stopped) {
            if let Some(mut session) = open.take_if(|session| second - (session.to_s - 1) > IDLE_S) {
                session.ended = true;
                sessions.push(session);
            }
            match (&mut open, used.contains(second)) {
                (Some(session), true) => session.to_s = second + 1,
                (None, true) => open = Some(Session { from_s: *second, to_s: second + 1, ended: false }),
                (Some(session), false) => {
                    sessions.push(Session { to_s: *second, ended: true, ..*session });
                    open = None;
                }
                (None, false) => {}
            }
        }
        sessions.extend(open.map(|session| Session { ended: now_s.saturating_sub(session.to_s - 1) > IDLE_S, ..session }));
        sessions
    }

    /// Points that stand close together, with some gaps around the limit.
    fn points() -> impl Strategy<Value = Vec<(u64, bool)>> {
        let gap = prop_oneof![6 => 0..3_u64, 2 => 1..400_u64, 1 => 298..303_u64, 1 => 300..3_000_u64];
        prop::collection::vec((gap, prop::bool::weighted(0.85)), 0..150).prop_map(|gaps| {
            let mut at = 1_000;
            gaps.into_iter()
                .map(|(gap, in_use)| {
                    at += gap;
                    (at, in_use)
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn property_of_order_points_in_any_order_give_the_sessions_of_a_recomputation_from_scratch(
            (points, shuffled) in points().prop_flat_map(|points| (Just(points.clone()), Just(points).prop_shuffle())),
            ahead in 0..1_000_u64,
        ) {
            let mut finder = Finder::default();
            for (second, in_use) in &shuffled {
                finder.add(*second, *in_use);
            }
            let now_s = points.last().map_or(1_000, |(second, _)| *second) + ahead;
            prop_assert_eq!(finder.sessions(now_s), from_scratch(&points, now_s));
            // Told twice is told once.
            let before = finder.clone();
            prop_assert!(!shuffled.iter().any(|(second, in_use)| finder.add(*second, *in_use)));
            prop_assert_eq!(before, finder);
        }

        #[test]
        fn property_of_settling_and_restarts_what_comes_within_the_time_gives_the_same_however_often_it_is_settled_and_kept(
            points in points(),
            late in prop::collection::vec(0..900_u64, 150),
            settle_every in 1..40_usize,
        ) {
            // Each point arrives after some delay, up to 900 s.
            let mut arrivals: Vec<(u64, (u64, bool))> = points.iter().zip(&late).map(|(point, late)| (point.0 + late, *point)).collect();
            arrivals.sort_by_key(|(at, _)| *at);
            let mut finder = Finder::default();
            let mut settled = Vec::new();
            for (number, (now_s, (second, in_use))) in arrivals.iter().enumerate() {
                finder.add(*second, *in_use);
                if number % settle_every == 0 {
                    settled.extend(finder.settle(now_s.saturating_sub(901)));
                    let kept = serde_json::to_string(&finder).unwrap();
                    finder = serde_json::from_str(&kept).unwrap();
                }
            }
            let now_s = arrivals.last().map_or(1_000, |(at, _)| *at);
            settled.extend(finder.sessions(now_s));
            prop_assert_eq!(&settled, &from_scratch(&points, now_s));
            let mut all: Vec<Session> = settled.into_iter().take_while(|session| session.ended).collect();
            prop_assert!(finder.settle(now_s + 10_000).iter().all(|session| session.ended));
            prop_assert!(finder.is_idle());
            all.dedup();
            prop_assert!(all.windows(2).all(|pair| pair[0].to_s <= pair[1].from_s), "sessions do not overlap");
        }
    }

    #[test]
    fn a_device_that_sends_all_day_costs_a_few_numbers() {
        let mut finder = Finder::default();
        assert!((1_000..87_400).all(|second| finder.add(second, true)));
        assert_eq!((finder.used.0.len(), finder.sessions(87_400).len()), (1, 1));
        // A stop in the middle, late.
        finder.add(40_000, false);
        assert_eq!(
            finder.sessions(87_400),
            [Session { from_s: 1_000, to_s: 40_000, ended: true }, Session { from_s: 40_001, to_s: 87_400, ended: false }]
        );
    }
}
