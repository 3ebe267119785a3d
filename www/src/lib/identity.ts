/**
 * Who this tab is.
 *
 * The choice lives in `sessionStorage`: each tab may be another nurse. A first visit becomes one of the staff at random, so that the
 * ward is there at once and two tabs are two people.
 */
import type { ConversationMessage } from 'pulsewire';
import { bedOf } from './roster';
import { Value } from './value';

export type Role = 'nurse' | 'doctor' | 'technician' | 'patient';
export interface Person {
  user: string;
  name: string;
  role: Role;
}

export const STAFF: readonly Person[] = [
  { user: 'ana', name: 'Ana Souza', role: 'nurse' },
  { user: 'ben', name: 'Ben Ortiz', role: 'nurse' },
  { user: 'chika', name: 'Chika Obi', role: 'doctor' },
  { user: 'dora', name: 'Dora Novak', role: 'nurse' },
  { user: 'emil', name: 'Emil Berg', role: 'technician' },
  { user: 'fatima', name: 'Fátima Reis', role: 'doctor' },
];

/** The patient of a bed, as somebody who may sign in: to the own conversation, and nothing else. */
export function patientOf(deviceId: string): Person {
  const { patientId, patientName } = bedOf(deviceId);
  return { user: patientId, name: patientName, role: 'patient' };
}

/** As what somebody writes. */
export function senderOf({ role }: Person): ConversationMessage['sender'] {
  return role === 'nurse' || role === 'patient' ? role : 'user';
}

const KEY = 'pulsewire.person';

/** A user id from a typed name: the token's `sub` becomes part of a channel name (`user:{sub}`). */
export function userIdOf(name: string): string {
  const plain = name.normalize('NFKD').replace(/[^A-Za-z0-9]+/g, '-').replace(/^-+|-+$/g, '').toLowerCase();
  return plain.slice(0, 64) || 'visitor';
}

function stored(): Person | undefined {
  try {
    const value: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? 'null');
    if (typeof value === 'object' && value !== null && 'user' in value && 'name' in value && 'role' in value) return value as Person;
  } catch {
    // Storage refused or not ours: as if this were the first visit.
  }
  return undefined;
}

function keep(person: Person): void {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(person));
  } catch {
    // Storage refused: the choice lasts as long as the page.
  }
}

class Identity {
  readonly person = new Value<Person>(stored() ?? STAFF[Math.floor(Math.random() * STAFF.length)] ?? { user: 'ana', name: 'Ana Souza', role: 'nurse' });

  constructor() {
    keep(this.person.get());
  }

  become(person: Person): void {
    keep(person);
    this.person.set(person);
  }
}

export const identity = new Identity();

/** Two letters for the avatar. */
export function initialsOf({ name }: Person): string {
  return name
    .split(/\s+/)
    .map((word) => word[0] ?? '')
    .slice(0, 2)
    .join('')
    .toUpperCase();
}
