/**
 * A client in memory for the tests and the gallery: holds everything the public types promise, connects to nothing.
 *
 * The `set…` and `feed…` methods play the relay; `holds()` counts what is held, which is how the tests find leaks.
 */
import { PulsewireError } from '../src/errors.js';
import type {
  Alert,
  AlertsState,
  ChannelEvent,
  ChannelHandle,
  ChannelState,
  ConnectionStatus,
  Conversation,
  ConversationMessage,
  DashboardStats,
  DeviceStatus,
  Diagnosis,
  Execution,
  Freshness,
  HeldChannel,
  NotificationsState,
  Observable,
  Patient,
  PresentUser,
  Pulsewire,
  PulsewireEvents,
  Quality,
  ShownToast,
  SubscribeOptions,
  TelemetryHandle,
  TelemetryView,
  Toast,
  ToastsState,
  Typist,
  ViewerCount,
  Delivery,
  DeliveryState,
  OutboxItem,
} from '../src/types.js';

export class Value<T> implements Observable<T> {
  private readonly listeners = new Set<{ changed: () => void }>();
  constructor(private value: T) {}
  get(): T {
    return this.value;
  }
  set(value: T): void {
    this.value = value;
    for (const { changed } of [...this.listeners]) changed();
  }
  listen(changed: () => void): () => void {
    const entry = { changed };
    this.listeners.add(entry);
    return () => this.listeners.delete(entry);
  }
  subscribe(run: (value: T) => void): () => void {
    run(this.value);
    return this.listen(() => run(this.value));
  }
  get listenerCount(): number {
    return this.listeners.size;
  }
}

/** One metric's points, shared by all its handles. */
class Points {
  t: number[] = [];
  v: number[] = [];
  gaps: number[] = [];
  unit: string | undefined;
  state: Freshness = 'empty';
  ageMs: number | undefined;
  version = 0;
  readonly listeners = new Set<{ changed: () => void }>();
  private made: { version: number; view: TelemetryView } | undefined;
  /** As cheap to ask again as the real one, so that the gallery measures the elements and not this. */
  view(): TelemetryView {
    if (this.made?.version !== this.version) {
      const view = { t: Float64Array.from(this.t), v: Float64Array.from(this.v), gaps: this.gaps, unit: this.unit };
      this.made = { version: this.version, view };
    }
    return this.made.view;
  }
  changed(): void {
    this.version++;
    for (const { changed } of [...this.listeners]) changed();
  }
}

const CAPACITY = 100;

export class FakeClient implements Pulsewire {
  readonly connection = new Value<ConnectionStatus>({ state: 'idle', attempt: 0, since: 0, everConnected: false, interrupted: false });
  readonly deviceStatuses = new Value<Readonly<Record<string, DeviceStatus>>>({});
  readonly alerts = new Value<AlertsState>({ items: [], unread: 0 });
  readonly dashboardStats = new Value<DashboardStats | undefined>(undefined);
  readonly viewerCounts = new Value<Readonly<Record<string, ViewerCount>>>({});
  readonly outbox = new Value<readonly OutboxItem[]>([]);
  readonly toasts = new Value<ToastsState>({ visible: [], waiting: 0, held: false });

  readonly notifications = new Value<NotificationsState>({ items: [], unread: 0 });
  readonly presence = new Value<readonly PresentUser[]>([]);
  readonly typing = new Value<readonly Typist[]>([]);
  readonly executions = new Value<Readonly<Record<string, Execution>>>({});
  readonly conversations = new Value<Readonly<Record<string, Conversation>>>({});
  readonly patients = new Value<Readonly<Record<string, Patient>>>({});
  private readonly timelines = new Map<string, Value<readonly ConversationMessage[]>>();

  /** Every call of a command, as `name arguments`. */
  readonly calls: string[] = [];
  private readonly held = new Map<string, number>();
  private readonly states = new Map<string, Value<ChannelState>>();
  private readonly channelListeners = new Map<string, Set<{ event: string; run: (event: ChannelEvent) => void }>>();
  private readonly series = new Map<string, Points>();

