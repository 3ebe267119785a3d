/** Row C12 through the real wasm: what the core keeps of people and jobs, as the page reads it. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createPulsewire, type Pulsewire } from '../src/index.js';
import { EVENT, FakeRelay, map } from './fake-relay.js';

let relay: FakeRelay;
let client: Pulsewire;
const HELD = ['tenant', 'user:ana', 'conversation:c1', 'execution:e1'];

beforeEach(async () => {
  relay = new FakeRelay();
  client = createPulsewire({ url: 'ws://relay.test/ws', WebSocket: relay.WebSocket, getToken: () => 'e30.e30.c2ln' });
  for (const name of HELD) client.channel(name);
  await client.connect();
  await vi.waitFor(() => expect(client.connection.get().state).toBe('connected'));
});
afterEach(() => client.destroy());

const message = (id: string, content: string, ts: number, clientId?: string) =>
  map({ 1: 'c1', 3: map({ 1: id, 2: clientId, 3: content, 4: 3, 5: 'Ana', 6: ts }) });

test('notifications come newest first, count until they are read, and go when dismissed', async () => {
  for (const [index, id] of ['a', 'b'].entries()) {
    relay.publish('user:ana', EVENT.notification, map({ 1: id, 2: `Title ${id}`, 3: 'Body', 4: 4, 5: '/x', 6: 1_000 + index }));
  }
  await vi.waitFor(() => expect(client.notifications.get().unread).toBe(2));
  expect(client.notifications.get().items).toEqual([
    { id: 'b', title: 'Title b', body: 'Body', severity: 'low', link: '/x', ts: 1_001, read: false },
    { id: 'a', title: 'Title a', body: 'Body', severity: 'low', link: '/x', ts: 1_000, read: false },
  ]);
  expect(client.toasts.get().visible.map(({ id, kind, link }) => [id, kind, link])).toEqual([
    ['b', 'notification', '/x'],
    ['a', 'notification', '/x'],
  ]);
  relay.publish('user:ana', EVENT.notification_read, map({ 1: ['a'] }));
  await vi.waitFor(() => expect(client.notifications.get().unread).toBe(1));
  client.markNotificationsRead('all');
  await vi.waitFor(() => expect(client.notifications.get().unread).toBe(0));
  client.dismissNotifications(['b']);
  await vi.waitFor(() => expect(client.notifications.get().items.map(({ id }) => id)).toEqual(['a']));
});

test('messages stand in their order with how far they came, and who writes counts until the message', async () => {
  const bo = { user: 'bo', name: 'Bo' };
  relay.pass('conversation:c1', EVENT.typing_start, map({ 1: 'c1' }), bo);
  relay.pass('conversation:c1', EVENT.typing_start, map({ 1: 'c1' }), { user: 'ana', name: 'Ana' });
  await vi.waitFor(() => expect(client.typing.get()).toEqual([{ conversationId: 'c1', userId: 'bo', name: 'Bo' }]));
  relay.publish('conversation:c1', EVENT.message_new, message('m2', 'two', 2_000, 'mine'));
  relay.publish('conversation:c1', EVENT.message_new, message('m1', 'one', 1_000));
  relay.publish('conversation:c1', EVENT.message_status, map({ 1: 'm2', 2: 2, 3: 'bo' }));
  relay.pass('conversation:c1', EVENT.message_new, message('m3', 'three', 3_000), bo);
  await vi.waitFor(() => expect(client.messages('c1').get()).toHaveLength(3));
  expect(client.messages('c1').get().slice(0, 2)).toEqual([
    { id: 'm1', content: 'one', sender: 'nurse', senderName: 'Ana', ts: 1_000 },
    { id: 'm2', clientId: 'mine', content: 'two', sender: 'nurse', senderName: 'Ana', ts: 2_000, status: 'delivered' },
  ]);
  expect(client.messages('other').get()).toEqual([]);
  await vi.waitFor(() => expect(client.typing.get()).toEqual([]));
});

test('own writing goes out once for many keys, and its end', async () => {
  for (let key = 0; key < 20; key += 1) client.setTyping('c1', true);
  client.setTyping('c1', false);
  const sent = relay.socket.received
    .filter(({ type }) => type === 'publish')
    .map(({ fields }) => [fields.get(2), fields.get(3), fields.get(4)]);
  expect(sent).toEqual([
    ['conversation:c1', 'typing_start', '{"conversationId":"c1"}'],
    ['conversation:c1', 'typing_stop', '{"conversationId":"c1"}'],
  ]);
});

test('conversations and patients are the newest of each member that any event gave', async () => {
  relay.publish('conversation:c1', EVENT.conversation_updated, map({ 1: 'c1', 2: '{"status":"assumed","assignee":"ana"}' }));
  relay.publish('tenant', EVENT.conversation_updated, map({ 1: 'c1', 2: '{"unread":3,"tags":["a"]}' }));
  relay.publish('tenant', EVENT.new_patient, map({ 1: 'p1', 2: '{"patientId":"p1","name":"Rui","bed":4}' }));
  relay.publish('tenant', EVENT.priority_update, map({ 1: 'p1', 2: '{"patientId":"p1","priority":"high","bed":5}' }));
  await vi.waitFor(() => expect(client.patients.get().p1).toMatchObject({ patientId: 'p1', name: 'Rui', bed: 5, priority: 'high' }));
  expect(client.conversations.get()).toEqual({
    c1: { conversationId: 'c1', status: 'assumed', assignee: 'ana', unread: 3, tags: ['a'], ts: expect.any(Number) },
  });
});

test('an execution shows its newest state, toasts its end, and is asked to try again', async () => {
  const update = (status: number, error?: Map<number, unknown>) =>
    relay.publish('execution:e1', EVENT.execution_update, map({ 1: 'e1', 2: status, 3: 'sorting', 4: 0.5, 5: error, 6: 1 }));
  update(2);
  update(4, map({ 1: 'disk', 2: 'Disk full' }));
  await vi.waitFor(() => expect(client.executions.get().e1?.status).toBe('failed'));
  expect(client.executions.get().e1).toMatchObject({
    step: 'sorting',
    progress: 0.5,
    error: { code: 'disk', message: 'Disk full' },
    attempt: 1,
  });
  expect(client.toasts.get().visible).toMatchObject([{ kind: 'execution', title: 'execution_failed', message: 'Disk full' }]);
  await client.retryExecution('e1');
  expect(relay.socket.received.at(-1)?.fields.get(3)).toBe('execution_retry');
});

test('who is online is asked for when somebody looks, by name, and kept up to date', async () => {
  const calls = () => relay.socket.received.filter(({ type }) => type === 'call');
  expect(calls()).toHaveLength(0);
  expect(client.presence.get()).toEqual([]);
  const [call] = calls();
  expect(call?.fields.get(2)).toBe('presence.get');
  relay.socket.say({ 0: 8, 1: call?.fields.get(1), 5: '{"users":[{"userId":"u2","name":"Rui"},{"userId":"u1","name":"Ana"}]}' });
  await vi.waitFor(() =>
    expect(client.presence.get()).toEqual([
      { userId: 'u1', name: 'Ana' },
      { userId: 'u2', name: 'Rui' },
    ]),
  );
  relay.pass('tenant', EVENT.presence, map({ 1: [map({ 1: 'u3', 2: 'Bo' })], 2: ['u1'] }));
  await vi.waitFor(() => expect(client.presence.get().map(({ name }) => name)).toEqual(['Bo', 'Rui']));
  expect(calls()).toHaveLength(1);
});
