/** `defineElements()`: fetches and registers the elements; apart from the entry, so that who only calls it takes nothing else along. */
import type { PulsewireElements } from './index.js';

type Name = keyof PulsewireElements;

/** Each in a file of its own, so that a page loads the ones it names, and what these share once. */
const loaders: { [K in Name]: () => Promise<CustomElementConstructor> } = {
  'pulsewire-provider': () => import('./provider.js').then(module => module.PulsewireProvider),
  'pulsewire-alerts': () => import('./alerts.js').then(module => module.PulsewireAlerts),
  'pulsewire-banner': () => import('./banner.js').then(module => module.PulsewireBanner),
  'pulsewire-bell': () => import('./bell.js').then(module => module.PulsewireBell),
  'pulsewire-chart': () => import('./chart.js').then(module => module.PulsewireChart),
  'pulsewire-connection': () => import('./connection.js').then(module => module.PulsewireConnection),
  'pulsewire-conversation': () => import('./conversation.js').then(module => module.PulsewireConversation),
  'pulsewire-device-badge': () => import('./badge.js').then(module => module.PulsewireDeviceBadge),
  'pulsewire-execution': () => import('./execution.js').then(module => module.PulsewireExecution),
  'pulsewire-notifications': () => import('./notifications.js').then(module => module.PulsewireNotifications),
  'pulsewire-presence': () => import('./presence.js').then(module => module.PulsewirePresence),
  'pulsewire-toast-settings': () => import('./toast-settings.js').then(module => module.PulsewireToastSettings),
  'pulsewire-toasts': () => import('./toasts.js').then(module => module.PulsewireToasts),
  'pulsewire-typing': () => import('./typing.js').then(module => module.PulsewireTyping),
  'pulsewire-usage': () => import('./usage.js').then(module => module.PulsewireUsage),
  'pulsewire-viewers': () => import('./viewers.js').then(module => module.PulsewireViewers),
};
/** What an element has inside. */
const needs: { [K in Name]?: readonly Name[] } = { 'pulsewire-bell': ['pulsewire-notifications'] };

/**
 * Registers the elements that are named, or all; once however often it is called, and resolves when they are usable. A page that names
 * them loads no others. On a server it does nothing. Elements already in the page, and properties already set on them, are taken over.
 */
export async function defineElements(names: readonly Name[] = Object.keys(loaders) as Name[]): Promise<void> {
  if (typeof customElements === 'undefined') return;
  const wanted = [...new Set(names.flatMap(name => [...(needs[name] ?? []), name]))];
  for (const name of wanted)
    if (!loaders[name]) throw new TypeError(`pulsewire: there is no element <${name}>; there are ${Object.keys(loaders).join(', ')}`);
  // The page's language first, so that nothing is shown in English before it comes.
  const [classes] = await Promise.all([
    Promise.all(wanted.map(name => (customElements.get(name) ? undefined : loaders[name]()))),
    import('../i18n/index.js').then(({ loadLanguage }) => loadLanguage(document.documentElement.lang)),
  ]);
  // The provider first: elements already in the page ask for their client while they are upgraded.
  const order = wanted.map((name, index) => ({ name, element: classes[index] }));
  order.sort((a, b) => Number(b.name === 'pulsewire-provider') - Number(a.name === 'pulsewire-provider'));
  for (const { name, element } of order) {
    // A second copy of the package, or a hot reload, finds the name taken: the first one goes on serving.
    if (element && !customElements.get(name)) customElements.define(name, element);
  }
}
