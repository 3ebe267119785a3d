/**
 * `pulsewire/svelte/runes`: the client's state as values with `.current`, for Svelte 5.7 and later.
 *
 * Read `.current` in a template, `$derived` or `$effect` and it follows; what needs a channel holds it while something reads. Arguments are
 * given as functions, `useDeviceStatus(() => id)`, so that they may change: the new channel is taken before the old one goes.
 *
 * Traps: call a `use…` while the component is set up (it looks for the client in the context); `.current` read in an event handler is the
 * value of that moment. On a server nothing is held, and nothing is shared between two renders: the client stands in the context.
 */
import { onMount } from 'svelte';
import { toStore } from 'svelte/store';
import { type ChannelNames, follow } from '../follow.js';
import { ofPatient } from '../pick.js';
import type {
  AlertsState,
  Delivery,
  DeviceStatus,
  Observable,
  PublishOptions,
  Pulsewire,
  SubscribeOptions,
  TelemetryView,
  ViewerCount,
} from '../types.js';
import type { ChannelSnapshot, ChannelStore } from './channel.js';
import { type Current, following, usePulsewire, whole } from './current.js';
import type { WhileMountedOptions } from './mounted.js';
import { partOf } from './readable.js';
import type { TelemetrySnapshot, TelemetryStore } from './telemetry.js';

export { getPulsewire, type SetOptions, setPulsewire } from './context.js';
export { type Current, usePulsewire } from './current.js';

/** Whether it subscribes by itself: false where the page holds the channel already, or must not be counted as its viewer. */
export interface HoldOption {
  hold?: boolean;
}

/** The state of the connection. */
export const useConnection = /* @__PURE__ */ whole('connection');
/** How good the connection is; looked at each second while something reads it. */
export const useQuality = /* @__PURE__ */ whole('quality');
/** By device id; holds nothing. */
export const useDeviceStatuses = /* @__PURE__ */ whole('deviceStatuses');
/** The numbers of every series that this page's telemetry is read of: by device, then metric. */
export const useTelemetryData = /* @__PURE__ */ whole('telemetryData');
/** Holds the `dashboard` channel while something reads it. */
export const useDashboardStats = /* @__PURE__ */ whole('dashboardStats');
/** Who looks on, by channel; holds nothing. */
export const useViewerCounts = /* @__PURE__ */ whole('viewerCounts');
/** The toasts that are to be shown now; act on them by the client. */
export const useToasts = /* @__PURE__ */ whole('toasts');
/** Messages that are on their way, oldest first. */
export const useOutbox = /* @__PURE__ */ whole('outbox');

/** What a record by id has at an id that may change, or `undefined`; holds the channel of that id, where `channel` names one. */
const member = <T>(
  id: () => string | undefined,
  source: (client: Pulsewire) => Observable<Readonly<Record<string, T>>>,
  channel?: (id: string) => string | false,
  options?: SubscribeOptions,
): Current<T | undefined> =>
  following(id, ({ client }, at = '') => partOf(client, source(client), all => all[at], at !== '' && channel?.(at), options));

/** The status of one device; holds its channel, slowly. */
export const useDeviceStatus = (deviceId: () => string | undefined, { hold = true }: HoldOption = {}): Current<DeviceStatus | undefined> =>
  member(
    deviceId,
    client => client.deviceStatuses,
    id => hold && `device:${id}`,
    { maxHz: 1 },
  );
/** Who looks at a channel. Holding it makes this page a viewer; `{ hold: false }` only looks on. */
export const useViewers = (channel: () => string | undefined, { hold = true }: HoldOption = {}): Current<ViewerCount | undefined> =>
  member(
    channel,
    client => client.viewerCounts,
    name => hold && name,
  );
/** The alerts that came while the page was open, newest first, whatever became of them since; of one patient where one is named. What is open: `useAlertDesk`. */
export const useAlerts = (patientId: () => string | undefined = () => undefined): Current<AlertsState> =>
  following(patientId, ({ client }, id) => partOf(client, client.alerts, all => (id === undefined ? all : ofPatient(all, id))));

type Asked = { device: string; metric: string; capacity?: number } & SubscribeOptions;

/** The numbers of a series, with the views that a chart pulls from; holds the device while something reads it. */
export function useTelemetry(
  series: () => Asked,
): Current<TelemetrySnapshot> & { view(): TelemetryView; decimated(points: number): TelemetryView } {
  const shown = following<Asked, TelemetrySnapshot, TelemetryStore>(series, (stores, { device, metric, ...options }) =>
    stores.telemetry(device, metric, options),
  );
  return {
    get current() {
      return shown.current;
    },
    view: () => shown.store().view(),
    decimated: points => shown.store().decimated(points),
  };
}

/** A channel, held from mount to unmount whether or not anything reads `.current`; `onEvent` is called for each event, none left out. */
export function useChannel(
  name: () => string,
  options: WhileMountedOptions = {},
): Current<ChannelSnapshot> & { publish(event: string, data: unknown, options?: PublishOptions): Delivery } {
  useRouteChannels(name, options);
  const { onEvent: _told, ...quiet } = options;
  const shown = following<string, ChannelSnapshot, ChannelStore>(name, (stores, at) => stores.channel(at, quiet));
  return {
    get current() {
      return shown.current;
    },
    publish: (...what) => shown.store().publish(...what),
  };
}

/**
 * Holds the channels of the route while the component is mounted, and follows as it moves: in SvelteKit
 * `useRouteChannels(() => page.params.id && `patient:${page.params.id}`)` with `page` of `$app/state`.
 */
export function useRouteChannels(channels: () => ChannelNames, { onEvent, ...options }: WhileMountedOptions = {}): void {
  const client = usePulsewire();
  const wanted = toStore(channels);
  onMount(() => {
    const to = follow(client, options, onEvent);
    const stop = wanted.subscribe(to);
    return () => {
      stop();
      to(undefined);
    };
  });
}
