// The smallest relay that a packed client can connect to: it welcomes, and sends one device status and one column of points.
//
// It also serves the files of a folder, and gives a token to whoever asks, so that an example can be opened from it.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { decode, encode } from 'cborg';
import { WebSocketServer } from 'ws';

const map = fields => new Map(Object.entries(fields).map(([key, value]) => [Number(key), value]));
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.wasm': 'application/wasm' };

/** Looks like one to the client; nobody checks its signature. */
function token() {
  const part = value => Buffer.from(JSON.stringify(value)).toString('base64url');
  return [part({ alg: 'HS256' }), part({ sub: 'ana', tenant: 'ward', exp: Date.now() / 1000 + 3600 }), 'sig'].join('.');
}

async function serveFile(www, request, response) {
  const { pathname } = new URL(request.url, 'http://localhost');
  if (pathname === '/dev/token') return response.setHeader('content-type', 'application/json').end(JSON.stringify({ token: token() }));
  const file = join(www, pathname === '/' ? 'index.html' : pathname);
  const body = await readFile(file).catch(() => undefined);
  if (body === undefined) return response.writeHead(404).end();
  return response.setHeader('content-type', TYPES[extname(file)] ?? 'application/octet-stream').end(body);
}

/** Listens on a free port of the loopback; gives its addresses and how to stop it. `www`: the folder whose files it serves. */
export async function startRelay(www) {
  const http = createServer((request, response) => {
    if (www === undefined) response.writeHead(404).end();
    else void serveFile(www, request, response);
  });
  await new Promise(resolve => http.listen(0, '127.0.0.1', resolve));
  const server = new WebSocketServer({ server: http });
  server.on('connection', socket => {
    const say = fields => socket.send(encode(map(fields), { float64: true }));
    socket.on('message', data => {
      const message = decode(data, { useMaps: true });
      if (message.get(0) !== 1) return;
      const subscribed = message.get(4).map(entry => map({ 2: entry.get(1), 3: 'e', 4: 0, 5: true, 6: [], 7: [] }));
      const limits = map({ 1: 65_536, 2: 256, 3: 50, 4: 1_048_576 });
      const now = Date.now();
      say({
        0: 1,
        1: message.get(1),
        2: 'c',
        3: 'n',
        4: 'ana',
        5: 'ward',
        6: now,
        7: 30_000,
        8: 60_000,
        9: now + 3_600_000,
        10: limits,
        11: subscribed,
      });
      say({ 0: 4, 1: 'device:bed-1', 2: 1, 3: now, 4: map({ 1: 'bed-1', 2: 1, 3: 0.5 }), 5: 1 });
      const series = new Map([['heart_rate', map({ 1: [now - 2000, now - 1000, now], 2: [70, 71, 72], 3: 'bpm' })]]);
      say({ 0: 4, 1: 'device:bed-1', 2: 2, 3: now, 4: map({ 1: 'bed-1', 2: series }), 5: 2 });
    });
  });
  const { port } = http.address();
  return {
    url: `ws://127.0.0.1:${port}/ws`,
    page: `http://127.0.0.1:${port}/`,
    stop: () => {
      for (const client of server.clients) client.terminate();
      http.close();
      http.closeAllConnections();
    },
  };
}
