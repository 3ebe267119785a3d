import { expect, test, vi } from 'vitest';
import { Source } from '../src/observable.js';

test('subscribe runs at once and on every change, as a Svelte store does', () => {
  let value = 1;
  const source = new Source(() => value);
  const seen: number[] = [];
  const end = source.subscribe(got => seen.push(got));
  value = 2;
  source.changed();
  end();
  value = 3;
  source.changed();
  expect(seen).toEqual([1, 2]);
});

test('get gives the same reference until the source changed, and reads only then', () => {
  const read = vi.fn(() => ({}));
  const source = new Source(read);
  expect(source.get()).toBe(source.get());
  source.changed();
  source.changed();
  expect(read).toHaveBeenCalledTimes(1);
  source.get();
  expect(read).toHaveBeenCalledTimes(2);
});

test('one function that listens twice ends each by itself, and ending twice does nothing', () => {
  const source = new Source(() => 0);
  const listener = vi.fn();
  const [first, second] = [source.listen(listener), source.listen(listener)];
  first();
  first();
  source.changed();
  expect(listener).toHaveBeenCalledTimes(1);
  second();
});

test('a listener that throws does not keep the others from being told, and is reported', () => {
  const reported = vi.fn();
  vi.stubGlobal('reportError', reported);
  const source = new Source(() => 0);
  const told = vi.fn();
  source.listen(() => {
    throw new Error('mine');
  });
  source.listen(told);
  source.changed();
  expect(told).toHaveBeenCalledTimes(1);
  expect(reported).toHaveBeenCalledWith(expect.objectContaining({ message: 'mine' }));
  vi.unstubAllGlobals();
});

test('a listener may end itself and others while it is told', () => {
  const source = new Source(() => 0);
  const second = vi.fn();
  const ends: (() => void)[] = [];
  ends.push(
    source.listen(() => {
      for (const end of ends) end();
    }),
  );
  ends.push(source.listen(second));
  source.changed();
  source.changed();
  expect(second.mock.calls.length).toBeLessThanOrEqual(1);
});
