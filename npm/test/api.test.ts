// `pulsewire/api`: the types are those of the relay's document, and they fit what the façade calls by its own names.
import { readFileSync } from 'node:fs';
import { expect, expectTypeOf, test } from 'vitest';
import type { RelayCalls, Schemas } from '../src/api/index.js';
import type { DeskAlert } from '../src/models/alert-desk.js';
import type { DashboardStats, DeviceStatus, Notification, Pulsewire, Untyped } from '../src/types.js';
import { apiTypes, target } from '../scripts/api-types.mjs';

test('the file of types is what docs/openapi.json gives: `npm run api` writes it anew', async () => {
  expect(readFileSync(target, 'utf8') === (await apiTypes())).toBe(true);
});

test('what the relay answers is what the page calls by its own names', () => {
  // Checked by `tsc`: a shape that changes in the relay no longer fits here.
  expectTypeOf<Schemas['StoredNotification']>().toExtend<Notification>();
  expectTypeOf<Schemas['StoredAlert']>().toExtend<DeskAlert>();
  expectTypeOf<Schemas['DashboardStats']>().toExtend<DashboardStats>();
  expectTypeOf<Pick<Schemas['Device'], 'deviceId' | 'battery'>>().toExtend<Partial<DeviceStatus>>();
});

test('RelayCalls types the requests of a client', () => {
  type Client = Pulsewire<Untyped, RelayCalls>;
  const ask = async (client: Client) => {
    const { items, next } = await client.call('alerts.list', { state: 'open', severity: 'critical' });
    expectTypeOf(items).toEqualTypeOf<Schemas['StoredAlert'][]>();
    expectTypeOf(next).toEqualTypeOf<string | null>();
    await client.call('notifications.read', { ids: ['n-1'] });
    await client.call('notifications.read', { all: true });
    // @ts-expect-error Neither ids nor all.
    await client.call('notifications.read', {});
    // @ts-expect-error No such state.
    await client.call('alerts.list', { state: 'gone' });
    // @ts-expect-error A patient has a name.
    await client.call('patients.put', { patientId: 'p-1' });
  };
  expect(ask).toBeTypeOf('function');
});
