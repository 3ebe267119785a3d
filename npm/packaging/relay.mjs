// The smallest relay that a packed client can connect to: it welcomes, and sends one device status and one column of points.
import { decode, encode } from 'cborg';
import { WebSocketServer } from 'ws';

const map = fields => new Map(Object.entries(fields).map(([key, value]) => [Number(key), value]));

/** Listens on a free port of the loopback; gives its address and how to stop it. */
export async function startRelay() {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await new Promise(resolve => server.once('listening', resolve));
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
  const { port } = server.address();
  return {
    url: `ws://127.0.0.1:${port}/ws`,
    stop: () => {
      for (const client of server.clients) client.terminate();
      server.close();
    },
  };
}
