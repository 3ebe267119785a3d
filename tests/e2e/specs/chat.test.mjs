// The messages page: its list is the relay's, who has taken a conversation on is seen by all, and each message shows how far it came.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { launch, openWard, person } from '../lib/browser.mjs';
import { eventually } from '../lib/eventually.mjs';
import { Relay, token } from '../lib/relay.mjs';

describe('messages', () => {
  let relay;
  let browser;
  let service;
  before(async () => {
    relay = await Relay.start();
    service = await token({ sub: 'backend', role: 'service' });
    for (const n of [1, 2]) await relay.ingest('status', { deviceId: `bed-${n}`, status: 'online' }, service);
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await relay?.stop();
  });
  const ANA = { as: person('ana', 'Ana Souza') };
  const BEN = { as: person('ben', 'Ben Ortiz') };
  const talk = (ward) => ward.page.locator('pulsewire-conversation');
  const field = (ward) => talk(ward).locator('textarea');
  const message = (ward, text) => talk(ward).locator('[part~="message"]').filter({ hasText: text });
  const state = (ward, text) => message(ward, text).locator('[part~="state"]').getAttribute('part');
  const has = (ward, text, words) => eventually(`"${text}" is ${words}`, async () => (await state(ward, text)) === `state state-${words}`);
  const say = async (ward, text) => {
    await field(ward).fill(text);
    await ward.page.keyboard.press('Enter');
  };
  const listed = (ward, name) => ward.page.locator('[data-list="conversations"] a').filter({ hasText: name });
  const silent = (ward, name) => ward.page.locator('[data-list="silent"] a').filter({ hasText: name });
  const status = (ward) => ward.page.locator('[data-conversation-status]');
  const calm = async (...wards) => {
    for (const ward of wards) {
      assert.deepEqual(ward.complaints, []);
      assert.ok(await ward.neverReloaded());
      await ward.close();
    }
  };
  const write = async (conversationId, content) => {
    const answer = await relay.post(`/api/v1/conversations/${conversationId}/messages`, { content, sender: 'agent', senderName: 'Night desk' }, service);
    assert.ok(answer.status === 200 || answer.status === 201, answer.text);
  };

  test('the list is the relay’s: a conversation begins with its first message, wherever it came from, and moves to the top', async () => {
    const ana = await openWard(browser, relay, { ...ANA, path: '#/chat' });
    await silent(ana, 'Maria Oliveira').waitFor();
    assert.equal(await listed(ana, 'Maria Oliveira').count(), 0);
    await write('patient-1', 'The first word');
    await listed(ana, 'Maria Oliveira').getByText('Night desk: The first word').waitFor();
    assert.equal(await silent(ana, 'Maria Oliveira').count(), 0);
    // Of a patient without any device here, too.
    await write('patient-9', 'From another ward');
    await listed(ana, 'Chloé Martin').waitFor();
    const order = async () => (await ana.page.locator('[data-list="conversations"] .who').allInnerTexts()).join();
    assert.equal(await order(), 'Chloé Martin,Maria Oliveira');
    await write('patient-1', 'A newer word');
    await eventually('the newest is on top', async () => (await order()) === 'Maria Oliveira,Chloé Martin');
    await listed(ana, 'Chloé Martin').getByText('1 unread').waitFor();
    await listed(ana, 'Chloé Martin').click();
    await message(ana, 'From another ward').waitFor();
    await eventually('reading it is counted', async () => (await listed(ana, 'Chloé Martin').getByText('unread').count()) === 0);
    await calm(ana);
  });

  test('two browsers: typing shows, a message is sent, then delivered, and read once the other has it in sight', async () => {
    // Enough to scroll, so that a message can have come without being in sight.
    for (let n = 1; n <= 40; n += 1) await write('patient-2', `Entry ${n} of the night`);
    const ana = await openWard(browser, relay, { ...ANA, path: '#/chat/patient-2' });
    const ben = await openWard(browser, relay, { ...BEN, path: '#/chat/patient-2' });
    await Promise.all([ana, ben].map((ward) => message(ward, 'Entry 40 of').waitFor()));
    await field(ana).pressSequentially('Is bed 2');
    await talk(ben).getByText(/Ana Souza is (typing|writing)/).waitFor();
    await field(ana).fill('');
    await eventually('typing ends', async () => (await talk(ben).getByText(/Ana Souza is (typing|writing)/).count()) === 0);

    // Ben reads what was written before.
    await talk(ben).locator('[part="list"]').evaluate((list) => list.scrollTo(0, 0));
    await talk(ben).locator('[part="jump"]').waitFor();
    await say(ana, 'Is bed 2 ready?');
    await has(ana, 'Is bed 2 ready?', 'delivered');
    await talk(ben).locator('[part="jump"]').getByText('1 new').waitFor();
    assert.equal(await state(ana, 'Is bed 2 ready?'), 'state state-delivered', 'it came, and nobody has seen it');
    await talk(ben).locator('[part="jump"]').click();
    await has(ana, 'Is bed 2 ready?', 'read');

    // Without the other one it is sent and no more.
    await ben.close();
    await say(ana, 'Anybody there?');
    await has(ana, 'Anybody there?', 'sent');
    const back = await openWard(browser, relay, { ...BEN, path: '#/chat/patient-2' });
    await message(back, 'Anybody there?').waitFor();
    await has(ana, 'Anybody there?', 'read');
    await calm(ana, back);
  });

  test('taking on, taking over, resolving: each is seen by the other at once; a patient who writes again opens it', async () => {
    await write('patient-1', 'Who looks after this?');
    const ana = await openWard(browser, relay, { ...ANA, path: '#/chat/patient-1' });
    const ben = await openWard(browser, relay, { ...BEN, path: '#/chat/patient-1' });
    await Promise.all([ana, ben].map((ward) => status(ward).filter({ hasText: 'Open' }).waitFor()));
    await ana.button('Take on').click();
    await status(ana).filter({ hasText: 'With you' }).waitFor({ timeout: 3_000 });
    await status(ben).filter({ hasText: 'With Ana Souza' }).waitFor({ timeout: 3_000 });
    await listed(ben, 'Maria Oliveira').getByText('With Ana Souza').waitFor();
    assert.equal(await ana.button('Take on').count(), 0);
    await ben.button('Take over').click();
    await status(ana).filter({ hasText: 'With Ben Ortiz' }).waitFor({ timeout: 3_000 });
    await ben.button('Resolve').click();
    await Promise.all([ana, ben].map((ward) => status(ward).filter({ hasText: 'Resolved' }).waitFor({ timeout: 3_000 })));

    // The patient, in a third browser, chosen there: a token of that name and role, for that conversation alone.
    const maria = await openWard(browser, relay, { as: person('chika', 'Chika Obi', 'doctor'), path: '#/chat' });
    await maria.page.getByLabel('You are').selectOption({ label: 'Maria Oliveira (Patient)' });
    await maria.isLive();
    await message(maria, 'Who looks after this?').waitFor();
    assert.equal(await maria.page.locator('[data-list]').count(), 0, 'no conversation of anybody else');
    assert.equal(await maria.button('Take on').count(), 0);
    await say(maria, 'It hurts again.');
    await message(ana, 'It hurts again.').getByText('Maria Oliveira').waitFor();
    await Promise.all([ana, ben].map((ward) => status(ward).filter({ hasText: 'Open' }).waitFor()));
    const refused = await maria.page.evaluate(() => window.pulsewire.call('conversations.status', { conversationId: 'patient-1', status: 'resolved' }).then(() => 'done', (error) => error.code));
    assert.equal(refused, 'forbidden');
    const others = await maria.page.evaluate(() => window.pulsewire.call('conversations.messages', { conversationId: 'patient-9' }).then(() => 'read', (error) => error.code));
    assert.equal(others, 'forbidden');
    // Whatever address is typed, a patient sees the own conversation and nothing of the ward.
    await maria.page.goto(`${relay.url}/#/patient/bed-2`);
    await message(maria, 'It hurts again.').waitFor();
    assert.equal(await maria.page.locator('pulsewire-chart, pulsewire-alerts').count(), 0);
    await calm(ana, ben);
    assert.deepEqual(maria.complaints, []);
    await maria.close();
  });

  test('who one is stays in the tab: it survives a reload, and another tab of the same browser is somebody else', async () => {
    const ana = await openWard(browser, relay, { ...ANA, path: '#/chat' });
    await ana.page.getByLabel('You are').selectOption({ label: 'Fátima Reis (Doctor)' });
    await eventually('the client is hers', () => ana.page.evaluate(() => window.pulsewire.connection.get().user === 'fatima'));
    await ana.page.reload();
    await ana.isLive();
    assert.equal(await ana.page.evaluate(() => window.pulsewire.connection.get().user), 'fatima');
    const second = await ana.context.newPage();
    await second.goto(`${relay.url}/#/chat`);
    await eventually('it is live', () => second.evaluate(() => window.pulsewire?.connection.get().state === 'connected'), 15_000);
    assert.equal(await second.evaluate(() => JSON.parse(sessionStorage.getItem('pulsewire.person')).name !== undefined && !JSON.stringify(localStorage).includes('Fátima')), true);
    await ana.close();
  });
});
