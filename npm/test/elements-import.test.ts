// No DOM here on purpose: this is what a server sees.
import { describe, expect, test, vi } from 'vitest';
import { FakeClient } from './fake-client.js';

describe('without a DOM', () => {
  test('importing the elements throws nothing and registers nothing', async () => {
    expect(typeof globalThis.customElements).toBe('undefined');
    const elements = await import('../src/elements/index.js');
    await expect(elements.defineElements()).resolves.toBeUndefined();
    elements.setDefaultClient(new FakeClient());
    elements.setDefaultClient(undefined);
    await import('../src/elements/auto.js');
    expect(typeof globalThis.customElements).toBe('undefined');
  });

  test('the Svelte stores are readable and hold nothing, as rendering on a server needs', async () => {
    const { createStores } = await import('../src/svelte/index.js');
    const client = new FakeClient();
    const channel = vi.spyOn(client, 'channel');
    const telemetry = vi.spyOn(client, 'telemetry');
    const stores = createStores(client);
    const seen: unknown[] = [];
    for (const store of [stores.channel('patient:1'), stores.telemetry('d1', 'hr'), stores.dashboardStats, stores.connection]) {
      store.subscribe((value: unknown) => seen.push(value))();
    }
    expect(seen).toHaveLength(4);
    expect(channel).not.toHaveBeenCalled();
    expect(telemetry).not.toHaveBeenCalled();
    expect(client.listeners()).toBe(0);
  });
});
