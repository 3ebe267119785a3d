/**
 * A clock for tests: the client's timers, times and frames go only when the test says so, in order, and as far as it says.
 *
 * It stands in for `setTimeout`, `setInterval`, `requestAnimationFrame` (every 16 ms, where the environment has frames), `Date` and
 * `performance.now`; promises go on by themselves. The wasm's loading is real: install it before `connect()`, and await that.
 * Your test runner's own fake timers do as well; this one needs none, and lets promises go on between two timers.
 */

interface Timer {
  at: number;
  every?: number;
  run: () => void;
}
const FRAME_MS = 16;
/** A clock that finds ever new timers at the same time would never come to an end. */
const MAX_STEPS = 100_000;

/** What `installFakeClock()` gives. */
export interface FakeClock {
  /** Unix milliseconds. */
  readonly now: number;
  /** Goes on by so much, and runs what falls due on the way, each at its own time. */
  advance(ms: number): Promise<void>;
  /** The machine sleeps: time passes, nothing runs until it is over. */
  sleep(ms: number): Promise<void>;
  /** How many timers wait. */
  readonly timers: number;
  /** Gives the environment its own clock back. */
  restore(): void;
}

/** Puts the clock in place of the environment's own; `restore()` it after each test. */
export function installFakeClock({ now = Date.UTC(2026, 0, 1) }: { now?: number } = {}): FakeClock {
  const real = { ...globals(globalThis) };
  const RealDate = globalThis.Date;
  const performanceNow = Object.getOwnPropertyDescriptor(performance, 'now');
  const start = now;
  const timers = new Map<number, Timer>();
  let last = 0;

  const add = (run: unknown, delay: unknown, args: unknown[], repeats: boolean): number => {
    const ms = Math.max(1, Number(delay) || 0);
    const call = () => (run as (...args: unknown[]) => void)(...args);
    timers.set(++last, { at: now + ms, run: call, ...(repeats && { every: ms }) });
    return last;
  };
  const clear = (id: unknown) => void timers.delete(Number(id));
  Object.assign(globalThis, {
    setTimeout: (run: unknown, ms?: unknown, ...args: unknown[]) => add(run, ms, args, false),
    setInterval: (run: unknown, ms?: unknown, ...args: unknown[]) => add(run, ms, args, true),
    clearTimeout: clear,
    clearInterval: clear,
    ...(typeof real.requestAnimationFrame === 'function' && {
      requestAnimationFrame: (run: (time: number) => void) => add(() => run(now - start), FRAME_MS, [], false),
      cancelAnimationFrame: clear,
    }),
    Date: class extends RealDate {
      constructor(...args: [] | [number]) {
        super(...(args.length === 0 ? ([now] as [number]) : args));
      }
      static override now(): number {
        return now;
      }
    },
  });
  Object.defineProperty(performance, 'now', { configurable: true, writable: true, value: () => now - start });

  /** Promises that wait for nothing but each other are through after a turn of the real clock. */
  const settle = () => new Promise<void>(resolve => void real.setTimeout(resolve, 0));
  const runDue = async (until: number) => {
    for (let steps = 0; ; steps++) {
      await settle();
      const [id, due] = [...timers].reduce<[number, Timer] | []>((first, one) => (first[1] && first[1].at <= one[1].at ? first : one), []);
      if (id === undefined || due === undefined || due.at > until) return;
      if (steps >= MAX_STEPS) throw new Error(`the clock ran ${MAX_STEPS} timers on the way: something sets a new one each time`);
      now = Math.max(now, due.at);
      if (due.every === undefined) timers.delete(id);
      else due.at = now + due.every;
      due.run();
    }
  };
  return {
    get now() {
      return now;
    },
    get timers() {
      return timers.size;
    },
    async advance(ms) {
      const until = now + ms;
      await runDue(until);
      now = until;
      await settle();
    },
    async sleep(ms) {
      now += ms;
      await runDue(now);
    },
    restore() {
      Object.assign(globalThis, real, { Date: RealDate });
      if (performanceNow) Object.defineProperty(performance, 'now', performanceNow);
      else Reflect.deleteProperty(performance, 'now');
    },
  };
}

const globals = ({
  setTimeout,
  setInterval,
  clearTimeout,
  clearInterval,
  requestAnimationFrame,
  cancelAnimationFrame,
}: typeof globalThis) => ({
  setTimeout,
  setInterval,
  clearTimeout,
  clearInterval,
  ...(typeof requestAnimationFrame === 'function' && { requestAnimationFrame, cancelAnimationFrame }),
});
