/**
 * Where replayed frames come from: a thread of its own, as a browser's sockets have one. The page gets each frame as an event in a task.
 *
 * Told the protocol's name and the stream first; then `'start'`, or how many messages of what is there at once may come.
 */
import { planned } from '../lib/frames.mjs';
import { named } from '../lib/protocols.mjs';
import { asReceived } from './received.js';

const TICK_MS = 2;
let frames = [];
let posted = 0;

function postWhile(due) {
  for (; posted < frames.length && due(frames[posted]); posted += 1) {
    const { data } = frames[posted];
    postMessage(data, typeof data === 'string' ? [] : [data]);
  }
}

onmessage = ({ data: told }) => {
  if (typeof told === 'number') postWhile(({ upTo }) => upTo <= told);
  else if (told !== 'start') {
    frames = planned(named(told.name), told.stream).map(frame => ({ ...frame, data: asReceived(frame.data) }));
    postMessage('ready');
  } else {
    const begun = performance.now();
    const timer = setInterval(() => {
      const passedMs = performance.now() - begun;
      postWhile(({ dueMs }) => dueMs <= passedMs);
      if (posted === frames.length) clearInterval(timer);
    }, TICK_MS);
  }
};
