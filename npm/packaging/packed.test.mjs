// The packed tarball, installed as a user installs it: in plain Node, to the TypeScript compiler, on a plain page, and in a Vite app.
//
// The quick part; `cargo xtask test --only packaging-matrix` takes npm/examples through every bundler and framework.
//
// Needs target/npm/pulsewire.tgz (`npm run pack`) and Chromium (PULSEWIRE_CHROMIUM, /usr/bin/chromium by default).
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { build, preview } from 'vite';
import { startRelay } from './relay.mjs';

const npm = dirname(dirname(fileURLToPath(import.meta.url)));
const tarball = join(dirname(npm), 'target/npm/pulsewire.tgz');
const app = join(dirname(npm), 'target/npm/packaging');
let relay;

/** What every page and program of these tests does. */
const PROGRAM = `
  const part = value => btoa(JSON.stringify(value)).replace(/=+$/, '').replace(/\\+/g, '-').replace(/\\//g, '_');
  const token = [part({ alg: 'HS256' }), part({ sub: 'ana', tenant: 'ward', exp: Date.now() / 1000 + 3600 }), 'sig'].join('.');
  export async function run(createPulsewire, options) {
    const client = createPulsewire({ getToken: () => token, ...options });
    const points = client.telemetry('bed-1', 'heart_rate');
    await client.connect();
    const until = Date.now() + 8000;
    while (points.view().t.length < 3 || client.deviceStatuses.get()['bed-1'] === undefined) {
      if (Date.now() > until) throw new Error('nothing came: ' + JSON.stringify(client.connection.get()));
      await new Promise(resolve => setTimeout(resolve, 20));
    }
    const seen = { state: client.connection.get().state, values: [...points.view().v], status: client.deviceStatuses.get()['bed-1'].status };
    client.destroy();
    return seen;
  }
`;
const SEEN = { state: 'connected', values: [70, 71, 72], status: 'online' };

before(async () => {
  assert.ok(existsSync(tarball), `${tarball} is missing: npm run build && npm run pack`);
  rmSync(app, { recursive: true, force: true });
  mkdirSync(join(app, 'node_modules'), { recursive: true });
  const installed = spawnSync('tar', ['-xzf', tarball, '-C', join(app, 'node_modules')], { encoding: 'utf8' });
  assert.equal(installed.status, 0, installed.stderr);
  // What \`npm install\` does with a package that has no dependencies.
  symlinkSync(join(app, 'node_modules/package'), join(app, 'node_modules/pulsewire'));
  symlinkSync(join(npm, 'node_modules/ws'), join(app, 'node_modules/ws'));
  writeFileSync(join(app, 'package.json'), JSON.stringify({ name: 'app', private: true, type: 'module' }));
  writeFileSync(join(app, 'program.js'), PROGRAM);
  relay = await startRelay();
});
after(() => relay?.stop());

test('plain Node connects with the package ws and reads zero-copy points', () => {
  writeFileSync(
    join(app, 'node.js'),
    `import { createPulsewire } from 'pulsewire';
     import WebSocket from 'ws';
     import { run } from './program.js';
     console.log(JSON.stringify(await run(createPulsewire, { url: process.env.URL, WebSocket })));`,
  );
  return new Promise((resolve, reject) => {
    // Not spawnSync: the relay lives in this process.
    execFile(
      process.execPath,
      ['node.js'],
      { cwd: app, env: { ...process.env, URL: relay.url }, timeout: 20_000 },
      (error, stdout, stderr) => {
        if (error) return reject(new Error(`${error.message}\n${stderr}`));
        resolve(assert.deepEqual(JSON.parse(stdout), SEEN));
      },
    );
  });
});

test('importing every entry on a server runs nothing and loads no wasm', () => {
  const program = `
    globalThis.fetch = () => { throw new Error('fetched'); };
    WebAssembly.compile = WebAssembly.instantiate = () => { throw new Error('instantiated'); };
    const { createPulsewire } = await import('pulsewire');
    await import('pulsewire/elements');
    await import('pulsewire/query');
    createPulsewire().connection.get();`;
  const done = spawnSync(process.execPath, ['--input-type=module', '--eval', program], { cwd: app, encoding: 'utf8', timeout: 20_000 });
  assert.equal(done.status, 0, done.stderr);
});

test('the fake relay of the package serves the client of the package, in plain Node', () => {
  const program = `
    import { createPulsewire } from 'pulsewire';
    import { createFakeRelay } from 'pulsewire/testing';
    const relay = createFakeRelay();
    const client = createPulsewire({ url: 'ws://relay.test/ws', WebSocket: relay.WebSocket, getToken: () => relay.token(), polling: false });
    await client.connect();
    const heard = new Promise(resolve => client.channel('bed:4').on('moved', ({ data }) => resolve(data.to)));
    while (!relay.subscriptions.includes('bed:4')) await new Promise(resolve => setTimeout(resolve, 5));
    relay.publish('bed:4', 'moved', { to: 'hall' });
    console.log(await heard);
    client.destroy();`;
  const done = spawnSync(process.execPath, ['--input-type=module', '--eval', program], { cwd: app, encoding: 'utf8', timeout: 20_000 });
  assert.equal(done.status, 0, done.stderr);
  assert.equal(done.stdout.trim(), 'hall');
});

test("React's entries say that they are for the client", () => {
  for (const entry of ['react.js', 'react/elements.js']) {
    assert.match(readFileSync(join(app, 'node_modules/pulsewire/dist', entry), 'utf8'), /^'use client';/);
  }
});

