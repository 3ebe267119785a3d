// Who is let in: a plain WebSocket client and plain HTTP, written from the protocol document alone.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import WebSocket from 'ws';
import { eventually } from '../lib/eventually.mjs';
import { Relay, token } from '../lib/relay.mjs';

const STRANGE_SECRET = 'another-house-altogether-with-its-own-long-secret';

/** A client in JSON, as section 1 to 5 of the protocol say. */
class Plain {
  messages = [];

  static async open(url, options) {
    const client = new Plain();
    client.socket = new WebSocket(`${url.replace('http', 'ws')}/ws`, ['pulsewire.v1.json'], options);
    client.socket.on('message', (frame) => {
      for (const line of String(frame).split('\n')) if (line.trim() !== '') client.messages.push(JSON.parse(line));
    });
    client.closed = new Promise((resolve) => client.socket.once('close', (code, reason) => resolve({ code, reason: String(reason) })));
    await new Promise((resolve, reject) => {
      client.socket.once('open', resolve);
      client.socket.once('unexpected-response', (_, response) => {
        let body = '';
        response.on('data', (part) => (body += part)).on('end', () => reject(Object.assign(new Error('refused'), { status: response.statusCode, body })));
      });
      client.socket.once('error', reject);
    });
    return client;
  }

  send(message) {
    this.socket.send(JSON.stringify(message));
  }

  next(what, match) {
    return eventually(what, () => this.messages.find(match));
  }

  end() {
    this.socket.terminate();
  }
}

describe('the doors', () => {
  let relay;
  let nurse;
  let service;

  before(async () => {
    relay = await Relay.start();
    nurse = await token({ sub: 'nina', role: 'nurse', subscribe: ['device:*', 'tenant'], publish: [] });
    service = await token({ sub: 'backend', role: 'service' });
  });
  after(() => relay?.stop());

  test('a plain client connects, subscribes and receives', async () => {
    const client = await Plain.open(relay.url);
    assert.equal(client.socket.protocol, 'pulsewire.v1.json');
    client.send({ type: 'connect', id: 1, token: nurse, client: { name: 'e2e', version: '0', session: 's1' }, subscribe: [{ channel: 'device:bed-9' }] });
    const welcome = await client.next('a welcome', (message) => message.type === 'welcome');
    assert.equal(welcome.user, 'nina');
    assert.equal(welcome.tenant, 'demo');
    assert.ok(welcome.subscribed.some((entry) => entry.channel === 'device:bed-9' && typeof entry.epoch === 'string'));
    await relay.ingest('status', { deviceId: 'bed-9', status: 'maintenance', battery: 0.25 }, service);
    const event = await client.next('the status', (message) => message.type === 'event' && message.event === 'device_status');
    assert.equal(event.channel, 'device:bed-9');
    assert.deepEqual({ ...event.data, lastSeen: 0 }, { deviceId: 'bed-9', status: 'maintenance', battery: 0.25, lastSeen: 0 });
    client.end();
  });

  test('a token in the header opens the door at the upgrade', async () => {
    const client = await Plain.open(relay.url, { headers: { authorization: `Bearer ${nurse}` } });
    client.send({ type: 'connect', id: 1, client: { name: 'e2e', version: '0', session: 's2' } });
    await client.next('a welcome', (message) => message.type === 'welcome');
    client.end();
  });

  test('a channel outside the patterns is forbidden, and the connection stays', async () => {
    const client = await Plain.open(relay.url);
    client.send({ type: 'connect', id: 1, token: nurse, client: { name: 'e2e', version: '0', session: 's3' } });
    await client.next('a welcome', (message) => message.type === 'welcome');
    client.send({ type: 'subscribe', id: 2, channel: 'patient:1' });
    const error = await client.next('the refusal', (message) => message.type === 'error' && message.id === 2);
    assert.equal(error.code, 'forbidden');
    client.send({ type: 'ping', id: 3 });
    await client.next('the answer to a ping', (message) => message.type === 'reply' && message.id === 3);
    client.end();
  });

  const refusals = [
    ['an empty token', () => '', 'token_missing'],
    ['a token that is none', () => 'not-a-token', 'token_malformed'],
    ['a token of another secret', () => token({ sub: 'eve', subscribe: ['*'], secret: STRANGE_SECRET }), 'token_invalid'],
  ];
  for (const [what, make, code] of refusals) {
    test(`${what} is ${code}: 4401 on the WebSocket, 401 over HTTP`, async () => {
      const bad = await make();
      const client = await Plain.open(relay.url);
      client.send({ type: 'connect', id: 1, token: bad, client: { name: 'e2e', version: '0', session: 's4' } });
      const closed = await client.closed;
      assert.deepEqual(closed, { code: 4401, reason: code });

      const answer = await relay.post('/api/v1/devices/status', { deviceId: 'bed-9', status: 'online' }, bad);
      assert.equal(answer.status, 401);
      assert.match(answer.type, /application\/problem\+json/);
      assert.equal(answer.json.code, code);
    });
  }

  test('a bad token in the header is refused before the upgrade with 401 and the code', async () => {
    const bad = await token({ sub: 'eve', subscribe: ['*'], secret: STRANGE_SECRET });
    await assert.rejects(Plain.open(relay.url, { headers: { authorization: `Bearer ${bad}` } }), (error) => {
      assert.equal(error.status, 401);
      assert.equal(JSON.parse(error.body).code, 'token_invalid');
      return true;
    });
  });

  test('an expired token is token_expired', async () => {
    const short = await token({ sub: 'nina', role: 'nurse', ttl: '1s' });
    // 5 s of leeway are allowed after the end.
    await new Promise((resolve) => setTimeout(resolve, 6_600));
    const answer = await relay.post('/api/v1/devices/status', { deviceId: 'bed-9', status: 'online' }, short);
    assert.equal(answer.status, 401);
    assert.equal(answer.json.code, 'token_expired');
  });

  test('no token at all over HTTP is token_missing', async () => {
    const answer = await relay.post('/api/v1/devices/status', { deviceId: 'bed-9', status: 'online' });
    assert.equal(answer.status, 401);
    assert.equal(answer.json.code, 'token_missing');
  });

  test('a nurse may not ingest', async () => {
    const answer = await relay.post('/api/v1/devices/status', { deviceId: 'bed-9', status: 'online' }, nurse);
    assert.equal(answer.status, 403);
    assert.equal(answer.json.code, 'forbidden');
  });

  test("another tenant's events never reach a plain client that names the same channel", async () => {
    const theirs = await token({ sub: 'nina', tenant: 'other', subscribe: ['*'] });
    const client = await Plain.open(relay.url);
    client.send({ type: 'connect', id: 1, token: theirs, client: { name: 'e2e', version: '0', session: 's5' }, subscribe: [{ channel: 'device:bed-9', history: 10 }] });
    await client.next('a welcome', (message) => message.type === 'welcome');
    await relay.ingest('status', { deviceId: 'bed-9', status: 'offline' }, service);
    const otherService = await token({ sub: 'backend', tenant: 'other', role: 'service' });
    await relay.ingest('status', { deviceId: 'bed-9', status: 'online', battery: 0.42 }, otherService);
    await client.next('their own status', (message) => message.type === 'event' && message.data?.battery === 0.42);
    assert.equal(client.messages.filter((message) => message.type === 'event').length, 1);
    assert.ok(!JSON.stringify(client.messages).includes('maintenance'), 'no history of the first tenant either');
    client.end();
  });
});
