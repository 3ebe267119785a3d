/**
 * The WebSocket the page gives to the package, with a wire that can be broken on purpose.
 *
 * Faults happen here, under the package: it sees a socket that closes, stays silent or never opens, as in a real network, and nothing
 * about the UI is touched. Limit: a browser cannot drop a TCP connection, so `cut` is a real close of the socket started from this side.
 */
export interface WireCounts {
  framesIn: number;
  framesOut: number;
  bytesIn: number;
  bytesOut: number;
}

export type FaultEvent = { kind: 'cut' } | { kind: 'silent' } | { kind: 'silent-end' } | { kind: 'blocked'; forMs: number } | { kind: 'block-end' };

function sizeOf(data: unknown): number {
  if (typeof data === 'string') return data.length;
  if (data instanceof ArrayBuffer) return data.byteLength;
  if (ArrayBuffer.isView(data)) return data.byteLength;
  return data instanceof Blob ? data.size : 0;
}

/** One wire: the socket class to hand to `createPulsewire`, and the hands on it. */
export class Wire {
  readonly counts: WireCounts = { framesIn: 0, framesOut: 0, bytesIn: 0, bytesOut: 0 };
  /** Since when the open socket swallows everything; 0 while it does not. */
  silentSince = 0;
  /** Until when no new socket may open; in the past while they may. */
  blockedUntil = 0;
  readonly WebSocket: typeof WebSocket;

  #open = new Set<WebSocket>();
  #listeners = new Set<(event: FaultEvent) => void>();
  #blockTimer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- the class below is the socket's `this`
    const wire = this;
    this.WebSocket = class FaultySocket extends WebSocket {
      constructor(url: string | URL, protocols?: string | string[]) {
        super(url, protocols);
        wire.#open.add(this);
        // First of all listeners on this socket, so that it can keep a frame from those that follow.
        this.addEventListener('message', (event) => {
          if (wire.silentSince > 0) {
            event.stopImmediatePropagation();
            return;
          }
          wire.counts.framesIn += 1;
          wire.counts.bytesIn += sizeOf(event.data);
        });
        this.addEventListener('close', () => wire.#gone(this));
        // Closing a socket that is still connecting makes it fail as an unreachable relay does: code 1006, never opened.
        if (wire.blockedUntil > Date.now()) super.close();
      }

      override send(data: string | ArrayBufferLike | Blob | ArrayBufferView<ArrayBuffer>): void {
        if (wire.silentSince > 0) return;
        wire.counts.framesOut += 1;
        wire.counts.bytesOut += sizeOf(data);
        super.send(data);
      }

      override close(code?: number, reason?: string): void {
        wire.#gone(this);
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
    if (this.silentSince > 0 || this.#open.size === 0) return;
    this.silentSince = Date.now();
    this.#tell({ kind: 'silent' });
  }

  /** Cuts, and lets no new socket open for a while. */
  block(forMs: number): void {
    this.blockedUntil = Date.now() + forMs;
    this.#tell({ kind: 'blocked', forMs });
    clearTimeout(this.#blockTimer);
    this.#blockTimer = setTimeout(() => this.#tell({ kind: 'block-end' }), forMs);
    this.#closeAll();
  }

  listen(run: (event: FaultEvent) => void): () => void {
    this.#listeners.add(run);
    return () => this.#listeners.delete(run);
  }

  #closeAll(): void {
    for (const socket of [...this.#open]) WebSocket.prototype.close.call(socket);
  }

  /** A socket that closed, or that the package closed: silence dies with it, the next socket is a healthy one. */
  #gone(socket: WebSocket): void {
    if (!this.#open.delete(socket) || this.silentSince === 0) return;
    this.silentSince = 0;
    this.#tell({ kind: 'silent-end' });
  }

  #tell(event: FaultEvent): void {
    for (const run of this.#listeners) run(event);
  }
}
