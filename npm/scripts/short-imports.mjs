// Gives the imports of a wasm module one-letter names, in the module and in its glue.
//
// wasm-bindgen names each import by its path and a hash: two kilobytes that do not compress.

/** Reads an unsigned LEB128 number; gives it and the offset behind it. */
function leb(bytes, at) {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return [value, at];
  }
}

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

/** The module with every import renamed, and the new name of each old one. */
export function shortenImports(bytes) {
  const names = new Map();
  for (let at = 8; at < bytes.length; ) {
    const start = at;
    const id = bytes[at];
    const [size, body] = leb(bytes, at + 1);
    at = body + size;
    if (id !== 2) continue;
    const [count, first] = leb(bytes, body);
    const section = [...lebBytes(count)];
    for (let index = 0, offset = first; index < count; index++) {
      const [moduleLength, moduleAt] = leb(bytes, offset);
      const [nameLength, nameAt] = leb(bytes, moduleAt + moduleLength);
      const name = text(bytes, nameAt, nameLength);
      const end = descriptionEnd(bytes, nameAt + nameLength);
      const short = `i${index.toString(36)}`;
      names.set(name, short);
      section.push(...named('w'), ...named(short), ...bytes.subarray(nameAt + nameLength, end));
      offset = end;
    }
    const renamed = [2, ...lebBytes(section.length), ...section];
    return { wasm: Buffer.concat([bytes.subarray(0, start), Buffer.from(renamed), bytes.subarray(at)]), names };
  }
  throw new Error('the wasm has no imports');
}

/** The glue with the same names. */
export function shortenGlue(glue, names) {
  let left = glue.replace(/"\.\/pulsewire_bg\.js": /, 'w: ');
  for (const [name, short] of names) {
    const before = left;
    left = left.replace(new RegExp(`\\b${name}: `), `${short}: `);
    if (left === before) throw new Error(`the glue has no import ${name}: adapt short-imports.mjs to what wasm-bindgen writes`);
  }
  return left;
}
