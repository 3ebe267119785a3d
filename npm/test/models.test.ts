// @vitest-environment happy-dom
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { openAlertDesk, openExecution, openInbox, openTimeline, openUsage, usedSince } from '../src/models/index.js';
import { calls, client, clock, connect, ends, note, nurse, relay, signedIn, signInAs, watch } from './models-world.js';

describe('the inbox', () => {
  test('shows what is stored with what comes, each once and newest first, and counts what is not loaded', async () => {
    relay.onCall('notifications.list', () => ({ items: [note('b', 2), note('a', 1, true)], unread: 7, next: 'n1' }));
    const inbox = openInbox(client);
    watch(inbox);
    await connect();
    expect(inbox.get()).toMatchObject({ status: 'ready', unread: 7, more: true });
    relay.publish('user:ana', 'notification', { id: 'c', title: 'c', body: '', severity: 'low' });
    relay.publish('user:ana', 'notification', { id: 'b', title: 'b', body: '', severity: 'low', ts: 2 });
    await clock.advance(100);
    expect(inbox.get().items.map(({ id }) => id)).toEqual(['c', 'b', 'a']);
    expect(inbox.get().unread).toBe(8);
  });

  test('shows a mark only once the relay has it, and says where it was refused', async () => {
    relay.onCall('notifications.list', () => ({ items: [note('a', 1)], unread: 1, next: null }));
    let refuse = true;
    relay.onCall('notifications.read', () => {
      if (refuse) throw new Error('disk full');
      return { unread: 0 };
    });
    const inbox = openInbox(client);
    watch(inbox);
    await connect();
    expect(await inbox.markRead(['a'])).toBe(false);
    expect(inbox.get()).toMatchObject({ unread: 1, error: 'internal' });
    refuse = false;
    expect(await inbox.markRead('all')).toBe(true);
    expect(inbox.get()).toMatchObject({ unread: 0, error: undefined, items: [{ read: true }] });
    expect(calls('notifications.read').map(({ params }) => params)).toEqual([{ ids: ['a'] }, { all: true }]);
  });

  test('follows what was read and dismissed on another device', async () => {
    relay.onCall('notifications.list', () => ({ items: [note('b', 2), note('a', 1)], unread: 2, next: null }));
    const inbox = openInbox(client);
    watch(inbox);
    await connect();
    relay.publish('user:ana', 'notification_read', { ids: ['a'] });
    relay.publish('user:ana', 'notification_dismissed', { ids: ['b'] });
    await clock.advance(100);
    expect(inbox.get()).toMatchObject({ unread: 0, items: [{ id: 'a', read: true }] });
  });

  test('asks again after each loss of the connection, and works without a store', async () => {
    const inbox = openInbox(client);
    watch(inbox);
    await connect();
    expect(inbox.get()).toMatchObject({ status: 'absent', items: [] });
    relay.publish('user:ana', 'notification', { id: 'c', title: 'c', body: '', severity: 'low' });
    await clock.advance(100);
    expect(await inbox.dismiss(['c'])).toBe(true);
    expect(inbox.get().items).toEqual([]);
    relay.drop();
    await clock.advance(3_000);
    expect(calls('notifications.list')).toHaveLength(2);
  });

  test('is one for all who ask, and holds nothing while nobody listens', async () => {
    const inbox = openInbox(client);
    expect(openInbox(client)).toBe(inbox);
    await connect();
    expect(calls('notifications.list')).toHaveLength(0);
    const [first, second] = [inbox.listen(() => {}), inbox.listen(() => {})];
    await clock.advance(10);
    expect(calls('notifications.list')).toHaveLength(1);
    first();
    second();
    relay.drop();
    await clock.advance(3_000);
    expect(calls('notifications.list')).toHaveLength(1);
  });
});

