import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createPulsewire, type Pulsewire, type PulsewireOptions } from '../src/index.js';
import { createFakeRelay, type FakeClock, type FakeRelay, installFakeClock } from '../src/testing/index.js';
import { TABLES } from '../src/testing/tables.js';
import { DOCUMENTED } from './reference-codec.js';

let relay: FakeRelay;
let clock: FakeClock;
const clients: Pulsewire[] = [];
beforeEach(() => {
  clock = installFakeClock();
  relay = createFakeRelay();
});
afterEach(() => {
  for (const client of clients.splice(0)) client.destroy();
  clock.restore();
});
async function connected(options: PulsewireOptions & { sub?: string } = {}): Promise<Pulsewire> {
  const client = createPulsewire({
    url: 'ws://relay.test/ws',
    WebSocket: relay.WebSocket,
    getToken: () => relay.token({ sub: options.sub ?? 'ana' }),
    polling: false,
    backoff: { jitter: false },
    ...options,
  });
  clients.push(client);
  await client.connect();
  await clock.advance(50);
  return client;
}
const state = (client: Pulsewire) => client.connection.get();

test('the tables are those of PROTOCOL.md', () => {
  const { structs, ...rest } = DOCUMENTED;
  const filled = Object.fromEntries(Object.entries(structs).filter(([, fields]) => fields.length > 0));
  expect(TABLES.structs).toEqual(filled);
  expect({ types: TABLES.types, events: TABLES.events }).toEqual({ types: rest.types, events: rest.events });
  expect(TABLES.enums).toEqual(Object.fromEntries(Object.entries(rest.enums).filter(([, words]) => words.length > 0)));
});

