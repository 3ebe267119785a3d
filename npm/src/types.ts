/**
 * The public types of `pulsewire`: what the façade gives, and what the Svelte, React and element entries build on.
 *
 * Times are Unix milliseconds, durations milliseconds (`…Ms`), shares 0 to 1. Nothing here is code: importing it costs nothing.
 * Longer than 400 lines because these types name each other throughout, and an app's author reads them in one place.
 */

import type {
  DataOf,
  EventGiven,
  EventIn,
  EventsOf,
  MethodIn,
  NameIn,
  OtherEvent,
  OtherMethod,
  ParamsOf,
  ResultOf,
  Untyped,
} from './schema.js';

export type { BuiltInCalls, BuiltInEvents, Untyped } from './schema.js';

/**
 * A value that changes. `subscribe` follows Svelte's store contract (called at once with the value, then on each change);
 * `listen` is told of changes only, without the value, which is what React's `useSyncExternalStore` wants.
 * `get()` returns the same reference until the value changes.
 */
export interface Observable<T> {
  get(): T;
  /** Calls `run` at once and on each change; call the result to stop. */
  subscribe(run: (value: T) => void): () => void;
  /** Calls `changed` on each change; call the result to stop. */
  listen(changed: () => void): () => void;
}

/**
 * `idle` before the first `connect()` and where loading failed; `connecting` until the first welcome, `reconnecting` after a loss; `polling` is
 * connected by HTTP; `unauthorized` after the token was refused twice; `closed` on purpose, or by a relay that does not want this client.
 */
export type ConnectionState = 'idle' | 'connecting' | 'connected' | 'reconnecting' | 'polling' | 'unauthorized' | 'closed';

/** Connection as the page sees it. */
export interface ConnectionStatus {
  state: ConnectionState;
  /** Failed tries since the last good connection; 0 while connected. */
  attempt: number;
  /** When the next try starts, while `reconnecting`. */
  nextRetryAt?: number;
  /** Since when the state holds. */
  since: number;
  /** Whether this client has been connected before: tells "connecting" from "reconnecting" texts, and a success banner from a first start. */
  everConnected: boolean;
  /**
   * True once an interruption has lasted over 1 s: banners show on this, so that blips do not flash (C15).
   * Always false while connected.
   */
  interrupted: boolean;
  /** Last close code, if there was one. */
  closeCode?: number;
  /** Why, in a word: a token problem (`token_expired` …), `protocol_error`, `forbidden`, `timeout`, `lost`, … */
  reason?: string;
  /** Round-trip time of the last heartbeat or ping. */
  latencyMs?: number;
  connectionId?: string;
  user?: string;
  tenant?: string;
}

/**
 * How good the connection is. The grade: `offline` where nothing is connected; `poor` while polling, from 1 s of p95, or with three losses
 * in five minutes; `fair` from 300 ms of p95 or 100 ms of jitter, or with a loss in the last minute; `good` otherwise.
 */
export interface Quality {
  grade: 'good' | 'fair' | 'poor' | 'offline';
  /** The newest round trip; absent before the first. */
  latencyMs?: number;
  /** Of the last 32 round trips. */
  latencyP50Ms?: number;
  latencyP95Ms?: number;
  /** How much one round trip differs from the one before it, on average. */
  jitterMs: number;
  /** Share of the time in which a connection was wanted and was there, 0 to 1. */
  uptime: number;
  reconnects: number;
  /** Received, over the last 10 s. */
  messagesPerSecond: number;
  bytesPerSecond: number;
}

/** What `diagnose()` found; docs/troubleshooting.md says what to do about each. */
export type DiagnosisCode =
  | 'ok'
  | 'slow'
  | 'polling'
  | 'reconnecting'
  | 'not_started'
  | 'offline'
  | 'url_invalid'
  | 'url_insecure'
  | 'token_unavailable'
  | 'token_missing'
  | 'token_malformed'
  | 'token_expired'
  | 'token_refused'
  | 'clock_skew'
  | 'websocket_blocked'
  | 'relay_unreachable'
  | 'subprotocol_refused'
  | 'forbidden';
