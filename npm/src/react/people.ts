/**
 * `pulsewire/react/people`: hooks for notifications, conversations, long jobs, usage and what becomes of alerts: what the relay has stored
 * together with what comes live. Apart from `pulsewire/react`, so that a page of charts does not pay for them.
 *
 * Each gives its state with the ways to act on it. They hold their channels while mounted, and share one model per client and id.
 */
import { useMemo } from 'react';
import { type AlertDesk, type AlertDeskOptions, type AlertDeskState, openAlertDesk } from '../models/alert-desk.js';
import { type ExecutionView, type ExecutionViewState, openExecution } from '../models/execution.js';
import { type Inbox, type InboxState, openInbox } from '../models/inbox.js';
import { type Author, openTimeline, type Timeline, type TimelineState } from '../models/timeline.js';
import { openUsage, type UsageOptions, type UsageState } from '../models/usage.js';
import type { Observable, Patient, PresentUser, Pulsewire, Typist } from '../types.js';
import { usePulsewire } from './context.js';
import { type HoldOption, useHold, useObservable, type Watch } from './observe.js';

// What a server renders: the same reference each time.
const NONE: readonly never[] = [];
const NOTHING: Readonly<Record<string, never>> = {};
const INBOX: InboxState = { items: NONE, unread: 0, status: 'loading', more: false };
const DESK: AlertDeskState = { items: NONE, unread: 0, status: 'loading', more: false, canAct: true, busy: new Set() };
const TIMELINE: TimelineState = { messages: NONE, typists: NONE, status: 'loading', more: false, loadingOlder: false };
const EXECUTION: ExecutionViewState = { status: 'loading', retrying: false, log: NONE };
const USAGE: UsageState = { sessions: NONE, status: 'loading' };

/** A model's state, and the model itself for the ways to act; `key` says which one it is. */
function useModel<S, M extends Observable<S>>(open: (client: Pulsewire) => M, key: string, initial: S): [S, M] {
  const client = usePulsewire();
  // biome-ignore lint/correctness/useExhaustiveDependencies: `key` stands for what `open` closes over
  const model = useMemo(() => open(client), [client, key]);
  return [useObservable(model, initial), model];
}

/** The notifications of this user, newest first. */
export function useNotifications(): InboxState & Pick<Inbox, 'markRead' | 'dismiss' | 'loadMore' | 'reload'> {
  const [state, inbox] = useModel<InboxState, Inbox>(openInbox, '', INBOX);
  return useMemo(
    () => ({
      ...state,
      markRead: ids => inbox.markRead(ids),
      dismiss: ids => inbox.dismiss(ids),
      loadMore: () => inbox.loadMore(),
      reload: () => inbox.reload(),
    }),
    [state, inbox],
  );
}

/** The alerts that are not resolved, of one patient where named (holds `patient:{id}`), with what became of them. */
export function useAlertDesk(
  patientId?: string,
  { hold = true }: AlertDeskOptions = {},
): AlertDeskState & Pick<AlertDesk, 'markRead' | 'acknowledge' | 'resolve' | 'reload'> {
  const open = (client: Pulsewire) => openAlertDesk(client, patientId, { hold });
  const [state, desk] = useModel<AlertDeskState, AlertDesk>(open, `${patientId ?? ''} ${hold}`, DESK);
  return useMemo(
    () => ({
      ...state,
      markRead: ids => desk.markRead(ids),
      acknowledge: (id, note) => desk.acknowledge(id, note),
      resolve: (id, note) => desk.resolve(id, note),
      reload: () => desk.reload(),
    }),
    [state, desk],
  );
}

/**
 * A conversation: its messages (oldest first, what is on its way last), who writes, and the ways to write. New ones come behind, older pages in
 * front (`loadOlder()` resolves with how many came), and each message keeps its `key`: a list keyed by it does not jump.
 */
export function useConversation(
  conversationId: string,
  author?: Author,
): TimelineState & Pick<Timeline, 'send' | 'retry' | 'discard' | 'loadOlder' | 'markRead' | 'setTyping' | 'reload'> {
  const key = `${conversationId} ${author?.sender} ${author?.senderName}`;
  const [state, timeline] = useModel<TimelineState, Timeline>(client => openTimeline(client, conversationId, author), key, TIMELINE);
  return useMemo(
    () => ({
      ...state,
      send: content => timeline.send(content),
      retry: which => timeline.retry(which),
      discard: which => timeline.discard(which),
      loadOlder: () => timeline.loadOlder(),
      markRead: () => timeline.markRead(),
      setTyping: active => timeline.setTyping(active),
      reload: () => timeline.reload(),
    }),
    [state, timeline],
  );
}

/** By id: what was told of each patient since the page is connected. */
export function usePatients<U = Readonly<Record<string, Patient>>>(watch?: Watch<Readonly<Record<string, Patient>>, U>): U {
  return useObservable(usePulsewire().patients, NOTHING, watch);
}
/** Who of the tenant is online, by name. */
export function usePresence<U = readonly PresentUser[]>(watch?: Watch<readonly PresentUser[], U>): U {
  return useObservable(usePulsewire().presence, NONE, watch);
}

/** Who else writes in a conversation, and the way to say that this user does. Holds its channel. */
export function useTyping(
  conversationId: string,
  { hold = true }: HoldOption = {},
): { typists: readonly Typist[]; setTyping(active: boolean): void } {
  const client = usePulsewire();
  useHold(hold && `conversation:${conversationId}`);
  const typists = useObservable<readonly Typist[], readonly Typist[]>(client.typing, NONE, {
    select: all => all.filter(typist => typist.conversationId === conversationId),
  });
  return useMemo(() => ({ typists, setTyping: active => client.setTyping(conversationId, active) }), [typists, client, conversationId]);
}

/** A long job. Holds its channel. */
export function useExecution(executionId: string): ExecutionViewState & Pick<ExecutionView, 'retry' | 'reload'> {
  const [state, view] = useModel<ExecutionViewState, ExecutionView>(client => openExecution(client, executionId), executionId, EXECUTION);
  return useMemo(() => ({ ...state, retry: () => view.retry(), reload: () => view.reload() }), [state, view]);
}

/** How a patient uses a device: now, and over the last days. Holds `patient:{id}`. */
export function useUsage(patientId: string, options: UsageOptions = {}): UsageState {
  return useModel<UsageState, Observable<UsageState>>(
    client => openUsage(client, patientId, options),
    `${patientId} ${options.days} ${options.hold}`,
    USAGE,
  )[0];
}
