// @vitest-environment happy-dom
import { flushSync, mount, unmount } from 'svelte';
import { get } from 'svelte/store';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createStores, subscribe } from '../src/svelte/index.js';
import { alert, FakeClient } from './fake-client.js';
import Outside from './svelte/Outside.svelte';
import Ward from './svelte/Ward.svelte';

let client: FakeClient;
beforeEach(() => {
  client = new FakeClient();
  document.body.innerHTML = '';
});
afterEach(() => vi.useRealTimers());

describe('stores of people and jobs', () => {
  test('follow the client, hold their channels while listened to, and let go', () => {
    const stores = createStores(client);
    const seen: Record<string, unknown> = {};
    const stop = [
      stores.unreadNotifications.subscribe(value => (seen.unread = value)),
      stores.presence.subscribe(value => (seen.online = value.length)),
      stores.messages('c1').subscribe(value => (seen.messages = value.map(({ content }) => content))),
      stores.typing('c1').subscribe(value => (seen.typing = value.map(({ name }) => name))),
      stores.execution('e1').subscribe(value => (seen.job = value?.status)),
    ];
    expect([client.holds('conversation:c1'), client.holds('execution:e1')]).toEqual([2, 1]);
    client.notifications.set({ items: [], unread: 3 });
    client.presence.set([{ userId: 'u', name: 'U' }]);
    client.messages('c1').set([{ id: 'm', content: 'hello', sender: 'nurse', senderName: 'A', ts: 1 }]);
    client.typing.set([
      { conversationId: 'c1', userId: 'b', name: 'Bo' },
      { conversationId: 'c2', userId: 'c', name: 'Cy' },
    ]);
    client.executions.set({ e1: { executionId: 'e1', status: 'failed', progress: 0, attempt: 1, ts: 1 } });
    expect(seen).toEqual({ unread: 3, online: 1, messages: ['hello'], typing: ['Bo'], job: 'failed' });
    for (const end of stop) end();
    expect([client.holds(), client.listeners()]).toEqual([0, 0]);
  });
});

describe('a mounted component', () => {
  function ward(props: { withChart?: boolean; onEvent?: (event: { event: string }) => void } = {}) {
    const component = mount(Ward, { target: document.body, props: { client, ...props } });
    flushSync();
    return component;
  }
  const text = (): string => {
    flushSync();
    return document.body.textContent?.replace(/\s+/g, ' ').trim() ?? '';
  };

  test('shows every change of the stores without a reload (property 2)', () => {
    ward();
    expect(text()).toContain('connection connected');
    client.setConnection({ state: 'reconnecting' });
    client.setDevice({ deviceId: 'd1', status: 'online' });
    client.setAlerts([alert({ message: 'Low saturation' }), alert({ read: true })]);
    client.setViewers('patient:1', { count: 3, names: [] });
    client.dashboardStats.set({ devices: 9, online: 8, activeAlerts: 1, activeSessions: 0, averageCompliance: 0.5, viewers: 3 });
    expect(text()).toBe('connection reconnecting device online alerts 2 unread 1 viewers 3 devices 9 toasts 0 hr none events 0');
  });

  test('tells its callback of every event of the channel it subscribes to while mounted', () => {
    const events: string[] = [];
    ward({ onEvent: event => events.push(event.event) });
    client.feedEvent('patient:1', 'note', {});
    client.feedEvent('patient:1', 'bed_changed', {});
    expect(events).toEqual(['note', 'bed_changed']);
    expect(text()).toContain('events 2');
  });

  test('shows the numbers of a telemetry store, and gathers them in telemetryData', () => {
    ward({ withChart: true });
    client.feed('d1', 'hr', [
      [1, 70],
      [2, 74],
    ]);
    expect(text()).toContain('hr 74');
  });

  test('lets go of every channel and listener when it is unmounted (property 18)', async () => {
    const component = ward({ withChart: true });
    expect(client.holds('patient:1')).toBe(1);
    expect(client.holds('dashboard')).toBe(1);
    expect(client.holds('device:d1')).toBe(1);
    await unmount(component);
    expect(client.holds()).toBe(0);
    expect(client.listeners()).toBe(0);
  });

  test('connects when asked to, and not before it is mounted', () => {
    createStores(client);
    expect(client.calls).toEqual([]);
    ward();
    expect(client.calls).toEqual(['connect']);
  });

  test('says what is missing where no client was set above', () => {
    expect(() => mount(Outside, { target: document.body })).toThrow(/setPulsewire/);
  });
});

