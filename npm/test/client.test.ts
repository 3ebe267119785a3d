import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { SocketKeeper } from '../src/socket.js';
import { createPulsewire, type Pulsewire, type PulsewireOptions } from '../src/index.js';
import { EVENT, FakeRelay, map } from './fake-relay.js';

let relay: FakeRelay;
let client: Pulsewire;

function make(options: PulsewireOptions = {}): Pulsewire {
  client = createPulsewire({
    url: 'ws://relay.test/ws',
    WebSocket: relay.WebSocket,
    getToken: () => token({ exp: Date.now() / 1000 + 3600 }),
    ...options,
  });
  return client;
}

const token = (claims: object) =>
  ['{"alg":"HS256"}', JSON.stringify({ sub: 'ana', tenant: 'ward', ...claims }), 'signature']
    .map(part => btoa(part).replaceAll('=', ''))
    .join('.');
const connected = () => vi.waitFor(() => expect(client.connection.get().state).toBe('connected'));

beforeEach(() => {
  relay = new FakeRelay();
});
afterEach(() => client?.destroy());

test('nothing runs before connect, and the state is readable', () => {
  make();
  expect(client.connection.get()).toMatchObject({ state: 'idle', attempt: 0, everConnected: false });
  expect(client.alerts.get()).toEqual({ items: [], unread: 0 });
  expect(client.telemetry('bed-1', 'ecg').view().t).toHaveLength(0);
  expect(relay.sockets).toHaveLength(0);
});

test('connect goes through connecting to connected, with token, names and what was held before the wasm was there', async () => {
  make({ clientName: 'ward-page' });
  const states: string[] = [];
  client.connection.subscribe(({ state }) => states.push(state));
  const channel = client.channel('device:bed-1', { history: 50, maxHz: 5 });
  await client.connect();
  await connected();
  expect([...new Set(states)]).toEqual(['idle', 'connecting', 'connected']);
  expect(relay.socket).toMatchObject({ url: 'ws://relay.test/ws', protocols: 'pulsewire.v1.cbor', binaryType: 'arraybuffer' });
  const connect = relay.socket.received[0];
  expect(connect?.type).toBe('connect');
  expect(connect?.fields.get(2)).toMatch(/^ey/);
  expect((connect?.fields.get(3) as Map<number, string> | undefined)?.get(1)).toBe('ward-page');
  expect(connect?.fields.get(4)).toEqual([map({ 1: 'device:bed-1', 3: 50, 4: 5 })]);
  await vi.waitFor(() => expect(channel.state.get()).toMatchObject({ phase: 'subscribed', epoch: 'e1' }));
  expect(client.connection.get()).toMatchObject({ user: 'ana', tenant: 'ward', connectionId: 'c1', everConnected: true });
});

test('two calls to connect, and one after it, make one socket', async () => {
  make();
  await Promise.all([client.connect(), client.connect()]);
  await connected();
  await client.connect();
  expect(relay.sockets).toHaveLength(1);
});

test('events reach the listeners of their name and of all names, with data as objects, built in or not', async () => {
  make();
  const channel = client.channel('patient:1');
  const [named, all] = [vi.fn(), vi.fn()];
  channel.on('vitals_note', named);
  channel.on('*', all);
  await client.connect();
  await connected();
  relay.publish('patient:1', 'vitals_note', '{"text":"calm","tags":[1,2]}');
  relay.publish('patient:1', EVENT.device_status, map({ 1: 'bed-1', 2: 1, 3: 0.5 }));
  await vi.waitFor(() => expect(all).toHaveBeenCalledTimes(2));
  expect(named).toHaveBeenCalledTimes(1);
  expect(named.mock.calls[0]?.[0]).toMatchObject({
    channel: 'patient:1',
    event: 'vitals_note',
    data: { text: 'calm', tags: [1, 2] },
    offset: 1,
    replayed: false,
  });
  expect(all.mock.calls[1]?.[0]).toMatchObject({ event: 'device_status', data: { deviceId: 'bed-1', status: 'online', battery: 0.5 } });
});

