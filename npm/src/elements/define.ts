/** Registers every element. Loaded by `defineElements()`, only in a browser, and never twice for one name. */
import { loadLanguage } from '../i18n/index.js';
import { PulsewireAlerts } from './alerts.js';
import { PulsewireDeviceBadge } from './badge.js';
import { PulsewireBanner } from './banner.js';
import { PulsewireChart } from './chart.js';
import { PulsewireConnection } from './connection.js';
import { PulsewireProvider } from './provider.js';
import { PulsewireToasts } from './toasts.js';
import { PulsewireViewers } from './viewers.js';

// The provider comes first: elements already in the page ask for their client while they are upgraded.
const elements = {
  'pulsewire-provider': PulsewireProvider,
  'pulsewire-alerts': PulsewireAlerts,
  'pulsewire-banner': PulsewireBanner,
  'pulsewire-chart': PulsewireChart,
  'pulsewire-connection': PulsewireConnection,
  'pulsewire-device-badge': PulsewireDeviceBadge,
  'pulsewire-toasts': PulsewireToasts,
  'pulsewire-viewers': PulsewireViewers,
};

export async function define(): Promise<void> {
  // The page's language first, so that nothing is shown in English before it comes.
  await loadLanguage(document.documentElement.lang);
  for (const [name, element] of Object.entries(elements)) {
    // A second copy of the package, or a hot reload, finds the name taken: the first one goes on serving.
    if (!customElements.get(name)) customElements.define(name, element);
  }
}