  // What the relay would do.
  setConnection(status: Partial<ConnectionStatus>): void {
    this.connection.set({ ...this.connection.get(), since: Date.now(), ...status });
  }
  setDevice(status: DeviceStatus): void {
    this.deviceStatuses.set({ ...this.deviceStatuses.get(), [status.deviceId]: status });
  }
  setAlerts(items: readonly Alert[]): void {
    this.alerts.set({ items, unread: items.filter(alert => !alert.read).length });
  }
  setViewers(channel: string, viewers: ViewerCount): void {
    this.viewerCounts.set({ ...this.viewerCounts.get(), [channel]: viewers });
  }
  setToasts(visible: readonly ShownToast[], waiting = 0): void {
    const before = this.toasts.get().visible;
    this.toasts.set({ ...this.toasts.get(), visible, waiting });
    for (const toast of visible) {
      if (!before.some(({ id }) => id === toast.id)) for (const run of [...this.toastListeners]) run(toast);
    }
  }
  feedEvent(channel: string, event: string, data: unknown): void {
    const value: ChannelEvent = { channel, event, data, ts: Date.now(), replayed: false };
    for (const run of [...this.eventListeners]) run(value);
    for (const listener of [...(this.channelListeners.get(channel) ?? [])]) {
      if (listener.event === '*' || listener.event === event) listener.run(value);
    }
  }
  /** Points of one metric; `gap` puts a hole before the first of them. */
  feed(
    device: string,
    metric: string,
    points: readonly (readonly [number, number])[],
    { unit, gap = false, capacity = CAPACITY }: { unit?: string; gap?: boolean; capacity?: number } = {},
  ): void {
    const series = this.points(device, metric);
    if (gap && series.t.length > 0) series.gaps.push(series.t.length);
    for (const [t, v] of points) {
      series.t.push(t);
      series.v.push(v);
    }
    const over = Math.max(0, series.t.length - capacity);
    series.t.splice(0, over);
    series.v.splice(0, over);
    series.gaps = series.gaps.map(i => i - over).filter(i => i > 0);
    series.unit = unit ?? series.unit;
    series.state = 'live';
    series.ageMs = 0;
    series.changed();
  }
  setFreshness(device: string, metric: string, state: Freshness, ageMs?: number): void {
    const series = this.points(device, metric);
    series.state = state;
    series.ageMs = ageMs;
  }

  // What the tests ask.
  /** How many holds there are on a channel, or on all. */
  holds(channel?: string): number {
    if (channel !== undefined) return this.held.get(channel) ?? 0;
    return [...this.held.values()].reduce((sum, n) => sum + n, 0);
  }
  listeners(): number {
    const values = [
      ...[this.connection, this.deviceStatuses, this.alerts, this.dashboardStats, this.viewerCounts, this.toasts],
      ...[this.notifications, this.presence, this.typing, this.executions, this.conversations, this.patients],
      ...this.timelines.values(),
    ];
    return (
      values.reduce((sum, value) => sum + value.listenerCount, 0) +
      this.eventListeners.size +
      [...this.states.values()].reduce((sum, value) => sum + value.listenerCount, 0) +
      [...this.channelListeners.values()].reduce((sum, set) => sum + set.size, 0) +
      [...this.series.values()].reduce((sum, series) => sum + series.listeners.size, 0)
    );
  }

