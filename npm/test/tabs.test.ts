import { decode, encode } from 'cborg';
import { expect, test, vi } from 'vitest';
import { list, Message, message, split, text, uint } from '../src/tabs/frames.js';
import { Tabs } from '../src/tabs/index.js';
import { AGAIN, type Branch, Trunk } from '../src/tabs/trunk.js';
import { FakeRelay, map } from './fake-relay.js';

const bytes = (value: unknown) => encode(value, { float64: true });
const read = (one: Uint8Array) => decode(one, { useMaps: true }) as Map<number, unknown>;

test('messages are told apart, whatever is in them', () => {
  const values = [
    map({ 0: 4, 1: 'patient:ã', 5: 2 ** 40, 4: map({ 1: [1.5, -7, null, true], 2: new Uint8Array(300) }) }),
    map({ 0: 6, 1: 1.25 }),
    map({}),
  ];
  const frame = Uint8Array.from(values.flatMap(value => [...bytes(value)]));
  const messages = split(frame);
  expect(messages.map(one => read(one.bytes))).toEqual(values);
  expect([messages[0]?.number(0), messages[0]?.text(1), messages[0]?.number(5), messages[1]?.number(1)]).toEqual([
    4,
    'patient:ã',
    2 ** 40,
    1.25,
  ]);
  // Indefinite lengths, tags and keys that are texts are the relay's right.
  const odd = new Message(
    Uint8Array.from([0xbf, 0x00, 0x02, 0x61, 0x78, 0x9f, 0x01, 0xff, 0x02, 0x7f, 0x61, 0x61, 0xff, 0x03, 0xc1, 0x00, 0xff]),
  );
  expect(odd.number(0)).toBe(2);
  const changed = odd.with({ 0: uint(300), 9: text('b') });
  expect([changed.number(0), changed.text(9), changed.raw(2)?.length, changed.raw(3)?.length]).toEqual([300, 'b', 4, 2]);
});

test('another value in one place leaves the rest as it was', () => {
  for (const id of [0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 32, 2 ** 53 - 1]) {
    const one = new Message(bytes(map({ 0: 8, 1: 7, 5: '{"a":1}' })));
    expect(read(one.with({ 1: uint(id), 2: undefined }).bytes)).toEqual(map({ 0: 8, 1: id, 5: '{"a":1}' }));
  }
  const parts = [
    message([[1, text('a')]]),
    message([
      [1, text('b')],
      [2, undefined],
    ]),
  ];
  expect(decode(list(parts), { useMaps: true })).toEqual([map({ 1: 'a' }), map({ 1: 'b' })]);
  expect(
    message([[4, list(parts)]])
      .list(4)
      .map(part => part.text(1)),
  ).toEqual(['a', 'b']);
});

test('a tab that is hidden, or that nobody has touched, claims later than one that may sound', async () => {
  vi.useFakeTimers();
  const request = vi.fn(async (_name: string, _options: object, claim: (lock: object | null) => unknown) => void claim({}));
  vi.stubGlobal('addEventListener', () => {});
  vi.stubGlobal('removeEventListener', () => {});
  try {
    for (const [visibilityState, hasBeenActive, waits] of [
      ['visible', true, false],
      ['visible', undefined, false],
      ['visible', false, true],
      ['hidden', true, true],
    ] as const) {
      request.mockClear();
      vi.stubGlobal('document', { visibilityState, addEventListener: () => {}, removeEventListener: () => {} });
      const userActivation = hasBeenActive === undefined ? undefined : { hasBeenActive };
      vi.stubGlobal('navigator', { locks: { request }, userActivation });
      const first = new Tabs(() => undefined as never).isFirst('toast a');
      await vi.advanceTimersByTimeAsync(199);
      expect([visibilityState, hasBeenActive, request.mock.calls.length]).toEqual([visibilityState, hasBeenActive, waits ? 0 : 1]);
      await vi.advanceTimersByTimeAsync(1);
      expect(await first).toBe(true);
    }
  } finally {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  }
});

test('what is no CBOR is refused, whatever it is', () => {
  const whole = bytes(map({ 0: 4, 1: 'c', 4: [1, [2, 'x']] }));
  for (let length = 1; length < whole.length; length += 1) expect(() => split(whole.subarray(0, length)), `${length}`).toThrow(RangeError);
  for (const junk of [
    [0xff],
    [0x01],
    [0xbb, 255, 255, 255, 255, 255, 255, 255, 255],
    [0x1c],
    new Array(200).fill(0x81),
    [0xa1, 0x00, 0x5f],
  ]) {
    expect(() => split(Uint8Array.from(junk))).toThrow(RangeError);
  }
});

