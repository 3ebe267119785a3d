// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createPulsewire } from '../src/index.js';
import { createFakeRelay, installFakeClock } from '../src/testing/index.js';
import type { ShownToast } from '../src/types.js';
import { drawn, inside, maybe, place, shown } from './elements-harness.js';
import { FakeClient, toast } from './fake-client.js';

/** Web Audio, as far as toasts need it: it runs only once `allowed`, and says what sounds. */
class FakeAudio {
  static allowed = false;
  static tones: number[] = [];
  static last: FakeAudio | undefined;
  state = 'suspended';
  currentTime = 0;
  destination = {};
  onstatechange: (() => void) | null = null;
  constructor() {
    FakeAudio.last = this;
  }
  async resume(): Promise<void> {
    if (FakeAudio.allowed) this.become('running');
  }
  become(state: string): void {
    if (state === this.state) return;
    this.state = state;
    this.onstatechange?.();
  }
  createOscillator() {
    const frequency = { value: 0 };
    const start = () => void FakeAudio.tones.push(frequency.value);
    return { type: '', frequency, connect: (next: unknown) => next, start, stop: () => {} };
  }
  createGain() {
    const ramp = () => {};
    return { gain: { setValueAtTime: ramp, linearRampToValueAtTime: ramp }, connect: (next: unknown) => next };
  }
}
class FakeNotification {
  static permission = 'default';
  static asked = 0;
  static open: FakeNotification[] = [];
  onclick: (() => void) | null = null;
  onclose: (() => void) | null = null;
  static async requestPermission(): Promise<string> {
    FakeNotification.asked++;
    FakeNotification.permission = 'granted';
    return 'granted';
  }
  constructor(
    readonly title: string,
    readonly options: { tag: string; requireInteraction: boolean },
  ) {
    FakeNotification.open.push(this);
  }
  close(): void {
    FakeNotification.open = FakeNotification.open.filter(one => one !== this);
    this.onclose?.();
  }
}

let client: FakeClient;
let visibility = 'visible';
let minutes = 0;
beforeEach(() => {
  vi.useFakeTimers();
  // What sounded in the test before is long ago.
  vi.setSystemTime(Date.now() + ++minutes * 60_000);
  localStorage.clear();
  document.documentElement.lang = 'en';
  vi.stubGlobal('AudioContext', FakeAudio);
  vi.stubGlobal('Notification', FakeNotification);
  Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => visibility });
  Object.assign(FakeAudio, { allowed: false, tones: [] });
  Object.assign(FakeNotification, { permission: 'default', asked: 0, open: [] });
  visibility = 'visible';
  client = new FakeClient();
});
afterEach(() => {
  document.body.innerHTML = '';
  vi.unstubAllGlobals();
  vi.useRealTimers();
});
const keep = (options: unknown) => {
  localStorage.setItem('pulsewire:toasts', JSON.stringify(options));
  window.dispatchEvent(new StorageEvent('storage', { key: 'pulsewire:toasts' }));
};
const gesture = async (): Promise<void> => {
  document.dispatchEvent(new Event('pointerdown'));
  await vi.advanceTimersByTimeAsync(0);
};
const region = () => place('pulsewire-toasts', client);
const come = (...toasts: ShownToast[]) => client.setToasts([...toasts, ...client.toasts.get().visible]);
const storm = (size: number): ShownToast => {
  const one = (n: number) =>
    toast({ id: `off-${n}`, severity: 'medium', group: 'offline', title: `Patient ${n}`, message: 'Monitor offline' });
  return { ...one(0), others: Array.from({ length: size - 1 }, (_, n) => one(n + 1)) };
};

