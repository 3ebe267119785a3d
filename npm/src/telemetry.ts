/** Telemetry handles: rings in the wasm's memory, read by views that copy nothing. */

import type { Channels } from './channels.js';
import type { Core } from './core.js';
import { callAll, Source } from './observable.js';
import type { ChannelHandle, SubscribeOptions, TelemetryHandle, TelemetryStats, TelemetryView } from './types.js';

type Options = SubscribeOptions & { capacity?: number };

const EMPTY = new Float64Array(0);
const NO_GAPS: readonly number[] = [];
/** What a window needs besides its points: as it was at a version, and after so many changes of the unit. */
interface About {
  version: number;
  gaps: readonly number[];
  unitChanges: number;
  unit: string | undefined;
}
const NOTHING: About = { version: -1, gaps: NO_GAPS, unitChanges: 0, unit: undefined };

export class TelemetryHandles {
  readonly #core: () => Core | undefined;
  readonly #channels: Channels;
  readonly #handles = new Set<Handle>();
  readonly #metrics = new Map<string, Source<readonly string[]>>();

  constructor(core: () => Core | undefined, channels: Channels) {
    this.#core = core;
    this.#channels = channels;
  }

  hold(deviceId: string, metric: string, options: Options): TelemetryHandle {
    const channel = this.#channels.hold(`device:${deviceId}`, options);
    const handle = new Handle(deviceId, metric, options, channel, this.#core, () => this.#handles.delete(handle));
    this.#handles.add(handle);
    const core = this.#core();
    if (core !== undefined) handle.open(core);
    return handle;
  }

  metrics(deviceId: string): Source<readonly string[]> {
    let metrics = this.#metrics.get(deviceId);
    if (metrics === undefined) {
      metrics = new Source<readonly string[]>(() => this.#core()?.metrics(deviceId) ?? []);
      this.#metrics.set(deviceId, metrics);
    }
    return metrics;
  }

  /** Every ring that is held, for the flight recorder. */
  held(): { device: string; metric: string; capacity?: number }[] {
    return [...this.#handles].map(({ deviceId, metric, capacity }) => ({ device: deviceId, metric, capacity }));
  }
  start(core: Core): void {
    for (const handle of this.#handles) handle.open(core);
  }
  stop(): void {
    for (const handle of this.#handles) handle.lost();
  }
  changed(): void {
    for (const handle of [...this.#handles]) handle.changed();
  }
  metricsChanged(): void {
    for (const metrics of [...this.#metrics.values()]) metrics.changed();
  }
}

class Handle implements TelemetryHandle {
  readonly deviceId: string;
  readonly metric: string;
  readonly #options: Options;
  readonly #channel: ChannelHandle;
  readonly #core: () => Core | undefined;
  readonly #forget: () => void;
  readonly #listeners = new Set<() => void>();
  /** The series' number in the running core. */
  #series: number | undefined;
  #released = false;
  /** The core's version last told of, and what earlier cores had counted. */
  #told = 0;
  #base = 0;
  /** Worked out once per change, not once per frame. */
  #about = NOTHING;

  constructor(
    deviceId: string,
    metric: string,
    options: Options,
    channel: ChannelHandle,
    core: () => Core | undefined,
    forget: () => void,
  ) {
    this.deviceId = deviceId;
    this.metric = metric;
    this.#options = options;
    this.#channel = channel;
    this.#core = core;
    this.#forget = forget;
  }

  get capacity(): number | undefined {
    return this.#options.capacity;
  }

  open(core: Core): void {
    this.#series = core.openSeries(this.deviceId, this.metric, this.#options.capacity);
    this.#told = core.version(this.#series);
  }

  /** The core is gone; the next one counts from 0 again. */
  lost(): void {
    this.#base += this.#told + 1;
    this.#told = 0;
    this.#series = undefined;
    this.#about = NOTHING;
  }

  changed(): void {
    const version = this.#read((core, series) => core.version(series)) ?? 0;
    if (version === this.#told) return;
    this.#told = version;
    callAll(this.#listeners);
  }

  view(): TelemetryView {
    const read = this.#read((core, series) => {
      let window = core.window(series);
      if (window === undefined) return undefined;
      const { version, unitChanges } = window;
      const known = this.#about;
      if (known.version !== version) {
        const holes = core.holes(series);
        const unit = known.unitChanges === unitChanges ? known.unit : core.unit(series);
        this.#about = { version, gaps: holes === undefined ? NO_GAPS : Array.from(holes), unitChanges, unit };
        // Memory that grew meanwhile has detached the views.
        if (window.t.length === 0) window = core.window(series) ?? window;
      }
      const { gaps, unit } = this.#about;
      return view(window.t, window.v, gaps, unit);
    });
    return read ?? view(EMPTY, EMPTY, [], undefined);
  }

  decimated(points: number): TelemetryView {
    const read = this.#read((core, series) => {
      const both = core.decimated(series, points) ?? EMPTY;
      const count = both.length / 2;
      const t = both.subarray(0, count);
      const whole = this.view();
      return view(t, both.subarray(count), gapsOf(whole.t, whole.gaps, t), whole.unit);
    });
    return read ?? view(EMPTY, EMPTY, [], undefined);
  }

  stats(): TelemetryStats | undefined {
    return this.#read((core, series) => core.stats(series));
  }

  freshness(): ReturnType<TelemetryHandle['freshness']> {
    return this.#read((core, series) => core.freshness(series)) ?? { state: 'empty' };
  }

  version(): number {
    return this.#base + (this.#read((core, series) => core.version(series)) ?? 0);
  }

  listen(changed: () => void): () => void {
    const listener = () => changed();
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#listeners.clear();
    this.#read((core, series) => core.closeSeries(series));
    this.#series = undefined;
    this.#forget();
    this.#channel.release();
  }

  #read<T>(read: (core: Core, series: number) => T): T | undefined {
    const core = this.#core();
    return core === undefined || this.#series === undefined ? undefined : read(core, this.#series);
  }
}

function view(t: Float64Array, v: Float64Array, gaps: readonly number[], unit: string | undefined): TelemetryView {
  return unit === undefined ? { t, v, gaps } : { t, v, gaps, unit };
}

/** The holes of the whole window as indices into the points that were kept of it. */
function gapsOf(all: Float64Array, gaps: readonly number[], kept: Float64Array): number[] {
  const found = new Set<number>();
  let index = 0;
  for (const gap of gaps) {
    const after = all[gap] ?? Number.POSITIVE_INFINITY;
    while (index < kept.length && (kept[index] as number) < after) index += 1;
    if (index > 0 && index < kept.length) found.add(index);
  }
  return [...found];
}
