/**
 * Everything that can be broken from the page: each acts on the real socket, the real token or the real relay, never on what is shown.
 */
import type { ConnectionState } from 'pulsewire';
import type { IconName } from './icons';
import { journal } from './journal';
import type { MessageKey } from './messages';
import type { Values } from './prefs';
import type { Ward } from './ward';
import type { Broken } from './wire';

export const BLOCK_MS = 30_000;
export const SLOW_MS = 700;
/** The relay lets a token live 5 s beyond its end: what clocks may differ. */
export const SHORT_TOKEN_S = 3;
export const AWAY_MS = 3_000;

/** What a button of the panel shows now. */
export interface FaultState {
  disabled: boolean;
  /** It is broken now; where it may be ended, another press does. */
  active: boolean;
  label: MessageKey;
  values?: Values;
}

export interface Fault {
  id: 'cut' | 'silence' | 'mute' | 'block' | 'slow' | 'token' | 'restart';
  icon: IconName;
  hint: MessageKey;
  state(broken: Broken, connection: ConnectionState, now: number): FaultState;
  run(ward: Ward): void | Promise<void>;
}

const seconds = (ms: number): number => Math.max(0, Math.round(ms / 1000));

export const FAULTS: readonly Fault[] = [
  {
    id: 'cut',
    icon: 'scissors',
    hint: 'cutHint',
    state: (_, connection) => ({ disabled: connection !== 'connected', active: false, label: 'cut' }),
    run: ({ wire }) => wire.cut(),
  },
  {
    id: 'silence',
    icon: 'silence',
    hint: 'silenceHint',
    state: ({ silentSince }, connection, now) =>
      silentSince > 0
        ? { disabled: true, active: true, label: 'silentFor', values: { s: seconds(now - silentSince) } }
        : { disabled: connection !== 'connected', active: false, label: 'silence' },
    run: ({ wire }) => wire.silence(),
  },
  {
    id: 'mute',
    icon: 'heartbeat',
    hint: 'muteHint',
    state: ({ muteSince }, connection, now) =>
      muteSince > 0
        ? { disabled: true, active: true, label: 'mutedFor', values: { s: seconds(now - muteSince) } }
        : { disabled: connection !== 'connected', active: false, label: 'mute' },
    run: ({ wire }) => wire.mute(),
  },
  {
    id: 'block',
    icon: 'block',
    hint: 'blockHint',
    state: ({ blockedUntil }, _, now) =>
      blockedUntil > now
        ? { disabled: false, active: true, label: 'blockedFor', values: { s: Math.ceil((blockedUntil - now) / 1000) } }
        : { disabled: false, active: false, label: 'block' },
    run: ({ wire }) => (wire.broken.get().blockedUntil > Date.now() ? wire.unblock() : wire.block(BLOCK_MS)),
  },
  {
    id: 'slow',
    icon: 'slow',
    hint: 'slowHint',
    state: ({ delayMs }) => ({ disabled: false, active: delayMs > 0, label: delayMs > 0 ? 'slowed' : 'slow' }),
    run: ({ wire }) => wire.slow(wire.broken.get().delayMs > 0 ? 0 : SLOW_MS),
  },
  {
    id: 'token',
    icon: 'key',
    hint: 'tokenHint',
    state: (_, connection) => ({ disabled: connection !== 'connected', active: false, label: 'expireToken' }),
    run: async ({ tokens, wire }) => {
      const { token } = await tokens.short(SHORT_TOKEN_S);
      wire.replaceToken(token, SHORT_TOKEN_S);
    },
  },
  {
    id: 'restart',
    icon: 'restart',
    hint: 'restartHint',
    state: (_, connection) => ({ disabled: connection !== 'connected' && connection !== 'polling', active: false, label: 'restart' }),
    run: async () => {
      const answer = await fetch(`/dev/restart?awayMs=${AWAY_MS}`, { method: 'POST' });
      if (answer.ok) return journal.add('you', 'logRestart', { s: AWAY_MS / 1000 });
      // An older relay, or one without `--dev`: what to do by hand.
      journal.add('bad', answer.status === 404 ? 'logRestartByHand' : 'logRefused', { what: `restart: HTTP ${answer.status}` });
    },
  },
];

/** Breaks it; what fails on the way is told in the journal. */
export async function breakIt(fault: Fault, ward: Ward): Promise<void> {
  try {
    await fault.run(ward);
  } catch (error) {
    journal.add('bad', 'logError', { message: error instanceof Error ? error.message : String(error) });
  }
}