/** One thing that `diagnose()` looked at. */
export interface DiagnosisCheck {
  name: 'connection' | 'url' | 'network' | 'token' | 'clock' | 'http' | 'websocket';
  ok: boolean;
  /** For whoever mends it; not translated. Never holds a token. */
  detail: string;
}
/** What is wrong with the connection. */
export interface Diagnosis {
  code: DiagnosisCode;
  ok: boolean;
  /** What is wrong, and how to mend it: sentences for people. */
  summary: string;
  mend: string;
  /** What was looked at. */
  checks: readonly DiagnosisCheck[];
}

/** `offline` is told by the relay after a silence too (`devices.offline_after_ms`, 120 s), or by a backend. */
export type DeviceState = 'online' | 'offline' | 'maintenance';
/** The newest status of a device. */
export interface DeviceStatus {
  deviceId: string;
  status: DeviceState;
  /** 0 to 1. */
  battery?: number;
  /** When it was heard of last. */
  lastSeen?: number;
}

/** From the gravest to the least. */
export type Severity = 'critical' | 'high' | 'medium' | 'low';
/** An alert as it came. One `id` is one occurrence, counted once however often it arrives. */
export interface Alert {
  id: string;
  patientId: string;
  patientName: string;
  deviceId?: string;
  type: string;
  severity: Severity;
  message: string;
  ts: number;
  /** Marked in this page or, by `alert_read`, on another device of this user. */
  read: boolean;
  /** Anything else the backend gave. */
  metadata?: unknown;
}
/** The alerts that came while the page was open, newest first. What became of them, and those from before: `openAlertDesk` of `pulsewire/people`. */
export interface AlertsState {
  items: readonly Alert[];
  unread: number;
}

/** Figures of the tenant. */
export interface DashboardStats {
  devices: number;
  online: number;
  /** Those that nobody has resolved. */
  activeAlerts: number;
  activeSessions: number;
  /** 0 to 1. */
  averageCompliance: number;
  viewers: number;
}

/** Who looks at a channel. */
export interface ViewerCount {
  count: number;
  /** At most 20. */
  names: readonly string[];
}

/** What a toast is about. */
export type ToastKind = 'alert' | 'notification' | 'execution' | 'connection' | 'auth';
/** A short message at the edge of the page; the client decides which are shown, and for how long. */
export interface Toast {
  /** Stable; the alert's id for alerts. */
  id: string;
  kind: ToastKind;
  severity: Severity;
  /** Text from the event; for `connection`, `auth` and `execution` toasts a key such as `connection_lost`, which the elements translate. */
  title: string;
  message: string;
  ts: number;
  /** When it goes by itself; absent while held by hover or focus. */
  expiresAt?: number;
  patientId?: string;
  deviceId?: string;
  link?: string;
  /** What it has in common with others of a storm: an alert's type. */
  group?: string;
}
/** One place in sight: a toast, and behind it those that share its place. */
export interface ShownToast extends Toast {
  /**
   * Newest first: those that say the same, or the rest of a storm (four and more of one kind, severity and `group`;
   * never critical ones). Each has its own id.
   */
  others?: readonly Toast[];
}
/** The toasts that are to be shown now. */
export interface ToastsState {
  /** At most 5 places (`toasts.maxVisible`): severity first, then newest. */
  visible: readonly ShownToast[];
  /** How many wait for a place. */
  waiting: number;
  /** Whether the pointer or the focus stops their clocks. */
  held: boolean;
}

/** A notification of this user. */
export interface Notification {
  id: string;
  title: string;
  body: string;
  severity: Severity;
  /** Where a click leads. */
  link?: string;
  ts: number;
  read: boolean;
}
/** Notifications, newest first. */
export interface NotificationsState {
  items: readonly Notification[];
  unread: number;
}

/** Somebody of the tenant who is online. */
export interface PresentUser {
  userId: string;
  name: string;
}
/** Somebody (never this user) who writes in a conversation now. */
export interface Typist extends PresentUser {
  conversationId: string;
}

/** Where a long job is. `retrying`: asked for again, and not begun. */
export type ExecutionState = 'queued' | 'running' | 'succeeded' | 'failed' | 'retrying';
/** A long job. */
export interface Execution {
  executionId: string;
  status: ExecutionState;
  /** What it is doing. */
  step?: string;
  /** 0 to 1. */
  progress: number;
  /** Why it failed. */
  error?: { code: string; message: string; detail?: string };
  /** The number of this attempt, from 1. */
  attempt: number;
  ts: number;
}

