/** The page's own state for React: one subscription each, by `useSyncExternalStore`. */
import { useMemo, useSyncExternalStore } from 'react';
import type { MessageKey } from '../lib/messages';
import { numberIn, preferences, timeIn, translate, type Lang, type Values } from '../lib/prefs';
import type { Value } from '../lib/value';

export function useValue<T>(value: Value<T>): T {
  return useSyncExternalStore(value.listen, value.get);
}

export interface Words {
  lang: Lang;
  t(key: MessageKey, values?: Values): string;
  number(value: number, digits?: number): string;
  time(ms: number): string;
}

/** Texts and numbers in the chosen language. */
export function useWords(): Words {
  const lang = useValue(preferences.lang);
  return useMemo(
    () => ({
      lang,
      t: (key, values) => translate(lang, key, values),
      number: (value, digits) => numberIn(lang, value, digits),
      time: (ms) => timeIn(lang, ms),
    }),
    [lang],
  );
}

const listenToClock = (changed: () => void): (() => void) => {
  const timer = setInterval(changed, 1_000);
  return () => clearInterval(timer);
};
const second = (): number => Math.floor(Date.now() / 1_000);

/** The time of day, once a second. */
export function useNow(): number {
  // A snapshot must be the same until it changes: whole seconds are. What is due within one is told by `Date.now()` in the render.
  useSyncExternalStore(listenToClock, second);
  return Date.now();
}
