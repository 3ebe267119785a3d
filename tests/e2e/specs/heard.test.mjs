// An alert must reach somebody: heard while a dialog has the page, seen beside what is open, and sounding once the visitor has allowed it.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { seriousOf } from '../lib/axe.mjs';
import { launch, openWard, person } from '../lib/browser.mjs';
import { eventually } from '../lib/eventually.mjs';
import { Relay, token } from '../lib/relay.mjs';

const ANA = { as: person('ana', 'Ana Souza') };

describe('an alert reaches somebody', () => {
  let relay;
  let browser;
  let service;
  before(async () => {
    relay = await Relay.start();
    service = await token({ sub: 'backend', role: 'service' });
    await relay.ingest('status', { deviceId: 'bed-1', status: 'online' }, service);
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await relay?.stop();
  });
  const alert = (message, severity = 'critical') =>
    relay.ingest('alerts', { patientId: 'patient-1', patientName: 'Maria Oliveira', deviceId: 'bed-1', type: 'arrhythmia', severity, message }, service);
  const toast = (ward, message) => ward.toasts().filter({ hasText: message });

  /** What a screen reader is given: every node of the accessibility tree that is not ignored, by role and words. */
  async function spoken(ward) {
    const session = await ward.context.newCDPSession(ward.page);
    const { nodes } = await session.send('Accessibility.getFullAXTree');
    await session.detach();
    const byId = new Map(nodes.map((node) => [node.nodeId, node]));
    const words = (node) => [node.name?.value ?? '', ...(node.childIds ?? []).map((id) => byId.get(id)).filter(Boolean).map(words)].join(' ');
    return nodes.filter(({ ignored }) => !ignored).map((node) => ({ role: node.role?.value, words: words(node) }));
  }
  const announced = async (ward, role, message) => (await spoken(ward)).some((node) => node.role === role && node.words.includes(message));

  test('while a modal dialog is open: said inside it, where a screen reader is, seen above it, and the page’s own again once it is closed', async () => {
    const ward = await openWard(browser, relay, ANA);
    await alert('Before the dialog');
    await toast(ward, 'Before the dialog').waitFor();
    assert.ok(await announced(ward, 'alert', 'Before the dialog'), 'the region of the toasts says it');

    await ward.button('Guided tour').click();
    const dialog = ward.page.getByRole('dialog', { name: 'Live from the bedside' });
    await dialog.waitFor();
    assert.ok(await ward.page.evaluate(() => document.querySelector('dialog').matches(':modal')));
    assert.equal(await announced(ward, 'alert', 'Before the dialog'), false, 'what is outside the dialog is inert');

    // Seen above the dialog and its backdrop, in the top layer after the dialog: what was there, and what comes.
    const raised = () => ward.page.locator('pulsewire-toasts section').evaluate((section) => section.matches(':popover-open'));
    await eventually('what was there is raised', raised, 3_000);

    await alert('While it was open');
    const said = ward.page.locator('dialog [data-pulsewire="alert"]');
    await said.getByText('While it was open').waitFor({ state: 'attached' });
    assert.ok(await announced(ward, 'alert', 'While it was open'), 'a screen reader has it');
    await alert('A quieter one', 'low');
    await ward.page.locator('dialog [data-pulsewire="status"]').getByText('A quieter one').waitFor({ state: 'attached' });
    assert.equal(await said.getByText('A quieter one').count(), 0, 'politely');
    // The words grow by those that are new, so that none is read a second time.
    assert.deepEqual([await said.getAttribute('aria-atomic'), await said.locator('p').count()], ['false', 1]);
    assert.deepEqual(await seriousOf(ward.page), []);

    assert.ok(await raised());
    const box = await toast(ward, 'While it was open').boundingBox();
    assert.ok(box.x > 1_440 / 2 && box.y < 400 && box.height > 30, `where it always is: ${JSON.stringify(box)}`);

    // The connection breaks: the banner's words are said in there, too.
    await ward.page.evaluate(() => document.querySelector('[data-fault="block"]').click());
    await ward.page.locator('dialog [data-pulsewire="status"]').getByText(/Reconnecting/).waitFor({ state: 'attached', timeout: 10_000 });
    await ward.page.evaluate(() => document.querySelector('[data-fault="block"]').click());
    await ward.isLive(30_000);

    await ward.page.keyboard.press('Escape');
    await eventually('the dialog is gone, its regions with it', async () => (await ward.page.locator('[data-pulsewire]').count()) === 0);
    await alert('After the dialog');
    await toast(ward, 'After the dialog').waitFor();
    await eventually('the region is where it was', async () => !(await raised()));
    assert.ok(await announced(ward, 'alert', 'After the dialog'));
    await toast(ward, 'After the dialog').getByRole('button', { name: /^Dismiss/ }).click();
    await eventually('and can be clicked', async () => (await toast(ward, 'After the dialog').count()) === 0);
    assert.deepEqual(ward.complaints, []);
    await ward.close();
  });

  for (const [width, height] of [[1_440, 900], [700, 900], [390, 844]]) {
    test(`the open list of the bell and the toasts do not lie over each other (${width} px)`, async () => {
      const ward = await openWard(browser, relay, { ...ANA, context: { viewport: { width, height } } });
      const note = { to: { users: ['ana'] }, title: 'Handover', body: 'Please look at bed 1.', severity: 'low' };
      for (let n = 0; n < 6; n += 1) assert.equal((await relay.post('/api/v1/notifications', { ...note, title: `Handover ${n} at ${width}` }, service)).status, 201);
      await ward.page.locator('pulsewire-bell [part="button"]').click();
      const list = ward.page.locator('pulsewire-bell [role="dialog"]');
      await list.getByText(`Handover 5 at ${width}`).waitFor();
      // More than there is room for on a phone.
      for (const severity of ['low', 'medium', 'high']) await alert(`And another one, ${severity}, ${width}`, severity);
      await alert(`Seen beside the list ${width}`);
      await toast(ward, `Seen beside the list ${width}`).waitFor();
      const apart = async () => {
        const panel = await list.boundingBox();
        const region = await ward.page.locator('pulsewire-toasts section').boundingBox();
        const over = panel.x < region.x + region.width && region.x < panel.x + panel.width && panel.y < region.y + region.height && region.y < panel.y + panel.height;
        if (panel.x < 0 || panel.y < 0 || panel.x + panel.width > width || panel.y + panel.height > height) throw new Error(`the list is not on the screen: ${JSON.stringify(panel)}`);
        const inside = region.x >= 0 && region.y >= 0 && region.x + region.width <= width && region.height >= 60;
        if (over || !inside) throw new Error(JSON.stringify({ panel, region }));
        return true;
      };
      await eventually('they are apart, and the toast is on the screen', apart, 4_000);
      // The gravest stands first, so it is the one in sight where there is little room.
      const first = await ward.toasts().first().boundingBox();
      assert.ok(first.y >= 0 && first.y < height, JSON.stringify(first));
      await ward.page.keyboard.press('Escape');
      await eventually('closed, the toasts are where they were', async () => {
        const region = await ward.page.locator('pulsewire-toasts section').boundingBox();
        return region === null || width - (region.x + region.width) <= 16;
      });
      assert.deepEqual(ward.complaints, []);
      await ward.close();
    });
  }

  /** Counts the tones that are really started on the browser's audio. */
  const counted = (page) =>
    page.addInitScript(() => {
      window.tones = 0;
      const start = OscillatorNode.prototype.start;
      OscillatorNode.prototype.start = function (...args) {
        window.tones += this.context.state === 'running' ? 1 : 0;
        return start.apply(this, args);
      };
    });

  for (const [what, path] of [['Svelte', '#/'], ['React', 'react/']]) {
    test(`sound begins off and the page asks for it: turned on it sounds, the choice is kept, and the switch in the bar ends it (${what})`, async () => {
      const ward = await openWard(browser, relay, { ...ANA, path, tour: true, before: counted });
      const tones = () => ward.page.evaluate(() => window.tones);
      const raise = async (message, severity) => {
        await alert(`${message} ${what}`, severity);
        await toast(ward, `${message} ${what}`).waitFor();
        // A sound follows its toast within the same task; the next alert must not fall into the quiet after it.
        await ward.page.waitForTimeout(1_700);
      };
      const invite = ward.page.getByRole('region', { name: 'Sound' });
      await invite.getByText('Alert sound is off.').waitFor();
      await ward.page.mouse.click(5, 400); // a gesture alone turns nothing on
      await raise('Silent');
      assert.equal(await tones(), 0);
      await invite.getByRole('button', { name: 'Turn alert sound on' }).click();
      await eventually('it asks no more', async () => (await invite.count()) === 0);
      assert.equal(await ward.button('Alert sound on').getAttribute('aria-pressed'), 'true');
      await raise('Loud');
      const heard = await tones();
      assert.ok(heard > 0, 'a critical alert sounds');
      await raise('Medium', 'medium');
      assert.equal(await tones(), heard, 'others do not, unless the user asks for all');

      await ward.page.reload();
      await ward.isLive();
      assert.equal(await invite.count(), 0, 'who has chosen is not asked again');
      await ward.page.mouse.click(5, 400); // the browser wants a gesture on each page
      await raise('Loud again');
      assert.ok((await tones()) > 0);
      await ward.button('Alert sound on').click();
      const before = await tones();
      await raise('Silent again');
      assert.equal(await tones(), before);
      assert.deepEqual(ward.complaints, []);
      await ward.close();
    });
  }
});
