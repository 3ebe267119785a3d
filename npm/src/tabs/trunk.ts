/**
 * One real connection that carries those of several tabs: each of them is a branch, with a core of its own behind it.
 *
 * What a branch asks goes to the relay under a number of the trunk's, and the answer comes back under the branch's. Channels are
 * the union of what the branches hold. The first branch's `connect` is the trunk's own; a later one is answered from real
 * `subscribed` answers, for "subscribing again answers afresh" (PROTOCOL.md, section 4), so each core gets its recovery or history.
 *
 * Nothing is decided here that a core decides: on any doubt the branches are closed, and their cores come back with their positions.
 * Limits: the relay's rate of messages is shared by all branches; what is above it waits here, in order.
 */

import { join, list, Message, message, split, text, uint } from './frames.js';

/** One tab's end. */
export interface Branch {
  deliver(frame: Uint8Array): void;
  /** The connection is over, for this branch at least. */
  lose(code: number, reason: string): void;
}

/** Told to a branch whose trunk goes: its core tries again almost at once (close code 4503 with a delay). */
export const AGAIN = [4503, 'draining; retryAfterMs=50'] as const;
/** `false`. */
const NO = Uint8Array.of(0xf4);
/** How long the relay may be silent after a branch gave up on it. */
const DOUBT_MS = 2_000;
/** The share of the relay's allowed messages per second that is used. */
const SHARE = 0.8;

const TO = { connect: 1, subscribe: 2, unsubscribe: 3, pong: 7, ping: 8 } as const;
const FROM = { welcome: 1, subscribed: 2, unsubscribed: 3, event: 4, viewers: 5, heartbeat: 6, reply: 8, error: 9 } as const;

interface Holder {
  /** Channels it holds, with the rate it can use. */
  readonly wanted: Map<string, number | undefined>;
  /** Those of them whose events it gets. */
  readonly live: Set<string>;
  welcomed: boolean;
  /** What came for it before its `welcome`. */
  backlog: Message[];
  /** Its own `connect`, where it is answered here. */
  joining?: { id: number; left: number; entries: Message[] };
}
interface Question {
  branch: Branch | undefined;
  id: number;
  kind: 'connect' | 'join' | 'subscribe' | 'other';
  channel: string;
}

export class Trunk {
  readonly #open: () => WebSocket;
  readonly #branches = new Map<Branch, Holder>();
  #socket: WebSocket | undefined;
  #isOpen = false;
  /** Whose `connect` opened it. */
  #founder: Branch | undefined;
  #welcome: { message: Message; at: number; own: string[] } | undefined;
  /** `connect`s that came before there was a `welcome` to go by. */
  #early: [Branch, Message][] = [];
  readonly #questions = new Map<number, Question>();
  /** How far each channel has come on this connection. */
  readonly #places = new Map<string, { epoch: string; offset: number }>();
  #lastId = 0;
  /** What waits for its turn: a core's own words go before what joining branches ask. */
  #out: { branch: Branch | undefined; joins: boolean; id: number; channel: string; bytes: Uint8Array }[] = [];
  #allowance = 20;
  #perSecond = 20;
  #filledAt = performance.now();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #doubt: ReturnType<typeof setTimeout> | undefined;

  constructor(open: () => WebSocket) {
    this.#open = open;
  }

  attach(branch: Branch): void {
    this.#branches.set(branch, { wanted: new Map(), live: new Set(), welcomed: false, backlog: [] });
  }

