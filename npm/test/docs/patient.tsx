// Shown in docs/react.md; docs.test.ts compares them, docs-run.test.tsx runs them.
import type { Pulsewire } from 'pulsewire';
import { PulsewireProvider, useAlerts, useConnection, useDeviceStatus, useRouteChannels, useTelemetryStats } from 'pulsewire/react';
import { PulsewireChart } from 'pulsewire/react/elements';
import type { ReactNode } from 'react';

export function Layout({ client, children }: { client: Pulsewire; children: ReactNode }) {
  return (
    <PulsewireProvider client={client} connect>
      {children}
    </PulsewireProvider>
  );
}

export function Patient({ params }: { params: { id: string; device: string } }) {
  // React Router: useParams(). Next: useParams() of next/navigation. Neither is needed: anything that says where the page is will do.
  useRouteChannels(params, ({ id }) => id && `patient:${id}`);
  const status = useDeviceStatus(params.device);
  const alerts = useAlerts({ patientId: params.id, maxHz: 2 });
  const heart = useTelemetryStats(params.device, 'heart_rate', { renderHz: 1 });
  const connected = useConnection({ select: ({ state }) => state === 'connected' });
  return (
    <section aria-busy={!connected}>
      <h1>
        {status?.status ?? 'unknown'}, {alerts.unread} new alerts
      </h1>
      <p>
        {heart.stats?.last ?? '–'} bpm ({heart.freshness})
      </p>
      <PulsewireChart device={params.device} metric="heart_rate" />
    </section>
  );
}
