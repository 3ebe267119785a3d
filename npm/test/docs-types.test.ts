/**
 * What the documents show compiles against the package as it is: every block of TypeScript, TSX and Svelte of every document. One that needs more than
 * it shows has a prelude (CONTRIBUTING.md, "Code in documents"); one that stands word for word in code that is checked, and run, already
 * (docs.test.ts) is not compiled twice. Svelte goes through svelte2tsx, as in svelte-check, and through Svelte's own compiler.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { checkedCode, parts } from './checked-code.js';
import { anchorLinksOf, anchorsOf, type Block, type Document, documents } from './documents.js';

const NPM = fileURLToPath(new URL('..', import.meta.url));
// By Node, not through Vite: that would transform two compilers first.
const require = createRequire(import.meta.url);
const { compile } = require('svelte/compiler') as typeof import('svelte/compiler');
const { svelte2tsx } = require('svelte2tsx') as typeof import('svelte2tsx');
const all = documents();

interface Shown {
  document: Document;
  block: Block;
  /** Where the compiler is told that it lies, and what. */
  file: string;
  source: string;
  /** The line of the file on which the block's first one stands, from 0; unknown for Svelte. */
  first: number | undefined;
}

const isChecked = (block: Block): boolean => parts(block.code).every(part => checkedCode.includes(part));

function* shownIn(document: Document): Generator<Shown> {
  for (const [index, block] of document.blocks.entries()) {
    const file = join(NPM, 'test', `${document.path.replaceAll(/\W/g, '_')}_${index}`);
    if (block.language === 'svelte') {
      const source = block.code.replace(/(<script[^>]*>\n)/, `$1${block.prelude}`);
      const isTsFile = /<script[^>]*lang="ts"/.test(source);
      const { code } = svelte2tsx(source, { filename: `${file}.svelte`, isTsFile, mode: 'ts', version: '5' });
      yield { document, block, file: `${file}.svelte.${isTsFile ? 'tsx' : 'jsx'}`, source: code, first: undefined };
    } else if (/^tsx?$/.test(block.language) && !isChecked(block)) {
      // Each is a module of its own, whether or not it imports something.
      const source = `export {};\n${block.prelude}${block.code}`;
      yield { document, block, file: `${file}.${block.language}`, source, first: block.prelude.split('\n').length };
    }
  }
}

const shown = all.flatMap(document => [...shownIn(document)]);

function settings(): ts.CompilerOptions {
  const path = join(NPM, 'tsconfig.json');
  const { config } = ts.readConfigFile(path, ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, NPM);
  // The tests' own strictness, without what is the habit of a whole module. Svelte in JavaScript is looked at too.
  return { ...options, noUnusedLocals: false, noUnusedParameters: false, allowJs: true, checkJs: true, types: ['node', 'vite/client'] };
}

/** Of JavaScript no types are wanted: what is unsaid does not count there, nor that svelte2tsx writes types of its own into it. */
const isUnsaid = (file: string, code: number): boolean =>
  file.endsWith('.jsx') && ((code >= 7_000 && code < 7_100) || (code >= 8_000 && code < 8_020));

/** What the compiler says of these, with the document's line; of Svelte, whose lines svelte2tsx moves, with the block's. */
function problemsOf(files: readonly Shown[]): string[] {
  const sources = new Map(files.map(entry => [entry.file, entry]));
  const options = settings();
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  host.fileExists = name => sources.has(name) || fileExists.call(host, name);
  host.readFile = name => sources.get(name)?.source ?? readFile.call(host, name);
  host.getSourceFile = (name, language, ...rest) => {
    const entry = sources.get(name);
    return entry ? ts.createSourceFile(name, entry.source, language) : getSourceFile.call(host, name, language, ...rest);
  };
  const shims = [require.resolve('svelte2tsx/svelte-shims-v4.d.ts'), join(NPM, 'node_modules/svelte/svelte-html.d.ts')];
  const program = ts.createProgram([...sources.keys(), ...shims], options, host);
  const problems: string[] = [];
  for (const { file, document, block, first, source: text } of files) {
    const source = program.getSourceFile(file) as ts.SourceFile;
    const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    for (const { messageText, start = 0, code } of found) {
      if (isUnsaid(file, code)) continue;
      const { line } = ts.getLineAndCharacterOfPosition(source, start);
      const at = first === undefined ? block.line : Math.max(block.line, block.line + line - first);
      problems.push(
        `${document.path}:${at}: ${ts.flattenDiagnosticMessageText(messageText, ' ')} in \`${text.split('\n')[line]?.trim()}\``,
      );
    }
  }
  return problems;
}

test('the documents show code at all, in each language that is looked for', () => {
  const languages = new Set(shown.map(({ block }) => block.language));
  expect([...languages].sort()).toEqual(['svelte', 'ts', 'tsx']);
});

test('every block compiles against the package, and a mistake in one is told with its line', { timeout: 300_000 }, () => {
  const code = "import { createPulsewire } from 'pulsewire';\ncreatePulsewire({ getTokn: () => '' });\n";
  const script = `<script lang="ts">\n  ${code.replace('\n', '\n  ')}</script>\n`;
  const blocks = [
    { language: 'ts', code, line: 7, prelude: 'declare const x: 1;\n' },
    { language: 'svelte', code: script, line: 20, prelude: '' },
  ];
  const wrong: Document = { path: 'wrong.md', text: '', blocks };
  const told = problemsOf([...shown, ...shownIn(wrong)]);
  expect(told.filter(text => !text.startsWith('wrong.md'))).toEqual([]);
  expect(told).toEqual([expect.stringMatching(/^wrong\.md:8: .*getTokn/), expect.stringMatching(/^wrong\.md:20: .*getTokn/)]);
});

test("Svelte's own compiler has nothing to warn of in a component", () => {
  const warnings = shown
    .filter(({ block }) => block.language === 'svelte')
    .flatMap(({ document, block }) => compile(block.code, {}).warnings.map(({ message }) => `${document.path}:${block.line}: ${message}`));
  expect(warnings).toEqual([]);
});

test('every code that an error may have is explained in docs/errors.md, and no other', () => {
  const types = readFileSync(join(NPM, 'src/types.ts'), 'utf8');
  const codes = ['RelayErrorCode', 'ClientErrorCode', 'ReportedErrorCode'].flatMap(name => {
    const [, union = ''] = new RegExp(`export type ${name} =([^;]*);`).exec(types) ?? [];
    return [...union.matchAll(/'(\w+)'/g)].map(([, code]) => code as string);
  });
  expect(codes.length).toBeGreaterThan(30);
  const errors = all.find(({ path }) => path === 'docs/errors.md')!.text;
  const rows = [...errors.matchAll(/^\| (`\w+`(?:, `\w+`)*) \|/gm)].map(([, cell = '']) => cell);
  const explained = rows.flatMap(cell => [...cell.matchAll(/`(\w+)`/g)].map(([, code]) => code)).filter(code => code !== 'code');
  expect(explained.sort()).toEqual(codes.sort());
});

test('every link to a place within a document leads to a heading of it', () => {
  const texts = new Map(all.map(({ path, text }) => [path, anchorsOf(text)]));
  const lost = all.flatMap(document =>
    [...anchorLinksOf(document)]
      .filter(({ target, anchor }) => texts.get(target)?.has(anchor) === false)
      .map(({ target, anchor }) => `${document.path}: ${target}#${anchor}`),
  );
  expect(lost).toEqual([]);
});