/** What was told of a conversation, put together: the newest value of each member that its backend gave. */
export interface Conversation {
  conversationId: string;
  status?: 'open' | 'assumed' | 'resolved';
  assignee?: string;
  lastMessageTs?: number;
  unread?: number;
  /** When it changed last. */
  ts: number;
  [member: string]: unknown;
}
/** A message of a conversation. */
export interface ConversationMessage {
  id: string;
  /** The id that its sender gave it, by which an optimistic page finds its own again. */
  clientId?: string;
  content: string;
  sender: 'patient' | 'agent' | 'nurse' | 'user';
  senderName: string;
  ts: number;
  isAudio?: boolean;
  url?: string;
  /** How far it came, to whoever got furthest. */
  status?: 'sent' | 'delivered' | 'read';
}

/** What was told of a patient, put together: the newest value of each member that the backend gave in any of its events. */
export interface Patient {
  patientId: string;
  /** When it changed last. */
  ts: number;
  [member: string]: unknown;
}

/** Numbers of the window a telemetry handle holds; `NaN`-free, absent while empty. */
export interface TelemetryStats {
  min: number;
  max: number;
  mean: number;
  last: number;
  lastT: number;
  count: number;
}
/**
 * The newest points of one metric, in order. `t` and `v` are zero-copy views into WASM memory: read them now, do not keep
 * them; call `view()` again next frame (the memory may have grown and detached them).
 */
export interface TelemetryView {
  t: Float64Array;
  v: Float64Array;
  unit?: string;
  /** Indices i where a hole lies between i - 1 and i: draw a break there. */
  gaps: readonly number[];
}
/**
 * `stale`: no point for 5 s, or for five usual intervals where these are longer, or no connection; `backfilling`: what was missed is coming in;
 * `empty`: no point yet.
 */
export type Freshness = 'live' | 'stale' | 'backfilling' | 'empty';
/** The points of one metric of one device, and a hold on its channel until `release()`. */
export interface TelemetryHandle {
  readonly deviceId: string;
  readonly metric: string;
  /** The newest points, without a copy: read now, do not keep. */
  view(): TelemetryView;
  /** At most `points` points, decimated by LTTB where the window holds more (copies, may be kept). */
  decimated(points: number): TelemetryView;
  stats(): TelemetryStats | undefined;
  /** Grows old without any event: look again each second. */
  freshness(): { state: Freshness; ageMs?: number };
  /** Told at most once per animation frame, when points came. */
  listen(changed: () => void): () => void;
  /** Rises with every change: cheap to compare. */
  version(): number;
  /** Lets go of the device's channel; to be called once. */
  release(): void;
}

/** What a page wants of a channel that it holds. */
export interface SubscribeOptions {
  /** Newest N publications on the first subscribe, so that a chart fills at once. */
  history?: number;
  /**
   * The rate this page can use, in times a second, rounded down to 1, 2, 5, 10, 20, 30 or 60. The relay merges telemetry and states to it,
   * never alerts.
   */
  maxHz?: number;
}
/** `waiting` for the relay's answer, or for a connection. */
export type ChannelPhase = 'waiting' | 'subscribed' | 'refused';
/** Where a channel stands: the position up to which this page has everything. */
export interface ChannelState {
  phase: ChannelPhase;
  epoch: string;
  offset: number;
  /** The error of a refused subscription. */
  error?: PulsewireErrorBody;
}
/** What a relay answers (PROTOCOL.md, section 5); the list is closed. */
export type RelayErrorCode =
  | 'bad_request'
  | 'unauthorized'
  | 'token_expired'
  | 'forbidden'
  | 'invalid_channel'
  | 'not_subscribed'
  | 'too_many_subscriptions'
  | 'too_large'
  | 'rate_limited'
  | 'not_found'
  | 'unavailable'
  | 'internal';
/** What the client itself throws or rejects with: its use, its messages, its loading. */
export type ClientErrorCode =
  | 'bad_argument'
  | 'bad_url'
  | 'destroyed'
  | 'expired'
  | 'no_websocket'
  | 'outbox_full'
  | 'signed_out'
  | 'unknown'
  | 'wasm_blocked'
  | 'wasm_load_failed'
  | 'wasm_trap';
