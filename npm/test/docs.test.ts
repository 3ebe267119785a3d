/**
 * The guides' code is the code of test/docs, which is type-checked and, where it is a test, run, or of npm/examples, which are built and
 * opened in a browser (`cargo xtask test --only packaging-matrix`): nothing shown can be stale.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
/** Every source below a folder, but for what an example has installed or built. */
function* sourcesOf(folder: string): Generator<string> {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (/^(node_modules|dist|build|\..*)$/.test(name)) continue;
    if (statSync(path).isDirectory()) yield* sourcesOf(path);
    else if (/\.(ts|tsx|js|svelte|html|json)$/.test(name)) yield readFileSync(path, 'utf8');
  }
}
const lines = (code: string): string => code.replace(/\s+/g, ' ').trim();
const all = lines([...sourcesOf(at('docs')), ...sourcesOf(at('../examples'))].join('\n'));

const GUIDES = [
  'testing',
  'query',
  'react',
  'svelte',
  'getting-started',
  'staying-connected',
  'recipes',
  'tokens',
  'csp',
  'pt-BR/primeiros-passos',
];
test.each(GUIDES)('docs/%s.md shows only code that is checked', guide => {
  const text = readFileSync(at(`../../docs/${guide}.md`), 'utf8');
  const blocks = [...text.matchAll(/```(?:ts|tsx|js|svelte|html)\n([\s\S]*?)```/g)].map(match => match[1] as string);
  expect(blocks.length).toBeGreaterThan(0);
  // A line of dots stands for what is left out.
  for (const block of blocks) for (const part of block.split(/^\s*(?:\/\/|<!--) …(?: -->)?$/m)) expect(all).toContain(lines(part));
});
