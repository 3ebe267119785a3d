import { describe, expect, test } from 'vitest';
import { palette } from '../src/elements/tokens.js';

/** Relative luminance, as WCAG 2 defines it. */
function luminance(hex: string): number {
  const [r, g, b] = [1, 3, 5].map(at => {
    const share = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}
function contrast(a: string, b: string): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high! + 0.05) / (low! + 0.05);
}
const colours = (scheme: 'light' | 'dark') =>
  Object.fromEntries(palette.map(([name, light, dark]) => [name, scheme === 'light' ? light : dark]));

describe.each(['light', 'dark'] as const)('in the %s palette', scheme => {
  const colour = colours(scheme);
  const pairs = [
    ...['text', 'muted', 'accent', 'ok', 'warn', 'critical', 'high', 'medium', 'low'].map(name => [name, 'surface']),
    ...['text', 'muted'].map(name => [name, 'raised']),
    ...['ok', 'warn', 'critical', 'high', 'medium', 'low'].map(name => [name, `${name}-soft`]),
    ...['ok', 'warn', 'critical', 'high', 'medium', 'low'].flatMap(name => [
      ['text', `${name}-soft`],
      ['muted', `${name}-soft`],
    ]),
  ] as [string, string][];

  test.each(pairs)('text in %s on %s has a contrast of 4.5 or more (WCAG AA)', (front, back) => {
    expect(contrast(colour[front]!, colour[back]!)).toBeGreaterThanOrEqual(4.5);
  });

  test.each([1, 2, 3, 4, 5, 6])('line %i of a chart has a contrast of 3 or more, in gaps too', n => {
    for (const back of ['surface', 'hole']) expect(contrast(colour[`series-${n}`]!, colour[back]!)).toBeGreaterThanOrEqual(3);
  });
});
