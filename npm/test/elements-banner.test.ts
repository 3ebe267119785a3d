// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ConnectionStatus } from '../src/types.js';
import { drawn, inside, maybe, place } from './elements-harness.js';
import { FakeClient } from './fake-client.js';

let client: FakeClient;
beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
  client = new FakeClient();
  client.setConnection({ state: 'connected', everConnected: true });
});
afterEach(() => {
  document.body.innerHTML = '';
  vi.useRealTimers();
});

async function banner() {
  const element = await place('pulsewire-banner', client);
  const visible = async (): Promise<string | undefined> => {
    await drawn(element);
    return maybe(element, '.banner')?.textContent?.replace(/\s+/g, ' ').trim();
  };
  const set = (status: Partial<ConnectionStatus>): void => client.setConnection(status);
  return { element, visible, set };
}

describe('the reconnect banner', () => {
  test('does not flash for a blip under a second (C15)', async () => {
    const { visible, set } = await banner();
    set({ state: 'reconnecting', attempt: 1, interrupted: false });
    expect(await visible()).toBeUndefined();
    set({ state: 'connected', attempt: 0 });
    expect(await visible()).toBeUndefined();
    vi.advanceTimersByTime(5_000);
    expect(await visible()).toBeUndefined();
  });

  test('shows the attempt and counts down to the next', async () => {
    const { visible, set } = await banner();
    set({ state: 'reconnecting', attempt: 3, interrupted: true, nextRetryAt: 1_000_000 + 4_000 });
    expect(await visible()).toBe('Reconnecting… attempt 3 · next try in 4 s');
    vi.advanceTimersByTime(3_000);
    expect(await visible()).toBe('Reconnecting… attempt 3 · next try in 1 s');
    vi.advanceTimersByTime(1_000);
    expect(await visible()).toBe('Reconnecting… attempt 3 · trying now');
  });

  test('says "Back online" for three seconds once the connection is restored', async () => {
    const { visible, set } = await banner();
    set({ state: 'reconnecting', attempt: 1, interrupted: true });
    set({ state: 'connected', attempt: 0, interrupted: false });
    expect(await visible()).toBe('Back online');
    vi.advanceTimersByTime(2_999);
    expect(await visible()).toBe('Back online');
    vi.advanceTimersByTime(1);
    expect(await visible()).toBeUndefined();
  });

  test('shows no success after a first start, however slow it was', async () => {
    client.setConnection({ state: 'connecting', everConnected: false, interrupted: true, attempt: 2 });
    const { visible, set } = await banner();
    expect(await visible()).toContain('Connecting…');
    set({ state: 'connected', everConnected: true, interrupted: false });
    expect(await visible()).toBeUndefined();
  });

  test('goes back to reconnecting when the connection breaks again during the success', async () => {
    const { visible, set } = await banner();
    set({ state: 'reconnecting', interrupted: true, attempt: 1 });
    set({ state: 'connected', interrupted: false });
    set({ state: 'reconnecting', interrupted: true, attempt: 1 });
    vi.advanceTimersByTime(10_000);
    expect(await visible()).toContain('Reconnecting…');
  });

  test('says that the user is signed out, and that a connection was refused', async () => {
    const { visible, set } = await banner();
    set({ state: 'unauthorized', reason: 'token_expired' });
    expect(await visible()).toContain('You are signed out.');
    set({ state: 'closed', reason: 'forbidden' });
    expect(await visible()).toContain('The connection was refused.');
    set({ state: 'closed', reason: undefined });
    expect(await visible()).toBeUndefined();
  });

  test('is read out in words without the countdown, which would be read every second', async () => {
    const { element, set } = await banner();
    set({ state: 'reconnecting', interrupted: true, attempt: 2, nextRetryAt: 1_000_000 + 8_000 });
    await drawn(element);
    const live = inside(element, '[role=status]');
    const said = live.textContent;
    expect(said).toContain('Reconnecting…');
    vi.advanceTimersByTime(3_000);
    await drawn(element);
    expect(live.textContent).toBe(said);
    expect(inside(element, '.words').getAttribute('aria-hidden')).toBe('true');
  });

  test('leaves no timer behind when it leaves the page', async () => {
    const { element, set } = await banner();
    set({ state: 'reconnecting', interrupted: true });
    set({ state: 'connected', interrupted: false });
    element.remove();
    expect(vi.getTimerCount()).toBe(0);
    expect(client.listeners()).toBe(0);
  });
});
