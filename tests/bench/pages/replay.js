/**
 * A WebSocket inside the page that replays the stream in a library's own protocol: what is measured is the library, not the browser's sockets.
 *
 * Each frame comes in a task of its own, as from a real socket, and by the clock; all frames are made before. What the library sends is
 * answered by the protocol, also in a task of its own.
 *
 * Trap: it must be there before a library is loaded; engine.io-client keeps the WebSocket that it finds then.
 */
import { named } from '../lib/protocols.mjs';

const TICK_MS = 4;

/** Puts itself in the place of the page's WebSocket; `globalThis.replay.sent` counts. `perSecond` 0: when `replay.release(count)` says so. */
export function replayInstead(name, total, perSecond) {
  const protocol = named(name);
  const frames = Array.from({ length: total }, (_, message) => {
    const frame = protocol.frame(message);
    return typeof frame === 'string' ? frame : frame.buffer.slice(frame.byteOffset, frame.byteOffset + frame.byteLength);
  });
  const state = { sent: 0 };
  globalThis.replay = state;

  class Replayed extends EventTarget {
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
    #tasks = new MessageChannel();
    #started = false;

    constructor(url, protocols) {
      super();
      this.url = String(url);
      this.protocol = [protocols].flat()[0] ?? '';
      this.#tasks.port1.onmessage = ({ data }) => {
        if (data === 'open') this.#open();
        else if (data !== 'frame') this.#tell(data);
        else {
          const frame = frames[state.sent];
          state.sent += 1;
          this.#tell(frame);
        }
      };
      this.#tasks.port2.postMessage('open');
    }
    send(data) {
      if (protocol.answer(data, answer => this.#answer(answer))) this.#start();
    }
    close() {
      this.readyState = 3;
    }
    #tell(data) {
      const event = new MessageEvent('message', { data });
      this.onmessage?.(event);
      this.dispatchEvent(event);
    }
    #answer(frame) {
      this.#tasks.port2.postMessage(typeof frame === 'string' ? frame : frame.buffer.slice(frame.byteOffset, frame.byteOffset + frame.byteLength));
    }
    #open() {
      this.readyState = 1;
      const event = new Event('open');
      this.onopen?.(event);
      this.dispatchEvent(event);
      if (protocol.opened?.(answer => this.#answer(answer)) === 'ready') this.#start();
    }
    #start() {
      if (this.#started) return;
      this.#started = true;
      let posted = 0;
      const post = due => {
        for (; posted < Math.min(due, frames.length); posted += 1) this.#tasks.port2.postMessage('frame');
      };
      if (perSecond === 0) {
        state.release = post;
        post(1);
        return;
      }
      const begun = performance.now();
      const timer = setInterval(() => {
        post(Math.floor(((performance.now() - begun) * perSecond) / 1_000));
        if (posted === frames.length) clearInterval(timer);
      }, TICK_MS);
    }
  }
  globalThis.WebSocket = Replayed;
}
