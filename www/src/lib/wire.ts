/**
 * The WebSocket the page gives to the package, with a wire that can be broken on purpose.
 *
 * Faults happen here, under the package: it sees a socket that closes, stays silent, crawls or never opens, as in a real network, and
 * nothing about the UI is touched. Limit: a browser cannot drop a TCP connection, so `cut` is a real close of the socket started from this side.
 */
import { isAnswerTo, isPong, refreshMessage } from './frames';
import { Value } from './value';

export interface WireCounts {
  framesIn: number;
  framesOut: number;
  bytesIn: number;
  bytesOut: number;
}

/** What is broken now. */
export interface Broken {
  /** Since when the open socket swallows everything; 0 while it does not. */
  silentSince: number;
  /** Since when the open socket answers no heartbeat; 0 while it does. */
  muteSince: number;
  /** Until when no new socket may open; in the past while they may. */
  blockedUntil: number;
  /** How much later everything passes, in each direction; 0 where it passes at once. */
  delayMs: number;
}

export type FaultEvent =
  | { kind: 'cut' | 'silent' | 'silent-end' | 'mute' | 'mute-end' | 'block-end' | 'slow-end' | 'token-refused' }
  | { kind: 'blocked' | 'slow'; ms: number }
  | { kind: 'token-short'; s: number };

/** The id of the command that the wire itself sends: beyond what a client counts to. */
const OWN_ID = 0xff00_0001;
/** Of a slow wire's delay, as much is chance. */
const JITTER_SHARE = 0.25;

function sizeOf(data: unknown): number {
  if (typeof data === 'string') return data.length;
  if (data instanceof ArrayBuffer) return data.byteLength;
  if (ArrayBuffer.isView(data)) return data.byteLength;
  return data instanceof Blob ? data.size : 0;
}

/** One wire: the socket class to hand to `createPulsewire`, and the hands on it. */
export class Wire {
  readonly counts: WireCounts = { framesIn: 0, framesOut: 0, bytesIn: 0, bytesOut: 0 };
  readonly broken = new Value<Broken>({ silentSince: 0, muteSince: 0, blockedUntil: 0, delayMs: 0 });
  readonly WebSocket: typeof WebSocket;

  #open = new Set<Line>();
  #listeners = new Set<(event: FaultEvent) => void>();
  #blockTimer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- the class below is the socket's `this`
    const wire = this;
    this.WebSocket = class FaultySocket extends WebSocket {
      readonly line: Line;

      constructor(url: string | URL, protocols?: string | string[]) {
        super(url, protocols);
        this.line = new Line(this, (data) => super.send(data));
        wire.#open.add(this.line);
        // First of all listeners on this socket, so that it can keep a frame from those that follow.
        this.addEventListener('message', (event) => wire.#handleMessage(this.line, event));
        this.addEventListener('close', () => {
          this.line.flush();
          wire.#gone(this.line);
        });
        // Closing a socket that is still connecting makes it fail as an unreachable relay does: code 1006, never opened.
        if (wire.broken.get().blockedUntil > Date.now()) super.close();
      }

      override send(data: Sendable): void {
        wire.#handleSend(this.line, data);
      }

      override close(code?: number, reason?: string): void {
        wire.#gone(this.line);
        super.close(code, reason);
      }
    };
  }

  /** Closes the real socket, now. */
  cut(): void {
    this.#tell({ kind: 'cut' });
    this.#closeAll();
  }

