/**
 * `pulsewire/svelte/people`: notifications, conversations, long jobs, usage and what becomes of alerts as values with `.current`, for Svelte 5.7
 * and later; apart from `pulsewire/svelte/runes`, so that a page of charts does not pay for them. With Svelte 4 the models of
 * `pulsewire/people` are stores by themselves: `const inbox = openInbox(client)`, `$inbox.unread`.
 *
 * `.current` follows as with the other runes; `.model()` is what to act on: `inbox.model().markRead('all')`.
 */
import { type AlertDesk, type AlertDeskOptions, openAlertDesk } from '../models/alert-desk.js';
import { type ExecutionView, openExecution } from '../models/execution.js';
import { type Inbox, openInbox } from '../models/inbox.js';
import { type Author, openTimeline, type Timeline } from '../models/timeline.js';
import { openUsage, type Usage, type UsageOptions } from '../models/usage.js';
import type { Observable, Pulsewire, Typist } from '../types.js';
import { type Current, following, whole } from './current.js';
import type { Readable } from './readable.js';

/** A model's state as `.current`, and the model itself to act on. */
export interface Model<M extends Observable<unknown>> extends Current<ReturnType<M['get']>> {
  model(): M;
}

function model<A, M extends Observable<unknown>>(arg: () => A, open: (client: Pulsewire, arg: A) => M): Model<M> {
  type State = ReturnType<M['get']>;
  const shown = following<A, State, M & Readable<State>>(arg, ({ client }, at) => open(client, at) as M & Readable<State>);
  return {
    get current() {
      return shown.current;
    },
    model: () => shown.store(),
  };
}

/** The notifications of this user, newest first. */
export const useNotifications = (): Model<Inbox> => model(() => undefined, openInbox);
/** The alerts that are not resolved, of one patient where one is named (holds `patient:{id}`), with what became of them. */
export const useAlertDesk = (patientId: () => string | undefined = () => undefined, options?: AlertDeskOptions): Model<AlertDesk> =>
  model(patientId, (client, id) => openAlertDesk(client, id, options));
/** A conversation: messages oldest first, what is on its way last; holds its channel. */
export const useConversation = (conversationId: () => string, author?: () => Author): Model<Timeline> =>
  model(
    () => ({ id: conversationId(), author: author?.() }),
    (client, { id, author }) => openTimeline(client, id, author),
  );
/** A long job; holds its channel. */
export const useExecution = (executionId: () => string): Model<ExecutionView> => model(executionId, openExecution);
/** How a patient uses a device; holds `patient:{id}`. */
export const useUsage = (patientId: () => string, options?: () => UsageOptions): Model<Usage> =>
  model(
    () => ({ id: patientId(), options: options?.() }),
    (client, { id, options }) => openUsage(client, id, options),
  );
/** Who else writes in a conversation; holds its channel. */
export const useTyping = (conversationId: () => string): Current<readonly Typist[]> =>
  following(conversationId, (stores, id) => stores.typing(id));
/** Who of the tenant is online, by name. Looking at it asks the relay. */
export const usePresence = /* @__PURE__ */ whole('presence');
/** By id: what was told of each patient since the page is connected. */
export const usePatients = /* @__PURE__ */ whole('patients');
