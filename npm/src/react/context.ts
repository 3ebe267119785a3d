/** The client of a React tree: given by `<PulsewireProvider>`, never a module global, so that two requests on a server cannot share one. */
import type { ReactNode } from 'react';
import { createContext, createElement, useContext, useEffect } from './react.js';
import type { Pulsewire } from '../types.js';

const Context = createContext<Pulsewire | undefined>(undefined);

/** Props of `<PulsewireProvider>`. */
export interface PulsewireProviderProps {
  client: Pulsewire;
  /** Connects once mounted (never while rendering on a server). Ending the connection stays the owner's: `client.close()`. */
  connect?: boolean;
  children?: ReactNode;
}

/** Gives `client` to the hooks and element wrappers below. */
export function PulsewireProvider({ client, connect = false, children }: PulsewireProviderProps) {
  useEffect(() => {
    // A failure to load is a state of the connection (`idle`, with the reason): nothing is lost by not waiting for it here.
    if (connect) client.connect().catch(() => {});
  }, [client, connect]);
  return createElement(Context.Provider, { value: client }, children);
}

/** The client of the nearest `<PulsewireProvider>`. */
export function usePulsewire(): Pulsewire {
  const client = useContext(Context);
  if (!client) throw new Error('pulsewire: no <PulsewireProvider client={…}> above this');
  return client;
}
