/**
 * What the core wants done outside the wasm, by number: requests over HTTP, and keeping the messages that wait.
 *
 * The other side is `Driver::outside` in client-wasm/src/driver.rs.
 */

import type { Core } from './core.js';
import { Http } from './http.js';
import type { Requests } from './requests.js';
import type { Saved } from './saved.js';
import type { DeliveryState, PulsewireErrorBody, PulsewireOptions } from './types.js';
import { socketUrl } from './url.js';

type Tell = (code: string, message: string, channel?: string) => void;

export class Outside {
  readonly #options: PulsewireOptions;
  readonly #core: () => Core | undefined;
  readonly #requests: Requests;
  readonly #session: string;
  readonly #error: Tell;
  #http: Http | undefined;
  #saved: Promise<Saved | undefined> | undefined;

  constructor(options: PulsewireOptions, core: () => Core | undefined, requests: Requests, session: string, error: Tell) {
    this.#options = options;
    this.#core = core;
    this.#requests = requests;
    this.#session = session;
    this.#error = error;
  }

  /** Loads what will be needed, while the network is there: what is imported only later may not come at all. */
  prepare(): Promise<unknown> | undefined {
    return this.#openSaved();
  }
  start(url: string): void {
    this.#http = new Http(url, (...answer) => this.#core()?.fetched(...answer));
  }
  stop(): void {
    this.#http?.abortAll();
    this.#http = undefined;
  }
  /** Erases every message that is kept of this relay. */
  async eraseAll(): Promise<void> {
    await (await this.#openSaved())?.eraseAll();
  }
  /** Lets go of the database, and of the messages in it. */
  async end(): Promise<void> {
    (await this.#saved)?.end();
  }

  handle(kind: number, number: number, a: string, b: unknown, c: unknown): void {
    switch (kind) {
      case 0:
        void this.#http?.post(number, a, b as string, c as Uint8Array);
        break;
      case 1:
        this.#http?.abort(number);
        break;
      case 2:
        void this.#restore(a);
        break;
      case 3:
        void this.#openSaved()?.then(saved => saved?.save(a, b as Uint8Array));
        break;
      case 4:
        void this.#openSaved()?.then(saved => saved?.forget(a));
        break;
      case 5:
        void this.#openSaved()?.then(saved => saved?.erase());
        break;
      default:
        this.#delivery(number, a as DeliveryState, b as string, c as PulsewireErrorBody | undefined);
    }
  }

  #delivery(request: number, state: DeliveryState, channel: string, failure: PulsewireErrorBody | undefined): void {
    this.#requests.delivery(request, state);
    // Of a former life of the page: no promise waits for it, and it must not go in silence.
    if (request === 0 && failure !== undefined) this.#error(failure.code, `a message from before the reload: ${failure.message}`, channel);
  }

  /** The messages that are kept over a reload; `undefined` where the page does not want that. */
  #openSaved(): Promise<Saved | undefined> | undefined {
    if (this.#options.persistOutbox !== true) return undefined;
    this.#saved ??= import('./saved.js').then(
      ({ Saved }) => {
        const relay = socketUrl(this.#options.url).replace(/\?.*/, '');
        return new Saved(relay, this.#session, message => this.#error('outbox_not_saved', message));
      },
      (error: unknown) => {
        const why = error instanceof Error ? error.message : String(error);
        this.#error('outbox_not_saved', `messages that wait are not kept over a reload: ${why}`);
        return undefined;
      },
    );
    return this.#saved;
  }

  /** Always answers: what is queued meanwhile waits for it. */
  async #restore(scope: string): Promise<void> {
    const core = this.#core();
    const entries = (await (await this.#openSaved())?.open(scope)) ?? [];
    if (core === this.#core()) core?.restored(scope, entries);
  }
}
