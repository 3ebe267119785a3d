/** Row C16: the flight recorder notes every input, no token, and no more than it may. The replay's own tests are in client-wasm/tests/replay.rs. */
import { writeFileSync } from 'node:fs';
import { afterEach, expect, test, vi } from 'vitest';
import { createPulsewire, type Pulsewire, type PulsewireOptions } from '../src/index.js';
import { EVENT, FakeRelay, map } from './fake-relay.js';

let client: Pulsewire | undefined;
afterEach(() => {
  client?.destroy();
  client = undefined;
});

const part = (text: string) => btoa(text).replaceAll('=', '');
const SECRET = `${part('{"alg":"HS256"}')}.${part(`{"sub":"ana-secret","exp":${Math.floor(Date.now() / 1_000) + 3_600}}`)}.c2lnbmF0dXJl`;

async function page(options: PulsewireOptions = {}): Promise<{ relay: FakeRelay; client: Pulsewire }> {
  const relay = new FakeRelay();
  client = createPulsewire({
    url: 'ws://relay.test/ws?key=hidden',
    WebSocket: relay.WebSocket,
    getToken: () => SECRET,
    backoff: { baseMs: 1, capMs: 1 },
    ...options,
  });
  const made = client;
  made.channel('device:bed-1', { history: 5 });
  made.channel('conversation:c1');
  await made.connect();
  await vi.waitFor(() => expect(made.connection.get().state).toBe('connected'));
  return { relay, client: made };
}
const linesOf = async (made: Pulsewire) =>
  (await made.exportRecording().text())
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line));

test('a recording begins with the client, holds every input and its end, and no token and no address', async () => {
  const { relay, client: made } = await page();
  made.telemetry('bed-1', 'hr');
  await made.ping();
  relay.telemetry('bed-1', 'hr', [1_000, 2_000], [70, 71]);
  relay.publish('conversation:c1', EVENT.message_new, map({ 1: 'c1', 3: map({ 1: 'm', 3: 'hello', 4: 3, 5: 'Ana', 6: 1 }) }));
  await vi.waitFor(() => expect(made.messages('c1').get()).toHaveLength(1));
  relay.socket.drop(4503, 'draining; retryAfterMs=1');
  await vi.waitFor(() => expect(relay.sockets).toHaveLength(2));
  await vi.waitFor(() => expect(made.connection.get().state).toBe('connected'));

  const text = await made.exportRecording().text();
  for (const secret of [SECRET, SECRET.split('.')[1] as string, 'ana-secret', 'hidden', 'relay.test']) expect(text).not.toContain(secret);
  const [head, ...rest] = await linesOf(made);
  expect(head).toMatchObject({ format: 'pulsewire-recording', formatVersion: 1, dropped: 0, cut: 0 });
  expect(head.base).toBeUndefined();
  const { end } = rest.pop();
  expect(end).toMatchObject({ state: 'connected', channels: { 'conversation:c1': ['subscribed', 'e1', 1] }, counters: { welcomes: 2 } });
  const kinds = rest.map(([kind]: [number]) => kind);
  for (const kind of [1, 2, 3, 4, 6]) expect(kinds).toContain(kind);
  expect(rest.find(([kind]: [number]) => kind === 4)[4]).toEqual({ length: SECRET.length, exp: expect.any(Number) });
  expect(rest.find(([kind]: [number]) => kind === 3)[4]).toEqual([4503, 'draining; retryAfterMs=1']);
  // Where somebody wants to see the tool at work, or to renew what its test reads.
  if (process.env.PULSEWIRE_RECORDING !== undefined) writeFileSync(process.env.PULSEWIRE_RECORDING, text);
});

test('what is too much goes connection by connection, then half of the one that is left; the bytes stay bounded', async () => {
  const maxBytes = 20_000;
  const { relay, client: made } = await page({ recorder: { maxBytes } });
  const fill = (count: number) => {
    for (let n = 0; n < count; n += 1) relay.telemetry('bed-1', 'hr', [n], [n]);
  };
  fill(40);
  relay.socket.drop();
  await vi.waitFor(() => expect(relay.sockets).toHaveLength(2));
  await vi.waitFor(() => expect(made.connection.get().state).toBe('connected'));
  fill(70);
  let [head, ...rest] = await linesOf(made);
  expect(head.dropped).toBeGreaterThan(20);
  expect(head.cut).toBe(0);
  expect(head.base).toMatchObject({
    channels: [{ name: 'device:bed-1', history: 5 }, { name: 'conversation:c1' }],
    positions: { 'device:bed-1': ['e1', 40] },
    hidden: false,
  });
  expect(rest[0][0]).toBe(1);
  fill(500);
  [head, ...rest] = await linesOf(made);
  expect(head.cut).toBeGreaterThan(100);
  expect(JSON.stringify(rest).length).toBeLessThan(2 * maxBytes);
});

test('turned off it keeps nothing', async () => {
  const { client: made } = await page({ recorder: { maxBytes: 0 } });
  expect(made.exportRecording().size).toBe(0);
});
