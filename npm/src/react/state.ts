/** Hooks for what the client keeps: connection, devices, alerts, toasts, viewers, statistics, notifications, people and jobs. */
import { useCallback, useMemo, useState } from 'react';
import { ofPatient } from '../pick.js';
import type {
  AlertsState,
  Conversation,
  ConversationMessage,
  Execution,
  NotificationsState,
  Observable,
  Pulsewire,
  PublishResult,
  Quality,
  ToastsState,
  Typist,
} from '../types.js';
import { usePulsewire } from './context.js';
import { type HoldOption, type HoldWatch, useHold, useObservable, usePolled, type Watch } from './observe.js';

// What a server renders. Constants, because `useSyncExternalStore` wants the same reference each time.
const NONE: readonly never[] = [];
const NOTHING: Readonly<Record<string, never>> = {};
const NO_LIST = { items: NONE, unread: 0 };
const EMPTY = {
  connection: { state: 'idle', attempt: 0, since: 0, everConnected: false, interrupted: false },
  alerts: NO_LIST,
  notifications: NO_LIST,
  toasts: { visible: NONE, waiting: 0, held: false },
  deviceStatuses: NOTHING,
  viewerCounts: NOTHING,
  executions: NOTHING,
  conversations: NOTHING,
  patients: NOTHING,
  dashboardStats: undefined,
  presence: NONE,
  typing: NONE,
  outbox: NONE,
} as const satisfies { [Name in StateName]: ValueOf<Name> };

type StateName = { [Name in keyof Pulsewire]: Pulsewire[Name] extends Observable<unknown> ? Name : never }[keyof Pulsewire];
type ValueOf<Name extends StateName> = Pulsewire[Name] extends Observable<infer T> ? T : never;

function useSlice<Name extends StateName, U = ValueOf<Name>>(name: Name, watch?: Watch<ValueOf<Name>, U>): U {
  const client = usePulsewire();
  return useObservable(client[name] as Observable<ValueOf<Name>>, EMPTY[name] as ValueOf<Name>, watch);
}
/** The hook of a whole part of the state. */
const slice =
  <Name extends StateName>(name: Name) =>
  <U = ValueOf<Name>>(watch?: Watch<ValueOf<Name>, U>): U =>
    useSlice(name, watch);
type MemberOf<Name extends StateName> = ValueOf<Name> extends Readonly<Record<string, infer T>> ? T : never;
/** The hook of what stands in a part of the state by id: it renders only where that one changes. Holds the channel of the id. */
const member =
  <Name extends StateName>(name: Name, channel: (id: string) => string, rate?: number) =>
  (id: string, { hold = true, maxHz }: HoldOption & { maxHz?: number } = {}): MemberOf<Name> | undefined => {
    useHold(hold && channel(id), { maxHz: maxHz ?? rate });
    return useSlice(name, { select: all => (all as Readonly<Record<string, MemberOf<Name>>>)[id], maxHz });
  };

export const useConnection = /* @__PURE__ */ slice('connection');
/** By device id; holds nothing. */
export const useDeviceStatuses = /* @__PURE__ */ slice('deviceStatuses');
/** By id: what was told of each patient since the page is connected. */
export const usePatients = /* @__PURE__ */ slice('patients');
/** Who of the tenant is online, by name. */
export const usePresence = /* @__PURE__ */ slice('presence');
/** Messages that are on their way, oldest first: for lists that show a message before the relay has it. */
export const useOutbox = /* @__PURE__ */ slice('outbox');
/** The status of one device; holds its channel, slowly. */
export const useDeviceStatus = /* @__PURE__ */ member('deviceStatuses', id => `device:${id}`, 1);
/** Who looks at a channel. Holding it makes this page a viewer; `{ hold: false }` only looks on. */
export const useViewers = /* @__PURE__ */ member('viewerCounts', channel => channel);
const useOneExecution = /* @__PURE__ */ member('executions', id => `execution:${id}`);

/** The dashboard's statistics; holds the `dashboard` channel. */
export function useDashboardStats<U = ValueOf<'dashboardStats'>>({
  hold = true,
  ...watch
}: HoldWatch<ValueOf<'dashboardStats'>, U> = {}): U {
  useHold(hold && 'dashboard', watch);
  return useSlice('dashboardStats', watch);
}

const NO_QUALITY: Quality = { grade: 'offline', jitterMs: 0, uptime: 0, reconnects: 0, messagesPerSecond: 0, bytesPerSecond: 0 };

