/** `pulsewire/react/health`: how good the connection is, and what waits for it. Apart from `pulsewire/react`, because few pages show it. */
import { useCallback } from 'react';
import type { OutboxItem, Quality } from '../types.js';
import { usePulsewire } from './context.js';
import { useObservable, usePolled, type Watch } from './observe.js';

const NO_QUALITY: Quality = { grade: 'offline', jitterMs: 0, uptime: 0, reconnects: 0, messagesPerSecond: 0, bytesPerSecond: 0 };

/** How good the connection is, looked at each second (or every `everyMs`). */
export function useQuality({ everyMs = 1_000 }: { everyMs?: number } = {}): Quality {
  const client = usePulsewire();
  return usePolled(
    useCallback(() => client.quality(), [client]),
    NO_QUALITY,
    everyMs,
  );
}

const NONE: readonly OutboxItem[] = [];

/** Messages that are on their way, oldest first: for lists that show a message before the relay has it. */
export function useOutbox<U = readonly OutboxItem[]>(watch?: Watch<readonly OutboxItem[], U>): U {
  return useObservable(usePulsewire().outbox, NONE, watch);
}
