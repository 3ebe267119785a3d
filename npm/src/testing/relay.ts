/**
 * A relay in memory for an app's own tests: a `WebSocket` constructor that speaks the real protocol (CBOR, positions, recovery) with the
 * real client, and does what the test tells it to.
 *
 * It keeps what a client can notice: epochs and offsets, history, the newest of retained events, idempotency keys, viewers, heartbeats. It
 * checks no rights but those that the test refuses, merges nothing, and has no HTTP side: with `polling: false` in the client's options a
 * test sees no requests. A connection opens, and an answer comes, a microtask later; what the test publishes is delivered at once.
 */
import type { DataOf, Untyped } from '../schema.js';
import type { PulsewireOptions, RelayErrorCode } from '../types.js';
import { createCodec, type Json, type JsonObject, Malformed } from './codec.js';
import { TABLES } from './tables.js';

const codec = createCodec(TABLES);

const RETAINED = ['device_status', 'dashboard_stats', 'execution_update'];
const UNKEPT = ['typing_start', 'typing_stop', 'presence'];
/** Publications that a channel keeps. */
const HISTORY = 1_000;

/** A message of the client, as PROTOCOL.md names its fields: `{ type: 'publish', channel, event, data, … }`. */
export type ReceivedMessage = JsonObject & { type: string };
export interface FakeRelayOptions {
  /** How long a silent connection is taken for a living one; 60,000. Heartbeats come twice as often. */
  timeoutMs?: number;
}
export interface FakeTokenClaims {
  sub?: string;
  name?: string;
  tenant?: string;
  expiresInMs?: number;
}
export interface Author {
  user: string;
  name: string;
}
type Publication = JsonObject & { event: string };
interface Channel {
  offset: number;
  history: Publication[];
  state: Map<string, Publication>;
}
type TokenProblem = 'token_missing' | 'token_malformed' | 'token_expired' | 'token_invalid';

/** One connection, seen from the relay; for the client it is its socket. */
class Socket {
  binaryType = 'blob';
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  readyState = 0;
  user: Author | undefined;
  readonly channels = new Set<string>();
  readonly url: string;
  readonly #relay: FakeRelay;
  #waiting: Json[] = [];

  constructor(relay: FakeRelay, url: string) {
    this.#relay = relay;
    this.url = url;
  }

  open(): void {
    if (this.readyState !== 0) return;
    this.readyState = 1;
    this.onopen?.();
  }
  send(data: ArrayBuffer | Uint8Array): void {
    if (this.readyState !== 1) return;
    let messages: Json[];
    try {
      messages = codec.decodeFrame('client', new Uint8Array(data as ArrayBuffer));
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      this.end(4400, error.message);
      return;
    }
    for (const message of messages) this.#relay.handle(this, message as ReceivedMessage);
  }
  /** An answer: after the call that it answers. */
  answer(message: JsonObject): void {
    this.#waiting.push(message);
    queueMicrotask(() => this.flush());
  }
  /** At once, behind what waits. */
  say(message: JsonObject): void {
    this.#waiting.push(message);
    this.flush();
  }
  flush(): void {
    if (this.#relay.silent) this.#waiting = [];
    for (const message of this.#waiting.splice(0)) {
      // A copy: in Node the bytes are a part of something larger.
      if (this.readyState === 1) this.onmessage?.({ data: new Uint8Array(codec.encodeMessage('server', message)).buffer });
    }
  }
  close(code = 1000): void {
    this.end(code, '', false);
  }
  end(code: number, reason: string, told = true): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.#relay.gone(this);
    if (told) this.onclose?.({ code, reason });
  }
}

