/** The code that is checked by itself, as one text: test/docs is type-checked and run, npm/examples are built and opened in a browser. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

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

export const checkedCode: string = lines([...sourcesOf(at('docs')), ...sourcesOf(at('../examples'))].join('\n'));

/** What of a block must stand in the checked code: a line of dots stands for what is left out. */
export const parts = (code: string): string[] => code.split(/^\s*(?:\/\/|<!--) …(?: -->)?$/m).map(lines);
