// Builds the client's WebAssembly into npm/wasm/: cargo, wasm-bindgen, the words of panics cut, wasm-opt, then the glue as a factory.
//
// Why a factory: a trapped instance is abandoned and a fresh one started (row C19), so the glue's module-level state must
// exist once per instance. Why the base64 copy: `new URL` + fetch fails in some bundlers, plain Node and `file:` pages.
// Needs: the wasm32-unknown-unknown target, and wasm-bindgen on PATH in exactly the crate's version (0.2.130).
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transform } from 'esbuild';
import { leanGlue } from './lean-glue.mjs';
import { shortenGlue, shortenNames } from './short-names.mjs';
import { snipPanics } from './snip-panics.mjs';

const npm = dirname(dirname(fileURLToPath(import.meta.url)));
const repo = dirname(npm);
const out = join(npm, 'wasm');

function run(command, args, options = {}) {
  const done = spawnSync(command, args, {
    cwd: repo,
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    ...options,
  });
  if (done.error)
    throw new Error(`${command} could not be started (${done.error.message}); \`cargo xtask build\` installs what is missing`);
  if (done.status !== 0) throw new Error(`${command} ended with ${done.status}; its own words stand above`);
  return done.stdout;
}

/** Panics tell the file they are in: no path of the building machine may go out with the wasm, and short ones are smaller. */
function shortPaths() {
  const sources = join(process.env.CARGO_HOME ?? join(homedir(), '.cargo'), 'registry/src');
  const registries = existsSync(sources) ? readdirSync(sources).map(name => join(sources, name)) : [];
  const flags = [...registries.map(path => `--remap-path-prefix=${path}/=`), `--remap-path-prefix=${repo}/=`];
  return `target.wasm32-unknown-unknown.rustflags=${JSON.stringify(flags)}`;
}

/**
 * What the optimiser leaves out of its usual passes, each measured by what is downloaded (gzip).
 *
 * Traps: these are LLVM's own options; a compiler with another LLVM may call them otherwise, and then refuses to build. Its
 * `-attributor-enable=all` would save 2.7 kB more, but what it makes of this code does not start (LLVM of Rust 1.95).
 */
const LLVM = [
  // A running pointer for each array in a loop pays on processors with address modes that WebAssembly has not (-0.6 kB).
  '-disable-lsr',
  // Computes on every way in what only some need, so that it is at hand (-0.2 kB).
  '-enable-pre=false',
  '-enable-load-pre=false',
];

/** The .wasm that cargo says it wrote, wherever the target directory is. */
function cargoBuild() {
  const messages = run('cargo', [
    'rustc',
    '--package=pulsewire-client-wasm',
    '--lib',
    // The one kind of library that a browser takes. Where an `rlib` for other crates is built along with it (`Cargo.toml`), the
    // linker keeps whatever those might call: 13 % of the wasm (measured).
    '--crate-type=cdylib',
    '--profile=wasm',
    '--target=wasm32-unknown-unknown',
    '--message-format=json-render-diagnostics',
    `--config=${shortPaths()}`,
    // Of the last crate alone, with which all others are compiled anew.
    '--',
    `-Cllvm-args=${LLVM.join(' ')}`,
  ]);
  for (const line of messages.split('\n')) {
    if (!line.startsWith('{')) continue;
    const message = JSON.parse(line);
    if (message.reason !== 'compiler-artifact' || message.target.name !== 'pulsewire_client_wasm') continue;
    const wasm = message.filenames.find(name => name.endsWith('.wasm'));
    if (wasm) return wasm;
  }
  throw new Error('cargo built no pulsewire_client_wasm.wasm');
}

/** Turns the module that wasm-bindgen wrote into `createGlue()`, one set of state per call. */
async function writeGlueFactory(names) {
  const source = leanGlue(shortenGlue(readFileSync(join(out, 'pulsewire.js'), 'utf8'), names));
  const wanted = ['WasmClient', '__wbg_get_imports', '__wbg_finalize_init'];
  // As a module first, so that its own ways of loading, which nobody uses, fall away.
  const { code: needed } = await transform(
    `${source.replace(/^export (class|function) /gm, '$1 ').replace(/^export \{[^}]*\};?$/gm, '')}\nexport { ${wanted} };`,
    { format: 'esm', target: 'es2022', treeShaking: true },
  );
  const body = needed.replace(/^export \{[^}]*\};?$/gm, '');
  if (/^\s*(export|import)\s/m.test(body)) throw new Error('wasm-bindgen wrote an import or export that build-wasm.mjs does not know');
  const factory = `export function createGlue() {\n${body}\nreturn { WasmClient, imports: __wbg_get_imports, finish: __wbg_finalize_init };\n}\n`;
  const { code } = await transform(factory, { minify: true, format: 'esm', target: 'es2022', treeShaking: true });
  writeFileSync(join(out, 'pulsewire_glue.js'), code);
  writeFileSync(
    join(out, 'pulsewire_glue.d.ts'),
    `import type { WasmClient } from './pulsewire.js';\n` +
      `/** One instance's glue: make the imports, instantiate, then \`finish\` with the exports. */\n` +
      `export declare function createGlue(): {\n` +
      `  WasmClient: typeof WasmClient;\n` +
      `  imports(): WebAssembly.Imports;\n` +
      `  finish(instance: { exports: WebAssembly.Exports }, module: WebAssembly.Module): unknown;\n` +
      `};\n`,
  );
}

const built = cargoBuild();
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
run('wasm-bindgen', [
  built,
  '--target=web',
  `--out-dir=${out}`,
  '--out-name=pulsewire',
  '--omit-default-module-path',
  '--remove-producers-section',
]);
const wasm = join(out, 'pulsewire_bg.wasm');
const before = statSync(wasm).size;
const snipped = snipPanics(readFileSync(wasm), readFileSync(join(out, 'pulsewire.js'), 'utf8'));
writeFileSync(wasm, snipped.wasm);
run(join(npm, 'node_modules/.bin/wasm-opt'), [
  // Flattened first and made into loops and blocks anew: half a percent smaller after gzip (measured).
  ...['-Os', '--flatten', '--rereloop', '-Os'],
  // Inlining makes the file smaller and what is downloaded larger (measured: 7 % after gzip).
  ...['--always-inline-max-function-size=3', '--flexible-inline-max-function-size=1', '--one-caller-inline-max-function-size=20'],
  // Offsets go into loads and stores where an address cannot lie below 1 KiB: there ends the stack, which rustc puts first (-0.4 kB).
  '--low-memory-unused',
  '--converge',
  // One in place of functions that differ in a constant or two (-0.3 kB).
  ...['--merge-similar-functions', '-Os'],
  '--strip-debug',
  '--strip-producers',
  '--strip-target-features',
  wasm,
  '-o',
  wasm,
]);
const { wasm: renamed, names } = shortenNames(readFileSync(wasm));
writeFileSync(wasm, renamed);
await writeGlueFactory(names);
writeFileSync(join(out, 'pulsewire_base64.js'), `export default "${readFileSync(wasm).toString('base64')}";\n`);
writeFileSync(join(out, 'pulsewire_base64.d.ts'), 'declare const base64: string;\nexport default base64;\n');
console.log(`wasm: ${before} bytes, ${statSync(wasm).size} after wasm-opt (${snipped.count} functions of panics cut), in ${out}`);
