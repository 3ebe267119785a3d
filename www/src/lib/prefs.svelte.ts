/**
 * What the visitor prefers: language, colours, sound. Kept in `localStorage`, shown on `<html>`.
 *
 * `index.html` sets the same attributes before the first paint; this module keeps them true afterwards.
 */
import { en, pt, type MessageKey } from './messages';

export type Theme = 'system' | 'light' | 'dark';
export type Lang = 'en' | 'pt-BR';

function load(key: string): string | null {
  try {
    return localStorage.getItem(`pulsewire.${key}`);
  } catch {
    return null; // Storage may be refused by policy: preferences then last as long as the page.
  }
}
function save(key: string, value: string): void {
  try {
    localStorage.setItem(`pulsewire.${key}`, value);
  } catch {
    // As above.
  }
}

const storedTheme = load('theme');

class Prefs {
  lang = $state<Lang>(/^pt/i.test(load('lang') ?? navigator.language) ? 'pt-BR' : 'en');
  theme = $state<Theme>(storedTheme === 'dark' || storedTheme === 'light' ? storedTheme : 'system');
  sound = $state(load('sound') === 'on');

  setLang(lang: Lang): void {
    this.lang = lang;
    document.documentElement.lang = lang;
    save('lang', lang);
  }

  setTheme(theme: Theme): void {
    this.theme = theme;
    if (theme === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    save('theme', theme);
  }

  setSound(on: boolean): void {
    this.sound = on;
    save('sound', on ? 'on' : 'off');
  }
}

export const prefs = new Prefs();

/** The text of `key` in the chosen language; reactive wherever it is called from markup or `$derived`. */
export function t(key: MessageKey, values: Record<string, string | number> = {}): string {
  const text = (prefs.lang === 'en' ? en : pt)[key];
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** A number as people of the chosen language write it. */
export function formatNumber(value: number, digits = 0): string {
  return value.toLocaleString(prefs.lang, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** Time of day. */
export function formatTime(ms: number): string {
  return new Date(ms).toLocaleTimeString(prefs.lang, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
}

/** How long ago, in the coarsest unit that is still useful at a bedside. */
export function formatAge(ageMs: number): string {
  const s = Math.max(0, Math.round(ageMs / 1000));
  return s < 90 ? t('ageSeconds', { s }) : t('ageMinutes', { m: Math.round(s / 60) });
}