/** A trunk to a fake relay, and branches that write down what they get. */
function tree() {
  const relay = new FakeRelay();
  const trunk = new Trunk(() => new relay.WebSocket('ws://relay.test/ws', 'pulsewire.v1.cbor'));
  const branch = () => {
    const got: Map<number, unknown>[] = [];
    const one = { got, lost: vi.fn(), deliver: (frame: Uint8Array) => void got.push(...split(frame).map(part => read(part.bytes))) };
    const asBranch: Branch = { deliver: one.deliver, lose: one.lost };
    trunk.attach(asBranch);
    const say = (fields: Record<number, unknown>) => trunk.send(asBranch, bytes(map(fields)));
    const connect = (...channels: string[]) => say({ 0: 1, 1: 1, 2: 'token', 4: channels.map(channel => map({ 1: channel })) });
    return { ...one, say, connect, leave: () => trunk.detach(asBranch), is: (type: number) => got.filter(part => part.get(0) === type) };
  };
  return { relay, trunk, branch };
}
const soon = () => vi.waitFor(() => {});

test('a second branch is welcomed from real answers, at its own numbers, and gets its own channels only', async () => {
  const { relay, branch } = tree();
  const [first, second] = [branch(), branch()];
  first.connect('ward:1');
  await vi.waitFor(() => expect(first.is(1)).toHaveLength(1));
  second.connect('ward:1', 'ward:2');
  await vi.waitFor(() => expect(second.is(1)).toHaveLength(1));
  expect(relay.sockets).toHaveLength(1);
  expect(second.got[0]?.get(1)).toBe(1);
  expect(((second.got[0]?.get(11) ?? []) as Map<number, unknown>[]).map(entry => entry.get(2))).toEqual(['ward:1', 'ward:2']);
  relay.publish('ward:1', 'n', '1');
  relay.publish('ward:2', 'n', '2');
  expect(first.is(4).map(event => event.get(1))).toEqual(['ward:1']);
  expect(second.is(4).map(event => event.get(1))).toEqual(['ward:1', 'ward:2']);
  // Both ask under the same number, and each gets its own answer.
  first.say({ 0: 4, 1: 2, 2: 'ward:1', 3: 'n', 4: '1' });
  second.say({ 0: 8, 1: 2 });
  expect(first.is(8).map(reply => [reply.get(1), reply.get(2)])).toEqual([[2, 2]]);
  expect(second.is(8).map(reply => [reply.get(1), typeof reply.get(3)])).toEqual([[2, 'number']]);
});

test('a channel is let go when the last branch lets go, and a heartbeat is answered once', async () => {
  const { relay, branch } = tree();
  const [first, second] = [branch(), branch()];
  first.connect('ward:1');
  second.connect('ward:1');
  await vi.waitFor(() => expect(second.is(1)).toHaveLength(1));
  const unsubscribes = () => relay.socket.received.filter(({ type }) => type === 'unsubscribe').length;
  first.say({ 0: 3, 1: 9, 2: 'ward:1' });
  expect(first.is(3).map(answer => answer.get(1))).toEqual([9]);
  expect(unsubscribes()).toBe(0);
  relay.publish('ward:1', 'n', '1');
  expect([first.is(4).length, second.is(4).length]).toEqual([0, 1]);
  relay.socket.say({ 0: 6, 1: 5 });
  first.say({ 0: 7, 1: 5 });
  expect(relay.socket.received.filter(({ type }) => type === 'pong')).toHaveLength(1);
  expect([first.is(6).length, second.is(6).length]).toEqual([1, 1]);
  second.leave();
  await soon();
  expect(unsubscribes()).toBe(1);
  expect(relay.socket.closedWith).toBeUndefined();
  first.leave();
  expect(relay.socket.closedWith).toBe(1000);
});

test('the end of the connection is told to all with its code; what cannot be read ends it', async () => {
  const { relay, trunk, branch } = tree();
  const first = branch();
  first.connect();
  await vi.waitFor(() => expect(first.is(1)).toHaveLength(1));
  relay.socket.drop(4410, 'token_expired');
  expect(first.lost).toHaveBeenCalledExactlyOnceWith(4410, 'token_expired');
  const again = branch();
  again.connect();
  await vi.waitFor(() => expect(again.is(1)).toHaveLength(1));
  relay.socket.frame(Uint8Array.of(0xff).buffer);
  expect(again.lost).toHaveBeenCalledExactlyOnceWith(1006, '');
  const last = branch();
  last.connect();
  trunk.end(...AGAIN);
  expect(last.lost).toHaveBeenCalledExactlyOnceWith(...AGAIN);
});

