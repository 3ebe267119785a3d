/** `useChannel`: a reference-counted hold on a channel, its state, and its events. `useRouteChannels`: those of the route. */
import { useCallback, useRef, useSyncExternalStore } from './react.js';
import { type ChannelNames, namesOf } from '../follow.js';
import type { ChannelEvent, ChannelHandle, ChannelState, PublishOptions, Delivery, SubscribeOptions } from '../types.js';
import { usePulsewire } from './context.js';
import { useHold, useLatest } from './observe.js';

const WAITING: ChannelState = { phase: 'waiting', epoch: '', offset: 0 };

/** What a page wants of the channel, and who hears its events. */
export interface UseChannelOptions extends SubscribeOptions {
  /** Called for each event; the newest function given counts, without subscribing again. */
  onEvent?: (event: ChannelEvent) => void;
}
/** Where the channel stands, and the way to publish on it. */
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
  const listener = useLatest(onEvent);

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
    [client, name, history, maxHz, listener],
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

/**
 * Holds the channels of the route while the component is mounted, and follows as it moves: `useRouteChannels(useParams(), ({ id }) => id &&
 * `patient:${id}`)` with React Router and with Next alike, or `useRouteChannels(usePathname(), path => …)`. A channel that
 * both routes want stays subscribed: a released one lingers (`lingerMs`).
 */
export function useRouteChannels<Where>(
  where: Where,
  channels: (where: Where) => ChannelNames,
  { history, maxHz, onEvent }: UseChannelOptions = {},
): void {
  const listener = useLatest(onEvent);
  // No name has a space in it.
  useHold(namesOf(channels(where)).join(' '), { history, maxHz }, listener);
}
