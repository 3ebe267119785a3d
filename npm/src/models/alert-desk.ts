/**
 * The alerts of the ward, or of one patient, with what became of them: those that the relay stores and those that come, each once.
 *
 * An alert is active, then acknowledged (somebody is on it), then resolved. `alert_updated` tells the others. A relay without a store
 * has no such states: then every alert is active and `canAct` is false after the first try, so that no button promises what nobody keeps.
 */
import type { Alert, Pulsewire } from '../types.js';
import { codeOf, isAbsent, Live, type LoadStatus, type Page, shared } from './live.js';

const PAGE = 100;

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
  unread: number;
  status: LoadStatus;
  /** False where this relay cannot acknowledge and resolve. */
  canAct: boolean;
  /** Alerts under way to the relay, by id. */
  busy: ReadonlySet<string>;
  /** The code of the newest action that failed, until one succeeds. */
  error?: string;
}

export class AlertDesk extends Live<AlertDeskState> {
  readonly #patientId: string | undefined;
  #stored = new Map<string, DeskAlert>();
  /** By id: what became of alerts, told or answered. */
  readonly #changes = new Map<string, Partial<DeskAlert>>();
  #round = 0;

  constructor(client: Pulsewire, patientId: string | undefined) {
    super(client, { items: [], unread: 0, status: 'loading', canAct: true, busy: new Set() });
    this.#patientId = patientId;
  }

  protected start(): (() => void)[] {
    this.#merge();
    const tenant = this.client.channel('tenant');
    tenant.on<Partial<DeskAlert> & { id: string }>('alert_updated', ({ data }) => this.#changed(data));
    return [
      () => tenant.release(),
      this.client.alerts.listen(() => this.#merge()),
      this.client.on('resync', ({ channel }) => {
        if (channel === 'tenant') void this.reload();
      }),
      this.onConnected(() => void this.reload()),
    ];
  }

  async reload(): Promise<void> {
    const round = ++this.#round;
    if (this.get().status !== 'ready') this.patch({ status: 'loading' });
    try {
      const patientId = this.#patientId;
      const of = { state: 'open', limit: PAGE, ...(patientId !== undefined && { patientId }) };
      const page = await this.client.call<Page<DeskAlert>>('alerts.list', of);
      if (round !== this.#round) return;
      this.#stored = new Map(page.items.map(item => [item.id, item]));
      this.patch({ status: 'ready' });
    } catch (error) {
      if (round !== this.#round) return;
      this.patch({ status: isAbsent(error) ? 'absent' : 'error' });
    }
    this.#merge();
  }

  async markRead(ids: readonly string[]): Promise<boolean> {
    if (ids.length === 0) return true;
    try {
      await this.client.call('alerts.read', { ids });
    } catch (error) {
      // Without a store the mark is the page's own, as ever.
      if (!isAbsent(error)) {
        this.patch({ error: codeOf(error) });
        return false;
      }
    }
    this.client.markAlertsRead(ids);
    for (const id of ids) this.#changes.set(id, { ...this.#changes.get(id), read: true });
    this.patch({ error: undefined });
    this.#merge();
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
      const told = await this.client.call<Partial<DeskAlert> | undefined>(`alerts.${what}`, { id, ...(note && { note }) });
      const state: AlertState = what === 'resolve' ? 'resolved' : 'acknowledged';
      this.patch({ error: undefined });
      this.client.markAlertsRead([id]);
      this.#changed({ state, read: true, ...told, id });
      return true;
    } catch (error) {
      this.patch(isAbsent(error) ? { canAct: false, error: undefined } : { error: codeOf(error) });
      return false;
    } finally {
      this.patch({ busy: new Set([...this.get().busy].filter(one => one !== id)) });
    }
  }

  #changed(change: Partial<DeskAlert> & { id: string }): void {
    this.#changes.set(change.id, { ...this.#changes.get(change.id), ...change });
    this.#merge();
  }

  #merge(): void {
    const live = this.client.alerts.get().items;
    const read = new Set(live.filter(alert => alert.read).map(({ id }) => id));
    const all = new Map<string, DeskAlert>(live.map(alert => [alert.id, { state: 'active', ...alert }]));
    for (const [id, alert] of this.#stored) all.set(id, { ...all.get(id), ...alert, read: alert.read || read.has(id) });
    for (const id of this.#changes.keys()) if (!all.has(id)) this.#changes.delete(id);
    const items = [...all.values()]
      .map(alert => ({ ...alert, state: alert.state ?? 'active', ...this.#changes.get(alert.id) }))
      .filter(alert => alert.state !== 'resolved' && (this.#patientId === undefined || alert.patientId === this.#patientId))
      .sort((a, b) => b.ts - a.ts);
    this.patch({ items, unread: items.filter(alert => !alert.read).length });
  }
}

/** The alerts of a client, of one patient where one is named; the same desk for all who ask for the same. */
export const openAlertDesk = (client: Pulsewire, patientId?: string): AlertDesk =>
  shared(client, `alerts ${patientId ?? ''}`, () => new AlertDesk(client, patientId));
