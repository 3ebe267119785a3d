/**
 * The flight recorder (row C16): every input of the core, exactly as it got it, so that `cargo xtask replay FILE` goes through the same
 * transitions and ends in the same state. docs/recording.md has the format.
 *
 * Bounded in bytes. What is kept is cut at connections: as long as all fits, a recording begins with the client itself; after that with
 * the newest connection whose beginning is still there, and with what the page held then. Tokens never come in here: of each stands
 * only when it ends and how long it is. What pages publish and the relay sends does: a recording holds patients' data.
 */

import type { Core } from './core.js';

/** What an entry costs beside its bytes, roughly. */
const ENTRY_BYTES = 120;
export const DEFAULT_MAX_BYTES = 1 << 20;

const OPENED = 1;
const TOKEN = 4;
const WAKE = 5;
const COMMAND = 6;
const HIDDEN = 1;
const WATCH_PRESENCE = 32;
const SET_TOKEN = 14;

type Entry = readonly [kind: number, monotonic: number, unix: number, number: number, value?: unknown];

/** What a page holds at the beginning of a connection. */
export interface Held {
  channels: readonly { name: string; history?: number; maxHz?: number }[];
  series: readonly { device: string; metric: string; capacity?: number }[];
}
interface Base extends Held {
  positions: Record<string, readonly [epoch: string, offset: number]>;
  hidden: boolean;
  presence: boolean;
}
interface Segment {
  /** Absent: the beginning of the client. */
  base?: Base;
  entries: Entry[];
  bytes: number;
  /** Inputs that were let go of in the middle of this connection. */
  cut: number;
}

export interface RecordingStart {
  version: string;
  /** As the core was made from them; no address. */
  numbers: readonly number[];
  metrics: readonly string[];
  session: string;
  clientName: string;
}

export class Recorder {
  readonly #maxBytes: number;
  readonly #start: RecordingStart;
  readonly #held: () => Held;
  #segments: Segment[] = [{ entries: [], bytes: 0, cut: 0 }];
  #bytes = 0;
  #dropped = 0;
  #hidden = false;
  #presence = false;
  /** The command on its way into the wasm, which tells us when the core gets it. */
  #command: readonly unknown[] = [];

  constructor(start: RecordingStart, held: () => Held, maxBytes: number) {
    this.#start = start;
    this.#held = held;
    this.#maxBytes = maxBytes;
  }

  /** How much is kept, in bytes and inputs. */
  get size(): { bytes: number; inputs: number; dropped: number } {
    return { bytes: this.#bytes, inputs: this.#segments.reduce((sum, { entries }) => sum + entries.length, 0), dropped: this.#dropped };
  }

  command(...command: unknown[]): void {
    this.#command = command;
  }

  /** An input on its way to the core. */
  add(core: Core | undefined, kind: number, monotonic: number, unix: number, number: number, value: unknown): void {
    if (kind === OPENED && core !== undefined) this.#segments.push({ base: this.#base(core), entries: [], bytes: 0, cut: 0 });
    if (kind === WAKE) this.#hidden = number === HIDDEN || (this.#hidden && number !== 0);
    let kept = value;
    if (kind === TOKEN) {
      const [command, , token] = this.#command;
      kept = command === SET_TOKEN ? looksOf(token) : { failed: String(token) };
    } else if (kind >= COMMAND) {
      kept = this.#command;
      this.#presence ||= this.#command[0] === WATCH_PRESENCE;
    }
    const segment = this.#segments[this.#segments.length - 1] as Segment;
    const entry: Entry = kept === undefined ? [kind, monotonic, unix, number] : [kind, monotonic, unix, number, kept];
    segment.entries.push(entry);
    const bytes = ENTRY_BYTES + sizeOf(entry);
    segment.bytes += bytes;
    this.#bytes += bytes;
    if (this.#bytes > this.#maxBytes) this.#shrink();
  }

  #shrink(): void {
    while (this.#bytes > this.#maxBytes && this.#segments.length > 1) {
      const gone = this.#segments.shift() as Segment;
      this.#bytes -= gone.bytes;
      this.#dropped += gone.entries.length + gone.cut;
    }
    const [segment] = this.#segments;
    // One connection that is larger than all there is room for: its older half goes, in one go.
    if (segment === undefined || this.#bytes <= this.#maxBytes) return;
    const gone = segment.entries.splice(0, Math.ceil(segment.entries.length / 2));
    segment.cut += gone.length;
    const bytes = gone.reduce((sum, entry) => sum + ENTRY_BYTES + sizeOf(entry), 0);
    segment.bytes -= bytes;
    this.#bytes -= bytes;
  }

  #base(core: Core): Base {
    const held = this.#held();
    const positions: Base['positions'] = {};
    for (const { name } of held.channels) {
      const state = core.channelState(name);
      if (state?.epoch) positions[name] = [state.epoch, state.offset];
    }
    return { ...held, positions, hidden: this.#hidden, presence: this.#presence };
  }

  /** The file: a line of JSON each for the beginning, every input, and the end. */
  export(core: Core | undefined): string {
    const [first] = this.#segments as [Segment];
    const lines: unknown[] = [
      {
        format: 'pulsewire-recording',
        formatVersion: 1,
        made: new Date().toISOString(),
        ...this.#start,
        numbers: this.#start.numbers.map(number => (Number.isNaN(number) ? null : number)),
        dropped: this.#dropped,
        cut: first.cut,
        base: first.base,
      },
      ...this.#segments.flatMap(({ entries }) => entries.map(printable)),
      { end: core === undefined ? null : this.#end(core) },
    ];
    return `${lines.map(line => JSON.stringify(line)).join('\n')}\n`;
  }

  #end(core: Core): unknown {
    const { state, reason, everConnected } = core.slice<{ state: string; reason?: string; everConnected: boolean }>(1);
    const names = new Set(this.#held().channels.map(({ name }) => name));
    const channels = Object.fromEntries(
      [...names].map(name => {
        const held = core.channelState(name);
        return [name, held === undefined ? null : [held.phase, held.epoch, held.offset]];
      }),
    );
    return { state, reason, everConnected, channels, counters: core.counters() };
  }
}

function sizeOf(part: unknown): number {
  if (part instanceof Uint8Array) return part.length;
  if (typeof part === 'string') return part.length * 2;
  return Array.isArray(part) ? part.reduce<number>((sum, one) => sum + sizeOf(one), 0) : 0;
}

/** What a token looks like: how long it is and when it ends, nothing of what it says. */
function looksOf(token: unknown): { length: number; exp?: number; malformed?: true } {
  if (typeof token !== 'string' || token === '') return { length: 0 };
  const parts = token.split('.');
  if (parts.length !== 3 || !parts.every(part => /^[\w-]+$/.test(part))) return { length: token.length, malformed: true };
  try {
    const { exp } = JSON.parse(atob((parts[1] as string).replaceAll('-', '+').replaceAll('_', '/'))) as { exp?: unknown };
    return typeof exp === 'number' ? { length: token.length, exp: Math.floor(exp) } : { length: token.length };
  } catch {
    return { length: token.length };
  }
}

function printable(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(printable);
  if (!(part instanceof Uint8Array)) return part ?? null;
  let text = '';
  for (const byte of part) text += String.fromCharCode(byte);
  return { base64: btoa(text) };
}
