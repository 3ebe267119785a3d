/**
 * Who lies where. In a hospital this comes from the hospital's own backend; the demo has an invented ward of twelve beds.
 */
const NAMES = [
  'Maria Oliveira', 'John Carter', 'Aisha Khan', 'Pedro Santos', 'Emma Wilson', 'Kenji Tanaka',
  'Lúcia Ferreira', 'David Cohen', 'Chloé Martin', 'Samuel Osei', 'Ingrid Larsen', 'Rafael Costa',
];

export interface Bed {
  deviceId: string;
  patientId: string;
  patientName: string;
  /** The bed's number, where the device is one of the ward's. */
  number?: number;
}

/** The bed of a device; a device that is no `bed-N` stands for itself. */
export function bedOf(deviceId: string): Bed {
  const match = /^bed-(\d{1,3})$/.exec(deviceId);
  if (!match) return { deviceId, patientId: deviceId, patientName: deviceId };
  const number = Number(match[1]);
  const patientName = NAMES[(number - 1) % NAMES.length] ?? deviceId;
  return { deviceId, patientId: `patient-${number}`, patientName, number };
}

/** The device at a patient's bed. */
export function deviceOf(patientId: string): string {
  return patientId.replace(/^patient-/, 'bed-');
}

/** Beds in their order on the ward, other devices after them by name. */
export function compareDevices(a: string, b: string): number {
  const x = bedOf(a).number ?? Number.POSITIVE_INFINITY;
  const y = bedOf(b).number ?? Number.POSITIVE_INFINITY;
  return x === y ? a.localeCompare(b) : x - y;
}
