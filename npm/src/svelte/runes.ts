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
import { fromStore, toStore } from 'svelte/store';
import { type ChannelNames, follow } from '../follow.js';
import { ofPatient } from '../pick.js';
import type {
  AlertsState,
  Conversation,
  ConversationMessage,
  Delivery,
  DeviceStatus,
  Execution,
  NotificationsState,
  Observable,
  PublishOptions,
  Pulsewire,
  SubscribeOptions,
  TelemetryView,
  Typist,
  ViewerCount,
} from '../types.js';
import type { ChannelSnapshot, ChannelStore } from './channel.js';
import { getPulsewire } from './context.js';
import type { WhileMountedOptions } from './mounted.js';
import { partOf, type Readable } from './readable.js';
import type { PulsewireStores } from './stores.js';
import type { TelemetrySnapshot, TelemetryStore } from './telemetry.js';

export { getPulsewire, type SetOptions, setPulsewire } from './context.js';

export interface Current<T> {
  readonly current: T;
}
/** Whether it subscribes by itself: false where the page holds the channel already, or must not be counted as its viewer. */
export interface HoldOption {
  hold?: boolean;
}

/** The client given by `setPulsewire` in a component above. */
export const usePulsewire = (): Pulsewire => getPulsewire().client;

type Whole = { [Name in keyof PulsewireStores]: PulsewireStores[Name] extends Readable<infer T> ? T : never };
/** A store of the whole client. */
const whole =
  <Name extends keyof PulsewireStores>(name: Name) =>
  (): Current<Whole[Name]> =>
    fromStore(getPulsewire()[name] as Readable<Whole[Name]>);

export const useConnection = /* @__PURE__ */ whole('connection');
/** Looked at each second while something reads it. */
export const useQuality = /* @__PURE__ */ whole('quality');
export const useDeviceStatuses = /* @__PURE__ */ whole('deviceStatuses');
/** The numbers of every series that this page's telemetry is read of: by device, then metric. */
export const useTelemetryData = /* @__PURE__ */ whole('telemetryData');
/** Holds the `dashboard` channel while something reads it. */
export const useDashboardStats = /* @__PURE__ */ whole('dashboardStats');
export const useViewerCounts = /* @__PURE__ */ whole('viewerCounts');
export const useToasts = /* @__PURE__ */ whole('toasts');
export const useOutbox = /* @__PURE__ */ whole('outbox');
/** Looking at it asks the relay. */
export const usePresence = /* @__PURE__ */ whole('presence');
export const usePatients = /* @__PURE__ */ whole('patients');

/** One store for the argument of now. The one before ends by itself: nothing reads it any more. */
function following<A, T, S extends Readable<T> = Readable<T>>(
  arg: () => A,
  make: (stores: PulsewireStores, arg: A) => S & Readable<T>,
): Current<T> & { store(): S } {
  const stores = getPulsewire();
  let key: string | undefined;
  let made: S & Readable<T>;
  let shown: Current<T> | undefined;
  const latest = (): Current<T> => {
    const asked = arg();
    const next = JSON.stringify(asked);
    if (shown === undefined || next !== key) {
      made = make(stores, asked);
      shown = fromStore(made);
      key = next;
    }
    return shown;
  };
  return {
    get current() {
      return latest().current;
    },
    store() {
      latest();
      return made;
    },
  };
}

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
/** What was told of a conversation; its messages are `useMessages`. */
export const useConversation = (conversationId: () => string | undefined): Current<Conversation | undefined> =>
  member(conversationId, client => client.conversations);
/** A long job; holds its channel. */
export const useExecution = (executionId: () => string): Current<Execution | undefined> =>
  following(executionId, (stores, id) => stores.execution(id));
/** The messages of a conversation, oldest first, with the newest 50 at first; holds its channel. */
export const useMessages = (conversationId: () => string, options?: SubscribeOptions): Current<readonly ConversationMessage[]> =>
  following(conversationId, (stores, id) => stores.messages(id, options));
/** Who else writes in a conversation; holds its channel. */
export const useTyping = (conversationId: () => string): Current<readonly Typist[]> =>
  following(conversationId, (stores, id) => stores.typing(id));

/** The active alerts, newest first; of one patient where one is named. */
export const useAlerts = (patientId: () => string | undefined = () => undefined): Current<AlertsState> =>
  following(patientId, ({ client }, id) => partOf(client, client.alerts, all => (id === undefined ? all : ofPatient(all, id))));

export const useNotifications = (): Current<NotificationsState> => fromStore(usePulsewire().notifications);

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