describe('the fake relay', () => {
  test('welcomes by the token, publishes, and tells what it got', async () => {
    const client = await connected();
    expect(state(client)).toMatchObject({ state: 'connected', user: 'ana', tenant: 'ward' });
    const heard: unknown[] = [];
    client.channel('bed:4').on('moved', ({ data, from }) => heard.push([data, from?.user]));
    await clock.advance(10);
    expect(relay.subscriptions).toEqual(['bed:4', 'tenant', 'user:ana']);
    relay.publish('bed:4', 'moved', { to: 'hall' });
    await expect(client.publish('bed:4', 'moved', { to: 'room' })).resolves.toEqual({ offset: 2 });
    expect(heard).toEqual([
      [{ to: 'hall' }, undefined],
      [{ to: 'room' }, 'ana'],
    ]);
    expect(relay.receivedOf('publish')).toMatchObject([{ channel: 'bed:4', event: 'moved', data: { to: 'room' } }]);
  });

  test('gives typed events their form: status, points, an alert on both channels by one id', async () => {
    const client = await connected();
    const points = client.telemetry('bed-1', 'hr');
    client.channel('patient:7');
    await clock.advance(10);
    relay.publish('device:bed-1', 'device_status', { deviceId: 'bed-1', status: 'online', battery: 0.5 });
    relay.publish('device:bed-1', 'telemetry', {
      deviceId: 'bed-1',
      series: { hr: { t: Float64Array.of(1000, 2000), v: [70, 71], unit: 'bpm' } },
    });
    relay.publish('patient:7', 'alert', { patientId: '7', patientName: 'Rui', type: 'x', severity: 'high', message: 'm' });
    relay.viewers('patient:7', ['Ana', 'Bo']);
    await clock.advance(200);
    expect(client.deviceStatuses.get()['bed-1']).toMatchObject({ status: 'online', battery: 0.5 });
    expect([...points.view().v]).toEqual([70, 71]);
    expect(client.alerts.get().items).toHaveLength(1);
    expect(client.viewerCounts.get()['patient:7']).toEqual({ count: 2, names: ['Ana', 'Bo'] });
  });

  test('recovers what was missed, in order and once; after a restart the page is told to reload', async () => {
    const client = await connected();
    const heard: unknown[] = [];
    const resync = vi.fn();
    client.on('resync', resync);
    client.channel('bed:4').on('n', ({ data }) => heard.push(data));
    await clock.advance(10);
    relay.publish('bed:4', 'n', 1);
    relay.drop();
    relay.publish('bed:4', 'n', 2);
    relay.publish('bed:4', 'n', 3);
    await clock.advance(1_500);
    expect(heard).toEqual([1, 2, 3]);
    expect(resync).not.toHaveBeenCalled();
    // A connection that stayed up for 5 s makes the next delay short again.
    await clock.advance(6_000);
    relay.restart();
    await clock.advance(1_500);
    expect(state(client).state).toBe('connected');
    expect(resync).toHaveBeenCalledWith({ channel: 'bed:4' });
  });

  test('gives the newest of the history to who asks for it, and the state to everybody', async () => {
    for (let n = 1; n <= 5; n++) relay.publish('bed:4', 'n', n);
    relay.publish('device:d', 'device_status', { deviceId: 'd', status: 'maintenance' });
    const client = await connected();
    const heard: unknown[] = [];
    client.channel('bed:4', { history: 2 }).on('n', ({ data }) => heard.push(data));
    client.channel('device:d');
    await clock.advance(50);
    expect(heard).toEqual([4, 5]);
    expect(client.deviceStatuses.get().d?.status).toBe('maintenance');
  });

  test('refuses tokens until they are accepted again', async () => {
    relay.refuseTokens('token_expired');
    const client = await connected();
    expect(state(client)).toMatchObject({ state: 'unauthorized', reason: 'token_expired' });
    relay.acceptTokens();
    await client.connect();
    await clock.advance(50);
    expect(state(client).state).toBe('connected');
  });

  test('refuses channels, answers calls, and says what it has no answer for', async () => {
    relay.refuseChannel('admin');
    relay.refuseChannel('patient:*', 'not_found');
    const client = await connected();
    const [admin, patient] = [client.channel('admin'), client.channel('patient:7')];
    await clock.advance(10);
    expect([admin.state.get().error?.code, patient.state.get().error?.code]).toEqual(['forbidden', 'not_found']);
    relay.onCall('beds.list', params => ({ asked: params, beds: ['4'] }));
    relay.onCall('beds.break', () => {
      throw new Error('broken');
    });
    await expect(client.call('beds.list', { floor: 1 })).resolves.toEqual({ asked: { floor: 1 }, beds: ['4'] });
    await expect(client.call('beds.break')).rejects.toMatchObject({ code: 'internal', message: 'broken' });
    await expect(client.call('beds.sell')).rejects.toMatchObject({ code: 'not_found' });
  });

  test('client.channels() lists what is held, with its position', async () => {
    const client = await connected();
    const [bed] = [client.channel('bed:4'), client.channel('bed:4'), client.channel('bed:5')];
    await clock.advance(10);
    relay.publish('bed:4', 'n', 1);
    bed.release();
    await clock.advance(100);
    expect(client.channels()).toMatchObject([
      { name: 'bed:4', holds: 1, phase: 'subscribed', epoch: 'epoch-1', offset: 1 },
      { name: 'bed:5', holds: 1, phase: 'subscribed', offset: 0 },
    ]);
  });

  test('stores a message once, however often it is sent', async () => {
    const client = await connected();
    client.channel('bed:4');
    await clock.advance(10);
    const all = vi.fn();
    client.channel('bed:4').on('n', all);
    await client.publish('bed:4', 'n', 1, { key: 'k' });
    await expect(client.publish('bed:4', 'n', 1, { key: 'k' })).resolves.toEqual({ offset: 1 });
    expect(all).toHaveBeenCalledTimes(1);
  });

  test('serves two clients, each with its own name', async () => {
    const [ana, bo] = [await connected({ sub: 'ana' }), await connected({ sub: 'bo' })];
    const heard: unknown[] = [];
    bo.channel('bed:4').on('n', ({ from }) => heard.push(from?.user));
    await clock.advance(10);
    expect(relay.connections).toBe(2);
    await ana.publish('bed:4', 'n', 1);
    expect(heard).toEqual(['ana']);
  });

  test('without a network every try fails, and waits as long as the client says', async () => {
    const client = await connected();
    relay.reachable = false;
    relay.drop();
    await clock.advance(1_000 + 2_000 + 4_000 + 100);
    expect([relay.opened, state(client).state]).toEqual([4, 'reconnecting']);
    relay.reachable = true;
    await clock.advance(8_000);
    expect(state(client).state).toBe('connected');
  });

  test('beats by the clock, so that a quiet connection lives for hours', async () => {
    const client = await connected();
    await clock.advance(2 * 3_600_000 - 3_600_000 / 2);
    expect([relay.opened, state(client).state]).toEqual([1, 'connected']);
    expect(relay.receivedOf('pong').length).toBeGreaterThan(100);
  }, 30_000);
});

describe('the fake clock', () => {
  test('runs timers in order, each at its time, and those that they set', async () => {
    const seen: [string, number][] = [];
    const start = clock.now;
    const see = (name: string) => seen.push([name, Date.now() - start]);
    setTimeout(() => see('late'), 300);
    setTimeout(() => {
      see('early');
      setTimeout(() => see('nested'), 50);
      void Promise.resolve().then(() => see('promise'));
    }, 100);
    const every = setInterval(() => see('every'), 120);
    await clock.advance(299);
    clearInterval(every);
    await clock.advance(1);
    expect(seen).toEqual([
      ['early', 100],
      ['promise', 100],
      ['every', 120],
      ['nested', 150],
      ['every', 240],
      ['late', 300],
    ]);
  });

  test('a machine that sleeps finds everything overdue at once', async () => {
    const seen: number[] = [];
    const before = performance.now();
    setTimeout(() => seen.push(performance.now() - before), 100);
    await clock.sleep(10_000);
    expect(seen).toEqual([10_000]);
    expect(new Date()).toEqual(new Date(clock.now));
  });

  test('gives everything back', () => {
    const [fakeDate, fakeTimeout] = [Date, setTimeout];
    clock.restore();
    expect([Date === fakeDate, setTimeout === fakeTimeout]).toEqual([false, false]);
    expect(Math.abs(Date.now() - clock.now)).toBeGreaterThan(1_000);
  });
});
