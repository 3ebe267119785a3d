// The ward's main page in React: what it shows, breaks and heals is what the page in Svelte does, against the same relay.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { seriousOf } from '../lib/axe.mjs';
import { launch, openWard, person } from '../lib/browser.mjs';
import { eventually } from '../lib/eventually.mjs';
import { Relay, token } from '../lib/relay.mjs';

describe('the ward in React', () => {
  let relay;
  let browser;
  let service;
  before(async () => {
    relay = await Relay.start({ args: ['--simulate', '3'] });
    service = await token({ sub: 'backend', role: 'service' });
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await relay?.stop();
  });
  const inReact = (options) => openWard(browser, relay, { path: 'react/', ...options });
  const signalled = (ward) =>
    eventually('the simulator fills the ward', async () => /\d/.test(await ward.card('bed-1').locator('[data-vital="heart_rate"]').innerText()), 15_000);
  const rows = (ward) => ward.page.locator('[data-device] h3').allInnerTexts();

  test('one person in Svelte and one in React: the same beds, the same viewers, the same alert, and reading it is one’s own', async () => {
    const ana = await inReact({ as: person('ana', 'Ana Souza') });
    const ben = await openWard(browser, relay, { as: person('ben', 'Ben Ortiz') });
    await Promise.all([signalled(ana), signalled(ben)]);
    assert.deepEqual(await rows(ana), await rows(ben));
    for (const ward of [ana, ben]) await eventually('two viewers', async () => (await ward.viewers()) === 2);
    await relay.ingest('alerts', { patientId: 'patient-2', patientName: 'John Carter', deviceId: 'bed-2', type: 'x', severity: 'critical', message: 'Seen by both' }, service);
    for (const ward of [ana, ben]) {
      await eventually('the alert is listed once', async () => (await ward.alerts().filter({ hasText: 'Seen by both' }).count()) === 1);
      await eventually('its bed is marked', async () => /critical/.test((await ward.card('bed-2').getAttribute('class')) ?? ''));
      assert.match(await ward.page.title(), /^\(\d+\) /);
    }
    await ana.page.locator('pulsewire-alerts').getByRole('button', { name: /Mark all/ }).click();
    await eventually('Ana has read it', async () => !/critical/.test((await ana.card('bed-2').getAttribute('class')) ?? ''));
    assert.match((await ben.card('bed-2').getAttribute('class')) ?? '', /critical/);
    assert.deepEqual([...ana.complaints, ...ben.complaints], []);
    await Promise.all([ana.close(), ben.close()]);
  });

  test('a cut heals, the journal says so, one connection is all that StrictMode made, and nothing is lost', async () => {
    const ana = await inReact();
    await signalled(ana);
    assert.equal(ana.sockets.length, 1);
    await ana.page.locator('[data-fault="cut"]').focus();
    await ana.page.keyboard.press('Enter');
    await eventually('it is connected again', async () => (await ana.log()).some((line) => line.includes('Connected again')), 15_000);
    await relay.ingest('alerts', { patientId: 'patient-1', patientName: 'Maria Oliveira', deviceId: 'bed-1', type: 'x', severity: 'medium', message: 'After the cut' }, service);
    await eventually('the alert is there, once', async () => (await ana.alerts().filter({ hasText: 'After the cut' }).count()) === 1);
    assert.equal(ana.sockets.length, 2);
    assert.ok(await ana.neverReloaded());
    assert.deepEqual(ana.complaints, []);
    await ana.close();
  });

  test('its buttons, its languages, and the way to a patient and back', async () => {
    const ana = await inReact();
    await signalled(ana);
    await ana.page.getByLabel('Devices').selectOption('bed-2');
    await ana.button('Maintenance').click();
    await eventually('bed-2 is in maintenance', async () => (await ana.card('bed-2').locator('[part="badge"]').innerText()).includes('Maintenance'));
    await ana.button('PT').click();
    await ana.page.getByRole('heading', { name: 'Enfermaria 3 · Cardiologia' }).waitFor();
    assert.equal(await ana.page.locator('html').getAttribute('lang'), 'pt-BR');
    await ana.card('bed-1').getByRole('link').click();
    await ana.page.getByRole('heading', { level: 1, name: 'Maria Oliveira' }).waitFor();
    await ana.page.goto(`${relay.url}/react/`);
    await ana.page.getByRole('heading', { name: 'Enfermaria 3 · Cardiologia' }).waitFor();
    assert.deepEqual(ana.complaints, []);
    await ana.close();
  });

  for (const [what, context] of [['light', {}], ['dark, on a phone, in Portuguese', { colorScheme: 'dark', locale: 'pt-BR', viewport: { width: 390, height: 844 } }]]) {
    test(`axe finds nothing and nothing scrolls sideways (${what})`, async () => {
      const ward = await inReact({ context });
      await signalled(ward);
      assert.deepEqual(await seriousOf(ward.page), []);
      assert.equal(await ward.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth), 0);
      await ward.close();
    });
  }
});
