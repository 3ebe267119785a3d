/** Which beds wait for somebody: marks of the tiles. */
import type { Alert } from 'pulsewire';
import { deviceOf } from './roster';

export type Mark = 'critical' | 'some';

export function marksOf(alerts: readonly Alert[]): ReadonlyMap<string, Mark> {
  const marks = new Map<string, Mark>();
  for (const alert of alerts) {
    if (alert.read) continue;
    const device = alert.deviceId ?? deviceOf(alert.patientId);
    if (alert.severity === 'critical') marks.set(device, 'critical');
    else if (!marks.has(device)) marks.set(device, 'some');
  }
  return marks;
}
