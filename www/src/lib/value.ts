/**
 * A value that changes, in no framework's hands: a Svelte store (`$value`), and what React's `useSyncExternalStore` wants (`listen`, `get`).
 *
 * The page's own state stands in these, so that the ward in Svelte and the ward in React run the very same code below their markup.
 */
export class Value<T> {
  #value: T;
  #listeners = new Set<() => void>();

  constructor(value: T) {
    this.#value = value;
  }

  // Arrow functions: both frameworks take them off the object.
  readonly get = (): T => this.#value;

  readonly set = (value: T): void => {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const run of [...this.#listeners]) run();
  };

  /** Told of changes alone. */
  readonly listen = (changed: () => void): (() => void) => {
    // A function of its own for each: the same one given twice is two listeners.
    const run = (): void => changed();
    this.#listeners.add(run);
    return () => this.#listeners.delete(run);
  };

  /** Told at once, and then of changes. */
  readonly subscribe = (run: (value: T) => void): (() => void) => {
    run(this.#value);
    return this.listen(() => run(this.#value));
  };
}
