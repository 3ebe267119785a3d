/**
 * A WebSocket inside the page that replays the stream in a library's own protocol: what is measured is the library, not the browser's sockets.
 *
 * Each frame comes as an event in a task of its own, from another thread (replay-worker.js), as from a real socket; all frames are made
 * before. What the library sends is answered by the protocol, also in a task of its own.
 *
 * Trap: it must be there before a library is loaded; engine.io-client keeps the WebSocket that it finds then.
 */
import { planned } from '../lib/frames.mjs';
import { named } from '../lib/protocols.mjs';
import { asReceived } from './received.js';

/**
 * Puts itself in the place of the page's WebSocket; `globalThis.replay` counts messages and frames. Where all is there at once,
 * they come when `replay.release(count)` says so.
 */
export async function replayInstead(name, stream) {
  const protocol = named(name);
  const upTo = planned(named(name), stream).map(frame => frame.upTo);
  const worker = new Worker('/built/replay-worker.js', { type: 'module' });
  const state = { sent: 0, frames: 0, release: count => worker.postMessage(count) };
  globalThis.replay = state;
  await new Promise(resolve => {
    worker.onmessage = resolve;
    worker.postMessage({ name, stream });
  });

  globalThis.WebSocket = class {
    static CONNECTING = 0;
    static OPEN = 1;
    static CLOSING = 2;
    static CLOSED = 3;
    CONNECTING = 0;
    OPEN = 1;
    CLOSING = 2;
    CLOSED = 3;
    binaryType = 'blob';
    bufferedAmount = 0;
    extensions = '';
    readyState = 0;
    #started = false;

    constructor(url, protocols) {
      this.url = String(url);
      this.protocol = [protocols].flat()[0] ?? '';
      setTimeout(() => this.#open());
    }
    addEventListener() {
      throw new Error('the replayed socket has on… handlers only, which is what the libraries use');
    }
    send(data) {
      if (protocol.answer(data, answer => this.#answer(answer))) this.#start();
    }
    close() {
      this.readyState = 3;
    }
    #answer(frame) {
      setTimeout(() => this.onmessage?.(new MessageEvent('message', { data: asReceived(frame) })));
    }
    #open() {
      this.readyState = 1;
      this.onopen?.(new Event('open'));
      if (protocol.opened?.(answer => this.#answer(answer)) === 'ready') this.#start();
    }
    #start() {
      if (this.#started) return;
      this.#started = true;
      worker.onmessage = event => {
        state.sent = upTo[state.frames];
        state.frames += 1;
        this.onmessage?.(event);
      };
      // After the answers that are under way.
      setTimeout(() => worker.postMessage(stream.atOnce === stream.total ? upTo[0] : 'start'), 20);
    }
  };
}
