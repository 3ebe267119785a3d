// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { defineElements } from '../src/elements/index.js';
import { PulsewireError } from '../src/errors.js';
import { drawn, inside, maybe, place, shown } from './elements-harness.js';
import { FakeClient } from './fake-client.js';

let client: FakeClient;
beforeEach(() => {
  document.documentElement.lang = 'en';
  client = new FakeClient();
  client.setConnection({ state: 'connected', connectionId: '1', user: 'ana' });
});
afterEach(() => {
  document.body.innerHTML = '';
  vi.useRealTimers();
});
const note = (id: string, over: object = {}) => ({
  id,
  title: `Note ${id}`,
  body: 'body',
  severity: 'high',
  ts: Date.now(),
  read: false,
  ...over,
});
const answer = (method: string, result: unknown) => client.answers.set(method, () => result);
const refuse = (method: string, code: 'forbidden' | 'internal' | 'not_found') =>
  client.answers.set(method, () => {
    throw new PulsewireError({ code, message: code });
  });
const press = (target: Element, key: string, more: KeyboardEventInit = {}) =>
  target.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, composed: true, cancelable: true, ...more }));

test('only the elements that are named are registered, and a name that is none is told', async () => {
  await defineElements(['pulsewire-presence']);
  expect(customElements.get('pulsewire-presence')).toBeDefined();
  await expect(defineElements(['pulsewire-nothing' as 'pulsewire-bell'])).rejects.toThrow('there is no element <pulsewire-nothing>');
});

describe('notifications', () => {
  test('are listed with what each can be asked, and the focus goes on to the neighbour of one that is dismissed', async () => {
    answer('notifications.list', { items: [note('a'), note('b', { read: true })], unread: 1, next: null });
    answer('notifications.dismiss', { unread: 0 });
    const list = await place('pulsewire-notifications', client);
    await vi.waitFor(() => expect(shown(list)).toContain('Note a'));
    expect(shown(list)).toContain('1 unread');
    expect(inside(list, '[data-id=a] .mark').getAttribute('aria-label')).toBe('Mark as read: Note a');
    expect(maybe(list, '[data-id=b] .mark')).toBeNull();
    inside(list, '[data-id=a] .dismiss').focus();
    inside(list, '[data-id=a] .dismiss').click();
    await vi.waitFor(() => expect(maybe(list, '[data-id=a]')).toBeNull());
    await vi.waitFor(() => expect(list.shadowRoot?.activeElement?.closest('[data-id]')?.getAttribute('data-id')).toBe('b'));
  });

  test('say that there are none, that they could not be loaded, and that a mark was refused', async () => {
    answer('notifications.list', { items: [], unread: 0, next: null });
    const none = await place('pulsewire-notifications', client);
    await vi.waitFor(() => expect(shown(none)).toContain('No notifications'));
    none.remove();

    client = new FakeClient();
    client.setConnection({ state: 'connected', connectionId: '1', user: 'ana' });
    refuse('notifications.list', 'internal');
    const failed = await place('pulsewire-notifications', client);
    await vi.waitFor(() => expect(shown(failed)).toContain('could not be loaded'));
    answer('notifications.list', { items: [note('a')], unread: 1, next: null });
    refuse('notifications.read', 'forbidden');
    inside(failed, '[part=retry]').click();
    await vi.waitFor(() => inside(failed, '.mark').click());
    await vi.waitFor(() => expect(inside(failed, '[role=alert]').textContent).toContain('not allowed'));
    expect(maybe(failed, '.new')).not.toBeNull();
  });

  test('one that is opened is read, and a page may keep its link from being followed', async () => {
    answer('notifications.list', { items: [note('a', { link: '/beds/4' })], unread: 1, next: null });
    answer('notifications.read', { unread: 0 });
    const list = await place('pulsewire-notifications', client);
    const opened = vi.fn((event: Event) => event.preventDefault());
    list.addEventListener('pulsewire-notification-click', opened);
    await vi.waitFor(() => inside(list, '.open').click());
    await vi.waitFor(() => expect(client.calls).toContain('call notifications.read {"ids":["a"]}'));
    expect(opened).toHaveBeenCalledTimes(1);
  });

  test('the bell counts them in its name, opens its list by the keyboard, and Escape gives the focus back', async () => {
    answer('notifications.list', { items: [note('a'), note('b')], unread: 140, next: 'more' });
    const bell = await place('pulsewire-bell', client);
    await vi.waitFor(() => expect(inside(bell, '.count').textContent).toBe('99+'));
    const button = inside(bell, '.bell');
    expect([button.getAttribute('aria-label'), button.getAttribute('aria-expanded')]).toEqual(['Notifications, 140 unread', 'false']);
    button.click();
    await drawn(bell);
    await drawn(bell);
    expect(button.getAttribute('aria-expanded')).toBe('true');
    expect(bell.shadowRoot?.activeElement?.getAttribute('role')).toBe('dialog');
    press(inside(bell, '.popover'), 'Escape');
    await drawn(bell);
    expect(maybe(bell, '.popover')).toBeNull();
    expect(bell.shadowRoot?.activeElement).toBe(button);
  });

  test('a bell that is given another client still closes its list when somebody presses elsewhere', async () => {
    const bell = await place('pulsewire-bell', client);
    (bell as unknown as { client: unknown }).client = new FakeClient();
    await drawn(bell);
    inside(bell, '.bell').click();
    await drawn(bell);
    expect(maybe(bell, '.popover')).not.toBeNull();
    document.body.dispatchEvent(new Event('pointerdown', { bubbles: true, composed: true }));
    await drawn(bell);
    expect(maybe(bell, '.popover')).toBeNull();
  });

  test('the bell reads the same number out again when it rises to it again', async () => {
    refuse('notifications.list', 'not_found');
    const bell = await place('pulsewire-bell', client);
    const said = () => inside(bell, '[role=status]').firstElementChild;
    const keep = async (...items: ReturnType<typeof note>[]) => {
      client.notifications.set({ items: items as never, unread: items.filter(({ read }) => !read).length });
      await drawn(bell);
    };
    await keep(note('a'));
    const first = said();
    expect(first?.textContent).toBe('Notifications: 1 unread');
    await keep(note('a', { read: true }));
    expect(said()).toBe(first);
    await keep(note('b'), note('a', { read: true }));
    expect([said()?.textContent, said() === first]).toEqual(['Notifications: 1 unread', false]);
  });
});

