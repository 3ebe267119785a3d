/**
 * The types of a typed client. `tsc` (npm run check) is what can fail here: each `@ts-expect-error` is an error of its own once the line
 * behind it is accepted. What runs shows that the types name things as they are.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, expectTypeOf, test } from 'vitest';
import {
  type BuiltInEvents,
  type ChannelHandle,
  createPulsewire,
  type DashboardStats,
  type DeviceStatus,
  type Pulsewire,
  PulsewireError,
  type PulsewireErrorCode,
  type ReportedErrorCode,
} from '../src/index.js';
import { PulsewireProvider } from '../src/react/index.js';
import { createStores } from '../src/svelte/index.js';

interface Ward {
  'device:*': { custom: { level: number }; device_status: DeviceStatus & { ward: string } };
  'bed:*': { moved: { from: string; to: string }; cleaned: null };
  board: { note: string };
}
interface WardCalls {
  'beds.list': () => { beds: string[] };
  'beds.move': (params: { bed: string; to: string }) => { moved: boolean };
  'stats.get': () => DashboardStats & { waiting: number };
}
/** Type-checked, never called: a handle needs no connection, but `publish` and `call` would reject. */
const never = (_run: () => unknown): void => {};

test('a channel knows the events of its pattern, and the built-in ones', () => {
  const client = createPulsewire<Ward, WardCalls>();
  const bed = client.channel('bed:4');
  bed.on('moved', ({ data, event }) => {
    expectTypeOf(data).toEqualTypeOf<{ from: string; to: string }>();
    expectTypeOf(event).toEqualTypeOf<'moved'>();
  });
  const id = String(Math.PI);
  client.channel(`device:${id}`).on('custom', ({ data }) => expectTypeOf(data).toEqualTypeOf<{ level: number }>());
  // The schema may say more of a built-in event; the others of the channel stay as they are.
  client.channel('device:1').on('device_status', ({ data }) => expectTypeOf(data.ward).toEqualTypeOf<string>());
  client.channel('device:1').on('telemetry', ({ data }) => expectTypeOf(data).toEqualTypeOf<BuiltInEvents['telemetry']>());
  client.channel('patient:7').on('alert', ({ data }) => expectTypeOf(data.patientName).toEqualTypeOf<string>());
  client.channel('board').on('note', ({ data }) => expectTypeOf(data).toEqualTypeOf<string>());
  bed.on('*', event => {
    if (event.event === 'moved') expectTypeOf(event.data.to).toEqualTypeOf<string>();
    else expectTypeOf(event.data).toEqualTypeOf<null>();
  });
  // @ts-expect-error no such event
  bed.on('mooved', () => {});
  // @ts-expect-error no such pattern
  client.channel('bde:4');
  // @ts-expect-error another channel's event
  client.channel('board').on('moved', () => {});
  client.destroy();
});

test('publish and call take what the schema says', () => {
  never(() => {
    const client = createPulsewire<Ward, WardCalls>();
    void client.publish('bed:4', 'moved', { from: 'a', to: 'b' }, { key: 'k' });
    void client.channel('bed:4').publish('cleaned', null);
    // @ts-expect-error other data
    void client.publish('bed:4', 'moved', { from: 'a' });
    // @ts-expect-error other data
    void client.channel('bed:4').publish('moved', 'b');
    // @ts-expect-error no such event
    void client.publish('bed:4', 'sold', {});
    expectTypeOf(client.call('beds.list')).resolves.toEqualTypeOf<{ beds: string[] }>();
    expectTypeOf(client.call('beds.move', { bed: '4', to: 'hall' })).resolves.toEqualTypeOf<{ moved: boolean }>();
    expectTypeOf(client.call('stats.get')).resolves.toEqualTypeOf<DashboardStats & { waiting: number }>();
    expectTypeOf(client.call('devices.list')).resolves.toHaveProperty('items');
    // @ts-expect-error the parameters are missing
    void client.call('beds.move');
    // @ts-expect-error no such method
    void client.call('beds.sell');
  });
});

test('a name that TypeScript does not know is taken as it is', () => {
  const client = createPulsewire<Ward>();
  const name: string = 'bed:4';
  client.channel(name).on('anything', ({ data }) => expectTypeOf(data).toEqualTypeOf<unknown>());
  never(() => client.publish(name, 'anything', { at: 'all' }));
  client.destroy();
});