test('every entry compiles without `skipLibCheck`, with the types of React and no others', () => {
  mkdirSync(join(app, 'node_modules/@types'), { recursive: true });
  for (const name of ['@types/react', 'csstype', 'react', 'svelte']) {
    const link = join(app, 'node_modules', name);
    if (!existsSync(link)) symlinkSync(join(npm, 'node_modules', name), link);
  }
  writeFileSync(
    join(app, 'entries.ts'),
    `import { createPulsewire, type Pulsewire } from 'pulsewire';
     import { openDevtools } from 'pulsewire/devtools';
     import { defineElements } from 'pulsewire/elements';
     import 'pulsewire/elements/auto';
     import { connectQueries } from 'pulsewire/query';
     import { useAlerts } from 'pulsewire/react';
     import { PulsewireChart } from 'pulsewire/react/elements';
     import { getPulsewire } from 'pulsewire/svelte';
     import { useConnection } from 'pulsewire/svelte/runes';
     import { createFakeRelay } from 'pulsewire/testing';
     export const client: Pulsewire = createPulsewire();
     export const all = [openDevtools, defineElements, connectQueries, useAlerts, PulsewireChart, getPulsewire, useConnection, createFakeRelay];
     const chart = document.createElement('pulsewire-chart');
     chart.client = client;
     chart.device = 'bed-1';
     chart.classList.add('an-html-element');
     // @ts-expect-error it is no property of the chart
     chart.divice = 'bed-1';`,
  );
  const options = ['--strict', '--target', 'es2023', '--lib', 'es2023,dom,dom.iterable', '--jsx', 'react-jsx', '--types', 'react'];
  for (const [module, resolution] of [
    ['esnext', 'bundler'],
    ['nodenext', 'nodenext'],
  ]) {
    const args = ['--noEmit', ...options, '--module', module, '--moduleResolution', resolution, 'entries.ts'];
    const done = spawnSync(process.execPath, [join(npm, 'node_modules/typescript/bin/tsc'), ...args], { cwd: app, encoding: 'utf8' });
    assert.equal(done.status, 0, `${module}: ${done.stdout}`);
  }
});

/** Opens a page in Chromium and gives what it says. */
async function open(url, scenario) {
  const browser = await chromium.launch({
    executablePath: process.env.PULSEWIRE_CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  try {
    const page = await browser.newPage();
    await scenario?.(page);
    await page.goto(url);
    await page.waitForFunction(() => globalThis.done !== undefined, undefined, { timeout: 15_000 });
    return await page.evaluate(() => globalThis.done);
  } finally {
    await browser.close();
  }
}

async function vite(csp) {
  const meta = csp === undefined ? '' : `<meta http-equiv="Content-Security-Policy" content="${csp}">`;
  writeFileSync(join(app, 'index.html'), `<!doctype html>${meta}<script type="module" src="./main.js"></script>`);
  writeFileSync(
    join(app, 'main.js'),
    `import { createPulsewire } from 'pulsewire';
     import { run } from './program.js';
     run(createPulsewire, { url: ${JSON.stringify(relay.url)} }).then(seen => { globalThis.done = seen; }, error => { globalThis.done = { name: error.name, code: error.code, message: error.message }; });`,
  );
  const config = { root: app, configFile: false, logLevel: 'error', build: { modulePreload: false } };
  await build(config);
  const server = await preview({ ...config, preview: { port: 0, host: '127.0.0.1', strictPort: false } });
  return { url: server.resolvedUrls.local[0], stop: () => new Promise(resolve => server.httpServer.close(resolve)) };
}

test('a Vite build carries the wasm as a file of its own and runs in Chromium', async () => {
  const served = await vite();
  try {
    assert.ok(
      readdirSync(join(app, 'dist/assets')).some(name => name.endsWith('.wasm')),
      'the wasm is an asset',
    );
    const fetched = [];
    const seen = await open(served.url, page => page.on('request', request => void fetched.push(request.url())));
    assert.deepEqual(seen, SEEN);
    assert.ok(
      fetched.some(url => url.endsWith('.wasm')),
      'loaded by its file',
    );
    assert.ok(!fetched.some(url => url.includes('base64')), 'the fallback was not needed');
  } finally {
    await served.stop();
  }
});

test('where the wasm file cannot be fetched, the embedded copy serves', async () => {
  const served = await vite();
  try {
    assert.deepEqual(await open(served.url, page => page.route('**/*.wasm', route => route.abort())), SEEN);
  } finally {
    await served.stop();
  }
});

test('a policy without wasm-unsafe-eval is named in the error', async () => {
  const served = await vite("script-src 'self'");
  try {
    const error = await open(served.url);
    assert.equal(error.name, 'WasmBlockedError');
    assert.match(error.message, /wasm-unsafe-eval/);
  } finally {
    await served.stop();
  }
});

test('npm/examples/plain is live without any build step, under its own policy', async () => {
  const folder = join(app, 'plain');
  cpSync(join(npm, 'examples/plain'), folder, { recursive: true, filter: path => !path.includes('node_modules') });
  cpSync(join(app, 'node_modules/package'), join(folder, 'node_modules/pulsewire'), { recursive: true });
  const served = await startRelay(folder);
  try {
    const complaints = [];
    const shown = await open(served.page, async page => {
      page.on('console', message => ['error', 'warning'].includes(message.type()) && complaints.push(message.text()));
      page.on('pageerror', error => complaints.push(error.message));
      await page.addInitScript(() => {
        const look = () => {
          const rate = document.getElementById('rate')?.textContent;
          const canvas = document.querySelector('pulsewire-chart')?.shadowRoot?.querySelector('canvas');
          if (canvas && /\d/.test(rate ?? '')) globalThis.done = rate;
          else requestAnimationFrame(look);
        };
        look();
      });
    });
    assert.equal(shown, '72');
    assert.deepEqual(complaints, []);
  } finally {
    served.stop();
  }
});
