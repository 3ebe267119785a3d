/**
 * CBOR ↔ the JSON model of the protocol, in TypeScript and driven by tables: the codec of the fake relay.
 *
 * Apart from the Rust one, so that each checks the other: its tests (vectors.test.ts) run it with the tables of PROTOCOL.md itself, and
 * prove that the document is enough to write a client from. It is made for tests: clear, not fast.
 */
import { decodeFirst, encode as encodeItem, Tagged, Token, Type } from 'cborg';

/** The bytes are no CBOR, or the line is no JSON: a relay closes with 4400. */
export class Malformed extends Error {}
/** Readable, but no message: `error bad_request`. */
export class Senseless extends Error {}

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };
type Kind = 'client' | 'server';

export interface Field {
  key: number;
  name: string;
  type: string;
  optional: boolean;
}
/** Section 12 of PROTOCOL.md. */
export interface Tables {
  structs: Readonly<Record<string, readonly Field[]>>;
  types: Readonly<Record<Kind, Readonly<Record<string, number>>>>;
  events: readonly { number: number; name: string; data: string }[];
  enums: Readonly<Record<string, readonly { key: number; name: string }[]>>;
}

/** A number that is written as float64 even where it is whole. */
class Float {
  constructor(readonly value: number) {}
}
type Encodable = Map<number | string, Encodable> | Encodable[] | Float | Tagged | number | string | boolean;

const OPTIONS = {
  float64: true,
  mapSorter: () => 0, // Maps are made in the order they are written in.
  typeEncoders: { Object: (value: unknown) => (value instanceof Float ? [new Token(Type.float, value.value)] : null) },
};

const senseless = (path: string, what: string): never => {
  throw new Senseless(`${path}: expected ${what}`);
};
const isObject = (value: Json | undefined): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);
const finite = (value: unknown, path: string): number =>
  typeof value === 'number' && Number.isFinite(value) ? value : senseless(path, 'a finite number');
const whole = (value: unknown, path: string): number => {
  const number = typeof value === 'bigint' ? Number(value) : finite(value, path);
  return Number.isInteger(number) && number >= 0 && number <= 2 ** 53 && value !== 9007199254740993n
    ? number
    : senseless(path, 'an unsigned integer');
};
const text = (value: unknown, path: string): string => (typeof value === 'string' ? value : senseless(path, 'text'));

/** The items of a type that is a list, each by `item`; of any other type nothing. */
function itemsOf<From, To>(
  type: string,
  value: From | From[],
  path: string,
  item: (type: string, value: From, path: string) => To,
): To[] | undefined {
  const list = /^list of (.*)$/.exec(type)?.[1];
  if (!list) return undefined;
  if (!Array.isArray(value)) return senseless(path, 'a list');
  return value.map((one: From, index) => item(list, one, `${path}[${index}]`));
}

function columnBytes(numbers: number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(numbers.length * 8));
  numbers.forEach((number, index) => {
    view.setFloat64(index * 8, number, true);
  });
  return new Uint8Array(view.buffer);
}

function columnNumbers(width: 4 | 8, content: unknown): number[] {
  if (!(content instanceof Uint8Array) || content.length % width !== 0) throw new Senseless('column: no whole number of elements');
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  return Array.from({ length: content.length / width }, (_, index) =>
    width === 8 ? view.getFloat64(index * 8, true) : view.getFloat32(index * 4, true),
  );
}

const RESULTS = ['offset', 'serverTime', 'expiresAt'];

const BODIES: Record<string, string> = {
  poll_request: 'PollRequest',
  poll_response: 'PollResponse',
  publish_items: 'list of PublishItem',
  publish_outcomes: 'list of PublishOutcome',
};

