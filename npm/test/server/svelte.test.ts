/** Rendering on a server: Svelte's server build, as SvelteKit runs it, without a DOM. */
import { render } from 'svelte/server';
import { expect, test } from 'vitest';
import { FakeClient } from '../fake-client.js';
import Runes from '../svelte/Runes.svelte';
import Ward from '../svelte/Ward.svelte';

const words = (body: string): string =>
  body
    .replace(/<!--.*?-->/g, '')
    .replace(/\s+/g, ' ')
    .trim();

test.each([
  ['stores', Ward, 'connection reconnecting'],
  ['runes', Runes, 'reconnecting d1'],
])('%s show what the client knows, hold nothing and start nothing', (_name, component, shown) => {
  const client = new FakeClient();
  client.setConnection({ state: 'reconnecting' });
  expect(words(render(component, { props: { client } }).body)).toContain(shown);
  expect([client.holds(), client.listeners(), client.calls]).toEqual([0, 0, []]);
});

test.each([
  ['stores', Ward],
  ['runes', Runes],
])('two renders in one process share nothing (%s)', (_name, component) => {
  const [one, two] = [new FakeClient(), new FakeClient()];
  one.setConnection({ state: 'connected' });
  two.setConnection({ state: 'unauthorized' });
  const bodies = [one, two, one].map(client => words(render(component, { props: { client } }).body));
  expect(bodies.map(body => /connected|unauthorized/.exec(body)?.[0])).toEqual(['connected', 'unauthorized', 'connected']);
  expect(bodies[2]).toBe(bodies[0]);
});
