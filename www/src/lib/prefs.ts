/**
 * What the visitor prefers: language, colours, sound. Kept in `localStorage`, shown on `<html>`.
 *
 * `index.html` sets the same attributes before the first paint; this module keeps them true afterwards.
 */
import { en, pt, type MessageKey } from './messages';
import { Value } from './value';

export type Theme = 'system' | 'light' | 'dark';
export type Lang = 'en' | 'pt-BR';
export type Values = Readonly<Record<string, string | number>>;

export function load(key: string): string | null {
  try {
    return localStorage.getItem(`pulsewire.${key}`);
  } catch {
    return null; // Storage may be refused by policy: preferences then last as long as the page.
  }
}
export function save(key: string, value: string): void {
  try {
    localStorage.setItem(`pulsewire.${key}`, value);
  } catch {
    // As above.
  }
}

const storedTheme = load('theme');

class Preferences {
  readonly lang = new Value<Lang>(/^pt/i.test(load('lang') ?? navigator.language) ? 'pt-BR' : 'en');
  readonly theme = new Value<Theme>(storedTheme === 'dark' || storedTheme === 'light' ? storedTheme : 'system');
  readonly sound = new Value(load('sound') === 'on');
  /** Whether the visitor has said what is wanted. Until then the page asks: a browser lets nothing sound before a click, so off is how it begins. */
  readonly soundChosen = new Value(load('sound') !== null);

  setLang(lang: Lang): void {
    document.documentElement.lang = lang;
    save('lang', lang);
    this.lang.set(lang);
  }

  setTheme(theme: Theme): void {
    if (theme === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    save('theme', theme);
    this.theme.set(theme);
  }

  setSound(on: boolean): void {
    save('sound', on ? 'on' : 'off');
    this.sound.set(on);
    this.soundChosen.set(true);
  }
}

export const preferences = new Preferences();

/** The text of `key` in a language. */
export function translate(lang: Lang, key: MessageKey, values: Values = {}): string {
  return (lang === 'en' ? en : pt)[key].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** A number as people of the language write it. */
export function numberIn(lang: Lang, value: number, digits = 0): string {
  return value.toLocaleString(lang, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** Time of day. */
export function timeIn(lang: Lang, ms: number): string {
  return new Date(ms).toLocaleTimeString(lang, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
}
