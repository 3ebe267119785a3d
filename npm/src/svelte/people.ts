/** People and jobs as stores: what needs a channel holds it while it is listened to. */
import type {
  Conversation,
  ConversationMessage,
  Execution,
  Notification,
  Observable,
  Patient,
  PresentUser,
  Pulsewire,
  SubscribeOptions,
  Typist,
} from '../types.js';
import { lazyReadable, onServer, type Readable } from './readable.js';

export interface PeopleStores {
  /** Newest first, read ones included: look at `read`. */
  readonly notifications: Readable<readonly Notification[]>;
  readonly unreadNotifications: Readable<number>;
  /** Who of the tenant is online, by name. */
  readonly presence: Readable<readonly PresentUser[]>;
  /** By id. */
  readonly patients: Readable<Readonly<Record<string, Patient>>>;
  /** By id. */
  readonly conversations: Readable<Readonly<Record<string, Conversation>>>;
  /** The messages of a conversation, oldest first, with the newest 50 at first. */
  messages(conversationId: string, options?: SubscribeOptions): Readable<readonly ConversationMessage[]>;
  /** Who else writes in a conversation. */
  typing(conversationId: string): Readable<readonly Typist[]>;
  execution(executionId: string): Readable<Execution | undefined>;
}

export function peopleStores(client: Pulsewire): PeopleStores {
  /** A part of an observable; with a channel held, where it is named. */
  const part = <T, U>(source: () => Observable<T>, pick: (value: T) => U, channel?: string, options?: SubscribeOptions): Readable<U> =>
    lazyReadable(pick(source().get()), set => {
      if (onServer()) return () => {};
      const hold = channel === undefined ? undefined : client.channel(channel, options);
      const stop = source().subscribe(value => set(pick(value)));
      return () => {
        stop();
        hold?.release();
      };
    });
  return {
    notifications: part(
      () => client.notifications,
      state => state.items,
    ),
    unreadNotifications: part(
      () => client.notifications,
      state => state.unread,
    ),
    // Looking at it asks the relay: not before somebody listens.
    presence: { subscribe: run => client.presence.subscribe(run) },
    patients: client.patients,
    conversations: client.conversations,
    messages: (id, options = { history: 50 }) =>
      part(
        () => client.messages(id),
        messages => messages,
        `conversation:${id}`,
        options,
      ),
    typing: id =>
      part(
        () => client.typing,
        typists => typists.filter(typist => typist.conversationId === id),
        `conversation:${id}`,
      ),
    execution: id =>
      part(
        () => client.executions,
        executions => executions[id],
        `execution:${id}`,
      ),
  };
}
