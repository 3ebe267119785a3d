import { expect, test, vi } from 'vitest';
import { createPulsewire } from '../src/index.js';
import { isTrap, loadWasm } from '../src/wasm-loading.js';
import { FakeRelay } from './fake-relay.js';

const token = ['{"alg":"HS256"}', JSON.stringify({ sub: 'ana', tenant: 'ward', exp: Date.now() / 1000 + 3600 }), 's']
  .map(part => btoa(part).replaceAll('=', ''))
  .join('.');

test('loading is idempotent: two loads at once, and one later, share one instance', async () => {
  const [first, second] = await Promise.all([loadWasm(undefined), loadWasm(undefined)]);
  expect(first).toBe(second);
  expect(await loadWasm(undefined)).toBe(first);
});

test('bytes, a compiled module and a failed URL are told apart', async () => {
  const { readFileSync } = await import('node:fs');
  const bytes = readFileSync(new URL('../wasm/pulsewire_bg.wasm', import.meta.url));
  expect((await loadWasm(bytes)).dead).toBe(false);
  expect((await loadWasm(new WebAssembly.Module(bytes))).dead).toBe(false);
  await expect(loadWasm('http://127.0.0.1:1/none.wasm')).rejects.toMatchObject({
    name: 'WasmLoadError',
    code: 'wasm_load_failed',
    message: expect.stringContaining('http://127.0.0.1:1/none.wasm'),
  });
});

test('a trap starts a fresh instance with what is wanted, closes the old socket, and is reported', async () => {
  const relay = new FakeRelay();
  // A module of its own, so that the instance of the other tests lives on.
  const { readFileSync } = await import('node:fs');
  const module = new WebAssembly.Module(readFileSync(new URL('../wasm/pulsewire_bg.wasm', import.meta.url)));
  const client = createPulsewire({ url: 'ws://relay.test/ws', WebSocket: relay.WebSocket, getToken: () => token, wasm: module });
  const errors = vi.fn();
  client.on('error', errors);
  const handle = client.telemetry('bed-1', 'hr');
  await client.connect();
  await vi.waitFor(() => expect(client.connection.get().state).toBe('connected'));
  relay.telemetry('bed-1', 'hr', [1], [70]);
  const version = handle.version();
  const instance = await loadWasm(module);

  const pending = client.call('stats.get');
  // A pointer to nowhere makes the next call trap, as a defect of the wasm would; it is the same instance for all.
  const rogue = new instance.WasmClient(new Float64Array(13), ['ws://relay.test/ws', 'n', 'v', 's'], relay.WebSocket, {});
  Object.assign(rogue, { __wbg_ptr: 0xfffffff0 });
  expect(() => rogue.end()).toThrow(WebAssembly.RuntimeError);
  expect(instance.dead).toBe(true);
  expect(relay.sockets[0]?.closedWith).toBeDefined();
  expect(errors).toHaveBeenCalledWith(expect.objectContaining({ code: 'wasm_trap' }));
  expect(client.connection.get()).toMatchObject({ state: 'reconnecting', reason: 'wasm_trap', everConnected: true });

  await expect(pending).rejects.toMatchObject({ code: 'wasm_trap', retryable: true });
  await vi.waitFor(() => expect(relay.sockets).toHaveLength(2));
  await vi.waitFor(() => expect(client.connection.get().state).toBe('connected'));
  expect(await loadWasm(module)).not.toBe(instance);
  relay.telemetry('bed-1', 'hr', [2], [71]);
  expect([...handle.view().v]).toEqual([71]);
  expect(handle.version()).toBeGreaterThan(version);
  client.destroy();
});

