/** Holds on several channels at once: what follows something that moves, such as the page's route. */

import type { ChannelEvent, Pulsewire, SubscribeOptions } from './types.js';

/** A name, several, or none; what is empty in a list does not count, so that a route without a parameter needs no `if`. */
export type ChannelNames = string | readonly (string | false | null | undefined)[] | false | null | undefined;

/** The names, each once. */
export function namesOf(names: ChannelNames): string[] {
  return [...new Set([names].flat().filter(name => !!name))] as string[];
}

/** Takes a hold on each; the result lets go of them. Whoever follows a route takes the new ones before letting go of the old. */
export function hold(
  client: Pulsewire,
  names: ChannelNames,
  options: SubscribeOptions,
  onEvent?: (event: ChannelEvent) => void,
): () => void {
  const handles = namesOf(names).map(name => client.channel(name, options));
  // A handle that is released ends its listeners.
  if (onEvent) for (const handle of handles) handle.on('*', onEvent);
  return () => {
    for (const handle of handles) handle.release();
  };
}

/** Holds what `to()` was told last; `to(undefined)` ends it. */
export function follow(
  client: Pulsewire,
  options: SubscribeOptions,
  onEvent?: (event: ChannelEvent) => void,
): (names: ChannelNames) => void {
  let release: (() => void) | undefined;
  return names => {
    const before = release;
    release = hold(client, names, options, onEvent);
    before?.();
  };
}
