/**
 * All elements in all their states, fed by the fake client: for looking at, by eye and by screenshot.
 *
 * `?theme=dark&lang=pt-BR&show=toasts|banner|moving` chooses; times are fixed relative to now, so pictures stay alike.
 */
import { defineElements } from '../../src/elements/index.js';
import { openDevtools } from '../../src/devtools/index.js';
import { alert, FakeClient, toast } from '../fake-client.js';
import { people } from './people.js';

const query = new URLSearchParams(location.search);
const root = document.documentElement;
root.lang = query.get('lang') ?? 'en';
const theme = query.get('theme');
if (theme) root.dataset.theme = theme;
const show = query.get('show') ?? '';
const pt = root.lang.startsWith('pt');

const main = document.querySelector('main')!;
function section(title: string, wide = false): HTMLElement {
  const box = document.createElement('section');
  if (wide) box.className = 'wide';
  box.innerHTML = `<h2>${title}</h2>`;
  main.append(box);
  return box;
}
function add(parent: HTMLElement, tag: string, attributes: Record<string, string>, client: FakeClient): HTMLElement {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  (element as { client?: FakeClient }).client = client;
  parent.append(element);
  return element;
}
function row(parent: HTMLElement, className = 'row'): HTMLElement {
  const div = document.createElement('div');
  div.className = className;
  parent.append(div);
  return div;
}

const now = Date.now();
// A heartbeat good enough to recognise: P, QRS and T as bumps.
const bump = (x: number, at: number, width: number, height: number): number => height * Math.exp(-(((x - at) / width) ** 2));
export const ecg = (t: number): number => {
  const x = (t % 833) / 833;
  return (
    bump(x, 0.18, 0.03, 0.12) -
    bump(x, 0.29, 0.012, 0.14) +
    bump(x, 0.315, 0.012, 1.15) -
    bump(x, 0.345, 0.012, 0.24) +
    bump(x, 0.55, 0.05, 0.3) +
    Math.sin(t / 2100) * 0.03
  );
};
const ppg = (t: number): number => {
  const x = ((t + 300) % 833) / 833;
  return 0.5 + bump(x, 0.3, 0.12, 0.45) + bump(x, 0.62, 0.1, 0.14);
};
const wave = (f: (t: number) => number, from: number, to: number, hz: number): [number, number][] =>
  Array.from({ length: Math.floor(((to - from) / 1000) * hz) }, (_, i) => {
    const t = from + (i * 1000) / hz;
    return [t, f(t)];
  });

const ward = new FakeClient();
ward.setConnection({ state: 'connected', everConnected: true, latencyMs: 23.6 });

const chips = section('pulsewire-connection');
const states = row(chips);
for (const status of [
  { state: 'connecting' },
  { state: 'connected', everConnected: true, latencyMs: 23.6 },
  { state: 'reconnecting', everConnected: true, interrupted: true, attempt: 3 },
  { state: 'polling', everConnected: true },
  { state: 'unauthorized' },
  { state: 'closed' },
] as const) {
  const client = new FakeClient();
  client.setConnection(status);
  add(states, 'pulsewire-connection', {}, client);
}

const badges = row(section('pulsewire-device-badge'), 'stack');
ward.setDevice({ deviceId: 'd1', status: 'online', battery: 0.82, lastSeen: now - 4_000 });
ward.setDevice({ deviceId: 'd2', status: 'offline', battery: 0.12, lastSeen: now - 3 * 3_600_000 });
ward.setDevice({ deviceId: 'd3', status: 'maintenance', battery: 1, lastSeen: now - 190_000 });
ward.setDevice({ deviceId: 'd4', status: 'online' });
for (const id of ['d1', 'd2', 'd3', 'd4', 'd5']) add(badges, 'pulsewire-device-badge', { 'device-id': id, label: `Monitor ${id}` }, ward);

const viewers = section('pulsewire-viewers');
ward.setViewers('patient:1', { count: 2, names: ['Ana Lima', 'Rui Costa'] });
ward.setViewers('patient:2', { count: 24, names: Array.from({ length: 20 }, (_, i) => `Nurse ${i + 1}`) });
ward.setViewers('patient:3', { count: 1, names: ['Ana Lima'] });
const eyes = row(viewers);
for (const id of [1, 2, 3]) add(eyes, 'pulsewire-viewers', { channel: `patient:${id}` }, ward);
if (show === 'viewers') setTimeout(() => eyes.firstElementChild?.shadowRoot?.querySelector('button')?.focus(), 600);

