// Gives the imports and exports of a wasm module short names, in the module and in its glue.
//
// wasm-bindgen names each by its path and a hash: more than two kilobytes that do not compress.
import { leb, sections } from './wasm-sections.mjs';

function lebBytes(value) {
  const bytes = [];
  do {
    bytes.push((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
    value >>>= 7;
  } while (value > 0);
  return bytes;
}

const text = (bytes, from, length) => Buffer.from(bytes.subarray(from, from + length)).toString('utf8');
const named = name => [...lebBytes(Buffer.byteLength(name)), ...Buffer.from(name)];

/** The end of what stands behind an import's names: its kind and type. */
function descriptionEnd(bytes, at) {
  const kind = bytes[at++];
  if (kind === 0) return leb(bytes, at)[1];
  if (kind === 3) return at + 2;
  if (kind === 1) at += 1;
  const [flags, limits] = leb(bytes, at);
  const [, first] = leb(bytes, limits);
  return flags & 1 ? leb(bytes, first)[1] : first;
}

/** What the loading of the wasm knows by name (`src/wasm-loading.ts`). */
const KEPT_EXPORTS = /^(memory$|wasmclient)/;

/** The import section with short names, which are noted in `names`. */
function shortImportSection(bytes, body, names) {
  const [count, first] = leb(bytes, body);
  const section = [...lebBytes(count)];
  for (let index = 0, offset = first; index < count; index++) {
    const [moduleLength, moduleAt] = leb(bytes, offset);
    const [nameLength, nameAt] = leb(bytes, moduleAt + moduleLength);
    const end = descriptionEnd(bytes, nameAt + nameLength);
    const short = `i${index.toString(36)}`;
    names.set(text(bytes, nameAt, nameLength), short);
    section.push(...named('w'), ...named(short), ...bytes.subarray(nameAt + nameLength, end));
    offset = end;
  }
  return section;
}

/** The export section with short names for what only the glue calls, which are noted in `names`. */
function shortExportSection(bytes, body, names) {
  const [count, first] = leb(bytes, body);
  const section = [...lebBytes(count)];
  for (let index = 0, offset = first; index < count; index++) {
    const [length, nameAt] = leb(bytes, offset);
    const name = text(bytes, nameAt, length);
    const [, end] = leb(bytes, nameAt + length + 1);
    const short = KEPT_EXPORTS.test(name) ? name : `e${index.toString(36)}`;
    if (short !== name) names.set(name, short);
    section.push(...named(short), ...bytes.subarray(nameAt + length, end));
    offset = end;
  }
  return section;
}

/** The module with its imports and exports renamed, and the new name of each old one. */
export function shortenNames(bytes) {
  const imports = new Map();
  const exports = new Map();
  const parts = [bytes.subarray(0, 8)];
  for (const { id, start, body, end } of sections(bytes)) {
    let section = null;
    if (id === 2) section = shortImportSection(bytes, body, imports);
    if (id === 7) section = shortExportSection(bytes, body, exports);
    parts.push(section === null ? bytes.subarray(start, end) : Buffer.from([id, ...lebBytes(section.length), ...section]));
  }
  if (imports.size === 0 || exports.size === 0) throw new Error('the wasm has no imports or no exports');
  return { wasm: Buffer.concat(parts), names: { imports, exports } };
}

/** The glue with the same names. */
export function shortenGlue(glue, { imports, exports }) {
  let left = glue.replace(/"\.\/pulsewire_bg\.js": /, 'w: ');
  const replace = (pattern, short, name) => {
    const before = left;
    left = left.replace(pattern, short);
    if (left === before) throw new Error(`the glue has no ${name}: adapt short-names.mjs to what wasm-bindgen writes`);
  };
  for (const [name, short] of imports) replace(new RegExp(`\\b${name}: `), `${short}: `, name);
  for (const [name, short] of exports) replace(new RegExp(`\\bwasm\\.${name}\\b`, 'g'), `wasm.${short}`, name);
  return left;
}
