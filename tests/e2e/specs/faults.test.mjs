// A page behind a network that misbehaves: whatever it does, every publication arrives once, in order.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { Bench } from '../lib/bench.mjs';
import { eventually } from '../lib/eventually.mjs';
import { token } from '../lib/relay.mjs';

// Short beats, so that the watchdog acts within a test's patience. The history is as long as what may be missed at 50 a second.
const ENV = {
  PULSEWIRE_HEARTBEAT__INTERVAL_MS: '1000',
  PULSEWIRE_HEARTBEAT__CLIENT_TIMEOUT_MS: '3000',
  PULSEWIRE_HEARTBEAT__DEAD_AFTER_MS: '5000',
  PULSEWIRE_HISTORY__PUBLICATIONS: '5000',
};
const ALL = process.env.PULSEWIRE_TEST_ALL === '1';
const FLAP_MS = ALL ? 60_000 : 20_000;

describe('a network that misbehaves', () => {
  let bench;
  let page;
  before(async () => {
    bench = await Bench.open({ env: ENV });
  });
  afterEach(async () => {
    bench.proxy.heal();
    assert.deepEqual(page?.complaints ?? [], []);
    await page?.close();
    page = undefined;
  });
  after(() => bench?.close());

  for (const how of ['rst', 'fin']) {
    test(`a cut by ${how.toUpperCase()}: the page comes back by itself and has what it missed`, async () => {
      const channel = `ward:cut-${how}`;
      page = await bench.page({ channel });
      await page.is('connected');
      await bench.publish(channel, 1, 10);
      await page.has(10);
      bench.proxy.block('all');
      bench.proxy.cut({ kind: 'ws', how });
      await page.isNot('connected');
      await bench.publish(channel, 11, 60);
      bench.proxy.heal();
      await page.has(60);
      await bench.publish(channel, 61, 70);
      await page.has(70);
      assert.deepEqual(await page.read('resyncs'), []);
    });
  }

  for (const direction of ['down', 'up', 'both']) {
    test(`a stall (${direction}): bytes vanish, the socket stays open, the page notices and nothing is lost`, async (t) => {
      const channel = `ward:stall-${direction}`;
      page = await bench.page({ channel });
      await page.is('connected');
      await bench.publish(channel, 1, 10);
      await page.has(10);
      const sockets = page.sockets;
      const stalledAt = Date.now();
      bench.proxy.stall({ kind: 'ws', direction });
      await bench.publish(channel, 11, 60);
      // Downwards the page's own watchdog acts after 3 s of silence; upwards the relay misses its pongs for 5 s.
      await page.isNot('connected', 12_000);
      t.diagnostic(`noticed after ${Date.now() - stalledAt} ms`);
      bench.proxy.heal();
      await page.is('connected', 30_000);
      await page.has(60);
      assert.ok(page.sockets > sockets);
      assert.deepEqual(await page.read('resyncs'), []);
    });
  }

  test('a half-open socket is found by the probe as soon as the machine says that it has a network', async (t) => {
    const channel = 'ward:half-open';
    page = await bench.page({ channel });
    await page.is('connected');
    await bench.publish(channel, 1, 5);
    await page.has(5);
    const sockets = page.sockets;
    bench.proxy.halfOpen({ kind: 'ws' });
    await bench.publish(channel, 6, 20);
    const askedAt = Date.now();
    await page.page.evaluate(() => window.dispatchEvent(new Event('online')));
    await page.has(20);
    const took = Date.now() - askedAt;
    t.diagnostic(`back and complete ${took} ms after the signal`);
    assert.ok(page.sockets > sockets);
    assert.deepEqual(await page.read('resyncs'), []);
  });

  test('a slow line delays, and loses nothing', async () => {
    const channel = 'ward:slow';
    page = await bench.page({ channel });
    await page.is('connected');
    bench.proxy.slow(4_000);
    for (let n = 0; n < 400; n += 50) await bench.publish(channel, n + 1, n + 50);
    await page.has(400, 60_000);
    assert.deepEqual(await page.read('resyncs'), []);
  });

  test(`2 s down every 5 s for ${FLAP_MS / 1_000} s while 50 publications a second flow: the page ends with all of them, once, in order`, async (t) => {
    const channel = 'ward:flapping';
    page = await bench.page({ channel });
    await page.is('connected');
    const sockets = page.sockets;
    bench.proxy.dropPeriodically({ downMs: 2_000, everyMs: 5_000 });
    const began = Date.now();
    let published = 0;
    // 50 a second by the clock, however long a request takes.
    while (Date.now() - began < FLAP_MS) {
      const due = Math.floor(((Date.now() - began) * 50) / 1_000);
      if (due > published) await bench.publish(channel, published + 1, due);
      published = Math.max(published, due);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const { drops } = bench.proxy.counted;
    bench.proxy.heal();
    const healedAt = Date.now();
    await page.has(published, 45_000);
    t.diagnostic(`${published} published at 50/s, ${drops} drops, ${page.sockets - sockets} new sockets, complete ${Date.now() - healedAt} ms after the last drop`);
    assert.ok(drops >= FLAP_MS / 5_000 - 1, `${drops} drops`);
    assert.deepEqual(await page.read('resyncs'), []);
  });

  test('a token that ends is refreshed unseen: the same socket, no other state', async (t) => {
    page = await bench.page({ channel: 'ward:token', ttl: 6 });
    await page.is('connected');
    const connectedAt = Date.now();
    // Beyond the end of the first token, the relay's leeway of 5 s included.
    await eventually('the first token has ended', () => Date.now() - connectedAt > 13_000, 20_000);
    await bench.publish('ward:token', 1, 3);
    await page.has(3);
    const reasons = await page.read('reasons');
    t.diagnostic(`asked for: ${reasons}`);
    assert.equal(reasons[0], 'connect');
    assert.ok(reasons.slice(1).every((reason) => reason === 'expiring'), `${reasons}`);
    assert.equal(page.sockets, 1);
    assert.deepEqual((await page.read('states')).map(({ state }) => state).filter((state) => !['idle', 'connecting'].includes(state)), ['connected']);
    assert.deepEqual(await page.read('unauthorized'), []);
  });

  test('a token that ended while the network was away is renewed on the way back, unseen', async () => {
    const channel = 'ward:token-away';
    page = await bench.page({ channel, ttl: 3 });
    await page.is('connected');
    bench.proxy.block('all');
    bench.proxy.cut();
    const cutAt = Date.now();
    await page.isNot('connected');
    await bench.publish(channel, 1, 5);
    const asked = (await page.read('reasons')).length;
    await eventually('the token has ended, its leeway included', () => Date.now() - cutAt > 8_500, 15_000);
    bench.proxy.heal();
    await page.is('connected', 40_000);
    await page.has(5);
    assert.ok((await page.read('reasons')).length > asked);
    assert.deepEqual(await page.read('unauthorized'), []);
  });

  test('a refused token: another one is asked for once, then onUnauthorized, once, and no storm follows', async () => {
    const forged = await token({ sub: 'ana', role: 'nurse', secret: 'some-other-secret-that-the-relay-does-not-know' });
    page = await bench.page({ channel: 'ward:refused', token: forged });
    await eventually('the page is told', async () => (await page.read('unauthorized')).length > 0);
    await page.is('unauthorized');
    const before = { sockets: page.sockets, connections: bench.proxy.counted.connections };
    // Signals that wake a live client must not wake this one.
    for (const signal of ['online', 'focus', 'pageshow']) await page.page.evaluate((name) => window.dispatchEvent(new Event(name)), signal);
    assert.equal(await page.state(), 'unauthorized');
    assert.deepEqual(await page.read('unauthorized'), ['token_invalid']);
    assert.equal((await page.read('reasons')).length, 2);
    assert.deepEqual({ sockets: page.sockets, connections: bench.proxy.counted.connections }, before);
    assert.equal(page.sockets, 2);
    // Signed in again.
    await page.page.evaluate(async () => {
      window.bench.token = undefined;
      await window.bench.client.connect();
    });
    await page.is('connected');
    assert.equal((await page.read('unauthorized')).length, 1);
  });
});
