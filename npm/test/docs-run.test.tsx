// @vitest-environment happy-dom
/** The examples of docs/react.md and docs/svelte.md, shown. */
import { act, cleanup, render } from '@testing-library/react';
import { createRawSnippet, flushSync, mount, unmount } from 'svelte';
import { writable } from 'svelte/store';
import { afterEach, expect, test, vi } from 'vitest';
import { createFakeRelay } from '../src/testing/index.js';
import Root from './docs/Layout.svelte';
import { Layout, Patient } from './docs/patient.js';
import { alert, FakeClient } from './fake-client.js';
import DocsRun from './svelte/DocsRun.svelte';

// This DOM has no canvas to draw a chart on; the element's own tests show the chart.
vi.mock('../src/elements/register.js', () => ({ defineElements: async () => {} }));
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});
const text = (): string => (document.body.textContent ?? '').replace(/\s+/g, ' ').trim();
function feed(client: FakeClient): void {
  client.setDevice({ deviceId: 'd7', status: 'online' });
  client.setAlerts([alert({ patientId: '7' }), alert({ patientId: '8' })]);
  client.feed('d7', 'heart_rate', [[1, 72]]);
}

test('the patient page of docs/react.md shows what comes, and lets go of everything', async () => {
  const client = new FakeClient();
  const { unmount } = render(
    <Layout client={client}>
      <Patient params={{ id: '7', device: 'd7' }} />
    </Layout>,
  );
  expect(client.calls).toEqual(['connect']);
  act(() => feed(client));
  await act(() => new Promise(resolve => setTimeout(resolve, 1_100)));
  expect(text()).toContain('online, 1 new alerts');
  expect(text()).toContain('72 bpm (live)');
  expect(client.holds('patient:7')).toBe(1);
  unmount();
  expect(client.holds()).toBe(0);
});

test('the components of docs/svelte.md show what comes, and let go of everything', async () => {
  const client = new FakeClient();
  const page = { params: { id: '7', device: 'd7' } };
  const component = mount(DocsRun, { target: document.body, props: { client, page, store: writable(page) } });
  flushSync();
  feed(client);
  client.setConnection({ state: 'connected' });
  flushSync();
  expect(text()).toContain('online, 1 new alerts');
  expect(text()).toContain('72 bpm (live)');
  expect(text()).toContain('connected: 2 alerts, 0 devices online');
  expect(client.holds('patient:7')).toBe(2);
  await unmount(component);
  await Promise.resolve();
  expect(client.holds()).toBe(0);
});

test('the root layout of docs/svelte.md connects once it is mounted', async () => {
  const relay = createFakeRelay();
  vi.stubGlobal('WebSocket', relay.WebSocket);
  vi.stubGlobal('fetch', async () => new Response(relay.token()));
  const children = createRawSnippet(() => ({ render: () => '<p>inside</p>' }));
  const component = mount(Root, { target: document.body, props: { children } });
  flushSync();
  expect(text()).toContain('inside');
  await vi.waitFor(() => expect(relay.connections).toBe(1), 5_000);
  relay.drop({ code: 4403 });
  await unmount(component);
});