test('after a trap every channel goes on from where it stood: what was missed comes, what a listener had does not come again', async () => {
  const relay = new FakeRelay();
  const { readFileSync } = await import('node:fs');
  const module = new WebAssembly.Module(readFileSync(new URL('../wasm/pulsewire_bg.wasm', import.meta.url)));
  const client = createPulsewire({ url: 'ws://relay.test/ws', WebSocket: relay.WebSocket, getToken: () => token, wasm: module });
  const got = vi.fn();
  const heard = client.channel('patient:1', { history: 20 });
  heard.on('*', ({ data }) => got(data));
  client.channel('device:bed-1');
  client.channel('ward:new');
  await client.connect();
  await vi.waitFor(() => expect(heard.state.get().phase).toBe('subscribed'));
  relay.telemetry('bed-1', 'hr', [1], [70]);
  relay.telemetry('bed-1', 'hr', [2], [71]);
  for (const text of ['1', '2', '3']) relay.publish('patient:1', 'note', text);

  const instance = await loadWasm(module);
  const rogue = new instance.WasmClient(new Float64Array(19), ['ws://relay.test/ws', 'n', 'v', 's'], relay.WebSocket, {});
  Object.assign(rogue, { __wbg_ptr: 0xfffffff0 });
  expect(() => rogue.end()).toThrow(WebAssembly.RuntimeError);
  await vi.waitFor(() => expect(client.connection.get().state).toBe('connected'));

  expect(relay.sockets).toHaveLength(2);
  const entries = relay.socket.received[0]?.fields.get(4) as Map<number, unknown>[];
  const position = (channel: string) =>
    (entries.find(entry => entry.get(1) === channel)?.get(2) as Map<number, unknown> | undefined)?.get(2);
  // Read now and then for what nobody listens to; to the event where somebody does.
  expect(position('patient:1')).toBe(3);
  expect(position('device:bed-1')).toBeLessThanOrEqual(2);
  expect(got.mock.calls.flat()).toEqual([1, 2, 3]);
  // The history that its holder wants is asked for behind what was missed.
  await vi.waitFor(() => {
    const asked = relay.socket.received.filter(({ type, fields }) => type === 'subscribe' && fields.get(2) === 'patient:1');
    expect(asked.map(({ fields }) => fields.get(4))).toEqual([20]);
  });
  // One hold each, as before: the last release lets go.
  heard.release();
  relay.publish('patient:1', 'note', '4');
  expect(got).toHaveBeenCalledTimes(3);
  client.destroy();
});

test('after a trap what waited in the outbox goes out once, under its key; what was sent and not answered is unknown', async () => {
  const relay = new FakeRelay();
  const { readFileSync } = await import('node:fs');
  const module = new WebAssembly.Module(readFileSync(new URL('../wasm/pulsewire_bg.wasm', import.meta.url)));
  const options = { url: 'ws://relay.test/ws', WebSocket: relay.WebSocket, getToken: () => token, wasm: module };
  const client = createPulsewire({ ...options, backoff: { baseMs: 60_000 }, polling: false });
  await client.connect();
  await vi.waitFor(() => expect(client.connection.get().state).toBe('connected'));
  relay.automatic = false;
  const sent = client.publish('conversation:1', 'note', 1);
  await vi.waitFor(() => expect(sent.state.get()).toBe('sent'));
  // In one channel they go out one after the other: these wait.
  const data = { text: 'as it was' };
  const waiting = client.publish('conversation:1', 'note', data, { key: 'mine' });
  data.text = 'changed since';
  expect(waiting.state.get()).toBe('queued');
  expect(client.outbox.get().map(item => [item.channel, item.event, item.data, item.state])).toEqual([
    ['conversation:1', 'note', 1, 'sent'],
    ['conversation:1', 'note', { text: 'as it was' }, 'queued'],
  ]);

  const instance = await loadWasm(module);
  const rogue = new instance.WasmClient(new Float64Array(19), ['ws://relay.test/ws', 'n', 'v', 's'], relay.WebSocket, {});
  Object.assign(rogue, { __wbg_ptr: 0xfffffff0 });
  relay.automatic = true;
  expect(() => rogue.end()).toThrow(WebAssembly.RuntimeError);
  await expect(sent).rejects.toMatchObject({ code: 'unknown' });
  expect(sent.state.get()).toBe('unknown');
  await expect(waiting).resolves.toEqual({ offset: 1 });
  expect(waiting.state.get()).toBe('confirmed');
  const published = relay.socket.received.filter(({ type }) => type === 'publish').map(({ fields }) => [fields.get(4), fields.get(5)]);
  expect(published).toEqual([['{"text":"as it was"}', 'mine']]);
  expect(client.outbox.get()).toEqual([]);
  client.destroy();
});

test('what counts as a trap', () => {
  expect(isTrap(new WebAssembly.RuntimeError('unreachable'))).toBe(true);
  expect(isTrap(new RangeError('Maximum call stack size exceeded'))).toBe(true);
  expect(isTrap(new TypeError('x is not a function'))).toBe(false);
});
