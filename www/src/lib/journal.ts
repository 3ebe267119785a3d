/**
 * What happened to the connection, for the fault panel: transitions, tries, what was recovered.
 *
 * It only listens: everything it says comes from the package's observables or from the wire. Entries hold keys, not sentences, so that a
 * change of language translates the past too.
 */
import type { ConnectionStatus, Pulsewire, TokenReason } from 'pulsewire';
import type { MessageKey } from './messages';
import { Value } from './value';
import type { FaultEvent, Wire } from './wire';

export type Tone = 'good' | 'bad' | 'plain' | 'you';
export interface Entry {
  id: number;
  ts: number;
  tone: Tone;
  key: MessageKey;
  values: Record<string, string | number>;
}

const MAX_ENTRIES = 60;
/** Recovery comes in the same round trip as the welcome; what is replayed after this pause belongs to something else. */
const RECOVERY_SETTLES_MS = 600;

class Journal {
  readonly entries = new Value<readonly Entry[]>([]);
  /** Missed publications that came after an interruption, since this person signed in. */
  readonly recovered = new Value(0);
  #next = 1;
  #replayed = 0;
  #resynced = new Set<string>();
  #lostAt = 0;
  #last: ConnectionStatus | undefined;
  /** The attempt that was due when the connection was lost: none had failed by then. */
  #firstAttempt = 0;
  #settle: ReturnType<typeof setTimeout> | undefined;

  add(tone: Tone, key: MessageKey, values: Record<string, string | number> = {}): void {
    const entry = { id: this.#next++, ts: Date.now(), tone, key, values };
    this.entries.set([entry, ...this.entries.get()].slice(0, MAX_ENTRIES));
  }

  clear(): void {
    this.entries.set([]);
  }

  /** Follows one client and its wire; the answer lets go of both. */
  follow(client: Pulsewire, wire: Wire): () => void {
    this.#last = undefined;
    this.#lostAt = 0;
    this.#firstAttempt = 0;
    this.recovered.set(0);
    const offs = [
      client.connection.subscribe((status) => this.#handleStatus(status)),
      client.on('event', (event) => {
        if (event.replayed) this.#replayed += 1;
      }),
      client.on('resync', ({ channel }) => this.#resynced.add(channel)),
      client.on('error', ({ code, message }) => {
        // Told by `handleToken`, in the reader's language.
        if (code !== 'token_unavailable') this.add('bad', 'logError', { message: `${code}: ${message}` });
      }),
      wire.listen((event) => this.#handleFault(event)),
    ];
    return () => {
      clearTimeout(this.#settle);
      for (const off of offs) off();
    };
  }

  /** The client asked for a token. */
  handleToken(reason: TokenReason, given: boolean): void {
    if (reason === 'connect' && given) return; // every start does
    this.add(given ? 'plain' : 'bad', given ? 'logTokenGiven' : 'logTokenWithheld', { reason });
  }

  #handleStatus(status: ConnectionStatus): void {
    const before = this.#last;
    this.#last = status;
    if (before && before.state === status.state && before.attempt === status.attempt) return;
    const reason = reasonOf(status);
    switch (status.state) {
      case 'connecting':
        // A try of a reconnection is told by its outcome; only the first start says "connecting".
        if (!status.everConnected && status.attempt === 0) this.add('plain', 'logConnecting');
        break;
      case 'connected':
        this.#handleConnected();
        break;
      case 'reconnecting': {
        if (before?.state === 'connected') {
          this.#handleLost(reason);
          this.#firstAttempt = status.attempt;
        }
        const s = Math.max(0, ((status.nextRetryAt ?? Date.now()) - Date.now()) / 1000).toFixed(1);
        const failed = status.attempt - this.#firstAttempt;
        if (failed > 0) this.add('plain', 'logRetry', { n: failed, s });
        else if (before?.state === 'connected') this.add('plain', 'logNextTry', { s });
        break;
      }
      case 'polling':
        this.add('plain', 'logPolling');
        break;
      case 'unauthorized':
        this.add('bad', 'logUnauthorized', { reason });
        break;
      case 'closed':
        this.add('plain', 'logClosed');
        break;
      case 'idle':
        break;
    }
  }

  #handleLost(reason: string): void {
    this.#lostAt = Date.now();
    this.#replayed = 0;
    this.#resynced.clear();
    this.add('bad', 'logReconnecting', { reason });
  }

  #handleConnected(): void {
    const again = this.#lostAt > 0;
    if (again) this.add('good', 'logConnectedAgain', { s: ((Date.now() - this.#lostAt) / 1000).toFixed(1) });
    else this.add('good', 'logConnected');
    this.#firstAttempt = 0;
    clearTimeout(this.#settle);
    this.#settle = setTimeout(() => this.#sumUp(again), RECOVERY_SETTLES_MS);
  }

  #sumUp(again: boolean): void {
    const n = this.#replayed;
    this.#replayed = 0;
    if (this.#resynced.size > 0) {
      const all = [...this.#resynced];
      const channels = all.length > 3 ? `${all.slice(0, 3).join(', ')} +${all.length - 3}` : all.join(', ');
      this.#resynced.clear();
      this.add('plain', 'logResync', { channels });
    } else if (!again) {
      if (n > 0) this.add('plain', 'logHistoryMany', { n });
    } else if (n === 0) {
      this.add('good', 'logNothingMissed');
    } else {
      this.recovered.set(this.recovered.get() + n);
      this.add('good', n === 1 ? 'logRecoveredOne' : 'logRecoveredMany', { n });
    }
  }

  #handleFault(event: FaultEvent): void {
    switch (event.kind) {
      case 'cut':
        return this.add('you', 'logCut');
      case 'silent':
        return this.add('you', 'logSilent');
      case 'silent-end':
        return this.add('plain', 'logSilentEnd');
      case 'mute':
        return this.add('you', 'logMute');
      case 'mute-end':
        return this.add('plain', 'logMuteEnd');
      case 'blocked':
        return this.add('you', 'logBlocked', { s: Math.round(event.ms / 1000) });
      case 'block-end':
        return this.add('plain', 'logBlockEnd');
      case 'slow':
        return this.add('you', 'logSlow', { ms: event.ms });
      case 'slow-end':
        return this.add('plain', 'logSlowEnd');
      case 'token-short':
        return this.add('you', 'logTokenShort', { s: event.s });
      case 'token-refused':
        return this.add('bad', 'logTokenShortRefused');
    }
  }
}

/** The close code and, where it says more than "lost", the word beside it. */
function reasonOf({ closeCode, reason }: ConnectionStatus): string {
  return [closeCode, reason === 'lost' && closeCode !== undefined ? undefined : reason].filter((part) => part !== undefined).join(' ') || '–';
}

export const journal = new Journal();
