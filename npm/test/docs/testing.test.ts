// Shown in docs/testing.md; docs.test.ts compares them.
import { createPulsewire, type Pulsewire } from 'pulsewire';
import { createFakeRelay, type FakeClock, type FakeRelay, installFakeClock } from 'pulsewire/testing';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

let relay: FakeRelay;
let client: Pulsewire;
beforeEach(() => {
  relay = createFakeRelay();
  client = createPulsewire({
    url: 'ws://relay.test/ws',
    WebSocket: relay.WebSocket,
    getToken: () => relay.token({ sub: 'ana', tenant: 'ward' }),
    polling: false,
  });
});
afterEach(() => client.destroy());

test('an alert that was missed while the network was away is shown after it', async () => {
  await client.connect();
  await vi.waitFor(() => expect(relay.connections).toBe(1));
  relay.drop();
  relay.publish('patient:7', 'alert', {
    patientId: '7',
    patientName: 'M. Oliveira',
    type: 'bradycardia',
    severity: 'high',
    message: 'Heart rate 42',
  });
  await vi.waitFor(() => expect(client.alerts.get().unread).toBe(1), 5_000);
});

let clock: FakeClock | undefined;
afterEach(() => clock?.restore());

test('a silent network is noticed within 60 s, and the page is back 1 s later', async () => {
  clock = installFakeClock();
  await client.connect();
  await clock.advance(100);
  expect(client.connection.get().state).toBe('connected');
  relay.silent = true;
  await clock.advance(60_000);
  expect(client.connection.get().state).toBe('reconnecting');
  relay.silent = false;
  await clock.advance(1_100);
  expect(client.connection.get().state).toBe('connected');
});
