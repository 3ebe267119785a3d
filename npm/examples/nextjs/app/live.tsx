'use client';

import { createPulsewire } from 'pulsewire';
import { PulsewireProvider, useChannel, useConnection } from 'pulsewire/react';
import { PulsewireBanner, PulsewireToasts } from 'pulsewire/react/elements';
import { type ReactNode, useState } from 'react';

const getToken = async (): Promise<string> => {
  const answer = await fetch('/api/pulsewire-token', { method: 'POST' });
  if (!answer.ok) throw new Error(`no token: HTTP ${answer.status}`);
  return answer.text();
};

/** Makes the client of this page and gives it to everything below. */
export function Live({ url, children }: { url: string; children: ReactNode }) {
  const [client] = useState(() => createPulsewire({ url, getToken }));
  return (
    <PulsewireProvider client={client} connect>
      <PulsewireBanner />
      <State />
      {children}
      <PulsewireToasts />
    </PulsewireProvider>
  );
}

function State() {
  const state = useConnection({ select: connection => connection.state });
  // Alerts of the whole ward come on the tenant's channel.
  useChannel('tenant', { history: 20 });
  return (
    <p>
      Connection: <output id="state">{state}</output>
    </p>
  );
}
