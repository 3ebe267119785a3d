/** Finding points by time; apart from the drawing, because the numbers beside a chart need it before uPlot is there. */

/** Index of the first time at or after `time`; the length where there is none. */
export function firstAt(t: Float64Array, time: number): number {
  let low = 0;
  let high = t.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (t[middle]! < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index of the point nearest to `time`, for reading a value under the pointer; -1 where it is farther than `reach`. */
export function nearestTo(t: Float64Array, time: number, reach: number): number {
  const after = firstAt(t, time);
  let best = -1;
  let distance = reach;
  for (const i of [after - 1, after]) {
    const d = i >= 0 && i < t.length ? Math.abs(t[i]! - time) : Number.POSITIVE_INFINITY;
    if (d <= distance) {
      best = i;
      distance = d;
    }
  }
  return best;
}
