/**
 * Takes pictures of the gallery, and runs axe on each: `node test/gallery/shots.mjs DIRECTORY [CHROMIUM] [NAME…]`. For looking at; nothing is
 * compared, but what axe finds, and what the page throws, fails.
 *
 * Vite serves the page on a free port of the loopback, and everything started here is stopped here.
 */
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { createServer } from 'vite';

const [directory = 'shots', executablePath = '/usr/bin/chromium', ...names] = process.argv.slice(2);
const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const here = dirname(fileURLToPath(import.meta.url));
mkdirSync(directory, { recursive: true });

const server = await createServer({
  root: here,
  configFile: false,
  logLevel: 'error',
  server: { host: '127.0.0.1', port: 0, fs: { allow: [join(here, '../..')] } },
});
await server.listen();
const base = server.resolvedUrls.local[0];
const browser = await chromium.launch({
  executablePath,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-component-update', '--disable-sync'],
});

const shots = [
  { name: 'desktop-light', width: 1280, query: 'theme=light' },
  { name: 'desktop-dark-pt', width: 1280, query: 'theme=dark&lang=pt-BR' },
  { name: 'desktop-toasts', width: 1280, height: 800, query: 'theme=light&show=toasts' },
  { name: 'desktop-banner-dark', width: 1280, height: 800, query: 'theme=dark&show=banner' },
  { name: 'desktop-pointer', width: 1280, height: 1_200, query: 'theme=light', hover: 'pulsewire-chart[device=d2]' },
  { name: 'people-light', width: 1280, query: 'theme=light&only=people' },
  { name: 'people-dark-pt', width: 1280, query: 'theme=dark&lang=pt-BR&only=people' },
  { name: 'people-phone-light-pt', width: 390, query: 'theme=light&lang=pt-BR&only=people' },
  { name: 'people-phone-dark', width: 390, query: 'theme=dark&only=people' },
  { name: 'desktop-storm', width: 1280, height: 800, query: 'theme=light&show=storm' },
  { name: 'phone-storm-dark-pt', width: 390, height: 800, query: 'theme=dark&lang=pt-BR&show=storm&open' },
  { name: 'desktop-viewers', width: 1280, height: 800, query: 'theme=light&show=viewers' },
  { name: 'desktop-devtools', width: 1280, height: 800, query: 'theme=light&show=devtools' },
  { name: 'phone-devtools-dark', width: 390, height: 800, query: 'theme=dark&show=devtools', dark: true },
  { name: 'phone-light-pt', width: 390, query: 'theme=light&lang=pt-BR' },
  { name: 'phone-dark', width: 390, query: 'theme=dark' },
  { name: 'phone-charts-dark', width: 390, height: 1_500, scroll: 1_000, query: 'theme=dark' },
  { name: 'phone-lists-pt', width: 390, height: 1_300, scroll: 2_350, query: 'theme=light&lang=pt-BR' },
  { name: 'phone-banner', width: 390, height: 800, query: 'theme=light&show=banner' },
];
let failed = 0;
try {
  for (const { name, width, height, query, scroll = 0, hover, dark } of shots) {
    if (names.length > 0 && !names.some(part => name.includes(part))) continue;
    const page = await browser.newPage({
      colorScheme: dark ? 'dark' : 'light',
      viewport: { width, height: height ?? (width < 500 ? 3_600 : 2_100) },
      deviceScaleFactor: width < 500 ? 2 : 1,
    });
    page.on('pageerror', error => {
      failed++;
      process.stderr.write(`${name}: ${error.stack}\n`);
    });
    page.on('console', message => {
      if (message.type() === 'error') process.stderr.write(`${name}: ${message.text()}\n`);
    });
    await page.goto(`${base}?${query}`);
    await page.waitForFunction(() => document.title === 'ready');
    await page.evaluate(top => scrollTo(0, top), scroll);
    await page.waitForTimeout(1_200);
    if (hover) await page.hover(hover);
    if (hover) await page.waitForTimeout(300);
    await page.addScriptTag({ path: axe });
    const { violations } = await page.evaluate(() =>
      window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'], resultTypes: ['violations'] }),
    );
    failed += violations.length;
    for (const { id, help, nodes } of violations) {
      process.stderr.write(`${name}: ${id}: ${help}\n`);
      for (const { target, failureSummary } of nodes.slice(0, 4)) process.stderr.write(`    ${JSON.stringify(target)} ${failureSummary}\n`);
    }
    await page.screenshot({ path: join(directory, `${name}.png`), fullPage: height === undefined });
    await page.close();
  }
} finally {
  await browser.close();
  await server.close();
}
if (failed > 0) process.exitCode = 1;