test('slices change: device status, alerts with unread count, toasts, dashboard, viewers', async () => {
  make();
  client.channel('device:bed-1');
  client.channel('dashboard');
  client.channel('tenant');
  await client.connect();
  await connected();
  relay.publish('device:bed-1', EVENT.device_status, map({ 1: 'bed-1', 2: 3, 3: 0.25, 4: 1_700_000_000_000 }));
  relay.publish('dashboard', EVENT.dashboard_stats, map({ 1: 8, 2: 7, 3: 1, 4: 3, 5: 0.75, 6: 2 }));
  relay.socket.say({ 0: 5, 1: 'device:bed-1', 2: 2, 3: ['Ana', 'Rui'] });
  relay.alert('a1');
  await vi.waitFor(() => expect(client.alerts.get().unread).toBe(1));
  await vi.waitFor(() => expect(client.viewerCounts.get()).toEqual({ 'device:bed-1': { count: 2, names: ['Ana', 'Rui'] } }));
  expect(client.deviceStatuses.get()).toEqual({
    'bed-1': { deviceId: 'bed-1', status: 'maintenance', battery: 0.25, lastSeen: 1_700_000_000_000 },
  });
  expect(client.dashboardStats.get()).toEqual({
    devices: 8,
    online: 7,
    activeAlerts: 1,
    activeSessions: 3,
    averageCompliance: 0.75,
    viewers: 2,
  });
  expect(client.alerts.get().items[0]).toMatchObject({
    id: 'a1',
    patientName: 'Maria Oliveira',
    severity: 'high',
    type: 'heart_rate_high',
    read: false,
  });
  expect(client.toasts.get()).toMatchObject({ visible: [{ id: 'a1', kind: 'alert', severity: 'high' }], waiting: 0, held: false });
  client.markAlertsRead(['a1']);
  expect(client.alerts.get().unread).toBe(0);
});

test('a toast is told of once, a click gives it to the page, and it is gone', async () => {
  const clicked = vi.fn();
  make({ onToastClick: clicked });
  const shown = vi.fn();
  client.on('toast', shown);
  client.channel('tenant');
  await client.connect();
  await connected();
  relay.alert('a1');
  await vi.waitFor(() => expect(client.toasts.get().visible).toHaveLength(1));
  expect(shown).toHaveBeenCalledTimes(1);
  client.clickToast('a1');
  expect(clicked).toHaveBeenCalledWith(expect.objectContaining({ id: 'a1', patientId: 'patient-1' }));
  await vi.waitFor(() => expect(client.toasts.get().visible).toHaveLength(0));
});

test('a tab where nobody listens for toasts leaves the claim to tell of one to the others', async () => {
  const claim = vi.spyOn(SocketKeeper.prototype, 'isFirst');
  try {
    make();
    client.channel('tenant');
    await client.connect();
    await connected();
    relay.alert('a1');
    await vi.waitFor(() => expect(client.toasts.get().visible).toHaveLength(1));
    expect(claim).not.toHaveBeenCalled();
    const told = vi.fn();
    client.on('toast', told);
    relay.alert('a2');
    await vi.waitFor(() => expect(told).toHaveBeenCalledTimes(1));
    expect(claim).toHaveBeenCalledExactlyOnceWith('toast a2');
  } finally {
    claim.mockRestore();
  }
});

test('telemetry comes as views into the memory of the wasm, with numbers of the window and a rising version', async () => {
  make();
  const handle = client.telemetry('bed-1', 'heart_rate', { capacity: 4 });
  const told = vi.fn();
  handle.listen(told);
  await client.connect();
  await connected();
  const before = handle.version();
  relay.telemetry('bed-1', 'heart_rate', [1000, 2000, 3000], [70, 71, 72]);
  relay.telemetry('bed-1', 'heart_rate', [4000, 5000], [73, 74]);
  await vi.waitFor(() => expect(told).toHaveBeenCalled());
  const view = handle.view();
  expect([...view.t.slice(-4)]).toEqual([2000, 3000, 4000, 5000]);
  expect([...view.v.slice(-4)]).toEqual([71, 72, 73, 74]);
  expect(view.unit).toBe('bpm');
  expect(view.t.buffer.byteLength).toBeGreaterThan(view.t.byteLength);
  expect(handle.stats()).toMatchObject({ max: 74, last: 74, lastT: 5000 });
  expect(handle.version()).toBeGreaterThan(before);
  expect(handle.decimated(3).t).toHaveLength(3);
  await vi.waitFor(() => expect(client.metrics('bed-1').get()).toEqual(['heart_rate']));
  handle.release();
  expect(handle.view().t).toHaveLength(0);
});