describe('what shares a place', () => {
  test('those that say the same are one card with a count, and all go with it', async () => {
    const element = await region();
    const same = { severity: 'high' as const, title: 'Ana', message: 'Low' };
    client.setToasts([{ ...toast({ id: 'a', ...same }), others: [toast({ id: 'b', ...same })] }]);
    await drawn(element);
    expect(inside(element, '.times').textContent?.trim()).toBe('×22 times');
    expect(element.shadowRoot?.querySelectorAll('.toast')).toHaveLength(1);
    inside(element, '.close').click();
    expect(client.calls).toEqual(['dismissToast a', 'dismissToast b']);
  });

  test('a storm says how many and who, opens to each, and a click on one is a click on that one', async () => {
    const element = await region();
    client.setToasts([storm(37)]);
    await drawn(element);
    expect(inside(element, '.title').textContent).toBe('37 × Monitor offline');
    expect(inside(element, '.message').textContent).toBe('Patient 0, Patient 1, Patient 2 and 34 more');
    const expand = inside(element, '.expand');
    expect([expand.textContent?.trim(), expand.getAttribute('aria-expanded')]).toEqual(['Show all 37', 'false']);
    expand.click();
    await drawn(element);
    expect(element.shadowRoot?.querySelectorAll('.member')).toHaveLength(37);
    element.shadowRoot?.querySelectorAll<HTMLElement>('.member')[5]?.click();
    expect(client.calls).toContain('clickToast off-5');
  });

  test('a storm that grows stays the card it is, open or not, and its number is read out once it rests', async () => {
    const element = await region();
    client.setToasts([storm(4)]);
    await drawn(element);
    const card = inside(element, '.toast');
    inside(element, '.expand').click();
    for (const size of [5, 6, 7]) client.setToasts([{ ...storm(size), id: `newest-${size}` }]);
    await drawn(element);
    expect(inside(element, '.toast')).toBe(card);
    expect(maybe(element, '.leaving')).toBeNull();
    expect(inside(element, '.expand').getAttribute('aria-expanded')).toBe('true');
    const polite = inside(element, '[aria-live=polite]');
    expect(polite.textContent).toContain('4 × Monitor offline');
    await vi.advanceTimersByTimeAsync(1_000);
    await drawn(element);
    expect(polite.textContent).toContain('7 × Monitor offline');
  });

  test('two patients of one name are two cards, and a storm of them is no repetition', async () => {
    const element = await region();
    const newborn = (id: string, patientId: string) => toast({ id, patientId, severity: 'critical', title: 'Newborn', message: 'Apnea' });
    client.setToasts([
      { ...newborn('a', '1'), others: [newborn('b', '1')] },
      { ...newborn('c', '2'), others: [newborn('d', '2')] },
    ]);
    await drawn(element);
    expect([...(element.shadowRoot?.querySelectorAll<HTMLElement>('.toast') ?? [])].map(card => card.dataset.id)).toEqual(['a', 'c']);
    client.setToasts([{ ...newborn('e', '1'), others: [newborn('f', '2'), newborn('g', '3'), newborn('h', '4')] }]);
    await drawn(element);
    expect([maybe(element, '[data-id=e] .times'), maybe(element, '[data-id=e] .expand') !== null]).toEqual([null, true]);
  });

  test('the same alert again is read out again, with its count, and two at once are both', async () => {
    const element = await region();
    const same = { severity: 'critical' as const, title: 'Ana', message: 'Low' };
    const said = () => inside(element, '[aria-live=assertive]').firstElementChild;
    client.setToasts([toast({ id: 'a', ...same })]);
    await drawn(element);
    const first = said();
    expect(first?.textContent).toBe('Critical: Ana. Low');
    client.setToasts([]);
    client.setToasts([toast({ id: 'b', ...same })]);
    await drawn(element);
    const second = said();
    expect([second?.textContent, second === first]).toEqual(['Critical: Ana. Low', false]);
    client.setToasts([{ ...toast({ id: 'c', ...same }), others: [toast({ id: 'b', ...same })] }]);
    await drawn(element);
    expect(said()?.textContent).toBe('Critical: Ana. Low (2 times)');
    come(toast({ id: 'd', severity: 'critical', title: 'Rui', message: 'High' }));
    come(toast({ id: 'e', severity: 'critical', title: 'Eva', message: 'High' }));
    await drawn(element);
    expect(said()?.textContent).toBe('Critical: Rui. High Critical: Eva. High');
  });

  test('37 alerts of one type are one place of the real client, below a critical one that came first', async () => {
    vi.useRealTimers();
    const clock = installFakeClock();
    const relay = createFakeRelay();
    const real = createPulsewire({ url: 'ws://relay.test/ws', WebSocket: relay.WebSocket, getToken: () => relay.token(), polling: false });
    try {
      await real.connect();
      await clock.advance(100);
      const base = { patientId: '1', patientName: 'Ana', message: 'Saturation 80 %', type: 'spo2', severity: 'critical' as const };
      relay.publish('tenant', 'alert', base);
      for (let n = 0; n < 37; n++)
        relay.publish('tenant', 'alert', { ...base, type: 'offline', severity: 'low', message: 'Offline', patientName: `P${n}` });
      await clock.advance(100);
      const { visible, waiting } = real.toasts.get();
      expect(visible.map(({ severity, others }) => [severity, others?.length])).toEqual([
        ['critical', 0],
        ['low', 36],
      ]);
      expect([waiting, visible[1]?.group]).toEqual([0, 'offline']);
    } finally {
      real.destroy();
      clock.restore();
    }
  });
});

