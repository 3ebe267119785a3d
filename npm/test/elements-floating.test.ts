// @vitest-environment happy-dom
import { describe, expect, test } from 'vitest';
import { type Box, beside, openPanel, setPanel } from '../src/elements/floating.js';

const box = (left: number, top: number, width: number, height: number): Box => ({ left, top, right: left + width, bottom: top + height });
const meet = (a: Box, b: Box): boolean => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

describe('toasts beside an open panel', () => {
  const own = (width: number, viewport: number): Box => box(viewport - 16 - width, 16, width, 0);

  test('go to its left where there is room, below or above where there is not, and stay where it is not in their way', () => {
    expect(beside(box(1_000, 60, 380, 400), own(372, 1_440), { width: 1_440, height: 900 })).toEqual({ right: 452 });
    expect(beside(box(300, 60, 380, 300), own(372, 700), { width: 700, height: 900 })).toEqual({ top: 372, most: 516 });
    // A phone: the list is a sheet at the bottom.
    expect(beside(box(12, 250, 366, 582), box(12, 12, 366, 0), { width: 390, height: 844 })).toEqual({ most: 226 });
    expect(beside(box(16, 60, 380, 400), own(372, 1_440), { width: 1_440, height: 900 })).toEqual({});
  });

  test('never meet it, whatever the sizes', () => {
    for (const width of [320, 390, 600, 768, 800, 1_024, 1_440, 2_560]) {
      for (const [left, top, high] of [
        [width - 396, 60, 400],
        [width - 500, 100, 40],
        [Math.max(12, width - 380), 300, 500],
        [0, 500, 380],
      ] as const) {
        const viewport = { width, height: 900 };
        const panel = box(left, top, Math.min(380, width), high);
        const region = own(Math.min(372, width - 32), width);
        const to = beside(panel, region, viewport);
        const right = to.right === undefined ? region.right : width - to.right;
        const at = box(right - (region.right - region.left), to.top ?? region.top, region.right - region.left, to.most ?? 900);
        expect(meet(panel, at), JSON.stringify({ width, panel, at })).toBe(false);
      }
    }
  });

  test('are told where it stands, and that it has closed by whoever opened it alone', () => {
    const told: (Box | undefined)[] = [];
    const end = openPanel.subscribe(panel => told.push(panel));
    const [bell, other] = [{}, {}];
    const here = box(1, 2, 3, 4);
    setPanel(bell, here);
    setPanel(other, undefined);
    expect(told).toEqual([undefined, here]);
    setPanel(bell, undefined);
    end();
    expect(told).toEqual([undefined, here, undefined]);
  });
});
