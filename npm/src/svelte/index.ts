/**
 * `pulsewire/svelte`: stores for Svelte 4 and 5 (`$connection`, `$deviceStatuses`, `$activeAlerts`, …).
 *
 * Nothing runs at import. A store that needs a subscription holds it only while it is listened to.
 */
export type { ChannelSnapshot, ChannelStore, ChannelStoreOptions } from './channel.js';
export { getPulsewire, type SetOptions, setPulsewire } from './context.js';
export type { ChannelNames } from '../follow.js';
export { type SubscribeAction, subscribe, subscribeOnRoute, subscribeWhileMounted, type WhileMountedOptions } from './mounted.js';
export type { PeopleStores } from './people.js';
export type { Readable } from './readable.js';
export { createStores, type PulsewireStores } from './stores.js';
export type { TelemetryData, TelemetrySnapshot, TelemetryStore } from './telemetry.js';
