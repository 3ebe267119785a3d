// @vitest-environment happy-dom
/** What React does with a component besides showing it: throwing renders away, suspending, mounting twice, rendering late. */
import { act, cleanup, render, renderHook, screen } from '@testing-library/react';
import { StrictMode, Suspense, startTransition, useState } from 'react';
import { renderToString } from 'react-dom/server';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import {
  PulsewireProvider,
  useConnection,
  useDashboardStats,
  useDeviceStatus,
  useObservable,
  useRouteChannels,
  useTelemetryStats,
  useViewers,
} from '../src/react/index.js';
import { useConversation, usePatients } from '../src/react/people.js';
import { FakeClient } from './fake-client.js';

let client: FakeClient;
beforeEach(() => {
  client = new FakeClient();
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});
const wrapper = ({ children }: { children?: React.ReactNode }) => <PulsewireProvider client={client}>{children}</PulsewireProvider>;
const strict = ({ children }: { children?: React.ReactNode }) => <StrictMode>{wrapper({ children })}</StrictMode>;

test('a selector renders again only where its result changed, although it makes a new object each time', () => {
  let renders = 0;
  const { result } = renderHook(
    () => {
      renders++;
      return useConnection({ select: ({ state, user }) => ({ connected: state === 'connected', user }) });
    },
    { wrapper },
  );
  expect(result.current).toEqual({ connected: false, user: undefined });
  const before = renders;
  act(() => client.setConnection({ state: 'connecting' }));
  act(() => client.setConnection({ state: 'reconnecting', attempt: 2, latencyMs: 7 }));
  expect(renders).toBe(before);
  act(() => client.setConnection({ state: 'connected' }));
  expect([renders, result.current.connected]).toEqual([before + 1, true]);
});

test('a selector may change with the render', () => {
  client.patients.set({ a: { patientId: 'a', ts: 1 }, b: { patientId: 'b', ts: 2 } });
  const { result, rerender } = renderHook(({ id }) => usePatients({ select: all => all[id]?.ts }), { wrapper, initialProps: { id: 'a' } });
  expect(result.current).toBe(1);
  rerender({ id: 'b' });
  expect(result.current).toBe(2);
});

test('one device among many renders only for its own changes', () => {
  let renders = 0;
  renderHook(
    () => {
      renders++;
      return useDeviceStatus('d1');
    },
    { wrapper },
  );
  const before = renders;
  act(() => client.setDevice({ deviceId: 'd2', status: 'online' }));
  // A slice that is read anew has new objects of the same content.
  act(() => client.deviceStatuses.set({ d2: { deviceId: 'd2', status: 'offline' } }));
  expect(renders).toBe(before);
  act(() => client.setDevice({ deviceId: 'd1', status: 'online' }));
  expect(renders).toBe(before + 1);
});

test('maxHz shows the newest value, at most so often', () => {
  vi.useFakeTimers();
  let renders = 0;
  const { result, unmount } = renderHook(
    () => {
      renders++;
      return useConnection({ select: ({ attempt }) => attempt, maxHz: 2 });
    },
    { wrapper },
  );
  const before = renders;
  for (let attempt = 1; attempt <= 40; attempt++) {
    act(() => client.setConnection({ attempt }));
    act(() => void vi.advanceTimersByTime(50));
  }
  act(() => void vi.advanceTimersByTime(500));
  expect(result.current).toBe(40);
  expect(renders - before).toBeLessThanOrEqual(6);
  expect(renders - before).toBeGreaterThanOrEqual(4);
  act(() => client.setConnection({ attempt: 99 }));
  unmount();
  expect(vi.getTimerCount()).toBe(0);
});

test('the dashboard asks the relay for no more than it shows', () => {
  const channel = vi.spyOn(client, 'channel');
  renderHook(() => useDashboardStats({ maxHz: 1, select: stats => stats?.devices ?? 0 }), { wrapper });
  expect(channel).toHaveBeenCalledWith('dashboard', expect.objectContaining({ maxHz: 1 }));
});

test.each([
  ['once', wrapper],
  ['twice, as StrictMode does', strict],
])('channels follow the route of any router and are let go on leaving (property 18); mounted %s', (_name, around) => {
  const heard: string[] = [];
  const { rerender, unmount } = renderHook(
    ({ params }: { params: { id?: string } }) =>
      useRouteChannels(params, ({ id }) => ['ward', id && `patient:${id}`], {
        onEvent: ({ event }) => heard.push(`${params.id} ${event}`),
      }),
    { wrapper: around, initialProps: { params: { id: '1' } as { id?: string } } },
  );
  expect([client.holds('ward'), client.holds('patient:1')]).toEqual([1, 1]);
  rerender({ params: { id: '2' } });
  expect([client.holds('ward'), client.holds('patient:1'), client.holds('patient:2')]).toEqual([1, 0, 1]);
  act(() => client.feedEvent('patient:2', 'note', {}));
  act(() => client.feedEvent('patient:1', 'note', {}));
  expect(heard).toEqual(['2 note']);
  rerender({ params: {} });
  expect(client.holds()).toBe(1);
  unmount();
  expect([client.holds(), client.listeners()]).toEqual([0, 0]);
});

test('a route that only renders anew keeps its hold', () => {
  const { rerender } = renderHook(() => useRouteChannels('/patients/7', path => `patient:${path.split('/')[2]}`), { wrapper });
  const channel = vi.spyOn(client, 'channel');
  rerender();
  expect(channel).not.toHaveBeenCalled();
});

