/**
 * As much of the wire's CBOR as breaking it takes: which frame answers a heartbeat, and a `refresh` of our own (PROTOCOL.md, section 12).
 *
 * A message is a map whose key 0 is its type; the package writes definite lengths and ascending keys, and so does the relay.
 */
const PONG = 7;
const REFRESH = 6;
const REPLY = 8;
const ERROR = 9;

function bytesOf(data: unknown): Uint8Array | undefined {
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  return ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : undefined;
}

/** The type of a message; nothing where it cannot be told. */
function typeOf(bytes: Uint8Array): number | undefined {
  const [head, key, type] = bytes;
  const isMap = head !== undefined && head >= 0xa0 && head <= 0xb7;
  return isMap && key === 0 && type !== undefined && type < 24 ? type : undefined;
}

/** Whether the frame answers a heartbeat. */
export function isPong(data: unknown): boolean {
  const bytes = bytesOf(data);
  return bytes !== undefined && typeOf(bytes) === PONG;
}

/** Whether the frame answers the command of this id (of 32 bits), and how. */
export function isAnswerTo(id: number, data: unknown): 'done' | 'refused' | undefined {
  const bytes = bytesOf(data);
  if (bytes === undefined || bytes.length < 9) return undefined;
  const type = typeOf(bytes);
  if (type !== REPLY && type !== ERROR) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // Key 1, then an integer of four bytes.
  if (view.getUint8(3) !== 1 || view.getUint8(4) !== 0x1a || view.getUint32(5) !== id) return undefined;
  return type === REPLY ? 'done' : 'refused';
}

/** `refresh`: `{0: 6, 1: id, 2: token}`. */
export function refreshMessage(id: number, token: string): ArrayBuffer {
  const text = new TextEncoder().encode(token);
  if (text.length > 0xffff) throw new Error('a token of more than 65,535 bytes');
  const bytes = new Uint8Array(13 + text.length);
  const view = new DataView(bytes.buffer);
  bytes.set([0xa3, 0, REFRESH, 1, 0x1a]);
  view.setUint32(5, id);
  bytes.set([2, 0x79], 9); // a text whose length takes two bytes
  view.setUint16(11, text.length);
  bytes.set(text, 13);
  return bytes.buffer;
}
