/** Hooks for what the client keeps: connection, devices, alerts, toasts, viewers, statistics. */
import { useEffect, useMemo, useState } from 'react';
import type {
  AlertsState,
  ConnectionStatus,
  DashboardStats,
  DeviceStatus,
  OutboxItem,
  Quality,
  ToastsState,
  ViewerCount,
} from '../types.js';
import { ofPatient } from '../pick.js';
import { usePulsewire } from './context.js';
import { useHold, useObservable } from './observe.js';

// What a server renders. Constants, because `useSyncExternalStore` wants the same reference each time.
const IDLE: ConnectionStatus = { state: 'idle', attempt: 0, since: 0, everConnected: false, interrupted: false };
const NO_ALERTS: AlertsState = { items: [], unread: 0 };
const NO_TOASTS: ToastsState = { visible: [], waiting: 0, held: false };
const NO_MESSAGES: readonly OutboxItem[] = [];
const NOTHING = {};

/** Whether the hook subscribes by itself. */
export interface HoldOption {
  /** False where the page holds the channel already, or must not be counted as its viewer. */
  hold?: boolean;
}

export function useConnection(): ConnectionStatus {
  return useObservable(usePulsewire().connection, IDLE);
}

const NO_QUALITY: Quality = { grade: 'offline', jitterMs: 0, uptime: 0, reconnects: 0, messagesPerSecond: 0, bytesPerSecond: 0 };

/** How good the connection is, looked at each second (or every `everyMs`). */
export function useQuality({ everyMs = 1_000 }: { everyMs?: number } = {}): Quality {
  const client = usePulsewire();
  const [quality, setQuality] = useState(NO_QUALITY);
  useEffect(() => {
    const look = (): void => setQuality(client.quality());
    look();
    const timer = setInterval(look, everyMs);
    return () => clearInterval(timer);
  }, [client, everyMs]);
  return quality;
}

/** The status of one device; holds its channel, slowly. */
export function useDeviceStatus(deviceId: string, { hold = true }: HoldOption = {}): DeviceStatus | undefined {
  useHold(hold ? `device:${deviceId}` : undefined, { maxHz: 1 });
  return useObservable(usePulsewire().deviceStatuses, NOTHING as Readonly<Record<string, DeviceStatus>>)[deviceId];
}

/** The active alerts, newest first; of one patient where named. */
export function useAlerts({ patientId }: { patientId?: string } = {}): AlertsState & { markRead(ids: readonly string[] | 'all'): void } {
  const client = usePulsewire();
  const all = useObservable(client.alerts, NO_ALERTS);
  return useMemo(() => {
    const shown = patientId === undefined ? all : ofPatient(all, patientId);
    return {
      ...shown,
      // "All" of a filtered list is what the list shows, not the whole ward.
      markRead: ids => client.markAlertsRead(ids === 'all' && shown !== all ? shown.items.map(alert => alert.id) : ids),
    };
  }, [client, all, patientId]);
}

export function useToasts(): ToastsState & { dismiss(id: string): void; click(id: string): void; hold(held: boolean): void } {
  const client = usePulsewire();
  const state = useObservable(client.toasts, NO_TOASTS);
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

/** Messages that are on their way, oldest first: for lists that show a message before the relay has it. */
export function useOutbox(): readonly OutboxItem[] {
  return useObservable(usePulsewire().outbox, NO_MESSAGES);
}

/** Who looks at a channel. Holding it makes this page a viewer; `{ hold: false }` only looks on. */
export function useViewers(channel: string, { hold = true }: HoldOption = {}): ViewerCount | undefined {
  useHold(hold ? channel : undefined);
  return useObservable(usePulsewire().viewerCounts, NOTHING as Readonly<Record<string, ViewerCount>>)[channel];
}

/** The dashboard's statistics; holds the `dashboard` channel. */
export function useDashboardStats({ hold = true }: HoldOption = {}): DashboardStats | undefined {
  useHold(hold ? 'dashboard' : undefined);
  return useObservable(usePulsewire().dashboardStats, undefined);
}