describe('a conversation', () => {
  const message = (n: number, over: object = {}) => ({
    id: `m${n}`,
    content: `m${n}`,
    sender: 'patient',
    senderName: 'Rui',
    ts: n,
    ...over,
  });
  const shown = (timeline: ReturnType<typeof openTimeline>) =>
    timeline.get().messages.map(({ content, state }) => (state ? `${content} ${state}` : content));

  test('shows an own message at once, keeps its key, and follows it to whoever reads it', async () => {
    relay.onCall('conversations.messages', () => ({ items: [message(1)], next: null }));
    const timeline = openTimeline(client, 'c1', nurse);
    watch(timeline);
    await connect();
    const key = timeline.send('  hello ');
    expect(shown(timeline)).toEqual(['m1', 'hello sending']);
    await clock.advance(100);
    expect(shown(timeline)).toEqual(['m1', 'hello sent']);
    const [, own] = timeline.get().messages;
    expect([own?.key, own?.own]).toEqual([key, true]);
    timeline.send('and more');
    await clock.advance(100);
    relay.publish('conversation:c1', 'message_status', { messageId: timeline.get().messages.at(-1)!.id, status: 'read', user: 'rui' });
    await clock.advance(100);
    expect(shown(timeline)).toEqual(['m1', 'hello read', 'and more read']);
  });

  test('waits in the outbox without a connection, and goes out in order after it', async () => {
    const timeline = openTimeline(client, 'c1', nurse);
    watch(timeline);
    await connect();
    relay.reachable = false;
    relay.drop();
    timeline.send('one');
    timeline.send('two');
    await clock.advance(500);
    expect(shown(timeline)).toEqual(['one queued', 'two queued']);
    relay.reachable = true;
    await clock.advance(10_000);
    expect(shown(timeline)).toEqual(['one sent', 'two sent']);
    const sent = relay.receivedOf('publish').filter(({ event }) => event === 'message_new');
    expect(sent.map(({ data }) => (data as { message: { content: string } }).message.content)).toEqual(['one', 'two']);
  });

  test('loads older pages in front, and closes the hole after a long absence', async () => {
    let page = [message(6), message(5)];
    relay.onCall('conversations.messages', params => {
      const { before } = params as { before?: number };
      return before === undefined ? { items: page, next: 5 } : { items: [message(4), message(3)], next: null };
    });
    const timeline = openTimeline(client, 'c1', nurse);
    watch(timeline);
    await connect();
    expect(await timeline.loadOlder()).toBe(2);
    expect(shown(timeline)).toEqual(['m3', 'm4', 'm5', 'm6']);
    expect(timeline.get().more).toBe(false);
    page = [message(91), message(90)];
    relay.drop();
    await clock.advance(3_000);
    expect(shown(timeline)).toEqual(['m90', 'm91']);
    expect(timeline.get().more).toBe(true);
  });

  test('says of the newest message of others that it arrived, and once asked to, that it was read', async () => {
    relay.onCall('conversations.messages', () => ({ items: [message(2), message(1)], next: null }));
    const timeline = openTimeline(client, 'c1', nurse);
    watch(timeline);
    await connect();
    timeline.markRead();
    timeline.markRead();
    await clock.advance(100);
    const marks = relay.receivedOf('publish').filter(({ event }) => event === 'message_status');
    expect(marks.map(({ data }) => data)).toEqual([
      { messageId: 'm2', status: 'delivered', user: 'ana' },
      { messageId: 'm2', status: 'read', user: 'ana' },
    ]);
  });

  test('one that was given up is kept, to be sent again or removed', async () => {
    const timeline = openTimeline(client, 'c1', nurse);
    watch(timeline);
    await connect();
    relay.reachable = false;
    relay.drop();
    const key = timeline.send('late')!;
    await clock.advance(11 * 60_000);
    expect(shown(timeline)).toEqual(['late failed']);
    relay.reachable = true;
    await clock.advance(60_000);
    timeline.retry(key);
    await clock.advance(1_000);
    expect(shown(timeline)).toEqual(['late sent']);
    relay.reachable = false;
    relay.drop();
    const gone = timeline.send('wrong')!;
    await clock.advance(11 * 60_000);
    timeline.discard(gone);
    expect(shown(timeline)).toEqual(['late sent']);
  });
});

describe('usage', () => {
  test('begins with what is stored and follows sessions as they begin and end', async () => {
    const start = clock.now - 3_600_000;
    const items: object[] = [{ deviceId: 'd1', startedAt: start, endedAt: start + 600_000 }];
    relay.onCall('sessions.list', () => ({ items, compliance: 0.5 }));
    const usage = openUsage(client, 'p1');
    watch(usage);
    await connect();
    expect(usage.get()).toMatchObject({ status: 'ready', compliance: 0.5, current: undefined });
    const startedAt = clock.now;
    items.unshift({ deviceId: 'd1', startedAt });
    relay.publish('patient:p1', 'usage_session', { patientId: 'p1', deviceId: 'd1', phase: 'start', startedAt });
    await clock.advance(60_000);
    expect(usage.get().current).toEqual({ deviceId: 'd1', startedAt });
    expect(usedSince(usage.get().sessions, start, startedAt + 60_000)).toBe(660_000);
    const end = { patientId: 'p1', deviceId: 'd1', startedAt, endedAt: startedAt + 60_000, durationMs: 60_000, compliance: 0.6 };
    relay.publish('patient:p1', 'usage_session', { ...end, phase: 'end' });
    relay.publish('patient:p1', 'usage_session', { patientId: 'p1', deviceId: 'd1', phase: 'start', startedAt });
    await clock.advance(100);
    expect(usage.get()).toMatchObject({ current: undefined });
    expect(usage.get().sessions).toHaveLength(2);
  });

  test('takes compliance from the list alone, and asks for it again once after what is told together', async () => {
    let listed: object = { items: [], compliance: 0.5 };
    relay.onCall('sessions.list', () => listed);
    const usage = openUsage(client, 'p1');
    watch(usage);
    await connect();
    const startedAt = clock.now - 60_000;
    listed = { items: [{ deviceId: 'd1', startedAt: startedAt - 5_000, endedAt: startedAt + 9_000 }], compliance: 0.55 };
    const told = { patientId: 'p1', deviceId: 'd1', startedAt };
    relay.publish('patient:p1', 'usage_session', { ...told, phase: 'start' });
    relay.publish('patient:p1', 'usage_session', { ...told, phase: 'end', endedAt: startedAt + 9_000, durationMs: 9_000, compliance: 1 });
    await clock.advance(500);
    expect(usage.get().compliance).toBe(0.5);
    await clock.advance(1_000);
    expect(calls('sessions.list')).toHaveLength(2);
    // Joined by the relay with the one before.
    expect(usage.get()).toMatchObject({ compliance: 0.55, sessions: [{ startedAt: startedAt - 5_000 }], current: undefined });
  });
});