  /** Leaves the socket open and swallows every frame in both directions, until the package gives it up. */
  silence(): void {
    if (this.broken.get().silentSince > 0 || this.#open.size === 0) return;
    this.#break({ silentSince: Date.now() });
    this.#tell({ kind: 'silent' });
  }

  /** Keeps the answers to heartbeats from the relay, until that gives the connection up; everything else passes. */
  mute(): void {
    if (this.broken.get().muteSince > 0 || this.#open.size === 0) return;
    this.#break({ muteSince: Date.now() });
    this.#tell({ kind: 'mute' });
  }

  /** Cuts, and lets no new socket open for a while. */
  block(forMs: number): void {
    this.#break({ blockedUntil: Date.now() + forMs });
    this.#tell({ kind: 'blocked', ms: forMs });
    clearTimeout(this.#blockTimer);
    this.#blockTimer = setTimeout(() => this.unblock(), forMs);
    this.#closeAll();
  }

  /** New sockets may open again. */
  unblock(): void {
    clearTimeout(this.#blockTimer);
    if (this.broken.get().blockedUntil === 0) return;
    this.#break({ blockedUntil: 0 });
    this.#tell({ kind: 'block-end' });
  }

  /** Everything passes so much later, in order, in each direction; 0 ends it. */
  slow(delayMs: number): void {
    if (delayMs === this.broken.get().delayMs) return;
    this.#break({ delayMs });
    this.#tell(delayMs > 0 ? { kind: 'slow', ms: delayMs } : { kind: 'slow-end' });
  }

  /** Tells the relay of another token for the open connection, past the package: what a page does whose sign-in gave it a short one. */
  replaceToken(token: string, lastsS: number): void {
    for (const line of this.#open) line.sendNow(refreshMessage(OWN_ID, token));
    this.#tell({ kind: 'token-short', s: lastsS });
  }

  listen(run: (event: FaultEvent) => void): () => void {
    this.#listeners.add(run);
    return () => this.#listeners.delete(run);
  }

  /** Nothing of it goes on by itself. */
  destroy(): void {
    clearTimeout(this.#blockTimer);
    this.#listeners.clear();
  }

  #handleMessage(line: Line, event: MessageEvent): void {
    if (line.isLate(event)) return; // held up before, and on its way now
    const { silentSince, delayMs } = this.broken.get();
    if (silentSince > 0) return event.stopImmediatePropagation();
    const answer = isAnswerTo(OWN_ID, event.data);
    if (answer !== undefined) {
      // The package did not ask.
      event.stopImmediatePropagation();
      if (answer === 'refused') this.#tell({ kind: 'token-refused' });
      return;
    }
    this.counts.framesIn += 1;
    this.counts.bytesIn += sizeOf(event.data);
    if (delayMs === 0 && !line.isHeldUp('in')) return;
    event.stopImmediatePropagation();
    line.deliverLater(event, delayMs);
  }

  #handleSend(line: Line, data: Sendable): void {
    const { silentSince, muteSince, delayMs } = this.broken.get();
    if (silentSince > 0 || (muteSince > 0 && isPong(data))) return;
    // A frame that was held up may be answered after the end: a real socket would not have delivered it any more.
    if (line.socket.readyState > WebSocket.OPEN) return;
    this.counts.framesOut += 1;
    this.counts.bytesOut += sizeOf(data);
    if (delayMs === 0 && !line.isHeldUp('out')) line.sendNow(data);
    else line.sendLater(data, delayMs);
  }

  #closeAll(): void {
    for (const line of [...this.#open]) WebSocket.prototype.close.call(line.socket);
  }

  /** A socket that closed, or that the package closed: what was wrong with it dies with it, the next socket is a healthy one. */
  #gone(line: Line): void {
    line.end();
    if (!this.#open.delete(line)) return;
    const { silentSince, muteSince } = this.broken.get();
    this.#break({ silentSince: 0, muteSince: 0 });
    if (silentSince > 0) this.#tell({ kind: 'silent-end' });
    if (muteSince > 0) this.#tell({ kind: 'mute-end' });
  }

  #break(change: Partial<Broken>): void {
    const next = { ...this.broken.get(), ...change };
    const before = this.broken.get();
    if ((Object.keys(next) as (keyof Broken)[]).some((key) => next[key] !== before[key])) this.broken.set(next);
  }

  #tell(event: FaultEvent): void {
    for (const run of [...this.#listeners]) run(event);
  }
}

type Sendable = string | ArrayBufferLike | Blob | ArrayBufferView<ArrayBuffer>;

/** What is under way on one socket, while its wire is slow: in order, each way for itself. */
class Line {
  #waiting = { in: [] as (() => void)[], out: [] as (() => void)[] };
  #due = { in: 0, out: 0 };
  #late = new WeakSet<Event>();
  #ended = false;

  constructor(
    readonly socket: WebSocket,
    readonly sendNow: (data: Sendable) => void,
  ) {}

  isLate(event: Event): boolean {
    return this.#late.has(event);
  }

  /** Whether something is under way that may not be overtaken. */
  isHeldUp(way: 'in' | 'out'): boolean {
    return this.#waiting[way].length > 0;
  }

  deliverLater(event: MessageEvent, delayMs: number): void {
    this.#later('in', delayMs, () => {
      const again = new MessageEvent('message', { data: event.data, origin: event.origin });
      this.#late.add(again);
      this.socket.dispatchEvent(again);
    });
  }

  sendLater(data: Sendable, delayMs: number): void {
    // The package may use the memory again: what is sent later is a copy.
    const copy = ArrayBuffer.isView(data) ? data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength) : data;
    this.#later('out', delayMs, () => {
      if (this.socket.readyState === WebSocket.OPEN) this.sendNow(copy);
    });
  }

  /** What the relay sent before it closed comes before the close. */
  flush(): void {
    for (const run of this.#waiting.in.splice(0)) run();
  }

  /** Nobody waits for the rest any more. */
  end(): void {
    this.#ended = true;
    this.#waiting = { in: [], out: [] };
  }

  #later(way: 'in' | 'out', delayMs: number, run: () => void): void {
    const now = performance.now();
    const due = Math.max(this.#due[way], now + delayMs * (1 + JITTER_SHARE * (Math.random() - 0.5)));
    this.#due[way] = due;
    this.#waiting[way].push(run);
    setTimeout(() => {
      // Timers of the same moment keep their order, and a flush may have been faster.
      if (!this.#ended) this.#waiting[way].shift()?.();
    }, due - now);
  }
}
