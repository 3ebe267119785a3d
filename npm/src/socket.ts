/**
 * The sockets of a client: its own, or with `shareConnection` one shared with the other tabs.
 *
 * The constructor is watched: should the wasm trap, nobody else knows the socket that it left open.
 */

import { PulsewireError } from './errors.js';
import type { Tabs } from './tabs/index.js';
import type { PulsewireOptions } from './types.js';

type Constructor = NonNullable<PulsewireOptions['WebSocket']>;

export class SocketKeeper {
  readonly #options: PulsewireOptions;
  #open: WebSocket | undefined;
  #tabs: Tabs | undefined;
  /** Whose tabs may share the next connection; nothing where nobody can tell. */
  #whose = '';

  constructor(options: PulsewireOptions) {
    this.#options = options;
  }

  /** Throws where there is no WebSocket at all. */
  check(): void {
    this.#made();
  }

  /** Loads what sharing takes; where it cannot be, or cannot be had, this client is on its own. */
  async prepare(problem: (code: string, message: string) => void): Promise<void> {
    if (this.#options.shareConnection !== true || this.#tabs !== undefined) return;
    try {
      const { isShareable, Tabs } = await import('./tabs/index.js');
      if (isShareable()) this.#tabs ??= new Tabs((url, protocols) => new (this.#made())(url, protocols));
    } catch (error) {
      problem('not_shared', `this tab has a connection of its own: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** The token of the connection to come: only tabs of the same relay, tenant and user share one. */
  identify(url: string, token: unknown): void {
    this.#whose = '';
    if (this.#tabs === undefined || typeof token !== 'string') return;
    try {
      const part = token.split('.')[1] ?? '';
      const bytes = Uint8Array.from(atob(part.replace(/-/g, '+').replace(/_/g, '/')), char => char.charCodeAt(0));
      const { tenant, sub } = JSON.parse(new TextDecoder().decode(bytes)) as { tenant?: unknown; sub?: unknown };
      if (typeof tenant !== 'string' || typeof sub !== 'string') return;
      this.#whose = JSON.stringify(['pulsewire', url.replace(/\?.*/, ''), tenant, sub]);
      this.#tabs.identify(this.#whose);
    } catch {
      // No token that can be read: the relay will say what is wrong with it, on a connection of this tab's own.
    }
  }

  /** Whether this tab is the one to tell the user what every tab knows. */
  isFirst(what: string): Promise<boolean> | undefined {
    return this.#whose === '' ? undefined : this.#tabs?.isFirst(what);
  }

  #made(): Constructor {
    const Socket = this.#options.WebSocket ?? (globalThis.WebSocket as Constructor | undefined);
    if (typeof Socket === 'function') return Socket;
    throw new PulsewireError({
      code: 'no_websocket',
      message: 'this environment has no WebSocket: pass a constructor as options.WebSocket (in Node 20 that of the package ws)',
    });
  }

  /** For the wasm: looks up the constructor anew each time, so that a test may replace the page's. */
  constructorFor(): unknown {
    const make = (url: string, protocols: string): WebSocket => {
      const tabs = this.#whose === '' ? undefined : this.#tabs;
      const socket = tabs?.socket(url, protocols) ?? new (this.#made())(url, protocols);
      this.#open = socket;
      return socket;
    };
    // The wasm calls it with `new`, which an arrow function refuses; what it returns is what `new` gives.
    function open(url: string, protocols: string): WebSocket {
      return make(url, protocols);
    }
    return open;
  }

  closeOpen(): void {
    const socket = this.#open;
    this.#open = undefined;
    if (socket === undefined) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  end(): void {
    this.#open = undefined;
    this.#tabs?.end();
    this.#tabs = undefined;
  }
}
