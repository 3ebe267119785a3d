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

/** What an entry is bundled to, with what of it loads what. */
async function bundle(file) {
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
  const outputs = Object.entries(metafile.outputs).map(([path, { imports, exports }]) => {
    const { contents, text } = outputFiles.find(one => one.path.endsWith(`/${path.split('/').at(-1)}`));
    // Its class names stand in nothing else.
    return { path, imports, exports, contents, plots: text.includes('u-over') };
  });
  return { outputs, first: outputs.find(({ path }) => path.endsWith('/entry.js')) };
}

/** All that comes with some of the outputs: `lazy` adds what they import on first use, but for what `leave` says. */
function closure({ outputs }, from, { lazy = false, leave = () => false } = {}) {
  const wanted = new Set();
  const visit = output => {
    if (wanted.has(output) || leave(output)) return;
    wanted.add(output);
    for (const { path, kind, external } of output.imports) {
      if (!external && (lazy || kind === 'import-statement')) visit(outputs.find(one => one.path === path));
    }
  };
  from.forEach(visit);
  return [...wanted].map(({ contents }) => measure(contents)).reduce(plus, { raw: 0, gzip: 0, brotli: 0 });
}

/** One entry as a bundler would take it. */
async function entry(file, options) {
  const bundled = await bundle(file);
  return closure(bundled, [bundled.first], options);
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
  'pulsewire/people': await entry('dist/people.js'),
  'pulsewire/react/people': await entry('dist/react/people.js'),
  'pulsewire/svelte/people': await entry('dist/svelte/people.js'),
  'pulsewire/react/health': await entry('dist/react/health.js'),
};

// A page loads the elements that it names, with what they share; `defineElements()` without names loads all.
const elements = await bundle('dist/elements.js');
const plotting = { lazy: true, leave: ({ plots }) => plots };
sizes['pulsewire/elements'] = closure(elements, [elements.first]);
sizes['elements, all but charts’ plotting'] = closure(elements, [elements.first], plotting);
sizes['elements, with it'] = closure(elements, [elements.first], { lazy: true });
/** What a monitoring page shows: everything but people and jobs. */
const WARD = ['Alerts', 'Banner', 'Chart', 'Connection', 'DeviceBadge', 'Provider', 'Toasts', 'Viewers'];
const classes = elements.outputs.filter(({ exports: names }) => names.some(name => name.startsWith('Pulsewire')));
const ward = classes.filter(({ exports: names }) => WARD.some(name => names.includes(`Pulsewire${name}`)));
sizes['elements of a ward’s page, without plotting'] = closure(elements, [elements.first, ...ward]);
for (const output of classes.sort((a, b) => (a.exports[0] < b.exports[0] ? -1 : 1))) {
  const name = output.exports.find(one => one.startsWith('Pulsewire'));
  sizes[`<${name.replace(/(?!^)[A-Z]/g, '-$&').toLowerCase()}> alone`] = closure(elements, [elements.first, output]);
}

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