describe('the alert panel', () => {
  const alert = (over: object) => ({
    patientId: 'p1',
    patientName: 'Ana',
    type: 'x',
    severity: 'critical',
    message: 'Low',
    ts: 1,
    read: false,
    ...over,
  });

  test('acknowledges and resolves, and says who is on it', async () => {
    answer('alerts.list', { items: [alert({ id: 'a', state: 'active' })], unread: 1, next: null });
    answer('alerts.acknowledge', { state: 'acknowledged', acknowledgedBy: 'Rui' });
    answer('alerts.resolve', {});
    const panel = await place('pulsewire-alerts', client);
    await vi.waitFor(() => expect(inside(panel, '.acknowledge').getAttribute('aria-label')).toBe('Acknowledge: Ana, Low'));
    inside(panel, '.acknowledge').click();
    await vi.waitFor(() => expect(shown(panel)).toContain('Rui is on it'));
    expect(maybe(panel, '.acknowledge')).toBeNull();
    inside(panel, '.resolve').click();
    await vi.waitFor(() => expect(shown(panel)).toContain('No active alerts'));
  });

  test('offers nothing that its relay does not have', async () => {
    client.setAlerts([{ ...alert({ id: 'a' }), id: 'a' } as never]);
    const panel = await place('pulsewire-alerts', client);
    expect(shown(panel)).toContain('Low');
    expect(maybe(panel, '.acknowledge')).toBeNull();
  });
});

