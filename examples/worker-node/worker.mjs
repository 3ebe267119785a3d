/**
 * A worker for executions, in Node 20 or later without any package: takes what waits, reports progress and log lines, fails now and
 * then (as real jobs do), and works again when a user asks for it.
 *
 *   PULSEWIRE_URL=http://127.0.0.1:8080 PULSEWIRE_TOKEN=$(pulsewire-relay token --sub worker --tenant demo --role service \
 *     --subscribe '*' --publish '*') node worker.mjs
 *
 * What to take from it: what waits is asked for (`status=queued`, `status=retrying`), so nothing depends on having heard an event; a long
 * poll on `tenant` and on the executions that failed only makes it quick. Every report names its attempt, so a worker that was
 * given up cannot overwrite the next one; a report that got no answer is simply sent again.
 *
 * `STEP_MS` is how long a step takes; `STOP_WITH_PARENT=1` ends it with the program that started it.
 *
 * Limit: run one of them. Several need to agree on who takes which execution, which the relay does not do for them.
 */
const base = process.env.PULSEWIRE_URL ?? 'http://127.0.0.1:8080';
const token = process.env.PULSEWIRE_TOKEN;
const STEPS = ['Reading measurements', 'Computing trends', 'Writing the report'];
const STEP_MS = Number(process.env.STEP_MS ?? 1_500);
if (!token) {
  console.error('PULSEWIRE_TOKEN is not set: make one with `pulsewire-relay token --role service …`');
  process.exit(2);
}

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stop.abort());
if (process.env.STOP_WITH_PARENT) {
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && stop.abort(), 1_000).unref();
}

const sleep = ms =>
  new Promise(resolve => {
    const timer = setTimeout(resolve, ms);
    stop.signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
  });

class Refused extends Error {}

/** One request; repeated until the relay answers it, because each of them may be repeated. */
async function request(method, path, body) {
  for (let wait = 500; ; wait = Math.min(wait * 2, 15_000)) {
    try {
      const response = await fetch(`${base}/api/v1${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: body && JSON.stringify(body),
        signal: stop.signal,
      });
      const answer = await response.json();
      if (response.ok) return answer;
      if (!answer.retryable) throw new Refused(`${method} ${path}: ${response.status} ${answer.code}: ${answer.detail}`);
      wait = Math.max(wait, answer.retryAfterMs ?? 0);
    } catch (error) {
      if (error instanceof Refused || stop.signal.aborted) throw error;
      // A relay that is restarted is back by then.
      if (wait >= 2_000) console.error(`the relay cannot be reached (${error.cause?.code ?? error.message}): trying again in ${wait} ms`);
    }
    await sleep(wait);
    stop.signal.throwIfAborted();
  }
}

/** The job itself. Put yours here: throw to fail, `report` as often as you like. */
async function work(attempt, report) {
  for (const [place, step] of STEPS.entries()) {
    await report({ status: 'running', step, progress: place / STEPS.length });
    await sleep(STEP_MS);
    stop.signal.throwIfAborted();
    // The first attempt of every job fails at its last step, so that there is something to try again.
    if (attempt === 1 && place === STEPS.length - 1) {
      throw Object.assign(new Error('The laboratory did not answer.'), { code: 'timeout', detail: 'GET /samples/7 gave no answer within 30 s' });
    }
  }
}

async function run(execution) {
  const { executionId } = execution;
  // One that was left running by a worker that was stopped: begun again under the next number.
  const attempt = execution.status === 'running' ? execution.attempt + 1 : execution.attempt;
  const path = `/executions/${encodeURIComponent(executionId)}`;
  const report = change => request('POST', `${path}/updates`, { ...change, attempt });
  const log = (text, level = 'info') => request('POST', `${path}/log`, { lines: [text], level });
  console.log(`${executionId}: attempt ${attempt}`);
  try {
    await report({ status: 'running', progress: 0 });
    await log(`attempt ${attempt} begins`);
    await work(attempt, report);
    await report({ status: 'succeeded' });
    await log('done');
    console.log(`${executionId}: succeeded`);
  } catch (error) {
    // Given up by somebody else, or we are stopped: the next worker begins it again.
    if (error instanceof Refused || stop.signal.aborted) throw error;
    await log(error.message, 'error');
    await report({ status: 'failed', error: { code: error.code ?? 'failed', message: error.message, detail: error.detail ?? error.stack } });
    console.log(`${executionId}: failed: ${error.message}`);
  }
}

/** What waits for a worker, oldest first; at the start also what the worker before was at when it was stopped. */
async function waiting(atStart) {
  const found = [];
  for (const status of ['queued', 'retrying', ...(atStart ? ['running'] : [])]) {
    for (let before; ; ) {
      const page = await request('GET', `/executions?status=${status}&limit=200${before ? `&before=${before}` : ''}`);
      found.push(...page.items);
      if (!page.next) break;
      before = page.next;
    }
  }
  return found.sort((a, b) => a.ts - b.ts);
}

/** Waits until something is told that may mean work, at most 25 s. */
async function somethingHappens(failed) {
  const channels = ['tenant', ...failed.map(({ executionId }) => `execution:${executionId}`)];
  const polled = await request('POST', '/poll', { channels: channels.map(channel => ({ channel, recover: positions.get(channel) })), waitMs: 25_000 });
  for (const entry of polled.channels) {
    if (entry.epoch) positions.set(entry.channel, { epoch: entry.epoch, offset: entry.offset });
  }
}
const positions = new Map();

try {
  console.log(`waiting for executions at ${base}`);
  for (let atStart = true; !stop.signal.aborted; atStart = false) {
    for (const execution of await waiting(atStart)) {
      await run(execution).catch(error => {
        if (!(error instanceof Refused)) throw error;
        console.error(error.message);
      });
    }
    // Those whose retry we want to hear of at once: the newest that failed.
    const { items } = await request('GET', '/executions?status=failed&limit=50');
    await somethingHappens(items);
  }
} catch (error) {
  if (!stop.signal.aborted) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
