/** What the panel "make something happen" offers, and what it sends. */
import type { DeviceState, Severity } from 'pulsewire';
import { postAlert, postNotification, postStatus } from './ingest';
import { journal } from './journal';
import type { MessageKey } from './messages';
import { patientHref } from './links';
import { bedOf } from './roster';

export const SEVERITIES: readonly Severity[] = ['critical', 'high', 'medium', 'low'];
export const ALERT_TEXT: Record<Severity, MessageKey> = { critical: 'alertCritical', high: 'alertHigh', medium: 'alertMedium', low: 'alertLow' };
const ALERT_TYPE: Record<Severity, string> = { critical: 'arrhythmia', high: 'heart_rate_high', medium: 'spo2_low', low: 'battery_low' };
export const STATES: readonly { state: DeviceState; key: MessageKey }[] = [
  { state: 'online', key: 'setOnline' },
  { state: 'offline', key: 'setOffline' },
  { state: 'maintenance', key: 'setMaintenance' },
];

async function told(what: string, work: Promise<void>): Promise<void> {
  try {
    await work;
    journal.add('plain', 'logAccepted', { what });
  } catch (error) {
    journal.add('bad', 'logRefused', { what: `${what}: ${error instanceof Error ? error.message : String(error)}` });
  }
}

export function raise(deviceId: string, severity: Severity, message: string): Promise<void> {
  const { patientId, patientName } = bedOf(deviceId);
  return told(`alert ${severity}, ${deviceId}`, postAlert({ patientId, patientName, deviceId, severity, type: ALERT_TYPE[severity], message }));
}

export function setStatus(deviceId: string, state: DeviceState): Promise<void> {
  return told(`${deviceId} ${state}`, postStatus(deviceId, state));
}

/** The device that is meant: the fixed one, else the picked one while it is there, else the first. An empty ward gets its first bed. */
export function pickedOf(devices: readonly string[], picked: string, fixed?: string): { choices: readonly string[]; deviceId: string } {
  const choices = devices.length > 0 ? devices : ['bed-1'];
  return { choices, deviceId: fixed ?? (choices.includes(picked) ? picked : (choices[0] ?? 'bed-1')) };
}

/** Tells everyone of the ward about a bed; `title` and `body` in the sender's language. */
export function notify(deviceId: string, title: string, body: string): Promise<void> {
  return told('notification', postNotification(title, body, patientHref(deviceId)));
}
