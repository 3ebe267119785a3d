/**
 * `pulsewire/query`: events of the relay tell TanStack Query what is out of date. For React, Svelte and every other adapter alike, because it
 * works on the `QueryClient` they share.
 *
 * An event names keys in its data (`invalidates: [["patient", "7"]]`), or `keys` derives them from it; `alert` and the events of messages stand
 * for the keys that the relay's own lists go by (`["alerts"]`, `["conversation", id]`). Keys wait `debounceMs` for more to
 * come, each is invalidated once for all of them, and not again within `everyMs`: a thousand events in a second are one reload per key.
 * Where the relay cannot recover a channel (`resync`), everything that the channel covers is out of date: what `covers` says, and each
 * key that one of its events has named.
 *
 * Limits: of a channel the newest 256 keys are remembered. Events that were recovered or come from the history count like live ones.
 */
import type { ChannelEvent, Pulsewire } from '../types.js';

/** A key of TanStack Query. */
export type QueryKey = readonly unknown[];

/** The part of TanStack's `QueryClient` (5) that is used. */
export interface QueryClientLike {
  invalidateQueries(filters: { queryKey: QueryKey }): Promise<unknown>;
  setQueryData(queryKey: QueryKey, update: (data: unknown) => unknown): unknown;
  getQueryCache(): { findAll(filters: { queryKey: QueryKey }): readonly QueryLike[] };
}
interface QueryLike {
  readonly queryKey: QueryKey;
  readonly state: { readonly data?: unknown };
  readonly options: { readonly queryFn?: unknown; readonly meta?: unknown };
  isActive(): boolean;
}
interface Pages {
  readonly pages: readonly unknown[];
  readonly pageParams: readonly unknown[];
}
/** One page of an infinite query: only those for which `page` is true are loaded again. */
export interface PagesOf {
  readonly queryKey: QueryKey;
  page(page: unknown, pageParam: unknown): boolean;
}

/** Options of `connectQueries`; durations in milliseconds. */
export interface ConnectQueriesOptions {
  /** Beside what the event's own `invalidates` says: keys, and pages of infinite queries. */
  keys?: (event: ChannelEvent) => readonly (QueryKey | PagesOf)[] | undefined;
  /** What to load again where a channel's history was lost. */
  covers?: (channel: string) => readonly QueryKey[] | undefined;
  /** How long to wait for more; 100. */
  debounceMs?: number;
  /** No key more often than this; 1,000. */
  everyMs?: number;
  /** Loading a page failed: the query was invalidated as a whole instead. */
  onError?: (error: unknown) => void;
}

interface Entry {
  readonly key: QueryKey;
  /** The pages that are wanted, or `undefined` for the whole. */
  pages: PagesOf['page'][] | undefined;
  timer: ReturnType<typeof setTimeout> | undefined;
  last: number;
}

const REMEMBERED = 256;

