// Who this tab is: the chooser, the choice that stays with the tab, and what a refused token looks like.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { launch, openWard, person } from '../lib/browser.mjs';
import { eventually } from '../lib/eventually.mjs';
import { Relay, token } from '../lib/relay.mjs';

describe('signing in', () => {
  let relay;
  let browser;
  before(async () => {
    relay = await Relay.start();
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await relay?.stop();
  });

  test('a first visit is somebody of the staff at once; a chosen name stays with the tab across a reload', async () => {
    const context = await browser.newContext({ locale: 'en-US' });
    const page = await context.newPage();
    await page.goto(relay.url);
    await eventually('the page is live', async () => (await page.locator('[data-state]').first().getAttribute('data-state')) === 'connected', 15_000);
    await page.getByRole('link', { name: /Switch user/ }).click();
    await page.getByRole('button', { name: 'Enter the ward' }).click();
    await page.getByText('Type a name, please.').waitFor();
    await page.getByLabel('Your name').fill('Zoë Example');
    await page.getByLabel('Role').selectOption('doctor');
    await page.getByRole('button', { name: 'Enter the ward' }).click();
    const named = () => page.locator('[data-viewers]').innerText();
    await eventually('the viewers name her', async () => (await named()).includes('Zoë Example'), 12_000);
    await page.reload();
    await eventually('she is still there after a reload', async () => (await named()).includes('Zoë Example'), 12_000);
    await context.close();
  });

  test('a refused token ends in a page that says so and leads to the sign-in, and signing in again works', async () => {
    const bad = await token({ sub: 'ana', role: 'nurse', secret: 'some-other-secret-that-the-relay-does-not-know' });
    let asked = 0;
    const ward = await openWard(browser, relay, {
      as: person('ana', 'Ana Souza'),
      live: false,
      before: (page) =>
        page.route('**/dev/token?*', (route) => {
          asked += 1;
          return route.fulfill({ json: { token: bad } });
        }),
    });
    await ward.page.getByRole('heading', { name: 'Sign-in refused' }).waitFor({ timeout: 10_000 });
    await ward.page.getByText('token_invalid').first().waitFor();
    assert.equal(asked, 2, 'the token was asked for once more before giving up');
    assert.equal(ward.sockets.length, 2, 'and no storm of connections follows');
    await ward.page.unroute('**/dev/token?*');
    await ward.page.getByRole('main').getByRole('link', { name: 'Sign in' }).click();
    await ward.page.getByRole('button', { name: /Ben Ortiz/ }).click();
    await ward.isLive();
    await ward.close();
  });

  test('a token without a right to the patient shows that it is not allowed', async () => {
    const narrow = await token({ sub: 'ana', role: 'nurse', subscribe: ['device:*', 'tenant', 'dashboard'], publish: [] });
    const ward = await openWard(browser, relay, {
      path: '#/patient/bed-1',
      before: (page) => page.route('**/dev/token?*', (route) => route.fulfill({ json: { token: narrow } })),
      live: false,
    });
    await ward.page.getByRole('heading', { name: 'Not allowed' }).waitFor({ timeout: 10_000 });
    await ward.page.getByText('patient:patient-1').waitFor();
    await ward.close();
  });
});
