// Shown in docs/recipes.md; docs.test.ts compares them, docs-recipes.test.ts runs them.
import type { Alert, Delivery, Pulsewire, TelemetryHandle } from 'pulsewire';

type Stop = () => void;

/** A sound for each toast, once for all tabs; `play` is yours. */
export function chime(pulse: Pulsewire, play: (severity: Alert['severity']) => void): Stop {
  return pulse.on('toast', ({ kind, severity }) => {
    if (kind === 'alert') play(severity);
  });
}

/** Your backend's list, read again where the relay can no longer tell what was missed. */
export function keepFresh(pulse: Pulsewire, channel: string, reload: () => void): Stop {
  const held = pulse.channel(channel);
  const stop = pulse.on('resync', event => {
    if (event.channel === channel) reload();
  });
  return () => {
    stop();
    held.release();
  };
}

/** A chart of your own: it pulls when points came, at most once a frame, and breaks the line where points are missing. */
export function draw(series: TelemetryHandle, canvas: CanvasRenderingContext2D, x: (t: number) => number, y: (v: number) => number): Stop {
  return series.listen(() => {
    const { t, v, gaps } = series.view();
    const breaks = new Set(gaps);
    canvas.clearRect(0, 0, canvas.canvas.width, canvas.canvas.height);
    canvas.beginPath();
    for (let i = 0; i < t.length; i += 1) {
      const to = [x(t[i] as number), y(v[i] as number)] as const;
      if (i === 0 || breaks.has(i)) canvas.moveTo(...to);
      else canvas.lineTo(...to);
    }
    canvas.stroke();
  });
}

/** What to write beside a value, so that an old one never looks like a new one. */
export function ageOf(series: TelemetryHandle): string {
  const { state, ageMs } = series.freshness();
  if (state === 'live') return '';
  if (state === 'empty') return 'no data';
  return state === 'backfilling' ? 'catching up' : `${Math.round((ageMs ?? 0) / 1_000)} s old`;
}

/** A note that is on the screen at once, and says where it is. */
export function send(pulse: Pulsewire, conversation: string, text: string, mark: (state: string) => void): Delivery {
  const delivery = pulse.publish(`conversation:${conversation}`, 'note', { text });
  delivery.state.subscribe(mark);
  delivery.catch(({ code }) => mark(code));
  return delivery;
}

/** The way out on a computer that others use: nothing of this user stays. */
export async function leave(pulse: Pulsewire, signInPage: () => void): Promise<void> {
  await pulse.signOut();
  pulse.destroy();
  signInPage();
}

/** What to put into a report of a problem: words for people, no token. */
export async function report(pulse: Pulsewire): Promise<string> {
  const { code, summary, mend, checks } = await pulse.diagnose();
  const looked = checks.map(({ name, ok, detail }) => `${ok ? '✓' : '✗'} ${name}: ${detail}`);
  return [`${code}: ${summary} ${mend}`, ...looked].join('\n');
}