export function createCodec({ structs, types, events, enums }: Tables) {
  const shape = (name: string): readonly Field[] => {
    const found = structs[name];
    if (!found) throw new Error(`the protocol says nothing of ${name}`);
    return found;
  };
  // ---- JSON → CBOR

  function write(type: string, value: Json, path: string): Encodable {
    const items = itemsOf(type, value, path, write);
    if (items) return items;
    const words = enums[type];
    if (words) return words.find(word => word.name === value)?.key ?? senseless(path, type);
    switch (type) {
      case 'text':
        return text(value, path);
      case 'int':
        return whole(value, path);
      case 'number':
        return new Float(finite(value, path));
      case 'time':
        return Number.isInteger(finite(value, path)) ? (value as number) : new Float(value as number);
      case 'bool':
        return typeof value === 'boolean' ? value : senseless(path, 'true or false');
      case 'json':
        return JSON.stringify(value);
      case 'column':
        if (!Array.isArray(value)) return senseless(path, 'a list of numbers');
        return new Tagged(86, columnBytes(value.map((item, index) => finite(item, `${path}[${index}]`))));
      case 'map of metric':
        if (!isObject(value)) return senseless(path, 'an object');
        return new Map(Object.entries(value).map(([metric, series]) => [metric, writeStruct('Series', series, `${path}.${metric}`)]));
      case 'Subscribed or Refused':
        return writeStruct(isObject(value) && isObject(value.error) ? 'Refused' : 'Subscribed', value, path);
      default:
        return writeStruct(type, value, path);
    }
  }

  function writeStruct(name: string, value: Json, path: string): Map<number | string, Encodable> {
    if (!isObject(value)) return senseless(path, 'an object');
    // "in JSON `data` is that object"
    if (name === 'PatientChange') {
      return new Map<number | string, Encodable>([
        [1, text(value.patientId, `${path}.patientId`)],
        [2, JSON.stringify(value)],
      ]);
    }
    return new Map(writeFields(shape(name), value, path));
  }

  function writeFields(shape: readonly Field[], value: JsonObject, path: string): [number, Encodable][] {
    const entries: [number, Encodable][] = [];
    const event = events.find(event => event.name === value.event);
    for (const { key, name, type, optional } of [...shape].sort((a, b) => a.key - b.key)) {
      const given = value[name];
      const at = `${path}.${name}`;
      if (name === 'event' && type === 'event') {
        entries.push([key, event?.number ?? text(given, at)]);
      } else if (name === 'data' && type === 'data') {
        entries.push([key, event ? writeStruct(event.data, given ?? null, at) : JSON.stringify(given ?? null)]);
      } else if (given === undefined || given === null || (optional && Array.isArray(given) && given.length === 0)) {
        if (!optional) senseless(at, 'a value');
      } else {
        entries.push([key, write(type, given, at)]);
      }
    }
    return entries;
  }

  /** Writes one message of the JSON model as CBOR. */
  function encodeMessage(kind: Kind, message: Json): Uint8Array {
    if (!isObject(message)) return senseless('message', 'an object');
    const type = types[kind][text(message.type, 'type')] ?? senseless('type', 'a known type');
    if (kind === 'client' && message.type !== 'pong' && !(whole(message.id, 'id') > 0)) senseless('id', 'a positive integer');
    let given = message;
    let known = shape(message.type as string);
    if (message.type === 'reply') {
      const { result } = message;
      const fixed = isObject(result) && Object.keys(result).length === 1 ? RESULTS.find(name => name in result) : undefined;
      given = fixed ? { ...message, [fixed]: (result as JsonObject)[fixed]! } : message;
      known = known.filter(field => field.name === 'id' || field.name === (fixed ?? 'result'));
    }
    return encodeItem(new Map<number, Encodable>([[0, type], ...writeFields(known, given, 'message')]), OPTIONS);
  }

  /** Writes the body of an HTTP request or answer. */
  const encodeBody = (kind: string, body: Json): Uint8Array => encodeItem(write(BODIES[kind]!, body, 'body'), OPTIONS);

  // ---- CBOR → JSON

  function read(type: string, value: unknown, path: string): Json {
    const items = itemsOf(type, value, path, read);
    if (items) return items;
    const words = enums[type];
    if (words) return words.find(word => word.key === value)?.name ?? senseless(path, type);
    switch (type) {
      case 'text':
        return text(value, path);
      case 'int':
        return whole(value, path);
      case 'number':
      case 'time':
        return finite(value, path);
      case 'bool':
        return typeof value === 'boolean' ? value : senseless(path, 'true or false');
      case 'json':
        return parse(text(value, path), path);
      case 'column':
        if (!Array.isArray(value)) return senseless(path, 'a column');
        return value.map((item, index) => finite(item, `${path}[${index}]`));
      case 'map of metric':
        if (!(value instanceof Map)) return senseless(path, 'a map');
        return Object.fromEntries([...value].map(([metric, series]) => [metric, readStruct('Series', series, `${path}.${metric}`)]));
      case 'Subscribed or Refused':
        return readStruct(value instanceof Map && value.has(9) ? 'Refused' : 'Subscribed', value, path);
      default:
        return readStruct(type, value, path);
    }
  }

  function parse(json: string, path: string): Json {
    try {
      return JSON.parse(json) as Json;
    } catch {
      return senseless(path, 'JSON');
    }
  }

  function readStruct(name: string, value: unknown, path: string): Json {
    if (!(value instanceof Map)) return senseless(path, 'a map');
    if (name === 'PatientChange') return parse(text(value.get(2), path), path);
    return readFields(shape(name), value, path, name === 'PublishItem' ? 'client' : 'server');
  }

  function readFields(shape: readonly Field[], map: Map<unknown, unknown>, path: string, kind: Kind): JsonObject {
    const result: JsonObject = {};
    const eventKey = shape.find(field => field.name === 'event' && field.type === 'event')?.key;
    const given = eventKey === undefined ? undefined : map.get(eventKey);
    const event = events.find(event => event.number === given || event.name === given);
    for (const { key, name, type, optional } of shape) {
      const value = map.get(key);
      const at = `${path}.${name}`;
      if (name === 'event' && type === 'event') {
        if (event) result.event = event.name;
        else if (typeof given === 'number' && kind === 'server') result.event = `#${given}`;
        else result.event = text(given, at);
      } else if (name === 'data' && type === 'data') {
        if (value === undefined) senseless(at, 'data');
        if (event) result.data = typeof value === 'string' ? parse(value, at) : readStruct(event.data, value, at);
        else result.data = typeof given === 'number' ? null : parse(text(value, at), at);
      } else if (value === undefined || value === null) {
        if (!optional) senseless(at, 'a value');
        if (type.startsWith('list of')) result[name] = [];
      } else {
        result[name] = read(type, value, at);
      }
    }
    return result;
  }

  function readMessage(kind: Kind, item: unknown): JsonObject {
    if (!(item instanceof Map)) return senseless('message', 'a map');
    const name = Object.entries(types[kind]).find(([, number]) => number === item.get(0))?.[0] ?? senseless('type', 'a known type');
    if (name === 'reply') {
      const known = shape('reply').filter(field => item.has(field.key));
      const { id, result, ...fixed } = readFields(known, item, name, kind);
      if (id === undefined) senseless('id', 'an id');
      return { type: name, id: id!, result: result === undefined ? fixed : result };
    }
    const message = { type: name, ...readFields(shape(name), item, name, kind) } as JsonObject;
    if (kind === 'client' && name !== 'pong' && message.id === 0) senseless('id', 'a positive integer');
    return message;
  }

  function readItem(bytes: Uint8Array): [unknown, Uint8Array] {
    const tags = Object.fromEntries(
      Array.from({ length: 100 }, (_, tag) => [
        tag,
        (inner: () => unknown) => (tag === 86 ? columnNumbers(8, inner()) : tag === 85 ? columnNumbers(4, inner()) : inner()),
      ]),
    );
    try {
      return decodeFirst(bytes, { useMaps: true, tags }) as [unknown, Uint8Array];
    } catch (error) {
      if (error instanceof Senseless) throw error;
      throw new Malformed(String(error));
    }
  }

  /** Reads a CBOR frame into the JSON model. */
  function decodeFrame(kind: Kind, frame: Uint8Array): Json[] {
    const messages: Json[] = [];
    for (let rest = frame; rest.length > 0; ) {
      const [item, behind] = readItem(rest);
      messages.push(readMessage(kind, item));
      rest = behind;
    }
    return messages;
  }

  /** Reads the body of an HTTP request or answer. */
  function decodeBody(kind: string, body: Uint8Array): Json {
    const [item, behind] = readItem(body);
    if (behind.length > 0) throw new Malformed('bytes follow the body');
    return read(BODIES[kind]!, item, 'body');
  }

  /** Reads a JSON frame. */
  function parseFrame(frame: string): Json[] {
    return frame
      .split('\n')
      .filter(line => line.trim() !== '')
      .map(line => {
        try {
          return JSON.parse(line) as Json;
        } catch (error) {
          throw new Malformed(String(error));
        }
      });
  }

  return { encodeMessage, encodeBody, decodeFrame, decodeBody, parseFrame };
}
