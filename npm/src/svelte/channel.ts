/** Channels as stores: the subscription lives while somebody listens to the store. */
import type { ChannelEvent, ChannelState, Pulsewire, PublishOptions, Delivery, SubscribeOptions } from '../types.js';
import { lazyReadable, type Readable } from './readable.js';

/** Where a channel stands, and its newest event. */
export interface ChannelSnapshot extends ChannelState {
  /** The newest event. Every one passes through the store, but Svelte may draw only the last of several: count on `onEvent` instead. */
  last?: ChannelEvent;
}
/** What is wanted of a channel's store. */
export interface ChannelStoreOptions extends SubscribeOptions {
  /** Called for each event, none left out, while the store has a listener. */
  onEvent?: (event: ChannelEvent) => void;
}
/** A channel as a store: held while somebody listens. */
export interface ChannelStore extends Readable<ChannelSnapshot> {
  publish(event: string, data: unknown, options?: PublishOptions): Delivery;
}

const WAITING: ChannelSnapshot = { phase: 'waiting', epoch: '', offset: 0 };

export function channelStore(client: Pulsewire, name: string, { onEvent, ...options }: ChannelStoreOptions = {}): ChannelStore {
  const { subscribe } = lazyReadable(WAITING, set => {
    const handle = client.channel(name, options);
    let last: ChannelEvent | undefined;
    const tell = (): void => set({ ...handle.state.get(), last });
    const stop = [
      handle.state.listen(tell),
      handle.on('*', event => {
        last = event;
        onEvent?.(event);
        tell();
      }),
    ];
    tell();
    return () => {
      for (const end of stop) end();
      handle.release();
    };
  });
  return { subscribe, publish: (event, data, publishOptions) => client.publish(name, event, data, publishOptions) };
}
