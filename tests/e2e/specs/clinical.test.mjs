// What the ward does about what happens: alerts that somebody takes on and resolves, long jobs that fail and are tried again, use of a device.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { launch, openWard, person } from '../lib/browser.mjs';
import { eventually } from '../lib/eventually.mjs';
import { Relay, token, Worker } from '../lib/relay.mjs';

const ANA = { as: person('ana', 'Ana Souza') };
const BEN = { as: person('ben', 'Ben Ortiz') };
const MARIA = '#/patient/bed-1';

describe('what the ward does about it', () => {
  let relay;
  let browser;
  let service;
  let open = [];
  before(async () => {
    relay = await Relay.start();
    service = await token({ sub: 'backend', role: 'service' });
    await relay.ingest('status', { deviceId: 'bed-1', status: 'online' }, service);
    browser = await launch();
  });
  afterEach(async () => {
    for (const ward of open) assert.deepEqual(ward.complaints, []);
    await Promise.all(open.map((ward) => ward.close()));
    open = [];
  });
  after(async () => {
    await browser?.close();
    await relay?.stop();
  });
  const enter = async (options) => {
    const ward = await openWard(browser, relay, options);
    open.push(ward);
    return ward;
  };
  const alert = (message, severity = 'critical') =>
    relay.ingest('alerts', { patientId: 'patient-1', patientName: 'Maria Oliveira', deviceId: 'bed-1', type: 'arrhythmia', severity, message }, service);
  const row = (ward, message) => ward.alerts().filter({ hasText: message });
  /** The time that an element says, to the second, lies between two moments. */
  const within = async (time, from) => {
    const said = Date.parse(await time.getAttribute('datetime'));
    assert.ok(said >= from - 1_000 && said <= Date.now() + 1_000, `${new Date(said).toISOString()} is not between ${new Date(from).toISOString()} and now`);
  };

  test('an alert that one nurse acknowledges and resolves: the other sees at once who did it and when, on the ward and on the patient’s page', async () => {
    const [ana, ben] = [await enter(ANA), await enter({ ...BEN, path: MARIA })];
    const from = Date.now();
    await alert('Ventricular tachycardia suspected');
    await Promise.all([ana, ben].map((ward) => row(ward, 'Ventricular').waitFor()));
    assert.equal(await row(ben, 'Ventricular').locator('[part="taken"]').count(), 0);

    await row(ana, 'Ventricular').getByRole('button', { name: /^Acknowledge/ }).click();
    const taken = row(ben, 'Ventricular').locator('[part="taken"]');
    await taken.filter({ hasText: 'Ana Souza is on it' }).waitFor({ timeout: 3_000 });
    await eventually('the button is gone, and who works by keyboard goes on in its row', () =>
      ana.page.locator('pulsewire-alerts').first().evaluate((element) => element.shadowRoot.activeElement?.getAttribute('part') === 'message'));
    await within(taken.locator('time'), from);
    assert.equal(await row(ben, 'Ventricular').getByRole('button', { name: /^Acknowledge/ }).count(), 0, 'nobody else takes it on');
    assert.equal(await ben.page.locator('.resolved-alerts').count(), 0);

    // Ben, who did not take it on, may end it, too.
    await row(ben, 'Ventricular').getByRole('button', { name: /^Resolve/ }).click();
    await eventually('it is gone from both lists', async () => (await row(ana, 'Ventricular').count()) + (await row(ben, 'Ventricular').count()) === 0, 3_000);
    for (const ward of [ana, ben]) {
      await ward.page.locator('.resolved-alerts summary').click();
      const entry = ward.page.locator('.resolved-alerts li').filter({ hasText: 'Ventricular' });
      await entry.getByText('Resolved by Ben Ortiz').waitFor({ timeout: 3_000 });
      await entry.getByText('acknowledged by Ana Souza').waitFor();
      await within(entry.locator('time').first(), from);
      assert.ok(await ward.neverReloaded());
    }
    // Somebody who comes later is told by the store.
    const late = await enter({ as: person('dora', 'Dora Novak') });
    await late.page.locator('.resolved-alerts summary').click();
    await late.page.locator('.resolved-alerts li').filter({ hasText: 'Resolved by Ben Ortiz' }).waitFor();
    await eventually('and it counts as over', async () => (await late.page.locator('[data-stat="alerts"] dd').innerText()) === '0');
  });

  test('a report fails and is tried again for real: two browsers see progress, log lines, the error with its detail, and the second attempt succeed', async () => {
    const [ana, ben] = [await enter({ ...ANA, path: MARIA }), await enter({ ...BEN, path: MARIA })];
    const job = (ward) => ward.page.locator('pulsewire-execution');
    const status = (ward, words, timeout = 10_000) => job(ward).locator('[part="status"]').filter({ hasText: words }).waitFor({ timeout });
    await ana.button('Make the report').click();
    await status(ana, 'Waiting');
    await ana.page.getByText('No worker has taken it yet.').waitFor();
    const worker = await Worker.start(relay);
    try {
      await eventually('the hint goes with the first sign of a worker', async () => (await ana.page.getByText('No worker has taken it yet.').count()) === 0, 15_000);
      await Promise.all([ana, ben].map((ward) => status(ward, 'Failed', 15_000)));
      for (const ward of [ana, ben]) {
        await job(ward).getByText('Report of Maria Oliveira').waitFor();
        await job(ward).locator('[part="error"]').getByText('The laboratory did not answer.').waitFor();
        await job(ward).getByText('timeout', { exact: true }).waitFor();
        await job(ward).locator('[part="error"] summary').click();
        await job(ward).getByText('GET /samples/7 gave no answer within 30 s').waitFor();
        await job(ward).locator('[part="log"] summary').click();
        await job(ward).getByText(/attempt 1 begins/).waitFor();
        assert.equal(await job(ward).getByText(/attempt 2 begins/).count(), 0);
      }
      assert.notEqual(await job(ana).locator('[part="share"]').innerText(), '100%');
      const seen = new Set();
      await ben.page.exposeFunction('noteStatus', (words) => seen.add(words.trim()));
      await job(ben).evaluate((element) => {
        new MutationObserver(() => window.noteStatus(element.shadowRoot.querySelector('[part="step"]')?.textContent ?? '')).observe(element.shadowRoot, { subtree: true, childList: true, characterData: true });
      });
      // The one who did not start it tries again.
      await job(ben).getByRole('button', { name: 'Try again' }).click();
      await Promise.all([ana, ben].map((ward) => status(ward, 'Done', 15_000)));
      for (const ward of [ana, ben]) {
        await job(ward).getByText('attempt 2', { exact: true }).waitFor();
        assert.equal(await job(ward).locator('[part="share"]').innerText(), '100%');
        assert.equal(await job(ward).locator('[part="error"]').count(), 0);
        await job(ward).getByText(/attempt 2 begins/).waitFor();
        assert.ok(await ward.neverReloaded());
      }
      for (const step of ['Reading measurements', 'Computing trends', 'Writing the report']) assert.ok(seen.has(step), `${step} was seen: ${[...seen].join(', ')}`);
      // The relay has it as it was told.
      const answer = await fetch(`${relay.url}/api/v1/executions`, { headers: { authorization: `Bearer ${service}` } });
      const [kept] = (await answer.json()).items;
      assert.deepEqual([kept.status, kept.attempt], ['succeeded', 2]);
    } finally {
      await worker.stop();
    }
  });

  test('use of a device: the session shows while it goes on, ends with the device, and the compliance is the relay’s', async () => {
    const put = await fetch(`${relay.url}/api/v1/devices/bed-7`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${service}`, 'content-type': 'application/json' },
      body: JSON.stringify({ patientId: 'patient-7', targetUseMsPerDay: 1_800_000 }),
    });
    assert.equal(put.status, 200, await put.text());
    const ana = await enter({ ...ANA, path: '#/patient/bed-7' });
    const usage = ana.page.locator('pulsewire-usage');
    await usage.getByText('Not in use').waitFor();
    const now = Date.now();
    const t = Array.from({ length: 21 }, (_, n) => now - (20 - n) * 60_000);
    await relay.ingest('telemetry', { deviceId: 'bed-7', series: { inUse: { t, v: t.map(() => 1) } } }, service);
    await usage.getByText('In use', { exact: true }).waitFor();
    await usage.getByText(/^for 20/).waitFor();
    await relay.ingest('telemetry', { deviceId: 'bed-7', series: { inUse: { t: [now + 2_000], v: [0] } } }, service);
    await usage.getByText('Not in use').waitFor();
    const asked = `from=${now - 7 * 86_400_000}`;
    const answer = await fetch(`${relay.url}/api/v1/patients/patient-7/sessions?${asked}`, { headers: { authorization: `Bearer ${service}` } });
    const { items, compliance } = await answer.json();
    assert.equal(items.length, 1);
    assert.ok(Math.abs(items[0].durationMs - 1_200_000) <= 3_000, `20 minutes: ${items[0].durationMs}`);
    assert.ok(compliance > 0 && compliance < 0.2, `20 of 30 minutes on one of 8 days: ${compliance}`);
    await eventually('the page says the same', async () => (await usage.locator('[role="meter"]').getAttribute('aria-valuenow')) === String(Math.round(compliance * 100)));
    assert.equal(await ana.page.locator('[data-chart="inUse"]').count(), 0, 'it is no curve');
    assert.ok(await ana.neverReloaded());
  });
});

test('the simulated ward has a week of use behind it, and a session that goes on', async () => {
  const relay = await Relay.start({ args: ['--simulate', '2'] });
  const browser = await launch();
  try {
    const ana = await openWard(browser, relay, { ...ANA, path: MARIA });
    const usage = ana.page.locator('pulsewire-usage');
    await usage.getByText('In use', { exact: true }).waitFor({ timeout: 15_000 });
    const share = () => usage.locator('[role="meter"]').getAttribute('aria-valuenow').then(Number);
    await eventually('compliance over a week', async () => (await share()) > 20 && (await share()) <= 100);
    assert.deepEqual(ana.complaints, []);
    await ana.close();
  } finally {
    await browser.close();
    await relay.stop();
  }
});
