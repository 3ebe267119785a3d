/**
 * A TCP proxy between page and relay that breaks what passes through it, on purpose and on command: real bytes on real sockets.
 *
 * Each connection is told apart by its first bytes: an HTTP request that asks for a WebSocket is `ws`, everything else `http`.
 * A fault acts on one of the two kinds or on `all`.
 *
 * Trap: bytes that were swallowed leave a hole that no stream survives, so a connection that lost some stays dead until it is
 * closed, whatever is healed in between. That is how half-open connections behave, too.
 */
import net from 'node:net';

const HOST = '127.0.0.1';
/** More than this in one direction, and the sender has to wait. */
const QUEUE_BYTES = 64 * 1024;
const PACE_MS = 20;
const HEAD_BYTES = 16 * 1024;

export class FaultProxy {
  /** Connections that are open, or seem so to the page. */
  links = new Set();
  /** What passed, and what was done to it. */
  counted = { connections: 0, sockets: 0, refused: 0, cut: 0, swallowed: 0, up: 0, down: 0 };
  #server;
  #target;
  #blocked = new Map(); // kind -> how
  #stalled = new Set(); // `${kind} ${direction}`
  #rate = Infinity;
  #drops;

  /** @param {number | (() => number)} target  the port behind it; a function where it changes */
  static async start(target) {
    const proxy = new FaultProxy();
    proxy.#target = typeof target === 'function' ? target : () => target;
    proxy.#server = net.createServer({ noDelay: true }, (client) => new Link(proxy, client));
    await new Promise((resolve, reject) => proxy.#server.once('error', reject).listen(0, HOST, resolve));
    proxy.port = proxy.#server.address().port;
    return proxy;
  }

  get url() {
    return `http://${HOST}:${this.port}`;
  }
  get target() {
    return this.#target();
  }

  /** Ends every connection of that kind: by RST, as a dying middlebox does, or by FIN, as an idle timeout does. */
  cut({ kind = 'all', how = 'rst' } = {}) {
    for (const link of [...this.links]) {
      if (!link.is(kind)) continue;
      this.counted.cut += 1;
      link.end(how);
    }
  }

  /**
   * Nothing new of that kind gets through: the connection is reset (`refuse`), answered by 403 as a corporate proxy would
   * (`answer`), or accepted and left alone (`hang`). What is open stays open: `cut` ends it.
   */
  block(kind = 'all', how = 'refuse') {
    this.#blocked.set(kind, how);
  }

  /** Bytes are read and thrown away, the sockets stay open: in one direction or both. */
  stall({ kind = 'all', direction = 'both' } = {}) {
    for (const way of direction === 'both' ? ['up', 'down'] : [direction]) this.#stalled.add(`${kind} ${way}`);
  }

  /** The relay's end goes, the page's stays open and silent: what a vanished access point leaves behind. */
  halfOpen({ kind = 'all' } = {}) {
    for (const link of this.links) if (link.is(kind)) link.loseUpstream();
  }

  /** Each connection carries so many bytes a second in each direction. */
  slow(bytesPerSecond) {
    this.#rate = bytesPerSecond;
  }

  /** Everything is cut and refused for `downMs`, every `everyMs`, until `heal`. Counts them in `counted.drops`. */
  dropPeriodically({ downMs, everyMs }) {
    this.counted.drops = 0;
    const drop = () => {
      this.counted.drops += 1;
      this.block('all');
      this.cut();
      this.#drops.up = setTimeout(() => this.#blocked.delete('all'), downMs);
    };
    this.#drops = { every: setInterval(drop, everyMs) };
  }

  /** Ends all faults. What was damaged stays so. */
  heal() {
    this.#blocked.clear();
    this.#stalled.clear();
    this.#rate = Infinity;
    clearInterval(this.#drops?.every);
    clearTimeout(this.#drops?.up);
    this.#drops = undefined;
  }

  async close() {
    this.heal();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const link of [...this.links]) link.end('rst');
    await closed;
  }

  blocked(kind) {
    return this.#blocked.get('all') ?? this.#blocked.get(kind);
  }
  stalled(kind, direction) {
    return this.#stalled.has(`all ${direction}`) || this.#stalled.has(`${kind} ${direction}`);
  }
  get bytesPerTurn() {
    return this.#rate === Infinity ? Infinity : Math.max(1, Math.round((this.#rate * PACE_MS) / 1_000));
  }
}

/** One connection of the page's, and the one to the relay that belongs to it. */
class Link {
  kind;
  #proxy;
  #client;
  #upstream;
  #head = Buffer.alloc(0);
  #ways = {};

  constructor(proxy, client) {
    this.#proxy = proxy;
    this.#client = client;
    proxy.counted.connections += 1;
    proxy.links.add(this);
    // A reset socket reports an error before it closes: the close is what counts.
    client.on('error', () => {}).once('close', () => this.#forget());
    if (proxy.blocked() === 'refuse') {
      this.#refuse('refuse');
      return;
    }
    client.on('data', (chunk) => (this.kind === undefined ? this.#read(chunk) : this.#ways.up?.take(chunk)));
    client.on('end', () => this.#ways.up?.finish());
  }

  is(kind) {
    return kind === 'all' || this.kind === kind;
  }

  end(how) {
    for (const socket of [this.#client, this.#upstream]) {
      if (how === 'rst') socket?.resetAndDestroy();
      else socket?.destroySoon();
    }
    this.#forget();
  }

  loseUpstream() {
    for (const way of Object.values(this.#ways)) way.lose();
    this.#upstream?.destroy();
  }

  /** The request's head tells the kind, and nothing is passed on before it does. */
  #read(chunk) {
    this.#head = Buffer.concat([this.#head, chunk]);
    const text = this.#head.toString('latin1');
    if (!text.includes('\r\n\r\n') && text.length < HEAD_BYTES) return;
    this.kind = /\r\nupgrade: *websocket\r\n/i.test(text) ? 'ws' : 'http';
    if (this.kind === 'ws') this.#proxy.counted.sockets += 1;
    const how = this.#proxy.blocked(this.kind);
    if (how) this.#refuse(how);
    else this.#open();
  }

  #refuse(how) {
    this.#proxy.counted.refused += 1;
    if (how === 'refuse') this.#client.resetAndDestroy();
    else if (how === 'answer') this.#client.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
  }

  #open() {
    const upstream = net.connect({ host: HOST, port: this.#proxy.target, noDelay: true });
    this.#upstream = upstream;
    this.#ways = { up: new Way(this.#proxy, this, 'up', this.#client, upstream), down: new Way(this.#proxy, this, 'down', upstream, this.#client) };
    upstream.on('data', (chunk) => this.#ways.down.take(chunk));
    upstream.on('end', () => this.#ways.down.finish());
    upstream.on('error', () => {});
    // Where the relay is gone the page is told, unless nothing is told any more.
    upstream.once('close', () => {
      if (!this.#ways.down.lost) this.#client.destroySoon();
    });
    this.#ways.up.take(this.#head);
    this.#head = undefined;
  }

  #forget() {
    this.#proxy.links.delete(this);
    for (const way of Object.values(this.#ways)) way.stop();
    this.#upstream?.destroy();
  }
}

/** One direction of a connection. */
class Way {
  lost = false;
  #queue = [];
  #queued = 0;
  #timer;
  #finished = false;

  constructor(proxy, link, direction, from, to) {
    Object.assign(this, { proxy, link, direction, from, to });
    to.on('drain', () => from.resume());
  }

  take(chunk) {
    if (this.lost || this.proxy.stalled(this.link.kind, this.direction)) {
      this.lost = true;
      this.proxy.counted.swallowed += chunk.length;
      return;
    }
    if (this.#queue.length === 0 && this.proxy.bytesPerTurn === Infinity) {
      this.#write(chunk);
      return;
    }
    this.#queue.push(chunk);
    this.#queued += chunk.length;
    if (this.#queued > QUEUE_BYTES) this.from.pause();
    this.#timer ??= setInterval(() => this.#turn(), PACE_MS);
  }

  finish() {
    // A FIN is swallowed like everything else.
    if (this.lost || this.proxy.stalled(this.link.kind, this.direction)) this.lost = true;
    else if (this.#queue.length > 0) this.#finished = true;
    else this.to.end();
  }

  lose() {
    this.lost = true;
    this.stop();
  }

  stop() {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#queue = [];
    this.#queued = 0;
  }

  #turn() {
    let allowed = this.proxy.bytesPerTurn;
    while (allowed > 0 && this.#queue.length > 0) {
      const chunk = this.#queue[0];
      const part = chunk.subarray(0, allowed);
      if (part.length === chunk.length) this.#queue.shift();
      else this.#queue[0] = chunk.subarray(part.length);
      allowed -= part.length;
      this.#queued -= part.length;
      this.#write(part);
    }
    if (this.#queued <= QUEUE_BYTES) this.from.resume();
    if (this.#queue.length > 0) return;
    this.stop();
    if (this.#finished) this.to.end();
  }

  #write(chunk) {
    this.proxy.counted[this.direction] += chunk.length;
    if (!this.to.destroyed && !this.to.write(chunk)) this.from.pause();
  }
}
