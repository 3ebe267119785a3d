/**
 * `pulsewire/people`: notifications, alerts with what became of them, conversations, usage and long jobs as one thing each: what the relay
 * has stored together with what comes live.
 *
 * Each `open…` gives an observable with methods: a Svelte store, or for React `useObservable`. It works while somebody listens. The
 * elements, and the hooks of `pulsewire/react/people`, stand on these.
 */
export {
  type AlertDesk,
  type AlertDeskOptions,
  type AlertDeskState,
  type AlertState,
  type DeskAlert,
  openAlertDesk,
} from './alert-desk.js';
export { type ExecutionLine, type ExecutionView, type ExecutionViewState, openExecution } from './execution.js';
export { type Inbox, type InboxState, openInbox } from './inbox.js';
export type { LoadStatus } from './live.js';
export {
  type Author,
  type MessageState,
  openTimeline,
  type Timeline,
  type TimelineMessage,
  type TimelineState,
} from './timeline.js';
export { openUsage, type Usage, type UsageOptions, type UsageSession, type UsageState, usedSince } from './usage.js';
