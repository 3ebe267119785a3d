import { InfiniteQueryObserver, QueryClient, QueryObserver } from '@tanstack/query-core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createPulsewire, type Pulsewire } from '../src/index.js';
import { connectQueries } from '../src/query/index.js';
import { createFakeRelay, type FakeClock, type FakeRelay, installFakeClock } from '../src/testing/index.js';
import { connect } from './docs/query.js';

let clock: FakeClock;
let relay: FakeRelay;
let client: Pulsewire;
let queryClient: QueryClient;
const ends: (() => void)[] = [];
beforeEach(async () => {
  clock = installFakeClock();
  relay = createFakeRelay();
  queryClient = new QueryClient({ defaultOptions: { queries: { retry: false, staleTime: Number.POSITIVE_INFINITY } } });
  client = createPulsewire({
    url: 'ws://relay.test/ws',
    WebSocket: relay.WebSocket,
    getToken: () => relay.token(),
    polling: false,
    backoff: { jitter: false },
  });
  await client.connect();
  client.channel('patient:7');
  await clock.advance(20);
});
afterEach(() => {
  for (const end of ends.splice(0)) end();
  client.destroy();
  queryClient.clear();
  clock.restore();
});

/** A query that somebody looks at, and how often it was loaded. */
async function looked(queryKey: unknown[]): Promise<() => number> {
  let loads = 0;
  const observer = new QueryObserver(queryClient, { queryKey, queryFn: async () => ++loads });
  ends.push(observer.subscribe(() => {}));
  await clock.advance(5);
  return () => loads;
}

test('an event that names its keys makes those queries load again, and no other', async () => {
  const [patient, other] = [await looked(['patient', '7']), await looked(['patient', '8'])];
  ends.push(connectQueries(client, queryClient));
  relay.publish('patient:7', 'chart_changed', { invalidates: [['patient', '7']] });
  expect(patient()).toBe(1);
  await clock.advance(150);
  expect([patient(), other()]).toEqual([2, 1]);
});

test('an alert and a message name the keys of the lists they stand in, as what is told of them later does', async () => {
  client.channel('conversation:c-1');
  await clock.advance(20);
  const queries = [
    ['alerts'],
    ['alert', 'al-1'],
    ['patient', '7', 'alerts'],
    ['conversations'],
    ['conversation', 'c-1'],
    ['alert', 'al-2'],
  ];
  const loads = await Promise.all(queries.map(looked));
  ends.push(connectQueries(client, queryClient));
  const alert = { id: 'al-1', patientId: '7', patientName: 'Maria', type: 'spo2_low', severity: 'high', message: '84 %', ts: 1 } as const;
  relay.publish('patient:7', 'alert', alert);
  await clock.advance(150);
  expect(loads.map(count => count())).toEqual([2, 2, 2, 1, 1, 1]);
  relay.publish('conversation:c-1', 'message_status', { messageId: 'm-1', status: 'read', user: 'ana' });
  await clock.advance(1_200);
  expect(loads.map(count => count())).toEqual([2, 2, 2, 2, 2, 1]);
});

test('a storm of a thousand events is one load per key and second, the last of them after its end', async () => {
  const patient = await looked(['patient', '7']);
  ends.push(connectQueries(client, queryClient, { debounceMs: 100, everyMs: 1_000 }));
  for (let i = 0; i < 1_000; i++) {
    relay.publish('patient:7', 'chart_changed', { invalidates: [['patient', '7']] });
    await clock.advance(3);
  }
  await clock.advance(1_200);
  expect(patient()).toBeGreaterThanOrEqual(4);
  expect(patient()).toBeLessThanOrEqual(6);
  const before = patient();
  await clock.advance(10_000);
  expect(patient()).toBe(before);
  relay.publish('patient:7', 'chart_changed', { invalidates: [['patient', '7']] });
  await clock.advance(150);
  expect(patient()).toBe(before + 1);
});

test('what a channel covers is loaded again after a resync: what covers() says, and what its events named', async () => {
  const [alerts, named, other] = [await looked(['alerts', 'patient:7']), await looked(['notes']), await looked(['other'])];
  ends.push(connect(client, queryClient));
  relay.publish('patient:7', 'note', { invalidates: [['notes']] });
  await clock.advance(2_000);
  const before = [alerts(), named(), other()];
  await clock.advance(6_000);
  relay.restart();
  await clock.advance(3_000);
  expect(client.connection.get().state).toBe('connected');
  expect([alerts(), named(), other()]).toEqual([before[0]! + 1, before[1]! + 1, before[2]]);
});

test('of an infinite query only the page that holds what changed is loaded', async () => {
  const loads: number[] = [];
  let priority = 'low';
  const page = (at: number) => [`p${at}a`, `p${at}b`].map(id => ({ id, priority }));
  const observer = new InfiniteQueryObserver(queryClient, {
    queryKey: ['patients'],
    queryFn: async ({ pageParam }) => {
      loads.push(pageParam);
      return page(pageParam);
    },
    initialPageParam: 0,
    getNextPageParam: (_last, all) => (all.length < 3 ? all.length : undefined),
  });
  ends.push(observer.subscribe(() => {}));
  await clock.advance(5);
  for (let i = 0; i < 2; i++) {
    void observer.fetchNextPage();
    await clock.advance(5);
  }
  expect(loads.splice(0)).toEqual([0, 1, 2]);
  ends.push(connect(client, queryClient));
  priority = 'high';
  relay.publish('patient:7', 'priority_update', { patientId: 'p1b' });
  await clock.advance(200);
  expect(loads).toEqual([1]);
  const { pages } = queryClient.getQueryData(['patients']) as { pages: { priority: string }[][] };
  expect(pages.map(one => one[0]?.priority)).toEqual(['low', 'high', 'low']);
});

test('a page that cannot be loaded is told, and the query as a whole is out of date', async () => {
  const errors: unknown[] = [];
  let fails = false;
  const observer = new InfiniteQueryObserver(queryClient, {
    queryKey: ['patients'],
    queryFn: async () => {
      if (fails) throw new Error('away');
      return ['a'];
    },
    initialPageParam: 0,
    getNextPageParam: () => undefined,
  });
  ends.push(observer.subscribe(() => {}));
  await clock.advance(5);
  ends.push(
    connectQueries(client, queryClient, {
      keys: () => [{ queryKey: ['patients'], page: () => true }],
      onError: error => errors.push(error),
    }),
  );
  fails = true;
  relay.publish('patient:7', 'x', {});
  await clock.advance(200);
  expect(errors).toMatchObject([{ message: 'away' }]);
  expect(observer.getCurrentResult().isError).toBe(true);
});

test('disconnecting drops what waits, and no event is listened to any more', async () => {
  const patient = await looked(['patient', '7']);
  const disconnect = connectQueries(client, queryClient);
  relay.publish('patient:7', 'x', { invalidates: [['patient', '7']] });
  disconnect();
  relay.publish('patient:7', 'x', { invalidates: [['patient', '7']] });
  await clock.advance(5_000);
  expect(patient()).toBe(1);
});

test('data that name no keys do no harm', async () => {
  const patient = await looked(['patient', '7']);
  ends.push(connectQueries(client, queryClient));
  for (const data of [null, 1, 'x', [], { invalidates: 'patient' }, { invalidates: [7, null] }]) relay.publish('patient:7', 'x', data);
  await clock.advance(500);
  expect(patient()).toBe(1);
});
