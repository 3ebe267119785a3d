/**
 * `pulsewire/react`: hooks for React 18 and 19. The elements as components are `pulsewire/react/elements`.
 *
 * Nothing runs at import, and rendering has no side effects: channels are held in effects and released when the component goes.
 */
export type { ChannelNames } from '../follow.js';
export { type Channel, type UseChannelOptions, useChannel, useRouteChannels } from './channel.js';
export { PulsewireProvider, type PulsewireProviderProps, usePulsewire } from './context.js';
export { type HoldOption, type HoldWatch, useObservable, type Watch } from './observe.js';
export {
  useAlerts,
  useConnection,
  useDashboardStats,
  useDeviceStatus,
  useDeviceStatuses,
  useToasts,
  useViewers,
} from './state.js';
export { type TelemetryNumbers, type TelemetryOptions, type TelemetryReader, useTelemetry, useTelemetryStats } from './telemetry.js';
