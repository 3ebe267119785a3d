// Takes out of wasm-bindgen's glue what no environment of this package needs, and writes its imports shorter.
//
// Why: the glue serves browsers from before 2021 as well, where there is no `encodeInto` and no `FinalizationRegistry`; the package asks
// for ES2022. What stays is what it was; every step ends the build where wasm-bindgen writes something else than it knows.

/** [what it is, what stands there, what takes its place] */
const STEPS = [
  [
    'imports that may throw',
    /function\(\) \{ return handleError\(function \((.*)\) \{\n([\s\S]*?)\n {8}\}, arguments\); \},/g,
    'guarded(($1) => {\n$2\n        }),',
  ],
  ['imports that cannot', /: function\((.*)\) \{$/gm, ': ($1) => {'],
  [
    'handleError',
    'function handleError(f, args) {\n    try {\n        return f.apply(this, args);',
    'const guarded = f => (...args) => {\n    try {\n        return f(...args);',
  ],
  [
    'the check of the DataView',
    'cachedDataViewMemory0.buffer.detached === true || (cachedDataViewMemory0.buffer.detached === undefined && cachedDataViewMemory0.buffer !== wasm.memory.buffer)',
    'cachedDataViewMemory0.buffer !== wasm.memory.buffer',
  ],
  [
    'FinalizationRegistry',
    /\(typeof FinalizationRegistry === 'undefined'\)\s+\? \{ register: \(\) => \{\}, unregister: \(\) => \{\} \}\s+: /g,
    '',
  ],
  ['encodeInto', /if \(!\('encodeInto' in cachedTextEncoder\)\) \{[\s\S]*?\n\}\n/, ''],
  ['texts without realloc', /if \(realloc === undefined\) \{[\s\S]*?\n {4}\}\n/, ''],
  ['Symbol.dispose', /if \(Symbol\.dispose\) .*\n/, ''],
];

/** The same glue, leaner. */
export function leanGlue(source) {
  let glue = source;
  for (const [what, pattern, short] of STEPS) {
    const before = glue;
    glue = glue.replace(pattern, short);
    if (glue === before) throw new Error(`the glue has no longer ${what}: adapt lean-glue.mjs to what wasm-bindgen writes`);
  }
  if (/handleError|, arguments\)/.test(glue)) throw new Error('an import of another form than lean-glue.mjs knows');
  return glue;
}
