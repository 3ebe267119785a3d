/**
 * The client behind `createPulsewire`: keeps what the page asked for, hands it to the wasm once that is there, and turns
 * the core's slices into observables.
 *
 * Whatever the page asks for before the wasm is loaded waits in `channels.ts` and `telemetry.ts`, whose handles say what is
 * wanted; a fresh instance (the first, or the one after a trap) is told all of it. Nothing here decides what the core could.
 */

import { Channels } from './channels.js';
import { configOf } from './config.js';
import { Core, Slice } from './core.js';
import { PulsewireError } from './errors.js';
import { randomId } from './ids.js';
import { callAll, Source } from './observable.js';
import { People } from './people.js';
import { Outside } from './outside.js';
import { DEFAULT_MAX_BYTES, Recorder } from './recorder.js';
import { Requests } from './requests.js';
import { SocketKeeper } from './socket.js';
import { TelemetryHandles } from './telemetry.js';
import type {
  PulsewireErrorBody,
  AlertsState,
  ChannelEvent,
  ChannelHandle,
  ConnectionStatus,
  ConversationMessage,
  DashboardStats,
  Delivery,
  DeviceStatus,
  Diagnosis,
  HeldChannel,
  OutboxItem,
  PublishOptions,
  Pulsewire,
  PulsewireEvents,
  PulsewireOptions,
  Quality,
  ReportedErrorCode,
  SubscribeOptions,
  TelemetryHandle,
  Toast,
  ToastsState,
  TokenReason,
  ViewerCount,
} from './types.js';
import { socketUrl } from './url.js';
import { isTrap, loadWasm, type WasmInstance } from './wasm-loading.js';

declare const __PULSEWIRE_VERSION__: string | undefined;
const VERSION = typeof __PULSEWIRE_VERSION__ === 'string' ? __PULSEWIRE_VERSION__ : 'dev';

/** More traps than this within a minute, and starting again would only go round in circles. */
const MAX_TRAPS_PER_MINUTE = 3;
/** The first number of `Tell` (client-wasm/src/bridge.rs). */
const FIRST_TOLD = 7;

const NO_QUALITY: Quality = { grade: 'offline', jitterMs: 0, uptime: 0, reconnects: 0, messagesPerSecond: 0, bytesPerSecond: 0 };

type Events = { [K in keyof PulsewireEvents]: Set<(event: PulsewireEvents[K]) => void> };

export class Client implements Pulsewire {
  readonly connection: Source<ConnectionStatus>;
  readonly deviceStatuses: Source<Readonly<Record<string, DeviceStatus>>>;
  readonly alerts: Source<AlertsState>;
  readonly dashboardStats: Source<DashboardStats | undefined>;
  readonly viewerCounts: Source<Readonly<Record<string, ViewerCount>>>;
  readonly toasts: Source<ToastsState>;
  readonly notifications: People['notifications'];
  readonly presence: People['presence'];
  readonly typing: People['typing'];
  readonly executions: People['executions'];
  readonly conversations: People['conversations'];
  readonly patients: People['patients'];
  readonly outbox: Source<readonly OutboxItem[]>;

  readonly #options: PulsewireOptions;
  readonly #channels: Channels;
  readonly #telemetry: TelemetryHandles;
  readonly #people = new People(() => this.#core);
  readonly #requests = new Requests();
  readonly #sockets: SocketKeeper;
  readonly #world: Outside;
  readonly #events: Events = { event: new Set(), resync: new Set(), error: new Set(), toast: new Set() };
  readonly #session = randomId();

  /** The running core, once there is one. */
  #core: Core | undefined;
  /** Of the running core, or of the last one. */
  #recorder: Recorder | undefined;
  #endTrapWatch: (() => void) | undefined;
  #loading: Promise<void> | undefined;
  /** Whether the page wants to be connected: what a load that ends late, or a restart, must go by. */
  #wanted = false;
  #destroyed = false;
  #traps: number[] = [];
  /** What the connection is while no core can say it. */
  #outside: ConnectionStatus = { state: 'idle', attempt: 0, since: Date.now(), everConnected: false, interrupted: false };

