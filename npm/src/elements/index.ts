/**
 * `pulsewire/elements`: the custom elements, for any framework or none.
 *
 * Importing it registers nothing and needs no DOM, so it may stand in code that also renders on a server. `defineElements()` fetches and
 * registers them; `pulsewire/elements/auto` calls it at import.
 */
import type { Alert, Toast } from '../types.js';
import type { PulsewireAlerts } from './alerts.js';
import type { PulsewireDeviceBadge } from './badge.js';
import type { PulsewireBanner } from './banner.js';
import type { PulsewireChart } from './chart.js';
import type { PulsewireConnection } from './connection.js';
import type { PulsewireProvider } from './provider.js';
import type { PulsewireToasts } from './toasts.js';
import type { PulsewireViewers } from './viewers.js';

export { setTexts, type Texts } from '../i18n/index.js';
export { setDefaultClient } from './context.js';
export { defineElements } from './register.js';
export type {
  PulsewireAlerts,
  PulsewireBanner,
  PulsewireChart,
  PulsewireConnection,
  PulsewireDeviceBadge,
  PulsewireProvider,
  PulsewireToasts,
  PulsewireViewers,
};

/** The names and classes of the elements; also in `HTMLElementTagNameMap`. */
export interface PulsewireElements {
  'pulsewire-provider': PulsewireProvider;
  'pulsewire-alerts': PulsewireAlerts;
  'pulsewire-banner': PulsewireBanner;
  'pulsewire-chart': PulsewireChart;
  'pulsewire-connection': PulsewireConnection;
  'pulsewire-device-badge': PulsewireDeviceBadge;
  'pulsewire-toasts': PulsewireToasts;
  'pulsewire-viewers': PulsewireViewers;
}

declare global {
  interface HTMLElementTagNameMap extends PulsewireElements {}
  interface HTMLElementEventMap {
    'pulsewire-toast-click': CustomEvent<Toast>;
    'pulsewire-alert-click': CustomEvent<Alert>;
    'pulsewire-chart-error': CustomEvent<unknown>;
  }
}
