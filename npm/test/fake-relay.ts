/**
 * A relay for tests: a WebSocket class that speaks CBOR with the real wasm, and does only what a test tells it to.
 *
 * Numbers stand in PROTOCOL.md: key 0 is the type of a message.
 */

import { decode, encode } from 'cborg';

const CLIENT = ['', 'connect', 'subscribe', 'unsubscribe', 'publish', 'call', 'refresh', 'pong', 'ping'] as const;
export type ClientMessageType = (typeof CLIENT)[number];
export interface Received {
  type: ClientMessageType;
  /** By CBOR key. */
  fields: Map<number, unknown>;
}

/** Built-in events by their numbers. */
export const EVENT = {
  device_status: 1,
  telemetry: 2,
  alert: 3,
  dashboard_stats: 6,
  priority_update: 8,
  new_patient: 9,
  message_new: 10,
  message_status: 12,
  conversation_updated: 13,
  typing_start: 14,
  presence: 16,
  notification: 17,
  notification_read: 18,
  execution_update: 20,
} as const;

type Fields = Record<number, unknown>;
/** An object with numeric keys as the map that CBOR wants. */
export function map(fields: Fields): Map<number, unknown> {
  return new Map(
    Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [Number(key), value]),
  );
}

function encodeSequence(messages: Map<number, unknown>[]): ArrayBuffer {
  const parts = messages.map(message => encode(message, { float64: true }));
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all.buffer;
}

function decodeSequence(bytes: Uint8Array): Map<number, unknown>[] {
  const messages: Map<number, unknown>[] = [];
  // A client sends few messages in one frame; each is tried until it fits.
  for (let from = 0; from < bytes.length; ) {
    let to = from + 1;
    for (; to <= bytes.length; to++) {
      try {
        messages.push(decode(bytes.subarray(from, to), { useMaps: true }) as Map<number, unknown>);
        break;
      } catch {}
    }
    from = to;
  }
  return messages;
}

/** One socket of the client, seen from the relay. */
export class FakeSocket {
  binaryType = 'blob';
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onerror: (() => void) | null = null;
  /** Set once the client closed it. */
  closedWith: number | undefined;
  readonly received: Received[] = [];

  constructor(
    readonly relay: FakeRelay,
    readonly url: string,
    readonly protocols: string,
  ) {}

  send(data: ArrayBuffer): void {
    for (const fields of decodeSequence(new Uint8Array(data))) {
      const message = { type: CLIENT[fields.get(0) as number] as ClientMessageType, fields };
      this.received.push(message);
      this.relay.handle(this, message);
    }
  }
  close(code = 1005): void {
    this.closedWith ??= code;
  }

  open(): void {
    this.onopen?.();
  }
  /** Sends messages in one frame. */
  say(...messages: Fields[]): void {
    this.onmessage?.({ data: encodeSequence(messages.map(map)) });
  }
  frame(data: unknown): void {
    this.onmessage?.({ data });
  }
  drop(code = 1006, reason = ''): void {
    this.onclose?.({ code, reason });
  }
}

/** The relay, and the `WebSocket` constructor that leads to it. */
export class FakeRelay {
  readonly sockets: FakeSocket[] = [];
  /** Opens and welcomes by itself; a test that wants to see the steps turns it off. */
  automatic = true;
  /** Epochs by channel; channels not in here are new. */
  epoch = 'e1';
  readonly offsets = new Map<string, number>();
  readonly WebSocket: new (
    url: string,
    protocols?: string | string[],
  ) => WebSocket;

  constructor() {
    const accept = (url: string, protocols: string) => {
      const socket = new FakeSocket(this, url, protocols);
      this.sockets.push(socket);
      if (this.automatic) queueMicrotask(() => socket.open());
      return socket;
    };
    // Called with `new`, which an arrow function refuses.
    this.WebSocket = function open(url: string, protocols: string) {
      return accept(url, protocols);
    } as unknown as typeof this.WebSocket;
  }

  get socket(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (socket === undefined) throw new Error('no socket was opened');
    return socket;
  }

  handle(socket: FakeSocket, { type, fields }: Received): void {
    if (!this.automatic) return;
    if (type === 'connect') queueMicrotask(() => this.welcome(socket, fields));
    if (type === 'subscribe') socket.say({ 0: 2, ...this.subscribed(fields.get(2) as string), 1: fields.get(1) });
    if (type === 'unsubscribe') socket.say({ 0: 3, 1: fields.get(1), 2: fields.get(2) });
    if (type === 'ping') socket.say({ 0: 8, 1: fields.get(1), 3: Date.now() });
    if (type === 'publish') socket.say({ 0: 8, 1: fields.get(1), 2: this.next(fields.get(2) as string) });
  }

  welcome(socket: FakeSocket, connect: Map<number, unknown>): void {
    const wanted = (connect.get(4) ?? []) as Map<number, unknown>[];
    socket.say({
      0: 1,
      1: connect.get(1),
      2: 'c1',
      3: 'node-1',
      4: 'ana',
      5: 'ward',
      6: Date.now(),
      7: 30_000,
      8: 60_000,
      9: Date.now() + 3_600_000,
      10: map({ 1: 65_536, 2: 256, 3: 50, 4: 1_048_576 }),
      11: wanted.map(entry => map(this.subscribed(entry.get(1) as string))),
    });
  }

  subscribed(channel: string): Fields {
    return { 2: channel, 3: this.epoch, 4: this.offsets.get(channel) ?? 0, 5: true, 6: [], 7: [] };
  }

  next(channel: string): number {
    const offset = (this.offsets.get(channel) ?? 0) + 1;
    this.offsets.set(channel, offset);
    return offset;
  }

  /** Publishes to every open socket. */
  publish(channel: string, event: string | number, data: unknown): void {
    this.socket.say({ 0: 4, 1: channel, 2: event, 3: Date.now(), 4: data, 5: this.next(channel) });
  }
  /** What a user sends that no history keeps. */
  pass(channel: string, event: number, data: unknown, from?: { user: string; name: string }): void {
    this.socket.say({ 0: 4, 1: channel, 2: event, 3: Date.now(), 4: data, 7: from && map({ 1: from.user, 2: from.name }) });
  }

  alert(id: string, severity = 2): void {
    this.publish(
      'tenant',
      EVENT.alert,
      map({ 1: id, 2: 'patient-1', 3: 'Maria Oliveira', 5: 'heart_rate_high', 6: severity, 7: 'Heart rate 160', 8: Date.now() }),
    );
  }

  telemetry(device: string, metric: string, t: number[], v: number[]): void {
    const series = new Map([[metric, map({ 1: t, 2: v, 3: 'bpm' })]]);
    this.publish(`device:${device}`, EVENT.telemetry, map({ 1: device, 2: series }));
  }
}
