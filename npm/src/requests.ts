/** Requests that wait for their outcome: a number for the core, a promise for the page. */

import { PulsewireError } from './errors.js';
import type { Core } from './core.js';

interface Waiting {
  resolve(value: never): void;
  reject(error: PulsewireError): void;
}

export class Requests {
  #next = 1;
  readonly #waiting = new Map<number, Waiting>();

  /** Sends a request. Every one is settled exactly once: by the core, or by `failAll`. */
  make<T>(core: Core | undefined, send: (core: Core, request: number) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (core === undefined) {
        reject(
          new PulsewireError({ code: 'unavailable', message: 'not connected: nothing was sent; call connect() first', retryable: true }),
        );
        return;
      }
      const request = this.#next++;
      this.#waiting.set(request, { resolve: resolve as (value: never) => void, reject });
      try {
        send(core, request);
      } catch (error) {
        this.#waiting.delete(request);
        reject(toPulsewireError(error));
      }
    });
  }

  settle(request: number, value: unknown): void {
    this.#take(request)?.resolve(value as never);
  }

  fail(request: number, error: { code: string; message: string; retryable?: boolean; retryAfterMs?: number }): void {
    this.#take(request)?.reject(new PulsewireError(error));
  }

  failAll(error: { code: string; message: string; retryable?: boolean }): void {
    for (const request of [...this.#waiting.keys()]) this.fail(request, error);
  }

  #take(request: number): Waiting | undefined {
    const waiting = this.#waiting.get(request);
    this.#waiting.delete(request);
    return waiting;
  }
}

/** The wasm throws plain errors with a `code`. */
function toPulsewireError(error: unknown): PulsewireError {
  if (error instanceof PulsewireError) return error;
  const { code, message } = error as { code?: unknown; message?: unknown };
  return new PulsewireError({ code: typeof code === 'string' ? code : 'internal', message: String(message ?? error) }, { cause: error });
}
