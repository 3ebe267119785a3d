/**
 * A value that works only while somebody listens: it holds its channels and asks the relay from the first listener to the last.
 *
 * That makes it a Svelte store, what React's `useSyncExternalStore` wants, and what an element can attach to, without a second way to
 * let go. What was known stays when the last listener leaves, so that a remount begins with it. While rendering on a server nothing starts.
 * It stays for the user who had it, and nobody else: with another one, or none after one, everything is as at the beginning.
 */
import { callAll } from '../observable.js';
import type { ChannelHandle, Observable, Pulsewire } from '../types.js';

/** How the stored part of a list stands. `absent`: this relay keeps none, so what is live is all there is. */
export type LoadStatus = 'loading' | 'ready' | 'error' | 'absent';

export abstract class Live<S extends object> implements Observable<S> {
  protected readonly client: Pulsewire;
  readonly #listeners = new Set<() => void>();
  readonly #initial: S;
  #state: S;
  /** Whose it is, once somebody is known. */
  #owner: string | undefined;
  #stop: (() => void)[] | undefined;

  constructor(client: Pulsewire, initial: S) {
    this.client = client;
    this.#initial = this.#state = initial;
  }

  get = (): S => {
    // Nobody looks after it while nobody listens.
    if (!this.#stop) this.#own();
    return this.#state;
  };

  listen = (changed: () => void): (() => void) => {
    const listener = () => changed();
    if (typeof window !== 'undefined' && this.#stop === undefined) {
      this.#own();
      this.#stop = [];
      this.#stop.push(
        this.client.connection.listen(() => this.#own()),
        ...this.start(),
      );
    }
    this.#listeners.add(listener);
    return () => {
      if (!this.#listeners.delete(listener) || this.#listeners.size > 0) return;
      const stop = this.#stop ?? [];
      this.#stop = undefined;
      for (const end of stop) end();
    };
  };

  subscribe = (run: (value: S) => void): (() => void) => {
    const end = this.listen(() => run(this.#state));
    run(this.#state);
    return end;
  };

  /** The first listener came: take hold, and give back how to let go. */
  protected abstract start(): (() => void)[];

  /** A shared computer: drop all that one user had and the next must not see; the state is as at the beginning afterwards. */
  protected abstract forget(): void;

  #own(): void {
    const { tenant, user } = this.client.connection.get();
    const now = user === undefined ? undefined : JSON.stringify([tenant, user]);
    if (now === this.#owner) return;
    const other = this.#owner !== undefined;
    this.#owner = now;
    if (!other) return;
    this.forget();
    this.#state = this.#initial;
    callAll(this.#listeners);
  }

  protected get active(): boolean {
    return this.#stop !== undefined;
  }

  protected patch(change: Partial<S>): void {
    const before = this.#state as Record<string, unknown>;
    if (Object.entries(change).every(([name, value]) => Object.is(before[name], value))) return;
    this.#state = { ...this.#state, ...change };
    callAll(this.#listeners);
  }

  /** Holds the channel of whoever is signed in, and that of the next one once somebody else is. */
  protected holdOwn(listen: (own: ChannelHandle) => void): () => void {
    let name: string | undefined;
    let own: ChannelHandle | undefined;
    const follow = (): void => {
      const { user } = this.client.connection.get();
      const now = user && `user:${user}`;
      if (now === name) return;
      name = now;
      own?.release();
      own = now === undefined ? undefined : this.client.channel(now);
      if (own) listen(own);
    };
    follow();
    const end = this.client.connection.listen(follow);
    return () => {
      end();
      own?.release();
    };
  }

  /** Runs now, where there is a connection, and again with each new one: what was told meanwhile may have been missed. */
  protected onConnected(run: () => void): () => void {
    let last: string | undefined;
    const look = (): void => {
      const { state, connectionId } = this.client.connection.get();
      if (state !== 'connected' || last === (connectionId ?? '')) return;
      last = connectionId ?? '';
      run();
    };
    look();
    return this.client.connection.listen(look);
  }
}

const models = new WeakMap<Pulsewire, Map<string, WeakRef<object>>>();

/** One model for all who ask for the same of a client. */
export function shared<M extends object>(client: Pulsewire, key: string, make: () => M): M {
  const known = models.get(client) ?? new Map<string, WeakRef<object>>();
  models.set(client, known);
  const before = known.get(key)?.deref() as M | undefined;
  if (before) return before;
  for (const [name, model] of known) if (!model.deref()) known.delete(name);
  const made = make();
  known.set(key, new WeakRef(made));
  return made;
}

/** A page of something that the relay stores, newest first. */
export interface Page<T> {
  items: readonly T[];
  unread?: number;
  /** What to give as `before` for the page that follows; nothing at the end. */
  next?: unknown;
}

export const codeOf = (error: unknown): string => String((error as { code?: unknown } | undefined)?.code ?? 'unknown');

/** Whether an action failed because this relay does not have it at all, rather than for a reason. */
export const isAbsent = (error: unknown): boolean => codeOf(error) === 'not_found';
