// Apps that are files once they are built: the relay itself serves them, as an operator may do it.
import { after, before, describe, test } from 'node:test';
import { join } from 'node:path';
import { launch } from '../lib/browser.mjs';
import { installed, startRelay } from './lib/app.mjs';
import { isLive, opened, showsAnAlert } from './lib/live.mjs';

const APPS = [
  { name: 'plain', build: undefined, out: '.' },
  { name: 'webpack', build: 'build', out: 'dist' },
  { name: 'vite-react', build: 'build', out: 'dist' },
];

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

for (const { name, build, out } of APPS) {
  describe(name, () => {
    let relay;
    before(async () => {
      const app = installed(name);
      if (build) app.run(build);
      relay = await startRelay(join(app.folder, out));
    });
    after(() => relay?.stop());

    test('is live when it is opened, with the wasm as a file', async () => {
      const seen = await opened(browser, relay.url);
      await isLive(seen);
      await showsAnAlert(seen.page, relay);
      await seen.close();
    });

    test('is live from the embedded copy where the file cannot be had', async () => {
      const seen = await opened(browser, relay.url, { noWasmFile: true });
      await isLive(seen, { file: false });
      await seen.close();
    });
  });
}

describe('vite-react, from the development server', () => {
  let relay;
  let dev;
  before(async () => {
    relay = await startRelay();
    dev = await installed('vite-react').serve('vite', ['--port', '{port}', '--strictPort', '--host', '127.0.0.1'], { RELAY: relay.url });
  });
  after(async () => {
    await dev?.stop();
    await relay?.stop();
  });

  test('is live in StrictMode, through the proxy of the development server', async () => {
    const seen = await opened(browser, dev.url);
    await isLive(seen, { file: false });
    await showsAnAlert(seen.page, relay);
    await seen.close();
  });
});
