// One user, several devices: what is read in one place is read in all, at once where there is a connection, on the return where there was none.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { launch, openWard, person } from '../lib/browser.mjs';
import { eventually } from '../lib/eventually.mjs';
import { FaultProxy } from '../lib/fault-proxy.mjs';
import { Relay, token } from '../lib/relay.mjs';

const ANA = { as: person('ana', 'Ana Souza') };
/** "At once": one round trip and a frame, on a machine that is busy. */
const AT_ONCE_MS = 2_000;

describe('the devices of one user', () => {
  let relay;
  let proxy;
  let browser;
  let service;
  before(async () => {
    relay = await Relay.start();
    proxy = await FaultProxy.start(() => relay.port);
    service = await token({ sub: 'backend', role: 'service' });
    await relay.ingest('status', { deviceId: 'bed-1', status: 'online' }, service);
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await proxy?.close();
    await relay?.stop();
  });
  const bell = (ward) => ward.page.locator('pulsewire-bell');
  /** What the bell counts; 0 where it shows no number. */
  const count = async (ward) => {
    const shown = bell(ward).locator('[part="count"]');
    return (await shown.count()) === 0 ? 0 : Number(await shown.innerText());
  };
  const counts = (what, ward, n, timeoutMs) => eventually(`${what}: the bell counts ${n}`, async () => (await count(ward)) === n, timeoutMs);
  const openBell = async (ward) => {
    await bell(ward).locator('[part="button"]').click();
    await bell(ward).getByRole('dialog').waitFor();
  };
  const note = (ward, title) => bell(ward).locator('li[part~="notification"]').filter({ hasText: title });
  const notify = async (title) => {
    const answer = await relay.post('/api/v1/notifications', { to: { users: ['ana'] }, title, body: 'For Ana', severity: 'low' }, service);
    assert.equal(answer.status, 201, answer.text);
  };
  const all = () => Promise.all([openWard(browser, relay, ANA), openWard(browser, relay, ANA), openWard(browser, proxy, ANA)]);
  const goAway = async (ward) => {
    proxy.block('all');
    proxy.cut();
    await ward.isNotLive();
  };

  test('a notification that is read in one browser: the other agrees at once, the device that was away agrees on its return', async () => {
    await notify('Long ago');
    // More than the history that a page asks for: that one is known from `notifications.list` alone.
    const noise = Array.from({ length: 120 }, (_, n) => ({ channel: 'user:ana', event: 'noise', data: n, key: `noise-${n}` }));
    const published = await relay.post('/api/v1/publish', noise, service);
    assert.equal(published.status, 202, published.text);
    assert.equal(published.json.filter(({ error }) => error).length, 0, published.text);
    const [here, there, away] = await all();
    for (const ward of [here, there, away]) {
      await counts('long ago', ward, 1);
      assert.equal(await ward.page.evaluate(() => window.pulsewire.notifications.get().items.length), 0, 'it did not come live');
    }
    await openBell(here);
    await note(here, 'Long ago').getByRole('button', { name: /^Mark/ }).click();
    for (const ward of [here, there, away]) await counts('long ago, read', ward, 0, AT_ONCE_MS);
    await here.page.keyboard.press('Escape');

    await notify('Before it went');
    for (const ward of [here, there, away]) await counts('before it went', ward, 1);
    await goAway(away);
    await notify('While it was away');
    for (const ward of [here, there]) await counts('while it was away', ward, 2);
    assert.equal(await count(away), 1, 'it has heard of one');

    await openBell(there);
    await openBell(here);
    await note(here, 'Before it went').getByRole('button', { name: /^Mark/ }).click();
    await counts('one was read', here, 1, AT_ONCE_MS);
    await counts('the other browser', there, 1, AT_ONCE_MS);
    assert.equal(await note(there, 'Before it went').getByRole('button', { name: /^Mark/ }).count(), 0, 'it is read in the list, too');
    assert.equal(await note(there, 'While it was away').getByRole('button', { name: /^Mark/ }).count(), 1, 'and it alone');
    await note(there, 'While it was away').getByRole('button', { name: /^Mark/ }).click();
    for (const ward of [here, there]) await counts('both were read', ward, 0, AT_ONCE_MS);
    assert.equal(await count(away), 1, 'nobody could tell it');

    proxy.heal();
    await away.isLive(30_000);
    await counts('back', away, 0);
    await openBell(away);
    for (const title of ['Before it went', 'While it was away']) {
      await note(away, title).waitFor();
      assert.equal(await note(away, title).getByRole('button', { name: /^Mark/ }).count(), 0, `${title}: read`);
    }
    // Dismissed on one, gone from all.
    await note(away, 'Before it went').getByRole('button', { name: /^Dismiss/ }).click();
    for (const ward of [here, there, away]) await eventually('it is gone', async () => (await note(ward, 'Before it went').count()) === 0, AT_ONCE_MS);
    for (const ward of [here, there, away]) {
      assert.deepEqual(ward.complaints, []);
      assert.ok(await ward.neverReloaded());
    }
    await Promise.all([here, there, away].map((ward) => ward.close()));
  });

  test('an alert that only the store has is read in one browser: the other agrees at once, the device that was away on its return', async () => {
    await relay.ingest('alerts', { patientId: 'patient-1', patientName: 'Maria Oliveira', type: 'x', severity: 'medium', message: 'Raised before anybody looked' }, service);
    // More than the history that a page asks for: these pages know it from `alerts.list` alone.
    const noise = Array.from({ length: 120 }, (_, n) => ({ channel: 'tenant', event: 'noise', data: n, key: `noise-${n}` }));
    assert.equal((await relay.post('/api/v1/publish', noise, service)).status, 202);
    const [here, there, away] = await all();
    const row = (ward) => ward.alerts().filter({ hasText: 'Raised before anybody looked' });
    const unread = async (ward) => (await row(ward).locator('[part="mark"]').count()) === 1;
    for (const ward of [here, there, away]) {
      await row(ward).waitFor();
      assert.ok(await unread(ward));
    }
    assert.equal(await there.page.evaluate(() => window.pulsewire.alerts.get().items.length), 0, 'it did not come live');
    await goAway(away);
    await row(here).locator('[part="mark"]').click();
    for (const ward of [here, there]) await eventually('it is read', async () => !(await unread(ward)), AT_ONCE_MS);
    assert.ok(await unread(away), 'nobody could tell it');
    proxy.heal();
    await away.isLive(30_000);
    await eventually('it is read there, too', async () => !(await unread(away)));
    // Somebody else has not read it.
    const ben = await openWard(browser, relay, { as: person('ben', 'Ben Ortiz') });
    await row(ben).waitFor();
    assert.ok(await unread(ben));
    for (const ward of [here, there, away, ben]) {
      assert.deepEqual(ward.complaints, []);
      await ward.close();
    }
  });
});
