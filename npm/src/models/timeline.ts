/**
 * A conversation as a list to scroll: what the relay has stored, what comes live, and this page's own messages from the moment they are sent.
 *
 * Own messages go through the outbox: without a connection they wait there and go out in order. Each keeps its `key` from the optimistic
 * entry to the stored one, so that a list keyed by it never jumps. Marks (`delivered`, `read`) are up to a message: one covers all before it. Trap: who
 * wrote a live message is told by role and name alone (only stored ones have a user), so two people of one name and role look like one.
 */
import type { Schemas } from '../api/index.js';
import { randomId } from '../ids.js';
import type { Conversation, ConversationMessage, Pulsewire, Typist } from '../types.js';
import { codeOf, isAbsent, Live, type LoadStatus, shared } from './live.js';

const PAGE = 50;

/** `queued` waits for a connection, `sending` is on its way; `failed` and `unknown` (nobody can tell) are for the user to decide. */
export type MessageState = 'queued' | 'sending' | 'sent' | 'delivered' | 'read' | 'failed' | 'unknown';

/** A message with where it is on its way. */
export interface TimelineMessage extends ConversationMessage {
  /** Who wrote it, of stored messages. */
  user?: string;
  /** Stays the same from the optimistic entry to the stored one. */
  key: string;
  /** Written by this page's author. */
  own: boolean;
  /** Of own messages. */
  state?: MessageState;
}
/** A conversation as it stands. */
export interface TimelineState {
  /** Oldest first; what is on its way comes last. */
  messages: readonly TimelineMessage[];
  typists: readonly Typist[];
  conversation?: Conversation;
  status: LoadStatus;
  /** Whether the relay has older ones. */
  more: boolean;
  loadingOlder: boolean;
  /** The code of the newest page of older ones that failed, until one comes. */
  error?: string;
}
/** In whose name this page writes. */
export interface Author {
  sender: ConversationMessage['sender'];
  senderName: string;
}
type StoredMessage = ConversationMessage & { user?: string };
interface Own {
  message: ConversationMessage;
  state: MessageState;
}

/** What `openTimeline` gives: an observable with the ways to write and to page. */
export class Timeline extends Live<TimelineState> {
  readonly #id: string;
  readonly #channel: string;
  readonly #author: Author;
  #stored = new Map<string, StoredMessage>();
  #next: unknown;
  #round = 0;
  #typing = false;
  /** By client id: what this page sent and has not seen come back. */
  readonly #own = new Map<string, Own>();
  readonly #marked = new Set<string>();
  /** Client ids of this page's messages, stored or not. */
  readonly #mine = new Set<string>();

  constructor(client: Pulsewire, id: string, author: Author) {
    super(client, { messages: [], typists: [], status: 'loading', more: false, loadingOlder: false });
    this.#id = id;
    this.#channel = `conversation:${id}`;
    this.#author = author;
  }

