// @vitest-environment happy-dom
import { describe, expect, test } from 'vitest';
import { openAlertDesk } from '../src/models/index.js';
import { calls, client, clock, connect, relay, watch } from './models-world.js';

describe('the alert desk', () => {
  const stored = (id: string, over: object = {}) => ({
    id,
    patientId: 'p1',
    patientName: 'Ana',
    type: 'vital',
    severity: 'high',
    message: id,
    ts: 1,
    read: false,
    state: 'active',
    ...over,
  });

  test('acknowledges and resolves, follows what others do, and never shows what is resolved', async () => {
    relay.onCall('alerts.list', () => ({
      items: [stored('b'), stored('a')],
      unread: 2,
      next: null,
    }));
    relay.onCall('alerts.acknowledge', () => stored('a', { state: 'acknowledged', acknowledgedBy: 'Bo', read: true }));
    relay.onCall('alerts.resolve', () => stored('b', { state: 'resolved' }));
    const desk = openAlertDesk(client);
    watch(desk);
    await connect();
    expect(
      desk
        .get()
        .items.map(({ id }) => id)
        .sort(),
    ).toEqual(['a', 'b']);
    const acting = desk.acknowledge('a', 'on my way');
    expect(desk.get().busy.has('a')).toBe(true);
    expect(await acting).toBe(true);
    expect(desk.get().items.find(({ id }) => id === 'a')).toMatchObject({ state: 'acknowledged', acknowledgedBy: 'Bo', read: true });
    expect(calls('alerts.acknowledge').map(({ params }) => params)).toEqual([{ id: 'a', note: 'on my way' }]);
    await desk.resolve('b');
    relay.publish('tenant', 'alert_updated', stored('a', { state: 'resolved' }));
    await clock.advance(100);
    expect(desk.get().items).toEqual([]);
  });

  const ids = (desk: ReturnType<typeof openAlertDesk>) => desk.get().items.map(({ id }) => id);
  const live = (id: string, over: object = {}) => {
    const { state: _state, read: _read, ...data } = stored(id, over);
    relay.publish(`patient:${data.patientId}`, 'alert', data as never);
  };

  test('of one patient listens to that patient, whatever becomes of the channel of the ward', async () => {
    relay.onCall('alerts.list', () => ({ items: [stored('a')], unread: 1, next: null }));
    const desk = openAlertDesk(client, 'p1');
    watch(desk);
    await connect();
    expect(client.channels().map(({ name }) => name)).toContain('patient:p1');
    relay.publish('patient:p1', 'alert_updated', stored('a', { state: 'acknowledged', acknowledgedBy: 'Bo' }));
    await clock.advance(100);
    expect(desk.get().items).toMatchObject([{ id: 'a', state: 'acknowledged', acknowledgedBy: 'Bo' }]);
    const quiet = openAlertDesk(client, 'p2', { hold: false });
    watch(quiet);
    expect(client.channels().map(({ name }) => name)).not.toContain('patient:p2');
  });

  test('read on another device of this user is read here at once, also of an alert that only the store has', async () => {
    relay.onCall('alerts.list', () => ({ items: [stored('b'), stored('a')], unread: 2, next: null }));
    const desk = openAlertDesk(client);
    watch(desk);
    await connect();
    const unread = () => desk.get().items.filter(({ read }) => !read);
    expect([
      desk.get().unread,
      unread()
        .map(({ id }) => id)
        .sort(),
    ]).toEqual([2, ['a', 'b']]);
    const asked = calls('alerts.list').length;
    relay.publish('user:ana', 'alert_read', { ids: ['a', 'never-heard-of'] });
    await clock.advance(100);
    expect([desk.get().unread, unread().map(({ id }) => id)]).toEqual([1, ['b']]);
    expect(calls('alerts.list')).toHaveLength(asked);
  });

  test('read on another device, where more are unread than are loaded, asks how many are left', async () => {
    let unread = 1_500;
    relay.onCall('alerts.list', params => {
      const { before = 0, severity } = params as { before?: number; severity?: string };
      if (severity === 'critical') return { items: [], unread, next: null };
      return {
        items: Array.from({ length: 100 }, (_, n) => stored(`low${before + n}`, { severity: 'low', ts: 10_000 - before - n })),
        unread,
        next: before + 100,
      };
    });
    const desk = openAlertDesk(client);
    watch(desk);
    await connect();
    await clock.advance(2_000);
    expect(desk.get().unread).toBe(1_500);
    unread = 1_400;
    relay.publish('user:ana', 'alert_read', { ids: Array.from({ length: 100 }, (_, n) => `low${1_300 + n}`) });
    await clock.advance(2_000);
    expect(desk.get().unread).toBe(1_400);
  });

  test('reads all pages, and where there are too many all critical ones, with what the relay counts', async () => {
    const low = (n: number) => stored(`low${n}`, { severity: 'low', ts: 10_000 - n });
    relay.onCall('alerts.list', params => {
      const { before = 0, severity } = params as { before?: number; severity?: string };
      if (severity === 'critical') return { items: [stored('grave', { severity: 'critical' })], unread: 1_501, next: null };
      return { items: Array.from({ length: 100 }, (_, n) => low(before + n)), unread: 1_501, next: before + 100 };
    });
    const desk = openAlertDesk(client);
    watch(desk);
    await connect();
    await clock.advance(2_000);
    expect(desk.get()).toMatchObject({ status: 'ready', more: true, unread: 1_501 });
    expect(ids(desk)).toHaveLength(1_001);
    expect(ids(desk).at(-1)).toBe('grave');
    expect(await desk.markRead(['grave'])).toBe(true);
    expect(desk.get().unread).toBe(1_500);
  });

  test('shows that one alert cannot be acted on, and goes on with the others', async () => {
    let items = [stored('b'), stored('a')];
    relay.onCall('alerts.list', () => ({ items, unread: 2, next: null }));
    const desk = openAlertDesk(client);
    watch(desk);
    await connect();
    items = [stored('b')];
    expect(await desk.acknowledge('a')).toBe(false);
    expect(desk.get()).toMatchObject({ canAct: true, error: 'not_found' });
    await clock.advance(100);
    expect(ids(desk)).toEqual(['b']);
  });

  test('can act again once the relay has a list', async () => {
    const desk = openAlertDesk(client);
    watch(desk);
    await connect();
    expect(await desk.acknowledge('a')).toBe(false);
    expect(desk.get().canAct).toBe(false);
    relay.onCall('alerts.list', () => ({ items: [stored('a')], unread: 1, next: null }));
    await desk.reload();
    expect(desk.get()).toMatchObject({ status: 'ready', canAct: true });
  });

  test('drops what others resolved while nobody told it, and nothing that the relay does not say to be over', async () => {
    let resolved: object[] = [];
    let open: object[] = [];
    relay.onCall('alerts.list', params => {
      const ended = (params as { state: string }).state === 'resolved';
      return { items: ended ? resolved : open, unread: 0, next: null };
    });
    const desk = openAlertDesk(client);
    watch(desk);
    await connect();
    for (const id of ['a', 'b', 'elsewhere']) live(id);
    await clock.advance(100);
    expect(ids(desk).sort()).toEqual(['a', 'b', 'elsewhere']);
    [open, resolved] = [[stored('b')], [stored('a', { state: 'resolved' })]];
    relay.drop();
    await clock.advance(3_000);
    expect(ids(desk).sort()).toEqual(['b', 'elsewhere']);
    resolved = [];
    await desk.reload();
    expect(ids(desk).sort()).toEqual(['b', 'elsewhere']);
  });

  test('tries again after a failure, and shows what it has meanwhile', async () => {
    let fail = true;
    relay.onCall('alerts.list', () => {
      if (fail) throw new Error('disk full');
      return { items: [stored('a'), stored('b')], unread: 2, next: null };
    });
    const desk = openAlertDesk(client);
    watch(desk);
    await connect();
    live('b');
    await clock.advance(10);
    expect(desk.get()).toMatchObject({ status: 'error', items: [{ id: 'b' }] });
    await clock.advance(20_000);
    const asked = calls('alerts.list').length;
    expect(asked).toBeGreaterThan(2);
    expect(asked).toBeLessThan(8);
    fail = false;
    await clock.advance(60_000);
    expect([desk.get().status, ids(desk).sort()]).toEqual(['ready', ['a', 'b']]);
    const settled = calls('alerts.list').length;
    await clock.advance(60_000);
    expect(calls('alerts.list')).toHaveLength(settled);
  });

  test('says so where this relay keeps no alerts, and loses none that comes', async () => {
    const desk = openAlertDesk(client, 'p1');
    watch(desk);
    await connect();
    relay.publish('patient:p1', 'alert', { patientId: 'p1', patientName: 'Ana', type: 'vital', severity: 'critical', message: 'low' });
    relay.publish('patient:p2', 'alert', { patientId: 'p2', patientName: 'Bo', type: 'vital', severity: 'critical', message: 'low' });
    await clock.advance(100);
    expect(desk.get()).toMatchObject({ status: 'absent', unread: 1, items: [{ patientId: 'p1', state: 'active' }] });
    expect(await desk.acknowledge(desk.get().items[0]!.id)).toBe(false);
    expect(desk.get()).toMatchObject({ canAct: false, error: undefined });
  });
});
