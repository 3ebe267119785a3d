/**
 * Measures what eight live ECGs of 250 Hz cost: `node test/gallery/frame-cost.mjs [CHROMIUM]`. Prints main-thread milliseconds per frame.
 *
 * Frames per second would measure software drawing here; the main thread's time is what a page feels. The same page without charts is
 * measured too and taken off, because the fake client that feeds it is not what is asked about.
 */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { createServer } from 'vite';

const [executablePath = '/usr/bin/chromium'] = process.argv.slice(2);
const here = dirname(fileURLToPath(import.meta.url));
const SECONDS = 6;

const server = await createServer({
  root: here,
  configFile: false,
  logLevel: 'error',
  server: { host: '127.0.0.1', port: 0, fs: { allow: [join(here, '../..')] } },
});
await server.listen();
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-quic'] });

async function cost(show) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 2_200 } });
  await page.goto(`${server.resolvedUrls.local[0]}?theme=light&show=${show}`);
  await page.waitForFunction(() => document.title === 'ready');
  await page.waitForTimeout(11_000);
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable');
  const read = async () =>
    Object.fromEntries((await session.send('Performance.getMetrics')).metrics.map(({ name, value }) => [name, value]));
  await page.evaluate(() => {
    window.frames_ = 0;
    const count = () => {
      window.frames_++;
      requestAnimationFrame(count);
    };
    requestAnimationFrame(count);
  });
  const before = await read();
  await page.waitForTimeout(SECONDS * 1_000);
  const after = await read();
  const frames = await page.evaluate(() => window.frames_);
  await page.close();
  const perFrame = name => ((after[name] - before[name]) * 1_000) / frames;
  return { frames: frames / SECONDS, task: perFrame('TaskDuration'), script: perFrame('ScriptDuration') };
}

try {
  const fed = await cost('fed');
  const moving = await cost('moving');
  const line = (name, { frames, task, script }) =>
    `${name}: ${frames.toFixed(0)} frames/s, ${task.toFixed(2)} ms task, ${script.toFixed(2)} ms script per frame\n`;
  process.stdout.write(line('feed alone ', fed) + line('eight ECGs ', moving));
  process.stdout.write(
    `elements: ${(moving.task - fed.task).toFixed(2)} ms of main thread per frame (${(moving.script - fed.script).toFixed(2)} ms script)\n`,
  );
} finally {
  await browser.close();
  await server.close();
}