describe('a conversation', () => {
  const message = (id: string, over: object = {}) => ({
    id,
    content: `says ${id}`,
    sender: 'patient',
    senderName: 'Rui',
    ts: Date.now(),
    ...over,
  });
  const open = (attributes: Record<string, string> = {}) =>
    place('pulsewire-conversation', client, { 'conversation-id': 'c1', sender: 'nurse', 'sender-name': 'Ana', ...attributes });

  test('sends by Enter, not while composing and not with Shift, and shows the message at once', async () => {
    answer('conversations.messages', { items: [message('a')], next: null });
    const talk = await open();
    const input = inside<HTMLTextAreaElement>(talk, 'textarea');
    const sent = vi.fn();
    talk.addEventListener('pulsewire-message-sent', event => sent(event.detail));
    input.value = ' hello ';
    input.dispatchEvent(new Event('input'));
    expect(client.calls).toContain('setTyping c1 true');
    press(input, 'Enter', { shiftKey: true });
    press(input, 'Enter', { isComposing: true });
    expect(sent).not.toHaveBeenCalled();
    press(input, 'Enter');
    await drawn(talk);
    expect(sent).toHaveBeenCalledWith('hello');
    expect(input.value).toBe('');
    expect(client.calls).toContain('publish conversation:c1 message_new');
    expect(inside(talk, '.own .words').textContent).toBe('hello');
    expect(inside(talk, '.delivery').getAttribute('title')).toBe('Sent');
    press(input, 'Enter');
    expect(sent).toHaveBeenCalledTimes(1);
  });

  test('reads what others write out politely, and not what was there before', async () => {
    answer('conversations.messages', { items: [message('a')], next: null });
    const talk = await open();
    await vi.waitFor(() => expect(shown(talk)).toContain('says a'));
    client.messages('c1').set([message('b') as never]);
    await drawn(talk);
    expect(inside(talk, '[aria-live=polite]').textContent).toBe('Rui: says b');
    const said = inside(talk, '[aria-live=polite]').firstElementChild;
    client.messages('c1').set([message('b'), message('c', { content: 'says b' })] as never);
    await drawn(talk);
    expect(inside(talk, '[aria-live=polite]').textContent).toBe('Rui: says b');
    expect(inside(talk, '[aria-live=polite]').firstElementChild).not.toBe(said);
    expect(inside(talk, '.list').getAttribute('role')).toBe('log');
  });

  test('stands still where the reader scrolled up, counts what came, and goes to the end when asked to', async () => {
    answer('conversations.messages', { items: [message('a')], next: null });
    const talk = await open();
    await vi.waitFor(() => expect(shown(talk)).toContain('says a'));
    const list = inside(talk, '.list');
    let top = 1_000;
    Object.defineProperty(list, 'scrollHeight', { get: () => 2_000 });
    Object.defineProperty(list, 'clientHeight', { get: () => 400 });
    Object.defineProperty(list, 'scrollTop', { get: () => top, set: value => (top = value) });
    list.dispatchEvent(new Event('scroll'));
    const own = { clientId: 'x', content: 'mine', sender: 'nurse', senderName: 'Ana', ts: Date.now() };
    client.outbox.set([
      { id: 'o', channel: 'conversation:c1', event: 'message_new', data: { message: own }, queuedAt: Date.now(), state: 'queued' },
    ]);
    await drawn(talk);
    top = 1_000;
    list.dispatchEvent(new Event('scroll'));
    client.messages('c1').set([message('b'), message('c')] as never);
    await drawn(talk);
    expect(top).toBe(1_000);
    expect(inside(talk, '.jump').textContent?.trim()).toBe('2 new messages');
    inside(talk, '.jump').click();
    await drawn(talk);
    expect(top).toBe(2_000);
    expect(maybe(talk, '.jump')).toBeNull();
  });

  test('keeps the place of what is read when older ones come in front', async () => {
    let older: ((page: unknown) => void) | undefined;
    client.answers.set('conversations.messages', ({ before }: { before?: string }) =>
      before ? new Promise(resolve => (older = resolve)) : { items: [message('b')], next: 'b' },
    );
    const talk = await open();
    await vi.waitFor(() => expect(shown(talk)).toContain('says b'));
    const list = inside(talk, '.list');
    let top = 1_000;
    Object.defineProperty(list, 'scrollHeight', { get: () => 1_500 + 500 * list.querySelectorAll('[data-key]').length });
    Object.defineProperty(list, 'clientHeight', { get: () => 400 });
    Object.defineProperty(list, 'scrollTop', { get: () => top, set: value => (top = value) });
    list.dispatchEvent(new Event('scroll'));
    top = 60;
    list.dispatchEvent(new Event('scroll'));
    expect(older).toBeDefined();
    await drawn(talk);
    older?.({ items: [message('a', { ts: 1 })], next: null });
    await vi.waitFor(() => expect(inside(talk, '[data-key]').dataset.key).toBe('a'));
    await vi.waitFor(() => expect(top).toBe(560));
  });

  test('one that was not sent says so and can be sent again', async () => {
    client.publish = () => {
      const lost = Promise.reject(new PulsewireError({ code: 'expired', message: 'too late' }));
      return Object.assign(lost, { state: { get: () => 'queued' as const, listen: () => () => {}, subscribe: () => () => {} } });
    };
    const talk = await open();
    inside<HTMLTextAreaElement>(talk, 'textarea').value = 'hello';
    press(inside(talk, 'textarea'), 'Enter');
    await vi.waitFor(() => expect(shown(talk)).toContain('Not sent'));
    inside(talk, '[part=again]').click();
    await vi.waitFor(() => expect(shown(talk)).toContain('Not sent'));
    await vi.waitFor(() => inside(talk, '[part=discard]').click());
    await drawn(talk);
    expect(shown(talk)).not.toContain('hello');
  });

  test('has no field where it is for reading only, and lets go of everything when it leaves', async () => {
    const talk = await open({ 'read-only': '' });
    expect(maybe(talk, 'textarea')).toBeNull();
    expect(client.holds('conversation:c1')).toBe(1);
    talk.remove();
    expect([client.holds(), client.listeners()]).toEqual([0, 0]);
  });
});

