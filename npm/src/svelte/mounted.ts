/** Subscriptions that live as long as a component, or as long as a DOM node. */
import { onMount } from 'svelte';
import type { ChannelEvent, Pulsewire, SubscribeOptions } from '../types.js';
import { getPulsewire } from './context.js';

export interface WhileMountedOptions extends SubscribeOptions {
  onEvent?: (event: ChannelEvent) => void;
}

/**
 * Holds a channel from mount to unmount; call it while the component is set up. Not run on a server.
 * The client is that of `setPulsewire` above, unless one is given.
 */
export function subscribeWhileMounted(name: string, { onEvent, ...options }: WhileMountedOptions = {}, client?: Pulsewire): void {
  const source = client ?? getPulsewire().client;
  onMount(() => hold(source, name, options, onEvent));
}

export interface SubscribeAction extends WhileMountedOptions {
  client: Pulsewire;
  channel: string | undefined;
}

/** Action `use:subscribe={{ client, channel: `patient:${id}` }}`: follows the channel as it changes, lets go with the node. */
export function subscribe(_node: Element, first: SubscribeAction): { update(next: SubscribeAction): void; destroy(): void } {
  let at = first;
  let release = take();
  function take(): () => void {
    const { client, channel, onEvent: _latest, ...options } = at;
    return channel === undefined ? () => {} : hold(client, channel, options, event => at.onEvent?.(event));
  }
  return {
    update(next) {
      const before = at;
      at = next;
      // Svelte updates with a new object each time: only what is subscribed counts, the newest callback is looked up when needed.
      if (
        before.client === next.client &&
        before.channel === next.channel &&
        before.history === next.history &&
        before.maxHz === next.maxHz
      )
        return;
      const letGo = release;
      release = take();
      letGo();
    },
    destroy: () => release(),
  };
}

function hold(client: Pulsewire, name: string, options: SubscribeOptions, onEvent?: (event: ChannelEvent) => void): () => void {
  const handle = client.channel(name, options);
  const stop = onEvent && handle.on('*', onEvent);
  return () => {
    stop?.();
    handle.release();
  };
}
