/**
 * `pulsewire/elements`: the custom elements, for any framework or none.
 *
 * Importing it registers nothing and needs no DOM, so it may stand in code that also renders on a server. `defineElements()` fetches and
 * registers them, all or those it is given the names of; `pulsewire/elements/auto` calls it at import.
 */
import type { DeskAlert } from '../models/alert-desk.js';
import type { Notification, Toast } from '../types.js';
import type { PulsewireAlerts } from './alerts.js';
import type { PulsewireDeviceBadge } from './badge.js';
import type { PulsewireBanner } from './banner.js';
import type { PulsewireBell } from './bell.js';
import type { PulsewireChart } from './chart.js';
import type { PulsewireConnection } from './connection.js';
import type { PulsewireConversation } from './conversation.js';
import type { PulsewireExecution } from './execution.js';
import type { PulsewireNotifications } from './notifications.js';
import type { PulsewirePresence } from './presence.js';
import type { PulsewireProvider } from './provider.js';
import type { PulsewireToastSettings } from './toast-settings.js';
import type { PulsewireToasts } from './toasts.js';
import type { PulsewireTyping } from './typing.js';
import type { PulsewireUsage } from './usage.js';
import type { PulsewireViewers } from './viewers.js';

export { setTexts, type Texts } from '../i18n/index.js';
export { setDefaultClient } from './context.js';
export { defineElements } from './register.js';
export type {
  PulsewireAlerts,
  PulsewireBanner,
  PulsewireBell,
  PulsewireChart,
  PulsewireConnection,
  PulsewireConversation,
  PulsewireDeviceBadge,
  PulsewireExecution,
  PulsewireNotifications,
  PulsewirePresence,
  PulsewireProvider,
  PulsewireToastSettings,
  PulsewireToasts,
  PulsewireTyping,
  PulsewireUsage,
  PulsewireViewers,
};

/** The names and classes of the elements; also in `HTMLElementTagNameMap`. */
export interface PulsewireElements {
  'pulsewire-alerts': PulsewireAlerts;
  'pulsewire-banner': PulsewireBanner;
  'pulsewire-bell': PulsewireBell;
  'pulsewire-chart': PulsewireChart;
  'pulsewire-connection': PulsewireConnection;
  'pulsewire-conversation': PulsewireConversation;
  'pulsewire-device-badge': PulsewireDeviceBadge;
  'pulsewire-execution': PulsewireExecution;
  'pulsewire-notifications': PulsewireNotifications;
  'pulsewire-presence': PulsewirePresence;
  'pulsewire-provider': PulsewireProvider;
  'pulsewire-toast-settings': PulsewireToastSettings;
  'pulsewire-toasts': PulsewireToasts;
  'pulsewire-typing': PulsewireTyping;
  'pulsewire-usage': PulsewireUsage;
  'pulsewire-viewers': PulsewireViewers;
}

declare global {
  interface HTMLElementTagNameMap extends PulsewireElements {}
  interface HTMLElementEventMap {
    'pulsewire-toast-click': CustomEvent<Toast>;
    'pulsewire-alert-click': CustomEvent<DeskAlert>;
    'pulsewire-chart-error': CustomEvent<unknown>;
    'pulsewire-execution-retry': CustomEvent<string>;
    'pulsewire-message-sent': CustomEvent<string>;
    'pulsewire-notification-click': CustomEvent<Notification>;
  }
}
