/**
 * How a patient uses a device: whether it is in use now, how long today, and how much of the target that is.
 *
 * What the relay has stored comes from `sessions.list`; `usage_session` events go on from there, and the list is asked for again after them:
 * the relay joins sessions and ends those that overlap. Compliance is the relay's figure (0 to 1, over the days asked for): what counts as
 * enough is its business, not the page's. Trap: the `compliance` of an event is that of one day.
 */
import type { Schemas } from '../api/index.js';
import type { Pulsewire } from '../types.js';
import type { BuiltInEvents } from '../schema.js';
import { isAbsent, Live, type LoadStatus, shared } from './live.js';

/** After an event; those that come together are one question. */
const RELOAD_MS = 1_000;

/** A time in which a patient used a device. */
export interface UsageSession {
  deviceId: string;
  startedAt: number;
  /** Absent while it goes on. */
  endedAt?: number;
  durationMs?: number;
}
/** How a patient uses a device. */
export interface UsageState {
  /** The session that goes on now. */
  current?: UsageSession;
  /** Newest first, of the days asked for. */
  sessions: readonly UsageSession[];
  /** 0 to 1; absent where the relay has told none. */
  compliance?: number;
  status: LoadStatus;
}
/** Options of `openUsage`. */
export interface UsageOptions {
  /** How many days back; 7. */
  days?: number;
  /** False where the page holds `patient:{id}` already, or must not be counted as its viewer. */
  hold?: boolean;
}

type Told = BuiltInEvents['usage_session'];

/** What `openUsage` gives: an observable, and `reload()`. */
export class Usage extends Live<UsageState> {
  readonly #patientId: string;
  readonly #days: number;
  readonly #hold: boolean;
  #round = 0;
  #soon: ReturnType<typeof setTimeout> | undefined;
  #byKey = new Map<string, UsageSession>();

  constructor(client: Pulsewire, patientId: string, { days = 7, hold = true }: UsageOptions) {
    super(client, { sessions: [], status: 'loading' });
    this.#patientId = patientId;
    this.#days = days;
    this.#hold = hold;
  }

  protected start(): (() => void)[] {
    const name = `patient:${this.#patientId}`;
    const told = (data: Told): void => {
      if (data.patientId === this.#patientId) this.#told(data);
    };
    const stop = [
      this.client.on('resync', ({ channel }) => {
        if (channel === name) void this.reload();
      }),
    ];
    if (this.#hold) {
      const held = this.client.channel(name);
      held.on('usage_session', ({ data }) => told(data as Told));
      stop.push(() => held.release());
    } else {
      stop.push(
        this.client.on('event', ({ event, data }) => {
          if (event === 'usage_session') told(data as Told);
        }),
      );
    }
    return [...stop, this.onConnected(() => void this.reload()), () => this.#calm()];
  }

  async reload(): Promise<void> {
    const round = ++this.#round;
    this.#calm();
    try {
      const from = Date.now() - this.#days * 86_400_000;
      const { items, compliance } = await this.client.call<Schemas['SessionList']>('sessions.list', {
        patientId: this.#patientId,
        from,
      });
      if (round !== this.#round) return;
      this.#byKey = new Map(items.map(session => [keyOf(session), session]));
      this.#show({ status: 'ready', compliance: compliance ?? undefined });
    } catch (error) {
      if (round === this.#round) this.patch({ status: isAbsent(error) ? 'absent' : 'error' });
    }
  }

  #told({ deviceId, startedAt, endedAt, durationMs, phase }: Told): void {
    if (this.get().status !== 'absent') this.#soon ??= setTimeout(() => void this.reload(), RELOAD_MS);
    const session = phase === 'end' ? { deviceId, startedAt, endedAt: endedAt ?? Date.now(), durationMs } : { deviceId, startedAt };
    // A start that comes late (recovered, or twice) does not open what has ended.
    if (phase === 'start' && this.#byKey.get(keyOf(session))?.endedAt !== undefined) return;
    this.#byKey.set(keyOf(session), session);
    this.#show({});
  }

  #calm(): void {
    clearTimeout(this.#soon);
    this.#soon = undefined;
  }

  protected forget(): void {
    this.#byKey = new Map();
    this.#round++;
    this.#calm();
  }

  #show(change: Partial<UsageState>): void {
    const sessions = [...this.#byKey.values()].sort((a, b) => b.startedAt - a.startedAt);
    this.patch({ ...change, sessions, current: sessions.find(({ endedAt }) => endedAt == null) });
  }
}

const keyOf = ({ deviceId, startedAt }: UsageSession): string => `${deviceId} ${startedAt}`;

/** Milliseconds in use since a time, the session that goes on included. */
export function usedSince(sessions: readonly UsageSession[], since: number, now: number): number {
  return sessions.reduce((sum, { startedAt, endedAt }) => sum + Math.max(0, (endedAt ?? now) - Math.max(startedAt, since)), 0);
}

/** A patient's usage; the same one for all who ask for the same. */
export const openUsage = (client: Pulsewire, patientId: string, options: UsageOptions = {}): Usage =>
  shared(client, `usage ${patientId} ${options.days ?? 7} ${options.hold ?? true}`, () => new Usage(client, patientId, options));
