/**
 * `pulsewire`: live data for web pages. Importing it loads nothing and runs nothing; `connect()` does.
 *
 * Every method of the client, and every `Observable`, may be called before the wasm is there.
 */

import { Client } from './client.js';
import type { Pulsewire, PulsewireOptions } from './types.js';

export { PulsewireError, WasmBlockedError, WasmLoadError } from './errors.js';
export type * from './types.js';

/** Makes a client at rest: safe while rendering on a server. */
export function createPulsewire(options: PulsewireOptions = {}): Pulsewire {
  return new Client(options);
}