describe('a long job', () => {
  test('has its title and its log: what is stored, then what is written', async () => {
    const line = (text: string) => ({ ts: 1, level: 'info', text });
    const stored = { executionId: 'e1', status: 'running', progress: 0.2, attempt: 1, ts: 1, title: 'Report', log: [line('begun')] };
    relay.onCall('executions.get', () => stored);
    const job = openExecution(client, 'e1');
    watch(job);
    await connect();
    relay.publish('execution:e1', 'execution_log', { executionId: 'e1', attempt: 1, lines: [line('half')] });
    await clock.advance(100);
    expect([job.get().title, job.get().log.map(({ text }) => text)]).toEqual(['Report', ['begun', 'half']]);
    for (let n = 0; n < 300; n++) relay.publish('execution:e1', 'execution_log', { executionId: 'e1', attempt: 1, lines: [line(`${n}`)] });
    await clock.advance(100);
    expect([job.get().log.length, job.get().log.at(-1)?.text]).toEqual([200, '299']);
  });

  test('shows what is stored until something is told, and passes the wish to try again on where nothing is stored', async () => {
    relay.onCall('executions.get', () => ({ executionId: 'e1', status: 'running', progress: 0.2, attempt: 1, ts: 1 }));
    const job = openExecution(client, 'e1');
    watch(job);
    await connect();
    expect(job.get().execution).toMatchObject({ status: 'running', progress: 0.2 });
    const error = { code: 'timeout', message: 'No answer' };
    relay.publish('execution:e1', 'execution_update', { executionId: 'e1', status: 'failed', progress: 0.4, attempt: 1, error });
    await clock.advance(100);
    expect(job.get().execution).toMatchObject({ status: 'failed', error });
    const asked = vi.fn();
    client.channel('execution:e1').on('execution_retry', asked);
    expect(await job.retry()).toBe(true);
    await clock.advance(100);
    expect(asked).toHaveBeenCalledTimes(1);
    relay.onCall('executions.retry', () => ({}));
    expect(await job.retry()).toBe(true);
    await clock.advance(100);
    expect(asked).toHaveBeenCalledTimes(1);
  });
});

describe('a shared computer', () => {
  const alert = { patientId: 'p1', patientName: 'Ana', type: 'vital', severity: 'high' as const, message: 'a', ts: 1, read: false };
  const models = {
    inbox: () => openInbox(client),
    'alert desk': () => openAlertDesk(client),
    conversation: () => openTimeline(client, 'c1', nurse),
    usage: () => openUsage(client, 'p1'),
    'long job': () => openExecution(client, 'e1'),
  } as const;
  const names = Object.keys(models) as (keyof typeof models)[];
  beforeEach(() => {
    const stored = (method: string, answer: object) =>
      relay.onCall(method, () => {
        if (signedIn() !== 'ana') throw new Error('disk full');
        return answer;
      });
    stored('notifications.list', { items: [note('secret', 1)], unread: 1, next: null });
    stored('alerts.list', { items: [{ ...alert, id: 'secret', state: 'active' }], unread: 1, next: null });
    const message = { id: 'secret', content: 'x', sender: 'patient', senderName: 'Rui', ts: 1 };
    stored('conversations.messages', { items: [message], next: null });
    stored('sessions.list', { items: [{ deviceId: 'secret', startedAt: 1, endedAt: 2 }], compliance: 0.5 });
    const line = { ts: 1, level: 'info', text: 'secret' };
    stored('executions.get', { executionId: 'e1', status: 'running', progress: 0.2, attempt: 1, ts: 1, title: 'secret', log: [line] });
  });
  const held = (model: { get(): object }) => JSON.stringify(model.get());

  test.each(names)('nothing of the %s of one user is shown to the next', async name => {
    const model = models[name]();
    watch(model);
    await connect();
    expect(held(model)).toContain('secret');
    await client.signOut();
    expect(held(model)).not.toContain('secret');
    signInAs('bo');
    await connect();
    expect(held(model)).not.toContain('secret');
  });

  test.each(names)('nor of the %s where nobody listened meanwhile', async name => {
    const model = models[name]();
    const end = model.listen(() => {});
    await connect();
    end();
    expect(held(model)).toContain('secret');
    await client.signOut();
    signInAs('bo');
    await connect();
    const seen: string[] = [];
    ends.push(model.listen(() => seen.push(held(model))));
    await clock.advance(100);
    expect([held(model), ...seen].join('')).not.toContain('secret');
  });

  test.each(names)('the %s stays through a lost connection', async name => {
    const model = models[name]();
    watch(model);
    await connect();
    relay.reachable = false;
    relay.drop();
    await clock.advance(1_000);
    expect(held(model)).toContain('secret');
  });
});
