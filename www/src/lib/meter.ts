/**
 * Measures of one connection over the last two minutes, from the package's own figures (`quality()`, `ping()`, its events) and the wire's counters.
 *
 * Rates are looked at once a second, always: the page that shows them finds what was before it was opened. Round trips are asked for (a real
 * `ping` through the connection) only while somebody looks.
 */
import type { ChannelEvent, ConnectionState, Pulsewire, Quality } from 'pulsewire';
import { Value } from './value';
import type { Wire } from './wire';

export const SAMPLE_MS = 1_000;
/** Two minutes of samples, four of round trips. */
const SAMPLES = 120;
const PING_EVERY_MS = 2_000;

/** What one second brought. */
export interface Sample {
  at: number;
  state: ConnectionState;
  messages: number;
  points: number;
  bytes: number;
}

export interface Measures {
  quality: Quality;
  samples: readonly Sample[];
  /** Round trips in milliseconds, oldest first. */
  roundTrips: readonly { at: number; ms: number }[];
  /** Of all that passed the wire since the sign-in. */
  bytesIn: number;
  bytesOut: number;
  messages: number;
  points: number;
}

/** The value below which a share of the values lies (nearest rank); nothing where there are none. */
export function percentile(values: readonly number[], share: number): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}

/** How many points an event brought, over all its series. */
function pointsOf({ event, data }: ChannelEvent): number {
  if (event !== 'telemetry' || typeof data !== 'object' || data === null || !('series' in data)) return 0;
  const { series } = data as { series: Record<string, { t?: ArrayLike<number> }> };
  return Object.values(series ?? {}).reduce((sum, { t }) => sum + (t?.length ?? 0), 0);
}

export class Meter {
  readonly measures: Value<Measures>;
  #messages = 0;
  #points = 0;
  #before = { messages: 0, points: 0, bytes: 0 };
  #offs: (() => void)[];
  #watchers = 0;
  #ping: ReturnType<typeof setInterval> | undefined;
  #asking = false;

  constructor(
    readonly client: Pulsewire,
    readonly wire: Wire,
  ) {
    this.measures = new Value<Measures>({ quality: client.quality(), samples: [], roundTrips: [], bytesIn: 0, bytesOut: 0, messages: 0, points: 0 });
    const timer = setInterval(() => this.#sample(), SAMPLE_MS);
    this.#offs = [
      () => clearInterval(timer),
      client.on('event', (event) => {
        this.#messages += 1;
        this.#points += pointsOf(event);
      }),
    ];
  }

  /** Asks for round trips until the answer is called. */
  watch(): () => void {
    if (++this.#watchers === 1) {
      void this.#askRoundTrip();
      this.#ping = setInterval(() => void this.#askRoundTrip(), PING_EVERY_MS);
    }
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      if (--this.#watchers === 0) clearInterval(this.#ping);
    };
  }

  destroy(): void {
    clearInterval(this.#ping);
    for (const off of this.#offs) off();
  }

  #sample(): void {
    const { bytesIn, bytesOut } = this.wire.counts;
    const messages = this.#messages;
    const points = this.#points;
    const sample: Sample = {
      at: Date.now(),
      state: this.client.connection.get().state,
      messages: messages - this.#before.messages,
      points: points - this.#before.points,
      bytes: bytesIn - this.#before.bytes,
    };
    this.#before = { messages, points, bytes: bytesIn };
    const last = this.measures.get();
    this.measures.set({ ...last, quality: this.client.quality(), samples: [...last.samples, sample].slice(-SAMPLES), bytesIn, bytesOut, messages, points });
  }

  async #askRoundTrip(): Promise<void> {
    if (this.#asking || this.client.connection.get().state !== 'connected') return;
    this.#asking = true;
    try {
      const ms = await this.client.ping();
      const last = this.measures.get();
      this.measures.set({ ...last, roundTrips: [...last.roundTrips, { at: Date.now(), ms }].slice(-SAMPLES) });
    } catch {
      // Lost with its connection: a hole in the line, which the state beside it explains.
    } finally {
      this.#asking = false;
    }
  }
}
