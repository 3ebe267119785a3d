/** Parts of the state that both Svelte and React show. */
import type { AlertsState } from './types.js';

/** The alerts of one patient, with their own unread count. */
export function ofPatient(all: AlertsState, patientId: string): AlertsState {
  const items = all.items.filter(alert => alert.patientId === patientId);
  return { items, unread: items.filter(alert => !alert.read).length };
}
