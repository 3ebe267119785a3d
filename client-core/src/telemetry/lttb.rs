//! Largest triangle three buckets: picks the points that keep the shape of a curve (S. Steinarsson, 2013).
//!
//! First and last point stay; the rest is cut into buckets, and of each the point that spans the largest triangle with the
//! one picked before and the mean of the next bucket is taken. Peaks survive, which a mean would flatten.

/// At most `points` of the given ones. Both slices are equally long, the times rising.
pub fn decimate(times: &[f64], values: &[f64], points: usize) -> (Vec<f64>, Vec<f64>) {
    let count = times.len().min(values.len());
    let at = |index: usize| (times.get(index).copied().unwrap_or(0.0), values.get(index).copied().unwrap_or(0.0));
    if count <= points {
        return (times.iter().copied().take(count).collect(), values.iter().copied().take(count).collect());
    }
    let mut picked = (Vec::with_capacity(points), Vec::with_capacity(points));
    let mut pick = |point: (f64, f64)| {
        picked.0.push(point.0);
        picked.1.push(point.1);
    };
    match points {
        0 => {}
        1 => pick(at(count - 1)),
        _ => {
            pick(at(0));
            let buckets = points - 2;
            // Buckets lie between the first and the last point. `points < count`, so none of them is empty.
            let edge = |bucket: usize| 1 + bucket * (count - 2) / buckets.max(1);
            let mut before = at(0);
            for bucket in 0..buckets {
                let (from, to) = (edge(bucket), edge(bucket + 1));
                let next_to = if bucket + 1 < buckets { edge(bucket + 2) } else { count };
                let mut mean = (0.0, 0.0);
                for index in to..next_to {
                    let point = at(index);
                    mean.0 += point.0;
                    mean.1 += point.1;
                }
                let size = (next_to - to) as f64;
                mean.0 /= size;
                mean.1 /= size;
                let mut best = at(from);
                let mut largest = -1.0;
                for index in from..to {
                    let point = at(index);
                    let area = ((before.0 - mean.0) * (point.1 - before.1) - (before.0 - point.0) * (mean.1 - before.1)).abs();
                    if area > largest {
                        largest = area;
                        best = point;
                    }
                }
                pick(best);
                before = best;
            }
            pick(at(count - 1));
        }
    }
    picked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_and_a_lone_peak_survive() {
        let times: Vec<f64> = (0..1_000).map(f64::from).collect();
        let mut values = vec![0.0; 1_000];
        values[437] = 9.0;
        let (t, v) = decimate(&times, &values, 20);
        assert_eq!(t.len(), 20);
        assert_eq!((t[0], t[19]), (0.0, 999.0));
        assert!(v.contains(&9.0));
        assert!(t.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn fewer_points_than_asked_for_stay_as_they_are_and_tiny_wishes_are_met() {
        let times = [1.0, 2.0, 3.0, 4.0];
        assert_eq!(decimate(&times, &times, 4).0, times);
        assert_eq!(decimate(&times, &times, 3).0.len(), 3);
        assert_eq!(decimate(&times, &times, 2).0, [1.0, 4.0]);
        assert_eq!(decimate(&times, &times, 1).0, [4.0]);
        assert!(decimate(&times, &times, 0).0.is_empty());
    }
}
