// @vitest-environment happy-dom
import { act, cleanup, render, renderHook, screen } from '@testing-library/react';
import { StrictMode, version } from 'react';
import { hydrateRoot } from 'react-dom/client';
import { renderToString } from 'react-dom/server';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { PulsewireAlerts, PulsewireConnection, PulsewireToasts } from '../src/react/elements.js';
import {
  PulsewireProvider,
  useAlerts,
  useChannel,
  useConnection,
  useDashboardStats,
  useDeviceStatus,
  usePulsewire,
  useTelemetry,
  useTelemetryStats,
  useToasts,
  useViewers,
} from '../src/react/index.js';
import { useConversation, useExecution, useNotifications, usePatients, usePresence } from '../src/react/people.js';
import { alert, FakeClient, toast } from './fake-client.js';

let client: FakeClient;
beforeEach(() => {
  client = new FakeClient();
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

const inside = (children: React.ReactNode) => <PulsewireProvider client={client}>{children}</PulsewireProvider>;
const strict = (children: React.ReactNode) => <StrictMode>{inside(children)}</StrictMode>;
const text = (): string => document.body.textContent ?? '';

function Ward() {
  const alerts = useAlerts({ patientId: 'p1' });
  const toasts = useToasts();
  return (
    <p>
      {useConnection().state} device {useDeviceStatus('d1')?.status ?? 'unknown'} alerts {alerts.items.length}/{alerts.unread} viewers{' '}
      {useViewers('patient:1')?.count ?? 0} devices {useDashboardStats()?.devices ?? 0} toasts {toasts.visible.length}
      <button type="button" onClick={() => alerts.markRead('all')}>
        read
      </button>
    </p>
  );
}

function Room({ name, onEvent }: { name: string | undefined; onEvent?: (event: string) => void }) {
  const channel = useChannel(name, { history: 10, onEvent: event => onEvent?.(event.event) });
  return (
    <button type="button" onClick={() => void channel.publish('typing_start', {})}>
      {channel.phase}
    </button>
  );
}

function Desk() {
  const { unread, markRead, dismiss } = useNotifications();
  const { conversation, messages, typists, setTyping } = useConversation('c1');
  const { execution, retry } = useExecution('e1');
  return (
    <p>
      unread {unread} online {usePresence().length} patients {Object.keys(usePatients()).length} status {conversation?.status ?? 'none'}{' '}
      messages {messages.map(({ content }) => content).join(',')} typing {typists.map(({ name }) => name).join(',')} job{' '}
      {execution?.status ?? 'none'}
      <button
        type="button"
        onClick={() => {
          void markRead('all').then(() => dismiss(['n1']));
          setTyping(true);
          void retry();
        }}
      >
        act
      </button>
    </p>
  );
}

test('these are the tests of the React that the project names', () => {
  expect(version.split('.')[0]).toBe(process.env.REACT ?? '19');
});

describe('hooks', () => {
  test('show people and jobs, act on them, and let go of their channels', async () => {
    const { unmount } = render(strict(<Desk />));
    expect(text()).toContain('unread 0 online 0 patients 0 status none messages  typing  job none');
    expect(client.holds('conversation:c1')).toBe(1);
    act(() => {
      const note = { title: 'x', body: '', severity: 'low' as const, ts: 1, read: false };
      client.notifications.set({
        items: [
          { ...note, id: 'n1' },
          { ...note, id: 'n2' },
        ],
        unread: 2,
      });
      client.presence.set([{ userId: 'u', name: 'U' }]);
      client.patients.set({ p: { patientId: 'p', ts: 1 } });
      client.conversations.set({ c1: { conversationId: 'c1', status: 'assumed', ts: 1 } });
      client.messages('c1').set([{ id: 'm', content: 'hello', sender: 'nurse', senderName: 'A', ts: 1 }]);
      client.typing.set([
        { conversationId: 'c1', userId: 'b', name: 'Bo' },
        { conversationId: 'c2', userId: 'c', name: 'Cy' },
      ]);
      client.executions.set({ e1: { executionId: 'e1', status: 'running', progress: 0, attempt: 1, ts: 1 } });
    });
    expect(text()).toContain('unread 2 online 1 patients 1 status assumed messages hello typing Bo job running');
    await act(async () => screen.getByText('act').click());
    expect(client.calls).toEqual([
      'call notifications.read {"all":true}',
      'setTyping c1 true',
      'call executions.retry {"executionId":"e1"}',
      'publish execution:e1 execution_retry',
      'markNotificationsRead all',
      'call notifications.dismiss {"ids":["n1"]}',
      'dismissNotifications n1',
    ]);
    expect(text()).toContain('unread 0');
    unmount();
    expect([client.holds(), client.listeners()]).toEqual([0, 0]);
  });

  test('show every change without a reload (property 2)', () => {
    render(strict(<Ward />));
    expect(text()).toContain('idle device unknown alerts 0/0 viewers 0 devices 0 toasts 0');
    act(() => {
      client.setConnection({ state: 'connected' });
      client.setDevice({ deviceId: 'd1', status: 'offline' });
      client.setAlerts([alert(), alert({ read: true }), alert({ patientId: 'p2' })]);
      client.setViewers('patient:1', { count: 2, names: [] });
      client.dashboardStats.set({ devices: 4, online: 4, activeAlerts: 0, activeSessions: 0, averageCompliance: 1, viewers: 1 });
      client.setToasts([toast()]);
    });
    expect(text()).toContain('connected device offline alerts 2/1 viewers 2 devices 4 toasts 1');
  });

  test('mark all as read only what the filtered list shows', () => {
    render(inside(<Ward />));
    act(() => client.setAlerts([alert({ id: 'mine' }), alert({ id: 'other', patientId: 'p2' })]));
    act(() => screen.getByText('read').click());
    expect(client.calls).toEqual(['markAlertsRead mine']);
  });

  test('say what is missing where there is no provider', () => {
    vi.spyOn(console, 'error').mockImplementation(() => {});
    expect(() => render(<Ward />)).toThrow(/PulsewireProvider/);
  });

  test('leave one hold per channel after a StrictMode mount, and none after unmounting', () => {
    const { unmount } = render(strict(<Ward />));
    expect([client.holds('device:d1'), client.holds('patient:1'), client.holds('dashboard')]).toEqual([1, 1, 1]);
    unmount();
    expect(client.holds()).toBe(0);
    expect(client.listeners()).toBe(0);
  });

  test('render on a server without touching the client, and hydrate to what is true by then', async () => {
    const html = renderToString(inside(<Ward />));
    expect(html).toContain('idle');
    expect(client.holds()).toBe(0);
    expect(client.calls).toEqual([]);

    const host = document.createElement('div');
    document.body.append(host);
    host.innerHTML = html;
    client.setConnection({ state: 'connected' });
    const mistakes: unknown[] = [];
    const root = await act(async () => hydrateRoot(host, inside(<Ward />), { onRecoverableError: error => mistakes.push(error) }));
    expect(host.textContent).toContain('connected');
    expect(mistakes).toEqual([]);
    act(() => root.unmount());
    host.remove();
  });
});

describe('useChannel', () => {
  test('is held exactly once after a StrictMode mount, and released at unmount (property 18)', () => {
    const { unmount } = render(strict(<Room name="patient:1" />));
    expect(client.holds('patient:1')).toBe(1);
    expect(text()).toContain('subscribed');
    unmount();
    expect(client.holds('patient:1')).toBe(0);
    expect(client.listeners()).toBe(0);
  });

  test('keeps its hold through renders, although options and callbacks are new objects each time', () => {
    const channel = vi.spyOn(client, 'channel');
    const { rerender } = render(inside(<Room name="patient:1" onEvent={() => {}} />));
    rerender(inside(<Room name="patient:1" onEvent={() => {}} />));
    expect(channel).toHaveBeenCalledTimes(1);
  });

  test('follows its name, and holds nothing without one', () => {
    const { rerender } = render(inside(<Room name="patient:1" />));
    rerender(inside(<Room name="patient:2" />));
    expect([client.holds('patient:1'), client.holds('patient:2')]).toEqual([0, 1]);
    rerender(inside(<Room name={undefined} />));
    expect(client.holds()).toBe(0);
    expect(text()).toContain('waiting');
  });

  test('calls the newest callback for each event', () => {
    const heard: string[] = [];
    const { rerender } = render(inside(<Room name="patient:1" onEvent={event => heard.push(`old ${event}`)} />));
    rerender(inside(<Room name="patient:1" onEvent={event => heard.push(`new ${event}`)} />));
    act(() => client.feedEvent('patient:1', 'note', {}));
    expect(heard).toEqual(['new note']);
  });

  test('publishes to its channel', () => {
    render(inside(<Room name="conversation:1" />));
    screen.getByRole('button').click();
    expect(client.calls).toEqual(['publish conversation:1 typing_start']);
  });
});

describe('useTelemetry', () => {
  const wrapper = ({ children }: { children: React.ReactNode }) => inside(children);

  test('gives one reader that stays the same and never renders again by itself', () => {
    let renders = 0;
    const { result, rerender, unmount } = renderHook(
      () => {
        renders++;
        return useTelemetry('d1', 'ecg', { capacity: 3600 });
      },
      { wrapper },
    );
    const reader = result.current;
    const before = renders;
    act(() => client.feed('d1', 'ecg', [[1, 0.5]]));
    expect(renders).toBe(before);
    expect(reader.view().v).toEqual(Float64Array.of(0.5));
    rerender();
    expect(result.current).toBe(reader);
    unmount();
    expect(reader.view().v).toHaveLength(0);
  });

  test('survives the double mount of StrictMode with one hold and its listeners', () => {
    const heard: number[] = [];
    const { result, unmount } = renderHook(() => useTelemetry('d1', 'ecg'), { wrapper: ({ children }) => strict(children) });
    expect(client.holds('device:d1')).toBe(1);
    const stop = result.current.listen(() => heard.push(result.current.version()));
    client.feed('d1', 'ecg', [[1, 1]]);
    client.feed('d1', 'ecg', [[2, 1]]);
    expect(heard).toEqual([1, 2]);
    stop();
    unmount();
    expect(client.holds()).toBe(0);
    expect(client.listeners()).toBe(0);
  });

  test('shows its numbers at the rate asked for, and turns stale by the clock', () => {
    vi.useFakeTimers();
    let renders = 0;
    const { result } = renderHook(
      () => {
        renders++;
        return useTelemetryStats('d1', 'hr', { renderHz: 4 });
      },
      { wrapper },
    );
    const before = renders;
    for (let i = 1; i <= 100; i++) client.feed('d1', 'hr', [[i, 60 + i]]);
    act(() => vi.advanceTimersByTime(250));
    expect(result.current).toMatchObject({ stats: { last: 160 }, freshness: 'live' });
    expect(renders).toBe(before + 1);
    client.setFreshness('d1', 'hr', 'stale', 6_000);
    act(() => vi.advanceTimersByTime(250));
    expect(result.current).toMatchObject({ stats: { last: 160 }, freshness: 'stale' });
  });
});

describe('the provider', () => {
  test('connects when asked to, and leaves closing to the owner of the client', () => {
    const { unmount } = render(<PulsewireProvider client={client} connect />);
    expect(client.calls).toEqual(['connect']);
    unmount();
    expect(client.calls).toEqual(['connect']);
  });

  test('gives its client to all below', () => {
    const { result } = renderHook(() => usePulsewire(), { wrapper: ({ children }) => inside(children) });
    expect(result.current).toBe(client);
  });
});

describe('element wrappers', () => {
  test('hand the client and properties to the element, and its events to the newest callback', async () => {
    const clicked: string[] = [];
    const sound = (): void => {};
    const { container, rerender } = render(
      inside(<PulsewireToasts sound={sound} onToastClick={event => clicked.push(`old ${event.detail.id}`)} />),
    );
    rerender(inside(<PulsewireToasts className="mine" sound={sound} onToastClick={event => clicked.push(`new ${event.detail.id}`)} />));
    await vi.waitUntil(() => customElements.get('pulsewire-toasts'), 8_000);
    const element = container.querySelector('pulsewire-toasts');
    expect(element?.client).toBe(client);
    expect(element?.sound).toBe(sound);
    expect(element?.getAttribute('class')).toBe('mine');
    element?.dispatchEvent(new CustomEvent('pulsewire-toast-click', { detail: toast({ id: 'x' }) }));
    expect(clicked).toEqual(['new x']);
  });

  test('take back a property that is no longer given', async () => {
    const { container, rerender } = render(inside(<PulsewireAlerts limit={3} id="list" />));
    const element = container.querySelector('pulsewire-alerts');
    expect(element?.limit).toBe(3);
    rerender(inside(<PulsewireAlerts id="list" />));
    expect(element?.limit).toBeUndefined();
    expect(element?.id).toBe('list');
  });

  test('render on a server as their tag', () => {
    expect(renderToString(inside(<PulsewireConnection noLatency id="state" />))).toBe(
      '<pulsewire-connection id="state"></pulsewire-connection>',
    );
  });
});