  /** The tab is gone, or its core let go. */
  detach(branch: Branch): void {
    const holder = this.#branches.get(branch);
    if (holder === undefined) return;
    this.#branches.delete(branch);
    this.#early = this.#early.filter(([one]) => one !== branch);
    if (this.#branches.size === 0 || (branch === this.#founder && this.#welcome === undefined)) {
      // Nobody is left, or nobody would hear what the relay says to the `connect` under way.
      this.end(...AGAIN);
      return;
    }
    // What was not asked yet for it need not be asked, nor taken back.
    const unasked = this.#out.filter(one => one.branch === branch && one.joins);
    this.#out = this.#out.filter(one => !unasked.includes(one));
    for (const { id } of unasked) this.#questions.delete(id);
    const channels = new Set(unasked.map(one => one.channel));
    for (const channel of holder.wanted.keys()) {
      if (this.#isUnused(channel) && (this.#places.has(channel) || !channels.has(channel))) this.#unsubscribe(undefined, 0, channel);
    }
  }

  /** A core doubts that the relay is there. */
  suspect(): void {
    if (this.#socket === undefined || this.#doubt !== undefined) return;
    this.#doubt = setTimeout(() => this.end(...AGAIN), DOUBT_MS);
    if (this.#welcome !== undefined) this.#ask(undefined, 0, 'other', '', [[0, uint(TO.ping)]]);
  }

  /** Ends the connection and every branch. */
  end(code: number, reason: string): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#isOpen = false;
    this.#founder = this.#welcome = undefined;
    this.#early = [];
    this.#questions.clear();
    this.#places.clear();
    this.#out = [];
    clearTimeout(this.#timer);
    clearTimeout(this.#doubt);
    this.#timer = this.#doubt = undefined;
    if (socket !== undefined) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close(1000);
    }
    const branches = [...this.#branches.keys()];
    this.#branches.clear();
    for (const branch of branches) branch.lose(code, reason);
  }

  /** What a core says. */
  send(branch: Branch, frame: Uint8Array): void {
    const holder = this.#branches.get(branch);
    if (holder === undefined) return;
    this.#guard(() => {
      for (const one of split(frame)) this.#fromBranch(branch, holder, one);
    });
  }

  #fromBranch(branch: Branch, holder: Holder, said: Message): void {
    const id = said.number(1) ?? 0;
    switch (said.number(0)) {
      case TO.connect:
        if (this.#socket === undefined) this.#found(branch, holder, said);
        else if (this.#welcome === undefined) this.#early.push([branch, said]);
        else this.#join(branch, holder, said);
        break;
      case TO.subscribe: {
        const channel = said.text(2) ?? '';
        holder.wanted.set(channel, said.number(5));
        this.#ask(branch, id, 'subscribe', channel, said.with({ 5: this.#rate(channel) }));
        break;
      }
      case TO.unsubscribe: {
        const channel = said.text(2) ?? '';
        holder.wanted.delete(channel);
        holder.live.delete(channel);
        if (this.#isUnused(channel)) this.#unsubscribe(branch, id, channel);
        else
          this.#deliver(
            branch,
            holder,
            message([
              [0, uint(FROM.unsubscribed)],
              [1, uint(id)],
              [2, text(channel)],
            ]),
          );
        break;
      }
      // The trunk answers heartbeats itself.
      case TO.pong:
        break;
      default:
        this.#ask(branch, id, 'other', '', said);
    }
  }

  /** The first branch: its `connect` is the trunk's. */
  #found(branch: Branch, holder: Holder, connect: Message): void {
    for (const entry of connect.list(4)) holder.wanted.set(entry.text(1) ?? '', entry.number(4));
    const socket = this.#open();
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    this.#founder = branch;
    this.#allowance = this.#perSecond = 20;
    this.#ask(branch, connect.number(1) ?? 0, 'connect', '', connect);
    socket.onopen = () => {
      this.#isOpen = true;
      this.#drain();
    };
    socket.onmessage = ({ data }) => {
      clearTimeout(this.#doubt);
      this.#doubt = undefined;
      if (!(data instanceof ArrayBuffer)) return;
      this.#guard(() => {
        for (const one of split(new Uint8Array(data))) this.#fromRelay(one);
      });
    };
    socket.onclose = ({ code, reason }) => {
      this.#socket = undefined;
      this.end(code, reason);
    };
  }

  /** A later branch: its channels are asked for afresh, and its `welcome` is made of the answers. */
  #join(branch: Branch, holder: Holder, connect: Message): void {
    const entries = new Map(connect.list(4).map(entry => [entry.text(1) ?? '', entry]));
    const own = (this.#welcome?.own ?? []).filter(channel => !entries.has(channel));
    holder.joining = { id: connect.number(1) ?? 0, left: entries.size + own.length, entries: [] };
    for (const [channel, entry] of entries) {
      holder.wanted.set(channel, entry.number(4));
      const fields: [number, Uint8Array | undefined][] = [
        [0, uint(TO.subscribe)],
        [2, text(channel)],
        [3, entry.raw(2)],
        [4, entry.raw(3)],
      ];
      this.#ask(branch, 0, 'join', channel, [...fields, [5, this.#rate(channel)]]);
    }
    for (const channel of own) {
      holder.wanted.set(channel, undefined);
      this.#ask(branch, 0, 'join', channel, [
        [0, uint(TO.subscribe)],
        [2, text(channel)],
      ]);
    }
    this.#finishJoining(branch, holder);
  }

  #finishJoining(branch: Branch, holder: Holder): void {
    const { joining } = holder;
    if (joining === undefined || joining.left > 0 || this.#welcome === undefined) return;
    const { message: welcome, at } = this.#welcome;
    delete holder.joining;
    const serverTime = Math.round((welcome.number(6) ?? 0) + performance.now() - at);
    const answer = welcome.with({ 1: uint(joining.id), 6: uint(serverTime), 11: list(joining.entries) });
    holder.welcomed = true;
    branch.deliver(join([answer, ...holder.backlog].map(one => one.bytes)));
    holder.backlog = [];
  }

  #fromRelay(said: Message): void {
    const type = said.number(0);
    const id = said.number(type === FROM.error ? 5 : 1);
    const channel = said.text({ [FROM.event]: 1, [FROM.viewers]: 1, [FROM.error]: 6 }[type ?? 0] ?? 2);
    switch (type) {
      case FROM.event: {
        const place = this.#places.get(channel ?? '');
        if (place !== undefined) place.offset = Math.max(place.offset, said.number(5) ?? 0);
        this.#everyone(said, holder => holder.live.has(channel ?? ''));
        return;
      }
      case FROM.viewers:
        this.#everyone(said, holder => holder.live.has(channel ?? ''));
        return;
      case FROM.heartbeat:
        this.#write(
          message([
            [0, uint(TO.pong)],
            [1, said.raw(1)],
          ]).bytes,
        );
        this.#everyone(said, () => true);
        return;
      case FROM.welcome:
        this.#welcomed(said);
        return;
    }
    const answers = type === FROM.subscribed || type === FROM.unsubscribed || type === FROM.reply || type === FROM.error;
    if (answers && id !== undefined) {
      const question = this.#questions.get(id);
      this.#questions.delete(id);
      if (question !== undefined) this.#answer(question, said, type);
      return;
    }
    // The relay's own word: to those whom it is about.
    this.#everyone(said, holder => channel === undefined || holder.wanted.has(channel));
    if (type !== FROM.unsubscribed || channel === undefined) return;
    for (const holder of this.#branches.values()) {
      holder.wanted.delete(channel);
      holder.live.delete(channel);
    }
  }

  #answer({ branch, id, kind, channel }: Question, said: Message, type: number): void {
    const refused = type === FROM.error;
    if (!refused && (kind === 'join' || kind === 'subscribe')) this.#moveOn(branch, channel, said);
    // A token was refreshed: those who come later are told its end.
    const expiresAt = type === FROM.reply ? said.raw(4) : undefined;
    if (expiresAt !== undefined && this.#welcome !== undefined) this.#welcome.message = this.#welcome.message.with({ 9: expiresAt });
    const holder = branch && this.#branches.get(branch);
    if (branch === undefined || holder === undefined) return;
    if (kind === 'join') {
      const entry = refused
        ? message([
            [1, text(channel)],
            [9, said.with({ 0: undefined, 5: undefined, 6: undefined }).bytes],
          ])
        : said.with({ 0: undefined, 1: undefined });
      holder.joining?.entries.push(entry);
      if (holder.joining !== undefined) holder.joining.left -= 1;
    }
    if (kind === 'join' || kind === 'subscribe') {
      if (!refused && holder.wanted.has(channel)) holder.live.add(channel);
      if (refused && !holder.live.has(channel)) holder.wanted.delete(channel);
    }
    if (kind === 'join') this.#finishJoining(branch, holder);
    else if (kind === 'connect') branch.deliver(said.with({ 5: uint(id) }).bytes);
    else this.#deliver(branch, holder, said.with({ [refused ? 5 : 1]: uint(id) }));
  }

  /**
   * One branch has an answer. While the relay read for it, events that the answer covers were held back, and never come: where there
   * were any, the other branches are told that the channel went on without them, and their cores ask for what they miss.
   */
  #moveOn(asker: Branch | undefined, channel: string, answer: Message): void {
    const [epoch, offset] = [answer.text(3) ?? '', answer.number(4) ?? 0];
    const place = this.#places.get(channel);
    if (place?.epoch === epoch && offset <= place.offset) return;
    this.#places.set(channel, { epoch, offset });
    if (place === undefined || epoch === '') return;
    const fields: [number, Uint8Array][] = [
      [0, uint(FROM.subscribed)],
      [2, text(channel)],
      [3, text(epoch)],
      [4, uint(offset)],
      [5, NO],
    ];
    for (const [branch, holder] of [...this.#branches]) {
      if (branch !== asker && holder.live.has(channel)) this.#deliver(branch, holder, message(fields));
    }
  }

  #welcomed(said: Message): void {
    const question = this.#questions.get(said.number(1) ?? 0);
    const entries = said.list(11);
    const own = entries.map(entry => entry.text(2) ?? '').filter(name => name === 'tenant' || name.startsWith('user:'));
    this.#welcome = { message: said, at: performance.now(), own };
    const limits = said.raw(10);
    const allowed = limits === undefined ? undefined : new Message(limits).number(3);
    if (allowed !== undefined) this.#perSecond = Math.max(1, allowed * SHARE);
    const holder = question?.branch && this.#branches.get(question.branch);
    if (question?.branch !== undefined && holder !== undefined) {
      for (const entry of entries) {
        const channel = entry.text(2);
        if (channel === undefined) continue;
        this.#moveOn(undefined, channel, entry);
        if (!holder.wanted.has(channel)) holder.wanted.set(channel, undefined);
        holder.live.add(channel);
      }
      holder.welcomed = true;
      question.branch.deliver(said.with({ 1: uint(question.id) }).bytes);
    }
    const early = this.#early;
    this.#early = [];
    for (const [branch, connect] of early) {
      const other = this.#branches.get(branch);
      if (other !== undefined) this.#join(branch, other, connect);
    }
  }

  #everyone(said: Message, wants: (holder: Holder) => boolean): void {
    for (const [branch, holder] of [...this.#branches]) if (wants(holder)) this.#deliver(branch, holder, said);
  }
  #deliver(branch: Branch, holder: Holder, said: Message): void {
    if (holder.welcomed) branch.deliver(said.bytes);
    else if (holder.joining !== undefined) holder.backlog.push(said);
  }

  #isUnused(channel: string): boolean {
    if (this.#welcome?.own.includes(channel)) return false;
    for (const holder of this.#branches.values()) if (holder.wanted.has(channel)) return false;
    return true;
  }
  /** No branch may be starved by another one's lower rate. */
  #rate(channel: string): Uint8Array | undefined {
    let highest = 0;
    for (const holder of this.#branches.values()) {
      if (!holder.wanted.has(channel)) continue;
      const rate = holder.wanted.get(channel);
      if (rate === undefined) return undefined;
      highest = Math.max(highest, rate);
    }
    return highest > 0 ? uint(highest) : undefined;
  }

  #unsubscribe(branch: Branch | undefined, id: number, channel: string): void {
    this.#places.delete(channel);
    this.#ask(branch, id, 'other', channel, [
      [0, uint(TO.unsubscribe)],
      [2, text(channel)],
    ]);
  }
  #ask(
    branch: Branch | undefined,
    id: number,
    kind: Question['kind'],
    channel: string,
    said: Message | [number, Uint8Array | undefined][],
  ): void {
    this.#lastId += 1;
    this.#questions.set(this.#lastId, { branch, id, kind, channel });
    const fields = said instanceof Message ? said : message(said);
    const bytes = fields.with({ 1: uint(this.#lastId) }).bytes;
    const joins = kind === 'join';
    const entry = { branch, joins, id: this.#lastId, channel, bytes };
    // A probe has 2 s, and a message is the user's: neither waits for the channels of a tab that joins.
    const before = joins ? -1 : this.#out.findIndex(one => one.joins);
    if (before < 0) this.#out.push(entry);
    else this.#out.splice(before, 0, entry);
    this.#drain();
  }

  /** Sends what waits, no faster than the relay allows. */
  #drain(): void {
    if (!this.#isOpen) return;
    const now = performance.now();
    this.#allowance = Math.min(this.#perSecond, this.#allowance + ((now - this.#filledAt) / 1_000) * this.#perSecond);
    this.#filledAt = now;
    while (this.#allowance >= 1 && this.#out.length > 0) {
      this.#allowance -= 1;
      const next = this.#out.shift();
      if (next !== undefined) this.#write(next.bytes);
    }
    if (this.#out.length > 0) {
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        this.#drain();
      }, 1_000 / this.#perSecond);
    }
  }
  #write(bytes: Uint8Array): void {
    if (this.#isOpen) this.#socket?.send(bytes as Uint8Array<ArrayBuffer>);
  }
  /** What cannot be read ends it all: the cores know where they stood. */
  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.end(1006, '');
      if (!(error instanceof RangeError)) throw error;
    }
  }
}
