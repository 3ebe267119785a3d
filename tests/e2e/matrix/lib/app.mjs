/**
 * An example of npm/examples as a stranger's app: copied out of the repository, installed with npm from the packed tarball, built, served.
 *
 * What was installed from the registry stays in the cache (`PULSEWIRE_CACHE`, outside `target/`) until the example's `package.json`
 * changes. The package itself is installed anew each time, and no build cache is kept: bundlers take a package of the same version for the same.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Relay } from '../../lib/relay.mjs';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const tarball = process.env.PULSEWIRE_PACKAGE ?? join(root, 'target/npm/pulsewire.tgz');
const cache = process.env.PULSEWIRE_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'pulsewire');
const tripwire = new URL('./tripwire.mjs', import.meta.url).href;

/** Surroundings of a child: quiet, and without what is meant for the relay of another test. */
const environment = extra => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('PULSEWIRE_') && name !== 'NODE_ENV')),
  NEXT_TELEMETRY_DISABLED: '1',
  CI: '1',
  ...extra,
});

function run(folder, command, args, env = {}) {
  const done = spawnSync(command, args, { cwd: folder, encoding: 'utf8', env: environment(env), timeout: 540_000, maxBuffer: 1 << 26 });
  if (done.error) throw done.error;
  if (done.status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${done.status} in ${folder}\n${done.stdout}\n${done.stderr}`);
  return done.stdout + done.stderr;
}

/** A relay with a simulated ward; it serves the files of a built app, where there is one. */
export const startRelay = (www = join(root, 'npm/examples/plain')) => Relay.start({ args: ['--simulate', '4'], www });

const apps = new Map();

/** Copies and installs an example, once in a run; gives its folder and what can be done with it. */
export function installed(name) {
  if (!apps.has(name)) apps.set(name, install(name));
  return apps.get(name);
}

function install(name) {
  if (!existsSync(tarball)) throw new Error(`${tarball} is missing: \`cargo xtask build npm\` makes it`);
  const source = join(root, 'npm/examples', name);
  const folder = join(cache, 'examples', name);
  const wanted = createHash('sha256').update(readFileSync(join(source, 'package.json'))).digest('hex');
  const stamp = join(folder, 'installed');
  const fresh = existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted;
  mkdirSync(folder, { recursive: true });
  for (const entry of readdirSync(folder)) if (!fresh || entry !== 'node_modules') rmSync(join(folder, entry), { recursive: true, force: true });
  for (const left of ['.vite', '.cache', 'pulsewire']) rmSync(join(folder, 'node_modules', left), { recursive: true, force: true });
  // Whoever tried the example in the repository has left these there.
  const own = path => !/[\\/](node_modules|dist|build|\.next|\.svelte-kit)$/.test(path);
  cpSync(source, folder, { recursive: true, filter: own });
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  manifest.dependencies.pulsewire = `file:${tarball}`;
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest, null, 2));
  // No script of a package is run: binaries come as packages of their own.
  run(folder, 'npm', ['install', '--ignore-scripts', '--no-package-lock', '--no-progress', '--prefer-offline']);
  writeFileSync(stamp, wanted);
  return {
    folder,
    run: (script, env) => run(folder, 'npm', ['run', script], env),
    serve: (command, args, env) => serve(folder, command, args, env),
  };
}

/** Starts a program of the app that serves HTTP on a free port (`PORT`), and waits until it answers. */
async function serve(folder, command, args, env = {}) {
  const port = await freePort();
  const trips = join(folder, `trips-${port}`);
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(command === 'node' ? process.execPath : join(folder, 'node_modules/.bin', command), args.map(arg => arg.replace('{port}', port)), {
    cwd: folder,
    // A group of its own, so that its workers end with it.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: environment({
      PORT: String(port),
      HOST: '127.0.0.1',
      ORIGIN: url,
      NODE_OPTIONS: `--import ${tripwire}`,
      TRIPWIRE_FILE: trips,
      TRIPWIRE_WASM: join(folder, 'node_modules/pulsewire/wasm/pulsewire_bg.wasm'),
      ...env,
    }),
  });
  let log = '';
  let ended = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', text => {
      log = (log + text).slice(-100_000);
    });
  }
  const end = new Promise(resolve => child.once('exit', resolve)).then(() => {
    ended = true;
  });
  child.once('error', error => {
    log += error.message;
    ended = true;
  });
  const stop = async () => {
    if (!ended) process.kill(-child.pid, 'SIGKILL');
    await end;
  };
  const deadline = Date.now() + 60_000;
  for (;;) {
    if (ended) throw new Error(`${command} ended before it served:\n${log}`);
    const answers = await fetch(url).then(answer => answer.text().then(() => true), () => false);
    if (answers) break;
    if (Date.now() > deadline) {
      await stop();
      throw new Error(`${command} does not answer at ${url} within 60 s:\n${log}`);
    }
    await new Promise(resolve => setTimeout(resolve, 100));
  }
  return {
    url,
    stop,
    log: () => log,
    /** What of pulsewire's WebAssembly was touched on the server, line by line. */
    trips: () => (existsSync(trips) ? readFileSync(trips, 'utf8') : ''),
  };
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise(resolve => server.close(resolve));
  return port;
}
