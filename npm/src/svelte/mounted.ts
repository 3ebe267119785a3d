/** Subscriptions that live as long as a component, or as long as a DOM node. */
import { onMount } from 'svelte';
import { type ChannelNames, follow, hold } from '../follow.js';
import type { ChannelEvent, Pulsewire, SubscribeOptions } from '../types.js';
import { getPulsewire } from './context.js';
import type { Readable } from './readable.js';

/** What is wanted of the channel, and who hears its events. */
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

/**
 * Holds the channels of the route while the component is mounted, and follows as it moves: `subscribeOnRoute(page, ({ params }) =>
 * params.id && `patient:${params.id}`)` with SvelteKit's `page` store. With runes: `useRouteChannels` of `pulsewire/svelte/runes`.
 */
export function subscribeOnRoute<Page>(
  page: Readable<Page>,
  channels: (page: Page) => ChannelNames,
  { onEvent, ...options }: WhileMountedOptions = {},
  client: Pulsewire = getPulsewire().client,
): void {
  onMount(() => {
    const to = follow(client, options, onEvent);
    const stop = page.subscribe(value => to(channels(value)));
    return () => {
      stop();
      to(undefined);
    };
  });
}

/** The parameter of `use:subscribe`. */
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