/** What `createFakeRelay()` gives: a relay in this process, and what a test does to it. */
export class FakeRelay {
  /** For `createPulsewire({ WebSocket: relay.WebSocket })`. */
  readonly WebSocket: NonNullable<PulsewireOptions['WebSocket']>;
  /** Everything that clients sent, oldest first. */
  readonly received: ReceivedMessage[] = [];
  /** How many connections were opened so far. */
  opened = 0;
  /** While true nothing goes out and nothing is answered, over connections that stay open: a network that swallows. */
  silent = false;
  /** While false every new connection fails, as without a network. */
  reachable = true;
  readonly #timeoutMs: number;
  readonly #sockets = new Set<Socket>();
  #channels = new Map<string, Channel>();
  #keys = new Map<string, number>();
  #epoch = 1;
  #ids = 0;
  #tokenProblem: TokenProblem | undefined;
  readonly #refused = new Map<string, RelayErrorCode>();
  readonly #calls = new Map<string, (params: Json) => unknown>();
  #beating: ReturnType<typeof setInterval> | undefined;

  constructor({ timeoutMs = 60_000 }: FakeRelayOptions = {}) {
    this.#timeoutMs = timeoutMs;
    const connect = (url: string) => this.#connect(url);
    // Called with `new`, which an arrow function refuses; what it returns is what `new` gives.
    this.WebSocket = function open(url: string) {
      return connect(url);
    } as unknown as FakeRelay['WebSocket'];
  }

