/** What the core keeps of people and jobs, as the page reads it: notifications, presence, typing, executions, conversations, patients. */

import { type Core, type KeptRecord, Slice } from './core.js';
import { Source } from './observable.js';
import type {
  Conversation,
  ConversationMessage,
  Execution,
  Notification,
  NotificationsState,
  Patient,
  PresentUser,
  Typist,
} from './types.js';

/** By the number that the core gives. */
const DELIVERY = [undefined, 'sent', 'delivered', 'read'] as const;

type Members<T> = Readonly<Record<string, T>>;

export class People {
  readonly notifications: Source<NotificationsState>;
  readonly presence: Source<readonly PresentUser[]>;
  readonly typing: Source<readonly Typist[]>;
  readonly executions: Source<Members<Execution>>;
  readonly conversations: Source<Members<Conversation>>;
  readonly patients: Source<Members<Patient>>;
  readonly #core: () => Core | undefined;
  readonly #messages = new Map<string, Source<readonly ConversationMessage[]>>();
  /** The core that was told that somebody looks at presence. */
  #watching: Core | undefined;

  constructor(core: () => Core | undefined) {
    this.#core = core;
    this.notifications = new Source(() => {
      const items = this.#kept<Omit<Notification, 'read'>>(Slice.notifications).map(({ data, ts, mark }) => ({
        ...data,
        ts,
        read: mark > 0,
      }));
      return { items: items.reverse(), unread: items.filter(({ read }) => !read).length };
    });
    this.presence = new Source(() => {
      const core = this.#core();
      if (core !== this.#watching) {
        this.#watching = core;
        core?.watchPresence();
      }
      const users = this.#kept(Slice.presence).map(({ id, name }) => ({ userId: id, name }));
      return users.sort((a, b) => a.name.localeCompare(b.name));
    });
    this.typing = new Source(() => this.#kept(Slice.typing).map(({ scope, id, name }) => ({ conversationId: scope, userId: id, name })));
    this.executions = new Source(() =>
      Object.fromEntries(this.#kept<Omit<Execution, 'ts'>>(Slice.executions).map(({ id, data, ts }) => [id, { ...data, ts }])),
    );
    this.conversations = new Source(() => gathered<Conversation>(this.#kept(Slice.conversations), 'conversationId'));
    this.patients = new Source(() => gathered<Patient>(this.#kept(Slice.patients), 'patientId'));
  }

  messages(conversationId: string): Source<readonly ConversationMessage[]> {
    let messages = this.#messages.get(conversationId);
    if (messages === undefined) {
      messages = new Source<readonly ConversationMessage[]>(() =>
        this.#kept<{ message: ConversationMessage }>(Slice.messages, conversationId).map(({ id, data, ts, mark }) => {
          const status = DELIVERY[mark];
          return { ...data.message, id, ts, ...(status && { status }) };
        }),
      );
      this.#messages.set(conversationId, messages);
    }
    return messages;
  }

  /** The relay's answer to `presence.get`: the core has no parser for JSON. */
  present(json: string): void {
    const core = this.#core();
    const { users = [] } = JSON.parse(json) as { users?: PresentUser[] };
    core?.present('', '');
    for (const { userId, name } of users) core?.present(userId, name);
  }

  changed(slices: number): void {
    if (slices & Slice.notifications) this.notifications.changed();
    if (slices & Slice.presence) this.presence.changed();
    if (slices & Slice.typing) this.typing.changed();
    if (slices & Slice.executions) this.executions.changed();
    if (slices & Slice.conversations) this.conversations.changed();
    if (slices & Slice.patients) this.patients.changed();
    if (slices & Slice.messages) for (const messages of [...this.#messages.values()]) messages.changed();
  }

  #kept<T = undefined>(which: number, scope?: string): KeptRecord<T>[] {
    return this.#core()?.kept<T>(which, scope) ?? [];
  }
}

/** Members, which the core keeps one by one, as the objects they are of: by `scope`, with their newest time. */
function gathered<T extends { ts: number }>(members: KeptRecord[], key: string): Members<T> {
  const things: Record<string, Record<string, unknown> & { ts: number }> = {};
  for (const { scope, id, name, ts } of members) {
    const thing = things[scope] ?? { [key]: scope, ts };
    things[scope] = thing;
    thing.ts = Math.max(thing.ts, ts);
    // The time is the core's, whatever the backend calls so.
    if (id !== 'ts') thing[id] = parsed(name);
  }
  return things as unknown as Members<T>;
}

/** What is no JSON (a backend's mistake) stays text. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
}
