// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { setDefaultClient, setTexts } from '../src/elements/index.js';
import { drawn, inside, maybe, place, shown } from './elements-harness.js';
import { alert, FakeClient } from './fake-client.js';

let client: FakeClient;
beforeEach(() => {
  client = new FakeClient();
  document.documentElement.lang = 'en';
});
afterEach(() => {
  document.body.innerHTML = '';
  setDefaultClient(undefined);
  vi.useRealTimers();
});

describe('finding the client', () => {
  test('an element takes its own, else its provider’s, else the default one', async () => {
    const other = new FakeClient();
    other.setConnection({ state: 'polling' });
    client.setConnection({ state: 'connected' });

    setDefaultClient(client);
    const alone = await place('pulsewire-connection', undefined);
    expect(shown(alone)).toContain('Live');

    const provider = await place('pulsewire-provider', other);
    const within = await place('pulsewire-connection', undefined, {}, provider);
    expect(shown(within)).toContain('Limited connection');

    within.client = client;
    await drawn(within);
    expect(shown(within)).toContain('Live');
  });

  test('an element that came before its client takes it when it comes', async () => {
    const element = await place('pulsewire-connection', undefined);
    expect(shown(element)).toBe('Not connected');
    client.setConnection({ state: 'connected' });
    setDefaultClient(client);
    await drawn(element);
    expect(shown(element)).toContain('Live');
  });

  test('an element lets go when it leaves the page, and takes hold again when it comes back', async () => {
    const badge = await place('pulsewire-device-badge', client, { 'device-id': 'd1' });
    expect(client.holds('device:d1')).toBe(1);
    badge.remove();
    expect(client.holds()).toBe(0);
    expect(client.listeners()).toBe(0);
    document.body.append(badge);
    await drawn(badge);
    expect(client.holds('device:d1')).toBe(1);
  });

  test('changing what an element shows moves its hold', async () => {
    const badge = await place('pulsewire-device-badge', client, { 'device-id': 'd1' });
    badge.deviceId = 'd2';
    await drawn(badge);
    expect([client.holds('device:d1'), client.holds('device:d2')]).toEqual([0, 1]);
  });
});

describe('language', () => {
  test('is that of the nearest lang, and follows it', async () => {
    const home = document.createElement('div');
    home.lang = 'pt-BR';
    document.body.append(home);
    client.setConnection({ state: 'connected' });
    const element = await place('pulsewire-alerts', client, {}, home);
    await vi.waitFor(() => expect(shown(element)).toContain('Nenhum alerta ativo'));
    home.lang = 'en';
    await vi.waitFor(() => expect(shown(element)).toContain('No active alerts'));
  });

  test('that no browser knows is taken as English instead of breaking the page', async () => {
    document.documentElement.lang = 'not a language!';
    client.setDevice({ deviceId: 'd1', status: 'online', battery: 0.5, lastSeen: Date.now() - 5_000 });
    expect(shown(await place('pulsewire-device-badge', client, { 'device-id': 'd1' }))).toContain('5s ago');
  });

  test('can have single texts replaced, of one element or of all', async () => {
    client.setConnection({ state: 'connected' });
    const element = await place('pulsewire-alerts', client);
    await vi.waitFor(() => expect(shown(element)).toContain('No active alerts'));
    element.texts = { alertsEmpty: 'All quiet' };
    await drawn(element);
    expect(shown(element)).toContain('All quiet');
    setTexts('xx', { alertsTitle: 'Xalerts' });
    document.documentElement.lang = 'xx';
    const second = await place('pulsewire-alerts', client);
    expect(shown(second)).toContain('Xalerts');
    expect(shown(second)).toContain('No active alerts');
  });
});

