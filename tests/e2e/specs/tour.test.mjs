// The guided tour: offered once, by keyboard alone, and where it invites to break something, something real breaks.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { launch, openWard } from '../lib/browser.mjs';
import { seriousOf } from '../lib/axe.mjs';
import { eventually } from '../lib/eventually.mjs';
import { Relay } from '../lib/relay.mjs';

describe('the guided tour', () => {
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
  const dialog = (ward) => ward.page.getByRole('dialog');

  test('it is offered once and never starts by itself: declined, it stays away, and the button in the bar still has it', async () => {
    const ward = await openWard(browser, relay, { tour: true });
    await ward.button('No, thanks').waitFor();
    assert.equal(await dialog(ward).count(), 0);
    await ward.button('No, thanks').click();
    await ward.page.reload();
    await ward.isLive();
    assert.equal(await ward.button('Take the tour').count(), 0);
    assert.equal(await dialog(ward).count(), 0);
    await ward.page.goto(`${relay.url}/#/measurements`);
    await ward.button('Guided tour').click();
    await dialog(ward).getByRole('heading', { name: 'Live from the bedside' }).waitFor();
    await ward.page.keyboard.press('Escape');
    await eventually('it is gone', async () => (await dialog(ward).count()) === 0);
    assert.deepEqual(ward.complaints, []);
    await ward.close();
  });

  test('a keyboard goes through all stops and back, the focus stays inside, and the try cuts the real connection', async () => {
    const ward = await openWard(browser, relay, { tour: true });
    const sockets = ward.sockets.length;
    await ward.button('Take the tour').focus();
    await ward.page.keyboard.press('Enter');
    const titles = [];
    const title = () => dialog(ward).locator('h2').innerText();
    const focused = () => ward.page.evaluate(() => document.activeElement?.closest('dialog') !== null);
    for (const press of ['', 'ArrowRight', 'ArrowRight']) {
      if (press) await ward.page.keyboard.press(press);
      await eventually('the next stop shows', async () => !titles.includes(await title()));
      titles.push(await title());
      assert.ok(await focused());
    }
    assert.deepEqual(titles, ['Live from the bedside', 'How the connection stands', 'Break it']);
    for (let i = 0; i < 3 && !(await ward.page.evaluate(() => document.activeElement?.textContent?.includes('Cut the connection now'))); i += 1) await ward.page.keyboard.press('Tab');
    await ward.page.keyboard.press('Enter');
    await dialog(ward).getByText(/Connected again/).waitFor({ timeout: 15_000 });
    assert.ok(ward.sockets.length > sockets, 'a real socket was cut, and another one was made');
    await ward.page.keyboard.press('ArrowLeft');
    await eventually('one back', async () => (await title()) === titles[1]);
    for (let i = 0; i < 5; i += 1) await ward.page.keyboard.press('ArrowRight');
    await eventually('it ends after the last', async () => (await dialog(ward).count()) === 0);
    assert.deepEqual(ward.complaints, []);
    await ward.close();
  });

  for (const [what, context] of [['light', {}], ['dark, on a phone, in Portuguese', { colorScheme: 'dark', locale: 'pt-BR', viewport: { width: 390, height: 844 } }]]) {
    test(`each stop stands beside what it tells of, whole on the screen, and axe finds nothing (${what})`, async () => {
      const ward = await openWard(browser, relay, { tour: true, context });
      await ward.button(/^(Take the tour|Fazer a visita)$/).click();
      for (let stop = 1; stop <= 6; stop += 1) {
        const card = dialog(ward).locator('.card.placed');
        await card.filter({ hasText: new RegExp(`${stop} (of|de) 6`) }).waitFor();
        await eventually('the card is on the screen, and what it tells of too', async () => {
          const { width, height } = ward.page.viewportSize();
          const box = await card.boundingBox();
          const spot = await dialog(ward).locator('.spot').boundingBox();
          return box.x >= 0 && box.y >= 0 && box.x + box.width <= width && box.y + box.height <= height && spot.y < height && spot.y + spot.height > 0;
        });
        if (stop === 1 || stop === 3) assert.deepEqual(await seriousOf(ward.page), []);
        await ward.page.keyboard.press('ArrowRight');
      }
      assert.deepEqual(ward.complaints, []);
      await ward.close();
    });
  }
});