const banners = row(section('pulsewire-banner inline'), 'stack');
for (const status of [
  { state: 'connecting', interrupted: true, attempt: 1, nextRetryAt: now + 1_000 },
  { state: 'reconnecting', everConnected: true, interrupted: true, attempt: 3, nextRetryAt: now + 8_000 },
  { state: 'unauthorized', reason: 'token_expired' },
  { state: 'closed', reason: 'forbidden' },
] as const) {
  const client = new FakeClient();
  client.setConnection(status);
  add(banners, 'pulsewire-banner', { inline: '' }, client);
}
const healing = new FakeClient();
healing.setConnection({ state: 'reconnecting', everConnected: true, interrupted: true, attempt: 1 });
add(banners, 'pulsewire-banner', { inline: '' }, healing);
setTimeout(() => healing.setConnection({ state: 'connected', interrupted: false, attempt: 0 }), 700);

const ecgBox = section('chart: ECG, 10 s window, live', true);
const ecgOptions = { unit: 'mV', capacity: 3_600 };
ward.feed('d1', 'ecg', wave(ecg, now - 10_000, now, 250), ecgOptions);
add(ecgBox, 'pulsewire-chart', { device: 'd1', metric: 'ecg', 'window-ms': '10000', label: 'Ana Lima' }, ward);

const strips = section('chart: three units, strips');
ward.feed('d2', 'ecg', wave(ecg, now - 6_000, now, 250), ecgOptions);
ward.feed('d2', 'ppg', wave(ppg, now - 6_000, now, 100), { unit: 'a.u.', capacity: 3_600 });
ward.feed(
  'd2',
  'hr',
  wave(t => 72 + Math.round(Math.sin(t / 900) * 2), now - 6_000, now, 2),
  { unit: 'bpm' },
);
const stripChart = add(strips, 'pulsewire-chart', { device: 'd2', metric: 'ecg, ppg hr', 'window-ms': '6000' }, ward);
stripChart.style.height = '300px';

const vitals = section('chart: heart rate, 100 points, gaps');
ward.feed(
  'd3',
  'hr',
  wave(t => 74 + Math.sin(t / 9_000) * 6, now - 100_000, now - 72_000, 1),
  { unit: 'bpm' },
);
ward.feed(
  'd3',
  'hr',
  wave(t => 74 + Math.sin(t / 9_000) * 6, now - 58_000, now - 50_000, 1),
  { gap: true },
);
ward.feed('d3', 'hr', [[now - 46_000, 82]], { gap: true });
ward.feed(
  'd3',
  'hr',
  wave(t => 74 + Math.sin(t / 9_000) * 6, now - 40_000, now, 1),
  { gap: true },
);
add(vitals, 'pulsewire-chart', { device: 'd3', metric: 'hr', label: pt ? 'Frequência cardíaca' : 'Heart rate' }, ward);

const overlay = section('chart: blood pressure, one unit, stale');
ward.feed(
  'd4',
  'sys',
  wave(t => 121 + Math.sin(t / 7_000) * 5, now - 100_000, now - 12_000, 1),
  { unit: 'mmHg' },
);
ward.feed(
  'd4',
  'dia',
  wave(t => 79 + Math.sin(t / 5_000) * 3, now - 100_000, now - 12_000, 1),
  { unit: 'mmHg' },
);
ward.setFreshness('d4', 'sys', 'stale', 12_000);
ward.setFreshness('d4', 'dia', 'stale', 12_000);
add(overlay, 'pulsewire-chart', { device: 'd4', metric: 'sys,dia' }, ward);

const catching = section('chart: backfilling');
ward.feed(
  'd5',
  'spo2',
  wave(t => 97 + Math.round(Math.sin(t / 11_000)), now - 100_000, now, 1),
  { unit: '%' },
);
ward.setFreshness('d5', 'spo2', 'backfilling');
add(catching, 'pulsewire-chart', { device: 'd5', metric: 'spo2', min: '85', max: '100' }, ward);

add(section('chart: empty'), 'pulsewire-chart', { device: 'd9', metric: 'resp', label: 'Respiration' }, ward);

const alerts = [
  alert({ severity: 'critical', message: pt ? 'Saturação abaixo de 85 %' : 'Oxygen saturation under 85 %', ts: now - 20_000 }),
  alert({
    severity: 'high',
    message: pt ? 'Frequência cardíaca acima de 130' : 'Heart rate over 130',
    patientName: 'John Carter',
    ts: now - 240_000,
  }),
  alert({ severity: 'medium', message: pt ? 'Eletrodo solto' : 'Electrode loose', patientName: 'Aisha Khan', ts: now - 1_900_000 }),
  alert({
    severity: 'low',
    message: pt ? 'Bateria em 20 %' : 'Battery at 20 %',
    patientName: 'Lúcia Ferreira',
    ts: now - 9_000_000,
    read: true,
  }),
];
ward.setAlerts(alerts);
add(section('pulsewire-alerts'), 'pulsewire-alerts', {}, ward);
add(section('pulsewire-alerts: empty'), 'pulsewire-alerts', {}, new FakeClient());

