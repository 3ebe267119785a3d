/**
 * A bare page on the packed package, behind the fault proxy: what arrives is written down by number, nothing is drawn.
 *
 * The page is served by the relay under test (`--www`), through the proxy, so every byte of it can be disturbed, `getToken` included.
 * The package is `PULSEWIRE_PACKAGE`, else `target/npm/pulsewire.tgz`.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { launch } from './browser.mjs';
import { eventually } from './eventually.mjs';
import { FaultProxy } from './fault-proxy.mjs';
import { Relay, token } from './relay.mjs';

const run = promisify(execFile);
const packed = process.env.PULSEWIRE_PACKAGE ?? fileURLToPath(new URL('../../../target/npm/pulsewire.tgz', import.meta.url));

/** Runs in the page. `window.bench` is what a test sees. */
const PAGE = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>bench</title>
<script type="module">
import { createPulsewire } from './package/dist/index.js';
const bench = { deliveries: {}, numbers: [], resyncs: [], errors: [], reasons: [], unauthorized: [], states: [], published: [] };
window.bench = bench;
bench.start = async ({ user, ttl, token, channel, ...options }) => {
  bench.token = token;
  bench.ttl = ttl;
  const client = createPulsewire({
    url: '/ws',
    getToken: async ({ reason }) => {
      bench.reasons.push(reason);
      if (bench.token) return bench.token;
      const answer = await fetch('/dev/token?sub=' + user + '&role=nurse' + (bench.ttl ? '&ttl=' + bench.ttl : ''));
      return (await answer.json()).token;
    },
    onUnauthorized: (reason) => bench.unauthorized.push(reason),
    ...options,
  });
  bench.client = client;
  client.on('event', (event) => {
    if (event.event === 'n') bench.numbers.push(event.data);
  });
  client.on('resync', ({ channel }) => bench.resyncs.push(channel));
  client.on('error', ({ code, message }) => bench.errors.push(code + ': ' + message));
  client.connection.subscribe(({ state }) => {
    if (bench.states.at(-1)?.state !== state) bench.states.push({ state, at: Date.now() });
  });
  // Each message's last state, by its number.
  bench.type = (channel, from, to) => {
    for (let n = from; n <= to; n += 1) {
      const delivery = client.publish(channel, 'typed', n);
      bench.deliveries[n] = delivery.state.get();
      delivery.state.subscribe((state) => (bench.deliveries[n] = state));
      delivery.catch((error) => bench.errors.push('publish ' + n + ': ' + error.code));
    }
  };
  if (channel) bench.handle = client.channel(channel);
  await client.connect();
};
</script>`;

/** Relay, proxy and browser for one suite. */
export class Bench {
  static async open({ env, lifelike } = {}) {
    const bench = new Bench();
    if (!existsSync(packed)) throw new Error(`no packed package at ${packed}: \`cargo xtask build npm\` makes it`);
    bench.#www = await mkdtemp(join(tmpdir(), 'pulsewire-bench-'));
    await run('tar', ['-xzf', packed, '-C', bench.#www]);
    await writeFile(join(bench.#www, 'index.html'), PAGE);
    bench.relay = await Relay.start({ env, www: bench.#www });
    bench.proxy = await FaultProxy.start(() => bench.relay.port);
    bench.browser = await launch({ lifelike });
    bench.service = await token({ sub: 'backend', role: 'service', publish: ['*'] });
    bench.reader = await token({ sub: 'reader', role: 'nurse', subscribe: ['*'] });
    return bench;
  }
  #www;

  async close() {
    await this.browser?.close();
    await this.proxy?.close();
    await this.relay?.stop();
    await rm(this.#www, { recursive: true, force: true });
  }

  /** A page of a user's, in a browser context of its own unless one is given. */
  async page({ context, before, ...options } = {}) {
    const own = context ?? (await this.browser.newContext({ locale: 'en-US' }));
    const page = new BenchPage(await own.newPage(), own);
    await before?.(page.page);
    await page.open(this.proxy.url, options);
    return page;
  }

  /** Publishes numbers \`from..to\` to a channel, past the proxy: the backend has no bad network. */
  async publish(channel, from, to) {
    const items = [];
    for (let n = from; n <= to; n += 1) items.push({ channel, event: 'n', data: n, key: `${channel}-${n}` });
    const answer = await this.relay.post('/api/v1/publish', items, this.service);
    if (answer.status !== 202) throw new Error(`publish answered ${answer.status}: ${answer.text}`);
  }

  /** What the relay has of a channel, oldest first: the independent receiver's view. */
  async history(channel, event) {
    const headers = { authorization: `Bearer ${this.reader}` };
    const answer = await fetch(`${this.relay.url}/api/v1/history/${channel}?limit=1000`, { headers });
    if (answer.status !== 200) throw new Error(`history answered ${answer.status}: ${await answer.text()}`);
    const { publications } = await answer.json();
    return publications.filter((one) => one.event === event).map((one) => one.data);
  }

  /** Lets a page load from this process while its network is away, as a service worker would. */
  async serveOffline(page) {
    // What does not come from an address has no right to this machine's, says Chromium, unless somebody grants it.
    await page.context().grantPermissions(['local-network-access']);
    await page.route((url) => url.pathname === '/' || url.pathname.startsWith('/package/'), (route) => {
      const { pathname } = new URL(route.request().url());
      return route.fulfill({ path: join(this.#www, pathname === '/' ? 'index.html' : pathname) });
    });
  }

  /** One figure of the relay's metrics, as an operator sees it. */
  async metric(name) {
    const text = await (await fetch(`${this.relay.url}/metrics`)).text();
    const line = text.split('\n').find((entry) => entry.startsWith(`${name} `));
    if (line === undefined) throw new Error(`no metric ${name} in:\n${text}`);
    return Number(line.slice(name.length + 1));
  }
}

export class BenchPage {
  /** WebSockets the page made. */
  sockets = 0;
  complaints = [];

  constructor(page, context) {
    this.page = page;
    this.context = context;
    page.on('websocket', () => (this.sockets += 1));
    page.on('pageerror', (error) => this.complaints.push(`uncaught: ${error.message}`));
  }

  async open(url, options) {
    this.url = url;
    this.options = { user: 'ana', ...options };
    await this.page.goto(url);
    await this.start();
  }
  async start() {
    await this.page.waitForFunction(() => window.bench !== undefined);
    await this.page.evaluate((options) => window.bench.start(options), this.options);
  }
  async reload() {
    await this.page.reload();
    await this.start();
  }

  read(name) {
    return this.page.evaluate((key) => window.bench[key], name);
  }
  state() {
    return this.page.evaluate(() => window.bench.client.connection.get().state);
  }
  async is(state, timeoutMs = 15_000) {
    await eventually(`the page is ${state}`, async () => (await this.state()) === state, timeoutMs);
  }
  async isNot(state, timeoutMs = 15_000) {
    await eventually(`the page is no longer ${state}`, async () => (await this.state()) !== state, timeoutMs);
  }
  /** Waits until as many numbers came, then says what is wrong with them: nothing, if all are there, once, in order. */
  async has(count, timeoutMs = 15_000) {
    await eventually(`${count} numbers came`, async () => (await this.page.evaluate(() => window.bench.numbers.length)) >= count, timeoutMs);
    const numbers = await this.read('numbers');
    const wrong = numbers.findIndex((n, index) => n !== index + 1);
    if (wrong >= 0 || numbers.length !== count) {
      throw new Error(`wanted 1 to ${count}, once each and in order; got ${numbers.length}, wrong at ${wrong}: …${numbers.slice(Math.max(0, wrong - 3), wrong + 4)}…`);
    }
  }
  /** How many messages the browser keeps for the next life of the page, as another reader of its database sees it. */
  kept() {
    return this.page.evaluate(
      () =>
        new Promise((resolve, reject) => {
          const opening = indexedDB.open('pulsewire-outbox');
          opening.onerror = () => reject(opening.error);
          opening.onsuccess = () => {
            const database = opening.result;
            const counting = database.transaction('messages').objectStore('messages').count();
            counting.onerror = () => reject(counting.error);
            counting.onsuccess = () => {
              database.close();
              resolve(counting.result);
            };
          };
        }),
    );
  }
  close() {
    return this.context.close();
  }
}