test('publish, call and ping are settled by the relay', async () => {
  make();
  await client.connect();
  await connected();
  await expect(client.publish('conversation:1', 'note', { text: 'hello' }, { key: 'k1' })).resolves.toEqual({ offset: 1 });
  const published = relay.socket.received.find(({ type }) => type === 'publish');
  expect(published?.fields.get(4)).toBe('{"text":"hello"}');
  expect(published?.fields.get(5)).toBe('k1');
  await expect(client.ping()).resolves.toBeGreaterThanOrEqual(0);
  const answer = client.call('devices.list', { limit: 1 });
  const call = relay.socket.received.find(({ type }) => type === 'call');
  expect(call?.fields.get(2)).toBe('devices.list');
  expect(call?.fields.get(3)).toBe('{"limit":1}');
  relay.socket.say({ 0: 8, 1: call?.fields.get(1), 5: '{"items":[{"deviceId":"bed-1"}]}' });
  await expect(answer).resolves.toEqual({ items: [{ deviceId: 'bed-1' }] });
  const refused = client.call('nope');
  const id = relay.socket.received.at(-1)?.fields.get(1);
  relay.socket.say({ 0: 9, 1: 10, 2: 'no such method', 3: false, 5: id });
  await expect(refused).rejects.toMatchObject({ name: 'PulsewireError', code: 'not_found', message: 'no such method', retryable: false });
});

test('without a connection a request fails at once and says that it may be tried again', async () => {
  make();
  await expect(client.publish('conversation:1', 'note', {}, { queue: false })).rejects.toMatchObject({
    code: 'unavailable',
    retryable: true,
  });
  await expect(client.call('stats.get')).rejects.toMatchObject({ code: 'unavailable' });
});

test('what cannot be written as JSON is refused with a message that says why', async () => {
  make();
  await client.connect();
  await connected();
  const round: { self?: unknown } = {};
  round.self = round;
  await expect(client.publish('conversation:1', 'note', round)).rejects.toMatchObject({
    code: 'bad_argument',
    message: expect.stringMatching(/circular/i),
  });
});

test('wrong arguments are refused as errors with a code, never with a trap', async () => {
  make();
  await client.connect();
  await connected();
  const wrong = [undefined, null, 7, {}, [], Symbol.iterator, () => 0, Number.NaN] as never[];
  for (const value of wrong) {
    expect(() => client.channel(value)).toThrowError(expect.objectContaining({ code: 'bad_argument' }));
    expect(() => client.dismissToast(value)).toThrowError(expect.objectContaining({ code: 'bad_argument' }));
    await expect(client.publish('conversation:1', value, {} as never)).rejects.toMatchObject({ code: 'bad_argument' });
  }
  expect(() => client.channel('device:1', { history: -1 })).toThrowError(
    expect.objectContaining({ code: 'bad_argument', message: expect.stringContaining('history') }),
  );
  expect(client.connection.get().state).toBe('connected');
});

test('a configuration that makes no sense is refused by connect, and told as a state to whoever does not await it', async () => {
  make({ toasts: { minSeverity: 'grave' as never } });
  await expect(client.connect()).rejects.toMatchObject({ code: 'bad_argument', message: expect.stringContaining('minSeverity') });
  expect(client.connection.get()).toMatchObject({ state: 'idle', reason: 'bad_argument' });
  make({ url: 'gopher://relay.test' });
  await expect(client.connect()).rejects.toMatchObject({ code: 'bad_url' });
  expect(client.connection.get()).toMatchObject({ state: 'idle', reason: 'bad_url' });
});

test('garbage from the wire is counted and skipped', async () => {
  make();
  const errors = vi.fn();
  client.on('error', errors);
  await client.connect();
  await connected();
  relay.socket.frame(new Uint8Array([0xff, 0x00, 0x81]).buffer);
  relay.socket.frame('text where bytes are due');
  relay.socket.frame(new ArrayBuffer(0));
  relay.socket.frame({});
  relay.socket.frame(null);
  await expect(client.ping()).resolves.toBeGreaterThanOrEqual(0);
  expect(errors).toHaveBeenCalled();
});

test('a callback may publish, hold and release straight away', async () => {
  make();
  const channel = client.channel('patient:1');
  const got: string[] = [];
  channel.on('ask', async () => {
    client.channel('patient:2').release();
    await client.publish('patient:1', 'answer', 1);
    got.push('published');
  });
  await client.connect();
  await connected();
  relay.publish('patient:1', 'ask', '1');
  await vi.waitFor(() => expect(got).toEqual(['published']));
});

test('a listener may destroy the client', async () => {
  make();
  client.channel('patient:1').on('bye', () => client.destroy());
  await client.connect();
  await connected();
  relay.publish('patient:1', 'bye', '1');
  expect(client.connection.get().state).toBe('closed');
  expect(relay.socket.closedWith).toBeDefined();
  expect(() => client.channel('patient:2')).toThrowError(expect.objectContaining({ code: 'destroyed' }));
});