describe('sound', () => {
  test('waits for the first gesture, says so where it can be seen, and then sounds what was missed a moment ago', async () => {
    const element = await region();
    come(toast({ severity: 'critical' }));
    await drawn(element);
    expect(FakeAudio.tones).toEqual([]);
    expect(shown(element)).toContain('keeps sounds off until you click');
    FakeAudio.allowed = true;
    await gesture();
    await drawn(element);
    expect(FakeAudio.tones).toHaveLength(3);
    expect(shown(element)).not.toContain('keeps sounds off');
  });

  test('is for critical ones by default, for all or none where the user says so, and never louder than wanted', async () => {
    FakeAudio.allowed = true;
    await region();
    await gesture();
    come(toast({ severity: 'high' }));
    expect(FakeAudio.tones).toEqual([]);
    keep({ sound: 'all', volume: 0.5 });
    come(toast({ severity: 'high' }));
    expect(FakeAudio.tones).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(5_000);
    keep({ sound: 'off' });
    come(toast({ severity: 'critical' }));
    keep({ sound: 'all', volume: 0 });
    come(toast({ severity: 'critical' }));
    expect(FakeAudio.tones).toHaveLength(2);
    keep('nonsense');
    come(toast({ severity: 'critical' }));
    expect(FakeAudio.tones).toHaveLength(5);
  });

  test('a storm is one sound, and only something graver is heard through it', async () => {
    FakeAudio.allowed = true;
    keep({ sound: 'all' });
    await region();
    await gesture();
    for (let n = 0; n < 20; n++) come(toast({ severity: 'low' }));
    expect(FakeAudio.tones).toHaveLength(1);
    come(toast({ severity: 'critical' }));
    expect(FakeAudio.tones).toHaveLength(4);
  });

  test('comes back after an interruption: by itself, by a gesture, by the hint or by the test of the settings', async () => {
    FakeAudio.allowed = true;
    const element = await region();
    const settings = await place('pulsewire-toast-settings', undefined);
    await gesture();
    const settle = () => vi.advanceTimersByTimeAsync(5_000);
    const ways = {
      gesture,
      hint: async () => inside(element, '.hint').click(),
      test: async () => inside(settings, '[part=test]').click(),
      system: async () => FakeAudio.last?.become('running'),
      nextAlert: async () => come(toast({ severity: 'critical' })),
    };
    for (const [way, bringBack] of Object.entries(ways)) {
      FakeAudio.allowed = false;
      FakeAudio.last?.become('interrupted');
      FakeAudio.tones = [];
      come(toast({ severity: 'critical' }));
      await drawn(element);
      expect([way, FakeAudio.tones.length, shown(element).includes('keeps sounds off')]).toEqual([way, 0, true]);
      FakeAudio.allowed = true;
      if (way === 'nextAlert') await settle();
      await bringBack();
      await vi.advanceTimersByTimeAsync(0);
      await drawn(element);
      expect([way, FakeAudio.tones.length, shown(element).includes('keeps sounds off')]).toEqual([way, 3, false]);
      await settle();
    }
    // Taken away while all is still: it is asked for at once, before the next alert needs it.
    FakeAudio.last?.become('suspended');
    await settle();
    expect(FakeAudio.last?.state).toBe('running');
  });

  test('is left to the page where it has its own, or wants none', async () => {
    FakeAudio.allowed = true;
    const element = await region();
    await gesture();
    const heard: string[] = [];
    element.sound = ({ id }) => heard.push(id);
    come(toast({ id: 'a', severity: 'critical' }));
    element.sound = undefined;
    element.silent = true;
    come(toast({ id: 'b', severity: 'critical' }));
    expect([heard, FakeAudio.tones]).toEqual([['a'], []]);
  });
});

describe('notifications of the browser', () => {
  test('are asked for by the box of the settings and by nothing else', async () => {
    await region();
    visibility = 'hidden';
    come(toast({ severity: 'critical' }));
    expect([FakeNotification.asked, FakeNotification.open.length]).toEqual([0, 0]);
    const settings = await place('pulsewire-toast-settings', undefined);
    const box = inside<HTMLInputElement>(settings, '[type=checkbox]');
    box.checked = true;
    box.dispatchEvent(new Event('change'));
    await vi.advanceTimersByTimeAsync(0);
    expect(FakeNotification.asked).toBe(1);
    come(toast({ id: 'x', severity: 'critical', title: 'Ana' }));
    const [notification] = FakeNotification.open;
    expect([notification?.title, notification?.options.tag, notification?.options.requireInteraction]).toEqual([
      'Ana',
      'pulsewire:x',
      true,
    ]);
    const focus = vi.spyOn(window, 'focus').mockImplementation(() => {});
    notification?.onclick?.();
    expect([focus.mock.calls.length, client.calls.includes('clickToast x'), FakeNotification.open.length]).toEqual([1, true, 0]);
  });

  test('come only while the page is hidden, and go when it is seen', async () => {
    FakeNotification.permission = 'granted';
    keep({ notify: true });
    await region();
    come(toast());
    expect(FakeNotification.open).toHaveLength(0);
    visibility = 'hidden';
    come(toast());
    expect(FakeNotification.open).toHaveLength(1);
    visibility = 'visible';
    document.dispatchEvent(new Event('visibilitychange'));
    expect(FakeNotification.open).toHaveLength(0);
  });

  test('where the user has blocked them the box says why', async () => {
    FakeNotification.permission = 'denied';
    const settings = await place('pulsewire-toast-settings', undefined);
    expect(inside<HTMLInputElement>(settings, '[type=checkbox]').disabled).toBe(true);
    expect(shown(settings)).toContain('blocked in the browser’s settings');
  });
});
