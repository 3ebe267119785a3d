/**
 * Notifications of the browser for toasts that come while the page is hidden (row N6).
 *
 * Permission is asked for by `askToNotify()` alone, which belongs into a click. The tag is the toast's id, and browsers keep one
 * notification of a tag per site: several tabs show one. Limit: Chrome on Android allows them only from a service worker, which is the
 * application's; there `notifyState()` says `unsupported` after the first that failed.
 */
import type { Toast } from '../types.js';

export type NotifyState = 'unsupported' | 'default' | 'granted' | 'denied';
let failed = false;
const open = new Set<Notification>();

export function notifyState(): NotifyState {
  return typeof Notification !== 'function' || failed ? 'unsupported' : Notification.permission;
}

/** Asks the user, in a gesture of theirs. */
export async function askToNotify(): Promise<NotifyState> {
  if (notifyState() === 'default') await Notification.requestPermission();
  return notifyState();
}

/** Shows one where the page is hidden and the user has allowed it; a click brings the page back and calls `opened`. */
export function notify(toast: Toast, words: { title: string; message: string }, lang: string, opened: () => void): void {
  if (document.visibilityState !== 'hidden' || notifyState() !== 'granted') return;
  try {
    const shown = new Notification(words.title, {
      body: words.message,
      tag: `pulsewire:${toast.id}`,
      lang,
      requireInteraction: toast.severity === 'critical',
      // The page has sounds of its own, by the user's setting.
      silent: true,
    });
    open.add(shown);
    shown.onclick = () => {
      window.focus();
      shown.close();
      opened();
    };
    shown.onclose = () => void open.delete(shown);
  } catch {
    failed = true;
  }
}

/** The page is seen again: its toasts say it all. Gives how to stop looking. */
export function closeWhenSeen(): () => void {
  const seen = (): void => {
    if (document.visibilityState === 'visible') for (const shown of [...open]) shown.close();
  };
  document.addEventListener('visibilitychange', seen);
  return () => document.removeEventListener('visibilitychange', seen);
}
