/**
 * The names behind the numbers of `WasmClient`: the other side of client-wasm/src/surface.rs.
 *
 * Why numbers: each function that the wasm exports costs its share of every page's download.
 */

import { PulsewireError } from './errors.js';
import type { Recorder } from './recorder.js';
import type { ChannelState, TelemetryStats } from './types.js';
import { isTrap, type WasmClient, type WasmInstance } from './wasm-loading.js';

/** The bits by which the core names the parts of its state (`Slices` in client-core/src/output.rs). */
export const Slice = {
  connection: 1,
  devices: 1 << 1,
  alerts: 1 << 2,
  dashboard: 1 << 3,
  viewers: 1 << 4,
  toasts: 1 << 5,
  channels: 1 << 6,
  telemetry: 1 << 7,
  metrics: 1 << 8,
  notifications: 1 << 16,
  presence: 1 << 17,
  typing: 1 << 18,
  executions: 1 << 19,
  conversations: 1 << 20,
  patients: 1 << 21,
  messages: 1 << 22,
  quality: 1 << 23,
  outbox: 1 << 9,
} as const;

export interface Freshness {
  state: 'live' | 'stale' | 'backfilling' | 'empty';
  ageMs?: number;
}

/** One record of a list of people or jobs; client-core/src/records.rs says what its fields mean in which list. */
export interface KeptRecord<T = undefined> {
  scope: string;
  id: string;
  name: string;
  ts: number;
  mark: number;
  data: T;
}

/** What came and what was wrong with it. */
export interface Counters {
  frames: number;
  bytes: number;
  messages: number;
  unreadable: number;
  duplicates: number;
  strays: number;
  gaps: number;
  welcomes: number;
}

/** A series as it lies in the wasm's memory: views that copy nothing, right until the next call. */
export interface SeriesWindow {
  t: Float64Array;
  v: Float64Array;
  /** Rises with every change. */
  version: number;
  /** Rises with every change of the unit; 0 while there is none. */
  unitChanges: number;
}

export class Core {
  readonly #wasm: WasmClient;
  readonly #memory: WebAssembly.Memory;
  #words = new Uint32Array(0);
  readonly #recorder: Recorder | undefined;

  constructor(
    instance: WasmInstance,
    numbers: Float64Array,
    texts: readonly string[],
    WebSocket: unknown,
    callbacks: object,
    recorder: Recorder | undefined,
  ) {
    this.#recorder = recorder;
    this.#memory = instance.memory;
    this.#wasm = new instance.WasmClient(numbers, texts as string[], WebSocket, callbacks);
  }