describe('the device badge', () => {
  test('says the status in a word beside its icon, never by colour alone', async () => {
    const badge = await place('pulsewire-device-badge', client, { 'device-id': 'd1' });
    expect(shown(badge)).toContain('No status yet');
    for (const [status, word] of [
      ['online', 'Online'],
      ['offline', 'Offline'],
      ['maintenance', 'Maintenance'],
    ] as const) {
      client.setDevice({ deviceId: 'd1', status });
      await drawn(badge);
      expect(inside(badge, '.status').textContent?.trim()).toBe(word);
      expect(maybe(badge, '.status svg')).not.toBeNull();
    }
  });

  test('says when the device was last seen, and goes on counting', async () => {
    vi.useFakeTimers({ now: 1_000_000 });
    client.setDevice({ deviceId: 'd1', status: 'online', lastSeen: 1_000_000 - 4_000 });
    const badge = await place('pulsewire-device-badge', client, { 'device-id': 'd1' });
    expect(inside(badge, 'time').textContent).toBe('4s ago');
    vi.advanceTimersByTime(3_000);
    await drawn(badge);
    expect(inside(badge, 'time').textContent).toBe('7s ago');
  });

  test('warns of a low battery with a sign and a word', async () => {
    client.setDevice({ deviceId: 'd1', status: 'online', battery: 0.12 });
    const badge = await place('pulsewire-device-badge', client, { 'device-id': 'd1' });
    expect(shown(badge)).toContain('12% !');
    expect(shown(badge)).toContain('Battery low, 12%');
  });

  test('announces its text to screen readers only where asked to', async () => {
    const silent = await place('pulsewire-device-badge', client, { 'device-id': 'd1' });
    expect(maybe(silent, '[role=status]')).toBeNull();
    const loud = await place('pulsewire-device-badge', client, { 'device-id': 'd1', announce: '', label: 'Bed 1' });
    client.setDevice({ deviceId: 'd1', status: 'offline' });
    await drawn(loud);
    expect(inside(loud, '[role=status]').textContent).toBe('Offline');
    expect(inside(loud, '[role=group]').getAttribute('aria-label')).toBe('Bed 1');
  });

  test('with no-hold leaves the subscription to the page', async () => {
    await place('pulsewire-device-badge', client, { 'device-id': 'd1', 'no-hold': '' });
    expect(client.holds()).toBe(0);
  });
});

describe('the viewer count', () => {
  test('shows nothing for the reader alone, and an eye with the number above one', async () => {
    const viewers = await place('pulsewire-viewers', client, { channel: 'patient:1' });
    expect(client.holds('patient:1')).toBe(1);
    client.setViewers('patient:1', { count: 1, names: ['Ana'] });
    await drawn(viewers);
    expect(maybe(viewers, 'button')).toBeNull();
    client.setViewers('patient:1', { count: 3, names: ['Ana', 'Rui'] });
    await drawn(viewers);
    expect(inside(viewers, 'button').getAttribute('aria-label')).toBe('3 people are viewing');
    expect(maybe(viewers, 'button svg')).not.toBeNull();
  });

  test('opens its names by the keyboard, says who is left out, and closes by Escape', async () => {
    client.setViewers('patient:1', { count: 3, names: ['Ana', 'Rui'] });
    const viewers = await place('pulsewire-viewers', client, { channel: 'patient:1' });
    const tooltip = inside(viewers, '[role=tooltip]');
    expect(tooltip.hidden).toBe(true);
    inside(viewers, 'button').focus();
    await drawn(viewers);
    expect(tooltip.hidden).toBe(false);
    expect(tooltip.textContent).toContain('Ana');
    expect(tooltip.textContent).toContain('and 1 more');
    inside(viewers, 'button').dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true }));
    await drawn(viewers);
    expect(tooltip.hidden).toBe(true);
  });
});

describe('the connection chip', () => {
  test('stays live through a blip, and says reconnecting once it has lasted', async () => {
    const chip = await place('pulsewire-connection', client);
    client.setConnection({ state: 'connected', everConnected: true, latencyMs: 12.4 });
    await drawn(chip);
    expect(shown(chip)).toBe('Live 12 ms');
    client.setConnection({ state: 'reconnecting', interrupted: false });
    await drawn(chip);
    expect(inside(chip, '[role=status]').textContent).toBe('Live');
    client.setConnection({ state: 'reconnecting', interrupted: true });
    await drawn(chip);
    expect(shown(chip)).toBe('Reconnecting');
  });
});

