// axe on every page of the ward, light and dark, with colours: each page in the state in which it shows most, and the contrast of its texts judged.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { lookedAt } from '../lib/axe.mjs';
import { launch, openWard, person } from '../lib/browser.mjs';
import { eventually } from '../lib/eventually.mjs';
import { Relay, token, Worker } from '../lib/relay.mjs';

const ANA = person('ana', 'Ana Souza');

describe('colours', () => {
  let relay;
  let worker;
  let browser;
  let service;
  let forged;
  before(async () => {
    relay = await Relay.start({ args: ['--simulate', '5'] });
    worker = await Worker.start(relay, { stepMs: 50 });
    service = await token({ sub: 'backend', role: 'service' });
    forged = await token({ sub: 'ana', role: 'nurse', secret: 'some-other-secret-that-the-relay-does-not-know' });
    // Every severity unread, one alert taken on, one resolved; a conversation of each status; what a bell lists.
    for (const severity of ['low', 'medium', 'high', 'critical']) await raise(severity);
    for (const [act, message] of [['acknowledge', 'Taken on'], ['resolve', 'Over']]) {
      const { id } = await raise('high', message);
      assert.equal((await relay.post(`/api/v1/alerts/${id}/${act}`, {}, service)).status, 200);
    }
    for (const [n, status] of [[1, 'open'], [2, 'assumed'], [3, 'resolved']]) {
      const to = `/api/v1/conversations/patient-${n}`;
      const said = await relay.post(`${to}/messages`, { content: 'How is it going?', sender: 'agent', senderName: 'Night desk' }, service);
      assert.ok(said.status < 300, said.text);
      if (status !== 'open') assert.equal((await relay.post(`${to}/status`, { conversationId: `patient-${n}`, status }, service)).status, 200);
    }
    await relay.post('/api/v1/notifications', { to: { users: ['ana'] }, title: 'Handover', body: 'Please look.', severity: 'high' }, service);
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await worker?.stop();
    await relay?.stop();
  });

  const raise = (severity, message = `Something ${severity}`) =>
    relay.ingest('alerts', { patientId: 'patient-1', patientName: 'Maria Oliveira', deviceId: 'bed-1', type: 'x', severity, message }, service);
  const signalled = (ward) => eventually('the ward is filled', async () => /\d/.test(await ward.card('bed-1').locator('[data-vital="heart_rate"]').innerText()), 12_000);
  const charted = (ward) => eventually('the ECG is drawn', async () => (await ward.page.locator('[data-chart="ecg"] pulsewire-chart canvas').count()) > 0, 12_000);

  /** Each page, and how it comes to show everything it has. At least so many texts must have been judged, or the page was not there. */
  const PAGES = [
    { what: 'the ward, asked about tour and sound, with a toast', path: '#/', tour: true, atLeast: 60, ready: async (ward) => {
      await signalled(ward);
      await ward.button('Take the tour').waitFor();
      await ward.button('Turn alert sound on').waitFor();
      await ward.page.locator('.resolved-alerts summary').click();
      await raise('high', 'Seen as a toast');
      await ward.toasts().first().waitFor();
    } },
    { what: 'the ward in React', path: 'react/', atLeast: 60, ready: signalled },
    { what: 'the ward with the list of the bell', path: '#/', atLeast: 60, ready: async (ward) => {
      await signalled(ward);
      await ward.page.locator('pulsewire-bell [part="button"]').click();
      await ward.page.locator('pulsewire-bell li').first().waitFor();
    } },
    { what: 'the guided tour', path: '#/', atLeast: 3, ready: async (ward) => {
      await ward.button('Guided tour').click();
      await ward.page.getByRole('dialog').waitFor();
    } },
    { what: 'a patient with a report that failed', path: '#/patient/bed-1', atLeast: 50, ready: async (ward) => {
      await charted(ward);
      await ward.page.getByRole('button', { name: /^Make/ }).click();
      const job = ward.page.locator('pulsewire-execution');
      await job.getByRole('button', { name: 'Try again' }).waitFor({ timeout: 15_000 });
      await job.locator('[part="error"] summary').click();
      await job.locator('[part="log"] summary').click();
      await ward.page.locator('pulsewire-usage [role="meter"]').waitFor();
    } },
    ...[1, 2, 3].map((n) => ({ what: `the messages (patient ${n})`, path: `#/chat/patient-${n}`, atLeast: 30, ready: async (ward) => {
      await ward.page.locator('[data-conversation-status]').waitFor();
      await ward.page.locator('pulsewire-conversation textarea').fill('Well');
      await ward.page.keyboard.press('Enter');
      await ward.page.locator('pulsewire-conversation [part~="message-own"] [part~="state"]').first().waitFor();
    } })),
    { what: 'the messages of a patient', path: '#/chat', as: person('patient-1', 'Maria Oliveira', 'patient'), atLeast: 10, ready: (ward) => ward.page.locator('pulsewire-conversation [part~="message"]').first().waitFor() },
    { what: 'the measurements', path: '#/measurements', atLeast: 50, ready: async (ward) => {
      await eventually('round trips are drawn', async () => (await ward.page.locator('[data-spark="latency"] .line').getAttribute('d')) !== '', 12_000);
      await ward.button('Diagnose').click();
      await ward.page.locator('.diagnosis').waitFor();
    } },
    { what: 'the sign-in', path: '#/sign-in', live: false, atLeast: 15, ready: async (ward) => {
      await ward.button('Enter the ward').click();
      await ward.page.getByText('Type a name, please.').waitFor();
    } },
    { what: 'a refused sign-in', path: '#/', live: false, atLeast: 6, ready: (ward) => ward.page.getByRole('heading', { name: 'Sign-in refused' }).waitFor(), before: (page) => page.route('**/dev/token?*', (route) => route.fulfill({ json: { token: forged } })) },
    { what: 'a page that is not there', path: '#/nowhere', live: false, atLeast: 6, ready: (ward) => ward.page.getByRole('heading', { name: 'There is no such page' }).waitFor() },
    { what: 'reconnecting, with the fault panel’s journal', path: '#/', atLeast: 60, ready: async (ward) => {
      await signalled(ward);
      await ward.button(/^Block/).click();
      await ward.banner().filter({ hasText: 'Reconnecting' }).waitFor({ timeout: 8_000 });
    } },
  ];

  for (const colorScheme of ['light', 'dark']) {
    for (const { what, path, ready, atLeast, as = ANA, ...options } of PAGES) {
      test(`axe finds nothing, contrast included: ${what} (${colorScheme})`, async (t) => {
        // Motion is over at once, so that no colour is judged half faded in.
        const ward = await openWard(browser, relay, { as, path, ...options, context: { colorScheme, reducedMotion: 'reduce' } });
        await ready(ward);
        const { violations, checked, unsure } = await lookedAt(ward.page);
        t.diagnostic(`${checked} texts have enough contrast, ${unsure.length} lie half under something`);
        assert.deepEqual(violations, []);
        assert.ok(checked >= atLeast, `${checked} texts were judged, expected at least ${atLeast}`);
        // What lies half under a toast or the bar is judged on the pages where it does not.
        assert.deepEqual(unsure.filter((text) => !/obscured|overlapped/.test(text)), []);
        assert.ok(unsure.length < checked / 4, unsure.join('\n'));
        await ward.close();
      });
    }
  }

  test('a text without enough contrast is found: the test would fail', async () => {
    const ward = await openWard(browser, relay, { as: ANA });
    await signalled(ward);
    await ward.page.addStyleTag({ content: 'h1 { color: #bbb !important; }' });
    const { violations } = await lookedAt(ward.page);
    assert.ok(violations.some((found) => found.startsWith('color-contrast') && found.includes('h1')), violations.join('\n'));
    await ward.close();
  });
});
