/** The project's documents as their tests see them: what is fenced, what is linked, and which headings there are. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface Block {
  language: string;
  code: string;
  /** Of the fence's first line of code, from 1. */
  line: number;
  /** What the comment `<!-- prelude … -->` right above the fence holds: readers do not see it, the compiler does. */
  prelude: string;
}
export interface Document {
  /** From the repository's root. */
  path: string;
  text: string;
  blocks: readonly Block[];
}

/** Every document of the repository, but for what is installed or built. */
export function documents(): Document[] {
  return [...markdownBelow(ROOT)].map(file => {
    const text = readFileSync(file, 'utf8');
    return { path: relative(ROOT, file), text, blocks: [...blocksOf(text)] };
  });
}

function* markdownBelow(folder: string): Generator<string> {
  for (const name of readdirSync(folder)) {
    if (/^(node_modules|dist|build|target|\..*)$/.test(name)) continue;
    const path = join(folder, name);
    if (statSync(path).isDirectory()) yield* markdownBelow(path);
    else if (name.endsWith('.md')) yield path;
  }
}

function* blocksOf(text: string): Generator<Block> {
  for (const match of text.matchAll(/(?:<!-- prelude\n([\s\S]*?)-->\n)?^```(\w+)\n([\s\S]*?)^```$/gm)) {
    const [whole, prelude = '', language = '', code = ''] = match;
    const before = text.slice(0, match.index + whole.length - code.length - '```'.length);
    yield { language, code, prelude, line: before.split('\n').length };
  }
}

const prose = (text: string): string => text.replace(/^```[\s\S]*?^```$/gm, '');

/** The anchors of a document, made from its headings as GitHub makes them. */
export function anchorsOf(text: string): Set<string> {
  const found = new Set<string>();
  for (const [, heading = ''] of prose(text).matchAll(/^#+ (.*)$/gm)) {
    const words = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const anchor = words.replace(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(' ', '-');
    let unique = anchor;
    for (let number = 1; found.has(unique); number += 1) unique = `${anchor}-${number}`;
    found.add(unique);
  }
  return found;
}

/** The links of a document to a place within a document of the repository: that document's path from the root, and the anchor. */
export function* anchorLinksOf({ path, text }: Document): Generator<{ target: string; anchor: string }> {
  for (const [, file = '', anchor = ''] of prose(text)
    .replace(/`[^`\n]*`/g, '')
    .matchAll(/\]\(([^)\s#:]*)#([^)\s]+)\)/g)) {
    const target = file === '' ? path : relative(ROOT, join(ROOT, path, '..', file));
    if (existsSync(join(ROOT, target))) yield { target, anchor };
  }
}
