/** The guides' code is the code of test/docs, which is type-checked and, where it is a test, run: nothing shown can be stale. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const examples = new URL('docs/', import.meta.url);
const sources = readdirSync(examples)
  .map(name => readFileSync(new URL(name, examples), 'utf8'))
  .join('\n');
const lines = (code: string): string => code.replace(/\s+/g, ' ').trim();
const all = lines(sources);

test.each(['testing', 'query', 'react', 'svelte'])('docs/%s.md shows only code that is checked', guide => {
  const text = readFileSync(new URL(`../../docs/${guide}.md`, import.meta.url), 'utf8');
  const blocks = [...text.matchAll(/```(?:ts|tsx|svelte)\n([\s\S]*?)```/g)].map(match => match[1] as string);
  expect(blocks.length).toBeGreaterThan(0);
  // A line of dots stands for what is left out.
  for (const block of blocks) for (const part of block.split(/^\s*\/\/ …$/m)) expect(all).toContain(lines(part));
});
