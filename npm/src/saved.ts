/**
 * Messages that wait, kept over a reload in IndexedDB (row C8): imported only where the option `persistOutbox` is set.
 *
 * One database for the origin; a message's key is relay, scope (tenant and user) and id. Ward computers are shared: opening a
 * scope erases every other one of the same relay, and signing out erases all of them.
 *
 * Several tabs of one user share the scope. Each page's messages begin with its session, and a page holds a Web Lock of that name
 * while it lives: only the messages of pages that are gone are taken over, by one page, which holds their lock from then on. (Where
 * there are no Web Locks, two tabs may both send what a third one left; its key keeps the relay at one copy.)
 *
 * Limits: a closed tab's messages wait for the next page that opens. A page that holds a lock is not kept in the back/forward cache
 * by every browser: it loads anew and finds its messages here. Where the browser refuses (private windows, no room, storage switched off) the page is told once, by an error with the
 * code `outbox_not_saved`, and messages wait in memory only. Trap: a write begins at once where the database is open, because the
 * page may be gone a moment later; IndexedDB itself keeps the order.
 */

const DATABASE = 'pulsewire-outbox';
const STORE = 'messages';

export class Saved {
  readonly #relay: string;
  readonly #session: string;
  readonly #problem: (message: string) => void;
  #scope: string | undefined;
  #database: IDBDatabase | undefined;
  #opening: Promise<IDBDatabase | undefined> | undefined;
  #complained = false;

  /** Ends the holding of each lock. */
  readonly #held = new Map<string, () => void>();

  constructor(relay: string, session: string, problem: (message: string) => void) {
    this.#relay = relay;
    this.#session = session;
    this.#problem = problem;
  }

  /** Opens a scope: erases the others of this relay, gives what pages that are gone left in this one, and what is this page's. */
  async open(scope: string): Promise<Uint8Array[]> {
    this.#scope = scope;
    await this.#claim(this.#session);
    const entries: { page: string; bytes: Uint8Array }[] = [];
    await this.#write(store => {
      this.#each(store, cursor => {
        const key = cursor.key as string[];
        if (key[1] !== scope) cursor.delete();
        else if (cursor.value instanceof Uint8Array) entries.push({ page: sessionOf(key[2] ?? ''), bytes: cursor.value });
      });
    });
    const ours = new Set<string>();
    for (const page of new Set(entries.map(entry => entry.page))) if (await this.#claim(page)) ours.add(page);
    return entries.filter(entry => ours.has(entry.page)).map(entry => entry.bytes);
  }

  save(id: string, bytes: Uint8Array): void {
    const key = this.#key(id);
    void this.#write(store => store.put(bytes, key));
  }
  forget(id: string): void {
    const key = this.#key(id);
    void this.#write(store => store.delete(key));
  }
  /** Erases the scope that is open. */
  erase(): void {
    const scope = this.#scope ?? '';
    void this.#write(store => store.delete(IDBKeyRange.bound([this.#relay, scope], [this.#relay, scope, []])));
  }
  /** Erases everything of this relay, whoever it belongs to; resolves once it is gone. */
  eraseAll(): Promise<void> {
    return this.#write(store => store.delete(IDBKeyRange.bound([this.#relay], [this.#relay, []])));
  }
  /** Lets go of everything: another page may take over what is left. */
  end(): void {
    this.close();
    for (const release of this.#held.values()) release();
    this.#held.clear();
  }
  close(): void {
    this.#database?.close();
    this.#database = undefined;
    this.#opening = undefined;
  }

  /** Whether a page's messages are this one's to send: nobody else holds its lock, and this one does from now on. */
  #claim(page: string): Promise<boolean> {
    const locks = globalThis.isSecureContext === true ? navigator.locks : undefined;
    if (this.#held.has(page) || locks === undefined) return Promise.resolve(true);
    return new Promise(resolve => {
      const hold = (lock: Lock | null) => {
        resolve(lock !== null);
        return lock === null ? undefined : new Promise<void>(release => this.#held.set(page, release));
      };
      // Refused as a whole (a page that is going, a sandbox): as without locks.
      locks.request(`${DATABASE} ${this.#relay} ${page}`, { ifAvailable: true }, hold).catch(() => resolve(true));
    });
  }

  #key(id: string): string[] {
    return [this.#relay, this.#scope ?? '', id];
  }

  #each(store: IDBObjectStore, run: (cursor: IDBCursorWithValue) => void): void {
    const request = store.openCursor(IDBKeyRange.bound([this.#relay], [this.#relay, []]));
    request.onsuccess = () => {
      if (request.result === null) return;
      run(request.result);
      request.result.continue();
    };
  }

  /** Resolves when the write is done, or has failed and was reported. */
  async #write(run: (store: IDBObjectStore) => void): Promise<void> {
    try {
      const database = this.#database ?? (await this.#connect());
      if (database === undefined) return;
      const transaction = database.transaction(STORE, 'readwrite');
      const done = new Promise<void>((resolve, reject) => {
        transaction.oncomplete = () => resolve();
        transaction.onabort = () => reject(transaction.error ?? new Error('the write was aborted'));
      });
      run(transaction.objectStore(STORE));
      await done;
    } catch (error) {
      this.#complain(error);
    }
  }

  #connect(): Promise<IDBDatabase | undefined> {
    this.#opening ??= new Promise<IDBDatabase>((resolve, reject) => {
      const request = indexedDB.open(DATABASE, 1);
      request.onupgradeneeded = () => request.result.createObjectStore(STORE);
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error ?? new Error('the database could not be opened'));
      request.onblocked = () => reject(new Error('another tab holds an older version of the database'));
    }).then(
      database => {
        // A later version of the package, or the user who clears the site's data, must not wait for this page.
        database.onversionchange = () => this.close();
        database.onclose = () => this.close();
        this.#database = database;
        return database;
      },
      error => {
        // Not tried again with every message: the page was told that nothing is kept.
        this.#complain(error);
        return undefined;
      },
    );
    return this.#opening;
  }

  #complain(error: unknown): void {
    if (this.#complained) return;
    this.#complained = true;
    const why = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    this.#problem(
      `messages that wait cannot be kept in this browser (${why}): they wait in memory only and a reload loses them; allow storage for this site, or leave persistOutbox off`,
    );
  }
}

/** The page that a message's id tells: what stands before the first dash. */
function sessionOf(id: string): string {
  return id.slice(0, Math.max(0, id.indexOf('-')));
}
