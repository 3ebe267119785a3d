// What people on the ward tell each other: messages between two browsers, and notifications that wait for who is away.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { seriousOf } from '../lib/axe.mjs';
import { launch, openWard, person } from '../lib/browser.mjs';
import { eventually } from '../lib/eventually.mjs';
import { FaultProxy } from '../lib/fault-proxy.mjs';
import { Relay } from '../lib/relay.mjs';

describe('people on the ward', () => {
  let relay;
  let browser;
  let proxy;
  before(async () => {
    relay = await Relay.start({ args: ['--simulate', '2'] });
    proxy = await FaultProxy.start(() => relay.port);
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await proxy?.close();
    await relay?.stop();
  });
  const ANA = { as: person('ana', 'Ana Souza') };
  const BEN = { as: person('ben', 'Ben Ortiz') };
  const talk = (ward) => ward.page.locator('pulsewire-conversation');
  const field = (ward) => talk(ward).locator('textarea');
  const messages = (ward, text) => talk(ward).getByText(text, { exact: true });
  const say = async (ward, text) => {
    await field(ward).fill(text);
    await ward.page.keyboard.press('Enter');
  };

  test('two browsers write to each other: typing shows, each message comes once and in order, and what is written while cut off waits', async () => {
    const ana = await openWard(browser, proxy, { ...ANA, path: '#/chat/patient-1' });
    const ben = await openWard(browser, relay, { ...BEN, path: '#/chat/patient-1' });
    await ana.page.getByRole('heading', { level: 2, name: 'Maria Oliveira' }).waitFor();
    await field(ana).pressSequentially('Is bed 1');
    await talk(ben).getByText(/Ana Souza is (typing|writing)/).waitFor();
    await say(ana, 'Is bed 1 ready?');
    await messages(ben, 'Is bed 1 ready?').waitFor();
    await say(ben, 'In ten minutes.');
    await messages(ana, 'In ten minutes.').waitFor();
    // Without any network: it waits in the outbox, and goes out once.
    proxy.block('all');
    proxy.cut();
    await ana.isNotLive();
    await say(ana, 'Written while cut off');
    await messages(ana, 'Written while cut off').waitFor();
    assert.equal(await messages(ben, 'Written while cut off').count(), 0);
    proxy.heal();
    await messages(ben, 'Written while cut off').waitFor({ timeout: 30_000 });
    await say(ben, 'And the answer');
    await messages(ana, 'And the answer').waitFor();
    for (const ward of [ana, ben]) {
      for (const text of ['Is bed 1 ready?', 'In ten minutes.', 'Written while cut off', 'And the answer']) {
        assert.equal(await messages(ward, text).count(), 1, `${text}, once`);
      }
      assert.deepEqual(ward.complaints, []);
    }
    await ana.page.getByRole('link', { name: /John Carter/ }).click();
    await eventually('another patient has another conversation', async () => (await messages(ana, 'And the answer').count()) === 0);
    await Promise.all([ana.close(), ben.close()]);
  });

  test('a notification reaches everyone of the ward, the bell counts it, and who was away finds it on coming back', async () => {
    const ana = await openWard(browser, relay, ANA);
    const ben = await openWard(browser, relay, BEN);
    const count = (ward) => ward.page.locator('pulsewire-bell [part="count"]');
    await ben.close();
    await ana.button('Notify everyone').click();
    await eventually('the bell counts one', async () => (await count(ana).innerText()) === '1');
    const back = await openWard(browser, relay, { ...BEN, path: 'react/' });
    await eventually('it waited for Ben, in React too', async () => (await count(back).innerText()) === '1');
    await back.page.locator('pulsewire-bell [part="button"]').click();
    const list = back.page.locator('pulsewire-bell [role="dialog"]');
    await list.getByText(/^Please look at/).waitFor();
    await list.getByRole('button', { name: /Mark all/ }).click();
    await eventually('nothing is unread', async () => (await count(back).count()) === 0);
    assert.equal(await count(ana).innerText(), '1', 'Ana has not read hers');
    assert.deepEqual([...ana.complaints, ...back.complaints], []);
    await Promise.all([ana.close(), back.close()]);
  });

  for (const [what, context] of [['light', {}], ['dark, on a phone, in Portuguese', { colorScheme: 'dark', locale: 'pt-BR', viewport: { width: 390, height: 844 } }]]) {
    test(`axe finds nothing on the messages, with the bell open, and nothing scrolls sideways (${what})`, async () => {
      const ward = await openWard(browser, relay, { ...ANA, path: '#/chat/patient-2', context });
      await say(ward, `Hello ${what}`);
      await messages(ward, `Hello ${what}`).waitFor();
      assert.deepEqual(await seriousOf(ward.page), []);
      assert.equal(await ward.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth), 0);
      await ward.page.locator('pulsewire-bell [part="button"]').click();
      await ward.page.locator('pulsewire-bell [role="dialog"]').waitFor();
      assert.deepEqual(await seriousOf(ward.page), []);
      await ward.close();
    });
  }
});