describe('usage, jobs, presence and typing', () => {
  test('usage says in words and by a meter what its colour says', async () => {
    answer('sessions.list', { items: [{ deviceId: 'd', startedAt: Date.now() - 120_000 }], compliance: 0.42 });
    const usage = await place('pulsewire-usage', client, { 'patient-id': 'p1', days: '30' });
    await vi.waitFor(() => expect(shown(usage)).toContain('In use'));
    expect(shown(usage)).toContain('for 2m');
    expect(shown(usage)).toContain('Compliance, last 30 days42%');
    expect(inside(usage, '[role=meter]').getAttribute('aria-valuenow')).toBe('42');
  });

  test('a job shows its progress, says why it failed at once, and is asked once to try again', async () => {
    client.executions.set({ e1: { executionId: 'e1', status: 'running', progress: 0.4, step: 'Reading', attempt: 1, ts: 1 } });
    const job = await place('pulsewire-execution', client, { 'execution-id': 'e1', label: 'Report' });
    expect(inside(job, '[role=progressbar]').getAttribute('aria-valuetext')).toBe('40%');
    expect(maybe(job, '.retry')).toBeNull();
    const error = { code: 'timeout', message: 'No answer', detail: 'GET 504' };
    client.executions.set({ e1: { executionId: 'e1', status: 'failed', progress: 0.4, attempt: 2, ts: 2, error } });
    await drawn(job);
    expect(inside(job, '[role=alert]').textContent).toBe('Failed');
    for (const words of ['No answer', 'timeout', 'GET 504', 'attempt 2']) expect(shown(job)).toContain(words);
    inside(job, '.retry').click();
    inside(job, '.retry').click();
    await vi.waitFor(() =>
      expect(client.calls.filter(call => call.startsWith('publish'))).toEqual(['publish execution:e1 execution_retry']),
    );
    job.addEventListener('pulsewire-execution-retry', event => event.preventDefault());
    await vi.waitFor(() => expect(inside(job, '.retry').getAttribute('aria-disabled')).toBe('false'));
    client.calls.length = 0;
    inside(job, '.retry').click();
    expect(client.calls).toEqual([]);
  });

  test('a dot says online, offline, and that nobody can tell', async () => {
    client.presence.set([{ userId: 'rui', name: 'Rui Costa' }]);
    const dot = await place('pulsewire-presence', client, { 'user-id': 'rui' });
    expect(shown(dot)).toBe('Rui Costa: Online');
    client.presence.set([]);
    await drawn(dot);
    expect(shown(dot)).toBe('rui: Offline');
    client.setConnection({ state: 'reconnecting' });
    await drawn(dot);
    expect(shown(dot)).toBe('rui: No status yet');
  });

  test('who writes is named, two are named, more are counted', async () => {
    const line = await place('pulsewire-typing', client, { 'conversation-id': 'c1' });
    const write = async (...names: string[]) => {
      client.typing.set(names.map(name => ({ conversationId: 'c1', userId: name, name })));
      await drawn(line);
      return shown(line);
    };
    expect(await write('Rui')).toBe('Rui is writing…');
    expect(await write('Rui', 'Bo')).toBe('Rui and Bo are writing…');
    expect(await write('Rui', 'Bo', 'Cy')).toBe('3 people are writing…');
    expect(await write()).toBe('');
    expect(client.holds('conversation:c1')).toBe(1);
  });
});
