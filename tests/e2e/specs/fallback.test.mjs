// Where the WebSocket does not get through, and where nothing does: HTTP instead, messages that wait, and nothing lost or doubled.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { Bench } from '../lib/bench.mjs';
import { eventually } from '../lib/eventually.mjs';

const oneTo = (count) => Array.from({ length: count }, (_, index) => index + 1);

describe('a network that lets less through', () => {
  let bench;
  let page;
  before(async () => {
    bench = await Bench.open();
  });
  afterEach(async () => {
    bench.proxy.heal();
    assert.deepEqual(page?.complaints ?? [], []);
    await page?.close();
    page = undefined;
  });
  after(() => bench?.close());

  for (const how of ['refuse', 'answer', 'hang']) {
    test(`upgrades blocked from the start (${how}): polling within 15 s, the socket within 30 s of unblocking, nothing lost or doubled`, async (t) => {
      const channel = `ward:blocked-${how}`;
      bench.proxy.block('ws', how);
      const startedAt = Date.now();
      page = await bench.page({ channel });
      await page.is('polling', 15_000);
      t.diagnostic(`polling after ${Date.now() - startedAt} ms`);
      await bench.publish(channel, 1, 50);
      await page.has(50);
      // What is typed while polling goes out by HTTP.
      await page.page.evaluate((name) => window.bench.type(name, 1, 20), channel);
      await eventually('all that was typed is confirmed', async () => Object.values(await page.read('deliveries')).every((state) => state === 'confirmed'), 20_000);
      bench.proxy.heal();
      const healedAt = Date.now();
      // Publications go on through the switch.
      let published = 50;
      await eventually(
        'the page has a socket again',
        async () => {
          await bench.publish(channel, published + 1, published + 5);
          published += 5;
          return (await page.state()) === 'connected';
        },
        30_000,
        200,
      );
      t.diagnostic(`connected ${Date.now() - healedAt} ms after unblocking`);
      await bench.publish(channel, published + 1, published + 20);
      await page.has(published + 20);
      assert.deepEqual(await bench.history(channel, 'typed'), oneTo(20));
      assert.deepEqual(await page.read('resyncs'), []);
      assert.deepEqual(await page.read('errors'), []);
    });
  }

  test('a socket that dies and does not come back: over to polling and back again, publications all the while', async (t) => {
    const channel = 'ward:there-and-back';
    page = await bench.page({ channel });
    await page.is('connected');
    let published = 0;
    const flowsUntil = (what, state, ms) =>
      eventually(
        what,
        async () => {
          await bench.publish(channel, published + 1, published + 5);
          published += 5;
          return (await page.state()) === state;
        },
        ms,
        100,
      );
    bench.proxy.block('ws');
    bench.proxy.cut({ kind: 'ws' });
    await flowsUntil('the page polls', 'polling', 15_000);
    await page.has(published);
    bench.proxy.heal();
    await flowsUntil('the page has a socket again', 'connected', 30_000);
    await page.has(published);
    t.diagnostic(`${published} publications`);
    assert.deepEqual(await page.read('resyncs'), []);
  });

  test('100 messages typed offline, the page reloaded, 10 more, the network back: the relay has each once, in order', async (t) => {
    const channel = 'ward:offline';
    page = await bench.page({ channel, persistOutbox: true, before: (tab) => bench.serveOffline(tab) });
    await page.is('connected');
    bench.proxy.block('all');
    bench.proxy.cut();
    await page.isNot('connected');
    await page.page.evaluate((name) => window.bench.type(name, 1, 100), channel);
    await eventually('all of them wait', async () => Object.values(await page.read('deliveries')).filter((state) => state === 'queued').length === 100);
    // A message is safe once the browser has written it, some milliseconds after it was typed.
    await eventually('the browser has written all of them', async () => (await page.kept()) === 100);
    await page.reload();
    await page.page.evaluate((name) => window.bench.type(name, 101, 110), channel);
    assert.deepEqual(await bench.history(channel, 'typed'), []);
    bench.proxy.heal();
    const healedAt = Date.now();
    await eventually('the relay has them all', async () => (await bench.history(channel, 'typed')).length >= 110, 60_000);
    t.diagnostic(`complete ${Date.now() - healedAt} ms after the network came back`);
    assert.deepEqual(await bench.history(channel, 'typed'), oneTo(110));
    await eventually('nothing waits any more', async () => (await page.page.evaluate(() => window.bench.client.outbox.get().length)) === 0);
    // Nothing of it is sent again by the next life of the page.
    await page.reload();
    await page.is('connected');
    await bench.publish(channel, 1, 1);
    await page.has(1);
    assert.deepEqual(await bench.history(channel, 'typed'), oneTo(110));
  });
});
