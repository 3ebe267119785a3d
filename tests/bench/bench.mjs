/**
 * The same telemetry stream through pulsewire, centrifuge and socket.io-client, side by side in one run.
 *
 *     node bench.mjs [--runs 5] [--seconds 3] [--via replay|socket|burst] [--only NAME,NAME] [--json FILE]
 *
 * Each library runs in a page of its own, one after the other, in turns; the medians count. Its frames are replayed by a WebSocket inside the
 * page (pages/replay.js); with `--via burst` as fast as the page takes them, as after an interruption; with `--via socket` over a real one, where
 * the browser's own part is larger than any library's. Main-thread
 * time is Chromium's own account of the renderer's main thread, in CPU time (CDP `Performance`, thread ticks), so what a library defers
 * counts too. Allocation comes from the sampling heap profiler in runs of its own, since it slows what it looks at. A page that does not
 * end with exactly the newest 100 points of all series fails the run.
 *
 * Each server's frames are as it writes them to one client (lib/frames.mjs), and each library has the setting that its own documentation
 * recommends for such a stream as a row of its own: `WriteDelay` of Centrifugo's (the open-source library has it, the ready server only as
 * PRO), the msgpack parser of Socket.IO's. Socket.IO gathers nothing. Of pulsewire there is also a row without the relay's delay.
 *
 * The page alone is what animation frames cost; the other floor rows throw the frames away that come. Above the page is what a row costs
 * beyond that: receiving, the library, and the app's rings.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { planned } from './lib/frames.mjs';
import { named } from './lib/protocols.mjs';
import { startServer } from './lib/server.mjs';
import { DEVICES, endState, GATHER_MS, MESSAGES_PER_SECOND, POINTS } from './lib/stream.mjs';

const options = { runs: { type: 'string', default: '5' }, seconds: { type: 'string', default: '3' }, via: { type: 'string', default: 'replay' } };
const { values } = parseArgs({ options: { ...options, json: { type: 'string' }, only: { type: 'string' } } });
const runs = Number(values.runs);
const seconds = Number(values.seconds);
const burst = values.via === 'burst';
const replayed = burst || values.via === 'replay';
if (!(runs > 0 && seconds > 0 && (replayed || values.via === 'socket'))) throw new Error('--runs and --seconds are numbers over 0, --via is replay, socket or burst');
/** A monitoring page stays open for days: before it is looked at, so many messages have come as fast as it takes them (over a real
 * socket fewer, so that none is still on its way then). */
const WARM = values.via === 'socket' ? 2_000 : 20_000;
const SETTLE_MS = 1_500;
const SAMPLING_BYTES = 2_048;
/** Of a burst, of which the first part is the warm-up. */
const BURST = 30_000;
const BURST_WARM = 10_000;

const here = fileURLToPath(new URL('.', import.meta.url));
const tarball = process.env.PULSEWIRE_PACKAGE ?? join(here, '../../target/npm/pulsewire.tgz');

const PAGE = 'the page alone';
const ALL_LANES = [
  { name: PAGE, library: 'none' },
  { name: 'CBOR thrown away', library: 'bare', protocol: 'bare-pulsewire', gatherMs: GATHER_MS },
  { name: 'JSON thrown away', library: 'bare', protocol: 'bare-socketio' },
  { name: 'pulsewire', library: 'pulsewire', protocol: 'pulsewire', gatherMs: GATHER_MS },
  { name: 'pulsewire without delay', library: 'pulsewire', protocol: 'pulsewire' },
  { name: 'centrifuge', library: 'centrifuge', protocol: 'centrifuge' },
  { name: 'centrifuge with delay', library: 'centrifuge', protocol: 'centrifuge', gatherMs: GATHER_MS },
  { name: 'socket.io-client', library: 'socketio', protocol: 'socketio' },
  { name: 'socket.io with msgpack', library: 'socketioMsgpack', protocol: 'socketioMsgpack' },
]
  // Of what is there at once, a delay makes no difference.
  .filter(({ name }) => !burst || !(name === PAGE || name.endsWith('delay')))
  // Over a real socket the server here does not get that one going: it is only replayed.
  .filter(({ library }) => replayed || library !== 'socketioMsgpack');
