/** The visitor's preferences for Svelte: reactive wherever they are read, in markup, `$derived` and `$effect`. */
import { createSubscriber } from 'svelte/reactivity';
import type { MessageKey } from './messages';
import { numberIn, preferences, timeIn, translate, type Lang, type Theme, type Values } from './prefs';
import type { Value } from './value';

export type { Lang, Theme } from './prefs';

function reactive<T>(value: Value<T>): () => T {
  const subscribe = createSubscriber((update) => value.listen(update));
  return () => {
    subscribe();
    return value.get();
  };
}
const lang = reactive(preferences.lang);
const theme = reactive(preferences.theme);
const sound = reactive(preferences.sound);
const soundChosen = reactive(preferences.soundChosen);

export const prefs = {
  get lang(): Lang {
    return lang();
  },
  get theme(): Theme {
    return theme();
  },
  get sound(): boolean {
    return sound();
  },
  get soundChosen(): boolean {
    return soundChosen();
  },
};

/** The text of `key` in the chosen language. */
export function t(key: MessageKey, values: Values = {}): string {
  return translate(lang(), key, values);
}

/** A number as people of the chosen language write it. */
export function formatNumber(value: number, digits = 0): string {
  return numberIn(lang(), value, digits);
}

/** Time of day. */
export function formatTime(ms: number): string {
  return timeIn(lang(), ms);
}

/** How long ago, in the coarsest unit that is still useful at a bedside. */
export function formatAge(ageMs: number): string {
  const s = Math.max(0, Math.round(ageMs / 1000));
  return s < 90 ? t('ageSeconds', { s }) : t('ageMinutes', { m: Math.round(s / 60) });
}
