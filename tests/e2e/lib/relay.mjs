/**
 * A real relay for a test: started on a free port, stopped by its own process id, its log kept for when something fails.
 *
 * The binary is `PULSEWIRE_RELAY_BIN`, else the repository's release or debug build; the page is `PULSEWIRE_WWW_DIR`, else `www/build`.
 */
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../../', import.meta.url));

function first(what, ...paths) {
  const found = paths.find((path) => path && existsSync(path));
  if (!found) throw new Error(`no ${what}: looked for ${paths.filter(Boolean).join(', ')}. \`cargo xtask build\` makes it.`);
  return found;
}

const binary = () =>
  first('relay binary', process.env.PULSEWIRE_RELAY_BIN, `${root}target/release/pulsewire-relay`, `${root}target/debug/pulsewire-relay`);
const pages = () => first('demo page', process.env.PULSEWIRE_WWW_DIR, `${root}www/build`);

/** Of the surroundings only what a process needs: no `PULSEWIRE_…` of the developer's shell changes a test. */
function environment(extra) {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('PULSEWIRE_'));
  return { ...Object.fromEntries(kept), PULSEWIRE_LOG: 'info', ...extra };
}

/** Signs a token as an operator would: `pulsewire-relay token`. */
export async function token({ sub, tenant = 'demo', role, subscribe = [], publish = [], ttl, secret }) {
  const args = ['token', '--sub', sub, '--tenant', tenant];
  if (!secret) args.push('--dev');
  if (role) args.push('--role', role);
  for (const pattern of subscribe) args.push('--subscribe', pattern);
  for (const pattern of publish) args.push('--publish', pattern);
  if (ttl) args.push('--ttl', ttl);
  const { stdout } = await run(binary(), args, { env: environment(secret ? { PULSEWIRE_JWT_SECRET: secret } : {}) });
  return stdout.trim();
}

/** The worker of `examples/worker-node` against a relay: its own process, the public HTTP API alone. */
export class Worker {
  static async start(relay, { stepMs = 300 } = {}) {
    const worker = new Worker();
    const bearer = await token({ sub: 'worker', role: 'service' });
    worker.child = spawn(process.execPath, [`${root}examples/worker-node/worker.mjs`], {
      env: environment({ PULSEWIRE_URL: relay.url, PULSEWIRE_TOKEN: bearer, STEP_MS: String(stepMs), STOP_WITH_PARENT: '1' }),
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    worker.ended = new Promise((resolve) => worker.child.once('exit', resolve));
    return worker;
  }

  async stop() {
    this.child.kill('SIGTERM');
    await this.ended;
  }
}

export class Relay {
  /** @param {{ args?: string[], env?: Record<string, string>, port?: number, www?: string }} options */
  static async start(options = {}) {
    const relay = new Relay(options);
    await relay.#start(options.port ?? 0);
    return relay;
  }

  constructor({ args = [], env = {}, www = pages() }) {
    this.args = args;
    this.www = www;
    this.env = env;
    this.log = '';
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Ends the process at once, as a power cut would. */
  async kill() {
    await this.#end('SIGKILL');
  }

  /** Asks it to drain and stop; ends it where it does not within 12 s. */
  async stop() {
    await this.#end('SIGTERM');
  }

  /** A new process on the same port. */
  async startAgain() {
    await this.#start(this.port);
  }

  async post(path, body, bearer) {
    const answer = await fetch(this.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }) },
      body: JSON.stringify(body),
    });
    const text = await answer.text();
    let json;
    try {
      json = JSON.parse(text);
    } catch {
      json = undefined;
    }
    return { status: answer.status, type: answer.headers.get('content-type') ?? '', text, json };
  }

  /** Posts and insists that the relay accepted it. */
  async ingest(path, body, bearer) {
    const answer = await this.post(`/api/v1/devices/${path}`, body, bearer);
    if (answer.status !== 202) throw new Error(`POST ${path} answered ${answer.status}: ${answer.text}`);
    return answer.json;
  }

  async #start(port) {
    const child = spawn(binary(), ['--dev', '--www', this.www, '--listen', `127.0.0.1:${port}`, ...this.args], {
      env: environment(this.env),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    this.ended = new Promise((resolve) => child.once('exit', resolve));
    child.stderr.setEncoding('utf8').on('data', (text) => {
      this.log = (this.log + text).slice(-200_000);
    });
    const line = await new Promise((resolve, reject) => {
      let seen = '';
      const patience = setTimeout(() => reject(new Error(`the relay said nothing within 15 s; its log:\n${this.log}`)), 15_000);
      child.stdout.setEncoding('utf8').on('data', (text) => {
        seen += text;
        const end = seen.indexOf('\n');
        if (end >= 0) {
          clearTimeout(patience);
          resolve(seen.slice(0, end));
        }
      });
      child.once('exit', (code) => {
        clearTimeout(patience);
        reject(new Error(`the relay ended with ${code} before it listened; its log:\n${this.log}`));
      });
      child.once('error', reject);
    });
    const match = /^listening on http:\/\/127\.0\.0\.1:(\d+)$/.exec(line);
    if (!match) throw new Error(`the relay's first line is ${JSON.stringify(line)}`);
    this.port = Number(match[1]);
  }

  async #end(signal) {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill(signal);
    const late = setTimeout(() => this.child.kill('SIGKILL'), 12_000);
    await this.ended;
    clearTimeout(late);
  }
}
