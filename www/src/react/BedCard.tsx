/** One bed of the ward: state, waveform, numbers. */
import { useDeviceStatuses, useObservable, usePulsewire, useTelemetryStats } from 'pulsewire/react';
import { PulsewireDeviceBadge } from 'pulsewire/react/elements';
import { memo, useCallback, useEffect, useMemo, useRef } from 'react';
import type { Mark } from '../lib/alerts';
import { patientHref } from '../lib/links';
import { metricInfo, sortedMetrics, TILE_HISTORY, TILE_HZ, type MetricInfo } from '../lib/metrics';
import { bedOf } from '../lib/roster';
import { drawWaveform } from '../lib/waveform';
import { Icon } from './Icon';
import { useWords } from './hooks';

const NO_METRICS: readonly string[] = [];
const TILE = { maxHz: TILE_HZ, history: TILE_HISTORY };

function Waveform({ deviceId, info, label }: { deviceId: string; info: MetricInfo; label: string }) {
  const client = usePulsewire();
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => (canvas.current ? drawWaveform(canvas.current, client, deviceId, info.name) : undefined), [client, deviceId, info.name]);
  return (
    <div className="waveform" role="img" aria-label={label}>
      <canvas ref={canvas} style={{ color: info.color }} />
    </div>
  );
}

function SmallVital({ deviceId, info }: { deviceId: string; info: MetricInfo }) {
  const { lang, number } = useWords();
  const { stats, freshness } = useTelemetryStats(deviceId, info.name, TILE);
  return (
    <div className="small-vital">
      <dt>{info.short[lang]}</dt>
      <dd className={`tabular ${freshness === 'stale' ? 'old' : ''}`}>
        {stats ? number(stats.last, info.digits) : '–'}
        <span> {info.unit}</span>
      </dd>
    </div>
  );
}

/** Told again only where its own marks change: the ward around it does with every alert and every device. */
export const BedCard = memo(function BedCard({ deviceId, unread }: { deviceId: string; unread: Mark | undefined }) {
  const { lang, t, number } = useWords();
  const client = usePulsewire();
  const known = sortedMetrics(useObservable(useMemo(() => client.metrics(deviceId), [client, deviceId]), NO_METRICS));
  const offline = useDeviceStatuses({ select: useCallback((all) => all[deviceId]?.status === 'offline', [deviceId]) });
  const rate = useTelemetryStats(deviceId, 'heart_rate', TILE);

  const bed = bedOf(deviceId);
  const bedName = bed.number === undefined ? t('device', { id: deviceId }) : t('bed', { n: bed.number });
  const wave = known.find((info) => info.wave);
  const small = known.filter((info) => !info.wave && info.name !== 'heart_rate').slice(0, 3);
  // The last number of a device that is gone would be read as today's: it goes with the device.
  const bpm = offline && rate.freshness !== 'live' ? undefined : rate.stats?.last;
  const dim = offline || bpm === undefined || rate.freshness === 'stale';

  const classes = ['panel bed-card', unread, dim && 'dim'].filter(Boolean).join(' ');
  return (
    <article className={classes} data-device={deviceId}>
      <header>
        <h3>
          <a href={patientHref(deviceId)} aria-label={t('openPatient', { name: bed.patientName, bed: bedName })}>
            {bed.patientName}
          </a>
        </h3>
        <span className="bed">{bedName}</span>
      </header>
      <PulsewireDeviceBadge deviceId={deviceId} />
      <div className="signal">
        <div className="wave">
          {wave ? (
            <>
              <Waveform deviceId={deviceId} info={wave} label={`${wave.label[lang]}, ${bed.patientName}`} />
              <span className="tag" style={{ color: wave.color }}>
                {wave.short[lang]}
              </span>
            </>
          ) : (
            <span className="none">{t('noSignal')}</span>
          )}
        </div>
        {(bpm !== undefined || wave === undefined || wave.name === 'ecg') && (
          <div className="rate" role="img" aria-label={`${metricInfo('heart_rate').label[lang]}: ${bpm === undefined ? t('empty') : number(bpm)}`}>
            <span className={`heart ${dim ? '' : 'beating'}`} style={{ animationDuration: `${60 / (bpm || 60)}s` }}>
              <Icon name="heart" size={14} />
            </span>
            <span className="number tabular" data-vital="heart_rate">
              {bpm === undefined ? '–' : number(bpm)}
            </span>
            <span className="unit">bpm</span>
          </div>
        )}
      </div>
      {small.length > 0 && (
        <dl>
          {small.map((info) => (
            <SmallVital key={info.name} deviceId={deviceId} info={info} />
          ))}
        </dl>
      )}
    </article>
  );
});
