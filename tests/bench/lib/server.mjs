/** Serves the pages, and with `--via socket` replays the stream over real WebSockets: frames are made before, and go out by the clock. */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { WebSocketServer } from 'ws';
import { planned } from './frames.mjs';

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' };

/** `folders`: which folder serves which beginning of a path. */
export async function startServer(folders) {
  /** What the next page is to get. */
  let plan;
  const http = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    const [prefix, folder] = Object.entries(folders).find(([prefix]) => pathname.startsWith(prefix)) ?? [];
    const file = folder && join(folder, pathname.slice(prefix.length));
    const body = file && (await readFile(file).catch(() => undefined));
    if (body === undefined) return response.writeHead(404).end();
    return response.setHeader('content-type', TYPES[extname(file)] ?? 'application/octet-stream').end(body);
  });
  await new Promise(resolve => http.listen(0, '127.0.0.1', resolve));
  const sockets = new WebSocketServer({ server: http, perMessageDeflate: false });
  sockets.on('connection', socket => {
    const { protocol, frames, state } = plan;
    const send = frame => socket.send(frame, { binary: typeof frame !== 'string' });
    let started = false;
    const start = () => {
      if (started) return;
      started = true;
      const begun = performance.now();
      const timer = setInterval(() => {
        const passedMs = performance.now() - begun;
        for (; state.frames < frames.length && frames[state.frames].dueMs <= passedMs; state.frames += 1) {
          send(frames[state.frames].data);
          state.sent = frames[state.frames].upTo;
        }
        if (state.frames === frames.length) clearInterval(timer);
      }, 4);
      socket.on('close', () => clearInterval(timer));
    };
    socket.on('message', (frame, binary) => {
      if (protocol.answer(binary ? frame : String(frame), send)) start();
    });
    if (protocol.opened?.(send) === 'ready') start();
  });
  return {
    url: `http://127.0.0.1:${http.address().port}`,
    /** Sets what the next connection gets; `sent()` says how far it is. */
    prepare(protocol, stream) {
      const state = { sent: 0, frames: 0 };
      plan = { protocol, frames: planned(protocol, stream), state };
      return { sent: () => state.sent };
    },
    stop() {
      for (const client of sockets.clients) client.terminate();
      http.close();
      http.closeAllConnections();
    },
  };
}
