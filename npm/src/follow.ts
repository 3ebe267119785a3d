/**
 * Channels that follow something that moves, such as the page's route: what stays wanted stays held, what is new is taken before what is
 * old goes, so that a shared channel never falls to zero in between.
 */

import type { ChannelEvent, Pulsewire, SubscribeOptions } from './types.js';

/** A name, several, or none; what is empty in a list does not count, so that a route without a parameter needs no `if`. */
export type ChannelNames = string | readonly (string | false | null | undefined)[] | false | null | undefined;

export interface Follower {
  to(names: ChannelNames): void;
}

/** The names, each once. */
export function namesOf(names: ChannelNames): string[] {
  return [...new Set([names].flat().filter(name => !!name))] as string[];
}

/** Holds what `to()` was told last; `to(undefined)` ends it. */
export function follow(client: Pulsewire, options: SubscribeOptions, onEvent?: (event: ChannelEvent) => void): Follower {
  const held = new Map<string, () => void>();
  return {
    to(names) {
      const wanted = namesOf(names);
      for (const name of wanted) if (!held.has(name)) held.set(name, hold(client, name, options, onEvent));
      for (const [name, release] of held) {
        if (wanted.includes(name)) continue;
        held.delete(name);
        release();
      }
    },
  };
}

/** Takes a hold on one channel; the result lets go of it. */
export function hold(client: Pulsewire, name: string, options: SubscribeOptions, onEvent?: (event: ChannelEvent) => void): () => void {
  const handle = client.channel(name, options);
  const stop = onEvent && handle.on('*', onEvent);
  return () => {
    stop?.();
    handle.release();
  };
}