/** How good the connection is, looked at each second (or every `everyMs`). */
export function useQuality({ everyMs = 1_000 }: { everyMs?: number } = {}): Quality {
  const client = usePulsewire();
  return usePolled(
    useCallback(() => client.quality(), [client]),
    NO_QUALITY,
    everyMs,
  );
}

/** The active alerts, newest first; of one patient where named. */
export function useAlerts({
  patientId,
  maxHz,
}: {
  patientId?: string;
  maxHz?: number;
} = {}): AlertsState & { markRead(ids: readonly string[] | 'all'): void } {
  const client = usePulsewire();
  const all = useSlice('alerts', { maxHz });
  return useMemo(() => {
    const shown = patientId === undefined ? all : ofPatient(all, patientId);
    return {
      ...shown,
      // "All" of a filtered list is what the list shows, not the whole ward.
      markRead: ids => client.markAlertsRead(ids === 'all' && shown !== all ? shown.items.map(alert => alert.id) : ids),
    };
  }, [client, all, patientId]);
}

export function useToasts(): ToastsState & { dismiss(id: string): void; click(id: string): void; hold(held: boolean): void } {
  const client = usePulsewire();
  const state = useSlice('toasts');
  return useMemo(
    () => ({
      ...state,
      dismiss: id => client.dismissToast(id),
      click: id => client.clickToast(id),
      hold: held => client.holdToasts(held),
    }),
    [client, state],
  );
}

export function useNotifications(): NotificationsState & {
  markRead(ids: readonly string[] | 'all'): void;
  dismiss(ids: readonly string[] | 'all'): void;
} {
  const client = usePulsewire();
  const state = useSlice('notifications');
  return useMemo(
    () => ({ ...state, markRead: ids => client.markNotificationsRead(ids), dismiss: ids => client.dismissNotifications(ids) }),
    [client, state],
  );
}

/** Who else writes in a conversation, and the way to say that this user does. Holds its channel. */
export function useTyping(
  conversationId: string,
  { hold = true }: HoldOption = {},
): { typists: readonly Typist[]; setTyping(active: boolean): void } {
  const client = usePulsewire();
  useHold(hold && `conversation:${conversationId}`);
  const typists = useSlice('typing', { select: all => all.filter(typist => typist.conversationId === conversationId) });
  const setTyping = useCallback((active: boolean) => client.setTyping(conversationId, active), [client, conversationId]);
  return { typists, setTyping };
}

/**
 * A conversation: what was told of it, its messages (oldest first), who writes. Holds its channel, with the newest 50 at first.
 *
 * `older` gives a page of what came before a message, from the application's own backend: `loadOlder()` asks for it and puts it in front,
 * each message once. It resolves with how many came; 0 is the beginning. Messages keep their ids, so a list keyed by them does not jump.
 */
export function useConversation(
  conversationId: string,
  {
    history = 50,
    older,
  }: { history?: number; older?: (before: ConversationMessage | undefined) => Promise<readonly ConversationMessage[]> } = {},
): {
  conversation: Conversation | undefined;
  messages: readonly ConversationMessage[];
  typists: readonly Typist[];
  setTyping(active: boolean): void;
  loadOlder(): Promise<number>;
} {
  const client = usePulsewire();
  useHold(`conversation:${conversationId}`, { history });
  const conversation = useSlice('conversations', { select: all => all[conversationId] });
  const live = useObservable<readonly ConversationMessage[]>(client.messages(conversationId), NONE);
  // By conversation: a page that comes late must not land in another one.
  const [loaded, setLoaded] = useState<Readonly<Record<string, readonly ConversationMessage[]>>>(NOTHING);
  const before = loaded[conversationId] ?? NONE;
  // Each once: at its first place, as it was told last.
  const messages = useMemo(() => [...new Map([...before, ...live].map(message => [message.id, message])).values()], [before, live]);
  const loadOlder = async (): Promise<number> => {
    const page = (await older?.(messages[0])) ?? NONE;
    setLoaded(all => ({ ...all, [conversationId]: [...page, ...(all[conversationId] ?? NONE)] }));
    return page.length;
  };
  return { conversation, messages, loadOlder, ...useTyping(conversationId, { hold: false }) };
}

/** A long job. Holds its channel. */
export function useExecution(
  executionId: string,
  options?: HoldOption,
): { execution: Execution | undefined; retry(): Promise<PublishResult> } {
  const client = usePulsewire();
  const execution = useOneExecution(executionId, options);
  return { execution, retry: useCallback(() => client.retryExecution(executionId), [client, executionId]) };
}