  #do(kind: number, number = 0, a?: unknown, b?: unknown, c?: unknown, d?: unknown): number {
    this.#recorder?.command(kind, number, a, b, c, d);
    try {
      return this.#wasm.command(kind, number, a, b, c, d);
    } catch (cause) {
      if (!isTrap(cause)) throw cause;
      // The client is already on its way to a fresh instance.
      throw new PulsewireError({ code: 'wasm_trap', message: 'the wasm failed; try again', retryable: true }, { cause });
    }
  }

  connect(): void {
    this.#do(0);
  }
  close(): void {
    this.#do(1);
  }
  subscribe(channel: string, history?: number, maxHz?: number): void {
    this.#do(2, 0, channel, whole(history, 'history'), whole(maxHz, 'maxHz'));
  }
  release(channel: string): void {
    this.#do(3, 0, channel);
  }
  /** `data` is JSON text. Queued: through the outbox; else now or never. */
  publish(request: number, channel: string, event: string, data: string, key: string, queued: boolean): void {
    this.#do(queued ? 4 : 17, request, channel, event, data, key);
  }
  fetched(fetch: number, status: number, code: string, retryAfterMs: number | undefined, body: Uint8Array): void {
    this.#do(18, fetch, status, code, retryAfterMs, body);
  }
  restored(scope: string, entries: Uint8Array[]): void {
    this.#do(19, 0, scope, entries);
  }
  /** Where a held channel stood in a former life: what came since is recovered. */
  resume(channel: string, epoch: string, offset: number): void {
    this.#do(20, 0, channel, epoch, offset);
  }
  signOut(): void {
    this.#do(21);
  }
  call(request: number, method: string, params: unknown): void {
    this.#do(5, request, method, params === undefined ? undefined : json(params));
  }
  ping(request: number): void {
    this.#do(6, request);
  }
  markAlertsRead(ids: readonly string[] | 'all'): void {
    if (ids === 'all') this.#do(7);
    else for (const id of ids) this.#do(8, 0, id);
  }
  dismissToast(id: string): void {
    this.#do(9, 0, id);
  }
  clickToast(id: string): void {
    this.#do(10, 0, id);
  }
  holdToasts(held: boolean): void {
    this.#do(11, held ? 1 : 0);
  }
  openSeries(device: string, metric: string, capacity?: number): number {
    return this.#do(12, 0, device, metric, whole(capacity, 'capacity'));
  }
  closeSeries(series: number): void {
    this.#do(13, series);
  }
  setToken(request: number, token: string): void {
    this.#do(14, request, token);
  }
  tokenFailed(request: number, message: string): void {
    this.#do(15, request, message);
  }
  /** Whether the events of a channel (of all, where none is named) are wanted as objects. */
  listen(channel: string | undefined, wanted: boolean): void {
    this.#do(16, wanted ? 1 : 0, channel);
  }

  setTyping(conversationId: string, active: boolean): void {
    this.#do(30, active ? 1 : 0, conversationId);
  }
  markNotifications(ids: readonly string[] | 'all', dismiss: boolean): void {
    for (const id of ids === 'all' ? [undefined] : ids) this.#do(31, dismiss ? 1 : 0, id);
  }
  watchPresence(): void {
    this.#do(32);
  }
  /** Somebody is online; without a user: nobody is, and those who are follow. */
  present(userId: string, name: string): void {
    this.#do(33, 0, userId, name);
  }

  /** The records of a list, oldest first; of one scope, where it is named. */
  kept<T = undefined>(which: number, scope?: string): KeptRecord<T>[] {
    return this.#wasm.read(which, scope);
  }
  slice<T>(which: number): T {
    return this.#wasm.read(which, undefined);
  }
  channelState(channel: string): ChannelState | undefined {
    return this.#wasm.read(Slice.channels, channel);
  }
  metrics(device: string): string[] {
    return this.#wasm.read(Slice.metrics, device);
  }
  counters(): Counters {
    return this.#wasm.read(0, undefined);
  }

  window(series: number): SeriesWindow | undefined {
    const at = this.#look(series);
    if (at === 0) return undefined;
    const { buffer } = this.#memory;
    const word = (place: number) => this.#words[at + place] as number;
    const column = (place: number) => new Float64Array(buffer, word(place), word(2));
    return { t: column(0), v: column(1), version: word(3), unitChanges: word(4) };
  }
  version(series: number): number {
    const at = this.#look(series);
    return at === 0 ? 0 : (this.#words[at + 3] as number);
  }
  /** Where among the words of the memory those of a series stand; 0 where there is no such series. */
  #look(series: number): number {
    const at = this.#wasm.window(series) / 4;
    const { buffer } = this.#memory;
    if (this.#words.buffer !== buffer) this.#words = new Uint32Array(buffer);
    return at;
  }
  unit(series: number): string | undefined {
    return this.#wasm.detail(series, 0, 0);
  }
  /** Absent where there is none. */
  holes(series: number): Uint32Array | undefined {
    return this.#wasm.detail(series, 1, 0);
  }
  stats(series: number): TelemetryStats | undefined {
    return this.#wasm.detail(series, 2, 0);
  }
  freshness(series: number): Freshness | undefined {
    return this.#wasm.detail(series, 3, 0);
  }
  /** The times, then the values. */
  decimated(series: number, points: number): Float64Array | undefined {
    return this.#wasm.detail(series, 0, Math.max(1, whole(points, 'points') ?? 1));
  }

  /** Ends everything at once; memory goes with `free`, which must wait until no call is under way. */
  end(): void {
    this.#wasm.end();
  }
  free(): void {
    this.#wasm.free();
  }
}

/** The JSON text of any value; `null` for what JSON has no word for. */
export function json(value: unknown): string {
  try {
    return JSON.stringify(value) ?? 'null';
  } catch (cause) {
    const message = `data cannot be written as JSON: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new PulsewireError({ code: 'bad_argument', message }, { cause });
  }
}

/** A number that makes sense as a count or a duration; absent stays absent. */
export function whole(value: number | undefined, name: string): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value;
  throw new PulsewireError({ code: 'bad_argument', message: `${name} must be a number of at least 0` });
}