const LANES = ALL_LANES.filter(({ name }) => name === PAGE || values.only === undefined || values.only.split(',').includes(name));

const median = numbers => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
const pause = ms => new Promise(resolve => setTimeout(resolve, ms));

/** Bundles the pages and unpacks the package; gives the folder, and what of it is served where. */
async function prepare() {
  const folder = mkdtempSync(join(tmpdir(), 'pulsewire-bench-'));
  const unpacked = spawnSync('tar', ['-xzf', tarball, '-C', folder], { encoding: 'utf8' });
  if (unpacked.status !== 0) throw new Error(`${tarball} cannot be unpacked (\`cargo xtask build npm\` makes it): ${unpacked.stderr}`);
  await build({
    entryPoints: [join(here, 'pages/libraries.js'), join(here, 'pages/replay.js'), join(here, 'pages/replay-worker.js')],
    outdir: join(folder, 'built'),
    bundle: true,
    format: 'esm',
    target: 'es2022',
    minify: true,
    external: ['/pulsewire/*'],
    define: { 'process.env.NODE_ENV': '"production"' },
    logLevel: 'warning',
  });
  return { folder, folders: { '/pulsewire/': join(folder, 'package'), '/built/': join(folder, 'built'), '/': join(here, 'pages') } };
}

/** One page through the stream; `profile` samples allocation in place of measuring time. */
async function pass(browser, server, lane, profile) {
  // Enough for the whole pass, with a little that is sent after the last look.
  const total = burst ? BURST : WARM + Math.round((SETTLE_MS / 1_000 + seconds) * MESSAGES_PER_SECOND) + 400;
  const stream = { total, atOnce: burst ? BURST : WARM, perSecond: MESSAGES_PER_SECOND, gatherMs: lane.gatherMs };
  const frames = burst ? planned(named(lane.protocol), stream) : [];
  const plan = replayed || lane.protocol === undefined ? undefined : server.prepare(named(lane.protocol), stream);
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    const errors = [];
    page.on('pageerror', error => errors.push(error.message));
    await page.goto(`${server.url}/index.html`);
    const opened = Date.now();
    // A page that gets nothing is measured for as long, and counted as the others are.
    const nothing = () => Math.round(((Date.now() - opened) * MESSAGES_PER_SECOND) / 1_000);
    const sent = lane.protocol === undefined ? nothing : plan ? plan.sent : () => page.evaluate(() => globalThis.replay?.sent ?? 0);
    const cdp = await context.newCDPSession(page);
    await cdp.send('Performance.enable', { timeDomain: 'threadTicks' });
    await page.evaluate(
      async ([library, protocol, stream]) => {
        if (protocol) await (await import('/built/replay.js')).replayInstead(protocol, stream);
        (await import('/built/libraries.js')).start(library);
      },
      [lane.library, replayed ? lane.protocol : '', stream],
    );
    const started = Date.now();
    while ((await sent()) === 0) {
      if (Date.now() - started > 20_000) throw new Error(`${lane.name} did not subscribe within 20 s: ${errors.join('; ')}`);
      await pause(5);
    }
    const reached = async count => {
      await page.evaluate(count => globalThis.replay.release(count), count);
      // To the end of the last frame that is whole by then.
      const whole = frames.findLast(({ upTo }) => upTo <= count).upTo;
      while ((await sent()) < whole) await pause(5);
    };
    if (lane.protocol !== undefined && !burst) while ((await sent()) <= WARM) await pause(20);
    await (burst ? reached(BURST_WARM) : pause(SETTLE_MS));
    if (!burst) await cdp.send('HeapProfiler.collectGarbage');
    const look = async () => {
      const at = await sent();
      const { metrics } = await cdp.send('Performance.getMetrics');
      const of = name => metrics.find(metric => metric.name === name).value * 1_000_000;
      return { sent: at, task: of('TaskDuration'), script: of('ScriptDuration') };
    };
    const collected = { includeObjectsCollectedByMajorGC: true, includeObjectsCollectedByMinorGC: true };
    if (profile) await cdp.send('HeapProfiler.startSampling', { samplingInterval: SAMPLING_BYTES, ...collected });
    const before = await look();
    await (burst ? reached(BURST) : pause(seconds * 1_000));
    const after = await look();
    const allocated = profile ? bytesOf((await cdp.send('HeapProfiler.stopSampling')).profile.head) : 0;
    if (lane.library !== 'bare' && lane.library !== 'none') await endsRight(page, lane, total);
    assert.deepEqual(errors, [], lane.name);
    const thousands = ((after.sent - before.sent) * POINTS) / 1_000;
    return {
      task: (after.task - before.task) / thousands,
      script: (after.script - before.script) / thousands,
      allocated: allocated / 1_024 / thousands,
    };
  } finally {
    await context.close();
  }
}