test('handles hold one subscription together, and the last release ends it after the linger', async () => {
  make({ lingerMs: 20 });
  await client.connect();
  await connected();
  const [first, second] = [client.channel('device:bed-1'), client.channel('device:bed-1')];
  const of = (type: string) => relay.socket.received.filter(message => message.type === type);
  await vi.waitFor(() => expect(of('subscribe')).toHaveLength(1));
  first.release();
  first.release();
  await new Promise(resolve => setTimeout(resolve, 60));
  expect(of('unsubscribe')).toHaveLength(0);
  second.release();
  await vi.waitFor(() => expect(of('unsubscribe')).toHaveLength(1));
});

test('a lost connection is tried again and what is held comes back in the first message', async () => {
  make({ backoff: { baseMs: 10, jitter: false } });
  const channel = client.channel('device:bed-1');
  await client.connect();
  await connected();
  relay.publish('device:bed-1', 'note', '1');
  relay.socket.drop();
  expect(client.connection.get().state).toBe('reconnecting');
  await vi.waitFor(() => expect(relay.sockets).toHaveLength(2));
  await connected();
  const [entry] = (relay.socket.received[0]?.fields.get(4) ?? []) as Map<number, unknown>[];
  expect(entry?.get(1)).toBe('device:bed-1');
  expect(entry?.get(2)).toEqual(map({ 1: 'e1', 2: 1 }));
  expect(channel.state.get().phase).toBe('subscribed');
});

test('a history that began anew raises resync', async () => {
  make({ backoff: { baseMs: 10, jitter: false } });
  client.channel('device:bed-1');
  const resync = vi.fn();
  client.on('resync', resync);
  await client.connect();
  await connected();
  relay.publish('device:bed-1', 'note', '1');
  relay.epoch = 'e2';
  relay.subscribed = channel => ({ 2: channel, 3: 'e2', 4: 0, 5: false, 6: [], 7: [] });
  relay.socket.drop();
  await vi.waitFor(() => expect(resync).toHaveBeenCalledWith({ channel: 'device:bed-1' }));
});

test('a token refused twice ends in unauthorized, and the page is told once', async () => {
  const onUnauthorized = vi.fn();
  const getToken = vi.fn(() => token({ exp: Date.now() / 1000 + 3600 }));
  make({ onUnauthorized, getToken });
  relay.welcome = socket => socket.drop(4401, 'token_invalid');
  await client.connect();
  await vi.waitFor(() => expect(client.connection.get()).toMatchObject({ state: 'unauthorized', reason: 'token_invalid' }));
  expect(getToken.mock.calls.map(([context]: [{ reason: string }] | []) => context?.reason)).toEqual(['connect', 'refused']);
  expect(onUnauthorized).toHaveBeenCalledTimes(1);
  expect(onUnauthorized).toHaveBeenCalledWith('token_invalid');
});

test('a getToken that rejects counts as a failed try, not as unauthorized', async () => {
  const getToken = vi.fn(async (): Promise<string> => {
    if (getToken.mock.calls.length < 3) throw new Error('the relay is away');
    return token({ exp: Date.now() / 1000 + 3600 });
  });
  make({ getToken, backoff: { baseMs: 10, jitter: false } });
  await client.connect();
  await connected();
  expect(getToken).toHaveBeenCalledTimes(3);
});

test('close ends on purpose and stays closed; connect starts again', async () => {
  make({ backoff: { baseMs: 10 } });
  await client.connect();
  await connected();
  client.close();
  expect(client.connection.get().state).toBe('closed');
  expect(relay.socket.closedWith).toBe(1000);
  await new Promise(resolve => setTimeout(resolve, 50));
  expect(relay.sockets).toHaveLength(1);
  await client.connect();
  await connected();
  expect(relay.sockets).toHaveLength(2);
});

test('closed while the wasm is still loading, no socket is opened', async () => {
  make();
  const loading = client.connect();
  client.close();
  await loading;
  expect(relay.sockets).toHaveLength(0);
  expect(client.connection.get().state).toBe('closed');
});

test('where there is no WebSocket, connect says which to pass', async () => {
  vi.stubGlobal('WebSocket', undefined);
  make({ WebSocket: undefined });
  await expect(client.connect()).rejects.toMatchObject({ code: 'no_websocket', message: expect.stringContaining('ws') });
  vi.unstubAllGlobals();
});

test('a constructor that throws is reported and tried again like a lost connection', async () => {
  let count = 0;
  const Real = relay.WebSocket;
  const WebSocket = function open(url: string, protocols: string) {
    count += 1;
    if (count === 1) throw new DOMException('mixed content', 'SecurityError');
    return new Real(url, protocols);
  } as unknown as typeof Real;
  make({ WebSocket, backoff: { baseMs: 10, jitter: false } });
  const errors = vi.fn();
  client.on('error', errors);
  await client.connect();
  await connected();
  expect(errors).toHaveBeenCalledWith({ code: 'socket_blocked', message: 'mixed content' });
});