test('one that joins while the first is not welcomed waits, and starts over where the first lets go', async () => {
  const { relay, branch } = tree();
  relay.automatic = false;
  const [first, second] = [branch(), branch()];
  first.connect('ward:1');
  second.connect('ward:2');
  first.leave();
  expect(second.lost).toHaveBeenCalledExactlyOnceWith(...AGAIN);
});

test('a branch that asks for less than another does not slow it down', async () => {
  const { relay, branch } = tree();
  const [fast, slow] = [branch(), branch()];
  fast.connect('ward:1');
  await vi.waitFor(() => expect(fast.is(1)).toHaveLength(1));
  slow.connect();
  await vi.waitFor(() => expect(slow.is(1)).toHaveLength(1));
  const rates = () => relay.socket.received.filter(({ type }) => type === 'subscribe').map(({ fields }) => fields.get(5));
  slow.say({ 0: 2, 1: 2, 2: 'ward:1', 5: 1 });
  expect(rates()).toEqual([undefined]);
  fast.say({ 0: 2, 1: 2, 2: 'ward:1', 5: 10 });
  expect(rates()).toEqual([undefined, 10]);
});

test('what the relay held back while it answered one branch is asked for by the others', async () => {
  const { relay, branch } = tree();
  const [first, second] = [branch(), branch()];
  first.connect('ward:1');
  await vi.waitFor(() => expect(first.is(1)).toHaveLength(1));
  relay.publish('ward:1', 'n', '1');
  // The relay is at 1, as the first branch is: nothing was held back.
  second.connect('ward:1');
  await vi.waitFor(() => expect(second.is(1)).toHaveLength(1));
  expect(first.is(2)).toHaveLength(0);
  // A publication that falls between the reading and the answer stands in the answer, and never comes as an event.
  relay.next('ward:1');
  second.say({ 0: 2, 1: 2, 2: 'ward:1', 3: map({ 1: 'e1', 2: 1 }) });
  expect(second.is(2)).toHaveLength(1);
  expect(first.is(2)).toEqual([map({ 0: 2, 2: 'ward:1', 3: 'e1', 4: 2, 5: false })]);
  // Told once.
  second.say({ 0: 2, 1: 3, 2: 'ward:1' });
  expect(first.is(2)).toHaveLength(1);
});

test('a core that is told so asks for what it missed', async () => {
  const { createPulsewire } = await import('../src/index.js');
  const relay = new FakeRelay();
  const part = (value: object) => btoa(JSON.stringify(value)).replaceAll('=', '');
  const jwt = `${part({ alg: 'HS256' })}.${part({ sub: 'ana', tenant: 'ward', exp: Date.now() / 1000 + 3600 })}.s`;
  const client = createPulsewire({ url: 'ws://relay.test/ws', WebSocket: relay.WebSocket, getToken: () => jwt });
  const channel = client.channel('ward:1');
  await client.connect();
  await vi.waitFor(() => expect(channel.state.get().phase).toBe('subscribed'));
  relay.publish('ward:1', 'n', '1');
  relay.socket.say({ 0: 2, 2: 'ward:1', 3: 'e1', 4: 2, 5: false });
  await vi.waitFor(() => {
    const asked = relay.socket.received.filter(({ type }) => type === 'subscribe').map(({ fields }) => fields.get(3));
    expect(asked).toEqual([map({ 1: 'e1', 2: 1 })]);
  });
  client.destroy();
});

test("a tab that joins with many channels holds up nobody else's words, and takes its questions along when it goes", async () => {
  const { relay, branch } = tree();
  const [first, second] = [branch(), branch()];
  first.connect('ward:1');
  await vi.waitFor(() => expect(first.is(1)).toHaveLength(1));
  second.connect(...Array.from({ length: 200 }, (_, index) => `device:${index}`));
  const asked = () => relay.socket.received.filter(({ type }) => type === 'subscribe').length;
  const early = asked();
  expect(early).toBeLessThan(60);
  first.say({ 0: 8, 1: 2 });
  await vi.waitFor(() => expect(first.is(8)).toHaveLength(1), 500);
  expect(asked()).toBeLessThan(early + 30);
  second.leave();
  // What was asked is taken back, and nothing more is asked.
  const last = asked();
  await vi.waitFor(() => expect(relay.socket.received.filter(({ type }) => type === 'unsubscribe')).toHaveLength(last), 5_000);
  expect(asked()).toBe(last);
}, 8_000);
