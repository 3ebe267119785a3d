/** From an observable of the client to React: one subscription, no tearing, and the same first picture on server and browser. */
import { useCallback, useEffect, useSyncExternalStore } from 'react';
import type { Observable, SubscribeOptions } from '../types.js';
import { usePulsewire } from './context.js';

/**
 * The current value of an observable. `initial` is what a server renders and a browser hydrates with: a constant, because the client may
 * have moved on before hydration, and the two must match.
 */
export function useObservable<T>(observable: Observable<T>, initial: T): T {
  return useSyncExternalStore(
    useCallback(changed => observable.listen(changed), [observable]),
    () => observable.get(),
    () => initial,
  );
}

/** Holds a channel while the component is mounted; nothing where the name is absent. */
export function useHold(name: string | undefined, { history, maxHz }: SubscribeOptions = {}): void {
  const client = usePulsewire();
  useEffect(() => {
    if (name === undefined) return;
    const hold = client.channel(name, { history, maxHz });
    return () => hold.release();
  }, [client, name, history, maxHz]);
}