describe('stores', () => {
  test('hold a channel once for all listeners, and not at all without one', () => {
    const store = createStores(client).channel('patient:7');
    expect(client.holds('patient:7')).toBe(0);
    const first = store.subscribe(() => {});
    const second = store.subscribe(() => {});
    expect(client.holds('patient:7')).toBe(1);
    first();
    expect(client.holds('patient:7')).toBe(1);
    second();
    expect(client.holds('patient:7')).toBe(0);
  });

  test('can be listened to again after the last listener left', () => {
    const { activeAlerts } = createStores(client);
    expect(get(activeAlerts)).toHaveLength(0);
    client.setAlerts([alert()]);
    expect(get(activeAlerts)).toHaveLength(1);
    client.setAlerts([alert(), alert()]);
    expect(get(activeAlerts)).toHaveLength(2);
    expect(client.listeners()).toBe(0);
  });

  test('turn stale by the clock when points stop coming', () => {
    vi.useFakeTimers();
    const store = createStores(client).telemetry('d1', 'hr');
    const seen: string[] = [];
    const stop = store.subscribe(({ freshness }) => seen.push(freshness));
    client.feed('d1', 'hr', [[1, 70]]);
    client.setFreshness('d1', 'hr', 'stale', 5_000);
    expect(seen.at(-1)).toBe('live');
    vi.advanceTimersByTime(1_000);
    expect(seen.at(-1)).toBe('stale');
    stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  test('keep a metric in telemetryData until its last store is left', () => {
    const stores = createStores(client);
    const one = stores.telemetry('d1', 'hr').subscribe(() => {});
    const two = stores.telemetry('d1', 'hr').subscribe(() => {});
    client.feed('d1', 'hr', [[1, 70]]);
    expect(get(stores.telemetryData).d1?.hr?.stats?.last).toBe(70);
    one();
    expect(get(stores.telemetryData).d1?.hr?.stats?.last).toBe(70);
    two();
    expect(get(stores.telemetryData)).toEqual({});
  });

  test('publish through the client', async () => {
    await createStores(client).channel('conversation:1').publish('typing_start', {});
    expect(client.calls).toEqual(['publish conversation:1 typing_start']);
  });
});

describe('the subscribe action', () => {
  test('follows the channel, taking the new hold before it lets go of the old', () => {
    const node = document.createElement('div');
    const action = subscribe(node, { client, channel: 'patient:1' });
    expect(client.holds('patient:1')).toBe(1);
    action.update({ client, channel: 'patient:2' });
    expect([client.holds('patient:1'), client.holds('patient:2')]).toEqual([0, 1]);
    action.update({ client, channel: undefined });
    expect(client.holds()).toBe(0);
    action.update({ client, channel: 'patient:3' });
    action.destroy();
    expect(client.holds()).toBe(0);
  });

  test('uses the newest callback without subscribing again', () => {
    const heard: string[] = [];
    const node = document.createElement('div');
    const action = subscribe(node, { client, channel: 'patient:1', onEvent: () => heard.push('old') });
    const channel = vi.spyOn(client, 'channel');
    action.update({ client, channel: 'patient:1', onEvent: () => heard.push('new') });
    client.feedEvent('patient:1', 'note', {});
    expect(heard).toEqual(['new']);
    expect(channel).not.toHaveBeenCalled();
    action.destroy();
  });
});
