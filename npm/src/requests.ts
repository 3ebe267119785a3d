/**
 * Requests that wait for their outcome: a number for the core, a promise for the page.
 *
 * A publication that only waited in the outbox when the wasm trapped is handed to the fresh core under the same number and the
 * same idempotency key; one that was sent is `unknown`. Everything else fails then, and says that it may be tried again.
 */

import type { Core } from './core.js';
import { PulsewireError } from './errors.js';
import { Source } from './observable.js';
import type { Delivery, DeliveryState, PublishResult, PulsewireErrorCode } from './types.js';

interface Waiting {
  resolve(value: never): void;
  reject(error: PulsewireError): void;
  /** Of what goes through the outbox: where it is, and how to hand it to another core. */
  queued?: { step(state: DeliveryState): void; now(): DeliveryState; send: Send };
}
/** Messages that may wait for the wasm to be there. */
const MAX_EARLY = 1_000;

type Send = (core: Core, request: number) => void;
type Failure = { code: PulsewireErrorCode; message: string; retryable?: boolean; retryAfterMs?: number };

export class Requests {
  #next = 1;
  readonly #waiting = new Map<number, Waiting>();

  /** Sends a request. Every one is settled exactly once: by the core, or by `failAll`. */
  make<T>(core: Core | undefined, send: Send): Promise<T> {
    return this.#make<T>(core, send);
  }

  /** Publishes: `state` tells where the message is on its way. With `early` it may wait for a core that is being loaded. */
  publish(core: Core | undefined, send: Send, queued: boolean, early: boolean): Delivery {
    let now: DeliveryState = queued ? 'queued' : 'sent';
    const state = new Source<DeliveryState>(() => now);
    const step = (next: DeliveryState) => {
      if (next === now) return;
      now = next;
      state.changed();
    };
    const outcome = this.#make<number>(core, send, queued ? { step, now: () => now, send } : undefined, early).then(
      (offset): PublishResult => {
        step('confirmed');
        return { offset };
      },
      (error: PulsewireError) => {
        step(error.code === 'unknown' ? 'unknown' : 'failed');
        throw error;
      },
    );
    return Object.assign(outcome, { state });
  }

  #make<T>(core: Core | undefined, send: Send, queued?: Waiting['queued'], early = false): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const waits = core === undefined && early && queued !== undefined && this.#waiting.size < MAX_EARLY;
      if (core === undefined && !waits) {
        reject(
          new PulsewireError({ code: 'unavailable', message: 'not connected: nothing was sent; call connect() first', retryable: true }),
        );
        return;
      }
      const request = this.#next++;
      const waiting: Waiting = { resolve: resolve as (value: never) => void, reject };
      if (queued !== undefined) waiting.queued = queued;
      this.#waiting.set(request, waiting);
      if (core !== undefined) this.#send(core, request, send);
    });
  }

  /** A message went a step on its way; how it ends is told by `settle` and `fail`. */
  delivery(request: number, state: DeliveryState): void {
    if (state === 'queued' || state === 'sent') this.#waiting.get(request)?.queued?.step(state);
  }

  settle(request: number, value: unknown): void {
    this.#take(request)?.resolve(value as never);
  }

  fail(request: number, error: Failure): void {
    this.#take(request)?.reject(new PulsewireError(error));
  }

  failAll(error: Failure): void {
    for (const request of [...this.#waiting.keys()]) this.fail(request, error);
  }

  /** The core is dead: what cannot be handed to another one fails. */
  handleTrap(error: Failure): void {
    for (const [request, { queued }] of [...this.#waiting]) {
      const state = queued?.now();
      if (state === undefined) this.fail(request, error);
      else if (state !== 'queued') {
        this.fail(request, { code: 'unknown', message: 'sent, but the wasm failed before the answer: it may or may not have happened' });
      }
    }
  }

  /** A fresh core: it is told what still waits, in the order in which it was published. */
  start(core: Core): void {
    for (const [request, { queued }] of [...this.#waiting]) if (queued !== undefined) this.#send(core, request, queued.send);
  }

  #send(core: Core, request: number, send: Send): void {
    try {
      send(core, request);
    } catch (error) {
      this.#take(request)?.reject(toPulsewireError(error));
    }
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
  return new PulsewireError(
    { code: typeof code === 'string' ? (code as PulsewireErrorCode) : 'internal', message: String(message ?? error) },
    { cause: error },
  );
}
