/**
 * How this browser's user wants to be told of toasts: sound, its volume, notifications of the browser. Kept per browser, followed by all tabs.
 *
 * Where the browser keeps nothing (private windows, blocked storage) a change lasts as long as the page.
 */
import { Source } from '../observable.js';
import type { Severity } from '../types.js';

const KEY = 'pulsewire:toasts';

export interface ToastOptions {
  /** For which toasts a sound is played. */
  sound: 'off' | 'critical' | 'all';
  /** 0 to 1. */
  volume: number;
  /** Notifications of the browser while the page is hidden; they need the browser's permission besides. */
  notify: boolean;
}
const DEFAULT: ToastOptions = { sound: 'critical', volume: 0.6, notify: false };

let kept: string | undefined;

/** What is stored may be anybody's: only what fits counts. */
function read(): ToastOptions {
  try {
    kept = localStorage.getItem(KEY) ?? kept;
  } catch {
    // Storage is blocked: what was set on this page counts.
  }
  let given: Partial<Record<keyof ToastOptions, unknown>> = {};
  try {
    given = JSON.parse(kept ?? '{}') ?? {};
  } catch {
    // Not ours.
  }
  const { sound, volume, notify } = given;
  return {
    sound: sound === 'off' || sound === 'all' ? sound : DEFAULT.sound,
    volume: typeof volume === 'number' && volume >= 0 && volume <= 1 ? volume : DEFAULT.volume,
    notify: notify === true,
  };
}

const source = new Source(read);
let followers = 0;
const follow = ({ key }: StorageEvent): void => {
  if (key === KEY || key === null) source.changed();
};

export const toastOptions = {
  get: source.get,
  /** Told of changes, those of other tabs included. */
  listen(changed: () => void): () => void {
    if (followers++ === 0) {
      window.addEventListener('storage', follow);
      source.changed();
    }
    const end = source.listen(changed);
    return () => {
      end();
      if (--followers === 0) window.removeEventListener('storage', follow);
    };
  },
  set(change: Partial<ToastOptions>): void {
    kept = JSON.stringify({ ...source.get(), ...change });
    try {
      localStorage.setItem(KEY, kept);
    } catch {
      // Blocked, or full: it lasts as long as the page.
    }
    source.changed();
  },
};

export const isHeard = ({ sound }: ToastOptions, severity: Severity): boolean =>
  sound === 'all' || (sound === 'critical' && severity === 'critical');