describe('the alert list', () => {
  test('names the severity in a word and lets each alert be marked as read', async () => {
    client.setAlerts([
      alert({ id: 'a', severity: 'critical', message: 'Low saturation' }),
      alert({ id: 'b', severity: 'low', read: true }),
    ]);
    const list = await place('pulsewire-alerts', client);
    expect(inside(list, 'li .severity').textContent).toBe('Critical');
    expect(shown(list)).toContain('1 unread');
    const mark = inside(list, '.mark');
    expect(mark.getAttribute('aria-label')).toBe('Mark as read: Ana Lima, Low saturation');
    mark.click();
    await vi.waitFor(() => expect(client.calls).toEqual(['call alerts.read {"ids":["a"]}', 'markAlertsRead a']));
    await drawn(list);
    expect(maybe(list, '.mark')).toBeNull();
  });

  test('shows one patient where asked to, and marks only what it shows', async () => {
    client.setAlerts([alert({ id: 'mine' }), alert({ id: 'other', patientId: 'p2' })]);
    const list = await place('pulsewire-alerts', client, { 'patient-id': 'p1' });
    expect(list.shadowRoot?.querySelectorAll('li')).toHaveLength(1);
    inside(list, '.all').click();
    await vi.waitFor(() => expect(client.calls).toContain('markAlertsRead mine'));
  });

  test('says how many it leaves out', async () => {
    client.setAlerts(Array.from({ length: 12 }, () => alert()));
    const list = await place('pulsewire-alerts', client, { limit: '10' });
    expect(list.shadowRoot?.querySelectorAll('li')).toHaveLength(10);
    expect(shown(list)).toContain('2 more not shown');
  });

  test('leaves no critical one out that nobody has taken on, however many newer ones there are', async () => {
    const [old, now] = [Date.now() - 60_000, Date.now()];
    client.setAlerts([
      ...Array.from({ length: 100 }, () => alert({ severity: 'low', ts: now })),
      alert({ id: 'grave', severity: 'critical', ts: old }),
      alert({ id: 'high', severity: 'high', ts: old }),
    ]);
    const list = await place('pulsewire-alerts', client, { limit: '2' });
    const words = [...list.shadowRoot!.querySelectorAll('li .severity')].map(one => one.textContent);
    expect(words).toEqual(['Critical', 'High']);
    expect(shown(list)).toContain('100 more not shown');
  });

  test('says above the list that it could not be loaded, and that there is more', async () => {
    client.setAlerts([alert({ id: 'a' })]);
    client.setConnection({ state: 'connected', connectionId: 'c1' });
    client.answers.set('alerts.list', () => Promise.reject(new Error('disk full')));
    const list = await place('pulsewire-alerts', client);
    await vi.waitFor(() => expect(maybe(list, '[part=failed]')).not.toBeNull());
    expect(list.shadowRoot?.querySelectorAll('li')).toHaveLength(1);
    const items = Array.from({ length: 100 }, () => ({ ...alert(), state: 'active' }));
    client.answers.set('alerts.list', () => ({ items, unread: 2_000, next: 'n' }));
    inside(list, '[part=retry]').click();
    await vi.waitFor(() => expect(shown(list)).toContain('There are more alerts than are shown here'));
    expect(maybe(list, '[part=failed]')).toBeNull();
    expect(list.shadowRoot?.querySelectorAll('li')).toHaveLength(50);
  });

  test('tells the page which alert was clicked', async () => {
    client.setAlerts([alert({ id: 'a' })]);
    const list = await place('pulsewire-alerts', client);
    const clicked = vi.fn();
    document.body.addEventListener('pulsewire-alert-click', event => clicked(event.detail.id), { once: true });
    inside(list, '.open').click();
    expect(clicked).toHaveBeenCalledWith('a');
  });
});
