/**
 * The codec of `pulsewire/testing`, driven by the tables of PROTOCOL.md section 12 themselves: what the document does not say, this cannot
 * know.
 */
import { readFileSync } from 'node:fs';
import { createCodec, type Field, type Tables } from '../src/testing/codec.js';

export { type Json, Malformed, Senseless } from '../src/testing/codec.js';

const DOCUMENT = readFileSync(new URL('../../protocol/PROTOCOL.md', import.meta.url), 'utf8');

type Kind = 'client' | 'server';

// ---- The tables

function section(heading: string): string {
  const start = DOCUMENT.indexOf(`\n${heading}`);
  if (start < 0) throw new Error(`PROTOCOL.md has no ${heading}`);
  const rest = DOCUMENT.slice(start + 1 + heading.length);
  const end = rest.search(/\n#{2,3} /);
  return end < 0 ? rest : rest.slice(0, end);
}

const rows = (heading: string): string[][] =>
  section(heading)
    .split('\n')
    .filter(line => line.startsWith('| '))
    .map(line =>
      line
        .replace(/^\||\|$/g, '')
        .split('|')
        .map(cell => cell.trim()),
    );

/** Reads ``1 `id` int, 2 `channel` text?``. */
function fields(cell: string): Field[] {
  return [...cell.matchAll(/(\d+) `(\w+)`(?: ([^,:(]*))?/g)].map(([, key, name, type]) => {
    const told = (type ?? name!).trim();
    return { key: Number(key), name: name!, type: told.replace(/\?$/, '') || name!, optional: told.endsWith('?') };
  });
}

const messages = rows('### Messages');
const STRUCTS = new Map<string, Field[]>();
for (const [name, cell] of [...messages, ...rows('### Events and their data')].filter(row => row.length === 2)) {
  STRUCTS.set(name!.replaceAll('`', ''), fields(cell!));
}
for (const cell of rows('### HTTP bodies').map(row => row[1]!)) {
  const name = /`(\w+)`: \d/.exec(cell)?.[1];
  if (name) STRUCTS.set(name, fields(cell.slice(cell.indexOf('`:'))));
}
const shape = (name: string): Field[] => {
  const found = STRUCTS.get(name);
  if (!found) throw new Error(`PROTOCOL.md says nothing of ${name}`);
  return found;
};
// "the keys of …": one struct's keys within another.
STRUCTS.set('Subscribed', shape('subscribed'));
STRUCTS.set('event', [...shape('event'), ...shape('Publication')]);
STRUCTS.set('error', [...shape('ErrorBody'), ...shape('error')]);

const TYPES: Record<Kind, Map<string, number>> = { client: new Map(), server: new Map() };
for (const row of messages.filter(row => row.length === 5)) {
  for (const [kind, name, number] of [['client', row[0], row[1]] as const, ['server', row[3], row[4]] as const]) {
    if (/^[1-9]\d*$/.test(number!)) TYPES[kind].set(name!.replaceAll('`', ''), Number(number));
  }
}

const EVENTS = rows('### Events and their data')
  .filter(row => row.length === 3 && /^\d+$/.test(row[0]!))
  .map(row => ({ number: Number(row[0]), name: row[1]!.replaceAll('`', ''), data: row[2]! }));
const ENUMS = new Map(rows('### Enumerations').map(row => [row[0]!.replaceAll('`', ''), fields(row[1]!)]));

/** As the fake relay has them written down. */
export const DOCUMENTED: Tables = {
  structs: Object.fromEntries(STRUCTS),
  types: { client: Object.fromEntries(TYPES.client), server: Object.fromEntries(TYPES.server) },
  events: EVENTS,
  enums: Object.fromEntries([...ENUMS].map(([name, words]) => [name, words.map(({ key, name }) => ({ key, name }))])),
};

export const { encodeMessage, encodeBody, decodeFrame, decodeBody, parseFrame } = createCodec(DOCUMENTED);
