import { afterEach, expect, test, vi } from 'vitest';
import { socketUrl } from '../src/url.js';

afterEach(() => vi.unstubAllGlobals());

const page = (href: string) => vi.stubGlobal('location', new URL(href));

test.each([
  ['wss://relay.example/ws', 'wss://relay.example/ws'],
  ['wss://relay.example', 'wss://relay.example/ws'],
  ['wss://relay.example/live', 'wss://relay.example/live'],
  ['https://relay.example', 'wss://relay.example/ws'],
  ['https://relay.example/', 'wss://relay.example/ws'],
  ['https://relay.example/ws', 'wss://relay.example/ws'],
  ['https://relay.example/pulse', 'wss://relay.example/pulse/ws'],
  ['https://relay.example/pulse/', 'wss://relay.example/pulse/ws'],
  ['http://127.0.0.1:8080', 'ws://127.0.0.1:8080/ws'],
  ['ws://127.0.0.1:8080/ws#part', 'ws://127.0.0.1:8080/ws'],
  ['wss://relay.example/ws?via=a', 'wss://relay.example/ws?via=a'],
])('%s becomes %s', (given, address) => {
  expect(socketUrl(given)).toBe(address);
});

test.each([
  [undefined, 'wss://ward.example/ws'],
  ['/ws', 'wss://ward.example/ws'],
  ['/live', 'wss://ward.example/live'],
  ['//relay.example', 'wss://relay.example/ws'],
])('on a page, %s is taken from its origin', (given, address) => {
  page('https://ward.example/patients/1?x=1#top');
  expect(socketUrl(given)).toBe(address);
});

test('each environment has its own address', () => {
  const urls = { development: 'ws://localhost:8080/ws', production: 'wss://relay.example/ws' };
  vi.stubEnv('NODE_ENV', 'production');
  expect(socketUrl(urls)).toBe(urls.production);
  vi.stubEnv('NODE_ENV', 'development');
  expect(socketUrl(urls)).toBe(urls.development);
  vi.unstubAllEnvs();
});

test('without bundler and process, the host tells development from production', () => {
  const urls = { development: 'ws://localhost:8080/ws', production: 'wss://relay.example/ws' };
  vi.stubGlobal('process', undefined);
  page('http://localhost:5173/');
  const development = socketUrl(urls);
  page('https://ward.example/');
  const production = socketUrl(urls);
  vi.unstubAllGlobals();
  expect([development, production]).toEqual([urls.development, urls.production]);
});

test('a path outside of a page says what to give instead', () => {
  expect(() => socketUrl('/ws')).toThrowError(expect.objectContaining({ code: 'bad_url', message: expect.stringContaining('wss://') }));
});

test.each(['ftp://relay.example', 'javascript:alert(1)'])('%s is refused by its scheme', given => {
  expect(() => socketUrl(given)).toThrowError(expect.objectContaining({ code: 'bad_url', message: expect.stringContaining('scheme') }));
});
