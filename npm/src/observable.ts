/**
 * The tiny store behind every slice of the client's state.
 *
 * A value is read from its source only when it is asked for after a change, so that a slice nobody looks at costs nothing.
 */

import type { Observable } from './types.js';

/** Calls every listener; one that throws neither stops the others nor passes in silence. */
export function callAll<A extends unknown[]>(listeners: Iterable<(...args: A) => void>, ...args: A): void {
  for (const listener of [...listeners]) {
    try {
      listener(...args);
    } catch (error) {
      reportLater(error);
    }
  }
}

function reportLater(error: unknown): void {
  if (typeof reportError === 'function') reportError(error);
  else
    setTimeout(() => {
      throw error;
    });
}

/** An observable over a source that is read anew after `changed()`. */
export class Source<T> implements Observable<T> {
  readonly #read: () => T;
  readonly #listeners = new Set<() => void>();
  #value: T | undefined;
  #fresh = false;

  constructor(read: () => T) {
    this.#read = read;
  }

  get = (): T => {
    if (!this.#fresh) {
      this.#value = this.#read();
      this.#fresh = true;
    }
    return this.#value as T;
  };

  listen = (changed: () => void): (() => void) => {
    // A wrapper of its own, so that the same function may listen twice and each ends by itself.
    const listener = () => changed();
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  subscribe = (run: (value: T) => void): (() => void) => {
    const end = this.listen(() => run(this.get()));
    run(this.get());
    return end;
  };

  /** The source has something new. */
  changed(): void {
    this.#fresh = false;
    callAll(this.#listeners);
  }
}
