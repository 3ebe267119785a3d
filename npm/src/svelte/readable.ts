/** A store that works only while somebody listens, by Svelte's store contract; a few lines, so that Svelte's own runtime is not needed for it. */
export interface Readable<T> {
  subscribe(run: (value: T) => void): () => void;
}

/**
 * While rendering on a server Svelte listens to every store it shows: there the value must be readable and nothing may be held.
 */
export const onServer = (): boolean => typeof window === 'undefined';

/** `start` runs with the first listener and its result with the last one's leaving. */
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
      stop ??= start(set);
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
