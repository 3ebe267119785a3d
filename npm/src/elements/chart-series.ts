/** The metrics of a chart: their colours, and how fresh they are together. */
import type { Freshness, TelemetryHandle, TelemetryView } from '../types.js';

export interface Series {
  readonly handle: TelemetryHandle;
  /** Name of a colour token. */
  readonly colour: string;
  /** What was drawn last; -1 to draw again. */
  version: number;
}

export function readSeries(series: Series): TelemetryView {
  return series.handle.view();
}

// The colours that bedside monitors have taught everybody, where the metric is known.
const habits: readonly (readonly [RegExp, number])[] = [
  [/^(ecg|ekg|hr|heart)/i, 1],
  [/^(ppg|pleth|spo2|sat)/i, 2],
  [/^(resp|rr|co2|etco2)/i, 3],
  [/^(bp|abp|art|nibp|sys|dia|map)/i, 4],
  [/^temp/i, 5],
];
const COLOURS = 6;

/** A colour for each metric, no two alike while there are enough. */
export function seriesColours(metrics: readonly string[]): string[] {
  const taken = new Set<number>();
  return metrics.map(metric => {
    let colour = habits.find(([pattern]) => pattern.test(metric))?.[1] ?? 1;
    for (let tries = 0; taken.has(colour) && tries < COLOURS; tries++) colour = (colour % COLOURS) + 1;
    taken.add(colour);
    return `series-${colour}`;
  });
}

/** One word for several metrics: the one that most needs to be known. */
export function combined(all: readonly { state: Freshness; ageMs?: number }[]): { state: Freshness; ageMs?: number } {
  const held = all.filter(one => one.state !== 'empty');
  const oldest = (state: Freshness): { state: Freshness; ageMs?: number } | undefined =>
    held.filter(one => one.state === state).sort((a, b) => (b.ageMs ?? 0) - (a.ageMs ?? 0))[0];
  return oldest('backfilling') ?? oldest('stale') ?? oldest('live') ?? { state: 'empty' };
}
