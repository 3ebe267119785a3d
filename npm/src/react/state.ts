/** Hooks for what the client keeps: connection, devices, alerts, toasts, viewers, statistics. People are people.ts. */
import { useMemo } from './react.js';
import { ofPatient } from '../pick.js';
import type { AlertsState, Observable, Pulsewire, ToastsState } from '../types.js';
import { usePulsewire } from './context.js';
import { type HoldOption, type HoldWatch, useHold, useObservable, type Watch } from './observe.js';

// What a server renders. Constants, because `useSyncExternalStore` wants the same reference each time.
const NONE: readonly never[] = [];
const NOTHING: Readonly<Record<string, never>> = {};
const EMPTY = {
  connection: { state: 'idle', attempt: 0, since: 0, everConnected: false, interrupted: false },
  alerts: { items: NONE, unread: 0 },
  toasts: { visible: NONE, waiting: 0, held: false },
  deviceStatuses: NOTHING,
  viewerCounts: NOTHING,
  dashboardStats: undefined,
} as const satisfies { [Name in StateName]?: ValueOf<Name> };

type StateName = { [Name in keyof Pulsewire]: Pulsewire[Name] extends Observable<unknown> ? Name : never }[keyof Pulsewire];
type Kept = keyof typeof EMPTY;
type ValueOf<Name extends StateName> = Pulsewire[Name] extends Observable<infer T> ? T : never;

function useSlice<Name extends Kept, U = ValueOf<Name>>(name: Name, watch?: Watch<ValueOf<Name>, U>): U {
  const client = usePulsewire();
  return useObservable(client[name] as Observable<ValueOf<Name>>, EMPTY[name] as ValueOf<Name>, watch);
}
/** The hook of a whole part of the state. */
const slice =
  <Name extends Kept>(name: Name) =>
  <U = ValueOf<Name>>(watch?: Watch<ValueOf<Name>, U>): U =>
    useSlice(name, watch);
type MemberOf<Name extends StateName> = ValueOf<Name> extends Readonly<Record<string, infer T>> ? T : never;
/** The hook of what stands in a part of the state by id: it renders only where that one changes. Holds the channel of the id. */
const member =
  <Name extends Kept>(name: Name, channel: (id: string) => string, rate?: number) =>
  (id: string, { hold = true, maxHz }: HoldOption & { maxHz?: number } = {}): MemberOf<Name> | undefined => {
    useHold(hold && channel(id), { maxHz: maxHz ?? rate });
    return useSlice(name, { select: all => (all as Readonly<Record<string, MemberOf<Name>>>)[id], maxHz });
  };

/** The state of the connection; `select` and `maxHz` spare renders. */
export const useConnection = /* @__PURE__ */ slice('connection');
/** By device id; holds nothing. */
export const useDeviceStatuses = /* @__PURE__ */ slice('deviceStatuses');
/** The status of one device; holds its channel, slowly. */
export const useDeviceStatus = /* @__PURE__ */ member('deviceStatuses', id => `device:${id}`, 1);
/** Who looks at a channel. Holding it makes this page a viewer; `{ hold: false }` only looks on. */
export const useViewers = /* @__PURE__ */ member('viewerCounts', channel => channel);

/** The dashboard's statistics; holds the `dashboard` channel. */
export function useDashboardStats<U = ValueOf<'dashboardStats'>>({
  hold = true,
  ...watch
}: HoldWatch<ValueOf<'dashboardStats'>, U> = {}): U {
  useHold(hold && 'dashboard', watch);
  return useSlice('dashboardStats', watch);
}

/** The alerts that came while the page was open, newest first, whatever became of them since; of one patient where named. What is open: `useAlertDesk`. */
export function useAlerts({
  patientId,
  maxHz,
}: {
  patientId?: string;
  maxHz?: number;
} = {}): AlertsState & { markRead(ids: readonly string[] | 'all'): void } {
  const client = usePulsewire();
  const all = useSlice('alerts', { maxHz });
  return useMemo(() => {
    const shown = patientId === undefined ? all : ofPatient(all, patientId);
    return {
      ...shown,
      // "All" of a filtered list is what the list shows, not the whole ward.
      markRead: ids => client.markAlertsRead(ids === 'all' && shown !== all ? shown.items.map(alert => alert.id) : ids),
    };
  }, [client, all, patientId]);
}

/** The toasts that are to be shown now, and the ways to act on them; for a page that draws its own. */
export function useToasts(): ToastsState & { dismiss(id: string): void; click(id: string): void; hold(held: boolean): void } {
  const client = usePulsewire();
  const state = useSlice('toasts');
  return useMemo(
    () => ({
      ...state,
      dismiss: id => client.dismissToast(id),
      click: id => client.clickToast(id),
      hold: held => client.holdToasts(held),
    }),
    [client, state],
  );
}
