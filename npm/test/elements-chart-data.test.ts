import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { extent, gapSpans, type Line, type Pen, steadyRange, traceLine } from '../src/elements/chart-data.js';
import { firstAt, valueAt } from '../src/elements/chart-lookup.js';
import { combined, seriesColours } from '../src/elements/chart-series.js';

const line = (points: readonly (readonly [number, number])[], gaps: readonly number[] = []): Line => ({
  t: Float64Array.from(points, point => point[0]),
  v: Float64Array.from(points, point => point[1]),
  gaps,
});
const same = { offset: 0, scale: 1 };

/** Strokes as lists of points; a dot is a stroke of one. */
class Strokes implements Pen {
  readonly all: [number, number][][] = [];
  moveTo(x: number, y: number): void {
    this.all.push([[x, y]]);
  }
  lineTo(x: number, y: number): void {
    const stroke = this.all.at(-1);
    if (!stroke) throw new Error('lineTo before moveTo');
    stroke.push([x, y]);
  }
  arc(): void {}
}
function strokes(drawn: Line, from = 0, width = 1_000): [number, number][][] {
  const pen = new Strokes();
  traceLine(drawn, from, same, same, width, pen);
  return pen.all;
}

const lines = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 50 }), fc.double({ min: -5, max: 5, noNaN: true }), fc.boolean()), { maxLength: 200 })
  .map(steps => {
    let t = 0;
    const points = steps.map(([step, v]): [number, number] => {
      t += step;
      return [t, v];
    });
    return line(
      points,
      steps.flatMap(([, , gap], i) => (gap && i > 0 ? [i] : [])),
    );
  });

describe('the line', () => {
  test('breaks at every gap, and nowhere else', () => {
    const drawn = line([[0, 1], [1, 2], [5, 3], [6, 4], [20, 5]], [2, 4]); // biome-ignore format: one line reads better
    expect(strokes(drawn)).toEqual([
      [[0, 1], [1, 2]],
      [[5, 3], [6, 4]],
      [[20, 5]],
    ]); // biome-ignore format: one stroke a line
  });

  test('breaks at a value that is no number', () => {
    expect(strokes(line([[0, 1], [1, Number.NaN], [2, 3], [3, 4]]))).toEqual([[[0, 1]], [[2, 3], [3, 4]]]); // biome-ignore format: one line
  });

  test('never joins the two sides of a gap, however dense the points (property, C18)', () => {
    fc.assert(
      fc.property(lines, fc.integer({ min: 1, max: 400 }), (drawn, width) => {
        const sides = drawn.gaps.map(i => [drawn.t[i - 1]!, drawn.t[i]!]);
        for (const stroke of strokes(drawn, 0, width)) {
          const [first, last] = [stroke[0]![0], stroke.at(-1)![0]];
          for (const [before, after] of sides) expect(first <= before! && last >= after!).toBe(false);
        }
      }),
    );
  });

  test('reaches every lowest and highest value, however few columns there are (property)', () => {
    fc.assert(
      fc.property(lines, fc.integer({ min: 1, max: 400 }), (drawn, width) => {
        fc.pre(drawn.t.length > 0);
        const ys = strokes(drawn, 0, width).flatMap(stroke => stroke.map(point => point[1]));
        const [low, high] = extent(drawn.v, 0)!;
        expect(Math.min(...ys) === low && Math.max(...ys) === high).toBe(true);
      }),
    );
  });

  test('draws at most four points in a column of pixels', () => {
    const dense = line(Array.from({ length: 10_000 }, (_, i) => [i / 100, Math.sin(i)] as const));
    const drawn = strokes(dense, 0, 100).flat();
    expect(drawn.length).toBeLessThanOrEqual(101 * 4);
  });

  test('comes in from the left edge, but not across a gap', () => {
    const points = [[0, 0], [10, 1], [20, 2]] as const; // biome-ignore format: one line
    expect(strokes(line(points), 1)[0]?.[0]).toEqual([0, 0]);
    expect(strokes(line(points, [1]), 1)[0]?.[0]).toEqual([10, 1]);
  });

  test('of nothing is nothing', () => {
    expect(strokes(line([]))).toEqual([]);
    expect(extent(new Float64Array(0), 0)).toBeUndefined();
  });
});

describe('a gap', () => {
  test('is the time between the points at its sides, cut to the window', () => {
    const drawn = line([[0, 1], [100, 1], [200, 1], [900, 1]], [1, 3]); // biome-ignore format: one line
    expect(gapSpans(drawn, [50, 500])).toEqual([
      [50, 100],
      [200, 500],
    ]);
    expect(gapSpans(drawn, [950, 1_000])).toEqual([]);
  });
});

describe('the value axis', () => {
  test('stays while the values fit, and grows when one does not', () => {
    const first = steadyRange(undefined, [60, 80]);
    expect(steadyRange(first, [61, 79])).toBe(first);
    const grown = steadyRange(first, [60, 120]);
    expect(grown[1]).toBeGreaterThan(120);
  });

  test('always holds what is seen, with room around it (property)', () => {
    const value = fc.double({ min: -1e6, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(fc.array(fc.tuple(value, value), { minLength: 1 }), windows => {
        let range: readonly [number, number] | undefined;
        for (const [a, b] of windows) {
          const seen = [Math.min(a, b), Math.max(a, b)] as const;
          range = steadyRange(range, seen);
          expect(range[0]).toBeLessThanOrEqual(seen[0]);
          expect(range[1]).toBeGreaterThanOrEqual(seen[1]);
          expect(range[1]).toBeGreaterThan(range[0]);
        }
      }),
    );
  });

  test('shrinks when the values use less than half of it', () => {
    expect(steadyRange([0, 200], [90, 100])[1]).toBeLessThan(110);
  });
});

describe('looking up', () => {
  test('finds the first point of a window and the one nearest to the pointer', () => {
    const t = Float64Array.of(10, 20, 30);
    expect([0, 10, 11, 30, 31].map(time => firstAt(t, time))).toEqual([0, 0, 1, 2, 3]);
    const drawn = { t, v: Float64Array.of(1, 2, 3), gaps: [2] };
    expect([0, 14, 16, 99].map(time => valueAt(drawn, time))).toEqual([1, 1, 2, 3]);
    expect(valueAt(line([]), 1)).toBeUndefined();
  });

  test('knows no value inside a gap, and those at its sides', () => {
    const drawn = line([[10, 1], [20, 2], [90, 3]], [2]); // biome-ignore format: one line
    expect([20, 21, 89, 90].map(time => valueAt(drawn, time))).toEqual([2, undefined, undefined, 3]);
  });
});

describe('several metrics', () => {
  test('take the colours bedside monitors use, no two alike', () => {
    expect(seriesColours(['ecg', 'spo2', 'resp'])).toEqual(['series-1', 'series-2', 'series-3']);
    expect(new Set(seriesColours(['ecg', 'hr', 'anything', 'else', 'more', 'last'])).size).toBe(6);
  });

  test('are as fresh as the one that most needs to be known', () => {
    expect(combined([])).toEqual({ state: 'empty' });
    expect(combined([{ state: 'live', ageMs: 20 }, { state: 'empty' }])).toEqual({ state: 'live', ageMs: 20 });
    expect(combined([{ state: 'live' }, { state: 'stale', ageMs: 5 }, { state: 'stale', ageMs: 9 }])).toEqual({ state: 'stale', ageMs: 9 });
    expect(combined([{ state: 'stale', ageMs: 9 }, { state: 'backfilling' }])).toEqual({ state: 'backfilling' });
  });
});
