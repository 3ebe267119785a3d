/** People and jobs as stores: what needs a channel holds it while it is listened to. */
import type {
  Conversation,
  ConversationMessage,
  Execution,
  Notification,
  Patient,
  PresentUser,
  Pulsewire,
  SubscribeOptions,
  Typist,
} from '../types.js';
import { partOf, type Readable } from './readable.js';

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
  return {
    notifications: partOf(client, client.notifications, ({ items }) => items),
    unreadNotifications: partOf(client, client.notifications, ({ unread }) => unread),
    // Looking at it asks the relay: not before somebody listens.
    presence: { subscribe: run => client.presence.subscribe(run) },
    patients: client.patients,
    conversations: client.conversations,
    messages: (id, options = { history: 50 }) => partOf(client, client.messages(id), messages => messages, `conversation:${id}`, options),
    typing: id => partOf(client, client.typing, typists => typists.filter(typist => typist.conversationId === id), `conversation:${id}`),
    execution: id => partOf(client, client.executions, executions => executions[id], `execution:${id}`),
  };
}
