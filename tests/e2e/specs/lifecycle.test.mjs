// A page's life: kept and shown again, frozen, offline, closed on purpose. One socket at any time, nothing missed, nothing left behind.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { Bench } from '../lib/bench.mjs';
import { eventually } from '../lib/eventually.mjs';

const ALL = process.env.PULSEWIRE_TEST_ALL === '1';

/** Runs before the page: what its life says, and the memories of its wasm. */
function watch() {
  window.life = [];
  window.memories = [];
  window.made = [];
  for (const [target, types] of [[document, ['visibilitychange', 'freeze', 'resume']], [window, ['pagehide', 'pageshow', 'online', 'offline']]]) {
    for (const type of types) target.addEventListener(type, (event) => window.life.push(event.persisted ? `${type} kept` : type));
  }
  const instantiate = WebAssembly.instantiate;
  WebAssembly.instantiate = async (...args) => {
    const result = await instantiate(...args);
    window.memories.push((result.instance ?? result).exports.memory);
    return result;
  };
  window.WebSocket = class extends window.WebSocket {
    constructor(...args) {
      super(...args);
      // Weakly: what is measured here is whether anybody else keeps them.
      window.made.push(new WeakRef(this));
    }
  };
}

describe("a page's life", () => {
  let bench;
  let context;
  let page;
  /** A page with the watch in it, and its CDP session. */
  async function open(options) {
    context = await bench.browser.newContext({ locale: 'en-US' });
    await context.addInitScript(watch);
    page = await bench.page({ context, ...options });
    await page.is('connected');
    return context.newCDPSession(page.page);
  }
  // Playwright keeps every page visible and awake by its emulation of focus, so what a freeze tells the page is told by hand.
  const signal = (type) => page.page.evaluate((name) => document.dispatchEvent(new Event(name)), type);
  const freeze = () => signal('freeze');
  const thaw = () => signal('resume');
  const life = () => page.page.evaluate(() => window.life);
  /** Sockets at the relay, as it counts them itself. */
  const sockets = (count) => eventually(`the relay has ${count} connections`, async () => (await bench.metric('pulsewire_connections')) === count);

  before(async () => {
    bench = await Bench.open({ lifelike: true, env: { PULSEWIRE_LIMITS__PER_ADDRESS: '10000' } });
  });
  afterEach(async () => {
    bench.proxy.heal();
    assert.deepEqual(page?.complaints ?? [], []);
    await page?.close();
    page = undefined;
  });
  after(() => bench?.close());

  test('kept in the back/forward cache, it holds no connection, and comes back to all it missed', async () => {
    const channel = 'ward:kept';
    await open({ channel });
    await bench.publish(channel, 1, 5);
    await page.has(5);
    await page.page.evaluate(() => {
      window.sameLife = true;
    });
    await page.page.goto(`${bench.proxy.url}/package/package.json`);
    await sockets(0);
    await bench.publish(channel, 6, 10);
    await page.page.goBack({ waitUntil: 'commit' });
    await eventually('the page is shown', async () => (await page.page.evaluate(() => document.visibilityState)) === 'visible');
    assert.equal(await page.page.evaluate(() => window.sameLife), true, 'it is the page that was left, not a new one');
    assert.ok((await life()).includes('pageshow kept'), String(await life()));
    await page.is('connected', 3_000);
    await page.has(10);
    await sockets(1);
    // Playwright does not tell of the sockets of a page that was kept.
    assert.equal(await page.page.evaluate(() => window.made.length), 2);
  });

  test('frozen and thawed with its socket alive: a probe asks it, and no second one is made', async () => {
    const channel = 'ward:frozen';
    await open({ channel });
    await freeze();
    await bench.publish(channel, 1, 20);
    await thaw();
    await page.has(20);
    assert.deepEqual((await life()).filter((type) => type === 'freeze' || type === 'resume'), ['freeze', 'resume']);
    assert.equal(page.sockets, 1);
    await sockets(1);
  });

  test('frozen while its connection died in silence: within 3 s of waking it has a new one and what it missed', async () => {
    const channel = 'ward:dead';
    await open({ channel });
    await bench.publish(channel, 1, 5);
    await page.has(5);
    await freeze();
    bench.proxy.halfOpen({ kind: 'ws' });
    await bench.publish(channel, 6, 9);
    await thaw();
    const at = Date.now();
    assert.equal(await page.state(), 'connected', 'nobody told it');
    await page.has(9, 4_000);
    const took = Date.now() - at;
    assert.ok(took > 1_500 && took < 3_500, `after ${took} ms: the probe has 2,000`);
    assert.equal(page.sockets, 2);
    await sockets(1);
  });

  test('offline and online again with the socket alive: it is asked, and kept', async () => {
    await open({ channel: 'ward:flicker' });
    await page.page.evaluate(() => {
      for (const type of ['offline', 'online', 'offline', 'online']) window.dispatchEvent(new Event(type));
    });
    await bench.publish('ward:flicker', 1, 3);
    await page.has(3);
    // Longer than the probe's deadline: had it not been answered, the socket would be replaced by now.
    await page.page.waitForTimeout(2_500);
    assert.equal(page.sockets, 1);
    assert.equal(await page.state(), 'connected');
  });

  test('closed on purpose, nothing revives it: not thawing, not the network, not the back/forward cache', async () => {
    await open({ channel: 'ward:closed' });
    await page.page.evaluate(() => window.bench.client.close());
    await sockets(0);
    await freeze();
    await thaw();
    await page.page.evaluate(() => {
      window.dispatchEvent(new Event('offline'));
      window.dispatchEvent(new Event('online'));
      document.dispatchEvent(new Event('visibilitychange'));
    });
    await page.page.goto(`${bench.proxy.url}/package/package.json`);
    await page.page.goBack({ waitUntil: 'commit' });
    await eventually('the page is shown', async () => (await page.page.evaluate(() => window.life)).includes('pageshow kept'));
    await page.page.waitForTimeout(1_000);
    assert.equal(await page.state(), 'closed');
    assert.equal(await page.page.evaluate(() => window.made.length), 1);
    await page.page.evaluate(() => window.bench.client.connect());
    await page.is('connected');
    await sockets(1);
  });

  test('hot reload: the old client is destroyed while it connects, the new one is the only one', async () => {
    await open({});
    for (let i = 0; i < 10; i += 1) {
      await page.page.evaluate(() => {
        window.bench.client.destroy();
        window.bench.start({ user: 'ana', channel: 'ward:hot' });
        window.bench.client.destroy();
        window.bench.start({ user: 'ana', channel: 'ward:hot' });
      });
    }
    await page.is('connected');
    await sockets(1);
  });

  /** Heap, listeners and wasm memory after a collection. */
  async function figures(cdp) {
    await cdp.send('HeapProfiler.collectGarbage');
    await cdp.send('HeapProfiler.collectGarbage');
    const { metrics } = await cdp.send('Performance.getMetrics');
    const of = (name) => metrics.find((metric) => metric.name === name).value;
    const [wasm, openSockets] = await page.page.evaluate(() => [
      window.memories.reduce((sum, memory) => sum + memory.buffer.byteLength, 0),
      window.made.filter((ref) => ref.deref() !== undefined).length,
    ]);
    return { heapKb: Math.round(of('JSHeapUsedSize') / 1_000), listeners: of('JSEventListeners'), wasmKb: wasm / 1_000, sockets: openSockets };
  }
  /** Nothing may grow with the number of times; a part of a kilobyte for each would be a leak. */
  function isFlat(t, what, times, before, after) {
    t.diagnostic(`${what}, ${times} times: ${JSON.stringify(before)} -> ${JSON.stringify(after)}`);
    assert.ok(after.heapKb - before.heapKb < 150 + times * 0.25, `the heap grew: ${JSON.stringify([before, after])}`);
    assert.equal(after.listeners, before.listeners);
    assert.equal(after.wasmKb, before.wasmKb);
    assert.ok(after.sockets <= before.sockets + 1, `sockets are kept: ${after.sockets}`);
  }
  const warmUp = 50;

  test('creating, connecting and destroying a client leaves nothing behind', async (t) => {
    const times = ALL ? 1_000 : 150;
    const cdp = await open({});
    await cdp.send('Performance.enable');
    const cycle = (count) =>
      page.page.evaluate(async (left) => {
        for (; left > 0; left -= 1) {
          window.bench.client.destroy();
          window.bench.numbers = [];
          window.bench.states = [];
          window.bench.reasons = [];
          await window.bench.start({ user: 'ana', channel: 'ward:cycle', token: window.bench.kept });
          const { client } = window.bench;
          client.telemetry('bed-1', 'hr', { history: 10 });
          client.alerts.listen(() => {});
          await new Promise((resolve) => {
            const end = client.connection.subscribe(({ state }) => state === 'connected' && queueMicrotask(() => resolve(end())));
          });
        }
      }, count);
    await page.page.evaluate(async () => {
      window.bench.kept = (await (await fetch('/dev/token?sub=ana&role=nurse')).json()).token;
    });
    await cycle(warmUp);
    const before = await figures(cdp);
    await cycle(times);
    const after = await figures(cdp);
    isFlat(t, 'create, connect, destroy', times, before, after);
    await sockets(1);
  });

  test('reconnecting leaves nothing behind', async (t) => {
    const times = ALL ? 1_000 : 150;
    const cdp = await open({ channel: 'ward:again', backoff: { baseMs: 1, capMs: 1 } });
    await cdp.send('Performance.enable');
    const cycle = (count) =>
      page.page.evaluate(async (left) => {
        const { client } = window.bench;
        for (; left > 0; left -= 1) {
          const done = new Promise((resolve) => {
            let lost = false;
            const end = client.connection.subscribe(({ state }) => {
              lost ||= state === 'reconnecting';
              if (lost && state === 'connected') queueMicrotask(() => resolve(end()));
            });
          });
          window.made.at(-1).deref().close();
          await done;
          window.bench.states.length = 0;
        }
      }, count);
    await cycle(warmUp);
    const before = await figures(cdp);
    await cycle(times);
    const after = await figures(cdp);
    isFlat(t, 'reconnect', times, before, after);
    await sockets(1);
    await bench.publish('ward:again', 1, 3);
    await page.has(3);
  });

  test('points come and go in memory that does not grow', async (t) => {
    const points = ALL ? 1_000_000 : 100_000;
    const perPost = 2_000;
    const cdp = await open({});
    await cdp.send('Performance.enable');
    await page.page.evaluate(() => {
      window.series = ['hr', 'spo2', 'ecg', 'resp'].map((metric) => window.bench.client.telemetry('bed-7', metric, { capacity: 3_600 }));
    });
    let at = Date.now() - 100_000_000;
    const send = async (count) => {
      for (let sent = 0; sent < count; sent += perPost) {
        const t0 = at;
        const length = perPost / 4;
        at += length * 4;
        const series = {};
        for (const metric of ['hr', 'spo2', 'ecg', 'resp']) {
          series[metric] = { t: Array.from({ length }, (_, i) => t0 + i * 4), v: Array.from({ length }, (_, i) => i % 97) };
        }
        await bench.relay.ingest('telemetry', { deviceId: 'bed-7', series }, bench.service);
      }
      const last = at - 4;
      await eventually('the last point came', () =>
        page.page.evaluate((time) => window.series.every((handle) => handle.stats()?.lastT === time), last), 30_000);
    };
    await send(50_000);
    const before = await figures(cdp);
    await send(points);
    const after = await figures(cdp);
    isFlat(t, 'points', points / 1_000, before, after);
    assert.equal(await page.page.evaluate(() => window.series[0].view().t.length), 3_600);
  });
});
