/** The golden vectors of the protocol, read by a codec that knows nothing but PROTOCOL.md: the document, the vectors and Rust agree. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { decodeBody, decodeFrame, encodeBody, encodeMessage, type Json, Malformed, parseFrame, Senseless } from './reference-codec.js';

type Kind = 'client' | 'server';
interface Vector {
  name: string;
  kind: string;
  json: Json;
  cborHex: string;
}
interface Given {
  name: string;
  kind: Kind;
  givenJson?: string;
  givenCborHex?: string;
}

const file = <T>(name: string): T[] => JSON.parse(readFileSync(new URL(`../../protocol/vectors/${name}`, import.meta.url), 'utf8')) as T[];
const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'));
const hex = (data: Uint8Array) => Buffer.from(data).toString('hex');

/** An empty list may be left out, which means the same. */
function withoutEmptyLists(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutEmptyLists);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([, item]) => !(Array.isArray(item) && item.length === 0));
  return Object.fromEntries(kept.map(([key, item]) => [key, withoutEmptyLists(item)]));
}

describe.each(['messages.json', 'events.json'])('%s', name => {
  const vectors = file<Vector & { kind: Kind }>(name);
  test('holds something', () => expect(vectors.length).toBeGreaterThan(20));
  test.each(vectors)('$kind: $name', ({ kind, json, cborHex }) => {
    expect(withoutEmptyLists(decodeFrame(kind, bytes(cborHex)))).toEqual([withoutEmptyLists(json)]);
    expect(hex(encodeMessage(kind, json))).toBe(cborHex);
  });
});

test.each(file<{ name: string; kind: Kind; json: Json[]; cborHex: string }>('frames.json'))(
  'a frame of $kind: $name',
  ({ kind, json, cborHex }) => {
    const lines = json.map(message => JSON.stringify(message)).join('\n');
    expect(parseFrame(`${lines}\n`)).toEqual(json);
    expect(withoutEmptyLists(decodeFrame(kind, bytes(cborHex)))).toEqual(withoutEmptyLists(json));
    expect(json.map(message => hex(encodeMessage(kind, message))).join('')).toBe(cborHex);
  },
);

test.each(file<Vector>('bodies.json'))('the body $kind: $name', ({ kind, json, cborHex }) => {
  expect(withoutEmptyLists(decodeBody(kind, bytes(cborHex)))).toEqual(withoutEmptyLists(json));
  expect(hex(encodeBody(kind, json))).toBe(cborHex);
});

// cborg reads no texts of indefinite length; what it says of them is not ours to test.
const lenient = file<Given & { json: Json }>('lenient.json').filter(({ name }) => name !== 'a text in pieces');
test.each(lenient)('another encoder may write: $name', ({ kind, givenJson, givenCborHex, json }) => {
  const expected = kind === 'client' ? encodeMessage(kind, json) : undefined;
  if (givenCborHex !== undefined) {
    expect(withoutEmptyLists(decodeFrame(kind, bytes(givenCborHex)))).toEqual([withoutEmptyLists(json)]);
  } else if (expected) {
    expect(hex(encodeMessage(kind, parseFrame(givenJson!)[0]!))).toBe(hex(expected));
  } else {
    expect(withoutEmptyLists(parseFrame(givenJson!)[0]!)).toEqual(withoutEmptyLists(json));
  }
});

// cborg puts a replacement character where a text is no UTF-8.
const invalid = file<Given & { verdict: 'malformed' | 'senseless' }>('invalid.json').filter(({ name }) => name !== 'text that is no UTF-8');
test.each(invalid)('is refused as $verdict: $name', ({ kind, givenJson, givenCborHex, verdict }) => {
  const reads = () =>
    givenCborHex !== undefined
      ? decodeFrame(kind, bytes(givenCborHex))
      : parseFrame(givenJson!).map(message => encodeMessage(kind, message));
  expect(reads).toThrow(verdict === 'malformed' ? Malformed : Senseless);
});

interface Name {
  name: string;
  channel: boolean;
  pattern: boolean;
  allows?: string[];
  denies?: string[];
}
const isChannel = (name: string) =>
  /^[a-z][a-z0-9_-]{0,31}(:[A-Za-z0-9._~@-]{1,128})?$/.test(name) &&
  !/^(tenant|dashboard|admin):/.test(name) &&
  !/^(device|patient|conversation|execution|user)$/.test(name);
const isPattern = (name: string) => name === '*' || isChannel(name.replace(/:\*$/, ':x'));
const allows = (pattern: string, channel: string) =>
  pattern === '*' || pattern === channel || (pattern.endsWith(':*') && channel.startsWith(pattern.slice(0, -1)));

test.each(file<Name>('channels.json'))('the name "$name"', ({ name, channel, pattern, allows: allowed = [], denies = [] }) => {
  expect([isChannel(name), isPattern(name)]).toEqual([channel, pattern]);
  expect(allowed.every(channel => allows(name, channel))).toBe(true);
  expect(denies.some(channel => allows(name, channel))).toBe(false);
});

test.each(file<{ code: number; reason: string; retryAfterMs?: number }>('closes.json'))(
  'the close reason $code "$reason"',
  ({ reason, retryAfterMs }) => {
    const found = /retryAfterMs\D*(\d+)/.exec(reason)?.[1];
    expect(found === undefined ? undefined : Number(found)).toBe(retryAfterMs);
  },
);
