// What each entry costs a page: gzip and brotli of everything that its import loads, external packages left out.
//
// `pulsewire` is the wasm, its glue and the façade. The base64 copy is not counted: it is loaded where the file cannot be.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const npm = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * kB of gzip that an entry may take. The goal for the whole `pulsewire` entry is 40, its aim 30: the line in size-budget.json
 * stands just above what was measured last, so that it can only go down from here.
 */
const BUDGET = JSON.parse(readFileSync(join(npm, 'size-budget.json'), 'utf8'));

const measure = bytes => ({
  raw: bytes.length,
  gzip: gzipSync(bytes, { level: 9 }).length,
  brotli: brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length,
});
const plus = (a, b) => ({ raw: a.raw + b.raw, gzip: a.gzip + b.gzip, brotli: a.brotli + b.brotli });

/** One entry as a bundler would take it: `lazy` adds what it imports on first use. */
async function entry(file, { lazy = false } = {}) {
  const { outputFiles, metafile } = await build({
    absWorkingDir: npm,
    entryPoints: { entry: file },
    outdir: '/',
    bundle: true,
    splitting: true,
    format: 'esm',
    minify: true,
    write: false,
    metafile: true,
    legalComments: 'none',
    external: ['svelte', 'svelte/*', 'react', 'react-dom', 'react/*', '*/pulsewire_base64.js'],
    logLevel: 'error',
  });
  const wanted = new Set();
  const visit = path => {
    if (wanted.has(path)) return;
    wanted.add(path);
    for (const { path: next, kind, external } of metafile.outputs[path].imports) {
      if (!external && (lazy || kind === 'import-statement')) visit(next);
    }
  };
  visit(Object.keys(metafile.outputs).find(path => metafile.outputs[path].entryPoint !== undefined));
  let sum = { raw: 0, gzip: 0, brotli: 0 };
  for (const path of wanted) {
    const output = outputFiles.find(one => one.path.endsWith(`/${path.split('/').at(-1)}`));
    sum = plus(sum, measure(output.contents));
  }
  return sum;
}

const wasm = measure(readFileSync(join(npm, 'wasm/pulsewire_bg.wasm')));
const code = await entry('dist/index.js');
const sizes = {
  wasm,
  'glue and façade': code,
  pulsewire: plus(wasm, code),
  'pulsewire/svelte': await entry('dist/svelte.js'),
  'pulsewire/svelte/runes': await entry('dist/svelte/runes.js'),
  'pulsewire/react': await entry('dist/react.js'),
  'pulsewire/react/elements': await entry('dist/react/elements.js'),
  'pulsewire/query': await entry('dist/query.js'),
  'pulsewire/devtools, opened': await entry('dist/devtools.js', { lazy: true }),
  'pulsewire/testing (never in a page)': await entry('dist/testing.js'),
  'pulsewire/elements (all but charts’ plotting)': await entry('dist/elements.js'),
  'pulsewire/elements, everything it can load': await entry('dist/elements.js', { lazy: true }),
};

const kb = bytes => (bytes / 1000).toFixed(1).padStart(7);
console.log(`${'entry'.padEnd(48)}    raw    gzip  brotli   budget (gzip), kB`);
let over = false;
for (const [name, size] of Object.entries(sizes)) {
  const budget = BUDGET[name];
  const bad = budget !== undefined && size.gzip > budget * 1000;
  over ||= bad;
  console.log(`${name.padEnd(46)} ${kb(size.raw)} ${kb(size.gzip)} ${kb(size.brotli)}   ${budget ?? ''}${bad ? '  OVER' : ''}`);
}
if (over) {
  console.error('size: over budget (size-budget.json)');
  process.exitCode = 1;
}
