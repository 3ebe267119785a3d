/**
 * The conversations of the ward as the relay keeps them (`conversations.list`): who wrote last, how much is unread, and who has taken them on.
 *
 * Live news name a conversation and never what was written in it, so the list is asked for again after them; those of one moment are one question.
 */
import type { ConversationMessage, Pulsewire } from 'pulsewire';
import { journal } from './journal';
import { Value } from './value';

/** When a list that was refused is asked for again. */
const AGAIN_MS = 5_000;
/** News that come together are one question. */
const SOON_MS = 200;
const PAGE = 50;

export type ConversationStatus = 'open' | 'assumed' | 'resolved';
export interface ConversationItem {
  conversationId: string;
  status: ConversationStatus;
  /** Who has taken it on, or resolved it. */
  assignee?: string;
  assigneeName?: string;
  lastMessage?: ConversationMessage & { user?: string };
  lastMessageTs: number;
  /** Messages of others that this person has not read. */
  unread: number;
}

export class ConversationList {
  /** Newest activity first; `undefined` until the relay told. */
  readonly items = new Value<readonly ConversationItem[] | undefined>(undefined);
  readonly more = new Value(false);
  /** It cannot be asked for now: while polling there are no calls, or the relay refused. What was known stands. */
  readonly failed = new Value(false);
  /** Why the last change of a status did not succeed. */
  readonly refused = new Value<string | undefined>(undefined);
  #shown = PAGE;
  #round = 0;
  #again = false;
  #under = false;
  #soon: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly client: Pulsewire) {}

  /** Follows the relay until the answer is called. */
  watch(): () => void {
    const { client } = this;
    let connection: string | undefined;
    const look = (): void => {
      const { state, connectionId } = client.connection.get();
      if (state === 'polling') this.failed.set(true);
      if (state !== 'connected' || connection === connectionId) return;
      connection = connectionId;
      void this.#load();
    };
    look();
    const offs = [
      client.connection.listen(look),
      client.on('event', ({ event, replayed }) => {
        // A read mark changes what is unread: told on the conversation, and to whose it is on all their devices.
        if (!replayed && (event === 'conversation_updated' || event === 'message_status' || event === 'conversation_read')) this.#loadSoon();
      }),
      client.on('resync', ({ channel }) => {
        if (channel === 'tenant' || channel.startsWith('conversation:')) this.#loadSoon();
      }),
    ];
    return () => {
      this.#round += 1;
      clearTimeout(this.#soon);
      this.#soon = undefined;
      for (const off of offs) off();
    };
  }

  showMore(): void {
    this.#shown += PAGE;
    void this.#load();
  }

  /** Takes on, resolves or opens again. One that somebody else has is taken only by `takeOver`. */
  async setStatus(conversationId: string, status: ConversationStatus, takeOver = false): Promise<void> {
    try {
      await this.client.call('conversations.status', { conversationId, status, ...(takeOver && { takeOver }) });
      this.refused.set(undefined);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.refused.set(message);
      journal.add('bad', 'logRefused', { what: `conversations.status: ${message}` });
    }
    await this.#load();
  }

  #loadSoon(afterMs = SOON_MS): void {
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      void this.#load();
    }, afterMs);
  }

  /** One question at a time: where news come faster than answers, each would otherwise undo the one before. */
  async #load(): Promise<void> {
    this.#again = this.#under;
    if (this.#under) return;
    this.#under = true;
    try {
      await this.#ask();
    } finally {
      this.#under = false;
    }
    if (this.#again) this.#loadSoon();
  }

  async #ask(): Promise<void> {
    const round = this.#round;
    const found: ConversationItem[] = [];
    let before: string | undefined;
    try {
      do {
        const page = await this.client.call<{ items: ConversationItem[]; next?: string | null }>('conversations.list', {
          limit: PAGE,
          ...(before !== undefined && { before }),
        });
        found.push(...page.items);
        before = page.next ?? undefined;
      } while (before !== undefined && found.length < this.#shown && round === this.#round);
      if (round !== this.#round) return;
      this.items.set(found);
      this.more.set(before !== undefined);
      this.failed.set(false);
    } catch (error) {
      // Lost with the connection: the next one asks again, and what was known stands.
      if (round !== this.#round || this.client.connection.get().state !== 'connected') return;
      this.failed.set(true);
      this.#loadSoon(AGAIN_MS);
      journal.add('bad', 'logError', { message: `conversations.list: ${error instanceof Error ? error.message : String(error)}` });
    }
  }
}
