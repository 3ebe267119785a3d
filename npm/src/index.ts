/**
 * `pulsewire`: live data for web pages. Importing it loads nothing and runs nothing; `connect()` does.
 *
 * Every method of the client, and every `Observable`, may be called before the wasm is there.
 */

import { Client } from './client.js';
import type { Pulsewire, PulsewireOptions, Untyped } from './types.js';

export { PulsewireError, WasmBlockedError, WasmLoadError } from './errors.js';
export type * from './types.js';

/**
 * Makes a client at rest: safe while rendering on a server.
 *
 * `createPulsewire<Schema, Calls>()` types the application's own channels and events, and requests, at no cost while the page runs:
 * `{ 'bed:*': { moved: { to: string } } }` makes `client.channel('bed:4').on('moved', ({ data }) => data.to)` known to TypeScript.
 */
export function createPulsewire<Schema = Untyped, Calls = Untyped>(options: PulsewireOptions = {}): Pulsewire<Schema, Calls> {
  const client: Pulsewire = new Client(options);
  return client;
}
