/**
 * English texts of the elements: the master list, whose type every other language must fill.
 *
 * `{name}` marks a value put in by `fill()`; a `…One`/`…Other` pair is chosen by the language's own plural rule. Flat strings on
 * purpose: an application overrides one with a plain object, and a translator needs no code.
 */
export const en = {
  // Connection chip and banner
  stateIdle: 'Not connected',
  stateConnecting: 'Connecting',
  stateConnected: 'Live',
  stateReconnecting: 'Reconnecting',
  statePolling: 'Limited connection',
  stateUnauthorized: 'Signed out',
  stateClosed: 'Disconnected',
  latency: '{ms} ms',
  pollingHint: 'Updates arrive every few seconds',
  bannerConnecting: 'Connecting…',
  bannerReconnecting: 'Reconnecting…',
  bannerAttempt: 'attempt {n}',
  bannerRetryIn: 'next try in {s} s',
  bannerRetryNow: 'trying now',
  bannerStaleHint: 'What you see may be out of date.',
  bannerOnline: 'Back online',
  bannerUnauthorized: 'You are signed out.',
  bannerUnauthorizedHint: 'Sign in again to see live data.',
  bannerRefused: 'The connection was refused.',
  bannerRefusedHint: 'Ask your administrator for access.',

  // Devices
  deviceOnline: 'Online',
  deviceOffline: 'Offline',
  deviceMaintenance: 'Maintenance',
  deviceUnknown: 'No status yet',
  battery: 'Battery {percent}',
  batteryLow: 'Battery low, {percent}',
  lastSeen: 'seen {when}',
  justNow: 'just now',

  // Charts
  freshLive: 'Live',
  freshStale: 'Stale',
  freshBackfilling: 'Catching up',
  freshEmpty: 'No data',
  chartWaiting: 'Waiting for data',
  chartAge: '{age} old',
  chartSummary: '{metric}: last {last}, lowest {min}, highest {max}',
  chartOf: 'Chart of {metrics}, {device}',

  // Viewers
  viewersOne: '{n} person is viewing',
  viewersOther: '{n} people are viewing',
  viewersMore: 'and {n} more',

  // Severities
  critical: 'Critical',
  high: 'High',
  medium: 'Medium',
  low: 'Low',

  // Alerts
  alertsTitle: 'Alerts',
  alertsEmpty: 'No active alerts',
  alertsUnreadOne: '{n} unread',
  alertsUnreadOther: '{n} unread',
  alertsMarkAll: 'Mark all as read',
  alertsMark: 'Mark as read',
  alertsMarkOf: 'Mark as read: {what}',
  alertsUnread: 'Unread',
  alertsMore: '{n} more not shown',
  alertsMany: 'There are more alerts than are shown here',

  // What several elements say
  loading: 'Loading…',
  loadMore: 'Load more',
  loadFailed: 'This could not be loaded.',
  tryAgain: 'Try again',
  actionFailed: 'That was not saved. Try again.',
  actionForbidden: 'You are not allowed to do that.',

  // Notifications
  notificationsTitle: 'Notifications',
  notificationsEmpty: 'No notifications',
  notificationsUnreadOne: '{n} unread',
  notificationsUnreadOther: '{n} unread',

  // What becomes of alerts
  alertsAcknowledge: 'Acknowledge',
  alertsAcknowledgeOf: 'Acknowledge: {what}',
  alertsResolve: 'Resolve',
  alertsResolveOf: 'Resolve: {what}',
  alertsAcknowledged: 'Acknowledged',
  alertsAcknowledgedBy: '{name} is on it',

  // Usage
  usageInUse: 'In use',
  usageIdle: 'Not in use',
  usageFor: 'for {time}',
  usageToday: '{time} today',
  usageNone: 'No usage recorded',
  usageCompliance: 'Compliance',
  usageDaysOne: 'last day',
  usageDaysOther: 'last {n} days',

  // Long jobs
  execution_queued: 'Waiting',
  execution_running: 'Running',
  execution_succeeded: 'Done',
  execution_failed: 'Failed',
  execution_retrying: 'Trying again',
  executionAttempt: 'attempt {n}',
  executionDetail: 'Details',
  executionLog: 'Log',
  executionNone: 'Not started yet',

  // Conversations
  typingSomeone: '{a} is writing…',
  typingTwo: '{a} and {b} are writing…',
  typingMany: '{n} people are writing…',
  conversationLabel: 'Conversation',
  conversationEmpty: 'No messages yet',
  conversationOlder: 'Load older messages',
  conversationNewOne: '{n} new message',
  conversationNewOther: '{n} new messages',
  conversationToEnd: 'To the newest message',
  conversationWrite: 'Write a message',
  conversationSend: 'Send',
  message_queued: 'Waits for the connection',
  message_sending: 'Sending…',
  message_sent: 'Sent',
  message_delivered: 'Delivered',
  message_read: 'Read',
  message_failed: 'Not sent',
  message_unknown: 'Nobody can tell whether it arrived',
  messageAgain: 'Send again',
  messageDiscard: 'Remove',
  messageAudio: 'Voice message',
  messageYou: 'You',

  // Toasts
  toastsRegion: 'Notifications',
  toastDismissOf: 'Dismiss: {what}',
  toastsMore: '{n} more waiting',
  toastsTimes: '{n} times',
  toastsStorm: '{n} × {what}',
  toastsNames: '{names} and {n} more',
  toastsExpand: 'Show all {n}',
  toastsCollapse: 'Show less',
  soundBlocked: 'The browser keeps sounds off until you click',
  settingsSound: 'Sound',
  soundOff: 'Off',
  soundCritical: 'Critical only',
  soundAll: 'All',
  settingsVolume: 'Volume',
  settingsTest: 'Play a sample',
  settingsNotify: 'Notify me while this page is hidden',
  notifyDenied: 'Notifications of this page are blocked in the browser’s settings.',
  notifyUnsupported: 'This browser shows no notifications here.',
  kindAlert: 'Alert',
  kindNotification: 'Notification',
  kindExecution: 'Task',
  kindConnection: 'Connection',
  kindAuth: 'Sign-in',
  toast_connection_lost: 'Connection lost',
  toast_connection_lost_message: 'Trying to reconnect. What you see may be out of date.',
  toast_connection_refused: 'The connection was refused',
  toast_connection_refused_message: 'Ask your administrator for access.',
  toast_execution_failed: 'A task failed',
  toast_execution_succeeded: 'A task is done',
  toast_sign_in_needed: 'You are signed out',
  toast_sign_in_needed_message: 'Sign in again to see live data.',
};

/** Every text the elements can show. */
export type Texts = { [K in keyof typeof en]: string };
