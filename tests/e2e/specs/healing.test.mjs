// What breaks, heals: a cut wire, a silent one, a dead relay. Faults act on the real socket or the real process, never on the page's state.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { launch, openWard, person } from '../lib/browser.mjs';
import { eventually } from '../lib/eventually.mjs';
import { Relay, token } from '../lib/relay.mjs';

// Short beats, so that the watchdog acts within a test's patience.
const HEARTBEAT = {
  PULSEWIRE_HEARTBEAT__INTERVAL_MS: '1000',
  PULSEWIRE_HEARTBEAT__CLIENT_TIMEOUT_MS: '3000',
  PULSEWIRE_HEARTBEAT__DEAD_AFTER_MS: '5000',
};

describe('a connection that breaks', () => {
  let relay;
  let browser;
  let ana;
  let service;
  const status = (deviceId, value) => relay.ingest('status', { deviceId, status: value }, service);
  const shows = (deviceId, word) => eventually(`${deviceId} is shown as ${word}`, async () => (await ana.badge(deviceId).innerText()).includes(word));

  before(async () => {
    relay = await Relay.start({ env: HEARTBEAT });
    service = await token({ sub: 'backend', role: 'service' });
    await status('bed-1', 'online');
    browser = await launch();
    ana = await openWard(browser, relay, { as: person('ana', 'Ana Souza') });
    await shows('bed-1', 'Online');
  });
  after(async () => {
    await browser?.close();
    await relay?.stop();
  });

  test('a cut heals at the first try, and no banner flashes for it', async () => {
    const sockets = ana.sockets.length;
    await ana.page.evaluate(() => {
      const banner = document.querySelector('pulsewire-banner').shadowRoot;
      window.flashes = 0;
      new MutationObserver(() => {
        if (banner.querySelector('[part="banner"]')) window.flashes += 1;
      }).observe(banner, { childList: true, subtree: true });
    });
    await ana.button('Cut the connection').click();
    await eventually('a new socket is made', () => ana.sockets.length > sockets);
    await ana.isLive();
    assert.equal(ana.sockets.length, sockets + 1, 'one new socket');
    await status('bed-1', 'maintenance');
    await shows('bed-1', 'Maintenance');
    assert.equal(await ana.page.evaluate(() => window.flashes), 0);
  });

  test('a longer interruption shows the banner, recovers what was missed in order, and says so', async () => {
    await ana.button(/^Block/).click();
    await ana.banner().filter({ hasText: 'Reconnecting' }).waitFor({ timeout: 8_000 });
    // Watched from now on: where polling heals the page first, the success has come and gone before the socket is back.
    const success = ana.banner().filter({ hasText: 'Back online' }).waitFor({ timeout: 30_000 });
    success.catch(() => {}); // told by the await below
    // Sent while nobody listens: an alert must not be lost, and of the statuses the last one counts.
    await status('bed-1', 'offline');
    await status('bed-1', 'online');
    await relay.ingest('alerts', { patientId: 'patient-1', patientName: 'Maria Oliveira', type: 'x', severity: 'medium', message: 'Missed while cut' }, service);
    assert.equal(await ana.alerts().filter({ hasText: 'Missed while cut' }).count(), 0, 'nothing arrives while cut');
    await ana.button(/^Block/).click(); // lets it heal
    await ana.isLive(25_000);
    await eventually('the missed alert arrived, once', async () => (await ana.alerts().filter({ hasText: 'Missed while cut' }).count()) === 1);
    await shows('bed-1', 'Online');
    await success;
    await eventually('the success goes after 3 s', async () => (await ana.banner().count()) === 0, 6_000);
    await eventually('the log tells of recovered publications', async () => (await ana.log()).some((line) => /missed publications? recovered/.test(line)));
  });

  test('a silent socket is noticed by the watchdog, given up, and replaced', async () => {
    const sockets = ana.sockets.length;
    await ana.button('Go silent').click();
    const at = Date.now();
    assert.equal(await ana.state(), 'connected', 'silence alone changes nothing the page knows of');
    await ana.isNotLive(8_000);
    const noticed = Date.now() - at;
    assert.ok(noticed > 1_500 && noticed < 6_000, `noticed after ${noticed} ms, 3,000 ms of silence being the limit`);
    await ana.isLive();
    assert.ok(ana.sockets.length > sockets);
    await status('bed-1', 'offline');
    await shows('bed-1', 'Offline');
  });

  test('a dead relay: the banner shows, tries back off, and a new relay restores everything under a new epoch', async () => {
    // Up for 5 s counts as a good connection: the backoff starts again from 1 s.
    await new Promise((resolve) => setTimeout(resolve, 5_500));
    const ben = await openWard(browser, relay, { as: person('ben', 'Ben Ortiz') });
    await eventually('two viewers', async () => (await ana.viewers()) === 2);
    await ana.page.evaluate(() => {
      window.resynced = [];
      window.pulsewire.on('resync', ({ channel }) => window.resynced.push(channel));
    });
    const sockets = ana.sockets.length;
    await relay.kill();
    const killedAt = Date.now();
    await ana.banner().filter({ hasText: 'Reconnecting' }).waitFor({ timeout: 8_000 });
    await eventually('three tries were made', () => ana.sockets.length >= sockets + 3, 12_000);
    const tries = [killedAt, ...ana.sockets.slice(sockets, sockets + 3)];
    const pauses = tries.slice(1).map((time, i) => time - tries[i]);
    // 1, 2, 4 s, each drawn from its upper half; some time for the refused try itself and for a busy machine.
    [1_000, 2_000, 4_000].forEach((full, i) => {
      assert.ok(pauses[i] > full / 2 - 120 && pauses[i] < full + 900, `pause ${i + 1} was ${pauses[i]} ms, wanted ${full / 2} to ${full}; all: ${pauses}`);
    });
    await relay.startAgain();
    await Promise.all([ana.isLive(20_000), ben.isLive(20_000)]);
    await eventually('the new epoch was told as resync', async () => (await ana.page.evaluate(() => window.resynced)).length > 0);
    await eventually('the log tells of the new epoch', async () => (await ana.log()).some((line) => line.includes('New epoch on')));
    await eventually('both are viewers again', async () => (await ana.viewers()) === 2);
    await status('bed-1', 'maintenance');
    await relay.ingest('alerts', { patientId: 'patient-1', patientName: 'Maria Oliveira', type: 'x', severity: 'high', message: 'After the restart' }, service);
    await shows('bed-1', 'Maintenance');
    for (const ward of [ana, ben]) {
      await eventually('the alert arrives', async () => (await ward.alerts().filter({ hasText: 'After the restart' }).count()) === 1);
      assert.ok(await ward.neverReloaded());
      assert.equal(await ward.page.locator('[data-device]').count(), 1, 'the ward shows what the relay knows, and nothing else');
    }
    await ben.close();
  });

  test('a page opened while no relay answers says so, and comes alive by itself', async () => {
    const page = await openWard(browser, relay, {
      as: person('chika', 'Chika Obi', 'doctor'),
      live: false,
      // The page itself is there; the wire is not.
      before: (tab) => tab.addInitScript(() => {
        const Real = window.WebSocket;
        window.WebSocket = class extends Real {
          constructor(url, protocols) {
            super(window.wireIsBack ? url : 'ws://127.0.0.1:1/ws', protocols);
          }
        };
      }),
    });
    await page.page.getByRole('heading', { name: 'The relay cannot be reached' }).waitFor({ timeout: 10_000 });
    await page.page.evaluate(() => {
      window.wireIsBack = true;
    });
    await page.isLive(20_000);
    await eventually('the ward is there', async () => (await page.badge('bed-1').innerText()).includes('Maintenance'));
    await page.close();
  });

  test('nothing complained on the way', () => {
    assert.deepEqual(ana.complaints, []);
  });
});