/** Connects the two; the result disconnects them. Call it where the page lives: `useEffect(() => connectQueries(…), [])`, `onMount`. */
export function connectQueries(
  client: Pulsewire,
  queryClient: QueryClientLike,
  { keys, covers, debounceMs = 100, everyMs = 1_000, onError }: ConnectQueriesOptions = {},
): () => void {
  const entries = new Map<string, Entry>();
  const covered = new Map<string, Map<string, QueryKey>>();

  const run = (hash: string, entry: Entry): void => {
    const { key: queryKey, pages } = entry;
    entry.pages = [];
    entry.last = performance.now();
    // Kept so long only to hold the next one back.
    entry.timer = setTimeout(() => entries.delete(hash), everyMs);
    const failed = (error: unknown): Promise<unknown> => {
      onError?.(error);
      return queryClient.invalidateQueries({ queryKey });
    };
    const done = pages === undefined ? queryClient.invalidateQueries({ queryKey }) : reload(queryClient, queryKey, pages).catch(failed);
    done.catch(error => onError?.(error));
  };
  const want = (queryKey: QueryKey, page?: PagesOf['page']): void => {
    const hash = JSON.stringify(queryKey);
    const entry = entries.get(hash) ?? { key: queryKey, pages: [], timer: undefined, last: Number.NEGATIVE_INFINITY };
    const waits = entry.pages === undefined || entry.pages.length > 0;
    if (page === undefined) entry.pages = undefined;
    else entry.pages?.push(page);
    entries.set(hash, entry);
    if (waits) return;
    clearTimeout(entry.timer);
    entry.timer = setTimeout(run, Math.max(debounceMs, entry.last + everyMs - performance.now()), hash, entry);
  };
  const remember = (channel: string, queryKey: QueryKey): void => {
    const known = covered.get(channel) ?? new Map<string, QueryKey>();
    covered.set(channel, known);
    const hash = JSON.stringify(queryKey);
    known.delete(hash);
    known.set(hash, queryKey);
    for (const oldest of known.keys()) {
      if (known.size <= REMEMBERED) break;
      known.delete(oldest);
    }
  };

  const stop = [
    client.on('event', event => {
      const { invalidates } = (event.data ?? {}) as { invalidates?: unknown };
      const told = Array.isArray(invalidates) ? invalidates.map(key => (Array.isArray(key) ? key : [key])) : ownKeys(event);
      for (const one of [...told, ...(keys?.(event) ?? [])]) {
        const [queryKey, page] = 'queryKey' in one ? [one.queryKey, one.page] : [one as QueryKey];
        remember(event.channel, queryKey);
        want(queryKey, page);
      }
    }),
    client.on('resync', ({ channel }) => {
      for (const key of [...(covers?.(channel) ?? []), ...(covered.get(channel)?.values() ?? [])]) want(key);
    }),
  ];
  return () => {
    for (const end of stop) end();
    for (const { timer } of entries.values()) clearTimeout(timer);
    entries.clear();
  };
}

/** The keys of built-in events that name none: those that `alert_updated` and `conversation_updated` name. */
function ownKeys({ event, channel, data }: ChannelEvent): readonly QueryKey[] {
  const { id, patientId } = (data ?? {}) as { id?: unknown; patientId?: unknown };
  if (event === 'alert') return [['alerts'], ['alert', id], ['patient', patientId, 'alerts']];
  // `conversation:{id}`: the data of `message_status` holds no id of its conversation.
  return event.startsWith('message_') ? [['conversations'], ['conversation', channel.slice(13)]] : [];
}

/** Loads single pages of infinite queries again and puts each in its place; what nobody looks at is only marked. */
async function reload(queryClient: QueryClientLike, queryKey: QueryKey, wanted: readonly PagesOf['page'][]): Promise<void> {
  for (const query of queryClient.getQueryCache().findAll({ queryKey })) {
    const { pages, pageParams } = (query.state.data ?? {}) as Partial<Pages>;
    const { queryFn, meta } = query.options;
    if (!query.isActive() || !pages || !pageParams || typeof queryFn !== 'function') {
      await queryClient.invalidateQueries({ queryKey: query.queryKey });
      continue;
    }
    for (const [index, page] of pages.entries()) {
      const pageParam = pageParams[index];
      if (!wanted.some(wants => wants(page, pageParam))) continue;
      const context = {
        client: queryClient,
        queryKey: query.queryKey,
        pageParam,
        direction: 'forward',
        signal: new AbortController().signal,
        meta,
      };
      const fresh: unknown = await queryFn(context);
      queryClient.setQueryData(query.queryKey, data => {
        const now = data as Pages | undefined;
        // Pages that came or went meanwhile: only the one that was asked for is replaced.
        if (now === undefined || now.pages[index] !== page) return data;
        return { ...now, pages: now.pages.map((old, at) => (at === index ? fresh : old)) };
      });
    }
  }
}