  /** A token that this relay takes, for `getToken`; it is not signed. */
  token({ sub = 'ana', name, tenant = 'ward', expiresInMs = 3_600_000 }: FakeTokenClaims = {}): string {
    const part = (value: object) =>
      btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify(value))))
        .replaceAll('=', '')
        .replaceAll('+', '-')
        .replaceAll('/', '_');
    return [part({ alg: 'HS256' }), part({ sub, name: name ?? sub, tenant, exp: (Date.now() + expiresInMs) / 1000 }), 'unsigned'].join('.');
  }
  /** From now on every token is refused, with this code; without one they are taken again. */
  refuseTokens(code: TokenProblem | undefined = 'token_invalid'): void {
    this.#tokenProblem = code;
  }
  acceptTokens(): void {
    this.#tokenProblem = undefined;
  }
  /** From now on a channel, or a `kind:*`, cannot be subscribed to. */
  refuseChannel(pattern: string, code: RelayErrorCode = 'forbidden'): void {
    this.#refused.set(pattern, code);
  }
  /** Answers a `call`; what `run` throws is told as `internal`. Methods without an answer are `not_found`. */
  onCall(method: string, run: (params: Json) => unknown): void {
    this.#calls.set(method, run);
  }

  /** Publishes as a backend does, or as a user where `from` says so. An alert reaches the tenant too, by one id. */
  publish<Event extends string>(channel: string, event: Event, data: DataOf<Untyped, Event>, { from }: { from?: Author } = {}): void {
    const now = Date.now();
    // As JSON would carry it: what is absent is left out, typed arrays are columns.
    const copy = JSON.parse(
      JSON.stringify(data ?? null, (_, value) => (ArrayBuffer.isView(value) ? [...(value as never)] : value)),
    ) as Json;
    const filled = copy as JsonObject;
    if (event === 'alert' || event === 'notification') {
      filled.id ??= `${event}-${++this.#ids}`;
      filled.ts ??= now;
    }
    if (event === 'device_status') filled.lastSeen ??= now;
    this.#publish(channel, event, copy, from);
    if (event === 'alert' && channel !== 'tenant') this.#publish('tenant', event, copy, from);
  }
  /** Tells everyone on a channel who looks at it. */
  viewers(channel: string, names: readonly string[], count = names.length): void {
    this.#tell(channel, { type: 'viewers', channel, count, names: names.slice(0, 20) });
  }
  /** A heartbeat now; they also come by the clock. */
  beat(): void {
    for (const socket of this.#sockets) if (socket.user) socket.say({ type: 'heartbeat', ts: Date.now() });
  }
  /** Ends every connection. 1006 is what a client sees where the network broke. */
  drop({ code = 1006, reason = '' }: { code?: number; reason?: string } = {}): void {
    for (const socket of [...this.#sockets]) socket.end(code, reason);
  }
  /** As if the process had died: connections end, history and keys are gone, and with the new epoch clients are told to reload. */
  restart(): void {
    this.#channels = new Map();
    this.#keys = new Map();
    this.#epoch++;
    this.drop();
  }

  /** What clients are subscribed to now, over all connections. */
  get subscriptions(): string[] {
    return [...new Set([...this.#sockets].flatMap(socket => [...socket.channels]))].sort();
  }
  /** How many connections are welcomed and open. */
  get connections(): number {
    return [...this.#sockets].filter(({ user }) => user !== undefined).length;
  }
  /** The messages of one type, such as `publish`. */
  receivedOf(type: string): ReceivedMessage[] {
    return this.received.filter(message => message.type === type);
  }

  /** @internal */
  handle(socket: Socket, message: ReceivedMessage): void {
    this.received.push(message);
    if (this.silent || message.type === 'pong') return;
    const answer = this.#answerTo(socket, message);
    if (answer !== undefined) socket.answer(answer);
  }
  /** @internal */
  gone(socket: Socket): void {
    this.#sockets.delete(socket);
    if (this.#sockets.size > 0) return;
    clearInterval(this.#beating);
    this.#beating = undefined;
  }

  #answerTo(socket: Socket, message: ReceivedMessage): JsonObject | undefined {
    const { id = 0 } = message;
    if (message.type === 'connect') return this.#welcome(socket, message);
    if (!socket.user) return problem('bad_request', 'connect comes first', { id });
    const channel = String(message.channel ?? '');
    switch (message.type) {
      case 'subscribe': {
        const entry = this.#subscribe(socket, message);
        return 'error' in entry ? { type: 'error', id, channel, ...(entry.error as JsonObject) } : { type: 'subscribed', id, ...entry };
      }
      case 'unsubscribe':
        socket.channels.delete(channel);
        return { type: 'unsubscribed', id, channel };
      case 'publish':
        return { type: 'reply', id, result: { offset: this.#take(socket, message, socket.user) } };
      case 'ping':
        return { type: 'reply', id, result: { serverTime: Date.now() } };
      case 'refresh':
        if (this.#tokenProblem === undefined) return { type: 'reply', id, result: { expiresAt: claims(message.token).exp * 1000 } };
        return end(socket, this.#tokenProblem);
      case 'call':
        return this.#call(socket, id, String(message.method), message.params ?? null);
      default:
        return problem('bad_request', `unknown type ${message.type}`, { id });
    }
  }

  #connect(url: string): Socket {
    const socket = new Socket(this, url);
    this.opened++;
    this.#sockets.add(socket);
    this.#beating ??= setInterval(() => this.beat(), this.#timeoutMs / 2);
    queueMicrotask(() => (this.reachable ? socket.open() : socket.end(1006, '')));
    return socket;
  }

  #welcome(socket: Socket, { id = 0, token, subscribe = [] }: ReceivedMessage): JsonObject | undefined {
    const { sub, name, tenant, exp } = claims(token);
    const refused = this.#tokenProblem ?? (token ? undefined : 'token_missing') ?? (sub === '' ? 'token_malformed' : undefined);
    if (refused) return end(socket, refused);
    socket.user = { user: sub, name };
    const wanted = subscribe as ({ channel: string } & JsonObject)[];
    const own = [`user:${sub}`, 'tenant'].filter(channel => !wanted.some(entry => entry.channel === channel)).map(channel => ({ channel }));
    const now = Date.now();
    return {
      type: 'welcome',
      id,
      connection: `connection-${this.opened}`,
      node: 'fake',
      user: sub,
      tenant,
      serverTime: now,
      heartbeatMs: this.#timeoutMs / 2,
      timeoutMs: this.#timeoutMs,
      expiresAt: exp * 1000,
      limits: { maxMessageBytes: 65_536, maxSubscriptions: 256, messagesPerSecond: 50, recoveryBytes: 1_048_576 },
      subscribed: [...own, ...wanted].map(entry => this.#subscribe(socket, entry)),
    };
  }

  #subscribe(socket: Socket, { channel: name, recover, history }: JsonObject): JsonObject {
    const channel = String(name);
    const newest = Number(history ?? 0);
    const code = this.#refused.get(channel) ?? this.#refused.get(channel.replace(/:.*/, ':*'));
    if (code) return { channel, error: { code, message: `${channel}: the test refuses it`, retryable: code === 'unavailable' } };
    socket.channels.add(channel);
    const kept = this.#channel(channel);
    const from = recover as { epoch: string; offset: number } | undefined | null;
    const first = (kept.history[0]?.offset as number | undefined) ?? kept.offset + 1;
    const recovered = from?.epoch === this.#epochName && from.offset + 1 >= first;
    const newestKept = newest > 0 ? kept.history.slice(-newest) : [];
    const publications = recovered ? kept.history.filter(({ offset }) => (offset as number) > from.offset) : newestKept;
    return {
      channel,
      epoch: this.#epochName,
      offset: kept.offset,
      recovered,
      publications,
      state: [...kept.state.values()],
    };
  }

  #take(socket: Socket, { channel, event, data = null, key }: ReceivedMessage, from: Author): number {
    const known = key ? `${from.user} ${channel} ${key}` : '';
    let offset = this.#keys.get(known);
    if (offset === undefined) {
      offset = this.#publish(String(channel), String(event), data, from, socket);
      if (known) this.#keys.set(known, offset);
    }
    return offset;
  }

  #call(socket: Socket, id: Json, method: string, params: Json): JsonObject | undefined {
    const run = this.#calls.get(method) ?? (method === 'presence.get' ? () => ({ channel: 'tenant', users: [] }) : undefined);
    if (run === undefined) return problem('not_found', `no method ${method}: answer it with relay.onCall`, { id });
    Promise.resolve(params)
      .then(run)
      .then(
        result => socket.say({ type: 'reply', id, result: JSON.parse(JSON.stringify(result ?? null)) as Json }),
        (error: unknown) => socket.say(problem('internal', error instanceof Error ? error.message : String(error), { id })),
      );
    return undefined;
  }

  #publish(channel: string, event: string, data: Json, from?: Author, by?: Socket): number {
    const kept = this.#channel(channel);
    const message = event === 'message_new' ? ((data as JsonObject | null)?.message as JsonObject | undefined) : undefined;
    if (message) {
      message.id ??= `message-${++this.#ids}`;
      message.ts ??= Date.now();
    }
    const publication: Publication = { event, ts: Date.now(), data };
    if (from) publication.from = { ...from };
    if (!UNKEPT.includes(event)) {
      publication.offset = ++kept.offset;
      kept.history = [...kept.history, publication].slice(-HISTORY);
      if (RETAINED.includes(event)) kept.state.set(event, publication);
    }
    this.#tell(channel, { type: 'event', channel, ...publication }, by);
    return (publication.offset as number | undefined) ?? 0;
  }
  #tell(channel: string, message: JsonObject, by?: Socket): void {
    for (const socket of [...this.#sockets]) {
      if (!socket.channels.has(channel)) continue;
      // Whose call this is inside of hears of it afterwards.
      if (socket === by) socket.answer(message);
      else socket.say(message);
    }
  }
  #channel(name: string): Channel {
    const found = this.#channels.get(name) ?? { offset: 0, history: [], state: new Map() };
    this.#channels.set(name, found);
    return found;
  }
  get #epochName(): string {
    return `epoch-${this.#epoch}`;
  }
}

export function createFakeRelay(options?: FakeRelayOptions): FakeRelay {
  return new FakeRelay(options);
}

/** Not inside of the client's own call. */
function end(socket: Socket, reason: TokenProblem): undefined {
  queueMicrotask(() => socket.end(4401, reason));
}

const problem = (code: RelayErrorCode, message: string, more: JsonObject): JsonObject => ({
  type: 'error',
  code,
  message,
  retryable: false,
  ...more,
});

function claims(token: unknown): { sub: string; name: string; tenant: string; exp: number } {
  const none = { sub: '', name: '', tenant: '', exp: 0 };
  try {
    const part = String(token).split('.')[1] ?? '';
    const bytes = Uint8Array.from(atob(part.replaceAll('-', '+').replaceAll('_', '/')), char => char.charCodeAt(0));
    const given = JSON.parse(new TextDecoder().decode(bytes)) as Partial<typeof none>;
    return { ...none, exp: Date.now() / 1000 + 3_600, ...given, name: given.name ?? given.sub ?? '' };
  } catch {
    return none;
  }
}
