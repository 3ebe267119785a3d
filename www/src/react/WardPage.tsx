/** The ward: counters, beds, alerts, faults. */
import { useAlerts, useConnection, useDashboardStats, useDeviceStatuses } from 'pulsewire/react';
import { PulsewireAlerts } from 'pulsewire/react/elements';
import { useMemo } from 'react';
import { marksOf } from '../lib/alerts';
import { patientHref } from '../lib/links';
import { deviceOf } from '../lib/roster';
import { devicesOf, type Ward } from '../lib/ward';
import { BedCard } from './BedCard';
import { FaultPanel } from './FaultPanel';
import { Empty, StatTiles, Watching } from './parts';
import { SimulatePanel } from './SimulatePanel';
import { useNow, useValue, useWords } from './hooks';

export function WardPage({ ward }: { ward: Ward }) {
  const { t } = useWords();
  // Holds the `dashboard` channel while this page is shown: that makes this person a viewer of the ward.
  const stats = useDashboardStats();
  const { items } = useAlerts();
  const listed = useValue(ward.listed);
  const statuses = useDeviceStatuses();
  const devices = devicesOf(listed, statuses);
  const marks = useMemo(() => marksOf(items), [items]);
  return (
    <div className="ward-page">
      <div className="head">
        <div>
          <h1>{t('wardTitle')}</h1>
          <p>{t('wardReactLead')}</p>
        </div>
        <Watching channel="dashboard" />
      </div>
      <StatTiles stats={stats} />
      <div className="columns">
        <section className="beds" aria-labelledby="beds-title">
          <h2 id="beds-title" className="visually-hidden">
            {t('beds')}
          </h2>
          <Beds devices={devices} marks={marks} loading={listed === undefined} />
        </section>
        <div className="side">
          <div className="panel alerts">
            <PulsewireAlerts limit={20} onAlertClick={({ detail }) => location.assign(patientHref(detail.deviceId ?? deviceOf(detail.patientId)))} />
          </div>
          <FaultPanel ward={ward} />
          <SimulatePanel devices={devices} />
        </div>
      </div>
    </div>
  );
}

function Beds({ devices, marks, loading }: { devices: readonly string[]; marks: ReturnType<typeof marksOf>; loading: boolean }) {
  const { t } = useWords();
  const connection = useConnection();
  const now = useNow();
  if (!connection.everConnected && connection.attempt > 0) {
    const nextTry = Math.max(0, Math.ceil(((connection.nextRetryAt ?? 0) - now) / 1000));
    return (
      <Empty title={t('unreachable')} hint={t('unreachableHint', { n: connection.attempt })} bad>
        {nextTry > 0 && <p className="tabular">{t('nextTry', { s: nextTry })}</p>}
      </Empty>
    );
  }
  if (devices.length > 0) {
    return (
      <ul>
        {devices.map((deviceId) => (
          <li key={deviceId}>
            <BedCard deviceId={deviceId} unread={marks.get(deviceId)} />
          </li>
        ))}
      </ul>
    );
  }
  if (loading) {
    return (
      <>
        <ul aria-busy="true" aria-label={t('loadingWard')}>
          {[0, 1, 2, 3, 4, 5].map((place) => (
            <li key={place} className="panel skeleton" style={{ animationDelay: `${place * 90}ms` }} />
          ))}
        </ul>
        <p className="visually-hidden" role="status">
          {t('loadingWard')}
        </p>
      </>
    );
  }
  return (
    <Empty title={t('noDevices')} hint={t('noDevicesHint')}>
      <pre>pulsewire-relay --dev --simulate 8</pre>
    </Empty>
  );
}