/** The `code` of every `PulsewireError`: a `switch` over it can be checked for completeness. */
export type PulsewireErrorCode = RelayErrorCode | ClientErrorCode;
/** What an `error` event may be about. Codes of the relay stand for commands of the client's own that it refused. */
export type ReportedErrorCode =
  | PulsewireErrorCode
  | 'bad_data'
  | 'not_shared'
  | 'outbox_not_saved'
  | 'saved_unreadable'
  | 'send_failed'
  | 'socket_blocked'
  | 'token_unavailable'
  | 'too_many_series'
  | 'unreadable_message';
/** A channel that the page holds, for tools that look in. */
export interface HeldChannel extends ChannelState {
  name: string;
  /** How many handles there are. */
  holds: number;
}
/** What every error of the client says; docs/errors.md explains each code. */
export interface PulsewireErrorBody {
  code: PulsewireErrorCode;
  /** For developers: what, where, and how to mend it. */
  message: string;
  /** Whether the same may succeed later. */
  retryable: boolean;
  retryAfterMs?: number;
}

/** One event of a channel. */
export interface ChannelEvent<T = unknown, Event extends string = string> {
  channel: string;
  event: Event;
  data: T;
  ts: number;
  offset?: number;
  firstOffset?: number;
  from?: { user: string; name: string };
  /** True where it comes from recovery or history rather than live. */
  replayed: boolean;
}

/** A reference-counted hold on a channel: the relay subscription lives while any handle does, and a short linger after. */
export interface ChannelHandle<in out Events = Untyped> {
  readonly name: string;
  readonly state: Observable<ChannelState>;
  /** `*` is every event. */
  on<Event extends EventIn<Events> | '*'>(event: Event, run: (event: EventGiven<Events, Event>) => void): () => void;
  on<T = unknown>(event: OtherEvent<Events>, run: (event: ChannelEvent<T>) => void): () => void;
  publish<Event extends EventIn<Events>>(event: Event, data: DataOf<Events, Event>, options?: PublishOptions): Delivery;
  /** Lets go, with all its listeners; a second call does nothing. */
  release(): void;
}
/** How a message is published. */
export interface PublishOptions {
  /** Idempotency key; made up where absent. */
  key?: string;
  /**
   * Through the outbox, which is the default: without a connection the message waits, goes out in order once there is one, and
   * is sent again where that is safe. `false`: now or never.
   */
  queue?: boolean;
}
/**
 * Where a message is: it waits (`queued`), went out (`sent`), the relay has it (`confirmed`), it was given up (`failed`), or it was
 * sent and nobody can tell whether it arrived (`unknown`). From `sent` it may go back to `queued`.
 */
export type DeliveryState = 'queued' | 'sent' | 'confirmed' | 'failed' | 'unknown';
/** The outcome of a publication, and meanwhile its state. Rejects with `failed` and with `unknown` (the error's code is `unknown` then). */
export interface Delivery extends Promise<PublishResult> {
  readonly state: Observable<DeliveryState>;
}
/** A message that is on its way, for lists that show it at once. */
export interface OutboxItem {
  /** The same across reconnects and, with `persistOutbox`, reloads. */
  id: string;
  channel: string;
  event: string;
  data: unknown;
  queuedAt: number;
  state: 'queued' | 'sent';
}
/** What the relay said of a publication. */
export interface PublishResult {
  /** Its place in the channel's history; 0 where the event has none. */
  offset: number;
}

