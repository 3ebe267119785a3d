// Several tabs of one user: one connection at the relay, whoever of them closes, crashes, hangs or is left; and nothing missed.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { Bench } from '../lib/bench.mjs';
import { eventually } from '../lib/eventually.mjs';

describe('several tabs', () => {
  let bench;
  let context;
  let pages = [];
  const open = async (options) => {
    context ??= await bench.browser.newContext({ locale: 'en-US' });
    const page = await bench.page({ context, shareConnection: true, ...options });
    pages.push(page);
    await page.is('connected');
    return page;
  };
  const connections = (count) => eventually(`the relay has ${count} connections`, async () => (await bench.metric('pulsewire_connections')) === count);
  /** Publishes 50 numbers a second until told to stop; gives the last one. */
  function flow(channel, from) {
    let n = from;
    let going = true;
    const done = (async () => {
      while (going) {
        await bench.publish(channel, n, n);
        n += 1;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return n - 1;
    })();
    return () => {
      going = false;
      return done;
    };
  }
  /** How long, at most, the page went without a new number while `during` ran. */
  async function pause(page, during) {
    await page.page.evaluate(() => {
      window.longest = 0;
      let last = performance.now();
      let count = window.bench.numbers.length;
      window.looking = setInterval(() => {
        const now = performance.now();
        if (window.bench.numbers.length > count) [last, count] = [now, window.bench.numbers.length];
        window.longest = Math.max(window.longest, now - last);
      }, 10);
    });
    await during();
    return page.page.evaluate(() => {
      clearInterval(window.looking);
      return Math.round(window.longest);
    });
  }

  before(async () => {
    bench = await Bench.open({ lifelike: true });
  });
  afterEach(async () => {
    bench.proxy.heal();
    for (const page of pages) assert.deepEqual(page.complaints, []);
    pages = [];
    await context?.close();
    context = undefined;
    await connections(0);
  });
  after(() => bench?.close());

  test('share one connection: each gets its channels, a late one its history, and answers find their way', async () => {
    const first = await open({ channel: 'ward:shared' });
    await bench.publish('ward:shared', 1, 5);
    await first.has(5);
    const second = await open({});
    await second.page.evaluate(() => {
      window.bench.handle = window.bench.client.channel('ward:shared', { history: 3 });
      window.other = window.bench.client.channel('ward:other');
      window.refused = window.bench.client.channel('admin');
    });
    await eventually('the history came', async () => (await second.read('numbers')).length === 3);
    await bench.publish('ward:shared', 6, 7);
    await first.has(7);
    await eventually('both have the rest', async () => String(await second.read('numbers')) === '3,4,5,6,7');
    await connections(1);
    assert.equal(first.sockets + second.sockets, 1);
    await bench.publish('ward:other', 1, 1);
    await eventually('its own channel too', async () => (await second.read('numbers')).length === 6);
    assert.equal((await first.read('numbers')).length, 7, 'and nobody else has it');
    await eventually('a refusal reaches the one that asked', async () => (await second.page.evaluate(() => window.refused.state.get())).phase === 'refused');
    assert.ok((await second.page.evaluate(() => window.bench.client.ping())) >= 0);
    const offsets = await Promise.all(pages.map((page) => page.page.evaluate(() => window.bench.client.publish('conversation:9', 'note', { text: 'hello' }))));
    assert.deepEqual(offsets.map(({ offset }) => offset).sort(), [1, 2]);
    // One lets go of what the other holds: it stays.
    await second.page.evaluate(() => window.bench.handle.release());
    await bench.publish('ward:shared', 8, 9);
    await first.has(9);
    const third = await open({ channel: 'ward:shared' });
    await bench.publish('ward:shared', 10, 10);
    await eventually('a third one follows', async () => String(await third.read('numbers')) === '10');
    await connections(1);
  });

  test('another user has a connection of his own', async () => {
    await open({});
    await open({ user: 'ben' });
    await connections(2);
  });

  for (const [how, end] of [
    ['is closed', (page) => page.page.close()],
    ['crashes', async (page) => {
      const cdp = await page.context.newCDPSession(page.page);
      cdp.send('Page.crash').catch(() => {});
    }],
    // Not awaited: it answers nothing for 5 s.
    ['hangs', (page) => void page.page.evaluate(() => {
      const until = performance.now() + 5_000;
      while (performance.now() < until);
    })],
    ['freezes', (page) => page.page.evaluate(() => document.dispatchEvent(new Event('freeze')))],
    ['signs off on purpose', (page) => page.page.evaluate(() => window.bench.client.close())],
    ['is left for another page', (page) => page.page.goto('about:blank')],
  ]) {
    test(`the leader ${how}: another tab goes on within 2 s, with everything, once and in order`, async (t) => {
      const channel = `ward:lead-${how.replaceAll(' ', '-')}`;
      const leader = await open({ channel });
      const follower = await open({ channel });
      await connections(1);
      const stop = flow(channel, 1);
      await eventually('both follow', async () => (await follower.read('numbers')).length > 10 && (await leader.read('numbers')).length > 10);
      const longest = await pause(follower, async () => {
        await end(leader);
        await follower.page.waitForTimeout(2_500);
      });
      t.diagnostic(`the leader ${how}: the follower was without news for ${longest} ms`);
      assert.ok(longest < 2_000, `${longest} ms`);
      await follower.has(await stop());
      if (how !== 'hangs') await connections(1);
      assert.deepEqual(await follower.read('resyncs'), []);
      if (how === 'hangs') {
        await leader.is('connected', 10_000);
        await leader.has((await follower.read('numbers')).length);
        await connections(1);
      }
    });
  }

  test('tabs come and go while news flows: the first misses nothing, and rests on the newest', async () => {
    const channel = 'ward:busy';
    const first = await open({ channel });
    const stop = flow(channel, 1);
    for (let round = 0; round < 6; round += 1) {
      const guest = await open({ channel });
      await eventually('the guest follows', async () => (await guest.read('numbers')).length > 3);
      if (round % 2 === 0) await guest.page.close();
      else await guest.page.evaluate(() => window.bench.client.close());
    }
    await first.has(await stop());
    assert.deepEqual(await first.read('resyncs'), []);
    assert.equal(first.sockets, 1);
    await connections(1);
  });

  test('the connection is cut: all tabs come back, on one', async () => {
    const both = [await open({ channel: 'ward:cut' }), await open({ channel: 'ward:cut' })];
    await bench.publish('ward:cut', 1, 5);
    for (const page of both) await page.has(5);
    bench.proxy.block('all');
    bench.proxy.cut({ kind: 'ws' });
    for (const page of both) await page.isNot('connected');
    await bench.publish('ward:cut', 6, 20);
    bench.proxy.heal();
    for (const page of both) {
      await page.is('connected');
      await page.has(20);
      assert.deepEqual(await page.read('resyncs'), []);
    }
    await connections(1);
  });

  test('an alert sounds once per browser', async () => {
    const three = [await open({}), await open({}), await open({})];
    for (const page of three) {
      await page.page.evaluate(() => {
        window.sounds = [];
        window.bench.client.on('toast', ({ id }) => window.sounds.push(id));
      });
    }
    for (let i = 1; i <= 5; i += 1) {
      await bench.relay.ingest('alerts', { patientId: 'p1', patientName: 'Maria', type: 'x', severity: 'critical', message: `Alert ${i}` }, bench.service);
    }
    for (const page of three) {
      await eventually('each tab has every alert', async () => (await page.page.evaluate(() => window.bench.client.alerts.get().unread)) === 5);
    }
    const sounds = async () => (await Promise.all(three.map((page) => page.page.evaluate(() => window.sounds)))).flat();
    await eventually('all of them sounded', async () => (await sounds()).length >= 5);
    await three[0].page.waitForTimeout(500);
    const all = await sounds();
    assert.equal(all.length, 5);
    assert.equal(new Set(all).size, 5);
    const shown = await Promise.all(three.map((page) => page.page.evaluate(() => window.bench.client.toasts.get().visible.length)));
    assert.deepEqual(shown, [5, 5, 5], 'and nothing is hidden from the tab that is looked at');
  });

  test('the user of many tabs is one viewer', async () => {
    const both = [await open({ channel: 'patient:7' }), await open({ channel: 'patient:7' })];
    for (const page of both) {
      await eventually('one viewer', async () => (await page.page.evaluate(() => window.bench.client.viewerCounts.get()['patient:7']))?.count === 1);
    }
  });
});
