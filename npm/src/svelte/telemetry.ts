/**
 * Telemetry as stores: the numbers of a series, told at most once per animation frame, and the views for a chart that pulls.
 *
 * `$telemetryData` gathers what is listened to: it holds nothing itself, since a page cannot want every metric of the whole ward.
 */
import type { Freshness, Pulsewire, SubscribeOptions, TelemetryHandle, TelemetryStats, TelemetryView } from '../types.js';
import { lazyReadable, type Readable } from './readable.js';

/** Numbers of a series' window, and how fresh they are. */
export interface TelemetrySnapshot {
  stats: TelemetryStats | undefined;
  freshness: Freshness;
  ageMs?: number;
  /** Rises with every change. */
  version: number;
}
/** A series as a store; holds the device while somebody listens. */
export interface TelemetryStore extends Readable<TelemetrySnapshot> {
  /** The newest points, for a chart: read now, do not keep. Empty while nobody listens to the store. */
  view(): TelemetryView;
  decimated(points: number): TelemetryView;
}
/** By device, then metric. */
export type TelemetryData = Readonly<Record<string, Readonly<Record<string, TelemetrySnapshot>>>>;

const EMPTY: TelemetrySnapshot = { stats: undefined, freshness: 'empty', version: 0 };
const NO_POINTS: TelemetryView = { t: new Float64Array(0), v: new Float64Array(0), gaps: [] };
/** How often data that stopped coming are looked at, to turn stale. */
const LOOK_EVERY_MS = 1_000;

interface Shown {
  readonly device: string;
  readonly metric: string;
  snapshot: TelemetrySnapshot;
}

export function telemetryStores(client: Pulsewire) {
  /** Every store that is listened to. */
  const shown = new Set<Shown>();
  let tell: (() => void) | undefined;
  const telemetryData = lazyReadable<TelemetryData>({}, set => {
    tell = () => {
      const data: Record<string, Record<string, TelemetrySnapshot>> = {};
      for (const { device, metric, snapshot } of shown) data[device] = { ...data[device], [metric]: snapshot };
      set(data);
    };
    tell();
    return () => {
      tell = undefined;
    };
  });

  function telemetry(device: string, metric: string, options?: SubscribeOptions & { capacity?: number }): TelemetryStore {
    let handle: TelemetryHandle | undefined;
    const { subscribe } = lazyReadable(EMPTY, set => {
      const held = client.telemetry(device, metric, options);
      handle = held;
      const mine: Shown = { device, metric, snapshot: EMPTY };
      shown.add(mine);
      const look = (): void => {
        const { state, ageMs } = held.freshness();
        mine.snapshot = { stats: held.stats(), freshness: state, ageMs, version: held.version() };
        set(mine.snapshot);
        tell?.();
      };
      const stop = held.listen(look);
      const timer = setInterval(look, LOOK_EVERY_MS);
      look();
      return () => {
        clearInterval(timer);
        stop();
        held.release();
        handle = undefined;
        shown.delete(mine);
        tell?.();
      };
    });
    return { subscribe, view: () => handle?.view() ?? NO_POINTS, decimated: points => handle?.decimated(points) ?? NO_POINTS };
  }
  return { telemetry, telemetryData };
}
