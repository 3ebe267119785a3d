/**
 * What is wrong with the connection, in words (row C11): looks at the address, the token and the clock, then asks the relay by HTTP
 * and by a WebSocket of its own.
 *
 * Loaded when it is first called. The token is looked at in this page and never sent, logged or put into the answer.
 */

import { diagnosisTexts } from './diagnose-texts.js';
import type { ConnectionStatus, Diagnosis, DiagnosisCheck, DiagnosisCode, PulsewireOptions, Quality } from './types.js';
import { socketUrl } from './url.js';

/** How long the page's `getToken`, an HTTP request, or a socket may take. */
const PATIENCE_MS = 5_000;
/** Clocks that differ by less are no problem: the relay's leeway is 5 s, a round trip may take as long. */
const SKEW_MS = 10_000;
const PROTOCOL = 'pulsewire.v1.cbor';

export interface DiagnosisInput {
  options: PulsewireOptions;
  connection: ConnectionStatus;
  quality: Quality;
  lang: string;
}

export async function diagnose({ options, connection, quality, lang }: DiagnosisInput): Promise<Diagnosis> {
  const texts = diagnosisTexts(lang);
  const checks: DiagnosisCheck[] = [];
  const check = (name: DiagnosisCheck['name'], ok: boolean, detail = ''): boolean => {
    checks.push({ name, ok, detail });
    return ok;
  };
  const found = (code: DiagnosisCode, detail?: string): Diagnosis => {
    const [summary, mend] = texts[code];
    return { code, ok: code === 'ok', summary: detail ? `${summary} (${detail})` : summary, mend, checks };
  };

  if (connection.state === 'connected') {
    check('connection', true, quality.grade);
    const poor = quality.grade === 'poor' || quality.grade === 'fair';
    return found(poor ? 'slow' : 'ok', poor && quality.latencyP95Ms !== undefined ? `p95 ${quality.latencyP95Ms} ms` : undefined);
  }
  let url: string;
  try {
    url = socketUrl(options.url);
  } catch (error) {
    // The address may hold a token behind its question mark.
    const why = words(error).replace(/\?[^"]*/, '');
    check('url', false, why);
    return found('url_invalid', why);
  }
  const insecure = typeof location === 'object' && location?.protocol === 'https:' && url.startsWith('ws:');
  if (!check('url', !insecure, url.replace(/[?#].*/, ''))) return found('url_insecure');
  if (typeof navigator === 'object' && navigator.onLine === false) {
    check('network', false);
    return found('offline');
  }

  // Asked at the same time: none of them waits for another.
  const [token, http, socket] = await Promise.all([lookAtToken(options), askHttp(url), askSocket(options, url)]);
  check('http', http.ok, http.detail);
  check('websocket', socket.outcome === 'open', socket.outcome);
  const skewed = http.skewMs !== undefined && Math.abs(http.skewMs) > SKEW_MS;
  if (http.skewMs !== undefined) check('clock', !skewed, `${Math.round(http.skewMs / 1_000)} s`);
  check('token', token === undefined || token.code === undefined, token?.code ?? '');

  if (socket.outcome === 'protocol') return found('subprotocol_refused');
  if (socket.outcome !== 'open') return found(http.ok ? 'websocket_blocked' : 'relay_unreachable');
  if (token?.code === 'token_expired' && skewed) return found('clock_skew', `${Math.round((http.skewMs ?? 0) / 1_000)} s`);
  if (token?.code !== undefined) return found(token.code, token.detail);
  const { state, reason } = connection;
  if (reason === 'forbidden') return found('forbidden');
  if (state === 'unauthorized') return found(skewed ? 'clock_skew' : 'token_refused', reason);
  if (state === 'idle' || state === 'closed') return found('not_started', reason);
  return found(state === 'polling' ? 'polling' : 'reconnecting', reason);
}

interface TokenLook {
  code?: 'token_missing' | 'token_malformed' | 'token_expired' | 'token_unavailable';
  detail?: string;
}

/** Nothing where the page gives none on purpose: it may travel in a cookie or in the address. */
async function lookAtToken({ getToken }: PulsewireOptions): Promise<TokenLook | undefined> {
  if (getToken === undefined) return undefined;
  let token: unknown;
  try {
    token = await inTime(Promise.resolve(getToken({ reason: 'connect' })));
  } catch (error) {
    return { code: 'token_unavailable', detail: words(error) };
  }
  if (typeof token !== 'string' || token === '') return { code: 'token_missing' };
  const parts = token.split('.');
  const claims = parts.length === 3 && parts.every(part => /^[\w-]+$/.test(part)) ? jsonOf(parts[1] as string) : undefined;
  if (jsonOf(parts[0] as string) === undefined || claims === undefined) return { code: 'token_malformed' };
  const { exp } = claims as { exp?: unknown };
  if (typeof exp === 'number' && exp * 1_000 <= Date.now()) {
    return { code: 'token_expired', detail: new Date(exp * 1_000).toISOString() };
  }
  return {};
}

/** An object in a base64url part of a token. */
function jsonOf(part: string): object | undefined {
  try {
    const bytes = Uint8Array.from(atob(part.replaceAll('-', '+').replaceAll('_', '/')), letter => letter.charCodeAt(0));
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

interface HttpLook {
  ok: boolean;
  detail: string;
  /** The relay's clock minus this one's, where the answer tells it. */
  skewMs?: number;
}

async function askHttp(socket: string): Promise<HttpLook> {
  const url = new URL(socket.replace(/^ws/, 'http'));
  url.pathname = url.pathname.replace(/\/ws\/?$/, '/healthz');
  url.search = '';
  try {
    const answer = await fetch(url, { cache: 'no-store', credentials: 'omit', signal: AbortSignal.timeout(PATIENCE_MS) });
    const date = Date.parse(answer.headers.get('date') ?? '');
    // The header has whole seconds: its middle.
    const skewMs = Number.isNaN(date) ? undefined : date + 500 - Date.now();
    return { ok: answer.ok, detail: `${answer.status}`, ...(skewMs !== undefined && { skewMs }) };
  } catch (error) {
    try {
      // Another origin that allows no reading: that it answers at all says enough.
      await fetch(url, { mode: 'no-cors', cache: 'no-store', credentials: 'omit', signal: AbortSignal.timeout(PATIENCE_MS) });
      return { ok: true, detail: 'opaque' };
    } catch {
      return { ok: false, detail: words(error) };
    }
  }
}

type SocketOutcome = 'open' | 'protocol' | 'failed';

/** A socket of its own, closed as soon as it has said something; nothing is sent through it. */
async function askSocket(options: PulsewireOptions, url: string): Promise<{ outcome: SocketOutcome }> {
  const WebSocketClass = options.WebSocket ?? (globalThis as { WebSocket?: PulsewireOptions['WebSocket'] }).WebSocket;
  if (WebSocketClass === undefined) return { outcome: 'failed' };
  const opens = (protocol?: string): Promise<string | undefined> =>
    inTime(
      new Promise<string | undefined>(resolve => {
        let socket: WebSocket;
        try {
          socket = protocol === undefined ? new WebSocketClass(url) : new WebSocketClass(url, protocol);
        } catch {
          resolve(undefined);
          return;
        }
        const end = (spoken: string | undefined) => {
          socket.onopen = null;
          socket.onclose = null;
          socket.close(1000);
          resolve(spoken);
        };
        socket.onopen = () => end(socket.protocol);
        socket.onclose = () => end(undefined);
        setTimeout(end, PATIENCE_MS, undefined);
      }),
    ).catch(() => undefined);
  const spoken = await opens(PROTOCOL);
  if (spoken === PROTOCOL) return { outcome: 'open' };
  // It opened with none, or a proxy took the offer away: only the offer is at fault where a socket opens without it.
  if (spoken !== undefined || (await opens()) !== undefined) return { outcome: 'protocol' };
  return { outcome: 'failed' };
}

function inTime<T>(promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${PATIENCE_MS} ms`)), PATIENCE_MS + 100);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

const words = (error: unknown): string => (error instanceof Error ? error.message : String(error));