  constructor(options: PulsewireOptions) {
    this.#options = options;
    this.#sockets = new SocketKeeper(options);
    this.#world = new Outside(
      options,
      () => this.#core,
      this.#requests,
      this.#session,
      (...error) => this.#error(...error),
    );
    const coming = () => this.#wanted;
    this.#channels = new Channels(() => this.#core, this.#requests, coming);
    this.#telemetry = new TelemetryHandles(() => this.#core, this.#channels);
    const slice = <T>(which: number, empty: T) => new Source<T>(() => (this.#core === undefined ? empty : this.#core.slice<T>(which)));
    this.connection = new Source(() => this.#core?.slice<ConnectionStatus>(Slice.connection) ?? this.#outside);
    this.deviceStatuses = slice(Slice.devices, {});
    this.alerts = slice<AlertsState>(Slice.alerts, { items: [], unread: 0 });
    this.dashboardStats = slice<DashboardStats | undefined>(Slice.dashboard, undefined);
    this.viewerCounts = slice(Slice.viewers, {});
    const nothing: readonly OutboxItem[] = [];
    this.outbox = new Source(() => this.#core?.slice<readonly OutboxItem[] | undefined>(Slice.outbox) ?? nothing);
    this.toasts = slice<ToastsState>(Slice.toasts, { visible: [], waiting: 0, held: false });
    const people = this.#people;
    this.notifications = people.notifications;
    this.presence = people.presence;
    this.typing = people.typing;
    this.executions = people.executions;
    this.conversations = people.conversations;
    this.patients = people.patients;
  }

  async connect(): Promise<void> {
    this.#alive();
    this.#wanted = true;
    if (this.#core !== undefined) {
      this.#core.connect();
      return;
    }
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined;
    });
    await this.#loading;
  }

  close(): void {
    this.#wanted = false;
    if (this.#core === undefined) this.#say({ state: 'closed' });
    else this.#core.close();
  }

  async signOut(): Promise<void> {
    this.#core?.signOut();
    this.close();
    this.#requests.failAll({ code: 'signed_out', message: 'the user signed out before the answer came' });
    await this.#world.eraseAll();
  }

  destroy(): void {
    if (this.#destroyed) return;
    this.#wanted = false;
    const core = this.#core;
    core?.close();
    this.#destroyed = true;
    this.#drop();
    void this.#world.end();
    this.#sockets.end();
    this.#requests.failAll({ code: 'destroyed', message: 'the client was destroyed before the answer came' });
    if (core !== undefined) {
      core.end();
      // A call into it may be under way: this may be running in one of its callbacks.
      queueMicrotask(() => core.free());
    }
    this.#say({ state: 'closed' });
  }

  channel(name: string, options: SubscribeOptions = {}): ChannelHandle {
    this.#alive();
    return this.#channels.hold(name, options);
  }

  channels(): HeldChannel[] {
    return this.#channels.list();
  }

  telemetry(deviceId: string, metric: string, options: SubscribeOptions & { capacity?: number } = {}): TelemetryHandle {
    this.#alive();
    return this.#telemetry.hold(deviceId, metric, options);
  }

  metrics(deviceId: string): Source<readonly string[]> {
    return this.#telemetry.metrics(deviceId);
  }

  on<K extends keyof PulsewireEvents>(type: K, run: (event: PulsewireEvents[K]) => void): () => void {
    const listeners = this.#events[type] as Set<(event: PulsewireEvents[K]) => void> | undefined;
    if (listeners === undefined) {
      throw new PulsewireError({
        code: 'bad_argument',
        message: `there is no event ${String(type)}; there are ${Object.keys(this.#events).join(', ')}`,
      });
    }
    const listener = (event: PulsewireEvents[K]) => run(event);
    listeners.add(listener);
    this.#interestChanged();
    return () => {
      listeners.delete(listener);
      this.#interestChanged();
    };
  }

  publish(channel: string, event: string, data: unknown, options: PublishOptions = {}): Delivery {
    return this.#channels.publish(channel, event, data, options);
  }

  async call<T = unknown>(method: string, params?: unknown): Promise<T> {
    const text = await this.#requests.make<string>(this.#core, (core, request) => core.call(request, method, params));
    return JSON.parse(text) as T;
  }

  ping(): Promise<number> {
    return this.#requests.make<number>(this.#core, (core, request) => core.ping(request));
  }

  quality(): Quality {
    return this.#core?.slice<Quality>(Slice.quality) ?? NO_QUALITY;
  }
  exportRecording(): Blob {
    const text = this.#recorder?.export(this.#core) ?? '';
    return new Blob([text], { type: 'application/x-ndjson' });
  }
  async diagnose({ lang }: { lang?: string } = {}): Promise<Diagnosis> {
    const { diagnose } = await import('./diagnose.js');
    const spoken = lang ?? (typeof document === 'object' ? document.documentElement.lang : '');
    return diagnose({ options: this.#options, connection: this.connection.get(), quality: this.quality(), lang: spoken });
  }

  markAlertsRead(ids: readonly string[] | 'all'): void {
    this.#core?.markAlertsRead(ids);
  }
  messages(conversationId: string): Source<readonly ConversationMessage[]> {
    return this.#people.messages(conversationId);
  }
  markNotificationsRead(ids: readonly string[] | 'all'): void {
    this.#core?.markNotifications(ids, false);
  }
  dismissNotifications(ids: readonly string[] | 'all'): void {
    this.#core?.markNotifications(ids, true);
  }
  setTyping(conversationId: string, active: boolean): void {
    this.#core?.setTyping(conversationId, active);
  }
  retryExecution(executionId: string): Delivery {
    return this.publish(`execution:${executionId}`, 'execution_retry', { executionId });
  }
  dismissToast(id: string): void {
    this.#core?.dismissToast(id);
  }
  holdToasts(held: boolean): void {
    this.#core?.holdToasts(held);
  }
  clickToast(id: string): void {
    this.#core?.clickToast(id);
  }

  #alive(): void {
    if (this.#destroyed) {
      throw new PulsewireError({ code: 'destroyed', message: 'this client was destroyed; make a new one with createPulsewire()' });
    }
  }

  async #load(): Promise<void> {
    try {
      const url = socketUrl(this.#options.url);
      this.#sockets.check();
      this.#say({ state: 'connecting' });
      // At once, while the network is there: what can be imported only later may not come at all.
      const [instance] = await Promise.all([
        loadWasm(this.#options.wasm),
        this.#world.prepare(),
        this.#sockets.prepare((...error) => this.#error(...error)),
      ]);
      // Closed or destroyed while it was loading: the next `connect()` finds it loaded.
      if (this.#wanted && !this.#destroyed) this.#start(instance, url);
    } catch (error) {
      // Told as a state too: a provider's `connect` has nobody who awaits the promise.
      const { code } = error as PulsewireError;
      if (this.#wanted) this.#say({ state: 'idle', reason: code });
      throw error;
    }
  }

  #start(instance: WasmInstance, url: string): void {
    const { numbers: settings, metrics } = configOf(this.#options);
    const numbers = [...crypto.getRandomValues(new Uint32Array(2)), ...settings];
    const clientName = this.#options.clientName ?? 'pulsewire-js';
    const maxBytes = this.#options.recorder?.maxBytes ?? DEFAULT_MAX_BYTES;
    const held = () => ({ channels: this.#channels.held(), series: this.#telemetry.held() });
    const start = { version: VERSION, numbers, metrics, session: this.#session, clientName };
    const recorder = maxBytes > 0 ? new Recorder(start, held, maxBytes) : undefined;
    this.#recorder = recorder;
    const record =
      recorder &&
      ((kind: number, monotonic: number, unix: number, number: number, value: unknown) =>
        recorder.add(this.#core, kind, monotonic, unix, number, value));
    const core = new Core(
      instance,
      Float64Array.from(numbers),
      [url, clientName, VERSION, this.#session, ...metrics],
      this.#sockets.constructorFor(),
      { ...this.#callbacks(), record },
      recorder,
    );
    this.#core = core;
    this.#world.start(url);
    this.#endTrapWatch = instance.onTrap(error => this.#trapped(error));
    this.#channels.start(core);
    this.#telemetry.start(core);
    this.#interestChanged();
    this.#requests.start(core);
    core.connect();
    this.#changedAll();
  }

  /** What the core tells. Everything of the page's own that is called here is guarded by `callAll`. */
  #callbacks() {
    const told: ((number: number, a: never, b: never, c: never) => void)[] = [
      slices => this.#changed(slices),
      (_, event: ChannelEvent) => this.#event(event),
      (_, channel: string) => callAll(this.#events.resync, { channel }),
      (_, code: string, message: string, channel?: string) => this.#error(code, message, channel),
      // No request of the page has the number 0: that one is the core's own, which asks who is online.
      (request, value) => (request === 0 ? this.#people.present(value) : this.#requests.settle(request, value)),
      (request, error: PulsewireErrorBody) => this.#requests.fail(request, error),
      (request, reason: TokenReason) => void this.#token(request, reason),
      (_, reason: string) => this.#page(this.#options.onUnauthorized, reason),
      (_, toast: Toast) => void this.#toast(toast),
      (_, toast: Toast) => this.#page(this.#options.onToastClick, toast),
    ];
    return {
      // By number, as `Tell` in client-wasm/src/bridge.rs: those before `told` are for what is done outside of the wasm.
      tell: (kind: number, number: number, a: never, b: never, c: never) =>
        kind < FIRST_TOLD ? this.#world.handle(kind, number, a, b, c) : told[kind - FIRST_TOLD]?.(number, a, b, c),
    };
  }

  /**
   * Once per browser where tabs share a connection; what is about this tab's connection or sign-in, once in each. It is the moment for
   * the sound: the toast itself shows in every tab, for nobody can tell here which of them is looked at. A tab where nobody listens
   * leaves it to the others.
   */
  async #toast(toast: Toast): Promise<void> {
    if (this.#events.toast.size === 0) return;
    const first = toast.kind === 'connection' || toast.kind === 'auth' ? undefined : this.#sockets.isFirst(`toast ${toast.id}`);
    if (first === undefined || (await first)) callAll(this.#events.toast, toast);
  }

  #page<A>(run: ((argument: A) => void) | undefined, argument: A): void {
    if (run !== undefined) callAll([run], argument);
  }

  #changed(slices: number): void {
    if (slices & Slice.connection) this.connection.changed();
    if (slices & Slice.devices) this.deviceStatuses.changed();
    if (slices & Slice.alerts) this.alerts.changed();
    if (slices & Slice.dashboard) this.dashboardStats.changed();
    if (slices & Slice.viewers) this.viewerCounts.changed();
    if (slices & Slice.toasts) this.toasts.changed();
    if (slices & Slice.outbox) this.outbox.changed();
    if (slices & Slice.channels) this.#channels.changed();
    if (slices & Slice.telemetry) this.#telemetry.changed();
    if (slices & Slice.metrics) this.#telemetry.metricsChanged();
    this.#people.changed(slices);
    this.#remember();
  }

  /** Where the channels stand, should the wasm fail. */
  #remember(): void {
    const { user } = this.connection.get();
    if (user !== undefined) this.#channels.remember(['tenant', `user:${user}`]);
  }

  #changedAll(): void {
    this.#changed(~0);
  }

  #event(event: ChannelEvent): void {
    this.#remember();
    this.#channels.deliver(event);
    callAll(this.#events.event, event);
  }

  #error(code: string, message: string, channel?: string): void {
    const reported = { code: code as ReportedErrorCode, message };
    callAll(this.#events.error, channel === undefined ? reported : { ...reported, channel });
  }

  async #token(request: number, reason: TokenReason): Promise<void> {
    const core = this.#core;
    try {
      const token = await (this.#options.getToken?.({ reason }) ?? '');
      if (core !== this.#core) return;
      this.#sockets.identify(socketUrl(this.#options.url), token);
      core?.setToken(request, token);
    } catch (error) {
      // A trap is told by its own way.
      if (core === this.#core && !isTrap(error)) core?.tokenFailed(request, error instanceof Error ? error.message : String(error));
    }
  }

  #interestChanged(): void {
    this.#core?.listen(undefined, this.#events.event.size > 0);
  }

  /** The wasm is dead: a fresh instance gets everything that is wanted (row C19). */
  #trapped(error: Error): void {
    this.#drop();
    this.#sockets.closeOpen();
    this.#requests.handleTrap({ code: 'wasm_trap', message: 'the wasm failed before the answer came', retryable: true });
    const now = Date.now();
    this.#traps = [...this.#traps.filter(at => now - at < 60_000), now];
    const again = this.#wanted && this.#traps.length <= MAX_TRAPS_PER_MINUTE;
    this.#say({ state: again ? 'reconnecting' : 'closed', reason: 'wasm_trap' });
    this.#error(
      'wasm_trap',
      `the wasm failed (${error.message}); ${again ? 'a fresh instance is being started' : 'it is not started again'}`,
    );
    if (!again) return;
    // Not from inside the call that failed.
    queueMicrotask(() => {
      if (!this.#wanted || this.#core !== undefined) return;
      this.connect().catch((failed: unknown) => this.#error('wasm_load_failed', failed instanceof Error ? failed.message : String(failed)));
    });
  }

  #drop(): void {
    this.#endTrapWatch?.();
    this.#endTrapWatch = undefined;
    this.#world.stop();
    this.#core = undefined;
    this.#telemetry.stop();
  }

  #say(status: Pick<ConnectionStatus, 'state' | 'reason'>): void {
    const { everConnected } = this.connection.get();
    this.#outside = { attempt: 0, since: Date.now(), everConnected, interrupted: status.reason !== undefined, ...status };
    this.#changedAll();
  }
}
