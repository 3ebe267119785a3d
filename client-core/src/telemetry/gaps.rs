//! Where a series has holes, so that a chart breaks its line there instead of drawing over them (row C18).
//!
//! A hole is an interval longer than three times the usual one and longer than 20 ms (so that the jitter of a fast
//! waveform, or the seam of two columns, is none). The usual interval is the median of up to 129 intervals spread evenly over
//! the window: exact for the default ring of 100 points, and cheap for one of 100,000.

use super::sort::{Point, sort};

/// How many usual intervals make a hole.
const HOLE_FACTOR: f64 = 3.0;
/// No shorter interval is a hole.
const HOLE_FLOOR_MS: f64 = 20.0;
const MAX_SAMPLES: usize = 129;

/// The usual interval, in milliseconds. `None` with fewer than two points.
pub fn usual_interval(times: &[f64]) -> Option<f64> {
    let intervals = times.len().checked_sub(1).filter(|n| *n > 0)?;
    let samples = intervals.min(MAX_SAMPLES);
    let mut sampled: Vec<Point> = (0..samples)
        .filter_map(|sample| {
            let index = sample * intervals / samples;
            Some((times.get(index + 1)? - times.get(index)?, 0.0, 0))
        })
        .collect();
    sort(&mut sampled);
    sampled.get(sampled.len() / 2).map(|(interval, ..)| *interval)
}

/// The indices i where a hole lies between i - 1 and i. The times are rising.
pub fn holes(times: &[f64]) -> Vec<u32> {
    let (mut shortest, mut longest) = (f64::INFINITY, 0.0_f64);
    for (before, after) in times.iter().zip(times.iter().skip(1)) {
        shortest = shortest.min(after - before);
        longest = longest.max(after - before);
    }
    // The usual one is no shorter than the shortest: as a rule that is enough to know, and the median need not be found.
    if longest <= (shortest * HOLE_FACTOR).max(HOLE_FLOOR_MS) {
        return Vec::new();
    }
    let Some(usual) = usual_interval(times) else { return Vec::new() };
    let limit = (usual * HOLE_FACTOR).max(HOLE_FLOOR_MS);
    let pairs = times.iter().zip(times.iter().skip(1));
    pairs.enumerate().filter(|(_, (before, after))| *after - *before > limit).map(|(index, _)| index as u32 + 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hole_is_much_longer_than_the_usual_interval() {
        let mut times: Vec<f64> = (0..50).map(|n| f64::from(n) * 1_000.0).collect();
        assert!(holes(&times).is_empty());
        for time in &mut times[20..] {
            *time += 5_000.0;
        }
        assert_eq!(holes(&times), [20]);
    }

    #[test]
    fn jitter_of_a_fast_waveform_is_no_hole() {
        let mut times: Vec<f64> = (0..50).map(|n| f64::from(n) * 4.0).collect();
        for time in &mut times[10..] {
            *time += 15.0;
        }
        assert!(holes(&times).is_empty());
        for time in &mut times[10..] {
            *time += 15.0;
        }
        assert_eq!(holes(&times), [10]);
    }

    #[test]
    fn too_few_points_have_no_usual_interval_and_no_holes() {
        assert_eq!(usual_interval(&[]), None);
        assert_eq!(usual_interval(&[1.0]), None);
        assert!(holes(&[1.0, 9_000.0]).is_empty());
    }
}
