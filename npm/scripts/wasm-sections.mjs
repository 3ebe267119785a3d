// Where things stand in the bytes of a wasm module.

/** Reads an unsigned LEB128 number; gives it and the offset behind it. */
export function leb(bytes, at) {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return [value, at];
  }
}

/** Each section's number, where it begins (its number, and what it holds), and where it ends. */
export function* sections(bytes) {
  for (let at = 8; at < bytes.length; ) {
    const start = at;
    const [size, body] = leb(bytes, at + 1);
    at = body + size;
    yield { id: bytes[start], start, body, end: at };
  }
}

/** The initialised pieces of memory: where each begins in memory, where in the file, and how long it is. */
export function* dataSegments(bytes) {
  for (const { id, body } of sections(bytes)) {
    if (id !== 11) continue;
    let [count, at] = leb(bytes, body);
    for (; count > 0; count--) {
      // An active segment of the one memory: 0, i32.const address, end, size.
      if (bytes[at] !== 0 || bytes[at + 1] !== 0x41) throw new Error('a data segment of a kind that wasm-sections.mjs does not know');
      const [start, afterStart] = leb(bytes, at + 2);
      const [size, offset] = leb(bytes, afterStart + 1);
      yield { start, offset, size };
      at = offset + size;
    }
  }
}