function Bed({ gate }: { gate: () => void }) {
  const status = useDeviceStatus('d1');
  useViewers('patient:1');
  gate();
  return <p>bed {status?.status ?? 'unknown'}</p>;
}

test('a render that suspends holds nothing until it is shown', async () => {
  let open: (() => void) | undefined;
  let waiting: Promise<void> | undefined = new Promise(resolve => {
    open = resolve;
  });
  const gate = (): void => {
    if (waiting) throw waiting;
  };
  render(
    <Suspense fallback={<p>loading</p>}>
      <Bed gate={gate} />
    </Suspense>,
    { wrapper: strict },
  );
  expect(document.body.textContent).toBe('loading');
  expect([client.holds(), client.listeners()]).toEqual([0, 0]);
  client.setDevice({ deviceId: 'd1', status: 'online' });
  await act(async () => {
    waiting = undefined;
    open?.();
  });
  expect(document.body.textContent).toBe('bed online');
  expect([client.holds('device:d1'), client.holds('patient:1')]).toEqual([1, 1]);
});

test('two readers never show different values of one moment, even in a transition that is interrupted', async () => {
  const seen: string[] = [];
  const Reader = () => <i>{useObservable(client.connection, client.connection.get()).attempt}</i>;
  function Page() {
    const [more, setMore] = useState(1);
    return (
      <>
        <button type="button" onClick={() => startTransition(() => setMore(40))}>
          more
        </button>
        <div id="readers">
          {Array.from({ length: more }, (_, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: they are alike
            <Reader key={i} />
          ))}
        </div>
      </>
    );
  }
  render(<Page />, { wrapper });
  const look = new MutationObserver(() => seen.push(readers()));
  const readers = (): string => [...document.querySelectorAll('i')].map(({ textContent }) => textContent).join(' ');
  look.observe(document.body, { childList: true, subtree: true, characterData: true });
  await act(async () => {
    screen.getByText('more').click();
    client.setConnection({ attempt: 5 });
    await Promise.resolve();
    client.setConnection({ attempt: 6 });
  });
  look.disconnect();
  expect(readers()).toBe(Array.from({ length: 40 }, () => '6').join(' '));
  for (const moment of seen) expect(new Set(moment.split(' ')).size).toBeLessThanOrEqual(1);
});

test('older messages go in front, each once, and the ones of another conversation stay apart', async () => {
  const message = (id: string, ts: number) => ({ id, content: id, sender: 'nurse' as const, senderName: 'A', ts });
  let answer: ((page: { items: ReturnType<typeof message>[]; next: number | null }) => void) | undefined;
  const asked: unknown[] = [];
  client.answers.set('conversations.messages', ({ conversationId, before }: { conversationId: string; before?: number }) => {
    asked.push([conversationId, before]);
    if (before === undefined) return { items: conversationId === 'c1' ? [message('m4', 4), message('m3', 3)] : [], next: 3 };
    return new Promise(resolve => {
      answer = resolve;
    });
  });
  client.setConnection({ state: 'connected', connectionId: '1' });
  const { result, rerender } = renderHook(({ id }) => useConversation(id), { wrapper, initialProps: { id: 'c1' } });
  const ids = () => result.current.messages.map(({ id }) => id);
  await act(async () => {});
  await act(async () => {
    const loaded = result.current.loadOlder();
    answer?.({ items: [message('m3', 3), message('m2', 2), message('m1', 1)], next: 1 });
    expect(await loaded).toBe(3);
  });
  expect(ids()).toEqual(['m1', 'm2', 'm3', 'm4']);
  act(() => client.messages('c1').set([message('m4', 4), message('m5', 5)]));
  expect(ids()).toEqual(['m1', 'm2', 'm3', 'm4', 'm5']);
  const late = result.current.loadOlder();
  rerender({ id: 'c2' });
  await act(async () => {
    answer?.({ items: [message('m0', 0)], next: null });
    await late;
  });
  expect(ids()).toEqual([]);
  expect(asked).toEqual([
    ['c1', undefined],
    ['c1', 3],
    ['c1', 1],
    ['c2', undefined],
  ]);
});

test('numbers that did not change do not render', () => {
  vi.useFakeTimers();
  let renders = 0;
  client.feed('d1', 'hr', [[1, 70]]);
  renderHook(
    () => {
      renders++;
      return useTelemetryStats('d1', 'hr', { renderHz: 10 });
    },
    { wrapper },
  );
  act(() => void vi.advanceTimersByTime(300));
  const before = renders;
  act(() => void vi.advanceTimersByTime(3_000));
  expect(renders - before).toBeLessThanOrEqual(1);
});

test('every hook renders on a server without touching the client', () => {
  function All() {
    useRouteChannels({ id: '1' }, ({ id }) => `patient:${id}`);
    return (
      <p>
        {useConnection({ select: ({ state }) => state, maxHz: 1 })} {useDashboardStats()?.devices ?? 'none'}{' '}
        {useConversation('c1').messages.length} {useTelemetryStats('d1', 'hr').freshness}
      </p>
    );
  }
  expect(renderToString(wrapper({ children: <All /> })).replace(/<!-- -->/g, '')).toBe('<p>idle none 0 empty</p>');
  expect([client.holds(), client.listeners(), client.calls]).toEqual([0, 0, []]);
});