/** Why a token is asked for: a connection begins, the last one ends within 60 s, has ended, or was refused. */
export type TokenReason = 'connect' | 'expiring' | 'expired' | 'refused';
/** Options of `createPulsewire`; each may be left out. */
export interface PulsewireOptions {
  /** `wss://…/ws`, `https://…` (the `/ws` is added), a path such as `/ws`, or one per environment. Absent: `/ws` of the page's origin. */
  url?: string | { development: string; production: string };
  /** Gives a token, the bare JWT, whenever one is needed. May be async and take 30 s; where it throws, it is asked again with the next try. */
  getToken?: (context: { reason: TokenReason }) => string | Promise<string>;
  /** The token was refused twice: send the user to the sign-in. */
  onUnauthorized?: (reason: string) => void;
  /** Click on a toast. */
  onToastClick?: (toast: Toast) => void;
  /** Delays between tries: 1,000 ms, doubled each time (`factor` 2) up to 30,000, each drawn from its upper half. */
  backoff?: { baseMs?: number; factor?: number; capMs?: number /** 0 gives the exact sequence. */; jitter?: boolean };
  /** So long a silence is a loss: 60,000, until the relay tells its own figure. */
  heartbeatTimeoutMs?: number;
  /** From asking for a socket to the relay's welcome: 10,000. */
  handshakeTimeoutMs?: number;
  /** How long a released channel stays subscribed; 5,000 by default. */
  lingerMs?: number;
  /** Points kept of a series: 100. */
  telemetry?: { capacity?: number /** per metric name, such as `{ ecg: 3600 }` */; capacities?: Record<string, number> };
  /** How long a toast is shown (10,000), how many at once (5), and from which severity on (`low`). */
  toasts?: { durationMs?: number; maxVisible?: number; minSeverity?: Severity };
  /** How many messages may wait for a connection (1,000), and for how long (10 min; the relay knows a repeated key for 15). */
  outbox?: { maxMessages?: number; ttlMs?: number };
  /**
   * Keep waiting messages over a reload, in IndexedDB, apart for each relay, tenant and user; erased when another user signs in and
   * by `signOut()`. Off by default: what is typed in a ward is about patients, and its computers are shared.
   */
  persistOutbox?: boolean;
  /**
   * One connection for all tabs of this browser with the same relay, tenant and user: one of them holds it, the others go through
   * it, and take over within 2 s where it closes, crashes or hangs. The `toast` event (the moment for a sound) comes in one tab only. Off by
   * default, because then no tab depends on another: switch it on where users open many. Needs a secure context, Web Locks and
   * BroadcastChannel; elsewhere each tab has its own connection.
   */
  shareConnection?: boolean;
  /**
   * HTTP where the WebSocket does not get through: after so many failed tries in a row (3; a handshake over `handshakeTimeoutMs`
   * counts as all of them), waiting at the relay for up to `waitMs` (25,000), else asking every `intervalMs` (5,000). `false`: never.
   */
  polling?: false | { afterTries?: number; waitMs?: number; intervalMs?: number };
  /** Where the page has none, or the tests bring their own. */
  WebSocket?: new (
    url: string,
    protocols?: string | string[],
  ) => WebSocket;
  /** The WASM: a URL, a compiled module, or bytes. By default found beside the package, with an embedded copy as fallback. */
  wasm?: URL | string | WebAssembly.Module | BufferSource;
  /** How much the flight recorder keeps: 1 MiB by default, nothing with 0. */
  recorder?: { maxBytes?: number };
  /** Name and version told to the relay's log. */
  clientName?: string;
}

/** What `client.on()` tells. */
export interface PulsewireEvents {
  /** Every event of every channel that is held. */
  event: ChannelEvent;
  /** The history no longer reaches back: reload this channel's data from your backend. */
  resync: { channel: string };
  /** Something was wrong on the wire, in the page's use, or in the wasm; counted and reported, never thrown from nowhere. */
  error: { code: ReportedErrorCode; message: string; channel?: string };
  /** A toast is shown for the first time: the moment for its sound. */
  toast: Toast;
}

/**
 * The client. Made by `createPulsewire`; nothing runs, and no WASM is loaded, before `connect()`.
 *
 * `Schema` gives channels and events types of their own, `Calls` requests: see schema.ts. Any of them fits where `Pulsewire` is asked for.
 */
export interface Pulsewire<in out Schema = Untyped, in out Calls = Untyped> {
  readonly connection: Observable<ConnectionStatus>;
  /** By device id, of the devices whose channel is held. */
  readonly deviceStatuses: Observable<Readonly<Record<string, DeviceStatus>>>;
  readonly alerts: Observable<AlertsState>;
  /** While the `dashboard` channel is held; `undefined` before the first figures. */
  readonly dashboardStats: Observable<DashboardStats | undefined>;
  /** By channel, of the channels that are held. */
  readonly viewerCounts: Observable<Readonly<Record<string, ViewerCount>>>;
  readonly toasts: Observable<ToastsState>;
  /** As they arrive. Those that the relay has stored come with `openInbox` of `pulsewire/people`. */
  readonly notifications: Observable<NotificationsState>;
  /** Who of the tenant is online, by name. Looking at it asks the relay for the whole, now and on each new connection. */
  readonly presence: Observable<readonly PresentUser[]>;
  /** Who writes where: for the conversations whose channel is held. */
  readonly typing: Observable<readonly Typist[]>;
  /** By id, of the executions whose channel is held. */
  readonly executions: Observable<Readonly<Record<string, Execution>>>;
  /** By id: what was told of them since this page is connected. */
  readonly conversations: Observable<Readonly<Record<string, Conversation>>>;
  /** By id: what was told of them since this page is connected. */
  readonly patients: Observable<Readonly<Record<string, Patient>>>;
  /** Messages that are on their way, oldest first. */
  readonly outbox: Observable<readonly OutboxItem[]>;

