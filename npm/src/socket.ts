/**
 * The socket's constructor, watched: should the wasm trap, nobody else knows the socket that it left open.
 */

import { PulsewireError } from './errors.js';
import type { PulsewireOptions } from './types.js';

type Constructor = NonNullable<PulsewireOptions['WebSocket']>;

export class SocketKeeper {
  readonly #given: Constructor | undefined;
  #open: WebSocket | undefined;

  constructor(given: Constructor | undefined) {
    this.#given = given;
  }

  /** Throws where there is no WebSocket at all. */
  check(): void {
    this.#made();
  }

  #made(): Constructor {
    const Socket = this.#given ?? (globalThis.WebSocket as Constructor | undefined);
    if (typeof Socket === 'function') return Socket;
    throw new PulsewireError({
      code: 'no_websocket',
      message: 'this environment has no WebSocket: pass a constructor as options.WebSocket (in Node 20 that of the package ws)',
    });
  }

  /** For the wasm: looks up the constructor anew each time, so that a test may replace the page's. */
  constructorFor(): unknown {
    const make = (url: string, protocols: string): WebSocket => {
      const socket = new (this.#made())(url, protocols);
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
}
