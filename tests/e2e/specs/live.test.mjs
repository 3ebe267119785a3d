// What one person does, everyone sees: statuses, alerts, telemetry and viewers reach every open page without a reload.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { launch, openWard, person } from '../lib/browser.mjs';
import { eventually } from '../lib/eventually.mjs';
import { Relay, token } from '../lib/relay.mjs';

const WORD = { online: 'Online', offline: 'Offline', maintenance: 'Maintenance' };
const PERCENT = new Intl.NumberFormat('en', { style: 'percent' });
const SEED = Number(process.env.PULSEWIRE_SEED ?? Date.now() % 2 ** 31);

describe('a live ward', () => {
  let relay;
  let browser;
  let ana;
  let ben;
  let service;

  before(async () => {
    relay = await Relay.start();
    service = await token({ sub: 'backend', role: 'service' });
    browser = await launch();
    ana = await openWard(browser, relay, { as: person('ana', 'Ana Souza') });
    ben = await openWard(browser, relay, { as: person('ben', 'Ben Ortiz') });
  });
  after(async () => {
    await browser?.close();
    await relay?.stop();
  });

  const both = (what, check, timeoutMs) => Promise.all([ana, ben].map((ward) => eventually(what, () => check(ward), timeoutMs)));

  test('a ward without devices says so and shows how to get some', async () => {
    await ana.page.getByRole('heading', { name: 'No device has reported yet' }).waitFor();
  });

  test('two pages of two people count two viewers', async () => {
    await both('the ward counts 2 viewers', async (ward) => (await ward.viewers()) === 2);
    await both('the dashboard counts 2 viewers', async (ward) => (await ward.page.locator('[data-stat="viewers"] dd').innerText()).trim() === '2');
  });

  test('property 1 and 2: every status posted reaches every page without a reload', async (t) => {
    t.diagnostic(`seed ${SEED}; PULSEWIRE_SEED=${SEED} repeats it`);
    const known = new Map();
    const posts = fc.array(
      fc.record({
        deviceId: fc.constantFrom('bed-1', 'bed-2', 'bed-3', 'pump-7', 'x.y_z~1'),
        status: fc.constantFrom('online', 'offline', 'maintenance'),
        battery: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
      { minLength: 1, maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(posts, async (batch) => {
        // One by one or as an array: both doors lead to the same pages.
        if (batch.length % 2 === 0) await relay.ingest('status', batch, service);
        else for (const one of batch) await relay.ingest('status', one, service);
        for (const one of batch) known.set(one.deviceId, one);
        for (const [deviceId, { status, battery }] of known) {
          const charge = PERCENT.format(battery);
          await both(`${deviceId} is shown as ${status}, ${charge}`, async (ward) => {
            const text = await ward.badge(deviceId).innerText();
            return text.includes(WORD[status]) && text.includes(charge);
          });
        }
      }),
      { seed: SEED, numRuns: 8, endOnFailure: true },
    );
    assert.ok((await ana.neverReloaded()) && (await ben.neverReloaded()));
  });

  test('telemetry posted over HTTP moves the numbers of every page', async () => {
    await relay.ingest('status', { deviceId: 'bed-1', status: 'online', battery: 0.9 }, service);
    for (const bpm of [64, 131, 88]) {
      await relay.ingest('telemetry', { deviceId: 'bed-1', series: { heart_rate: { t: [Date.now()], v: [bpm], unit: 'bpm' } } }, service);
      await both(`bed-1 shows ${bpm} bpm`, async (ward) => (await ward.card('bed-1').locator('[data-vital="heart_rate"]').innerText()) === String(bpm));
    }
    assert.ok((await ana.neverReloaded()) && (await ben.neverReloaded()));
  });

  test('property 9: of whatever columns are posted, in whatever order their points stand, every page shows the newest point', async (t) => {
    t.diagnostic(`seed ${SEED}`);
    // Points may come in any order; setting them right is the client's work.
    const column = fc.array(fc.double({ min: 20, max: 250, noNaN: true }), { minLength: 1, maxLength: 20 });
    const order = fc.infiniteStream(fc.nat());
    let time = Date.now();
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('bed-1', 'bed-2'), column, order, async (deviceId, values, ranks) => {
        const points = values.map((v) => ({ t: (time += 4), v }));
        const newest = points.at(-1).v;
        const shuffled = points.map((point) => ({ point, rank: ranks.next().value })).sort((a, b) => a.rank - b.rank).map(({ point }) => point);
        await relay.ingest('status', { deviceId, status: 'online' }, service);
        await relay.ingest('telemetry', { deviceId, series: { heart_rate: { t: shuffled.map((p) => p.t), v: shuffled.map((p) => p.v), unit: 'bpm' } } }, service);
        const shown = newest.toLocaleString('en-US', { maximumFractionDigits: 0 });
        await both(`${deviceId} shows ${shown} bpm`, async (ward) => (await ward.card(deviceId).locator('[data-vital="heart_rate"]').innerText()) === shown);
      }),
      { seed: SEED, numRuns: 12, endOnFailure: true },
    );
  });

  test('an alert is a toast, a line in the list and a number in the title, once, on every page; the toast is gone after 10 s', async () => {
    const alert = { id: 'alert-e2e-1', patientId: 'patient-2', patientName: 'John Carter', deviceId: 'bed-2', type: 'heart_rate_high', severity: 'high', message: 'Heart rate above 130' };
    await relay.ingest('alerts', alert, service);
    await both('the toast shows', async (ward) => (await ward.toasts().filter({ hasText: 'Heart rate above 130' }).count()) === 1);
    const shownAt = Date.now();
    // The same alert again, as a backend that heard no answer would send it.
    await relay.ingest('alerts', alert, service);
    await both('the list has it', async (ward) => (await ward.alerts().filter({ hasText: 'Heart rate above 130' }).count()) === 1);
    await both('the title counts it', async (ward) => (await ward.page.title()).startsWith('(1) '));
    assert.equal(await ana.toasts().count(), 1, 'the same alert id is one toast');
    await both('the toast is gone', async (ward) => (await ward.toasts().count()) === 0, 14_000);
    const stayed = Date.now() - shownAt;
    assert.ok(stayed > 8_500 && stayed < 12_500, `the toast stayed ${stayed} ms`);
    assert.equal(await ben.alerts().filter({ hasText: 'Heart rate above 130' }).count(), 1, 'the list keeps what the toast let go');
  });

  test('marking alerts read empties the title of the one who read them', async () => {
    await ana.page.locator('pulsewire-alerts').getByRole('button', { name: /Mark all/ }).click();
    await eventually('nothing is unread', async () => !(await ana.page.title()).startsWith('('));
    assert.ok((await ben.page.title()).startsWith('(1) '), 'another nurse has not read it');
  });

  test("another tenant's events never arrive", async () => {
    const stranger = await token({ sub: 'backend', tenant: 'other', role: 'service' });
    const own = { deviceId: 'bed-3', status: 'online', battery: 0.5 };
    await relay.ingest('status', { ...own, battery: 0.11 }, stranger);
    await relay.ingest('alerts', { patientId: 'patient-3', patientName: 'Nobody here', type: 'x', severity: 'critical', message: 'From another house' }, stranger);
    await relay.ingest('telemetry', { deviceId: 'bed-1', series: { heart_rate: { t: [Date.now()], v: [222] } } }, stranger);
    // The own tenant's event sent after them has arrived, so theirs would have, too.
    await relay.ingest('status', { ...own, battery: 0.77 }, service);
    await relay.ingest('telemetry', { deviceId: 'bed-1', series: { heart_rate: { t: [Date.now()], v: [71] } } }, service);
    await both('the own status arrives', async (ward) => (await ward.badge('bed-3').innerText()).includes('77%'));
    await both('the own telemetry arrives', async (ward) => (await ward.card('bed-1').locator('[data-vital="heart_rate"]').innerText()) === '71');
    for (const ward of [ana, ben]) {
      const all = await ward.text();
      assert.ok(!all.includes('From another house') && !all.includes('Nobody here'));
      assert.equal(await ward.toasts().count(), 0);
    }
  });

  test('property 18: opening a patient subscribes and counts a viewer, leaving lets go', async () => {
    await ana.card('bed-2').getByRole('link').click();
    await ana.page.getByRole('heading', { name: 'John Carter', level: 1 }).waitFor();
    await eventually('the ward counts one viewer less', async () => (await ben.viewers()) === 1, 12_000);
    await ben.card('bed-2').getByRole('link').click();
    await both('the patient has two viewers', async (ward) => (await ward.viewers()) === 2);
    await both('both are named', async (ward) => /Ana Souza.*Ben Ortiz|Ben Ortiz.*Ana Souza/s.test(await ward.page.locator('[data-viewers]').innerText()));
    await ben.page.getByRole('link', { name: 'Back to the ward' }).click();
    // A released channel lingers 5 s so that a route change does not flap.
    await eventually('the patient has one viewer again', async () => (await ana.viewers()) === 1, 12_000);
    await ana.page.getByRole('link', { name: 'Back to the ward' }).click();
    await both('the ward counts 2 viewers again', async (ward) => (await ward.viewers()) === 2, 12_000);
  });

  test("the page's own buttons go over HTTP and come back over the wire", async () => {
    await ana.page.getByLabel('Devices').selectOption('bed-2');
    await ana.button('Maintenance').click();
    await both('bed-2 is in maintenance', async (ward) => (await ward.badge('bed-2').innerText()).includes('Maintenance'));
    await ana.page.getByLabel('Severity').selectOption('low');
    await ana.button('Raise an alert').click();
    await eventually("the other page's toast shows", async () => (await ben.toasts().filter({ hasText: 'Battery of the monitor is low' }).count()) === 1);
    await ben.toasts().locator('[part="title"]').click();
    await ben.page.getByRole('heading', { name: 'John Carter', level: 1 }).waitFor();
  });

  test('nothing complained on the way', () => {
    assert.deepEqual(ana.complaints, []);
    assert.deepEqual(ben.complaints, []);
  });
});
