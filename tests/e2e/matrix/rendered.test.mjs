// Apps that are rendered on a server first: the HTML has sensible first content, the server touches no WebAssembly, hydration mends nothing.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../lib/eventually.mjs';
import { launch } from '../lib/browser.mjs';
import { installed, startRelay } from './lib/app.mjs';
import { isLive, opened, rate, showsAnAlert } from './lib/live.mjs';

const next = (mode, ...flags) => ({ command: 'next', args: [mode, '--port', '{port}', '--hostname', '127.0.0.1', ...flags] });
const APPS = [
  { name: 'nextjs', how: 'built by Turbopack', build: 'build', ...next('start') },
  { name: 'nextjs', how: 'built by webpack', build: 'build:webpack', ...next('start') },
  { name: 'nextjs', how: 'in development', ...next('dev'), dev: true },
  { name: 'sveltekit', how: 'built', build: 'build', command: 'node', args: ['build'] },
  { name: 'sveltekit', how: 'in development', command: 'vite', args: ['dev', '--port', '{port}', '--strictPort', '--host', '127.0.0.1'], dev: true },
];

let browser;
let relay;
before(async () => {
  browser = await launch();
  relay = await startRelay();
});
after(async () => {
  await relay?.stop();
  await browser?.close();
});

for (const { name, how, build, command, args, dev } of APPS) {
  describe(`${name}, ${how}`, () => {
    let served;
    before(async () => {
      const app = installed(name);
      if (build) app.run(build);
      served = await app.serve(command, args, { PULSEWIRE_URL: `${relay.url.replace('http', 'ws')}/ws` });
    });
    after(() => served?.stop());

    test('the server sends the page with its first state, and touches neither WebAssembly nor socket', async () => {
      const answer = await fetch(`${served.url}/beds/bed-1`);
      const html = (await answer.text()).replace(/<!--.*?-->/g, '');
      assert.equal(answer.status, 200);
      assert.match(html, /<h1[^>]*>bed-1<\/h1>/);
      assert.match(html, /<output id="state">idle<\/output>/);
      assert.match(html, /Monitor unknown,\s*<output id="rate">–<\/output> bpm/);
      assert.match(html, /<pulsewire-chart/);
      assert.equal(served.trips(), '');
    });

    test('is live once it is hydrated, without a word in the console', async () => {
      const seen = await opened(browser, `${served.url}/beds/bed-1`);
      await isLive(seen, { file: !dev });
      await seen.close();
    });

    test('follows the route without a reload, and shows an alert', async () => {
      const seen = await opened(browser, `${served.url}/beds/bed-1`);
      const { page } = seen;
      await eventually('bed 1 has a heart rate', async () => /^\d+$/.test((await rate(page)) ?? ''), 20_000);
      await page.evaluate(() => {
        window.neverReloaded = true;
      });
      await page.getByRole('link', { name: 'All beds' }).click();
      await page.getByRole('heading', { name: 'Ward' }).waitFor();
      await showsAnAlert(page, relay);
      await page.getByRole('link', { name: 'bed-3' }).click();
      await page.getByRole('heading', { name: 'bed-3' }).waitFor();
      await isLive(seen, { file: !dev });
      assert.equal(await page.evaluate(() => window.neverReloaded), true);
      await seen.close();
    });

    if (!dev) {
      test('is live from the embedded copy where the file cannot be had', async () => {
        const seen = await opened(browser, `${served.url}/beds/bed-1`, { noWasmFile: true });
        await isLive(seen, { file: false });
        await seen.close();
      });
    }
  });
}
