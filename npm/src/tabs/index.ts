/**
 * Several tabs, one connection (row C13): imported only where the option `shareConnection` is set.
 *
 * Tabs of one browser, relay, tenant and user elect a leader by a Web Lock. The leader holds the real connection (`trunk.ts`); every
 * tab, the leader's own too, gets a virtual socket and runs its own core on it. Followers speak with the leader through
 * BroadcastChannels, each through one of its own.
 *
 * The lock goes with a tab that closes or crashes, by the browser. It does not go with one that freezes or hangs: a tab lets go of
 * it on `freeze` and `pagehide`, and where a leader leaves several questions unanswered another tab takes the lock from it. Whatever
 * happens, virtual sockets close, and the cores come back to the next leader with their positions: recovery is what it always is.
 *
 * Limits: pages that are no secure context, and browsers without Web Locks or BroadcastChannel, are on their own (`isShareable`).
 */

import { AGAIN, type Branch, Trunk } from './trunk.js';

/** How often a follower asks whether its leader is there, and how many unanswered questions are too many: 1.2 to 1.6 s. */
const ASK_EVERY_MS = 400;
const MAX_UNANSWERED = 3;
/** Told once per browser: how long a claim is remembered, and by how much a hidden tab lets the others go first. */
const CLAIM_MS = 15_000;
const HIDDEN_LATER_MS = 200;

type Control =
  | { kind: 'lead' | 'bye' | 'ask'; from: string }
  | { kind: 'here'; from: string; to: string }
  | { kind: 'open'; from: string; branch: string };
type Data =
  | { kind: 'opened'; leader: string }
  | { kind: 'up' | 'down'; frame: Uint8Array }
  | { kind: 'close'; code: number; reason: string };
type Open = (url: string, protocols: string) => WebSocket;

export function isShareable(): boolean {
  return globalThis.isSecureContext === true && typeof navigator.locks?.request === 'function' && typeof BroadcastChannel === 'function';
}

/** A socket as far as the driver looks at it. */
class TabSocket implements Branch {
  binaryType = 'arraybuffer';
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: ArrayBuffer }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  /** Where it leads, once it leads somewhere. */
  line: { send(frame: Uint8Array): void; end(code: number): void } | undefined;
  /** The leader at the other end, where that is another tab. */
  leader: string | undefined;
  closed = false;
  readonly #ended: (socket: TabSocket, code: number) => void;

  constructor(ended: (socket: TabSocket, code: number) => void) {
    this.#ended = ended;
  }

  opened(line: TabSocket['line']): void {
    this.line = line;
    this.onopen?.();
  }
  send(data: ArrayBuffer): void {
    this.line?.send(new Uint8Array(data));
  }
  deliver(frame: Uint8Array): void {
    // A copy: what is delivered may be a part of something larger.
    if (!this.closed) this.onmessage?.({ data: frame.slice().buffer as ArrayBuffer });
  }
  /** The core lets go; nobody listens any more. 1000 is on purpose, 4000 and above is for want of an answer. */
  close(code = 1000): void {
    if (this.closed) return;
    this.closed = true;
    this.line?.end(code);
    this.line = undefined;
    this.#ended(this, code);
  }
  lose(code: number, reason: string): void {
    if (this.closed) return;
    // Not told to the core as its own doing, and never as on purpose.
    this.closed = true;
    this.line?.end(1001);
    this.line = undefined;
    this.#ended(this, 1001);
    this.onclose?.({ code, reason });
  }
}

