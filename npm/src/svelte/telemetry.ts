/**
 * Telemetry as stores: the numbers of a series, told at most once per animation frame, and the views for a chart that pulls.
 *
 * `$telemetryData` gathers what is listened to: it holds nothing itself, since a page cannot want every metric of the whole ward.
 */
import type { Freshness, Pulsewire, SubscribeOptions, TelemetryHandle, TelemetryStats, TelemetryView } from '../types.js';
import { lazyReadable, onServer, type Readable } from './readable.js';

export interface TelemetrySnapshot {
  stats: TelemetryStats | undefined;
  freshness: Freshness;
  ageMs?: number;
  /** Rises with every change. */
  version: number;
}
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

export function telemetryStores(client: Pulsewire) {
  let data: TelemetryData = {};
  const listeners = new Set<(data: TelemetryData) => void>();
  const tell = (next: TelemetryData): void => {
    data = next;
    for (const run of [...listeners]) run(data);
  };
  const put = (device: string, metric: string, snapshot: TelemetrySnapshot): void =>
    tell({ ...data, [device]: { ...data[device], [metric]: snapshot } });
  const drop = (device: string, metric: string): void => {
    const { [metric]: _gone, ...metrics } = data[device] ?? {};
    const { [device]: _all, ...devices } = data;
    tell(Object.keys(metrics).length > 0 ? { ...devices, [device]: metrics } : devices);
  };
  const holders = new Map<string, number>();

  const telemetryData: Readable<TelemetryData> = {
    subscribe(run) {
      const listener = (value: TelemetryData): void => run(value);
      listeners.add(listener);
      run(data);
      return () => listeners.delete(listener);
    },
  };

  function telemetry(device: string, metric: string, options?: SubscribeOptions & { capacity?: number }): TelemetryStore {
    let handle: TelemetryHandle | undefined;
    const { subscribe } = lazyReadable(EMPTY, set => {
      if (onServer()) return () => {};
      const held = client.telemetry(device, metric, options);
      handle = held;
      const key = `${device} ${metric}`;
      holders.set(key, (holders.get(key) ?? 0) + 1);
      const look = (): void => {
        const { state, ageMs } = held.freshness();
        const snapshot = { stats: held.stats(), freshness: state, ageMs, version: held.version() };
        set(snapshot);
        put(device, metric, snapshot);
      };
      const stop = held.listen(look);
      const timer = setInterval(look, LOOK_EVERY_MS);
      look();
      return () => {
        clearInterval(timer);
        stop();
        held.release();
        handle = undefined;
        const left = (holders.get(key) ?? 1) - 1;
        if (left > 0) holders.set(key, left);
        else {
          holders.delete(key);
          drop(device, metric);
        }
      };
    });
    return { subscribe, view: () => handle?.view() ?? NO_POINTS, decimated: points => handle?.decimated(points) ?? NO_POINTS };
  }
  return { telemetry, telemetryData };
}
