/**
 * Who this tab is, and the tokens for it.
 *
 * The choice lives in `sessionStorage`: each tab may be another nurse. A first visit becomes one of the staff at random, so that the
 * ward is there at once and two tabs are two people. Tokens live in memory alone and are asked for anew when refused or about to end.
 */
import type { TokenReason } from 'pulsewire';

export type Role = 'nurse' | 'doctor' | 'technician';
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

/** The demo's tenant: what the simulator and the replay publish to. */
export const TENANT = 'demo';
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
  person = $state.raw<Person>(stored() ?? STAFF[Math.floor(Math.random() * STAFF.length)] ?? { user: 'ana', name: 'Ana Souza', role: 'nurse' });

  constructor() {
    keep(this.person);
  }

  become(person: Person): void {
    this.person = person;
    keep(person);
  }
}

export const identity = new Identity();

interface Minted {
  token: string;
  expiresAtMs: number;
}

/** The end of a token, read from its own claims; an unreadable one counts as ended, so it is never kept. */
function expiryOf(token: string): number {
  try {
    const body = token.split('.')[1] ?? '';
    const claims = JSON.parse(atob(body.replace(/-/g, '+').replace(/_/g, '/'))) as { exp?: number };
    return (claims.exp ?? 0) * 1000;
  } catch {
    return 0;
  }
}

async function mint(params: Record<string, string>): Promise<Minted> {
  const answer = await fetch(`/dev/token?${new URLSearchParams(params)}`, { cache: 'no-store' });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`the relay gave no token (HTTP ${answer.status}); was it started with --dev?`);
  const token = text.trimStart().startsWith('{') ? (JSON.parse(text) as { token: string }).token : text.trim();
  return { token, expiresAtMs: expiryOf(token) };
}

/** `getToken` for one person: the token in memory while it is good for another minute, else a new one. */
export function tokensFor(person: Person): (context: { reason: TokenReason }) => Promise<string> {
  let kept: Minted | undefined;
  return async ({ reason }) => {
    if (reason !== 'connect' || !kept || kept.expiresAtMs < Date.now() + 60_000) {
      kept = await mint({ sub: person.user, tenant: TENANT, role: person.role, name: person.name });
    }
    return kept.token;
  };
}

let service: Minted | undefined;
/** A token of the imagined hospital backend, for the buttons that make something happen. */
export async function serviceToken(): Promise<string> {
  if (!service || service.expiresAtMs < Date.now() + 60_000) {
    service = await mint({ sub: 'demo-backend', tenant: TENANT, role: 'service', name: 'Hospital backend' });
  }
  return service.token;
}
/** After a 401: the relay may have been started anew, with another secret. */
export function forgetServiceToken(): void {
  service = undefined;
}
