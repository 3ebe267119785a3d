/**
 * The notifications of this user: those that the relay stores, with those that come while the page is open, each once.
 *
 * A relay without a store answers `not_found`; then what came while the page is connected is all there is, and marks stay in the page.
 * Marks are shown once the relay has them, not before: a read mark that was refused must not look like one.
 */
import type { Schemas } from '../api/index.js';
import type { Notification, Pulsewire } from '../types.js';
import { codeOf, isAbsent, Live, type LoadStatus, shared } from './live.js';

const PAGE = 30;

export interface InboxState {
  /** Newest first, read ones included. */
  items: readonly Notification[];
  unread: number;
  status: LoadStatus;
  /** Whether the relay has older ones. */
  more: boolean;
  /** The code of the newest action that failed, until one succeeds. */
  error?: string;
}

export class Inbox extends Live<InboxState> {
  #stored = new Map<string, Notification>();
  readonly #dismissed = new Set<string>();
  readonly #read = new Set<string>();
  #next: unknown;
  /** What the relay counts, where it has more than is loaded. */
  #counted: number | undefined;
  #round = 0;

  constructor(client: Pulsewire) {
    super(client, { items: [], unread: 0, status: 'loading', more: false });
  }

  protected start(): (() => void)[] {
    this.#merge();
    return [
      this.holdOwn(own => {
        own.on<{ ids: readonly string[] }>('notification_read', ({ data }) => this.#marked(data.ids, this.#read));
        own.on<{ ids: readonly string[] }>('notification_dismissed', ({ data }) => this.#marked(data.ids, this.#dismissed));
      }),
      this.client.notifications.listen(() => this.#merge()),
      this.client.on('resync', ({ channel }) => {
        if (channel === `user:${this.client.connection.get().user}`) void this.reload();
      }),
      this.onConnected(() => void this.reload()),
    ];
  }

  /** Asks for the newest again. */
  async reload(): Promise<void> {
    const round = ++this.#round;
    if (this.get().status !== 'ready') this.patch({ status: 'loading' });
    await this.#load(round, undefined);
  }

  /** Asks for the page behind the oldest. */
  async loadMore(): Promise<void> {
    if (!this.get().more || this.get().status === 'loading') return;
    this.patch({ status: 'loading' });
    await this.#load(++this.#round, this.#next);
  }

  async markRead(ids: readonly string[] | 'all'): Promise<boolean> {
    return this.#act('read', ids, this.#read);
  }
  async dismiss(ids: readonly string[] | 'all'): Promise<boolean> {
    return this.#act('dismiss', ids, this.#dismissed);
  }

  async #load(round: number, before: unknown): Promise<void> {
    try {
      const page = await this.client.call<Schemas['NotificationList']>('notifications.list', {
        limit: PAGE,
        ...(before !== undefined && { before }),
      });
      if (round !== this.#round) return;
      if (before === undefined) this.#stored = new Map();
      for (const item of page.items) this.#stored.set(item.id, item);
      this.#next = page.next ?? undefined;
      this.#counted = page.unread;
      this.patch({ status: 'ready', more: this.#next !== undefined });
    } catch (error) {
      if (round !== this.#round) return;
      this.patch({ status: isAbsent(error) ? 'absent' : 'error', more: false });
    }
    this.#merge();
  }

  async #act(what: 'read' | 'dismiss', ids: readonly string[] | 'all', marks: Set<string>): Promise<boolean> {
    const named = ids === 'all' ? this.get().items.map(({ id }) => id) : ids;
    if (named.length === 0) return true;
    try {
      const params = ids === 'all' ? { all: true } : { ids };
      const answer = await this.client.call<{ unread?: number } | undefined>(`notifications.${what}`, params).catch((error: unknown) => {
        // Without a store the mark is the page's own.
        if (!isAbsent(error)) throw error;
        return undefined;
      });
      this.patch({ error: undefined });
      this.#marked(named, marks, answer?.unread);
      if (what === 'read') this.client.markNotificationsRead(ids);
      else this.client.dismissNotifications(ids);
      return true;
    } catch (error) {
      this.patch({ error: codeOf(error) });
      return false;
    }
  }

  #marked(ids: readonly string[], marks: Set<string>, counted?: number): void {
    const unread = new Set(
      this.get()
        .items.filter(({ read }) => !read)
        .map(({ id }) => id),
    );
    const fewer = ids.filter(id => unread.has(id)).length;
    for (const id of ids) marks.add(id);
    if (this.#counted !== undefined) this.#counted = counted ?? Math.max(0, this.#counted - fewer);
    this.#merge();
  }

  #merge(): void {
    const live = this.client.notifications.get().items;
    const fresh = live.filter(({ id, read }) => !read && !this.#stored.has(id) && !this.#read.has(id) && !this.#dismissed.has(id));
    const all = new Map([...live, ...this.#stored.values()].map(item => [item.id, item]));
    for (const item of live) if (item.read) this.#read.add(item.id);
    const items = [...all.values()]
      .filter(({ id }) => !this.#dismissed.has(id))
      .map(item => (item.read || !this.#read.has(item.id) ? item : { ...item, read: true }))
      .sort((a, b) => b.ts - a.ts);
    const shown = items.filter(({ read }) => !read).length;
    // The relay counts what is not loaded too; what came since it counted comes on top.
    const unread = this.get().more && this.#counted !== undefined ? Math.max(shown, this.#counted + fresh.length) : shown;
    this.patch({ items, unread });
  }

  protected forget(): void {
    this.#stored = new Map();
    this.#dismissed.clear();
    this.#read.clear();
    this.#next = this.#counted = undefined;
    this.#round++;
  }
}

/** The notifications of a client's user; the same one for all who ask. */
export const openInbox = (client: Pulsewire): Inbox => shared(client, 'inbox', () => new Inbox(client));
