// The fault panel: every button breaks the real socket, token or relay, the journal tells what the client did, and nothing is lost.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { launch, openWard, person } from '../lib/browser.mjs';
import { eventually } from '../lib/eventually.mjs';
import { Relay, token } from '../lib/relay.mjs';

// Short beats, so that both ends notice within a test's patience.
const HEARTBEAT = {
  PULSEWIRE_HEARTBEAT__INTERVAL_MS: '700',
  PULSEWIRE_HEARTBEAT__CLIENT_TIMEOUT_MS: '4000',
  PULSEWIRE_HEARTBEAT__DEAD_AFTER_MS: '2500',
};

describe('the fault panel', () => {
  let relay;
  let browser;
  let ana;
  let service;
  const fault = (id) => ana.page.locator(`[data-fault="${id}"]`);
  const logged = (pattern, timeoutMs = 12_000) => eventually(`the journal says ${pattern}`, async () => (await ana.log()).some((line) => pattern.test(line)), timeoutMs);
  const bpm = (value) =>
    relay.ingest('telemetry', { deviceId: 'bed-1', series: { heart_rate: { t: [Date.now()], v: [value], unit: 'bpm' } } }, service);
  const shows = (value, timeoutMs) =>
    eventually(`bed-1 shows ${value} bpm`, async () => (await ana.card('bed-1').locator('[data-vital="heart_rate"]').innerText()) === String(value), timeoutMs);
  const alert = (message) =>
    relay.ingest('alerts', { patientId: 'patient-1', patientName: 'Maria Oliveira', type: 'x', severity: 'medium', message }, service);
  const once = (message) => eventually(`"${message}" is listed once`, async () => (await ana.alerts().filter({ hasText: message }).count()) === 1);

  before(async () => {
    relay = await Relay.start({ env: HEARTBEAT });
    service = await token({ sub: 'backend', role: 'service' });
    await relay.ingest('status', { deviceId: 'bed-1', status: 'online' }, service);
    browser = await launch();
    ana = await openWard(browser, relay, { as: person('ana', 'Ana Souza') });
  });
  afterEach(async () => {
    await ana.isLive(20_000);
    // The next fault begins with an empty journal and a connection that counts as good.
    await new Promise((resolve) => setTimeout(resolve, 5_200));
    await ana.button('Clear').click();
    assert.deepEqual(ana.complaints, []);
    assert.ok(await ana.neverReloaded());
  });
  after(async () => {
    await browser?.close();
    await relay?.stop();
  });

  test('a mere cut: the page is back at once, and the journal speaks of no attempt that failed, for there was none', async () => {
    await fault('cut').click();
    await logged(/Connection lost/);
    await logged(/Connected again/);
    const lines = await ana.log();
    assert.ok(lines.some((line) => /First try in \d/.test(line)), lines.join(' | '));
    assert.ok(!lines.some((line) => /failed/.test(line)), lines.join(' | '));
  });

  test('where tries do fail, the journal counts them from the first', async () => {
    await fault('block').click();
    await logged(/Attempt 1 failed; next in/);
    await fault('block').click();
    await logged(/Connected again/);
    const lines = (await ana.log()).reverse();
    const at = (pattern) => lines.findIndex((line) => pattern.test(line));
    assert.ok(at(/Connection lost/) < at(/First try in/) && at(/First try in/) < at(/Attempt 1 failed/), lines.join(' | '));
  });

  test('the relay is restarted: it drains, is gone, comes back with an empty memory, and the page heals by itself and says what it had to reload', async () => {
    await alert('Known to the first relay');
    await once('Known to the first relay');
    const node = async () => (await (await fetch(`${relay.url}/api/v1/stats`, { headers: { authorization: `Bearer ${service}` } })).json()).activeAlerts;
    assert.ok((await node()) > 0);
    await fault('restart').click();
    await logged(/You restarted the relay: gone for 3 s/);
    await logged(/Connection lost \(4503/);
    await eventually('nobody listens', () => fetch(`${relay.url}/healthz`).then(() => false, () => true));
    await logged(/Connected again/, 30_000);
    await logged(/New epoch on/);
    assert.equal(await node(), 0, 'another relay, with a memory of its own');
    assert.equal(relay.child.exitCode, null, 'in the same process');
    await relay.ingest('status', { deviceId: 'bed-1', status: 'online' }, service);
    await alert('Told by the second relay');
    await once('Told by the second relay');
    assert.equal(await ana.alerts().filter({ hasText: 'Known to the first relay' }).count(), 1, 'nobody said that it is over: it stays in sight');
  });

  test('heartbeats that stop: data still arrives, the relay hangs up for want of a pong, and the page is back by itself', async () => {
    const sockets = ana.sockets.length;
    await fault('mute').click();
    await bpm(61);
    await shows(61);
    assert.equal(await ana.state(), 'connected', 'the page alone cannot know');
    await logged(/Connection lost \(4408/);
    await alert('While it was mute');
    await logged(/Connected again/);
    await once('While it was mute');
    assert.ok(ana.sockets.length > sockets);
    await bpm(62);
    await shows(62);
  });

  test('WebSockets blocked: after three tries the page polls, what is sent meanwhile comes by HTTP, and a second press brings the socket back', async () => {
    await fault('block').click();
    await eventually('the page polls', async () => (await ana.state()) === 'polling', 20_000);
    await logged(/polling instead/);
    await ana.page.locator('pulsewire-connection').filter({ hasText: /Limited connection/ }).waitFor();
    await alert('While it polled');
    await once('While it polled');
    assert.equal(await ana.state(), 'polling', 'it came without a socket');
    await ana.button(/^Blocked/).click();
    await ana.isLive(30_000);
    await alert('Over the socket again');
    await once('Over the socket again');
    await once('While it polled');
  });

  test('a slow network: round trips take as long as the wire, everything arrives in order, and a second press ends it', async () => {
    const roundTrip = () => ana.page.evaluate(() => window.pulsewire.ping());
    assert.ok((await roundTrip()) < 700);
    await fault('slow').click();
    assert.ok((await roundTrip()) > 1_100, 'both ways are slow');
    const at = Date.now();
    for (const value of [71, 72, 73]) await bpm(value);
    await shows(73, 5_000);
    assert.ok(Date.now() - at > 400, 'and late');
    await fault('slow').click();
    await eventually('it is fast again', async () => (await roundTrip()) < 700);
    assert.equal(await ana.state(), 'connected');
  });

  test('a token that ends: the renewal fails, the relay closes with 4410, the next token heals it, and what came meanwhile is there', async () => {
    const sockets = ana.sockets.length;
    await fault('token').click();
    await logged(/asked for \(expiring\): the sign-in does not answer/);
    assert.equal(ana.sockets.length, sockets, 'the socket stays as long as the token lasts');
    await logged(/Connection lost \(4410 token_expired\)/, 20_000);
    await alert('While the token had ended');
    await logged(/New token \(expired\)/);
    await logged(/Connected again/);
    await once('While the token had ended');
    assert.equal(await ana.page.getByRole('heading', { name: 'Sign-in refused' }).count(), 0);
  });
});

describe('the measurements', () => {
  let relay;
  let browser;
  before(async () => {
    relay = await Relay.start({ args: ['--simulate', '3'] });
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await relay?.stop();
  });

  test('they are those of the real connection: rates, round trips, a reconnection and what it recovered', async () => {
    const ana = await openWard(browser, relay, { path: '#/measurements' });
    const measure = (id) => ana.page.locator(`[data-measure="${id}"] dd`).innerText();
    const number = async (id) => Number((await measure(id)).replace(/[^\d.]/g, ''));
    await eventually('points arrive', async () => (await number('points')) > 50, 20_000);
    await eventually('messages arrive', async () => (await number('messages')) > 5);
    await eventually('a p99 is there', async () => (await number('p99')) > 0 && (await number('p99')) >= (await number('p50')));
    assert.equal(await measure('transport'), 'WebSocket');
    assert.equal(await number('reconnects'), 0);
    assert.match(await ana.page.locator('[data-spark="latency"] .line').getAttribute('d'), /^M/);
    await ana.page.locator('[data-fault="cut"]').click();
    await eventually('the reconnection is counted', async () => (await number('reconnects')) === 1, 15_000);
    await eventually('and what it recovered', async () => (await number('recovered')) > 0, 15_000);
    await ana.button('Diagnose').click();
    await ana.page.getByRole('heading', { name: /connection/i }).first().waitFor();
    await ana.button('Developer tools').click();
    await ana.page.locator('pulsewire-devtools').waitFor();
    await ana.button('Developer tools').click();
    await eventually('the panel is gone', async () => (await ana.page.locator('pulsewire-devtools').count()) === 0);
    assert.deepEqual(ana.complaints, []);
    await ana.close();
  });
});