export class Tabs {
  readonly #open: Open;
  readonly #me = `${Date.now().toString(36)}-${crypto.randomUUID()}`;
  /** What the lock is named for, as the newest token says. */
  #name = '';
  /** The name that is in use, while there is a socket. */
  #used = '';
  #control: BroadcastChannel | undefined;
  #campaign: AbortController | undefined;
  #release: (() => void) | undefined;
  #trunk: Trunk | undefined;
  #socket: TabSocket | undefined;
  #address: [url: string, protocols: string] = ['', ''];
  #asking: ReturnType<typeof setInterval> | undefined;
  #unanswered = 0;
  /** Branches of other tabs, while this one leads. */
  readonly #others = new Map<string, () => void>();
  readonly #leave = () => {
    const socket = this.#socket;
    this.#leaveAll();
    socket?.lose(1001, '');
  };

  constructor(open: Open) {
    this.#open = open;
    // Nothing runs in a frozen page, and one that is kept may hold neither lock nor channel.
    document.addEventListener('freeze', this.#leave);
    addEventListener('pagehide', this.#leave);
  }

  /** Relay, tenant and user of the connection to come. */
  identify(name: string): void {
    this.#name = name;
  }

  /** The socket of this tab's core. */
  socket(url: string, protocols: string): WebSocket {
    this.#socket?.close(1001);
    this.#address = [url, protocols];
    if (this.#used !== this.#name) this.#leaveAll();
    const socket = new TabSocket((ended, code) => this.#ended(ended, code));
    this.#socket = socket;
    if (this.#control === undefined) this.#enter();
    else if (this.#trunk !== undefined) queueMicrotask(() => this.#lineToOwn());
    else this.#ask();
    return socket as unknown as WebSocket;
  }

  end(): void {
    document.removeEventListener('freeze', this.#leave);
    removeEventListener('pagehide', this.#leave);
    this.#socket?.close(1000);
    this.#leaveAll();
  }

  /** Whether this tab is the one that tells the user something that every tab knows: true in exactly one of them. */
  async isFirst(what: string): Promise<boolean> {
    // Nor may a page sound that nobody has touched.
    if (document.visibilityState === 'hidden' || navigator.userActivation?.hasBeenActive === false)
      await new Promise(resolve => setTimeout(resolve, HIDDEN_LATER_MS));
    return new Promise(resolve => {
      const claim = (lock: Lock | null) => {
        resolve(lock !== null);
        if (lock !== null) return new Promise<void>(done => setTimeout(done, CLAIM_MS));
        return undefined;
      };
      // Better twice than never.
      navigator.locks.request(`${this.#name} ${what}`, { ifAvailable: true }, claim).catch(() => resolve(true));
    });
  }

  #enter(): void {
    this.#used = this.#name;
    this.#control = new BroadcastChannel(this.#used);
    this.#control.onmessage = ({ data }: MessageEvent<Control>) => this.#hear(data);
    this.#runFor(false);
    this.#ask();
    this.#unanswered = 0;
    this.#asking = setInterval(() => this.#ask(), ASK_EVERY_MS);
  }

  /** Lets go of lock, channels and everybody who depends on them. */
  #leaveAll(): void {
    this.#stepDown();
    this.#campaign?.abort();
    this.#campaign = undefined;
    clearInterval(this.#asking);
    this.#control?.close();
    this.#control = undefined;
  }

  #tell(word: Control): void {
    this.#control?.postMessage(word);
  }

  #hear(word: Control): void {
    if (word.kind === 'lead' || word.kind === 'bye') {
      const { leader } = this.#socket ?? {};
      if (leader !== undefined && (word.kind === 'lead' ? leader !== word.from : leader === word.from)) {
        this.#socket?.lose(...AGAIN);
      } else if (word.kind === 'lead' && this.#trunk === undefined) {
        this.#unanswered = 0;
        this.#ask();
      }
    } else if (word.kind === 'here') {
      if (word.to !== this.#me) return;
      this.#unanswered = 0;
      // A line to a leader that is none any more leads nowhere.
      if (this.#socket?.leader !== undefined && this.#socket.leader !== word.from) this.#socket.lose(...AGAIN);
    } else if (this.#trunk !== undefined) {
      this.#tell({ kind: 'here', from: this.#me, to: word.from });
      if (word.kind === 'open') this.#welcomeTab(word.branch);
    }
  }

  // Electing.

  #runFor(steal: boolean): void {
    this.#campaign?.abort();
    const campaign = new AbortController();
    this.#campaign = campaign;
    const lead = () =>
      new Promise<void>(release => {
        if (this.#campaign !== campaign || this.#control === undefined) release();
        else this.#lead(release);
      });
    // A lock can be stolen or waited for, not both.
    navigator.locks.request(this.#used, steal ? { steal } : { signal: campaign.signal }, lead).catch(() => {
      // Given up by ourselves, or taken by another tab that heard nothing of this one.
      if (this.#campaign !== campaign || campaign.signal.aborted) return;
      this.#stepDown();
      if (this.#control !== undefined) this.#runFor(false);
    });
  }

  #lead(release: () => void): void {
    this.#release = release;
    this.#trunk = new Trunk(() => this.#open(...this.#address));
    this.#tell({ kind: 'lead', from: this.#me });
    if (this.#socket?.leader !== undefined) this.#socket.lose(...AGAIN);
    else this.#lineToOwn();
  }

  #stepDown(): void {
    const [trunk, release] = [this.#trunk, this.#release];
    this.#trunk = this.#release = undefined;
    if (trunk === undefined) return;
    this.#tell({ kind: 'bye', from: this.#me });
    trunk.end(...AGAIN);
    for (const end of [...this.#others.values()]) end();
    release?.();
  }

  // Leading.

  /** The leader's own core. */
  #lineToOwn(): void {
    const [trunk, socket] = [this.#trunk, this.#socket];
    if (trunk === undefined || socket === undefined || socket.closed || socket.line !== undefined) return;
    trunk.attach(socket);
    socket.opened({
      send: frame => trunk.send(socket, frame),
      end: code => {
        trunk.detach(socket);
        // It heard nothing for too long: neither will the others.
        if (code > 4000) trunk.end(...AGAIN);
      },
    });
  }

  /** A follower's core. */
  #welcomeTab(name: string): void {
    const trunk = this.#trunk;
    if (trunk === undefined || this.#others.has(name)) return;
    const channel = new BroadcastChannel(name);
    const post = (data: Data) => channel.postMessage(data);
    const gone = new AbortController();
    const end = () => {
      this.#others.delete(name);
      gone.abort();
      trunk.detach(branch);
      channel.close();
    };
    const branch: Branch = {
      // A copy: what is sent takes all of its buffer along.
      deliver: frame => post({ kind: 'down', frame: frame.slice() }),
      lose: (code, reason) => {
        post({ kind: 'close', code, reason });
        end();
      },
    };
    channel.onmessage = ({ data }: MessageEvent<Data>) => {
      if (data.kind === 'up') trunk.send(branch, data.frame);
      else if (data.kind === 'close') {
        if (data.code > 4000) trunk.suspect();
        end();
      }
    };
    this.#others.set(name, end);
    trunk.attach(branch);
    // The follower holds a lock of that name as long as it lives: a crash tells itself.
    navigator.locks.request(name, { signal: gone.signal }, end).catch(() => {});
    post({ kind: 'opened', leader: this.#me });
  }

  // Following.

  /** Asks the leader for a line, or whether it is still there. */
  #ask(): void {
    const socket = this.#socket;
    if (this.#trunk !== undefined || socket === undefined || socket.closed) return;
    this.#unanswered += 1;
    if (this.#unanswered > MAX_UNANSWERED) {
      this.#unanswered = 0;
      this.#runFor(true);
      return;
    }
    if (socket.line === undefined) this.#requestLine(socket);
    else this.#tell({ kind: 'ask', from: this.#me });
  }

  readonly #requested = new WeakMap<TabSocket, string>();
  #requestLine(socket: TabSocket): void {
    const known = this.#requested.get(socket);
    if (known !== undefined) {
      this.#tell({ kind: 'open', from: this.#me, branch: known });
      return;
    }
    const name = `${this.#used} ${crypto.randomUUID()}`;
    this.#requested.set(socket, name);
    const channel = new BroadcastChannel(name);
    let letGo = () => {};
    const alive = new Promise<void>(release => {
      letGo = release;
    });
    const end = (code: number) => {
      channel.postMessage({ kind: 'close', code, reason: '' } satisfies Data);
      channel.close();
      letGo();
    };
    this.#endings.set(socket, end);
    channel.onmessage = ({ data }: MessageEvent<Data>) => {
      if (data.kind === 'down') socket.deliver(data.frame);
      else if (data.kind === 'close') socket.lose(data.code, data.reason);
      else if (data.kind === 'opened' && socket.line === undefined && !socket.closed && this.#trunk === undefined) {
        this.#unanswered = 0;
        socket.leader = data.leader;
        socket.opened({ send: frame => channel.postMessage({ kind: 'up', frame } satisfies Data), end: () => {} });
      }
    };
    // Held before it is asked for, so that the leader cannot get it first.
    navigator.locks
      .request(name, () => {
        if (!socket.closed && this.#trunk === undefined) this.#tell({ kind: 'open', from: this.#me, branch: name });
        return alive;
      })
      .catch(() => socket.lose(1006, ''));
  }
  readonly #endings = new WeakMap<TabSocket, (code: number) => void>();

  /** A virtual socket is closed, by whichever end. */
  #ended(socket: TabSocket, code: number): void {
    this.#endings.get(socket)?.(code);
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    // A client that is closed does not lead, and does not wait to.
    if (code === 1000) this.#leaveAll();
  }
}
