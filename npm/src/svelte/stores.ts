/** All of a client as Svelte stores. The client's observables already follow the store contract, so most are handed on as they are. */
import type {
  Alert,
  ConnectionStatus,
  DashboardStats,
  DeviceStatus,
  OutboxItem,
  Pulsewire,
  Quality,
  SubscribeOptions,
  ToastsState,
  ViewerCount,
} from '../types.js';
import { type ChannelStore, type ChannelStoreOptions, channelStore } from './channel.js';
import { type PeopleStores, peopleStores } from './people.js';
import { lazyReadable, partOf, type Readable } from './readable.js';
import { type TelemetryData, type TelemetryStore, telemetryStores } from './telemetry.js';

/** A client as stores, from `setPulsewire` and `getPulsewire`. */
export interface PulsewireStores extends PeopleStores {
  readonly client: Pulsewire;
  readonly connection: Readable<ConnectionStatus>;
  /** How good the connection is, looked at each second while listened to. */
  readonly quality: Readable<Quality>;
  /** By device id. */
  readonly deviceStatuses: Readable<Readonly<Record<string, DeviceStatus>>>;
  /** The numbers of every series that a `telemetry()` store of this page is listened to for: by device, then metric. */
  readonly telemetryData: Readable<TelemetryData>;
  /** Those that came while the page was open, newest first, whatever became of them since, read ones included. What is open: `openAlertDesk`. */
  readonly activeAlerts: Readable<readonly Alert[]>;
  readonly unreadAlerts: Readable<number>;
  /** Holds the `dashboard` channel while listened to. */
  readonly dashboardStats: Readable<DashboardStats | undefined>;
  /** By channel. */
  readonly viewerCounts: Readable<Readonly<Record<string, ViewerCount>>>;
  readonly toasts: Readable<ToastsState>;
  /** Messages that are on their way, oldest first. */
  readonly outbox: Readable<readonly OutboxItem[]>;
  /** Subscribed while the store is listened to. */
  channel(name: string, options?: ChannelStoreOptions): ChannelStore;
  /** Held while the store is listened to. */
  telemetry(device: string, metric: string, options?: SubscribeOptions & { capacity?: number }): TelemetryStore;
}

/** The stores of a client; makes no subscription before one is listened to. */
export function createStores(client: Pulsewire): PulsewireStores {
  return {
    client,
    connection: client.connection,
    quality: lazyReadable(client.quality(), set => {
      const look = (): void => set(client.quality());
      const timer = setInterval(look, 1_000);
      look();
      return () => clearInterval(timer);
    }),
    deviceStatuses: client.deviceStatuses,
    ...telemetryStores(client),
    ...peopleStores(client),
    activeAlerts: partOf(client, client.alerts, ({ items }) => items),
    unreadAlerts: partOf(client, client.alerts, ({ unread }) => unread),
    dashboardStats: partOf(client, client.dashboardStats, stats => stats, 'dashboard'),
    viewerCounts: client.viewerCounts,
    toasts: client.toasts,
    outbox: client.outbox,
    channel: (name, options) => channelStore(client, name, options),
  };
}
