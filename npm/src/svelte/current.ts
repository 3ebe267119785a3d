/** Stores as values with `.current`, for both entries of runes. */
import { fromStore } from 'svelte/store';
import type { Pulsewire } from '../types.js';
import { getPulsewire } from './context.js';
import type { Readable } from './readable.js';
import type { PulsewireStores } from './stores.js';

/** A value that `.current` reads and follows. */
export interface Current<T> {
  readonly current: T;
}

/** The client given by `setPulsewire` in a component above. */
export const usePulsewire = (): Pulsewire => getPulsewire().client;

type Whole = { [Name in keyof PulsewireStores]: PulsewireStores[Name] extends Readable<infer T> ? T : never };
/** A store of the whole client. */
export const whole =
  <Name extends keyof PulsewireStores>(name: Name) =>
  (): Current<Whole[Name]> =>
    fromStore(getPulsewire()[name] as Readable<Whole[Name]>);

/** One store for the argument of now. The one before ends by itself: nothing reads it any more. */
export function following<A, T, S extends Readable<T> = Readable<T>>(
  arg: () => A,
  make: (stores: PulsewireStores, arg: A) => S & Readable<T>,
): Current<T> & { store(): S } {
  const stores = getPulsewire();
  let key: string | undefined;
  let made: S & Readable<T>;
  let shown: Current<T> | undefined;
  const latest = (): Current<T> => {
    const asked = arg();
    const next = JSON.stringify(asked);
    if (shown === undefined || next !== key) {
      made = make(stores, asked);
      shown = fromStore(made);
      key = next;
    }
    return shown;
  };
  return {
    get current() {
      return latest().current;
    },
    store() {
      latest();
      return made;
    },
  };
}
