// The fault proxy itself: a test that breaks nothing would prove nothing.
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, beforeEach, describe, test } from 'node:test';
import { eventually } from '../lib/eventually.mjs';
import { FaultProxy } from '../lib/fault-proxy.mjs';

const UPGRADE = 'GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n';
const PLAIN = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';

describe('the fault proxy', () => {
  let echo;
  let proxy;
  const upstreams = new Set();

  before(async () => {
    echo = net.createServer((socket) => {
      upstreams.add(socket);
      socket.on('error', () => {}).once('close', () => upstreams.delete(socket));
      socket.pipe(socket);
    });
    await new Promise((resolve) => echo.listen(0, '127.0.0.1', resolve));
    proxy = await FaultProxy.start(echo.address().port);
  });
  beforeEach(() => proxy.heal());
  after(async () => {
    await proxy.close();
    for (const socket of upstreams) socket.destroy();
    await new Promise((resolve) => echo.close(resolve));
  });

  /** A connection that notes what comes and how it ends. */
  function connect(first) {
    const socket = net.connect({ host: '127.0.0.1', port: proxy.port });
    const seen = { text: '', ended: false, error: undefined, socket, at: [] };
    socket.on('data', (chunk) => {
      seen.text += chunk;
      seen.at.push(Date.now());
    });
    socket.on('end', () => (seen.ended = true));
    socket.on('error', (error) => (seen.error = error.code));
    socket.on('close', () => (seen.closed = true));
    if (first) socket.write(first);
    return seen;
  }
  async function echoing(first) {
    const seen = connect(first);
    await eventually('the head comes back', () => seen.text === first);
    return seen;
  }

  test('passes everything unchanged, both ways, and tells a WebSocket from a request', async () => {
    const [ws, http] = await Promise.all([echoing(UPGRADE), echoing(PLAIN)]);
    const large = 'x'.repeat(3_000_000);
    ws.socket.write(large);
    await eventually('3 MB come back', () => ws.text.length === UPGRADE.length + large.length, 10_000);
    assert.ok(ws.text === UPGRADE + large);
    assert.deepEqual([...proxy.links].map((link) => link.kind).sort(), ['http', 'ws']);
    http.socket.end();
    await eventually('an end is passed on', () => http.closed);
    ws.socket.destroy();
    await eventually('nothing is left', () => proxy.links.size === 0 && upstreams.size === 0);
  });

  test('cuts by RST and by FIN, one kind alone', async () => {
    const [ws, http] = await Promise.all([echoing(UPGRADE), echoing(PLAIN)]);
    proxy.cut({ kind: 'ws', how: 'rst' });
    await eventually('the socket is reset', () => ws.error === 'ECONNRESET');
    assert.equal(http.closed, undefined);
    proxy.cut({ how: 'fin' });
    await eventually('the request ends in order', () => http.ended && http.closed);
    assert.equal(http.error, undefined);
  });

  test('blocks upgrades and lets requests through; blocks everything', async () => {
    proxy.block('ws');
    const ws = connect(UPGRADE);
    await eventually('the upgrade is reset', () => ws.error === 'ECONNRESET');
    (await echoing(PLAIN)).socket.destroy();
    proxy.block('ws', 'answer');
    const answered = connect(UPGRADE);
    await eventually('the upgrade is refused', () => answered.text.startsWith('HTTP/1.1 403') && answered.ended);
    proxy.block('all');
    const http = connect(PLAIN);
    await eventually('the request is reset', () => http.closed && http.text === '');
    proxy.heal();
    (await echoing(UPGRADE)).socket.destroy();
  });

  for (const direction of ['up', 'down']) {
    test(`swallows bytes on the way ${direction} and keeps the socket open, for good`, async () => {
      const ws = await echoing(UPGRADE);
      proxy.stall({ direction });
      const swallowed = proxy.counted.swallowed;
      ws.socket.write('lost');
      await eventually('bytes are swallowed', () => proxy.counted.swallowed === swallowed + 4);
      proxy.heal();
      ws.socket.write('lost, too');
      await eventually('a stream with a hole stays dead', () => proxy.counted.swallowed === swallowed + 13);
      assert.deepEqual([ws.text, ws.closed, ws.ended], [UPGRADE, undefined, false]);
      assert.equal(upstreams.size, 1, "the relay's end stays open, too");
      ws.socket.destroy();
      await eventually('the next one works', async () => (await echoing(UPGRADE)).socket.destroy());
    });
  }

  test('leaves a half-open connection: the far end goes, the near one hears nothing', async () => {
    const ws = await echoing(UPGRADE);
    proxy.halfOpen();
    await eventually('the far end is gone', () => upstreams.size === 0);
    ws.socket.write('anybody there?');
    await eventually('it is swallowed', () => proxy.counted.swallowed > 0);
    assert.deepEqual([ws.text, ws.closed, ws.ended], [UPGRADE, undefined, false]);
    ws.socket.destroy();
  });

  test('carries no more than so many bytes a second', async () => {
    const ws = await echoing(UPGRADE);
    proxy.slow(20_000);
    const began = Date.now();
    ws.socket.write('x'.repeat(20_000));
    await eventually('20 kB come back', () => ws.text.length === UPGRADE.length + 20_000, 20_000);
    assert.ok(Date.now() - began > 900, `20 kB at 20 kB/s came back after ${Date.now() - began} ms`);
    ws.socket.destroy();
  });

  test('drops everything again and again, and lets it through in between', async () => {
    proxy.dropPeriodically({ downMs: 200, everyMs: 500 });
    for (const round of [1, 2]) {
      await eventually(`drop ${round} has begun`, () => proxy.counted.drops >= round);
      let through;
      await eventually('it comes back', async () => {
        through = connect(UPGRADE);
        await eventually('an echo', () => through.text === UPGRADE, 150, 10);
        return true;
      });
      await eventually('it is cut again', () => through.closed);
    }
  });
});
