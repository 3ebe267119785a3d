/** Hooks for people and jobs: notifications, presence, typing, conversations, executions, patients. */
import { useCallback, useMemo } from 'react';
import type {
  Conversation,
  ConversationMessage,
  Execution,
  NotificationsState,
  Patient,
  PresentUser,
  PublishResult,
  Typist,
} from '../types.js';
import { usePulsewire } from './context.js';
import { useHold, useObservable } from './observe.js';
import type { HoldOption } from './state.js';

// What a server renders. Constants, because `useSyncExternalStore` wants the same reference each time.
const NO_NOTIFICATIONS: NotificationsState = { items: [], unread: 0 };
const NOBODY: readonly PresentUser[] = [];
const NO_TYPISTS: readonly Typist[] = [];
const NO_MESSAGES: readonly ConversationMessage[] = [];
const NOTHING: Readonly<Record<string, never>> = {};

export function useNotifications(): NotificationsState & {
  markRead(ids: readonly string[] | 'all'): void;
  dismiss(ids: readonly string[] | 'all'): void;
} {
  const client = usePulsewire();
  const state = useObservable(client.notifications, NO_NOTIFICATIONS);
  return useMemo(
    () => ({ ...state, markRead: ids => client.markNotificationsRead(ids), dismiss: ids => client.dismissNotifications(ids) }),
    [client, state],
  );
}

/** Who of the tenant is online, by name. */
export function usePresence(): readonly PresentUser[] {
  return useObservable(usePulsewire().presence, NOBODY);
}

/** Who else writes in a conversation, and the way to say that this user does. Holds its channel. */
export function useTyping(
  conversationId: string,
  { hold = true }: HoldOption = {},
): { typists: readonly Typist[]; setTyping(active: boolean): void } {
  const client = usePulsewire();
  useHold(hold ? `conversation:${conversationId}` : undefined);
  const all = useObservable(client.typing, NO_TYPISTS);
  const typists = useMemo(() => all.filter(typist => typist.conversationId === conversationId), [all, conversationId]);
  const setTyping = useCallback((active: boolean) => client.setTyping(conversationId, active), [client, conversationId]);
  return { typists, setTyping };
}

/** A conversation: what was told of it, its messages (oldest first), who writes. Holds its channel, with the newest 50 at first. */
export function useConversation(
  conversationId: string,
  { history = 50 }: { history?: number } = {},
): {
  conversation: Conversation | undefined;
  messages: readonly ConversationMessage[];
  typists: readonly Typist[];
  setTyping(active: boolean): void;
} {
  const client = usePulsewire();
  useHold(`conversation:${conversationId}`, { history });
  const conversation = useObservable(client.conversations, NOTHING as Readonly<Record<string, Conversation>>)[conversationId];
  const messages = useObservable(client.messages(conversationId), NO_MESSAGES);
  return { conversation, messages, ...useTyping(conversationId, { hold: false }) };
}

/** By id: what was told of each patient since the page is connected. */
export function usePatients(): Readonly<Record<string, Patient>> {
  return useObservable(usePulsewire().patients, NOTHING as Readonly<Record<string, Patient>>);
}

/** A long job. Holds its channel. */
export function useExecution(
  executionId: string,
  { hold = true }: HoldOption = {},
): { execution: Execution | undefined; retry(): Promise<PublishResult> } {
  const client = usePulsewire();
  useHold(hold ? `execution:${executionId}` : undefined);
  const execution = useObservable(client.executions, NOTHING as Readonly<Record<string, Execution>>)[executionId];
  return { execution, retry: useCallback(() => client.retryExecution(executionId), [client, executionId]) };
}
