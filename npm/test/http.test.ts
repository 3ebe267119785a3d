import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { Http, httpBase } from '../src/http.js';

let handle: (request: IncomingMessage, response: ServerResponse) => void;
const server = createServer((request, response) => handle(request, response));
let url: string;
beforeAll(async () => {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/live/ws?token=no`;
});
afterAll(() => void server.close());

const post = (http: Http) => http.post(7, '/api/v1/poll', 'ey.token', Uint8Array.of(1, 2, 3));

test('the root of the relay is where its socket is', () => {
  expect(httpBase('wss://relay.test/ws')).toBe('https://relay.test');
  expect(httpBase('ws://relay.test:81/live/ws/?a=b')).toBe('http://relay.test:81/live');
  expect(httpBase('ws://relay.test/')).toBe('http://relay.test');
});

test('bytes go out with the token in a header and nowhere else, and bytes come back', async () => {
  const seen: unknown[] = [];
  handle = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', chunk => chunks.push(chunk));
    request.on('end', () => {
      const { authorization, accept, cookie } = request.headers;
      seen.push(request.method, request.url, authorization, accept, request.headers['content-type'], cookie, [...Buffer.concat(chunks)]);
      response.writeHead(200, { 'content-type': 'application/cbor' }).end(Buffer.of(0xa0));
    });
  };
  const answered = vi.fn();
  await post(new Http(url, answered));
  expect(seen).toEqual(['POST', '/live/api/v1/poll', 'Bearer ey.token', 'application/cbor', 'application/cbor', undefined, [1, 2, 3]]);
  expect(answered).toHaveBeenCalledExactlyOnceWith(7, 200, '', undefined, Uint8Array.of(0xa0));
});

test.each([
  [
    { 'content-type': 'application/problem+json', 'retry-after': '9' },
    '{"code":"unavailable","retryAfterMs":250}',
    [503, 'unavailable', 250],
  ],
  [{ 'content-type': 'application/problem+json', 'retry-after': '2' }, '{"code":"rate_limited"}', [503, 'rate_limited', 2000]],
  [{ 'content-type': 'application/problem+json' }, '{"code":7,"retryAfterMs":"x"}', [503, '', undefined]],
  [{ 'content-type': 'text/html' }, '<h1>sign in to the guest network</h1>', [503, '', undefined]],
  // It says JSON and is none: as good as no answer.
  [{ 'content-type': 'application/problem+json' }, '{', [0, '', undefined]],
])('an answer that is none of bytes: %o %s', async (headers, body, expected) => {
  handle = (_request, response) => void response.writeHead(503, headers).end(body);
  const answered = vi.fn();
  await post(new Http(url, answered));
  expect(answered).toHaveBeenCalledExactlyOnceWith(7, ...expected, new Uint8Array());
});

test('no network is an answer too', async () => {
  const answered = vi.fn();
  await post(new Http('ws://127.0.0.1:1/ws', answered));
  expect(answered).toHaveBeenCalledExactlyOnceWith(7, 0, '', undefined, new Uint8Array());
});

test('a request that is given up ends at the server, and says nothing more', async () => {
  const closed = new Promise(resolve => {
    handle = request => request.socket.on('close', resolve);
  });
  const answered = vi.fn();
  const http = new Http(url, answered);
  const posted = post(http);
  await new Promise(resolve => server.once('request', resolve));
  http.abortAll();
  await posted;
  await closed;
  expect(answered).not.toHaveBeenCalled();
});
