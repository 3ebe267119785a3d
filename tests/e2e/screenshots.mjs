// Takes the pictures of the documents from the real thing: `npm run screenshots`. Look at each before committing it.
import { existsSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';
import { launch, openWard, person } from './lib/browser.mjs';
import { eventually } from './lib/eventually.mjs';
import { Relay, token, Worker } from './lib/relay.mjs';

const out = process.env.PULSEWIRE_SHOTS ?? fileURLToPath(new URL('../../docs/images/', import.meta.url));
const recording = fileURLToPath(new URL('../../../shared/data/ward-recording.csv', import.meta.url));
/** Pictures live in the repository for ever: none may be large. */
const MAX_BYTES = 300_000;

const ANA = person('ana', 'Ana Souza');
const BEN = person('ben', 'Ben Ortiz');
const CHIKA = person('chika', 'Chika Obi', 'doctor');

async function shoot(ward, name) {
  await ward.page.evaluate(() => document.fonts.ready);
  const path = `${out}${name}.png`;
  await ward.page.screenshot({ path });
  const { size } = await stat(path);
  console.log(`${name}.png ${Math.round(size / 1024)} kB`);
  if (size > MAX_BYTES) throw new Error(`${name}.png is larger than ${MAX_BYTES} bytes`);
}

const traced = (ward, device) =>
  eventually(`${device} has a heart rate`, async () => /\d/.test(await ward.card(device).locator('[data-vital="heart_rate"]').innerText()), 15_000);

await mkdir(out, { recursive: true });
const browser = await launch();
const started = [];
try {
  const service = await token({ sub: 'backend', role: 'service' });
  const relay = await Relay.start({ args: ['--simulate', '9'] });
  started.push(relay);
  const alert = (n, patientName, severity, type, message) =>
    relay.ingest('alerts', { patientId: `patient-${n}`, patientName, deviceId: `bed-${n}`, severity, type, message }, service);

  const other = await openWard(browser, relay, { as: BEN });
  const third = await openWard(browser, relay, { as: CHIKA });
  const ward = await openWard(browser, relay, { as: ANA });
  await traced(ward, 'bed-9');
  await relay.ingest('status', { deviceId: 'bed-5', status: 'maintenance', battery: 0.18 }, service);
  await alert(4, 'Pedro Santos', 'medium', 'spo2_low', 'Oxygen saturation below 92 %');
  await pause(11_000); // its toast goes, the list keeps it
  await alert(3, 'Aisha Khan', 'critical', 'arrhythmia', 'Ventricular tachycardia suspected');
  await ward.toasts().first().waitFor();
  await pause(1_500);
  await shoot(ward, 'ward');

  const dark = await openWard(browser, relay, { as: person('dora', 'Dora Novak'), context: { colorScheme: 'dark' } });
  await traced(dark, 'bed-9');
  await pause(6_000);
  await shoot(dark, 'ward-dark');
  await dark.close();

  const portuguese = await openWard(browser, relay, { as: person('fatima', 'Fátima Reis', 'doctor'), context: { locale: 'pt-BR' } });
  await traced(portuguese, 'bed-9');
  await pause(6_000);
  await shoot(portuguese, 'ward-pt');
  await portuguese.close();

  const phone = await openWard(browser, relay, { as: person('emil', 'Emil Berg', 'technician'), context: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 } });
  await traced(phone, 'bed-2');
  await pause(6_000);
  await shoot(phone, 'ward-phone');
  await phone.close();

  // Somebody asks for a report, and its first attempt fails, as it shall.
  const worker = await Worker.start(relay, { stepMs: 1_000 });
  const report = await openWard(browser, relay, { as: ANA, path: '#/patient/bed-2', context: { viewport: { width: 1440, height: 1150 } } });
  await report.page.locator('[data-chart="ecg"] pulsewire-chart canvas').first().waitFor({ timeout: 15_000 });
  await report.button('Make the report').click();
  const job = report.page.locator('pulsewire-execution');
  await job.getByRole('button', { name: 'Try again' }).waitFor({ timeout: 20_000 });
  await job.locator('[part="error"] summary').click();
  await job.locator('[part="log"] summary').click();
  await pause(12_000); // its toast goes
  await shoot(report, 'report');
  await report.close();
  await worker.stop();

  // A conversation that a nurse has taken on, with the patient writing.
  const nurse = await openWard(browser, relay, { as: ANA, path: '#/chat/patient-1' });
  const maria = await openWard(browser, relay, { as: person('patient-1', 'Maria Oliveira', 'patient'), path: '#/chat' });
  const write = async (page, text) => {
    await page.page.locator('pulsewire-conversation textarea').fill(text);
    await page.page.keyboard.press('Enter');
    await pause(700);
  };
  await relay.post('/api/v1/conversations/patient-3/messages', { content: 'The monitor of bed 3 was changed at six.', sender: 'agent', senderName: 'Night desk' }, service);
  await write(maria, 'Good evening. The sensor on my finger came off.');
  await nurse.button('Take on').click();
  await write(nurse, 'I am on my way, Maria.');
  await write(maria, 'Thank you!');
  await write(nurse, 'Please leave the hand on the blanket until then.');
  await maria.page.locator('pulsewire-conversation textarea').pressSequentially('All right');
  await pause(1_200);
  await shoot(nurse, 'messages');
  const pocket = await openWard(browser, relay, { as: BEN, path: '#/chat/patient-1', context: { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, colorScheme: 'dark' } });
  await pocket.page.locator('pulsewire-conversation [part~="message"]').first().waitFor();
  await maria.page.locator('pulsewire-conversation textarea').pressSequentially(', see you.');
  await pause(1_500);
  await shoot(pocket, 'messages-phone');
  await Promise.all([nurse, maria, pocket].map((page) => page.close()));

  await ward.button(/^Block/).click();
  await ward.banner().filter({ hasText: 'Reconnecting' }).waitFor({ timeout: 8_000 });
  await pause(3_500);
  await shoot(ward, 'reconnecting');
  await ward.page.locator('.fault-panel').screenshot({ path: `${out}fault-panel.png` });
  await Promise.all([ward, other, third].map((page) => page.close()));

  if (existsSync(recording)) {
    const replay = await Relay.start({ args: ['--replay', recording] });
    started.push(replay);
    const first = await openWard(browser, replay, { as: BEN, path: '#/patient/bed-1' });
    const patient = await openWard(browser, replay, { as: ANA, path: '#/patient/bed-1' });
    await patient.page.locator('[data-chart="ecg"] pulsewire-chart canvas').first().waitFor({ timeout: 15_000 });
    await replay.ingest('alerts', { patientId: 'patient-1', patientName: 'Maria Oliveira', deviceId: 'bed-1', severity: 'high', type: 'ectopic_beats', message: 'Frequent ventricular ectopic beats' }, service);
    await pause(14_000); // a full window, and the toast is gone
    await shoot(patient, 'patient');
    await first.close();
    await patient.close();
  } else {
    console.log('patient.png not taken: the recording is not beside the repository');
  }
} finally {
  await browser.close();
  for (const relay of started) await relay.stop();
}
