/**
 * The alerts of the ward, or of one patient, with what became of them: those that the relay stores and those that come, each once.
 *
 * An alert is active, then acknowledged (somebody is on it), then resolved. `alert_updated` tells the others. A relay without a store
 * has no such states: then every alert is active and `canAct` is false after the first try, so that no button promises what nobody keeps.
 */
import type { Schemas } from '../api/index.js';
import type { Alert, Pulsewire } from '../types.js';
import { codeOf, isAbsent, Live, type LoadStatus, type Page, shared } from './live.js';

const PAGE = 100;
/** What is read of one list; where the relay has more, its critical ones are asked for by themselves. */
const MOST = 1_000;
/** Ids of one request, at most. */
const MOST_IDS = 1_000;
const FIRST_WAIT_MS = 2_000;
const LONGEST_WAIT_MS = 60_000;

export type AlertState = 'active' | 'acknowledged' | 'resolved';
export interface DeskAlert extends Alert {
  state: AlertState;
  /** Who is on it, by name. */
  acknowledgedBy?: string;
  acknowledgedAt?: number;
  resolvedBy?: string;
  resolvedAt?: number;
  note?: string;
}
export interface AlertDeskState {
  /** Newest first, without the resolved ones. */
  items: readonly DeskAlert[];
  /** Those that are not loaded included. */
  unread: number;
  status: LoadStatus;
  /** Whether the relay has open ones that are not in `items`; never critical ones that nobody has taken on. */
  more: boolean;
  /** False where this relay cannot acknowledge and resolve. */
  canAct: boolean;
  /** Alerts under way to the relay, by id. */
  busy: ReadonlySet<string>;
  /** The code of the newest action that failed, until one succeeds. */
  error?: string;
}

export interface AlertDeskOptions {
  /** False where the page holds `patient:{id}` already, or must not be counted as its viewer. */
  hold?: boolean;
}

export class AlertDesk extends Live<AlertDeskState> {
  readonly #patientId: string | undefined;
  readonly #hold: boolean;
  #stored = new Map<string, DeskAlert>();
  /** By id: what became of alerts, told or answered. */
  readonly #changes = new Map<string, Partial<DeskAlert>>();
  /** Came live and have been resolved since: the core keeps them as they came. */
  #over = new Set<string>();
  /** Unread ones that the relay counts and that are not loaded. */
  #beyond = 0;
  #round = 0;
  #loading = false;
  #failures = 0;
  #again: ReturnType<typeof setTimeout> | undefined;

  constructor(client: Pulsewire, patientId: string | undefined, { hold = true }: AlertDeskOptions = {}) {
    super(client, { items: [], unread: 0, status: 'loading', more: false, canAct: true, busy: new Set() });
    this.#patientId = patientId;
    this.#hold = hold;
  }

