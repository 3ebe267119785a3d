//! A mirrored ring of points: whatever it holds is always one contiguous, ordered slice.
//!
//! Every point is written twice, at `i` and at `i + capacity`, so that any window of the newest points can be read without
//! a seam: a page's `Float64Array` views straight into it. Points come in order almost always, so pushing at the end is the
//! fast path; what comes late is merged in from the end backwards, and costs what it displaces.
//!
//! Times are strictly rising: a point with the time of an older one replaces its value.

use super::sort::{Point, sort};

/// The most points a ring may hold.
pub const MAX_CAPACITY: usize = 100_000;

/// What became of a batch of points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Points that are now in the ring, replacements included.
    pub stored: usize,
    /// Points skipped because time or value was no finite number, or one of both was missing.
    pub unreadable: usize,
    /// Points older than everything in a full ring.
    pub too_late: usize,
}

/// The newest points of one metric.
#[derive(Clone, Debug)]
pub struct Ring {
    capacity: usize,
    start: usize,
    len: usize,
    times: Vec<f64>,
    values: Vec<f64>,
}

impl Ring {
    /// An empty ring of 1 to [`MAX_CAPACITY`] points.
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.clamp(1, MAX_CAPACITY);
        Self { capacity, start: 0, len: 0, times: vec![0.0; 2 * capacity], values: vec![0.0; 2 * capacity] }
    }
    /// The most points it holds.
    pub fn capacity(&self) -> usize {
        self.capacity
    }
    /// The points it holds.
    pub fn len(&self) -> usize {
        self.len
    }
    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
    /// The times, strictly rising.
    pub fn times(&self) -> &[f64] {
        self.times.get(self.start..self.start + self.len).unwrap_or(&[])
    }
    /// The values, one for each time.
    pub fn values(&self) -> &[f64] {
        self.values.get(self.start..self.start + self.len).unwrap_or(&[])
    }
    /// Makes room for more points; the ring never shrinks.
    pub fn grow(&mut self, capacity: usize) {
        if capacity.min(MAX_CAPACITY) <= self.capacity {
            return;
        }
        let mut larger = Self::new(capacity);
        larger.extend_rising(self.times(), self.values());
        *self = larger;
    }
    /// Forgets every point.
    pub fn clear(&mut self) {
        self.start = 0;
        self.len = 0;
    }

    /// Takes a batch of points in any order.
    pub fn extend(&mut self, times: &[f64], values: &[f64]) -> Taken {
        let count = times.len().min(values.len());
        let mut taken = Taken { unreadable: times.len().max(values.len()) - count, ..Taken::default() };
        let mut last = self.times().last().copied().unwrap_or(f64::NEG_INFINITY);
        let mut rising = true;
        for (t, v) in times.iter().zip(values) {
            rising &= t.is_finite() && v.is_finite() && *t > last;
            last = *t;
        }
        if rising {
            taken.stored = count;
            self.extend_rising(times.get(..count).unwrap_or(&[]), values.get(..count).unwrap_or(&[]));
            return taken;
        }
        // Adding 0 turns -0 into 0: they are one time, and sort as two.
        let mut batch: Vec<Point> = times.iter().zip(values).zip(0..).map(|((t, v), place)| (*t + 0.0, *v, place)).collect();
        batch.retain(|(t, v, _)| t.is_finite() && v.is_finite());
        taken.unreadable += count - batch.len();
        self.merge(batch, &mut taken);
        taken
    }

    fn extend_rising(&mut self, times: &[f64], values: &[f64]) {
        for (t, v) in times.iter().zip(values) {
            self.push(*t, *v);
        }
    }

    fn push(&mut self, t: f64, v: f64) {
        let mut slot = self.start + self.len;
        if self.len == self.capacity {
            self.start += 1;
            if self.start == self.capacity {
                self.start = 0;
            }
        } else {
            self.len += 1;
        }
        if slot >= self.capacity {
            slot -= self.capacity;
        }
        for slot in [slot, slot + self.capacity] {
            if let (Some(time), Some(value)) = (self.times.get_mut(slot), self.values.get_mut(slot)) {
                *time = t;
                *value = v;
            }
        }
    }

    /// Takes the points behind the earliest of the batch out, and puts both back in order.
    fn merge(&mut self, mut batch: Vec<Point>, taken: &mut Taken) {
        let oldest = if self.len == self.capacity { self.times().first().copied() } else { None };
        if let Some(oldest) = oldest {
            let readable = batch.len();
            batch.retain(|(t, ..)| *t >= oldest);
            taken.too_late = readable - batch.len();
        }
        taken.stored = batch.len();
        // Of two points of one time the later one comes last and wins.
        sort(&mut batch);
        let Some((first, ..)) = batch.first().copied() else { return };
        let keep = self.times().partition_point(|t| *t < first);
        let displaced: Vec<(f64, f64)> = self.times().iter().copied().zip(self.values().iter().copied()).skip(keep).collect();
        self.len = keep;
        let (mut old, mut new) = (0, 0);
        loop {
            let (t, mut v) = match (displaced.get(old), batch.get(new)) {
                (Some(o), Some(n)) if o.0 < n.0 => *o,
                (_, Some(n)) => (n.0, n.1),
                (Some(o), None) => *o,
                (None, None) => return,
            };
            while displaced.get(old).is_some_and(|o| o.0 == t) {
                old += 1;
            }
            while let Some(later) = batch.get(new).filter(|n| n.0 == t) {
                v = later.1;
                new += 1;
            }
            self.push(t, v);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(capacity: usize, times: &[f64]) -> Ring {
        let mut ring = Ring::new(capacity);
        ring.extend(times, times);
        ring
    }

    #[test]
    fn a_full_ring_keeps_the_newest_points_contiguous_and_ordered() {
        let mut ring = Ring::new(3);
        for t in 1..=10 {
            ring.extend(&[f64::from(t)], &[f64::from(t * 10)]);
        }
        assert_eq!(ring.times(), [8.0, 9.0, 10.0]);
        assert_eq!(ring.values(), [80.0, 90.0, 100.0]);
    }

    #[test]
    fn a_late_point_is_put_in_its_place_and_an_equal_time_replaces_the_value() {
        let mut ring = filled(5, &[1.0, 2.0, 4.0]);
        assert_eq!(ring.extend(&[3.0, 4.0, 1.0], &[30.0, 40.0, 10.0]).stored, 3);
        assert_eq!(ring.times(), [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(ring.values(), [10.0, 2.0, 30.0, 40.0]);
    }

    #[test]
    fn of_two_points_of_one_time_in_a_batch_the_later_one_wins() {
        let mut ring = Ring::new(5);
        ring.extend(&[1.0, 1.0, 0.5], &[1.0, 2.0, 3.0]);
        assert_eq!((ring.times(), ring.values()), (&[0.5, 1.0][..], &[3.0, 2.0][..]));
    }

    #[test]
    fn points_older_than_a_full_ring_are_counted_and_left_out() {
        let mut ring = filled(3, &[5.0, 6.0, 7.0]);
        assert_eq!(ring.extend(&[1.0, 6.5], &[0.0, 0.0]), Taken { stored: 1, unreadable: 0, too_late: 1 });
        assert_eq!(ring.times(), [6.0, 6.5, 7.0]);
    }

    #[test]
    fn what_is_no_number_is_counted_and_skipped() {
        let mut ring = Ring::new(5);
        let taken = ring.extend(&[1.0, f64::NAN, 3.0, 4.0, 5.0], &[1.0, 2.0, f64::INFINITY, 4.0]);
        assert_eq!(taken, Taken { stored: 2, unreadable: 3, too_late: 0 });
        assert_eq!(ring.times(), [1.0, 4.0]);
    }

    #[test]
    fn growing_keeps_every_point() {
        let mut ring = filled(3, &[1.0, 2.0, 3.0, 4.0]);
        ring.grow(10);
        ring.grow(2);
        ring.extend(&[5.0], &[5.0]);
        assert_eq!(ring.times(), [2.0, 3.0, 4.0, 5.0]);
        assert_eq!(ring.capacity(), 10);
    }
}
