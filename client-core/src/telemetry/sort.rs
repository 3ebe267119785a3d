//! Heap sort of points by time, and of equal times by arrival.
//!
//! Why not the standard library's: each use of it costs about 4 kB of wasm. Batches that need sorting at all are rare (late or
//! out of order), and heap sort keeps n log n whatever a peer sends.

/// Time, value, and the place in its batch.
pub(super) type Point = (f64, f64, u32);

fn comes_before(one: &Point, other: &Point) -> bool {
    one.0 < other.0 || (one.0 == other.0 && one.2 < other.2)
}

/// Sorts finite points.
pub(super) fn sort(points: &mut [Point]) {
    let count = points.len();
    for root in (0..count / 2).rev() {
        sift_down(points, root);
    }
    for end in (1..count).rev() {
        points.swap(0, end);
        if let Some(rest) = points.get_mut(..end) {
            sift_down(rest, 0);
        }
    }
}

/// Puts the root of a heap (latest on top) in its place.
fn sift_down(heap: &mut [Point], mut root: usize) {
    loop {
        let mut child = 2 * root + 1;
        if let (Some(left), Some(right)) = (heap.get(child), heap.get(child + 1))
            && comes_before(left, right)
        {
            child += 1;
        }
        match (heap.get(root), heap.get(child)) {
            (Some(parent), Some(latest)) if comes_before(parent, latest) => heap.swap(root, child),
            _ => return,
        }
        root = child;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn points_come_out_by_time_and_equal_times_in_the_order_they_came(times in prop::collection::vec(-5..5i32, 0..60)) {
            let mut points: Vec<Point> = times.iter().zip(0..).map(|(t, place)| (f64::from(*t), 0.0, place)).collect();
            let mut expected = points.clone();
            expected.sort_by(|a, b| a.0.total_cmp(&b.0));
            sort(&mut points);
            prop_assert_eq!(points, expected);
        }
    }
}
