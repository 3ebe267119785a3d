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

/** The value nearest to `time`, for reading it under the pointer; none inside a hole, where nobody knows it. */
export function valueAt({ t, v, gaps }: { t: Float64Array; v: Float64Array; gaps: readonly number[] }, time: number): number | undefined {
  const after = firstAt(t, time);
  if (gaps.includes(after) && t[after] !== time) return undefined;
  const before = after - 1;
  return after === t.length || (before >= 0 && time - t[before]! < t[after]! - time) ? v[before] : v[after];
}
