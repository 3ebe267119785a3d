/**
 * Telemetry for React: a stable reader that a chart pulls from each frame, and numbers at a rate that people can read.
 *
 * Points come hundreds of times a second; rendering for each would be the whole CPU. So `useTelemetry` never renders again by itself, and
 * `useTelemetryStats` at most `renderHz` times a second.
 */
import { useEffect, useMemo } from './react.js';
import type { Freshness, SubscribeOptions, TelemetryHandle, TelemetryStats, TelemetryView } from '../types.js';
import { usePulsewire } from './context.js';
import { usePolled } from './observe.js';

/** What is asked of a series. */
export interface TelemetryOptions extends SubscribeOptions {
  /** How many points are kept. */
  capacity?: number;
}
/** What a chart pulls from; empty before the component is mounted. The same object as long as device and metric are. */
export type TelemetryReader = Omit<TelemetryHandle, 'release'>;

const EMPTY: TelemetryView = { t: new Float64Array(0), v: new Float64Array(0), gaps: [] };

/** Holds the device while mounted and gives a reader of one metric's points; never renders by itself. */
export function useTelemetry(device: string, metric: string, { capacity, history, maxHz }: TelemetryOptions = {}): TelemetryReader {
  const client = usePulsewire();
  const source = useMemo(() => {
    let handle: TelemetryHandle | undefined;
    const listeners = new Set<() => void>();
    const tell = (): void => {
      for (const run of [...listeners]) run();
    };
    const reader: TelemetryReader = {
      deviceId: device,
      metric,
      view: () => handle?.view() ?? EMPTY,
      decimated: points => handle?.decimated(points) ?? EMPTY,
      stats: () => handle?.stats(),
      freshness: () => handle?.freshness() ?? { state: 'empty' },
      version: () => handle?.version() ?? 0,
      // Children listen before this component's own effect has taken the handle, and go on through a StrictMode remount.
      listen: changed => {
        const listener = (): void => changed();
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    };
    const mount = (): (() => void) => {
      const held = client.telemetry(device, metric, { capacity, history, maxHz });
      handle = held;
      const stop = held.listen(tell);
      tell();
      return () => {
        handle = undefined;
        stop();
        held.release();
      };
    };
    return { reader, mount };
  }, [client, device, metric, capacity, history, maxHz]);
  useEffect(() => source.mount(), [source]);
  return source.reader;
}

/** Numbers of a series' window, and how fresh they are. */
export interface TelemetryNumbers {
  stats: TelemetryStats | undefined;
  freshness: Freshness;
}
const NO_NUMBERS: TelemetryNumbers = { stats: undefined, freshness: 'empty' };

/** Minimum, maximum, mean and last of the window; renders at most `renderHz` (2) times a second. */
export function useTelemetryStats(
  device: string,
  metric: string,
  { renderHz = 2, ...options }: TelemetryOptions & { renderHz?: number } = {},
): TelemetryNumbers {
  const reader = useTelemetry(device, metric, options);
  // A clock and not the points decides: data that stop coming must turn stale all the same.
  const look = useMemo(() => {
    let version = 0;
    let numbers = NO_NUMBERS;
    return (): TelemetryNumbers => {
      const freshness = reader.freshness().state;
      if (reader.version() !== version || freshness !== numbers.freshness) numbers = { stats: reader.stats(), freshness };
      version = reader.version();
      return numbers;
    };
  }, [reader]);
  return usePolled(look, NO_NUMBERS, 1_000 / renderHz);
}