  protected start(): (() => void)[] {
    this.#merge();
    // A token for single patients may not listen to `tenant`: what is told of one patient comes on that patient's channel too.
    const own = this.#patientId === undefined ? [] : [`patient:${this.#patientId}`];
    const held = ['tenant', ...(this.#hold ? own : [])].map(name => this.client.channel(name));
    return [
      ...held.map(channel => () => channel.release()),
      this.client.on('event', ({ event, data }) => {
        if (event === 'alert_updated') this.#changed(data as Partial<DeskAlert> & { id: string });
      }),
      // Read on another device of this user.
      this.holdOwn(mine =>
        mine.on<{ ids: readonly string[] }>('alert_read', ({ data }) => {
          this.#isRead(data.ids);
          // Of those that are not loaded, the relay alone can say how many still count.
          if (this.#beyond > 0) void this.reload();
        }),
      ),
      this.client.alerts.listen(() => this.#merge()),
      this.client.on('resync', ({ channel }) => {
        if (channel === 'tenant' || own.includes(channel)) void this.reload();
      }),
      this.onConnected(() => void this.reload()),
      () => clearTimeout(this.#again),
    ];
  }

  async reload(): Promise<void> {
    const round = ++this.#round;
    clearTimeout(this.#again);
    this.#loading = true;
    if (this.get().status !== 'ready') this.patch({ status: 'loading' });
    const live = this.client.alerts.get().items;
    const found = new Map<string, DeskAlert>();
    try {
      const { more, unread } = await this.#read(round, { state: 'open' }, found);
      if (more) await this.#read(round, { state: 'active', severity: 'critical' }, found);
      const over = await this.#resolved(round, live, found);
      if (round !== this.#round) return;
      this.#stored = found;
      this.#over = over;
      // The relay counts all that this user may see, not those of one patient.
      const counts = more && this.#patientId === undefined;
      this.#beyond = counts ? Math.max(0, unread - [...found.values()].filter(({ read }) => !read).length) : 0;
      this.#failures = 0;
      this.patch({ status: 'ready', more, canAct: true });
    } catch (error) {
      if (round !== this.#round) return;
      // What came before it failed is shown: an alert that is known must be seen.
      this.#stored = new Map([...this.#stored, ...found]);
      this.patch({ status: isAbsent(error) ? 'absent' : 'error' });
      if (!isAbsent(error)) this.#tryAgain();
    }
    this.#loading = false;
    this.#merge();
  }

  /** Page after page, up to `MOST` alerts; says whether the relay has more. */
  async #read(round: number, of: object, into: Map<string, DeskAlert>): Promise<{ more: boolean; unread: number }> {
    let [count, unread] = [0, 0];
    let before: unknown;
    do {
      const page: Page<DeskAlert> = await this.client.call<Schemas['AlertList']>('alerts.list', {
        ...of,
        limit: PAGE,
        ...(this.#patientId !== undefined && { patientId: this.#patientId }),
        ...(before !== undefined && { before }),
      });
      for (const alert of page.items) into.set(alert.id, alert);
      count += page.items.length;
      unread = page.unread ?? 0;
      before = page.next ?? undefined;
    } while (before !== undefined && count < MOST && round === this.#round);
    return { more: before !== undefined, unread };
  }

  /**
   * Which of those that came live were resolved by others while nobody told it. Not being among the open ones does not say so:
   * another relay, with a store of its own, may have kept it. An alert is dropped only where the relay says that it is over.
   */
  async #resolved(round: number, live: readonly Alert[], open: ReadonlyMap<string, unknown>): Promise<Set<string>> {
    const of = this.#patientId;
    const missing = live.filter(({ id, patientId }) => !open.has(id) && (of === undefined || patientId === of));
    const over = new Set(missing.map(({ id }) => id).filter(id => this.#over.has(id)));
    const asked = missing.filter(({ id }) => !over.has(id));
    if (asked.length === 0) return over;
    const ended = new Map<string, DeskAlert>();
    await this.#read(round, { state: 'resolved', from: Math.min(...asked.map(({ ts }) => ts)) }, ended);
    for (const { id } of asked) if (ended.get(id)?.state === 'resolved') over.add(id);
    return over;
  }

  #tryAgain(): void {
    if (!this.active) return;
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#failures++);
    // Not all pages of a ward at once.
    this.#again = setTimeout(() => void this.reload(), wait * (0.5 + Math.random() / 2));
  }

  async markRead(ids: readonly string[]): Promise<boolean> {
    if (ids.length === 0) return true;
    try {
      for (let n = 0; n < ids.length; n += MOST_IDS) await this.client.call('alerts.read', { ids: ids.slice(n, n + MOST_IDS) });
    } catch (error) {
      // Without a store the mark is the page's own, as ever.
      if (!isAbsent(error)) {
        this.patch({ error: codeOf(error) });
        return false;
      }
    }
    this.client.markAlertsRead(ids);
    this.patch({ error: undefined });
    this.#isRead(ids);
    return true;
  }
  /** Somebody is on it. */
  async acknowledge(id: string, note?: string): Promise<boolean> {
    return this.#act('acknowledge', id, note);
  }
  async resolve(id: string, note?: string): Promise<boolean> {
    return this.#act('resolve', id, note);
  }

  async #act(what: 'acknowledge' | 'resolve', id: string, note: string | undefined): Promise<boolean> {
    if (this.get().busy.has(id)) return false;
    this.patch({ busy: new Set([...this.get().busy, id]) });
    try {
      const told = await this.client.call<Schemas['StoredAlert'] | undefined>(`alerts.${what}`, { id, ...(note && { note }) });
      const state: AlertState = what === 'resolve' ? 'resolved' : 'acknowledged';
      this.patch({ error: undefined });
      this.client.markAlertsRead([id]);
      this.#changed({ state, read: true, ...told, id });
      return true;
    } catch (error) {
      const unknown = isAbsent(error);
      // Where the list is known, one alert is not: it has expired, or is no longer this user's to see. That says nothing of the others.
      this.patch(unknown && this.get().status === 'absent' ? { canAct: false, error: undefined } : { error: codeOf(error) });
      if (unknown && this.get().status === 'ready') void this.reload();
      return false;
    } finally {
      this.patch({ busy: new Set([...this.get().busy].filter(one => one !== id)) });
    }
  }

  #changed(change: Partial<DeskAlert> & { id: string }): void {
    this.#changes.set(change.id, { ...this.#changes.get(change.id), ...change });
    this.#merge();
  }

  #isRead(ids: readonly string[]): void {
    for (const id of ids) this.#changes.set(id, { ...this.#changes.get(id), read: true });
    this.#merge();
  }

  protected forget(): void {
    this.#stored = new Map();
    this.#changes.clear();
    this.#over.clear();
    this.#beyond = this.#failures = 0;
    this.#loading = false;
    this.#round++;
    clearTimeout(this.#again);
  }

  #merge(): void {
    const live = this.client.alerts.get().items.filter(({ id }) => !this.#over.has(id));
    const read = new Set(live.filter(alert => alert.read).map(({ id }) => id));
    const all = new Map<string, DeskAlert>(live.map(alert => [alert.id, { state: 'active', ...alert }]));
    for (const [id, alert] of this.#stored) all.set(id, { ...all.get(id), ...alert, read: alert.read || read.has(id) });
    // What is told of an alert while the list is on its way may be newer than the list.
    if (!this.#loading) for (const id of this.#changes.keys()) if (!all.has(id)) this.#changes.delete(id);
    const items = [...all.values()]
      .map(alert => ({ ...alert, state: alert.state ?? 'active', ...this.#changes.get(alert.id) }))
      .filter(alert => alert.state !== 'resolved' && (this.#patientId === undefined || alert.patientId === this.#patientId))
      .sort((a, b) => b.ts - a.ts);
    this.patch({ items, unread: items.filter(alert => !alert.read).length + this.#beyond });
  }
}

/** The alerts of a client, of one patient where one is named; the same desk for all who ask for the same. */
export const openAlertDesk = (client: Pulsewire, patientId?: string, options: AlertDeskOptions = {}): AlertDesk =>
  shared(client, `alerts ${patientId ?? ''} ${options.hold ?? true}`, () => new AlertDesk(client, patientId, options));
