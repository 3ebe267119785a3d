/**
 * `pulsewire/react`: hooks and components for React 18 and 19.
 *
 * Nothing runs at import, and rendering has no side effects: channels are held in effects and released when the component goes.
 */
export { type Channel, type UseChannelOptions, useChannel } from './channel.js';
export { PulsewireProvider, type PulsewireProviderProps, usePulsewire } from './context.js';
export {
  PulsewireAlerts,
  PulsewireBanner,
  PulsewireChart,
  PulsewireConnection,
  PulsewireDeviceBadge,
  PulsewireToasts,
  PulsewireViewers,
} from './elements.js';
export { useObservable } from './observe.js';
export { useConversation, useExecution, useNotifications, usePatients, usePresence, useTyping } from './people.js';
export {
  type HoldOption,
  useAlerts,
  useConnection,
  useDashboardStats,
  useDeviceStatus,
  useOutbox,
  useQuality,
  useToasts,
  useViewers,
} from './state.js';
export { type TelemetryNumbers, type TelemetryOptions, type TelemetryReader, useTelemetry, useTelemetryStats } from './telemetry.js';
