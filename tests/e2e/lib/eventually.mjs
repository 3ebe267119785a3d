/** Waits for what is bound to happen, and says what it waited for when it does not. */
import { setTimeout as pause } from 'node:timers/promises';

/**
 * Resolves with the first truthy answer of `check`; an error counts as "not yet" and is told at the end.
 *
 * @param {string} what  a sentence: "the banner shows"
 */
export async function eventually(what, check, timeoutMs = 8_000, everyMs = 50) {
  const deadline = Date.now() + timeoutMs;
  let last;
  for (;;) {
    try {
      last = await check();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    if (Date.now() >= deadline) {
      const seen = last instanceof Error ? last.message : JSON.stringify(last);
      throw new Error(`not within ${timeoutMs} ms: ${what} (last seen: ${seen})`);
    }
    await pause(everyMs);
  }
}
