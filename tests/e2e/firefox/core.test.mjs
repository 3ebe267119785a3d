// The core cases in Firefox: connect, statuses, alerts and telemetry, a cut that heals, a relay that comes back, two viewers.
//
// The cases stand in specs/live.test.mjs and specs/healing.test.mjs at full length, in Chromium; here it is seen that another engine does the same.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { person } from '../lib/browser.mjs';
import { eventually } from '../lib/eventually.mjs';
import { launch, openWard } from '../lib/firefox.mjs';
import { Relay, token } from '../lib/relay.mjs';

// Short beats, so that the watchdog acts within a test's patience.
const HEARTBEAT = {
  PULSEWIRE_HEARTBEAT__INTERVAL_MS: '1000',
  PULSEWIRE_HEARTBEAT__CLIENT_TIMEOUT_MS: '3000',
  PULSEWIRE_HEARTBEAT__DEAD_AFTER_MS: '5000',
};

describe('the ward in Firefox', () => {
  let relay;
  let browser;
  let ana;
  let ben;
  let service;
  const both = (what, check, timeoutMs) => Promise.all([ana, ben].map((ward) => eventually(what, () => check(ward), timeoutMs)));
  const status = (deviceId, value) => relay.ingest('status', { deviceId, status: value }, service);
  const alert = (message, severity) =>
    relay.ingest('alerts', { patientId: 'patient-1', patientName: 'Maria Oliveira', type: 'x', severity, message }, service);
  const holding = (texts, text) => texts.filter((one) => one.includes(text)).length;

  before(async () => {
    relay = await Relay.start({ env: HEARTBEAT });
    service = await token({ sub: 'backend', role: 'service' });
    browser = await launch();
    ana = await openWard(browser, relay, person('ana', 'Ana Souza'));
    ben = await openWard(browser, relay, person('ben', 'Ben Ortiz'));
  });
  after(async () => {
    await browser?.close();
    await relay?.stop();
  });

  test('two pages of two people count two viewers', async () => {
    assert.match(await browser.version(), /firefox/i);
    await both('the ward counts 2 viewers', async (ward) => (await ward.viewers()) === 2);
  });

  test('a status that is posted reaches both pages without a reload', async () => {
    for (const [value, word] of [['online', 'Online'], ['maintenance', 'Maintenance'], ['offline', 'Offline'], ['online', 'Online']]) {
      await status('bed-1', value);
      await both(`bed-1 is ${word}`, async (ward) => (await ward.badge('bed-1')).includes(word));
    }
    assert.ok((await ana.neverReloaded()) && (await ben.neverReloaded()));
  });

  test('telemetry moves the numbers of both pages, and its newest point is what they show', async () => {
    const now = Date.now();
    for (const [i, bpm] of [64, 131, 88].entries()) {
      const series = { heart_rate: { t: [now + i * 10 + 4, now + i * 10], v: [bpm, 40], unit: 'bpm' } };
      await relay.ingest('telemetry', { deviceId: 'bed-1', series }, service);
      await both(`bed-1 shows ${bpm} bpm`, async (ward) => (await ward.vital('bed-1', 'heart_rate')) === String(bpm));
    }
  });

  test('the page of a patient draws what comes, and leaving it lets go', async () => {
    await ben.page.click('[data-device="bed-1"] a');
    const points = Array.from({ length: 50 }, (_, i) => i);
    const series = { ecg: { t: points.map((i) => Date.now() - 400 + i * 8), v: points.map((i) => Math.sin(i / 3)), unit: 'mV' } };
    await relay.ingest('telemetry', { deviceId: 'bed-1', series }, service);
    await eventually('a chart has ink', () => ben.hasInk('pulsewire-chart >>> canvas'), 12_000);
    await ben.page.goBack();
    await both('the ward counts 2 viewers again', async (ward) => (await ward.viewers()) === 2, 12_000);
    assert.ok(await ben.neverReloaded());
  });

  test('an alert is a toast and a line in the list, once, on both pages', async () => {
    await alert('Heart rate above 130', 'high');
    await both('the toast shows', async (ward) => holding(await ward.toasts(), 'Heart rate above 130') === 1);
    await both('the list has it', async (ward) => holding(await ward.alerts(), 'Heart rate above 130') === 1);
    await both('the toast is gone', async (ward) => (await ward.toasts()).length === 0, 14_000);
  });

  test('a cut heals at the first try', async () => {
    const sockets = await ana.sockets();
    await ana.press('Cut the connection');
    await eventually('a new socket is made', async () => (await ana.sockets()) > sockets);
    await ana.isLive();
    assert.equal(await ana.sockets(), sockets + 1, 'one new socket');
    await status('bed-1', 'maintenance');
    await both('bed-1 is in maintenance', async (ward) => (await ward.badge('bed-1')).includes('Maintenance'));
  });

  test('what was missed while cut comes after it, once', async () => {
    await ana.press('Block');
    await ana.isNotLive();
    await status('bed-1', 'offline');
    await status('bed-1', 'online');
    await alert('Missed while cut', 'medium');
    await eventually('the other page has it', async () => holding(await ben.alerts(), 'Missed while cut') === 1);
    assert.equal(holding(await ana.alerts(), 'Missed while cut'), 0, 'nothing arrives while cut');
    await ana.press('Block'); // lets it heal
    await ana.isLive(25_000);
    await eventually('the missed alert arrived, once', async () => holding(await ana.alerts(), 'Missed while cut') === 1);
    await eventually('bed-1 is online', async () => (await ana.badge('bed-1')).includes('Online'));
  });

  test('a silent socket is given up and replaced', async () => {
    const sockets = await ana.sockets();
    await ana.press('Go silent');
    await ana.isNotLive(8_000);
    await ana.isLive();
    assert.ok((await ana.sockets()) > sockets);
  });

  test('a relay that was killed and started again is found, and its new epoch is told as resync', async () => {
    await ana.page.evaluate(() => {
      window.resynced = [];
      window.pulsewire.on('resync', ({ channel }) => window.resynced.push(channel));
    });
    await relay.kill();
    await both('the banner shows', async (ward) => holding(await ward.banner(), 'Reconnecting') === 1, 12_000);
    await relay.startAgain();
    await Promise.all([ana.isLive(30_000), ben.isLive(30_000)]);
    await eventually('the new epoch was told', async () => (await ana.page.evaluate(() => window.resynced)).length > 0);
    await both('both are viewers again', async (ward) => (await ward.viewers()) === 2);
    await status('bed-1', 'maintenance');
    await alert('After the restart', 'high');
    await both('the status arrives', async (ward) => (await ward.badge('bed-1')).includes('Maintenance'));
    await both('the alert arrives', async (ward) => holding(await ward.alerts(), 'After the restart') === 1);
    assert.ok((await ana.neverReloaded()) && (await ben.neverReloaded()));
  });

  test('nothing was left uncaught on the way', () => {
    assert.deepEqual(ana.complaints, []);
    assert.deepEqual(ben.complaints, []);
  });
});
