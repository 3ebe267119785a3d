// @vitest-environment happy-dom
import { flushSync, mount, tick, unmount } from 'svelte';
import { writable } from 'svelte/store';
import { beforeEach, expect, test } from 'vitest';
import { alert, FakeClient, toast } from './fake-client.js';
import OnRoute from './svelte/OnRoute.svelte';
import Runes from './svelte/Runes.svelte';

let client: FakeClient;
beforeEach(() => {
  client = new FakeClient();
  document.body.innerHTML = '';
});
const text = (): string => {
  flushSync();
  return document.body.textContent?.replace(/\s+/g, ' ').trim() ?? '';
};
interface Moves {
  to(id: string): void;
  show(value: boolean): void;
}
function start(props: { onEvent?: (event: { event: string }) => void } = {}) {
  let moves: Moves | undefined;
  const component = mount(Runes, { target: document.body, props: { client, expose: (given: Moves) => (moves = given), ...props } });
  flushSync();
  return { component, moves: moves as Moves };
}

test('.current follows every change', () => {
  start();
  expect(text()).toBe('idle d1 unknown alerts 0/0 devices 0 twice 0 viewers 0 messages 0 notes 0 toasts 0');
  client.setConnection({ state: 'connected' });
  client.setDevice({ deviceId: 'd1', status: 'online' });
  client.setAlerts([alert({ patientId: 'p1' }), alert({ patientId: 'p1', read: true }), alert({ patientId: 'p2' })]);
  client.dashboardStats.set({ devices: 9, online: 8, activeAlerts: 1, activeSessions: 0, averageCompliance: 0.5, viewers: 3 });
  client.feed('d1', 'hr', [[1, 70]]);
  client.setViewers('patient:d1', { count: 3, names: [] });
  client.messages('c-d1').set([{ id: 'm', content: 'hello', sender: 'nurse', senderName: 'A', ts: 1 }]);
  const note = { title: 'x', body: '', severity: 'low' as const, ts: 1, read: false };
  client.notifications.set({
    items: [
      { ...note, id: 'a' },
      { ...note, id: 'b' },
    ],
    unread: 2,
  });
  client.setToasts([toast()]);
  expect(text()).toBe('connected d1 online alerts 2/1 devices 9 twice 140 viewers 3 messages 1 notes 2 toasts 1');
});

test('an argument that changes takes the new channels and lets go of the old', async () => {
  const { moves } = start();
  const held = (id: string) => [`device:${id}`, `patient:${id}`, `conversation:c-${id}`, `bed:${id}`].map(name => client.holds(name));
  expect(held('d1')).toEqual([2, 1, 1, 1]);
  client.setDevice({ deviceId: 'd2', status: 'offline' });
  moves.to('d2');
  expect(text()).toContain('d2 offline');
  await tick();
  expect(held('d2')).toEqual([2, 1, 1, 1]);
  expect(held('d1')).toEqual([0, 0, 0, 0]);
  expect([client.holds('ward:north'), client.holds('floor:d2')]).toEqual([1, 1]);
  moves.to('d1');
  flushSync();
  expect([client.holds('ward:north'), client.holds('floor:d2')]).toEqual([1, 0]);
});

test('a channel is held from mount to unmount and tells of each event', () => {
  const heard: string[] = [];
  start({ onEvent: ({ event }) => heard.push(event) });
  client.feedEvent('bed:d1', 'moved', {});
  client.feedEvent('bed:d1', 'cleaned', {});
  expect(heard).toEqual(['moved', 'cleaned']);
});

test('nothing is left behind by a branch that is not shown any more, nor by unmounting (property 18)', async () => {
  const { component, moves } = start();
  moves.show(false);
  flushSync();
  await tick();
  expect([client.holds(), client.listeners()]).toEqual([0, 0]);
  moves.show(true);
  flushSync();
  expect(client.holds('device:d1')).toBe(2);
  await unmount(component);
  await tick();
  expect([client.holds(), client.listeners()]).toEqual([0, 0]);
});

test('subscribeOnRoute follows a page store and lets go on leaving (property 18)', async () => {
  const page = writable<{ params: { id?: string } }>({ params: { id: '1' } });
  const component = mount(OnRoute, { target: document.body, props: { client, page } });
  flushSync();
  expect([client.holds('ward'), client.holds('patient:1')]).toEqual([1, 1]);
  page.set({ params: { id: '2' } });
  expect([client.holds('ward'), client.holds('patient:1'), client.holds('patient:2')]).toEqual([1, 0, 1]);
  page.set({ params: {} });
  expect([client.holds(), client.holds('ward')]).toEqual([1, 1]);
  await unmount(component);
  expect(client.holds()).toBe(0);
});
