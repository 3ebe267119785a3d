// Messages that are kept on a shared computer: for their user and nobody else, until the sign-out, and never in silence.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { Bench } from '../lib/bench.mjs';
import { eventually } from '../lib/eventually.mjs';

describe('messages kept on a shared computer', () => {
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

  /** What stands in the browser's storage, as anybody at this computer could read it. */
  const kept = () =>
    page.page.evaluate(
      () =>
        new Promise((resolve, reject) => {
          const opening = indexedDB.open('pulsewire-outbox', 1);
          opening.onupgradeneeded = () => opening.transaction.abort();
          opening.onerror = () => resolve([]);
          opening.onsuccess = () => {
            const all = opening.result.transaction('messages').objectStore('messages').getAllKeys();
            all.onsuccess = () => {
              resolve(all.result.map(([, scope]) => scope));
              opening.result.close();
            };
            all.onerror = () => reject(all.error);
          };
        }),
    );
  const offline = async () => {
    bench.proxy.block('ws');
    bench.proxy.cut({ kind: 'ws' });
    await page.isNot('connected');
  };

  test('what waits is kept, and the sign-out leaves nothing of it', async () => {
    page = await bench.page({ channel: 'ward:out', persistOutbox: true, polling: false });
    await page.is('connected');
    await offline();
    await page.page.evaluate(() => window.bench.type('ward:out', 1, 20));
    await eventually('all are kept', async () => (await kept()).length === 20);
    assert.equal(await page.page.evaluate(() => window.bench.client.outbox.get().length), 20);
    await page.page.evaluate(() => window.bench.client.signOut());
    assert.deepEqual(await kept(), []);
    assert.deepEqual([...new Set(Object.values(await page.read('deliveries')))], ['failed']);
    assert.equal(await page.page.evaluate(() => window.bench.client.outbox.get().length), 0);
    bench.proxy.heal();
    await page.reload();
    await page.is('connected');
    await bench.publish('ward:out', 1, 1);
    await page.has(1);
    assert.deepEqual(await bench.history('ward:out', 'typed'), []);
  });

  test('a reload keeps them; signing out before any connection erases them too', async () => {
    page = await bench.page({ channel: 'ward:early', persistOutbox: true, polling: false });
    await page.is('connected');
    await offline();
    await page.page.evaluate(() => window.bench.type('ward:early', 1, 5));
    await eventually('all are kept', async () => (await kept()).length === 5);
    await page.page.reload();
    await page.page.waitForFunction(() => window.bench !== undefined);
    assert.equal((await kept()).length, 5);
    await page.page.evaluate(async () => {
      const { createPulsewire } = await import('./package/dist/index.js');
      await createPulsewire({ url: '/ws', persistOutbox: true }).signOut();
    });
    assert.deepEqual(await kept(), []);
  });

  test('another user who signs in neither sends them nor leaves them there', async () => {
    page = await bench.page({ channel: 'ward:next', persistOutbox: true, polling: false });
    await page.is('connected');
    await offline();
    await page.page.evaluate(() => window.bench.type('ward:next', 1, 5));
    await eventually('all are kept', async () => (await kept()).length === 5);
    bench.proxy.heal();
    page.options = { ...page.options, user: 'ben' };
    await page.reload();
    await page.is('connected');
    await eventually("the first user's are gone", async () => (await kept()).length === 0);
    await page.page.evaluate(() => window.bench.type('ward:next', 6, 6));
    await eventually("the second one's is there", async () => String(await bench.history('ward:next', 'typed')) === '6');
  });

  test("a tab that lives keeps its messages to itself; what a closed one left goes out from the next page, once", async () => {
    page = await bench.page({ channel: 'ward:tabs', persistOutbox: true, polling: false });
    await page.is('connected');
    await offline();
    await page.page.evaluate(() => window.bench.type('ward:tabs', 1, 5));
    await eventually('all are kept', async () => (await kept()).length === 5);
    const closed = page.page;
    page = await bench.page({ context: page.context, channel: 'ward:tabs', persistOutbox: true, polling: false });
    await page.page.evaluate(() => window.bench.type('ward:tabs', 6, 6));
    await eventually("the second tab's is kept too", async () => (await kept()).length === 6);
    const waiting = () => page.page.evaluate(() => window.bench.client.outbox.get().length);
    assert.equal(await waiting(), 1, 'the first tab lives: its messages are its own');
    await closed.close();
    await page.reload();
    await eventually('what both left waits here', async () => (await waiting()) === 6);
    bench.proxy.heal();
    await eventually('each is there once', async () => (await bench.history('ward:tabs', 'typed')).length >= 6);
    assert.deepEqual((await bench.history('ward:tabs', 'typed')).toSorted((a, b) => a - b), [1, 2, 3, 4, 5, 6]);
  });

  test('a browser that keeps nothing is told of once, and the messages go out all the same', async () => {
    const context = await bench.browser.newContext();
    await context.addInitScript(() => {
      IDBFactory.prototype.open = () => {
        throw new DOMException('not in a private window', 'SecurityError');
      };
    });
    page = await bench.page({ context, channel: 'ward:private', persistOutbox: true });
    await page.is('connected');
    await page.page.evaluate(() => window.bench.type('ward:private', 1, 10));
    await eventually('they are there', async () => (await bench.history('ward:private', 'typed')).length === 10);
    const told = (await page.read('errors')).filter((error) => error.startsWith('outbox_not_saved'));
    assert.equal(told.length, 1);
    assert.match(told[0], /SecurityError.*memory only/);
  });
});
