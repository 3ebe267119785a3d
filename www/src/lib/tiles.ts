/** The five figures over the ward. */
import type { DashboardStats } from 'pulsewire';
import type { MessageKey } from './messages';
import { numberIn, translate, type Lang } from './prefs';

export interface Tile {
  id: string;
  label: MessageKey;
  value: string | undefined;
  note: string | undefined;
  hot: boolean;
}

export function tilesOf(stats: DashboardStats | undefined, lang: Lang): Tile[] {
  const number = (value: number | undefined): string | undefined => (value === undefined ? undefined : numberIn(lang, value));
  const tile = (id: string, label: MessageKey, value: number | undefined, note?: string, hot = false): Tile => ({ id, label, value: number(value), note, hot });
  return [
    tile('online', 'devicesOnline', stats?.online, stats && translate(lang, 'ofTotal', { n: numberIn(lang, stats.devices) })),
    tile('alerts', 'activeAlerts', stats?.activeAlerts, undefined, (stats?.activeAlerts ?? 0) > 0),
    tile('sessions', 'activeSessions', stats?.activeSessions),
    tile('compliance', 'averageCompliance', stats && stats.averageCompliance * 100, '%'),
    tile('viewers', 'viewersNow', stats?.viewers),
  ];
}
