import { useAlerts, useChannel, useConnection, useDeviceStatus, useTelemetryStats } from 'pulsewire/react';
import { PulsewireBanner, PulsewireChart, PulsewireToasts } from 'pulsewire/react/elements';

export function Ward() {
  const state = useConnection({ select: connection => connection.state });
  // Alerts of the whole ward come on the tenant's channel.
  useChannel('tenant', { history: 20 });
  return (
    <>
      <PulsewireBanner />
      <header>
        <h1>Bed 1</h1>
        <p>
          Connection: <output id="state">{state}</output>
        </p>
      </header>
      <main>
        <Bed id="bed-1" />
        <Alerts />
      </main>
      <PulsewireToasts />
    </>
  );
}

function Bed({ id }: { id: string }) {
  const status = useDeviceStatus(id);
  const { stats, freshness } = useTelemetryStats(id, 'heart_rate');
  return (
    <section aria-label={id}>
      <p>
        Monitor {status?.status ?? 'unknown'}, <output id="rate">{stats?.last.toFixed(0) ?? '–'}</output> bpm
        {freshness === 'stale' && ' (old)'}
      </p>
      <PulsewireChart device={id} metric="heart_rate" />
    </section>
  );
}

function Alerts() {
  const { items, unread, markRead } = useAlerts();
  return (
    <section aria-label="Alerts">
      <h2>
        Alerts ({unread} new){' '}
        <button type="button" onClick={() => markRead('all')}>
          Mark all as read
        </button>
      </h2>
      <ul id="alerts">
        {items.map(alert => (
          <li key={alert.id}>
            {alert.patientName}: {alert.message}
          </li>
        ))}
      </ul>
    </section>
  );
}
