/** The client of a Svelte tree, in Svelte's context: never a module global, so that two requests on a server cannot share one. */
import { getContext, onMount, setContext } from 'svelte';
import type { Pulsewire } from '../types.js';
import { createStores, type PulsewireStores } from './stores.js';

const KEY = 'pulsewire';

/** Options of `setPulsewire`. */
export interface SetOptions {
  /** Connects once mounted (never while rendering on a server). Ending the connection stays the owner's: `client.close()`. */
  connect?: boolean;
}

/** Gives the client's stores to this component and all below; call it while the component is set up. */
export function setPulsewire(client: Pulsewire, { connect = false }: SetOptions = {}): PulsewireStores {
  const stores = createStores(client);
  setContext(KEY, stores);
  // A failure to load is a state of the connection (`idle`, with the reason): nothing is lost by not waiting for it here.
  if (connect) onMount(() => void client.connect().catch(() => {}));
  return stores;
}

/** The stores given by `setPulsewire` in a component above; the client itself is `.client`. */
export function getPulsewire(): PulsewireStores {
  const stores = getContext<PulsewireStores | undefined>(KEY);
  if (!stores) throw new Error('pulsewire: no client here. Call setPulsewire(client) in a component above, such as the root layout.');
  return stores;
}
