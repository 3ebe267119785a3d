/** From an observable of the client to React: one subscription, no tearing, and the same first picture on server and browser. */
import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from './react.js';
import { hold } from '../follow.js';
import type { ChannelEvent, Observable, SubscribeOptions } from '../types.js';
import { usePulsewire } from './context.js';

/** What of a value is shown, and how often. */
export interface Watch<T, U = T> {
  /** Rendered again only where its result changed; compared one level deep, so that it may make an object or a list. */
  select?: (value: T) => U;
  /** Renders at most so often in a second. */
  maxHz?: number;
}
export interface HoldWatch<T, U = T> extends Watch<T, U>, HoldOption {}
/** Whether the hook subscribes by itself. */
export interface HoldOption {
  /** False where the page holds the channel already, or must not be counted as its viewer. */
  hold?: boolean;
}

/**
 * The current value of an observable. `initial` is what a server renders and a browser hydrates with: a constant, because the client may
 * have moved on before hydration, and the two must match.
 */
export function useObservable<T, U = T>(observable: Observable<T>, initial: T, { select, maxHz }: Watch<T, U> = {}): U {
  // A cache and nothing more: a render that is thrown away may fill it, and does no harm.
  const last = useRef<{ of: T; by: unknown; shown: U } | undefined>(undefined);
  const pick = (of: T): U => {
    if (!select) return of as unknown as U;
    const before = last.current;
    if (before && before.of === of && before.by === select) return before.shown;
    const next = select(of);
    const shown = before && alike(before.shown, next) ? before.shown : next;
    last.current = { of, by: select, shown };
    return shown;
  };
  return useSyncExternalStore(
    useCallback(changed => listen(observable, changed, maxHz), [observable, maxHz]),
    () => pick(observable.get()),
    () => pick(initial),
  );
}

function listen(observable: Observable<unknown>, changed: () => void, maxHz?: number): () => void {
  if (!maxHz) return observable.listen(changed);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let next = 0;
  const tell = (): void => {
    timer = undefined;
    next = performance.now() + 1_000 / maxHz;
    changed();
  };
  const stop = observable.listen(() => {
    timer ??= setTimeout(tell, next - performance.now());
  });
  return () => {
    clearTimeout(timer);
    stop();
  };
}

/** The same, or of the same members. */
function alike(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (!a || !b || typeof a !== 'object' || typeof b !== 'object') return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every(key => Object.is(a[key as never], b[key as never]));
}

/** Holds channels (names with a space between) while the component is mounted; nothing where there is no name. */
export function useHold(
  names: string | false | undefined,
  { history, maxHz }: SubscribeOptions = {},
  listener?: { readonly current: ((event: ChannelEvent) => void) | undefined },
): void {
  const client = usePulsewire();
  useEffect(
    () => (names ? hold(client, names.split(' '), { history, maxHz }, listener && (event => listener.current?.(event))) : undefined),
    [client, names, history, maxHz, listener],
  );
}

/** The newest value, for callbacks that must not subscribe again. */
export function useLatest<T>(value: T): { readonly current: T } {
  const latest = useRef(value);
  useEffect(() => {
    latest.current = value;
  });
  return latest;
}

/** What is looked at by a clock; `read` must stay the same function, and give the same object until something changed. */
export function usePolled<T>(read: () => T, initial: T, everyMs: number): T {
  const [value, setValue] = useState(initial);
  useEffect(() => {
    const look = (): void => setValue(read);
    look();
    const timer = setInterval(look, everyMs);
    return () => clearInterval(timer);
  }, [read, everyMs]);
  return value;
}
