/** The code of docs/recipes.md, run against the fake relay. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createPulsewire, type Pulsewire } from '../src/index.js';
import { createFakeRelay, type FakeRelay } from '../src/testing/index.js';
import { ageOf, chime, draw, keepFresh, leave, report, send } from './docs/recipes.js';

let relay: FakeRelay;
let pulse: Pulsewire;
beforeEach(async () => {
  relay = createFakeRelay();
  pulse = createPulsewire({
    url: 'ws://relay.test/ws',
    WebSocket: relay.WebSocket,
    getToken: () => relay.token({ sub: 'ana', tenant: 'ward' }),
    polling: false,
  });
  await pulse.connect();
});
afterEach(() => pulse.destroy());

test('an alert plays a sound', async () => {
  const play = vi.fn();
  chime(pulse, play);
  pulse.channel('patient:7');
  await vi.waitFor(() => expect(relay.subscriptions).toContain('patient:7'));
  relay.publish('patient:7', 'alert', {
    patientId: '7',
    patientName: 'M.',
    type: 'bradycardia',
    severity: 'critical',
    message: 'Heart rate 38',
  });
  await vi.waitFor(() => expect(play).toHaveBeenCalledExactlyOnceWith('critical'));
});

test('a history that no longer reaches back reloads the list', async () => {
  const reload = vi.fn();
  const stop = keepFresh(pulse, 'bed:4', reload);
  await vi.waitFor(() => expect(relay.subscriptions).toContain('bed:4'));
  const heard = vi.fn();
  pulse.channel('bed:4').on('moved', heard);
  relay.publish('bed:4', 'moved', { to: 'hall' });
  await vi.waitFor(() => expect(heard).toHaveBeenCalled());
  relay.restart();
  await vi.waitFor(() => expect(reload).toHaveBeenCalled(), 5_000);
  stop();
});

test('a chart of one’s own draws the points, and says how old they are', async () => {
  const series = pulse.telemetry('bed-1', 'heart_rate');
  expect(ageOf(series)).toBe('no data');
  const canvas = {
    clearRect: vi.fn(),
    beginPath: vi.fn(),
    moveTo: vi.fn(),
    lineTo: vi.fn(),
    stroke: vi.fn(),
    canvas: { width: 9, height: 9 },
  };
  draw(
    series,
    canvas as unknown as CanvasRenderingContext2D,
    t => t,
    v => v,
  );
  await vi.waitFor(() => expect(relay.subscriptions).toContain('device:bed-1'));
  const now = Date.now();
  relay.publish('device:bed-1', 'telemetry', {
    deviceId: 'bed-1',
    series: { heart_rate: { t: [now - 2_000, now - 1_000, now], v: [70, 71, 72] } },
  });
  await vi.waitFor(() => expect(canvas.stroke).toHaveBeenCalled());
  expect(canvas.moveTo.mock.calls).toEqual([[now - 2_000, 70]]);
  expect(canvas.lineTo.mock.calls).toEqual([
    [now - 1_000, 71],
    [now, 72],
  ]);
  expect(ageOf(series)).toBe('');
});

test('a note says where it is, and why it failed', async () => {
  const states: string[] = [];
  await send(pulse, 'c-1', 'Please come', state => states.push(state));
  expect(states.at(-1)).toBe('confirmed');
  const options = { url: 'ws://relay.test/ws', WebSocket: relay.WebSocket, polling: false, outbox: { maxMessages: 1 } } as const;
  const offline = createPulsewire({ ...options, getToken: () => relay.token({ sub: 'ben' }) });
  await offline.connect();
  relay.reachable = false;
  relay.drop();
  await vi.waitFor(() => expect(offline.connection.get().state).not.toBe('connected'));
  const marks: string[] = [];
  const waits = send(offline, 'c-1', 'First', state => marks.push(state));
  await expect(send(offline, 'c-1', 'Second', state => marks.push(state))).rejects.toMatchObject({ code: 'outbox_full' });
  await vi.waitFor(() => expect(marks).toContain('outbox_full'));
  offline.destroy();
  await expect(waits).rejects.toMatchObject({ code: 'destroyed' });
});

test('a report says in words how the connection is', async () => {
  expect(await report(pulse)).toMatch(/^ok: The connection is fine/);
});

test('leaving erases and goes to the sign-in', async () => {
  const to = vi.fn();
  await leave(pulse, to);
  expect(to).toHaveBeenCalledOnce();
  await vi.waitFor(() => expect(relay.connections).toBe(0));
});
