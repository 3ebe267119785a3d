// Plain Node from the packed tarball, and the proof that the tripwire of the rendering tests can be tripped.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { installed, startRelay } from './lib/app.mjs';

const run = promisify(execFile);
const ws = new URL('../node_modules/ws/wrapper.mjs', import.meta.url).href;
let relay;
before(async () => {
  relay = await startRelay();
});
after(() => relay?.stop());

test('Node connects and reads points, and the tripwire notes the WebAssembly', async () => {
  const { folder } = installed('plain');
  writeFileSync(
    join(folder, 'reads.mjs'),
    `import { createPulsewire } from 'pulsewire';
     import WebSocket from ${JSON.stringify(ws)};
     const getToken = async () => (await (await fetch(process.env.RELAY + '/dev/token?sub=ana&role=nurse')).json()).token;
     const client = createPulsewire({ url: process.env.RELAY, WebSocket, getToken });
     const points = client.telemetry('bed-1', 'heart_rate');
     await client.connect();
     while (points.view().t.length < 2) await new Promise(resolve => points.listen(resolve));
     console.log(points.view().t.length >= 2);
     client.destroy();`,
  );
  const trips = join(folder, 'trips');
  rmSync(trips, { force: true });
  const wire = new URL('./lib/tripwire.mjs', import.meta.url).href;
  const env = { ...process.env, RELAY: relay.url, TRIPWIRE_FILE: trips, TRIPWIRE_WASM: join(folder, 'node_modules/pulsewire/wasm/pulsewire_bg.wasm') };
  const { stdout } = await run(process.execPath, ['--import', wire, 'reads.mjs'], { cwd: folder, env, timeout: 30_000 });
  assert.equal(stdout.trim(), 'true');
  assert.ok(existsSync(trips) && /compile/.test(readFileSync(trips, 'utf8')), 'noted');
});
