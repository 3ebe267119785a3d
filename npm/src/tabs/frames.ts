/**
 * As much CBOR as it takes to tell messages apart and to give one another number: everything else stays the bytes it was.
 *
 * Keys and types stand in PROTOCOL.md, section 12. What cannot be read throws a `RangeError`: the caller gives the connection up,
 * and the cores on both sides of it find their places again.
 */

/** One entry of a map: its number, and where key and value lie. */
interface Entry {
  key: number;
  at: number;
  value: number;
  end: number;
}

function bad(): never {
  throw new RangeError('a frame that is no CBOR');
}

/** Major type, argument and the place behind the head. Of indefinite length: an argument of -1. */
function head(bytes: Uint8Array, at: number): [major: number, argument: number, next: number] {
  const first = bytes[at] ?? bad();
  const short = first & 31;
  const major = first >> 5;
  if (short < 24) return [major, short, at + 1];
  if (short === 31) return [major, -1, at + 1];
  const length = short > 27 ? bad() : 1 << (short - 24);
  if (at + 1 + length > bytes.length) bad();
  let argument = 0;
  for (let i = 1; i <= length; i += 1) argument = argument * 256 + (bytes[at + i] ?? 0);
  return [major, argument, at + 1 + length];
}

/** The place behind the item at `at`. */
function skip(bytes: Uint8Array, at: number, depth = 0): number {
  if (depth > 64) bad();
  const [major, argument, next] = head(bytes, at);
  let end = next;
  if (major === 2 || major === 3) {
    if (argument >= 0) end = next + argument;
    else {
      while (bytes[end] !== 0xff) end = skip(bytes, end, depth + 1);
      end += 1;
    }
  } else if (major === 4 || major === 5) {
    if (argument >= 0) for (let left = argument * (major - 3); left > 0; left -= 1) end = skip(bytes, end, depth + 1);
    else {
      while (bytes[end] !== 0xff) end = skip(bytes, end, depth + 1);
      end += 1;
    }
  } else if (major === 6) end = skip(bytes, next, depth + 1);
  else if (argument < 0) bad();
  return end > bytes.length ? bad() : end;
}

/** The messages of a frame. */
export function split(frame: Uint8Array): Message[] {
  const messages: Message[] = [];
  for (let at = 0; at < frame.length; ) {
    const end = skip(frame, at);
    messages.push(new Message(frame.subarray(at, end)));
    at = end;
  }
  return messages;
}

/** One map with numbers as keys: a message, or a part of one. */
export class Message {
  readonly bytes: Uint8Array;
  readonly #entries: Entry[] = [];

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    const [major, count, start] = head(bytes, 0);
    if (major !== 5) bad();
    for (let at = start, left = count; left !== 0 && !(count < 0 && bytes[at] === 0xff); left -= 1) {
      const [kind, key] = head(bytes, at);
      const value = skip(bytes, at);
      const end = skip(bytes, value);
      this.#entries.push({ key: kind === 0 ? key : -1, at, value, end });
      at = end;
    }
  }

  /** The bytes of a value. */
  raw(key: number): Uint8Array | undefined {
    const entry = this.#entries.find(one => one.key === key);
    // `null` is as good as absent.
    return entry === undefined || this.bytes[entry.value] === 0xf6 ? undefined : this.bytes.subarray(entry.value, entry.end);
  }
  number(key: number): number | undefined {
    const raw = this.raw(key);
    if (raw === undefined) return undefined;
    const [major, argument] = head(raw, 0);
    if (major === 0) return argument;
    const view = new DataView(raw.buffer, raw.byteOffset, raw.length);
    if (raw[0] === 0xfb) return view.getFloat64(1);
    return raw[0] === 0xfa ? view.getFloat32(1) : undefined;
  }
  text(key: number): string | undefined {
    const raw = this.raw(key);
    if (raw === undefined) return undefined;
    const [major, length, start] = head(raw, 0);
    return major === 3 && length >= 0 ? new TextDecoder().decode(raw.subarray(start)) : undefined;
  }
  /** The maps of a list. */
  list(key: number): Message[] {
    const raw = this.raw(key);
    if (raw === undefined) return [];
    const [major, count, start] = head(raw, 0);
    if (major !== 4) bad();
    const parts: Message[] = [];
    for (let at = start, left = count; left !== 0 && !(count < 0 && raw[at] === 0xff); left -= 1) {
      const end = skip(raw, at);
      parts.push(new Message(raw.subarray(at, end)));
      at = end;
    }
    return parts;
  }
  /** The same with other values: `undefined` leaves one out. */
  with(changes: Readonly<Record<number, Uint8Array | undefined>>): Message {
    const fields = new Map<number, Uint8Array | undefined>();
    for (const { key, value, end } of this.#entries) if (key >= 0) fields.set(key, this.bytes.subarray(value, end));
    for (const [key, value] of Object.entries(changes)) fields.set(Number(key), value);
    return message(fields);
  }
}

/** Writes a map. */
export function message(fields: Iterable<[number, Uint8Array | undefined]>): Message {
  const parts: Uint8Array[] = [];
  let count = 0;
  for (const [key, value] of [...fields].sort(([one], [other]) => one - other)) {
    if (value === undefined) continue;
    parts.push(uint(key), value);
    count += 1;
  }
  return new Message(join([headed(5, count), ...parts]));
}

export function list(parts: readonly Message[]): Uint8Array {
  return join([headed(4, parts.length), ...parts.map(part => part.bytes)]);
}
export function uint(value: number): Uint8Array {
  return headed(0, value);
}
export function text(value: string): Uint8Array {
  const bytes = new TextEncoder().encode(value);
  return join([headed(3, bytes.length), bytes]);
}

function headed(major: number, argument: number): Uint8Array {
  if (argument < 24) return Uint8Array.of((major << 5) | argument);
  const length = argument < 0x100 ? 1 : argument < 0x1_0000 ? 2 : argument < 0x1_0000_0000 ? 4 : 8;
  const bytes = new Uint8Array(1 + length);
  bytes[0] = (major << 5) | (24 + Math.log2(length));
  for (let i = length, left = argument; i > 0; i -= 1, left = Math.floor(left / 256)) bytes[i] = left % 256;
  return bytes;
}

export function join(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
