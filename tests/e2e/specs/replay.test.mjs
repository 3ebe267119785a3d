// A recording played by the relay is the same recording on the page: the ECG is drawn, and its beats are the heart rate beside it.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { after, before, describe, test } from 'node:test';
import { compare, madeRecording } from '../lib/beats.mjs';
import { launch, openWard } from '../lib/browser.mjs';
import { eventually } from '../lib/eventually.mjs';
import { Relay } from '../lib/relay.mjs';

const real = fileURLToPath(new URL('../../../../shared/data/ward-recording.csv', import.meta.url));

describe('a recording, replayed', () => {
  let relay;
  let browser;
  let ward;
  let folder;
  const isReal = existsSync(real);

  before(async () => {
    let file = real;
    if (!isReal) {
      folder = await mkdtemp(join(tmpdir(), 'pulsewire-e2e-'));
      file = join(folder, 'made.csv');
      await writeFile(file, madeRecording());
    }
    relay = await Relay.start({ args: ['--replay', file] });
    browser = await launch();
    ward = await openWard(browser, relay, { path: '#/patient/bed-1' });
  });
  after(async () => {
    await browser?.close();
    await relay?.stop();
    if (folder) await rm(folder, { recursive: true });
  });

  test('the ECG is drawn over the whole window', async (t) => {
    t.diagnostic(isReal ? 'the real recording' : 'a made recording: the real one is not beside the repository');
    const inked = () =>
      ward.page.evaluate(() => {
        const canvas = document.querySelector('[data-chart="ecg"] pulsewire-chart')?.shadowRoot?.querySelector('canvas');
        if (!canvas || canvas.width === 0) return 0;
        const { data, width, height } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        // Columns that hold ink of the trace: strongly coloured, unlike the grey grid and axes.
        let columns = 0;
        for (let x = 0; x < width; x += 1) {
          for (let y = 0; y < height; y += 1) {
            const i = (y * width + x) * 4;
            if (data[i + 3] > 80 && Math.max(data[i], data[i + 1], data[i + 2]) - Math.min(data[i], data[i + 1], data[i + 2]) > 60) {
              columns += 1;
              break;
            }
          }
        }
        return columns / width;
      });
    await eventually('most of the chart holds the trace', async () => (await inked()) > 0.7, 16_000, 250);
  });

  test('its beats are the heart rate that the page shows', async () => {
    const points = await eventually(
      'ten seconds of ECG and some rates have come',
      async () => {
        const got = await ward.page.evaluate(() => {
          const read = (metric) => {
            const handle = window.pulsewire.telemetry('bed-1', metric);
            const { t, v } = handle.view();
            const copy = { t: Array.from(t), v: Array.from(v) };
            handle.release();
            return copy;
          };
          return { ecg: read('ecg'), rate: read('heart_rate') };
        });
        return got.ecg.t.length > 1_900 && got.rate.t.length >= 8 ? got : undefined;
      },
      20_000,
      250,
    );
    const { beats, onPeak, middleBpm } = compare(points.ecg, points.rate);
    assert.ok(beats >= 5, `${beats} beats to compare`);
    assert.ok(onPeak / beats > 0.75, `${onPeak} of ${beats} rates lie on a peak of the ECG`);
    assert.ok(middleBpm < 4, `rates differ from the ECG by ${middleBpm} bpm`);
    for (let i = 1; i < points.ecg.t.length; i += 1) assert.ok(points.ecg.t[i] > points.ecg.t[i - 1], 'times rise');
    const shown = await ward.page.evaluate(() => {
      const handle = window.pulsewire.telemetry('bed-1', 'heart_rate');
      const last = handle.stats()?.last;
      handle.release();
      return { last, text: document.querySelector('[data-vital="heart_rate"] .value')?.textContent };
    });
    assert.ok(Math.abs(Number.parseFloat(shown.text) - shown.last) <= 25, `the page shows ${shown.text}, the last rate is ${shown.last}`);
  });

  test('the page says where the recording comes from, and shows only what there is', { skip: !isReal }, async () => {
    await ward.page.getByText('MIT-BIH Arrhythmia Database, record 208').waitFor();
    assert.equal(await ward.page.locator('[data-chart="ppg"]').count(), 0);
    await ward.page.goto(`${relay.url}/#/patient/bed-2`);
    await ward.page.locator('[data-chart="ppg"] pulsewire-chart canvas').first().waitFor({ timeout: 12_000 });
    assert.equal(await ward.page.locator('[data-chart="ecg"]').count(), 0);
    await ward.page.goto(`${relay.url}/#/patient/bed-3`);
    await ward.page.getByRole('heading', { name: 'No telemetry from this device yet' }).waitFor();
  });

  test('nothing complained on the way', () => {
    assert.deepEqual(ward.complaints, []);
  });
});