  /**
   * Loads the WASM and begins to connect; from then on the client reconnects by itself. Resolves once it runs, not once it is connected: that is
   * `connection`. Rejects where it cannot run (`bad_url`, `no_websocket`, `wasm_blocked`, `wasm_load_failed`).
   */
  connect(): Promise<void>;
  /** Ends the connection on purpose; `connect()` starts it again. */
  close(): void;
  /**
   * The user signs out: as `close()`, and nothing of the user stays: no state, no messages that wait, none of those that
   * `persistOutbox` keeps. Resolves once they are erased: await it before leaving the page.
   */
  signOut(): Promise<void>;
  /** Ends the connection and frees everything. The client is not usable afterwards. */
  destroy(): void;

  /** Holds a channel until `release()`: any number of holds share one subscription. Before `connect()` it waits. */
  channel<Name extends string>(name: NameIn<Schema, Name>, options?: SubscribeOptions): ChannelHandle<EventsOf<Schema, Name>>;
  /** The channels that are held now, with their positions. */
  channels(): readonly HeldChannel[];
  /** Holds `device:{id}` and gives its points of one metric. */
  telemetry(deviceId: string, metric: string, options?: SubscribeOptions & { capacity?: number }): TelemetryHandle;
  /** Names of the metrics seen so far of a device. */
  metrics(deviceId: string): Observable<readonly string[]>;
  /** Calls `run` for each; call the result to stop. */
  on<K extends keyof PulsewireEvents>(type: K, run: (event: PulsewireEvents[K]) => void): () => void;

  /** Publishes, by default through the outbox: see `PublishOptions`. */
  publish<Name extends string, Event extends EventIn<EventsOf<Schema, Name>>>(
    channel: NameIn<Schema, Name>,
    event: Event,
    data: DataOf<EventsOf<Schema, Name>, Event>,
    options?: PublishOptions,
  ): Delivery;
  /** A request to the relay (PROTOCOL.md, section 11). Needs the WebSocket: while polling it rejects with `unavailable`. */
  call<Method extends MethodIn<Calls>>(method: Method, ...params: ParamsOf<Calls, Method>): Promise<ResultOf<Calls, Method>>;
  call<T = unknown>(method: OtherMethod<Calls>, params?: unknown): Promise<T>;
  /** How good the connection is at this moment. */
  quality(): Quality;
  /** Finds out what is wrong with the connection and says it in words: in `lang`, else in the page's language, else in English. */
  diagnose(options?: { lang?: string }): Promise<Diagnosis>;
  /**
   * The flight recorder's file: what the client got since it started, or since the newest connection that there is room for. `cargo xtask
   * replay FILE` goes through the same transitions. It holds no token, but patients' data: treat it so. Empty before `connect()`.
   */
  exportRecording(): Blob;
  /** A ping through the connection; resolves with the round trip in milliseconds. */
  ping(): Promise<number>;

  /** The messages of a conversation, oldest first; hold `conversation:{id}` (with `history`) to get them. */
  messages(conversationId: string): Observable<readonly ConversationMessage[]>;
  /** Says that this user writes: call it for each key, at most one start in 2 s is sent; `false` when the field is left or emptied. */
  setTyping(conversationId: string, active: boolean): void;
  /** In this page alone; `openInbox` of `pulsewire/people` tells the relay. */
  markNotificationsRead(ids: readonly string[] | 'all'): void;
  /** In this page alone; `openInbox` of `pulsewire/people` tells the relay. */
  dismissNotifications(ids: readonly string[] | 'all'): void;
  /** Asks whoever runs it to try again; resolves once the relay has passed that on. */
  retryExecution(executionId: string): Promise<PublishResult>;

  /** In this page alone; `openAlertDesk` of `pulsewire/people` tells the relay. */
  markAlertsRead(ids: readonly string[] | 'all'): void;
  dismissToast(id: string): void;
  /** Stops the toasts' clocks while the pointer or the focus is on them. */
  holdToasts(held: boolean): void;
  /** As a click on it: `onToastClick` is called. */
  clickToast(id: string): void;
}
