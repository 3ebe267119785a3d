'use client';

import { useDeviceStatus, useTelemetryStats } from 'pulsewire/react';
import { PulsewireChart } from 'pulsewire/react/elements';

export function Bed({ id }: { id: string }) {
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
