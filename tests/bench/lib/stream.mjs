/**
 * The stream that every library gets: 1,000 messages a second, 20 points each, round robin over 50 devices (400 points a second for each).
 *
 * The same numbers for all, by formula, so that the end state can be told without keeping what was sent.
 */
export const DEVICES = 50;
export const POINTS = 20;
export const MESSAGES_PER_SECOND = 1_000;
/** What the relay gathers telemetry for, by default (`telemetry.write_delay_ms`). */
export const GATHER_MS = 10;
/** What a page keeps of each series. */
export const CAPACITY = 100;
export const METRIC = 'ecg';
const START = 1_795_000_000_000;
const STEP_MS = 1_000 / ((MESSAGES_PER_SECOND / DEVICES) * POINTS);

export const deviceOf = message => `bed-${message % DEVICES}`;
/** Millivolts with the three digits that a monitor gives. */
const value = point => Math.round(Math.sin(point / 9) * 1_000 + Math.sin(point / 2.3) * 130) / 1_000;

/** The points of a message, in columns. */
export function pointsOf(message) {
  const first = Math.floor(message / DEVICES) * POINTS;
  const t = [];
  const v = [];
  for (let point = first; point < first + POINTS; point += 1) {
    t.push(START + point * STEP_MS);
    v.push(value(point));
  }
  return { t, v };
}

/** What a page must hold of each device once it got so many messages. */
export function endState(messages) {
  const state = {};
  for (let device = 0; device < DEVICES; device += 1) {
    const t = [];
    const v = [];
    // The newest message of this device, and those before it that the window reaches.
    for (let message = device; message < messages; message += DEVICES) {
      const points = pointsOf(message);
      t.push(...points.t);
      v.push(...points.v);
    }
    state[`bed-${device}`] = { t: t.slice(-CAPACITY), v: v.slice(-CAPACITY) };
  }
  return state;
}
