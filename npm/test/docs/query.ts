// Shown in docs/query.md; docs.test.ts compares them, query.test.ts runs them.
import type { QueryClient } from '@tanstack/query-core';
import type { Pulsewire } from 'pulsewire';
import { connectQueries } from 'pulsewire/query';

export function connect(client: Pulsewire, queryClient: QueryClient): () => void {
  const disconnect = connectQueries(client, queryClient, {
    keys: ({ channel, event, data }) => {
      if (event === 'alert') return [['alerts', channel]];
      // One page of an infinite query: the one that holds the patient.
      if (event === 'priority_update') {
        const { patientId } = data as { patientId: string };
        return [{ queryKey: ['patients'], page: page => (page as { id: string }[]).some(({ id }) => id === patientId) }];
      }
      return undefined;
    },
    covers: channel => [['alerts', channel]],
  });
  return disconnect;
}
