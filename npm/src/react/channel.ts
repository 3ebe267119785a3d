/** `useChannel`: a reference-counted hold on a channel, its state, and its events. */
import { useCallback, useEffect, useRef, useSyncExternalStore } from 'react';
import type { ChannelEvent, ChannelHandle, ChannelState, PublishOptions, Delivery, SubscribeOptions } from '../types.js';
import { usePulsewire } from './context.js';

const WAITING: ChannelState = { phase: 'waiting', epoch: '', offset: 0 };

export interface UseChannelOptions extends SubscribeOptions {
  /** Called for each event; the newest function given counts, without subscribing again. */
  onEvent?: (event: ChannelEvent) => void;
}
export interface Channel extends ChannelState {
  publish(event: string, data: unknown, options?: PublishOptions): Delivery;
}

/**
 * Subscribes while mounted. The hold is taken in an effect and released in its clean-up: rendering alone, a double mount of StrictMode, or a
 * render that React throws away never leaves one behind. Without a name nothing is subscribed.
 */
export function useChannel(name: string | undefined, { history, maxHz, onEvent }: UseChannelOptions = {}): Channel {
  const client = usePulsewire();
  const handle = useRef<ChannelHandle | undefined>(undefined);
  const listener = useRef(onEvent);
  useEffect(() => {
    listener.current = onEvent;
  });

  const subscribe = useCallback(
    (changed: () => void) => {
      if (name === undefined) return () => {};
      const held = client.channel(name, { history, maxHz });
      handle.current = held;
      const stop = [held.state.listen(changed), held.on('*', event => listener.current?.(event))];
      return () => {
        for (const end of stop) end();
        held.release();
        if (handle.current === held) handle.current = undefined;
      };
    },
    [client, name, history, maxHz],
  );
  const state = useSyncExternalStore(
    subscribe,
    () => {
      const held = handle.current;
      return held && held.name === name ? held.state.get() : WAITING;
    },
    () => WAITING,
  );
  // Without a name the client refuses it, with an error that says so.
  const publish = useCallback<Channel['publish']>(
    (event, data, options) => client.publish(name ?? '', event, data, options),
    [client, name],
  );
  return { ...state, publish };
}
