/**
 * The texts of the elements: which language a place in the page speaks, and how a text gets its values.
 *
 * A text is looked up by the whole tag, then by its first part (`pt-PT` gets the Brazilian one, which reads better there than English),
 * then in English. Every language but English is fetched only where it is spoken.
 */
import { en, type Texts } from './en.js';

export type { Texts };

/** Languages fetched when a page speaks them, by tag; English is always there. */
const loaders: Record<string, () => Promise<Texts>> = {
  pt: () => import('./pt-BR.js').then(module => module.ptBR),
};
const languages = new Map<string, Partial<Texts>>([['en', en]]);
const loading = new Map<string, Promise<void>>();
const listeners = new Set<() => void>();

const partsOf = (lang: string): string[] => [lang.toLowerCase(), lang.toLowerCase().split('-')[0] ?? ''];

/**
 * Adds a language, or changes some texts of one: `setTexts('en', { alertsTitle: 'Alarms' })`. What a language lacks is shown in the
 * language of its first part (`pt` for `pt-PT`), then in English.
 */
export function setTexts(lang: string, texts: Partial<Texts>): void {
  const key = lang.toLowerCase();
  languages.set(key, { ...languages.get(key), ...texts });
  for (const tell of [...listeners]) tell();
}

/** The texts of a language tag, with an element's own overrides on top. */
export function textsOf(lang: string, overrides?: Partial<Texts>): Texts {
  const [whole, first] = partsOf(lang) as [string, string];
  return { ...en, ...languages.get(first), ...languages.get(whole), ...overrides };
}

/** Fetches the texts of a language, once; a failed fetch leaves English in place and is tried again at the next call. */
export function loadLanguage(lang: string): Promise<void> {
  const first = partsOf(lang)[1] ?? '';
  const load = loaders[first];
  if (!load) return Promise.resolve();
  let fetched = loading.get(first);
  if (!fetched) {
    fetched = load().then(
      // What the page has set itself stays on top of what comes later.
      texts => setTexts(first, { ...texts, ...languages.get(first) }),
      () => void loading.delete(first),
    );
    loading.set(first, fetched);
  }
  return fetched;
}

/** Told when texts come or change. */
export function onTexts(changed: () => void): () => void {
  listeners.add(changed);
  return () => listeners.delete(changed);
}

/** Puts values into a text; a name without a value stays visible, which shows the mistake instead of hiding it. */
export function fill(text: string, values: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
}

type Paired = { [K in keyof Texts]: K extends `${infer P}One` ? P : never }[keyof Texts];

/** Chooses `…One` or `…Other` by the language's plural rule and fills in `{n}`. */
export function plural(texts: Texts, lang: string, key: Paired, n: number): string {
  const one = cached('plural', lang, () => new Intl.PluralRules(lang)).select(n) === 'one';
  return fill(texts[`${key}${one ? 'One' : 'Other'}`], { n: number(n, lang) });
}

/** A number as the language writes it: with at most two decimals, or with exactly as many as asked for, so that a live value does not jump. */
export function number(value: number, lang: string, digits?: number): string {
  // Digits come from an attribute: what `Intl` would refuse counts as none given.
  const exact = digits !== undefined && digits >= 0 && digits <= 20 ? Math.floor(digits) : undefined;
  const options = { minimumFractionDigits: exact, maximumFractionDigits: exact ?? 2 };
  return cached(`number${exact}`, lang, () => new Intl.NumberFormat(lang, options)).format(value);
}

/** A share of 0 to 1 in percent. */
export function percent(share: number, lang: string): string {
  return cached('percent', lang, () => new Intl.NumberFormat(lang, { style: 'percent', maximumFractionDigits: 0 })).format(share);
}

/** "5s ago", "há 3 h": the largest unit that fits, because nobody reads "187 s ago". */
export function ago(ageMs: number, lang: string, texts: Texts): string {
  if (ageMs < 1_500) return texts.justNow;
  const [value, unit] = largestUnit(ageMs);
  const format = cached('ago', lang, () => new Intl.RelativeTimeFormat(lang, { style: 'narrow', numeric: 'always' }));
  return format.format(-value, unit);
}

/** "12 s", "3 min": a length of time. */
export function duration(ms: number, lang: string): string {
  const [value, unit] = largestUnit(ms);
  return cached(`duration${unit}`, lang, () => new Intl.NumberFormat(lang, { style: 'unit', unit, unitDisplay: 'narrow' })).format(value);
}

/** Clock time, to the minute. */
export function clock(ts: number, lang: string): string {
  return cached('clock', lang, () => new Intl.DateTimeFormat(lang, { timeStyle: 'short' })).format(ts);
}

function largestUnit(ms: number): [number, 'second' | 'minute' | 'hour' | 'day'] {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return [seconds, 'second'];
  if (seconds < 3_600) return [Math.floor(seconds / 60), 'minute'];
  if (seconds < 86_400) return [Math.floor(seconds / 3_600), 'hour'];
  return [Math.floor(seconds / 86_400), 'day'];
}

// Building an Intl formatter costs far more than using it, and badges ask every second.
const formatters = new Map<string, unknown>();
function cached<T>(kind: string, lang: string, make: () => T): T {
  const key = `${kind} ${lang}`;
  let formatter = formatters.get(key) as T | undefined;
  if (formatter === undefined) {
    formatter = make();
    formatters.set(key, formatter);
  }
  return formatter;
}
