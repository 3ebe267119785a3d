//! Property 11: a chart's buffer never holds more than its capacity, and is always one ordered, contiguous slice of the newest
//! points, whatever comes in whatever order.

// Tests may unwrap: a panic is how they fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use proptest::prelude::*;
use pulsewire_client_core::telemetry::{Ring, decimate, holes};
use std::collections::BTreeMap;

/// Times collide and run backwards often; some are no numbers.
fn batch() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
    let odd = prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(-0.0), any::<f64>()];
    let time = prop_oneof![20 => (0..200i32).prop_map(f64::from), 1 => odd.clone()];
    let value = prop_oneof![20 => -9.0..9.0f64, 1 => odd];
    let rising = (0..200i32, 0..30i32).prop_map(|(from, count)| (from..from + count).map(f64::from).collect::<Vec<_>>());
    let times = prop_oneof![prop::collection::vec(time, 0..30), rising];
    (times, prop::collection::vec(value, 0..30))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn property_11_a_ring_is_the_newest_points_in_order_and_never_more_than_its_capacity(
        capacity in 1..60usize, batches in prop::collection::vec(batch(), 0..40), grow_to in 0..90usize,
    ) {
        let mut ring = Ring::new(capacity);
        let mut model: BTreeMap<u64, f64> = BTreeMap::new();
        // Of finite floats, sorted like their times.
        let key = |t: f64| { let bits = t.to_bits(); if bits >> 63 == 0 { bits | 1 << 63 } else { !bits } };
        let middle = batches.len() / 2;
        for (index, (times, values)) in batches.into_iter().enumerate() {
            if index == middle {
                ring.grow(grow_to);
            }
            let taken = ring.extend(&times, &values);
            prop_assert_eq!(taken.stored + taken.unreadable + taken.too_late, times.len().max(values.len()));
            let full_before = model.len() == ring.capacity();
            let oldest = model.keys().next().copied();
            for (t, v) in times.iter().zip(&values) {
                if !t.is_finite() || !v.is_finite() {
                    continue;
                }
                // -0 and 0 are one time.
                let t = if *t == 0.0 { 0.0 } else { *t };
                if full_before && oldest.is_some_and(|oldest| key(t) < oldest) {
                    continue;
                }
                model.insert(key(t), *v);
            }
            while model.len() > ring.capacity() {
                model.pop_first();
            }
            prop_assert!(ring.len() <= ring.capacity());
            prop_assert_eq!(ring.times().len(), ring.values().len());
            prop_assert!(ring.times().is_sorted_by(|a, b| a < b));
            let held: Vec<u64> = ring.times().iter().map(|t| key(if *t == 0.0 { 0.0 } else { *t })).collect();
            prop_assert_eq!(held, model.keys().copied().collect::<Vec<_>>());
            prop_assert_eq!(ring.values(), model.values().copied().collect::<Vec<_>>());
        }
    }

    #[test]
    fn property_11_what_is_drawn_is_part_of_what_is_held_and_never_more_than_asked_for(
        values in prop::collection::vec(-9.0..9.0f64, 0..400), points in 0..100usize,
    ) {
        let times: Vec<f64> = (0..values.len()).map(|index| index as f64 * 7.0).collect();
        let (t, v) = decimate(&times, &values, points);
        prop_assert_eq!(t.len(), points.min(values.len()));
        prop_assert!(t.is_sorted_by(|a, b| a < b));
        for (t, v) in t.iter().zip(&v) {
            prop_assert_eq!(values[(t / 7.0) as usize], *v);
        }
        if points >= 2 && !values.is_empty() {
            prop_assert_eq!((t.first(), t.last()), (times.first(), times.last()));
        }
    }

    #[test]
    fn property_11_every_hole_lies_inside_and_is_longer_than_usual(steps in prop::collection::vec(1..2_000u32, 0..200)) {
        let mut t = 0.0;
        let times: Vec<f64> = steps.iter().map(|step| { t += f64::from(*step); t }).collect();
        for index in holes(&times) {
            let index = index as usize;
            prop_assert!(index >= 1 && index < times.len());
            prop_assert!(times[index] - times[index - 1] > 20.0);
        }
    }
}
