/**
 * Requests over HTTP for the core, while there is no socket (row C10): it says what to post where, and keeps the deadlines.
 *
 * Why this is no lazily loaded chunk: it is needed when the network is bad, and browsers remember a failed import for the life of the page.
 */

/** How a request ended: `status` 0 where there was no answer at all. */
export type Answered = (fetch: number, status: number, code: string, retryAfterMs: number | undefined, body: Uint8Array) => void;

const NOTHING = new Uint8Array();
const CBOR = 'application/cbor';

export class Http {
  readonly #base: string;
  readonly #answered: Answered;
  readonly #running = new Map<number, AbortController>();

  constructor(socketUrl: string, answered: Answered) {
    this.#base = httpBase(socketUrl);
    this.#answered = answered;
  }

  async post(number: number, path: string, token: string, body: Uint8Array): Promise<void> {
    const abort = new AbortController();
    this.#running.set(number, abort);
    let status = 0;
    let code = '';
    let retryAfterMs: number | undefined;
    let bytes = NOTHING;
    try {
      const response = await fetch(this.#base + path, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': CBOR, accept: CBOR },
        body: body as BufferSource,
        cache: 'no-store',
        credentials: 'omit',
        // What is sent is about patients: it goes to the relay and nowhere else.
        redirect: 'error',
        signal: abort.signal,
      });
      const type = response.headers.get('content-type') ?? '';
      if (type.startsWith(CBOR)) bytes = new Uint8Array(await response.arrayBuffer());
      else if (type.includes('json')) {
        const problem: { code?: unknown; retryAfterMs?: unknown } = await response.json();
        if (typeof problem.code === 'string') code = problem.code;
        if (typeof problem.retryAfterMs === 'number') retryAfterMs = problem.retryAfterMs;
      }
      const seconds = Number(response.headers.get('retry-after') || Number.NaN);
      retryAfterMs ??= seconds >= 0 ? seconds * 1000 : undefined;
      status = response.status;
    } catch {
      // Aborted, refused, cut off, blocked by the page's policy, or a body that is not what it says: all that the core needs is status 0.
    }
    if (this.#running.get(number) !== abort) return;
    this.#running.delete(number);
    this.#answered(number, status, code, retryAfterMs, bytes);
  }

  abort(number: number): void {
    const running = this.#running.get(number);
    this.#running.delete(number);
    running?.abort();
  }

  abortAll(): void {
    for (const number of [...this.#running.keys()]) this.abort(number);
  }
}

/** The root of the relay that a socket's address belongs to: `wss://host/live/ws` is at `https://host/live`. */
export function httpBase(socketUrl: string): string {
  const url = new URL(socketUrl);
  return `${url.protocol === 'wss:' ? 'https:' : 'http:'}//${url.host}${url.pathname.replace(/\/ws\/?$|\/$/, '')}`;
}