  // The contract.
  async connect(): Promise<void> {
    this.calls.push('connect');
    this.setConnection({ state: 'connected', everConnected: true });
  }
  close(): void {
    this.calls.push('close');
    this.setConnection({ state: 'closed' });
  }
  async signOut(): Promise<void> {
    this.calls.push('signOut');
    this.close();
  }
  destroy(): void {
    this.calls.push('destroy');
  }
  channel(name: string, _options?: SubscribeOptions): ChannelHandle {
    const state = this.state(name);
    const release = this.hold(name);
    const mine = new Set<{ event: string; run: (event: ChannelEvent) => void }>();
    return {
      name,
      state,
      on: (event: string, run: (event: ChannelEvent<never>) => void) => {
        const entry = { event, run: run as (event: ChannelEvent) => void };
        const all = this.channelListeners.get(name) ?? new Set();
        this.channelListeners.set(name, all.add(entry));
        mine.add(entry);
        return () => all.delete(entry);
      },
      publish: (event, data) => this.publish(name, event, data),
      // As the real one: a handle that is released ends its listeners.
      release: () => {
        for (const entry of mine) this.channelListeners.get(name)?.delete(entry);
        release();
      },
    };
  }
  channels(): HeldChannel[] {
    return [...this.held].filter(([, holds]) => holds > 0).map(([name, holds]) => ({ name, holds, ...this.state(name).get() }));
  }
  telemetry(deviceId: string, metric: string): TelemetryHandle {
    const series = this.points(deviceId, metric);
    const release = this.hold(`device:${deviceId}`);
    const view = (): TelemetryView => series.view();
    return {
      deviceId,
      metric,
      view,
      decimated: view,
      stats: () => {
        const { v, t } = series;
        if (v.length === 0) return undefined;
        const mean = v.reduce((sum, one) => sum + one, 0) / v.length;
        return { min: Math.min(...v), max: Math.max(...v), mean, last: v.at(-1) ?? 0, lastT: t.at(-1) ?? 0, count: v.length };
      },
      freshness: () => ({ state: series.state, ageMs: series.ageMs }),
      listen: changed => {
        const entry = { changed };
        series.listeners.add(entry);
        return () => series.listeners.delete(entry);
      },
      version: () => series.version,
      release,
    };
  }
  metrics(deviceId: string): Observable<readonly string[]> {
    const prefix = `${deviceId} `;
    return new Value([...this.series.keys()].filter(key => key.startsWith(prefix)).map(key => key.slice(prefix.length)));
  }
  private readonly eventListeners = new Set<(event: ChannelEvent) => void>();
  private readonly toastListeners = new Set<(toast: Toast) => void>();
  on<K extends keyof PulsewireEvents>(type: K, run: (event: PulsewireEvents[K]) => void): () => void {
    if (type === 'event') {
      this.eventListeners.add(run as (event: ChannelEvent) => void);
      return () => void this.eventListeners.delete(run as (event: ChannelEvent) => void);
    }
    if (type !== 'toast') return () => {};
    this.toastListeners.add(run as (toast: Toast) => void);
    return () => void this.toastListeners.delete(run as (toast: Toast) => void);
  }
  publish(channel: string, event: string, _data: unknown): Delivery {
    this.calls.push(`publish ${channel} ${event}`);
    return Object.assign(Promise.resolve({ offset: 1 }), { state: new Value<DeliveryState>('confirmed') });
  }
  /** What the relay answers, by method; all others it does not know. */
  readonly answers = new Map<string, (params: never) => unknown>();
  async call<T>(method: string, params?: unknown): Promise<T> {
    this.calls.push(params === undefined ? `call ${method}` : `call ${method} ${JSON.stringify(params)}`);
    const answer = this.answers.get(method);
    if (!answer) throw new PulsewireError({ code: 'not_found', message: `no ${method}` });
    return (await answer(params as never)) as T;
  }
  quality(): Quality {
    return { grade: 'good', latencyMs: 20, jitterMs: 1, uptime: 1, reconnects: 0, messagesPerSecond: 0, bytesPerSecond: 0 };
  }
  exportRecording(): Blob {
    return new Blob([]);
  }
  async diagnose(): Promise<Diagnosis> {
    return { code: 'ok', ok: true, summary: '', mend: '', checks: [] };
  }
  async ping(): Promise<number> {
    return 1;
  }
  messages(conversationId: string): Value<readonly ConversationMessage[]> {
    const timeline = this.timelines.get(conversationId) ?? new Value<readonly ConversationMessage[]>([]);
    this.timelines.set(conversationId, timeline);
    return timeline;
  }
  setTyping(conversationId: string, active: boolean): void {
    this.calls.push(`setTyping ${conversationId} ${active}`);
  }
  markNotificationsRead(ids: readonly string[] | 'all'): void {
    this.calls.push(`markNotificationsRead ${ids}`);
  }
  dismissNotifications(ids: readonly string[] | 'all'): void {
    this.calls.push(`dismissNotifications ${ids}`);
  }
  retryExecution(executionId: string): Promise<{ offset: number }> {
    return this.publish(`execution:${executionId}`, 'execution_retry', {});
  }
  markAlertsRead(ids: readonly string[] | 'all'): void {
    this.calls.push(`markAlertsRead ${ids === 'all' ? ids : ids.join(',')}`);
    this.setAlerts(this.alerts.get().items.map(alert => (ids === 'all' || ids.includes(alert.id) ? { ...alert, read: true } : alert)));
  }
  dismissToast(id: string): void {
    this.calls.push(`dismissToast ${id}`);
    this.setToasts(
      this.toasts.get().visible.filter(toast => toast.id !== id),
      this.toasts.get().waiting,
    );
  }
  holdToasts(held: boolean): void {
    this.calls.push(`holdToasts ${held}`);
    this.toasts.set({ ...this.toasts.get(), held });
  }
  clickToast(id: string): void {
    this.calls.push(`clickToast ${id}`);
  }

  private state(name: string): Value<ChannelState> {
    const state = this.states.get(name) ?? new Value<ChannelState>({ phase: 'subscribed', epoch: 'e1', offset: 0 });
    this.states.set(name, state);
    return state;
  }
  private points(device: string, metric: string): Points {
    const key = `${device} ${metric}`;
    const series = this.series.get(key) ?? new Points();
    this.series.set(key, series);
    return series;
  }
  private hold(name: string): () => void {
    this.held.set(name, this.holds(name) + 1);
    let released = false;
    return () => {
      if (released) throw new Error(`${name} was released twice`);
      released = true;
      this.held.set(name, this.holds(name) - 1);
    };
  }
}

let made = 0;
export function toast(over: Partial<Toast> = {}): Toast {
  made++;
  return {
    id: `t${made}`,
    kind: 'alert',
    severity: 'high',
    title: `Toast ${made}`,
    message: 'Something happened',
    ts: Date.now(),
    ...over,
  };
}
export function alert(over: Partial<Alert> = {}): Alert {
  made++;
  return {
    id: `a${made}`,
    patientId: 'p1',
    patientName: 'Ana Lima',
    type: 'vital',
    severity: 'high',
    message: `Alert ${made}`,
    ts: Date.now(),
    read: false,
    ...over,
  };
}
