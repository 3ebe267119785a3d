/**
 * Loads the client's WebAssembly: lazily, once, and in every place where a page may be built or run (row N7).
 *
 * Nothing happens at import. The file beside the package comes first, by `new URL` and streaming; where that fails (bundlers
 * that do not copy it, Node, `file:` pages) a base64 copy is imported. An instance that trapped is dead: all its users are
 * told, and the next `loadWasm` makes a fresh one from the same compiled module.
 *
 * Trap: this file must lie directly in `src/`, so that `../wasm/` is right both here and in the bundled `dist/`.
 */

import type { WasmClient } from '../wasm/pulsewire.js';
import { createGlue } from '../wasm/pulsewire_glue.js';
import { WasmBlockedError, WasmLoadError } from './errors.js';
import type { PulsewireOptions } from './types.js';

export type { WasmClient };
type WasmSource = PulsewireOptions['wasm'];

/** One running instance, shared by the clients of a page. */
export interface WasmInstance {
  readonly WasmClient: typeof WasmClient;
  readonly memory: WebAssembly.Memory;
  /** True once it trapped: nothing of it may be used any more, and calls into it do nothing. */
  readonly dead: boolean;
  /** Told once, synchronously, when it traps. */
  onTrap(run: (error: Error) => void): () => void;
}

const modules = new Map<string, Promise<WebAssembly.Module>>();
const modulesOfBytes = new WeakMap<object, Promise<WebAssembly.Module>>();
const instances = new WeakMap<WebAssembly.Module, Promise<WasmInstance>>();

/** The shared instance of that source. A failed load is forgotten, so that the next call tries again. */
export async function loadWasm(source: WasmSource): Promise<WasmInstance> {
  try {
    const module = await compiled(source);
    for (;;) {
      let current = instances.get(module);
      if (current === undefined) {
        current = instantiate(module);
        instances.set(module, current);
      }
      const running = await current;
      if (!running.dead) return running;
      if (instances.get(module) === current) instances.delete(module);
    }
  } catch (error) {
    throw explained(error, source);
  }
}

function compiled(source: WasmSource): Promise<WebAssembly.Module> {
  if (source instanceof WebAssembly.Module) return Promise.resolve(source);
  if (source === undefined) return once(modules, '', compileOwn);
  if (typeof source === 'string' || source instanceof URL) {
    const url = String(source);
    return once(modules, url, () => compileFrom(url));
  }
  return once(modulesOfBytes, source, () => WebAssembly.compile(source));
}

function once<K>(
  cache: {
    get(key: K): Promise<WebAssembly.Module> | undefined;
    set(key: K, value: Promise<WebAssembly.Module>): unknown;
    delete(key: K): unknown;
  },
  key: K,
  make: () => Promise<WebAssembly.Module>,
): Promise<WebAssembly.Module> {
  let promise = cache.get(key);
  if (promise === undefined) {
    promise = make();
    promise.catch(() => cache.delete(key));
    cache.set(key, promise);
  }
  return promise;
}

async function compileOwn(): Promise<WebAssembly.Module> {
  try {
    return await compileFrom(new URL('../wasm/pulsewire_bg.wasm', import.meta.url));
  } catch (error) {
    if (isBlocked(error)) throw error;
    const { default: base64 } = await import('../wasm/pulsewire_base64.js');
    return await WebAssembly.compile(Uint8Array.from(atob(base64), char => char.charCodeAt(0)));
  }
}

async function compileFrom(url: string | URL): Promise<WebAssembly.Module> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`HTTP ${response.status} from ${url}`);
  // Servers that do not know the type of .wasm files are common; streaming refuses any other type.
  if (response.headers.get('content-type')?.startsWith('application/wasm')) return await WebAssembly.compileStreaming(response);
  return await WebAssembly.compile(await response.arrayBuffer());
}

async function instantiate(module: WebAssembly.Module): Promise<WasmInstance> {
  const glue = createGlue();
  const listeners = new Set<(error: Error) => void>();
  let dead = false;
  const watch =
    (run: (...args: unknown[]) => unknown, ofPage: boolean) =>
    (...args: unknown[]): unknown => {
      // Timers, sockets and finalizers of a dead instance may still call in.
      if (dead) return undefined;
      try {
        return run(...args);
      } catch (error) {
        if (isTrap(error)) {
          dead = true;
          for (const listener of [...listeners]) listener(error);
          // What a timer or a socket called has nobody to throw to; the listeners know.
          if (!ofPage) return undefined;
        }
        throw error;
      }
    };
  const { exports } = await WebAssembly.instantiate(module, glue.imports());
  const watched: WebAssembly.Exports = {};
  for (const [name, value] of Object.entries(exports)) {
    watched[name] =
      typeof value === 'function'
        ? (watch(value as (...args: unknown[]) => unknown, name.startsWith('wasmclient')) as WebAssembly.ExportValue)
        : value;
  }
  glue.finish({ exports: watched }, module);
  return {
    WasmClient: glue.WasmClient,
    memory: exports.memory as WebAssembly.Memory,
    get dead() {
      return dead;
    },
    onTrap(run) {
      listeners.add(run);
      return () => void listeners.delete(run);
    },
  };
}

/** A stack overflow inside wasm leaves it as broken as a trap does. */
export function isTrap(error: unknown): error is Error {
  return error instanceof WebAssembly.RuntimeError || (error instanceof Error && /call stack|recursion/i.test(error.message));
}

/** Chromium, Firefox and WebKit each say it in their own words. */
function isBlocked(error: unknown): boolean {
  return error instanceof Error && /unsafe-eval|blocked by CSP|Content Security Policy/i.test(error.message);
}

function explained(error: unknown, source: WasmSource): Error {
  if (isBlocked(error)) return new WasmBlockedError(error);
  if (typeof WebAssembly === 'undefined') return new WasmLoadError('this environment has no WebAssembly', error);
  const what = typeof source === 'string' || source instanceof URL ? `the WebAssembly at ${source}` : 'the WebAssembly of pulsewire';
  return new WasmLoadError(`${what} could not be loaded: ${error instanceof Error ? error.message : String(error)}`, error);
}
