/** A Svelte store over an observable: alive only while somebody listens. */
import type { Observable, Pulsewire, SubscribeOptions } from '../types.js';

/** A store that works only while somebody listens, by Svelte's store contract; a few lines, so that Svelte's own runtime is not needed for it. */
export interface Readable<T> {
  subscribe(run: (value: T) => void): () => void;
}

/**
 * `start` runs with the first listener and its result with the last one's leaving. While rendering on a server Svelte listens to every
 * store it shows: there `initial` is the value, and nothing starts.
 */
export function lazyReadable<T>(initial: T, start: (set: (value: T) => void) => () => void): Readable<T> {
  const runs = new Set<{ run: (value: T) => void }>();
  let value = initial;
  let stop: (() => void) | undefined;
  const set = (next: T): void => {
    value = next;
    for (const { run } of [...runs]) run(next);
  };
  return {
    subscribe(run) {
      const entry = { run };
      // Started before the first listener is added, so that it is told once, and of the started value.
      if (typeof window !== 'undefined') stop ??= start(set);
      runs.add(entry);
      run(value);
      return () => {
        if (!runs.delete(entry) || runs.size > 0) return;
        stop?.();
        stop = undefined;
        value = initial;
      };
    },
  };
}

/** A part of an observable, as a store that holds a channel, where one is named, while it is listened to. */
export function partOf<T, U>(
  client: Pulsewire,
  source: Observable<T>,
  pick: (value: T) => U,
  channel?: string | false,
  options?: SubscribeOptions,
): Readable<U> {
  return lazyReadable(pick(source.get()), set => {
    const hold = channel ? client.channel(channel, options) : undefined;
    const stop = source.subscribe(value => set(pick(value)));
    return () => {
      stop();
      hold?.release();
    };
  });
}