  protected start(): (() => void)[] {
    const held = this.client.channel(this.#channel, { history: PAGE });
    const about = (): void => this.patch({ conversation: this.client.conversations.get()[this.#id] });
    const typing = (): void => {
      const typists = this.client.typing.get().filter(({ conversationId }) => conversationId === this.#id);
      if (typists.length > 0 || this.get().typists.length > 0) this.patch({ typists });
    };
    const merge = (): void => this.#merge();
    merge();
    about();
    typing();
    return [
      () => held.release(),
      this.client.messages(this.#id).listen(merge),
      this.client.outbox.listen(merge),
      this.client.typing.listen(typing),
      this.client.conversations.listen(about),
      this.client.on('resync', ({ channel }) => {
        if (channel === this.#channel) void this.reload();
      }),
      this.onConnected(() => void this.reload()),
      () => this.setTyping(false),
    ];
  }

  /** Asks for the newest page again, and closes the hole where it no longer reaches what was loaded before. */
  async reload(): Promise<void> {
    const round = ++this.#round;
    try {
      const { items, next } = await this.#ask(undefined);
      if (round !== this.#round) return;
      const meets = items.some(({ id }) => this.#stored.has(id));
      if (!meets) {
        this.#stored = new Map();
        this.#next = next ?? undefined;
      }
      for (const message of items) this.#stored.set(message.id, message);
      this.patch({ status: 'ready', more: this.#next !== undefined });
    } catch (error) {
      if (round !== this.#round) return;
      this.patch({ status: isAbsent(error) ? 'absent' : 'error' });
    }
    this.#merge();
  }

  /** Puts the page of what came before in front; gives how many came. */
  async loadOlder(): Promise<number> {
    if (!this.get().more || this.get().loadingOlder) return 0;
    this.patch({ loadingOlder: true, error: undefined });
    const round = this.#round;
    try {
      const { items, next } = await this.#ask(this.#next);
      // A reload came in between, whose page may not meet this one.
      if (round !== this.#round) return 0;
      for (const message of items) this.#stored.set(message.id, message);
      this.#next = next ?? undefined;
      this.patch({ more: this.#next !== undefined });
      this.#merge();
      return items.length;
    } catch (error) {
      this.patch({ error: codeOf(error) });
      return 0;
    } finally {
      this.patch({ loadingOlder: false });
    }
  }

  /** Shows a message at once and sends it through the outbox; gives its key. Nothing is sent for white space. */
  send(content: string): string | undefined {
    const text = content.trim();
    if (text === '') return undefined;
    const clientId = randomId();
    this.#mine.add(clientId);
    this.#own.set(clientId, { message: { ...this.#author, id: clientId, clientId, content: text, ts: Date.now() }, state: 'queued' });
    this.setTyping(false);
    this.#publish(clientId);
    return clientId;
  }
  /** Sends one again that failed. */
  retry(key: string): void {
    const own = this.#own.get(key);
    if (own?.state === 'failed' || own?.state === 'unknown') this.#publish(key);
  }
  /** Takes one that failed out of the list. */
  discard(key: string): void {
    const own = this.#own.get(key);
    if (own?.state !== 'failed' && own?.state !== 'unknown') return;
    this.#own.delete(key);
    this.#merge();
  }
  /** For each key that is typed; `false` when the field is left or emptied. */
  setTyping(active: boolean): void {
    // The core sends each only as often as it should; a stop without a start is nothing to tell.
    if (active || this.#typing) this.client.setTyping(this.#id, active);
    this.#typing = active;
  }
  /** Says that the newest message of others was read, and with it all before: call it when that is in sight. */
  markRead(): void {
    this.#mark('read');
  }

  #mark(status: 'delivered' | 'read'): void {
    const { user, state } = this.client.connection.get();
    const newest = this.get().messages.findLast(({ own }) => !own);
    if (user === undefined || state !== 'connected' || !newest) return;
    const messageId = newest.id;
    const what = `${status} ${messageId}`;
    if (this.#marked.has(what) || this.#marked.has(`read ${messageId}`)) return;
    this.#marked.add(what);
    // Not queued: the next message, or the next visit, says it again, and by then it says more.
    const said = this.client.publish(this.#channel, 'message_status', { messageId, status, user }, { key: what, queue: false });
    said.catch(() => this.#marked.delete(what));
  }

  #ask(before: unknown): Promise<Schemas['MessageList']> {
    const params = { conversationId: this.#id, limit: PAGE, ...(before !== undefined && { before }) };
    return this.client.call<Schemas['MessageList']>('conversations.messages', params);
  }

  #publish(clientId: string): void {
    const own = this.#own.get(clientId);
    if (!own) return;
    const set = (state: MessageState): void => {
      own.state = state;
      this.#merge();
    };
    const { id: _made, status: _none, ...message } = own.message;
    const data: unknown = { conversationId: this.#id, message };
    const sending = this.client.publish(this.#channel, 'message_new', data as never, { key: clientId });
    const follow = (): void => {
      const now = sending.state.get();
      if (now === 'queued' || now === 'sent') set(now === 'sent' ? 'sending' : 'queued');
    };
    const stop = sending.state.listen(follow);
    follow();
    sending.then(
      () => set('sent'),
      (error: unknown) => set(codeOf(error) === 'unknown' ? 'unknown' : 'failed'),
    );
    sending.then(stop, stop);
  }

  protected forget(): void {
    this.#stored = new Map();
    this.#next = undefined;
    this.#round++;
    this.#typing = false;
    this.#own.clear();
    this.#marked.clear();
    this.#mine.clear();
  }

  #merge(): void {
    const { sender, senderName } = this.#author;
    const live = this.client.messages(this.#id).get();
    const byId = new Map(this.#stored);
    for (const message of live) {
      const before = byId.get(message.id);
      const status = furthest(before?.status, message.status);
      byId.set(message.id, { ...before, ...message, ...(status && { status }) });
    }
    const kept = [...byId.values()].sort((a, b) => a.ts - b.ts);
    const known = new Set(kept.map(({ clientId }) => clientId));
    for (const clientId of this.#own.keys()) if (known.has(clientId)) this.#own.delete(clientId);
    const waiting = new Map([...this.#own].map(([clientId, { message, state }]) => [clientId, { message, state }]));
    // What was written before a reload of the page waits in the outbox alone.
    for (const { channel, event, data, state, queuedAt } of this.client.outbox.get()) {
      const message = (data as { message?: ConversationMessage } | null)?.message;
      const clientId = message?.clientId;
      if (channel !== this.#channel || event !== 'message_new' || !clientId || known.has(clientId) || waiting.has(clientId)) continue;
      waiting.set(clientId, {
        message: { ...message, id: clientId, ts: message.ts ?? queuedAt },
        state: state === 'sent' ? 'sending' : 'queued',
      });
    }
    const { user } = this.client.connection.get();
    const shown = (message: StoredMessage): TimelineMessage => {
      const named = message.user ? message.user === user : message.sender === sender && message.senderName === senderName;
      const own = named || this.#mine.has(message.clientId ?? '');
      return { ...message, key: message.clientId ?? message.id, own, ...(own && { state: message.status ?? 'sent' }) };
    };
    const all = kept.map(shown);
    // A mark covers what was written before.
    let reached: ConversationMessage['status'];
    for (const message of [...all].reverse()) {
      if (!message.own) continue;
      reached = furthest(reached, message.status);
      message.state = reached ?? 'sent';
    }
    const last = [...waiting.values()].map(({ message, state }) => ({ ...message, key: message.clientId ?? message.id, own: true, state }));
    this.patch({ messages: [...all, ...last] });
    if (this.active) this.#mark('delivered');
  }
}

const STEPS = [undefined, 'sent', 'delivered', 'read'] as const;
function furthest(a: ConversationMessage['status'], b: ConversationMessage['status']): ConversationMessage['status'] {
  return STEPS[Math.max(STEPS.indexOf(a), STEPS.indexOf(b))];
}

/** A conversation, as `author` sees it; the same one for all who ask for the same. */
export const openTimeline = (client: Pulsewire, id: string, author: Author = { sender: 'user', senderName: '' }): Timeline =>
  shared(client, `conversation ${id} ${author.sender} ${author.senderName}`, () => new Timeline(client, id, author));
