// @vitest-environment happy-dom
// What axe can tell without a picture: names, roles, relations. Colours and sizes are looked at in a browser (test/gallery/shots.mjs).
import axe from 'axe-core';
import { afterEach, expect, test } from 'vitest';
import { drawn, place } from './elements-harness.js';
import { alert, FakeClient, toast } from './fake-client.js';

afterEach(() => {
  document.body.innerHTML = '';
});
const note = { id: 'n1', title: 'Note', body: 'body', severity: 'high', ts: 1, read: false };
const message = { id: 'm1', content: 'hello', sender: 'patient', senderName: 'Rui', ts: 1 };

function filled(): FakeClient {
  const client = new FakeClient();
  const answers = {
    'notifications.list': { items: [note], unread: 1, next: 'more' },
    'alerts.list': { items: [{ ...alert({ id: 'a' }), state: 'active' }], unread: 1, next: null },
    'sessions.list': { items: [{ deviceId: 'd', startedAt: 1 }], compliance: 0.4 },
    'conversations.messages': { items: [message], next: 'more' },
    'executions.get': {
      executionId: 'e1',
      status: 'failed',
      progress: 0.5,
      attempt: 2,
      ts: 1,
      error: { code: 'x', message: 'why', detail: 'more' },
      log: [{ ts: 1, level: 'info', text: 'begun' }],
    },
  };
  for (const [method, answer] of Object.entries(answers)) client.answers.set(method, () => answer);
  client.setConnection({ state: 'connected', connectionId: '1', user: 'ana', everConnected: true, latencyMs: 20 });
  client.setDevice({ deviceId: 'd1', status: 'offline', battery: 0.1, lastSeen: 1 });
  client.setViewers('patient:1', { count: 3, names: ['Ana', 'Rui'] });
  client.presence.set([{ userId: 'rui', name: 'Rui' }]);
  client.typing.set([{ conversationId: 'c1', userId: 'rui', name: 'Rui' }]);
  const storm = { severity: 'medium', group: 'offline', message: 'Offline' } as const;
  client.setToasts([toast({ severity: 'critical' }), { ...toast(storm), others: [toast(storm), toast(storm), toast(storm)] }]);
  return client;
}

const elements = [
  ['pulsewire-alerts', {}],
  ['pulsewire-banner', {}],
  ['pulsewire-bell', { open: '' }],
  ['pulsewire-connection', {}],
  ['pulsewire-conversation', { 'conversation-id': 'c1' }],
  ['pulsewire-device-badge', { 'device-id': 'd1' }],
  ['pulsewire-execution', { 'execution-id': 'e1' }],
  ['pulsewire-notifications', {}],
  ['pulsewire-presence', { 'user-id': 'rui' }],
  ['pulsewire-toast-settings', {}],
  ['pulsewire-toasts', {}],
  ['pulsewire-typing', { 'conversation-id': 'c1' }],
  ['pulsewire-usage', { 'patient-id': 'p1' }],
  ['pulsewire-viewers', { channel: 'patient:1' }],
] as const;
const states = elements.flatMap(([tag, attributes]) => [
  { tag, attributes, state: 'filled', make: filled },
  { tag, attributes, state: 'without a connection', make: () => new FakeClient() },
]);

test.each(states)('axe finds nothing in <$tag>, $state', async ({ tag, attributes, make }) => {
  const main = document.createElement('main');
  document.body.append(main);
  const element = await place(tag, make(), attributes, main);
  await new Promise(resolve => setTimeout(resolve, 0));
  await drawn(element);
  const { violations, passes } = await axe.run(main, {
    // It needs colours as they are drawn.
    rules: { 'color-contrast': { enabled: false } },
    resultTypes: ['violations', 'passes'],
  });
  expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
  expect(passes.length).toBeGreaterThan(0);
});
