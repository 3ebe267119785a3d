// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openDevtools } from '../src/devtools/index.js';
import { FakeClient } from './fake-client.js';

let client: FakeClient;
beforeEach(() => {
  client = new FakeClient();
  document.body.innerHTML = '';
});
afterEach(() => vi.useRealTimers());

const root = (): ShadowRoot => document.querySelector('pulsewire-devtools')?.shadowRoot as ShadowRoot;
const text = (): string => root().querySelector('section')?.textContent ?? '';
const button = (name: string): HTMLButtonElement =>
  [...root().querySelectorAll('button')].find(({ textContent }) => textContent === name) as HTMLButtonElement;

test('shows connection, latency, channels with their positions, and the last messages', async () => {
  vi.useFakeTimers();
  client.channel('patient:7');
  client.channel('patient:7');
  await openDevtools(client);
  expect(text()).toContain('idle');
  client.setConnection({ state: 'reconnecting', reason: 'timeout' });
  expect(root().querySelector('[role=status]')?.textContent).toBe('reconnecting (timeout)');
  for (let n = 0; n < 60; n++) client.feedEvent('patient:7', 'note', { n, long: 'x'.repeat(1_000), markup: '<img src=x>' });
  vi.advanceTimersByTime(500);
  expect(text()).toContain('20 ms');
  expect([...root().querySelectorAll('tbody td')].map(cell => cell.textContent)).toEqual(['patient:7', '2', 'subscribed', '0 @ e1']);
  const items = [...root().querySelectorAll('li')];
  expect(items).toHaveLength(50);
  expect(items[0]?.textContent).toContain('patient:7 note {"n":59');
  expect(items[0]?.textContent?.length).toBeLessThan(250);
  expect(root().querySelector('img')).toBeNull();
});

test('pauses, clears, and downloads the recording', async () => {
  vi.useFakeTimers();
  await openDevtools(client);
  client.feedEvent('patient:7', 'one', {});
  button('Pause').click();
  client.feedEvent('patient:7', 'two', {});
  vi.advanceTimersByTime(1_000);
  expect(button('Pause').getAttribute('aria-pressed')).toBe('true');
  button('Pause').click();
  expect(text()).toContain('patient:7 one');
  expect(text()).not.toContain('patient:7 two');
  button('Clear').click();
  expect(root().querySelectorAll('li')).toHaveLength(0);
  const exported = vi.spyOn(client, 'exportRecording');
  const made = vi.spyOn(URL, 'createObjectURL').mockReturnValue('blob:x');
  vi.spyOn(URL, 'revokeObjectURL').mockImplementation(() => {});
  button('Download recording').click();
  expect([exported.mock.calls.length, made.mock.calls.length]).toEqual([1, 1]);
});

test('closes by button, by Escape and by its caller, and lets go of everything each time', async () => {
  vi.useFakeTimers();
  const before = vi.getTimerCount();
  for (const close of [
    () => button('Close').click(),
    () =>
      root()
        .querySelector('.body')
        ?.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true })),
    undefined,
  ]) {
    const end = await openDevtools(client);
    expect(client.listeners()).toBeGreaterThan(0);
    (close ?? end)();
    expect(document.querySelector('pulsewire-devtools')).toBeNull();
    expect([client.listeners(), client.holds(), vi.getTimerCount()]).toEqual([0, 0, before]);
  }
});
