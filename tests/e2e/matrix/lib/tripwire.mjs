/**
 * Loaded into every Node process of a rendering server (`node --import`): notes each time the package's WebAssembly is compiled or fetched,
 * or a socket opened.
 *
 * It lets everything pass, so that what it notes is what would have happened; Node's own and the frameworks' modules are told apart by size.
 */
import { appendFileSync, statSync } from 'node:fs';

const { TRIPWIRE_FILE: file, TRIPWIRE_WASM: wasm } = process.env;
if (file && wasm) {
  const size = statSync(wasm).size;
  const note = what => appendFileSync(file, `${what}\n`);
  const ours = source => (source?.byteLength ?? source?.buffer?.byteLength) === size;
  for (const name of ['compile', 'instantiate']) {
    const real = WebAssembly[name];
    WebAssembly[name] = (source, ...rest) => {
      if (ours(source)) note(name);
      return real(source, ...rest);
    };
  }
  for (const name of ['compileStreaming', 'instantiateStreaming']) {
    const real = WebAssembly[name];
    if (!real) continue;
    WebAssembly[name] = (...args) => {
      note(name);
      return real(...args);
    };
  }
  WebAssembly.Module = new Proxy(WebAssembly.Module, {
    construct(target, args) {
      if (ours(args[0])) note('Module');
      return Reflect.construct(target, args);
    },
  });
  const realFetch = globalThis.fetch;
  globalThis.fetch = (input, init) => {
    if (String(input?.url ?? input).includes('.wasm')) note('fetch');
    return realFetch(input, init);
  };
  if (typeof globalThis.WebSocket === 'function') {
    globalThis.WebSocket = class extends globalThis.WebSocket {
      constructor(...args) {
        super(...args);
        note('WebSocket');
      }
    };
  }
}
