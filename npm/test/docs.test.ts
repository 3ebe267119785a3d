/**
 * The guides' code is the code of test/docs, which is type-checked and, where it is a test, run, or of npm/examples, which are built and
 * opened in a browser (`cargo xtask test --only packaging-matrix`): nothing shown can be stale. What stands elsewhere in documents is
 * compiled (docs-types.test.ts).
 */
import { expect, test } from 'vitest';
import { checkedCode, parts } from './checked-code.js';
import { documents } from './documents.js';

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
const all = documents();
test.each(GUIDES)('docs/%s.md shows only code that is checked', guide => {
  const { blocks } = all.find(({ path }) => path === `docs/${guide}.md`)!;
  const code = blocks.filter(({ language }) => /^(ts|tsx|js|svelte|html)$/.test(language));
  expect(code.length).toBeGreaterThan(0);
  for (const block of code) for (const part of parts(block.code)) expect(checkedCode).toContain(part);
});
