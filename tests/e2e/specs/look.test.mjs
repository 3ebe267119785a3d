// How it looks and reads: two languages, two themes, a phone's width, a keyboard, and axe for everyone who needs assistance.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { seriousOf as serious } from '../lib/axe.mjs';
import { launch, openWard } from '../lib/browser.mjs';
import { eventually } from '../lib/eventually.mjs';
import { Relay } from '../lib/relay.mjs';

const overflow = (page) => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);

describe('the look', () => {
  let relay;
  let browser;
  before(async () => {
    relay = await Relay.start({ args: ['--simulate', '4'] });
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await relay?.stop();
  });

  const signalled = (ward) =>
    eventually('the simulator fills the ward', async () => /\d/.test(await ward.card('bed-1').locator('[data-vital="heart_rate"]').innerText()), 12_000);
  const charted = (ward) =>
    eventually('the ECG is drawn', async () => (await ward.page.locator('[data-chart="ecg"] pulsewire-chart canvas').count()) > 0, 12_000);

  test('Portuguese: every text of the page and of the elements, and the lang attribute; the choice is kept', async () => {
    const ward = await openWard(browser, relay);
    await signalled(ward);
    await ward.button('PT').click();
    assert.equal(await ward.page.locator('html').getAttribute('lang'), 'pt-BR');
    await ward.page.getByRole('heading', { name: 'Enfermaria 3 · Cardiologia' }).waitFor();
    await ward.page.getByRole('button', { name: 'Cortar a conexão' }).waitFor();
    // The elements fetch their Portuguese when it is first spoken: they follow within a moment, not in the same one.
    const english = ['Devices online', 'Alerts', 'Break it', 'Reconnecting', 'Battery', 'ago'];
    await eventually('nothing is left in English, elements included', async () => {
      const text = await ward.text();
      // Whole words: `agora` has an English one in it.
      return /Alertas/.test(text) && !english.some((words) => new RegExp(`\\b${words}\\b`).test(text));
    });
    await ward.page.reload();
    await ward.page.getByRole('heading', { name: 'Enfermaria 3 · Cardiologia' }).waitFor();
    await ward.close();
  });

  test('a browser that speaks Portuguese gets Portuguese unasked', async () => {
    const ward = await openWard(browser, relay, { context: { locale: 'pt-BR' } });
    assert.equal(await ward.page.locator('html').getAttribute('lang'), 'pt-BR');
    await ward.close();
  });

  const background = (page) => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor.match(/\d+/g).map(Number).reduce((a, b) => a + b, 0));
  test('dark and light: by the system, and by the toggle, which wins', async () => {
    const ward = await openWard(browser, relay, { context: { colorScheme: 'dark' } });
    assert.ok((await background(ward.page)) < 150, 'dark by the system');
    await ward.button(/^Colours: System/).click();
    assert.ok((await background(ward.page)) > 600, 'light by the toggle');
    await ward.button(/^Colours: Light/).click();
    assert.ok((await background(ward.page)) < 150, 'dark by the toggle');
    await ward.close();
  });

  for (const [what, colorScheme] of [['light', 'light'], ['dark', 'dark']]) {
    test(`axe finds nothing serious on the ward and the patient page (${what})`, async () => {
      const ward = await openWard(browser, relay, { context: { colorScheme } });
      await signalled(ward);
      assert.deepEqual(await serious(ward.page), []);
      await ward.card('bed-1').getByRole('link').click();
      await charted(ward);
      assert.deepEqual(await serious(ward.page), []);
      await ward.close();
    });
  }

  for (const [what, context] of [['light', { colorScheme: 'light' }], ['dark, on a phone, in Portuguese', { colorScheme: 'dark', locale: 'pt-BR', viewport: { width: 390, height: 844 } }]]) {
    test(`axe finds nothing on the measurements, with a diagnosis and the developer tools open (${what})`, async () => {
      const ward = await openWard(browser, relay, { path: '#/measurements', context });
      await eventually('round trips are drawn', async () => (await ward.page.locator('[data-spark="latency"] .line').getAttribute('d')) !== '', 12_000);
      await ward.button(/^Diagn/).first().click();
      await ward.page.locator('.diagnosis').waitFor();
      await ward.button(/^(Developer tools|Ferramentas)/).click();
      await ward.page.locator('pulsewire-devtools').waitFor();
      assert.deepEqual(await serious(ward.page), []);
      assert.equal(await overflow(ward.page), 0);
      await ward.close();
    });
  }

  test('axe finds nothing serious on the sign-in', async () => {
    const ward = await openWard(browser, relay, { path: '#/sign-in', live: false });
    await ward.page.getByRole('heading', { name: 'Sign in' }).waitFor();
    assert.deepEqual(await serious(ward.page), []);
    await ward.close();
  });

  test('at 390 px nothing scrolls sideways, in either language', async () => {
    const ward = await openWard(browser, relay, { context: { viewport: { width: 390, height: 844 } } });
    await signalled(ward);
    assert.equal(await overflow(ward.page), 0, 'ward');
    await ward.button('PT').click();
    assert.equal(await overflow(ward.page), 0, 'ward in Portuguese');
    await ward.card('bed-1').getByRole('link').click();
    await charted(ward);
    assert.equal(await overflow(ward.page), 0, 'patient');
    await ward.page.goto(`${relay.url}/#/sign-in`);
    assert.equal(await overflow(ward.page), 0, 'sign-in');
    await ward.close();
  });

  test('a keyboard reaches the content, opens a patient and comes back', async () => {
    const ward = await openWard(browser, relay);
    await signalled(ward);
    await ward.page.keyboard.press('Tab');
    const focused = () => ward.page.evaluate(() => document.activeElement?.textContent?.trim());
    assert.equal(await focused(), 'Skip to content');
    await ward.page.keyboard.press('Enter');
    assert.equal(await ward.page.evaluate(() => document.activeElement?.tagName), 'MAIN');
    for (let i = 0; i < 6 && (await ward.page.evaluate(() => document.activeElement?.closest('[data-device]') === null)); i += 1) await ward.page.keyboard.press('Tab');
    await ward.page.keyboard.press('Enter');
    await ward.page.getByRole('heading', { level: 1, name: 'Maria Oliveira' }).waitFor();
    assert.equal(await ward.page.evaluate(() => document.activeElement?.tagName), 'MAIN', 'focus starts at the new page');
    await ward.page.keyboard.press('Tab');
    await ward.page.keyboard.press('Enter');
    await ward.page.getByRole('heading', { level: 1, name: 'Ward 3 · Cardiology' }).waitFor();
    await ward.close();
  });
});
