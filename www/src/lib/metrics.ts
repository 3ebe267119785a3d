/**
 * What the ward knows about metrics: their names in both languages, units, colours, and whether they are waveforms or trends.
 *
 * Colours follow bedside monitors (ECG green, pleth blue, respiration yellow) and are CSS variables, so that light and dark each have readable ones.
 * A metric that is not listed is shown all the same, under its own name.
 */
import type { Lang } from './prefs';

export interface MetricInfo {
  name: string;
  label: Record<Lang, string>;
  short: Record<Lang, string>;
  unit: string;
  digits: number;
  wave: boolean;
  color: string;
  /** Lower comes first. */
  order: number;
}

const KNOWN: readonly MetricInfo[] = [
  { name: 'ecg', label: { en: 'ECG', 'pt-BR': 'ECG' }, short: { en: 'ECG', 'pt-BR': 'ECG' }, unit: 'mV', digits: 2, wave: true, color: 'var(--wave-ecg)', order: 0 },
  { name: 'ppg', label: { en: 'Photoplethysmogram (PPG)', 'pt-BR': 'Fotopletismograma (PPG)' }, short: { en: 'PPG', 'pt-BR': 'PPG' }, unit: '', digits: 0, wave: true, color: 'var(--wave-ppg)', order: 1 },
  { name: 'heart_rate', label: { en: 'Heart rate', 'pt-BR': 'Frequência cardíaca' }, short: { en: 'HR', 'pt-BR': 'FC' }, unit: 'bpm', digits: 0, wave: false, color: 'var(--wave-ecg)', order: 2 },
  { name: 'spo2', label: { en: 'Oxygen saturation', 'pt-BR': 'Saturação de oxigênio' }, short: { en: 'SpO₂', 'pt-BR': 'SpO₂' }, unit: '%', digits: 0, wave: false, color: 'var(--wave-ppg)', order: 3 },
  { name: 'resp_rate', label: { en: 'Respiratory rate', 'pt-BR': 'Frequência respiratória' }, short: { en: 'RR', 'pt-BR': 'FR' }, unit: '/min', digits: 0, wave: false, color: 'var(--wave-resp)', order: 4 },
  { name: 'temperature', label: { en: 'Temperature', 'pt-BR': 'Temperatura' }, short: { en: 'Temp', 'pt-BR': 'Temp' }, unit: '°C', digits: 1, wave: false, color: 'var(--wave-temp)', order: 5 },
  { name: 'systolic', label: { en: 'Systolic pressure', 'pt-BR': 'Pressão sistólica' }, short: { en: 'Sys', 'pt-BR': 'Sis' }, unit: 'mmHg', digits: 0, wave: false, color: 'var(--wave-other)', order: 6 },
  { name: 'diastolic', label: { en: 'Diastolic pressure', 'pt-BR': 'Pressão diastólica' }, short: { en: 'Dia', 'pt-BR': 'Dia' }, unit: 'mmHg', digits: 0, wave: false, color: 'var(--wave-other)', order: 7 },
];
const ALIASES: Record<string, string> = { respiration: 'resp_rate', respiratory_rate: 'resp_rate', temp: 'temperature', hr: 'heart_rate', pulse_rate: 'heart_rate', pleth: 'ppg' };
const BY_NAME = new Map(KNOWN.map((info) => [info.name, info]));

export function metricInfo(name: string): MetricInfo {
  const known = BY_NAME.get(ALIASES[name] ?? name);
  if (known) return { ...known, name };
  const plain = name.replace(/_/g, ' ');
  return { name, label: { en: plain, 'pt-BR': plain }, short: { en: plain, 'pt-BR': plain }, unit: '', digits: 1, wave: false, color: 'var(--wave-other)', order: 9 };
}

/** Says whether a device is worn: it makes the usage card, and is no curve. */
const NO_CURVE = 'inUse';

export function sortedMetrics(names: readonly string[]): MetricInfo[] {
  return names.filter((name) => name !== NO_CURVE).map(metricInfo).sort((a, b) => a.order - b.order || a.name.localeCompare(b.name));
}

/** Points kept per waveform: 10 s at up to 360 Hz. */
export const WAVE_CAPACITY = 3_600;
export const WAVE_WINDOW_MS = 10_000;
export const TREND_WINDOW_MS = 60_000;

/** A tile of the ward needs no more than this many columns a second: the drawing glides between them. */
export const TILE_HZ = 10;
/** Publications (columns of 50–100 ms) that fill a tile's window when the ward opens. */
export const TILE_HISTORY = 60;
