/**
 * The texts of the elements: which language a place in the page speaks, and how a text gets its values.
 *
 * A language is found by its whole tag, then by its first part (`pt-PT` gets `pt-BR`, which reads better there than English), then English.
 */
import { en, type Texts } from './en.js';
import { ptBR } from './pt-BR.js';

export { en, ptBR };
export type { Texts };

const languages = new Map<string, Texts>([
  ['en', en],
  ['pt-br', ptBR],
  ['pt', ptBR],
]);

/**
 * Adds a language, or changes some texts of one: `setTexts('en', { alertsTitle: 'Alarms' })`.
 * Meant to be called once at start; elements already on the page take it at their next update.
 */
export function setTexts(lang: string, texts: Partial<Texts>): void {
  const key = lang.toLowerCase();
  languages.set(key, { ...textsOf(key), ...texts });
}

/** The texts of a language tag, with an element's own overrides on top. */
export function textsOf(lang: string, overrides?: Partial<Texts>): Texts {
  const key = lang.toLowerCase();
  const base = languages.get(key) ?? languages.get(key.split('-')[0] ?? '') ?? en;
  return overrides ? { ...base, ...overrides } : base;
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

/** A number as the language writes it. */
export function number(value: number, lang: string, maximumFractionDigits = 2): string {
  return cached(`number${maximumFractionDigits}`, lang, () => new Intl.NumberFormat(lang, { maximumFractionDigits })).format(value);
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

/** Clock time, with the day where it is not today. */
export function clock(ts: number, lang: string): string {
  const today = new Date().toDateString() === new Date(ts).toDateString();
  return cached(
    `clock${today}`,
    lang,
    () => new Intl.DateTimeFormat(lang, today ? { timeStyle: 'short' } : { dateStyle: 'short', timeStyle: 'short' }),
  ).format(ts);
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