test('without a schema everything is as it was, and built-in events have their types', () => {
  const client = createPulsewire();
  const handle = client.channel('anything:1');
  handle.on('custom', ({ data }) => expectTypeOf(data).toEqualTypeOf<unknown>());
  handle.on<{ mine: number }>('custom', ({ data }) => expectTypeOf(data).toEqualTypeOf<{ mine: number }>());
  handle.on('*', ({ event, data }) => {
    expectTypeOf(event).toEqualTypeOf<string>();
    expectTypeOf(data).toEqualTypeOf<unknown>();
  });
  client.channel('device:1').on('device_status', ({ data }) => expectTypeOf(data).toEqualTypeOf<DeviceStatus>());
  never(() => client.publish('anything:1', 'custom', { at: 'all' }));
  never(() => expectTypeOf(client.call<{ mine: number }>('mine.get', 1)).resolves.toEqualTypeOf<{ mine: number }>());
  never(() => expectTypeOf(client.call('mine.get')).resolves.toEqualTypeOf<unknown>());
  client.destroy();
});

test('a typed client is taken wherever a client is asked for, and the other way round', () => {
  const typed = createPulsewire<Ward, WardCalls>();
  const plain: Pulsewire = typed;
  const again: Pulsewire<Ward> = plain;
  const handle: ChannelHandle = typed.channel('bed:4');
  expect([again, handle.name]).toEqual([typed, 'bed:4']);
  createStores(typed);
  never(() => PulsewireProvider({ client: typed }));
  typed.destroy();
});

test('an error has one of the codes that there are, so that a switch can be complete', () => {
  const help = (code: PulsewireErrorCode): string => {
    switch (code) {
      case 'forbidden':
      case 'unauthorized':
        return 'sign in';
      default:
        // @ts-expect-error a code that is not handled above
        return code satisfies never;
    }
  };
  expect(help(new PulsewireError({ code: 'forbidden', message: '' }).code)).toBe('sign in');
  // @ts-expect-error no such code
  never(() => new PulsewireError({ code: 'forbiden', message: '' }));
});

/** The words in quotes of a union in types.ts. */
function union(name: string): string[] {
  const types = readFileSync(new URL('../src/types.ts', import.meta.url), 'utf8');
  const text = types.slice(types.indexOf(`export type ${name} =`)).split(';', 1)[0] ?? '';
  return [...text.matchAll(/'(\w+)'/g)].map(match => match[1] as string);
}
const sources = (folder: URL, ends: string): string =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith(ends) && !/tests?\b/.test(file))
    .map(file => readFileSync(new URL(file, folder), 'utf8'))
    .join('\n');

test('every code that the sources give an error stands in the types', () => {
  const core = sources(new URL('../../client-core/src/', import.meta.url), '.rs');
  const wasm = sources(new URL('../../client-wasm/src/', import.meta.url), '.rs');
  const failures = core.slice(core.indexOf('impl Failure {')).split('\n}', 1)[0] ?? '';
  const thrown = [...failures.matchAll(/=> "(\w+)"/g), ...wasm.matchAll(/Err\(error\(\s*"(\w+)"/g)].map(match => match[1]);
  const reported = [...core.matchAll(/self\.error\(\s*"(\w+)"/g), ...wasm.matchAll(/tell_thrown\(\s*"(\w+)"/g)].map(match => match[1]);
  expect(thrown.length).toBeGreaterThan(8);
  expect(reported.length).toBeGreaterThan(6);
  const codes = [...union('RelayErrorCode'), ...union('ClientErrorCode')];
  expect(thrown.filter(code => !codes.includes(code as string))).toEqual([]);
  expect(reported.filter(code => ![...codes, ...union('ReportedErrorCode')].includes(code as string))).toEqual([]);
  const wire = readFileSync(new URL('../../protocol/PROTOCOL.md', import.meta.url), 'utf8');
  const row = /^\| `ErrorCode` \| (.*) \|$/m.exec(wire)?.[1] ?? '';
  expect(union('RelayErrorCode').toSorted()).toEqual([...row.matchAll(/`(\w+)`/g)].map(match => match[1]).toSorted());
  expectTypeOf<PulsewireErrorCode>().toExtend<ReportedErrorCode>();
});
