/**
 * The arithmetic of the chart, without DOM: which points are in the window, how high they reach, where the line breaks.
 *
 * The line is traced straight from the wasm's views into a path, so nothing is copied. A gap lifts the pen: uPlot's own line would bridge
 * it, because it knows only `null` as a hole and a typed array has none (C18). Where several points share a pixel column only the first,
 * lowest, highest and last are drawn, which looks the same and keeps 3,600 points cheap.
 */

/** What is drawn of one metric: the shape of `TelemetryView`. */
export interface Line {
  t: Float64Array;
  v: Float64Array;
  /** Indices i where a hole lies between i - 1 and i. */
  gaps: readonly number[];
}
export type Range = readonly [low: number, high: number];

/** From value to pixel: `offset + scale * value`. */
export interface Linear {
  offset: number;
  scale: number;
}
export interface Pen {
  moveTo(x: number, y: number): void;
  lineTo(x: number, y: number): void;
  arc(x: number, y: number, radius: number, from: number, to: number): void;
}

const DOT_RADIUS = 1.5;
/** Points per pixel from which columns are cheaper to paint than the points themselves. */
const DENSE = 4;

/** Lowest and highest of the values from index `from` on; nothing where there is no number. */
export function extent(v: Float64Array, from: number): Range | undefined {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = from; i < v.length; i++) {
    const value = v[i]!;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : undefined;
}

/** The holes inside the window, as times: from the last point before to the first point after. */
export function gapSpans(line: Line, window: Range): Range[] {
  const spans: Range[] = [];
  for (const i of line.gaps) {
    const from = line.t[i - 1];
    const to = line.t[i];
    if (from === undefined || to === undefined || to < window[0] || from > window[1]) continue;
    spans.push([Math.max(from, window[0]), Math.min(to, window[1])]);
  }
  return spans;
}

/**
 * The y range to draw: grows at once when a value would leave it, shrinks only when the values use less than half of it.
 * An axis that follows every beat cannot be read.
 */
export function steadyRange(current: Range | undefined, seen: Range): Range {
  const [low, high] = padded(seen);
  if (current && seen[0] >= current[0] && seen[1] <= current[1] && high - low > (current[1] - current[0]) * 0.5) return current;
  return [low, high];
}

function padded([low, high]: Range): Range {
  const span = high - low;
  const pad = span > 0 ? span * 0.1 : Math.max(Math.abs(high) * 0.05, 0.5);
  return [low - pad, high + pad];
}

/** Draws the points from index `from` on; `width` is that of the plot in pixels of the canvas. */
export function traceLine(line: Line, from: number, x: Linear, y: Linear, width: number, pen: Pen): void {
  const trace = line.t.length - from > width * DENSE ? traceColumns : tracePoints;
  // One point before the window, so that the line comes in from the edge instead of starting at the first point inside.
  let start = from > 0 && !line.gaps.includes(from) ? from - 1 : from;
  for (const gap of line.gaps) {
    if (gap <= start) continue;
    trace(line, start, gap, x, y, pen);
    start = gap;
  }
  trace(line, start, line.t.length, x, y, pen);
}

// Only finite values: a NaN or an infinity in the data breaks the line like a gap.
function tracePoints({ t, v }: Line, from: number, to: number, x: Linear, y: Linear, pen: Pen): void {
  let drawn = 0;
  for (let i = from; i < to; i++) {
    const value = v[i]!;
    if (!Number.isFinite(value)) {
      drawn = 0;
      continue;
    }
    const px = x.offset + x.scale * t[i]!;
    const py = y.offset + y.scale * value;
    if (drawn++ > 0) pen.lineTo(px, py);
    else {
      pen.moveTo(px, py);
      // A lone point between two holes has no line: it is drawn as a dot.
      if (i + 1 >= to || !Number.isFinite(v[i + 1]!)) pen.arc(px, py, DOT_RADIUS, 0, 2 * Math.PI);
    }
  }
}

function traceColumns({ t, v }: Line, from: number, to: number, x: Linear, y: Linear, pen: Pen): void {
  let column = Number.NaN;
  let first = 0;
  let low = 0;
  let high = 0;
  let last = 0;
  let down = false;
  const flush = (): void => {
    if (Number.isNaN(column)) return;
    if (low < first) pen.lineTo(column, y.offset + y.scale * low);
    if (high > first) pen.lineTo(column, y.offset + y.scale * high);
    if (last !== high && last !== first) pen.lineTo(column, y.offset + y.scale * last);
  };
  for (let i = from; i < to; i++) {
    const value = v[i]!;
    if (!Number.isFinite(value)) {
      flush();
      column = Number.NaN;
      down = false;
      continue;
    }
    const px = Math.round(x.offset + x.scale * t[i]!);
    if (px !== column) {
      flush();
      column = px;
      first = value;
      low = value;
      high = value;
      const py = y.offset + y.scale * value;
      if (down) pen.lineTo(px, py);
      else pen.moveTo(px, py);
      down = true;
    } else if (value < low) low = value;
    else if (value > high) high = value;
    last = value;
  }
  flush();
}
