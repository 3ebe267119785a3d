// Bundles src/ into dist/ (ESM, shared code in chunks, React and Svelte left to the page) and writes the types.
//
// The wasm is not bundled: `new URL('../wasm/…', import.meta.url)` in dist/ finds it beside, and the base64 copy is a
// dynamic import of its own file, so that it costs nothing where the first way works.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { minifyTemplates } from './minify-templates.mjs';
import { ownTypes } from './own-types.mjs';

const npm = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(npm, 'dist');
const { version } = JSON.parse(readFileSync(join(npm, 'package.json'), 'utf8'));

if (!existsSync(join(npm, 'wasm/pulsewire_glue.js'))) throw new Error('npm/wasm is empty: run `npm run build:wasm` first');
rmSync(dist, { recursive: true, force: true });

await build({
  absWorkingDir: npm,
  entryPoints: {
    index: 'src/index.ts',
    svelte: 'src/svelte/index.ts',
    'svelte/runes': 'src/svelte/runes.ts',
    'svelte/people': 'src/svelte/people.runes.ts',
    react: 'src/react/index.ts',
    'react/elements': 'src/react/elements.ts',
    'react/people': 'src/react/people.ts',
    'react/health': 'src/react/health.ts',
    people: 'src/models/index.ts',
    query: 'src/query/index.ts',
    devtools: 'src/devtools/index.ts',
    testing: 'src/testing/index.ts',
    elements: 'src/elements/index.ts',
    'elements/auto': 'src/elements/auto.ts',
  },
  outdir: dist,
  bundle: true,
  splitting: true,
  format: 'esm',
  target: 'es2022',
  platform: 'neutral',
  mainFields: ['module', 'main'],
  minify: true,
  sourcemap: false,
  // Beside the code, in *.LEGAL.txt, which the package carries too.
  legalComments: 'linked',
  plugins: [minifyTemplates],
  chunkNames: 'chunk-[hash]',
  external: ['svelte', 'svelte/*', 'react', 'react-dom', 'react/*', '../wasm/pulsewire_base64.js'],
  define: { __PULSEWIRE_VERSION__: JSON.stringify(version) },
  logLevel: 'warning',
});

// For Next's app router: esbuild leaves no directive at the head of a bundle.
for (const entry of ['react.js', 'react/elements.js', 'react/people.js', 'react/health.js']) {
  const file = join(dist, entry);
  writeFileSync(file, `'use client';${readFileSync(file, 'utf8')}`);
}

const types = spawnSync(join(npm, 'node_modules/.bin/tsc'), ['--project', 'tsconfig.build.json'], { cwd: npm, stdio: 'inherit' });
if (types.status !== 0) throw new Error('tsc found errors; see above');
ownTypes(join(dist, 'types'));
