// Cuts what only a panic runs out of the wasm: the words a panic would say, and Rust's whole formatting machinery with them.
//
// Why: the standard library comes compiled, so `panic = "abort"` still carries the code that words the message of a panic
// (3 kB of the download), and nobody hears it: there is no console in the wasm. Without it a panic is the trap `unreachable`,
// which is what the façade sees in any case (row C19). What `-Zbuild-std` with immediate aborts would do, without the nightly
// compiler and the library's sources that it needs; rustwasm's `wasm-snip` did the same and is no longer kept.
//
// Trap: code of ours that formatted something would trap as well. So the build ends here if any function but those that are
// cut calls into the formatting machinery: write without `format!` in what the browser runs.
import binaryen from 'binaryen';
import { dataSegments } from './wasm-sections.mjs';

/** Where panics begin, and what they say. */
const PANICS =
  /panicking|panic_|_fail(ed)?($|[^a-z_])|handle_alloc_error|capacity_overflow|raw_vec.*handle_error|throw_inner|rust_panic|begin_panic/;
/** Formatting, and what is implemented for it. */
const FORMATTING = /\]::fmt::|^<.* as core\[[0-9a-f]+\]::fmt::/;

/** Every direct call as [caller, callee], read off the module's text. */
function* directCalls(module) {
  let caller = '';
  for (const line of module.emitText().split('\n')) {
    const name = /^ \(func \$(?:"((?:[^"\\]|\\.)*)"|([^\s()]+))/.exec(line);
    if (name) caller = name[1] ?? name[2];
    const callee = /\((?:return_)?call \$(?:"((?:[^"\\]|\\.)*)"|([^\s()]+))/.exec(line);
    if (callee) yield [caller, callee[1] ?? callee[2]];
  }
}

/** Texts of the standard library that only a panic says, and the digits that only formatting writes. */
const WORDS =
  /slice index starts at | but ends at |index out of bounds: the len is | but the index is |range (?:start|end) index | out of range for slice of length |assertion `left |\n {2}left: |\n right: | right` failed(?:: )?|(?:insertion|removal) index \(is |\) should be <=? len \(is |Tried to shrink to a larger capacity|called `\w+::\w+\(\)` on an? `\w+` value|internal error: entered unreachable code|capacity overflow|mid > len|LazyCell instance has previously been poisoned|attempt to divide by zero|RefCell already (?:mutably )?borrowed|(?:0x)?(?:0123456789abcdef|0123456789ABCDEF)|(?:[0-9]{2}){100}/g;

/**
 * Blanks those texts, and the places that panics name (a path, its length, line and column): blanks cost nothing, because
 * wasm-opt leaves them out.
 */
function blankWords(bytes) {
  const blank = Buffer.from(bytes);
  const segments = [...dataSegments(blank)];
  const at = address => {
    const segment = segments.find(({ start, size }) => address >= start && address < start + size);
    return segment && segment.offset + address - segment.start;
  };
  for (const { offset, size } of segments) {
    for (let place = offset; place + 16 <= offset + size; place += 4) {
      const length = blank.readUInt32LE(place + 4);
      const path = length < 200 ? at(blank.readUInt32LE(place)) : undefined;
      if (path === undefined || !/^[\w./-]+\.rs$/.test(bytes.toString('latin1', path, path + length))) continue;
      blank.fill(0, path, path + length);
      blank.fill(0, place, place + 16);
    }
    for (const { 0: word, index } of blank.toString('latin1', offset, offset + size).matchAll(WORDS))
      blank.fill(0, offset + index, offset + index + word.length);
  }
  return blank;
}

/** The module (with its names) without its panics' words and without what its glue does not call, and how many functions lost their body. */
export function snipPanics(bytes, glue) {
  binaryen.setDebugInfo(true);
  const module = binaryen.readBinary(blankWords(bytes));
  const cut = new Set();
  for (let index = 0; index < module.getNumFunctions(); index++) {
    const reference = module.getFunctionByIndex(index);
    const { name, module: importedFrom } = binaryen.getFunctionInfo(reference);
    if (importedFrom !== '' || !(PANICS.test(name) || FORMATTING.test(name))) continue;
    cut.add(name);
    binaryen.Function.setBody(reference, module.unreachable());
  }
  for (const [caller, callee] of directCalls(module)) {
    if (FORMATTING.test(callee) && !cut.has(caller))
      throw new Error(
        `${caller} formats something (${callee}), which would trap in the browser: build the text without format!, write! or to_string()`,
      );
  }
  if (cut.size < 10)
    throw new Error(`only ${cut.size} functions of panics were found: the compiler names them otherwise now; adapt snip-panics.mjs`);
  for (let index = module.getNumExports() - 1; index >= 0; index--) {
    const { name } = binaryen.getExportInfo(module.getExportByIndex(index));
    if (!new RegExp(`\\bwasm\\.${name}\\b`).test(glue)) module.removeExport(name);
  }
  const wasm = module.emitBinary();
  module.dispose();
  return { wasm, count: cut.size };
}
