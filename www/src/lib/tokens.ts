/**
 * Tokens from the relay's `/dev/token`, where a hospital has its sign-in: kept in memory alone, asked for anew when refused or about to end.
 *
 * The sign-in can be taken away on purpose (`withhold`), so that a token really ends: then a page that asks for the next one gets an error,
 * as from a service that is down.
 */
import type { TokenReason } from 'pulsewire';
import type { Person } from './identity';

/** The demo's tenant: what the simulator and the replay publish to. */
export const TENANT = 'demo';

export interface Minted {
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

/** Whether a token is good for another minute. */
const lasts = (minted: Minted | undefined): minted is Minted => minted !== undefined && minted.expiresAtMs > Date.now() + 60_000;

/** One person's tokens. */
export class Tokens {
  #kept: Minted | undefined;
  #withheld = false;
  #asked: (reason: TokenReason, given: boolean) => void;

  /** `asked` hears of every question of the client's, and whether it got a token. */
  constructor(
    readonly person: Person,
    asked: (reason: TokenReason, given: boolean) => void,
  ) {
    this.#asked = asked;
  }

  /** The `getToken` of the client. */
  readonly give = async ({ reason }: { reason: TokenReason }): Promise<string> => {
    // Only what could be renewed in time is kept from the client: once the token has ended, the sign-in works again.
    if (this.#withheld && reason === 'expiring') {
      this.#asked(reason, false);
      throw new Error('the sign-in does not answer');
    }
    this.#withheld = false;
    if (reason !== 'connect' || !lasts(this.#kept)) this.#kept = await this.#mint();
    this.#asked(reason, true);
    return this.#kept.token;
  };

  /** A real token that ends within seconds, and no other until it has ended. */
  async short(ttlS: number): Promise<Minted> {
    const minted = await this.#mint({ ttl: String(ttlS) });
    this.#kept = undefined;
    this.#withheld = true;
    return minted;
  }

  #mint(more: Record<string, string> = {}): Promise<Minted> {
    const { user, role, name } = this.person;
    // A patient's token opens the own conversation, and nothing of anybody else.
    const own = `conversation:${user}`;
    const rights: Record<string, string> = role === 'patient' ? { subscribe: `${own},patient:${user}`, publish: own } : {};
    return mint({ sub: user, tenant: TENANT, role, name, ...rights, ...more });
  }
}

let service: Minted | undefined;
/** A token of the imagined hospital backend, for the buttons that make something happen. */
export async function serviceToken(): Promise<string> {
  if (!lasts(service)) service = await mint({ sub: 'demo-backend', tenant: TENANT, role: 'service', name: 'Hospital backend' });
  return service.token;
}
/** After a 401: the relay may have been started anew, with another secret. */
export function forgetServiceToken(): void {
  service = undefined;
}