const bytesOf = node => node.selfSize + node.children.reduce((sum, child) => sum + bytesOf(child), 0);

/** Waits for the last message, and compares every series with what was sent. */
async function endsRight(page, lane, total) {
  const wanted = endState(total);
  const last = `bed-${(total - 1) % DEVICES}`;
  const arrived = ([device, newest]) => globalThis.endState()[device].t.at(-1) === newest;
  await page.waitForFunction(arrived, [last, wanted[last].t.at(-1)], { timeout: 20_000 });
  assert.deepEqual(await page.evaluate(() => globalThis.endState()), wanted, `${lane.name} holds other points than were sent`);
}

/** Bytes of a message, and messages in a frame. */
const framesOf = lane => {
  if (lane.protocol === undefined) return {};
  const some = planned(named(lane.protocol), { total: 1_000, atOnce: burst ? 1_000 : 0, perSecond: MESSAGES_PER_SECOND, gatherMs: lane.gatherMs });
  return { messageBytes: some.reduce((sum, { data }) => sum + Buffer.byteLength(data), 0) / 1_000, messagesInFrame: 1_000 / some.length };
};

function report(rows) {
  const own = rows.find(({ name }) => name === 'pulsewire');
  console.log(
    `${DEVICES} devices, ${burst ? 'as many' : MESSAGES_PER_SECOND} messages/s of ${POINTS} points, via ${values.via}; medians of ${runs} runs; for 1,000 points:`,
  );
  const line = cells => console.log(cells.map(cell => cell.padEnd(24)).join(''));
  line(['', 'main thread', 'of it script', 'above the page', 'allocated', 'bytes of a message', 'messages in a frame']);
  for (const row of rows) {
    const cell = (key, unit, digits) => {
      if (row[key] === undefined) return '';
      const against = own === undefined || row === own || row.floor ? '' : ` (${(row[key] / own[key]).toFixed(1)} ×)`;
      return `${row[key].toFixed(digits)} ${unit}${against}`;
    };
    const figures = [cell('taskUs', 'µs', 0), cell('scriptUs', 'µs', 0), cell('aboveUs', 'µs', 0), cell('allocatedKiB', 'KiB', 1)];
    line([row.name, ...figures, row.messageBytes?.toFixed(0) ?? '', row.messagesInFrame?.toFixed(1) ?? '']);
  }
}

const { folder, folders } = await prepare();
const server = await startServer(folders);
const quiet = ['--disable-gpu', '--disable-quic', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const browser = await chromium.launch({ executablePath: process.env.PULSEWIRE_CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', ...quiet] });
try {
  const seen = new Map(LANES.map(({ name }) => [name, []]));
  const allocated = new Map();
  for (let run = 0; run < runs; run += 1) for (const lane of LANES) seen.get(lane.name).push(await pass(browser, server, lane, false));
  for (const lane of LANES) allocated.set(lane.name, (await pass(browser, server, lane, true)).allocated);
  const of = (name, key) => median(seen.get(name).map(one => one[key]));
  const rows = LANES.map(lane => {
    const { name } = lane;
    const taskUs = of(name, 'task');
    const aboveUs = name === PAGE || burst ? undefined : taskUs - of(PAGE, 'task');
    const floor = lane.library === 'bare' || lane.library === 'none';
    return { name, floor, taskUs, scriptUs: of(name, 'script'), aboveUs, allocatedKiB: allocated.get(name), ...framesOf(lane) };
  });
  report(rows);
  if (values.json) writeFileSync(values.json, `${JSON.stringify({ runs, seconds, via: values.via, rows, seen: Object.fromEntries(seen) }, null, 2)}\n`);
} finally {
  await browser.close();
  server.stop();
  rmSync(folder, { recursive: true, force: true });
}
