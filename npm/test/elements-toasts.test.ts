// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { drawn, inside, maybe, place } from './elements-harness.js';
import { FakeClient, toast } from './fake-client.js';

let client: FakeClient;
beforeEach(() => {
  vi.useFakeTimers();
  document.documentElement.lang = 'en';
  client = new FakeClient();
});
afterEach(() => {
  document.body.innerHTML = '';
  vi.useRealTimers();
});

async function region(...toasts: ReturnType<typeof toast>[]) {
  const element = await place('pulsewire-toasts', client);
  client.setToasts(toasts);
  await drawn(element);
  const titles = (): string[] =>
    [...(element.shadowRoot?.querySelectorAll('.toast:not(.leaving) .title') ?? [])].map(title => title.textContent ?? '');
  const holds = (): string[] => client.calls.filter(call => call.startsWith('holdToasts'));
  return { element, titles, holds };
}
const fire = (target: Element, type: string): boolean => target.dispatchEvent(new PointerEvent(type, { bubbles: type === 'focusin' }));
const pressEscape = (): boolean => document.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', cancelable: true }));

describe('the toast region', () => {
  test('shows what the client shows, in its order, and says how many wait', async () => {
    const { element, titles } = await region(toast({ title: 'first' }), toast({ title: 'second' }));
    expect(titles()).toEqual(['first', 'second']);
    client.setToasts(client.toasts.get().visible, 3);
    await drawn(element);
    expect(inside(element, '.more').textContent).toBe('3 more waiting');
    expect(inside(element, '[role=region]').getAttribute('aria-label')).toBe('Notifications');
  });

  test('never shows more than five, whatever it is given', async () => {
    const { element, titles } = await region(...Array.from({ length: 7 }, () => toast()));
    expect(titles()).toHaveLength(5);
    expect(inside(element, '.more').textContent).toBe('2 more waiting');
  });

  test('holds the clocks while the pointer is over it or the focus is in it, and not a moment longer', async () => {
    const { element, holds } = await region(toast());
    const section = inside(element, 'section');
    fire(section, 'pointerenter');
    expect(holds()).toEqual(['holdToasts true']);
    inside(element, '.close').focus();
    fire(section, 'pointerleave');
    expect(holds()).toEqual(['holdToasts true']);
    inside(element, '.close').blur();
    expect(holds()).toEqual(['holdToasts true', 'holdToasts false']);
  });

  test('lets go of the clocks when it leaves the page under the pointer', async () => {
    const { element, holds } = await region(toast());
    fire(inside(element, 'section'), 'pointerenter');
    element.remove();
    expect(holds()).toEqual(['holdToasts true', 'holdToasts false']);
    expect(client.listeners()).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('is dismissed by Escape where the focus is, and the focus goes on to the neighbour', async () => {
    const { element, titles } = await region(toast({ id: 'a', title: 'first' }), toast({ id: 'b', title: 'second' }));
    inside(element, '[data-id=a] .close').focus();
    pressEscape();
    expect(client.calls).toContain('dismissToast a');
    await drawn(element);
    await drawn(element);
    expect(titles()).toEqual(['second']);
    expect(element.shadowRoot?.activeElement?.closest('[data-id]')?.getAttribute('data-id')).toBe('b');
  });

  test('leaves Escape alone while neither pointer nor focus is on it', async () => {
    await region(toast());
    expect(pressEscape()).toBe(true);
    expect(client.calls.filter(call => call.startsWith('dismiss'))).toEqual([]);
  });

  test('tells the client of a click, unless the page prevents it', async () => {
    const { element } = await region(toast({ id: 'a' }));
    inside(element, '.title').click();
    expect(client.calls).toContain('clickToast a');
    client.calls.length = 0;
    element.addEventListener('pulsewire-toast-click', event => event.preventDefault());
    inside(element, '.title').click();
    expect(client.calls).toEqual([]);
  });

  test('reads critical and high ones out at once, the others when it is quiet', async () => {
    const { element } = await region(
      toast({ severity: 'critical', title: 'Ana Lima', message: 'Low saturation' }),
      toast({ severity: 'low', title: 'Shift change', message: 'At 19:00' }),
    );
    expect(inside(element, '[aria-live=assertive]').textContent).toBe('Critical: Ana Lima. Low saturation');
    expect(inside(element, '[aria-live=polite]').textContent).toBe('Low: Shift change. At 19:00');
  });

  test('keeps what goes for its motion, then takes it out', async () => {
    const { element } = await region(toast({ id: 'a' }), toast({ id: 'b' }));
    client.dismissToast('a');
    await drawn(element);
    expect(inside(element, '[data-id=a]').classList.contains('leaving')).toBe(true);
    vi.advanceTimersByTime(200);
    await drawn(element);
    expect(maybe(element, '[data-id=a]')).toBeNull();
  });

  test('translates the keys of connection and sign-in toasts', async () => {
    document.documentElement.lang = 'pt-BR';
    const { titles } = await region(
      toast({ kind: 'connection', title: 'connection_lost', message: '' }),
      toast({ kind: 'auth', title: 'a_key_nobody_knows', message: 'shown as it is' }),
    );
    expect(titles()).toEqual(['Conexão perdida', 'a_key_nobody_knows']);
  });

  test('makes no sound by itself, and calls the page’s sound once for each toast', async () => {
    const { element } = await region();
    const heard: string[] = [];
    element.sound = one => heard.push(one.id);
    client.setToasts([toast({ id: 'a' })]);
    client.setToasts([toast({ id: 'b' }), ...client.toasts.get().visible]);
    expect(heard).toEqual(['a', 'b']);
  });
});
