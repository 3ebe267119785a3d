/** Row C11: each thing that can be wrong is told apart, in words, and the token is never told. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createPulsewire, type Pulsewire, type PulsewireOptions } from '../src/index.js';
import { FakeRelay } from './fake-relay.js';

const part = (value: object) => btoa(JSON.stringify(value)).replaceAll('=', '').replaceAll('+', '-').replaceAll('/', '_');
const token = (claims: object) => `${part({ alg: 'HS256' })}.${part({ sub: 'ana', ...claims })}.c2ln`;
const good = () => token({ exp: Date.now() / 1_000 + 3_600 });

/** A socket that opens with the protocol that `speaks` gives for an offer; `undefined` fails. */
function socketThat(speaks: (offered: string | undefined) => string | undefined) {
  return class {
    onopen: (() => void) | null = null;
    onclose: (() => void) | null = null;
    protocol: string;
    constructor(_url: string, offered?: string) {
      const spoken = speaks(offered);
      this.protocol = spoken ?? '';
      queueMicrotask(() => (spoken === undefined ? this.onclose?.() : this.onopen?.()));
    }
    close() {}
  } as unknown as NonNullable<PulsewireOptions['WebSocket']>;
}
const OPENS = socketThat(offered => offered ?? '');
const FAILS = socketThat(() => undefined);

let client: Pulsewire | undefined;
let health: (mode: string | undefined) => Promise<Response>;
beforeEach(() => {
  health = async () => new Response('ok', { headers: { date: new Date().toUTCString() } });
  vi.stubGlobal('fetch', (_url: URL, { mode }: RequestInit) => health(mode));
});
afterEach(() => {
  client?.destroy();
  client = undefined;
  vi.unstubAllGlobals();
});
const diagnosis = (options: PulsewireOptions = {}, lang?: string) => {
  client = createPulsewire({ url: 'wss://relay.test/ws', WebSocket: OPENS, getToken: good, ...options });
  return client.diagnose(lang === undefined ? {} : { lang });
};

test.each<[string, PulsewireOptions]>([
  ['not_started', {}],
  ['not_started', { getToken: undefined }],
  ['url_invalid', { url: 'ftp://relay.test' }],
  ['token_missing', { getToken: () => '' }],
  ['token_malformed', { getToken: () => `Bearer ${good()}` }],
  ['token_malformed', { getToken: () => 'a.b.c' }],
  ['token_expired', { getToken: () => token({ exp: 1_700_000_000 }) }],
  ['token_unavailable', { getToken: () => Promise.reject(new Error('401 from the backend')) }],
  ['websocket_blocked', { WebSocket: FAILS }],
  ['subprotocol_refused', { WebSocket: socketThat(() => '') }],
  ['subprotocol_refused', { WebSocket: socketThat(offered => (offered === undefined ? '' : undefined)) }],
])('%s is found (%#)', async (code, options) => {
  const found = await diagnosis({ ...options });
  expect(found.code).toBe(code);
  expect(found.ok).toBe(false);
  expect(found.summary).toMatch(/\w/);
  expect(found.mend).toMatch(/\w/);
  expect(JSON.stringify(found)).not.toContain('eyJ');
});

test('a relay that answers neither way is unreachable; one of another origin that only answers is not', async () => {
  health = () => Promise.reject(new TypeError('Failed to fetch'));
  expect((await diagnosis({ WebSocket: FAILS })).code).toBe('relay_unreachable');
  health = mode => (mode === 'no-cors' ? Promise.resolve(new Response()) : Promise.reject(new TypeError('Failed to fetch')));
  expect((await diagnosis({ WebSocket: FAILS })).code).toBe('websocket_blocked');
});

test('a token that only this machine’s clock calls ended is a matter of the clock', async () => {
  health = async () => new Response('ok', { headers: { date: new Date(Date.now() - 7_200_000).toUTCString() } });
  const found = await diagnosis({ getToken: () => token({ exp: Date.now() / 1_000 - 3_600 }) });
  expect(found.code).toBe('clock_skew');
  expect(found.checks).toContainEqual({ name: 'clock', ok: false, detail: '-7200 s' });
});

test('it speaks Portuguese where it is asked to', async () => {
  expect((await diagnosis({ WebSocket: FAILS }, 'pt-BR')).summary).toBe('O relay responde por HTTP, mas o WebSocket está bloqueado.');
  expect((await diagnosis({ WebSocket: FAILS }, 'fr')).summary).toBe('The relay answers by HTTP, but WebSocket is blocked.');
});

test('a connected client is fine and tells its measures, and one that is signed out was refused', async () => {
  const relay = new FakeRelay();
  client = createPulsewire({ url: 'ws://relay.test/ws', WebSocket: relay.WebSocket, getToken: good });
  expect(client.quality()).toMatchObject({ grade: 'offline', reconnects: 0 });
  await client.connect();
  await vi.waitFor(() => expect(client?.connection.get().state).toBe('connected'));
  expect(client.quality()).toMatchObject({ grade: 'good', uptime: expect.any(Number), jitterMs: 0 });
  expect(client.quality().messagesPerSecond).toBeGreaterThan(0);
  expect(await client.diagnose()).toMatchObject({ code: 'ok', ok: true });
});