await people(section, row, add, { pt, now });

const floating = new FakeClient();
floating.setConnection({ state: 'connected', everConnected: true });
add(document.body, 'pulsewire-toasts', {}, floating);
add(document.body, 'pulsewire-banner', {}, floating);

await defineElements();
await new Promise(resolve => setTimeout(resolve, 100));

if (show === 'toasts' || show === 'banner') {
  floating.setToasts(
    [
      toast({ severity: 'critical', title: 'Ana Lima', message: pt ? 'Saturação abaixo de 85 %' : 'Oxygen saturation under 85 %' }),
      toast({
        severity: 'high',
        title: 'John Carter',
        message: pt ? 'Frequência cardíaca acima de 130 por mais de um minuto' : 'Heart rate over 130 for more than a minute',
      }),
      toast({ severity: 'high', kind: 'connection', title: 'connection_lost', message: '' }),
      toast({
        severity: 'medium',
        kind: 'execution',
        title: pt ? 'Relatório da equipe falhou' : 'Team report failed',
        message: pt ? 'Passo 3 de 5: sem resposta do servidor' : 'Step 3 of 5: the server did not answer',
      }),
      toast({
        severity: 'low',
        kind: 'notification',
        title: pt ? 'Troca de turno às 19h' : 'Shift change at 19:00',
        message: pt ? 'Leito 4 tem observações novas.' : 'Bed 4 has new notes.',
      }),
    ],
    7,
  );
}
if (show === 'storm') {
  const offline = Array.from({ length: 37 }, (_, n) =>
    toast({
      id: `off-${n}`,
      severity: 'medium',
      group: 'device_offline',
      title: ['Ana Lima', 'John Carter', 'Aisha Khan', 'Lúcia Ferreira'][n % 4] + (n > 3 ? ` ${n}` : ''),
      message: pt ? 'Monitor sem conexão' : 'Monitor offline',
    }),
  );
  const repeated = (n: number) =>
    toast({
      id: `low-${n}`,
      severity: 'critical',
      title: 'Ana Lima',
      message: pt ? 'Saturação abaixo de 85 %' : 'Oxygen saturation under 85 %',
    });
  floating.setToasts([
    { ...repeated(0), others: [repeated(1), repeated(2)] },
    { ...offline[0]!, others: offline.slice(1) },
  ]);
  const region = document.querySelector('pulsewire-toasts')!;
  await (region as unknown as { updateComplete: Promise<unknown> }).updateComplete;
  if (query.has('open')) region.shadowRoot?.querySelector<HTMLElement>('.expand')?.click();
}
if (show === 'banner') floating.setConnection({ state: 'reconnecting', interrupted: true, attempt: 4, nextRetryAt: Date.now() + 12_000 });

if (show === 'moving' || show === 'fed') {
  // The load of a ward page: eight ECGs of 250 Hz in columns of 50 ms. `fed` has the data and no charts, to measure the difference.
  main.replaceChildren();
  const wide = section('eight ECGs', true);
  if (show === 'moving')
    for (let i = 0; i < 8; i++) add(wide, 'pulsewire-chart', { device: `m${i}`, metric: 'ecg', 'window-ms': '10000' }, ward);
  let sent = now;
  setInterval(() => {
    const until = Date.now();
    for (let i = 0; i < 8; i++) {
      ward.feed(`m${i}`, 'ecg', wave(ecg, sent, until, 250), { ...ecgOptions, capacity: 2_500 });
      ward.telemetry(`m${i}`, 'ecg').view();
    }
    sent = until;
  }, 50);
}
if (show === 'devtools') {
  const client = new FakeClient();
  client.setConnection({ state: 'connected', everConnected: true, latencyMs: 23.6, user: 'ana', tenant: 'north' });
  for (const name of ['tenant', 'patient:7', 'device:bed-1', 'device:bed-2', 'conversation:c-1', 'dashboard']) client.channel(name);
  await openDevtools(client);
  for (let n = 1; n <= 14; n++) {
    client.feedEvent(`device:bed-${(n % 2) + 1}`, 'device_status', { deviceId: 'bed-1', status: 'online', battery: 0.8, n });
    if (n % 5 === 0)
      client.feedEvent('patient:7', 'alert', { patientId: '7', type: 'bradycardia', severity: 'high', message: 'Heart rate 42' });
  }
}
document.title = 'ready';
