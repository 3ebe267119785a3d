// The official parser reads docs/asyncapi.json: structure and references. Its schemas and examples are held against the code in protocol/tests.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Parser } from '@asyncapi/parser';

const text = readFileSync(new URL('../../docs/asyncapi.json', import.meta.url), 'utf8');
/** Of the parser's severities 0 is an error and 1 a warning; what is above only informs, such as of a later minor version. */
const told = (diagnostics) => diagnostics.filter((found) => found.severity <= 1).map((found) => `${found.path.join('.')}: ${found.message}`);

test('the official parser finds nothing wrong with the document', async () => {
  const { document, diagnostics } = await new Parser().parse(text);
  assert.deepEqual(told(diagnostics), []);
  assert.equal(document.version(), '3.0.0');
  assert.equal(document.messages().length, 17);
  assert.equal(document.operations().length, 9);
});

test('it would find an action that there is not, and a reference that leads nowhere', async () => {
  const broken = JSON.parse(text);
  broken.operations.ping.action = 'shout';
  assert.notDeepEqual(told((await new Parser().parse(JSON.stringify(broken))).diagnostics), []);
  const dangling = JSON.parse(text);
  dangling.operations.ping.messages[0].$ref = '#/channels/socket/messages/nothing';
  assert.notDeepEqual(told((await new Parser().parse(JSON.stringify(dangling))).diagnostics), []);
});
