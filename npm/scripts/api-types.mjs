// Writes src/api/schema.ts: the types of the relay's HTTP API, from the OpenAPI document that the relay's own tests keep (docs/openapi.json).
//
// By openapi-typescript: types alone, no code. `npm run api` writes; test/api.test.ts holds the file against the document.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import openapiTs, { astToString } from 'openapi-typescript';

const document = fileURLToPath(new URL('../../docs/openapi.json', import.meta.url));
export const target = fileURLToPath(new URL('../src/api/schema.ts', import.meta.url));

const HEAD = `// Written by \`npm run api\` from docs/openapi.json. Do not edit: a change of the relay changes its document, and that this file.
// Longer than 400 lines because it is the whole document, in one piece as it is written.
`;

/** The text of the file as the document gives it. */
export async function apiTypes() {
  const ast = await openapiTs(JSON.parse(readFileSync(document, 'utf8')), { defaultNonNullable: false });
  // A description is the comment itself: editors show it so, and TypeDoc knows no such tag.
  return HEAD + astToString(ast).replaceAll(/(\/\*\* |^ *\* )@description /gm, '$1');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(target, await apiTypes());
  console.log(`wrote ${target}`);
}
