/**
 * Which messages a server puts into which frame, and when: worked out before the clock runs.
 *
 * Without a delay each message leaves when it is published. With one (`gatherMs`), the first that waits opens a window, and all that came
 * within it leave at its end. Where everything is there at once, as after an interruption, as many go together as the server ever joins.
 */

/** Between what is there at once and what follows by the clock. */
const PAUSE_MS = 1_000;

/**
 * Gives frames, each with `upTo`, the messages that have been sent once it is, and `dueMs`.
 *
 * `stream`: `total` messages, of which the first `atOnce` are there at once and the others come `perSecond`, gathered for `gatherMs`.
 */
export function planned(protocol, { total, atOnce, perSecond, gatherMs = 0 }) {
  // With a delay nothing but the delay divides what waits: Centrifugo's documentation takes its limit away then.
  const mostMessages = protocol.join === undefined ? 1 : gatherMs > 0 ? Number.POSITIVE_INFINITY : (protocol.mostMessages ?? Number.POSITIVE_INFINITY);
  const mostBytes = protocol.mostBytes ?? Number.POSITIVE_INFINITY;
  const publishedMs = message => (message < atOnce ? 0 : PAUSE_MS + ((message - atOnce) * 1_000) / perSecond);
  const frames = [];
  let message = 0;
  while (message < total) {
    const until = publishedMs(message) + gatherMs;
    const waiting = [];
    let bytes = 0;
    do {
      const frame = protocol.frame(message);
      waiting.push(frame);
      bytes += frame.length;
      message += 1;
      // Frames of one stream are alike: the next is as long as this one.
    } while (message < total && publishedMs(message) <= until && waiting.length < mostMessages && bytes + bytes / waiting.length <= mostBytes);
    frames.push({ data: waiting.length === 1 ? waiting[0] : protocol.join(waiting), upTo: message, dueMs: until });
  }
  return frames;
}
