/** Geometry of the small charts: a line over the last minutes in a box of 1,000 by 100, with holes where nothing was measured. */
export interface Point {
  at: number;
  value: number;
}

export const WIDTH = 1_000;
export const HEIGHT = 100;

/** The next of 1, 2, 5 times a power of ten: an axis that does not tremble with each value. */
export function niceMax(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= value) ?? 10;
  return step * power;
}

/** The line as an SVG path, and the area under it; broken where two points are further apart than `gapMs`. */
export function pathsOf(points: readonly Point[], from: number, to: number, max: number, gapMs: number): { line: string; area: string } {
  const x = (at: number): number => ((at - from) / (to - from)) * WIDTH;
  const y = (value: number): number => HEIGHT - Math.min(1, Math.max(0, value / max)) * HEIGHT;
  let line = '';
  let area = '';
  let start: Point | undefined;
  let before: Point | undefined;
  const close = (): void => {
    if (start && before) area += `L${x(before.at).toFixed(1)} ${HEIGHT}L${x(start.at).toFixed(1)} ${HEIGHT}Z`;
  };
  for (const point of points) {
    if (point.at < from) continue;
    const to = `${x(point.at).toFixed(1)} ${y(point.value).toFixed(1)}`;
    if (before && point.at - before.at <= gapMs) {
      line += `L${to}`;
      area += `L${to}`;
    } else {
      close();
      start = point;
      line += `M${to}`;
      area += `M${to}`;
    }
    before = point;
  }
  close();
  return { line, area };
}

/** Neighbouring moments that are true, as spans from and to. */
export function spansOf(moments: readonly { at: number; is: boolean }[], stepMs: number): { from: number; to: number }[] {
  const spans: { from: number; to: number }[] = [];
  for (const { at, is } of moments) {
    if (!is) continue;
    const last = spans.at(-1);
    if (last && at - last.to <= stepMs * 1.5) last.to = at;
    else spans.push({ from: at - stepMs, to: at });
  }
  return spans;
}
