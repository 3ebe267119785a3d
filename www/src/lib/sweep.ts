/**
 * Draws a waveform the way a bedside monitor does: the trace stands still and a gap sweeps over it, writing the newest second.
 *
 * Samples arrive in columns of 50–200 ms; the head is drawn a little behind the newest sample and moves with the clock, so that it glides.
 * Holes in the data are left open. Each pixel column draws its lowest and highest sample, so the cost depends on the width, not on the rate.
 */
import type { TelemetryView } from 'pulsewire';

export interface SweepOptions {
  windowMs: number;
  color: string;
  lineWidth: number;
}

/** Share of the width that is kept clear ahead of the head. */
const CLEAR_SHARE = 0.05;
/** How far behind the newest sample the head is drawn at most. */
const LAG_MS = 350;

export class Sweep {
  #head = 0;
  #drawnAt = 0;
  #low = Number.NaN;
  #high = Number.NaN;

  draw(canvas: HTMLCanvasElement, view: TelemetryView, now: number, options: SweepOptions): void {
    const context = canvas.getContext('2d');
    if (!context) return;
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    const width = Math.round(canvas.clientWidth * ratio);
    const height = Math.round(canvas.clientHeight * ratio);
    if (width === 0 || height === 0) return;
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    context.clearRect(0, 0, width, height);
    const { t, v } = view;
    const newest = t[t.length - 1];
    if (newest === undefined) return;

    const head = this.#advance(newest, now);
    const first = lowerBound(t, head - options.windowMs * (1 - CLEAR_SHARE));
    const end = lowerBound(t, head + 0.001);
    this.#scale(v, first, end);
    const span = this.#high - this.#low || 1;
    const margin = 3 * ratio;
    const y = (value: number): number => height - margin - ((value - this.#low) / span) * (height - 2 * margin);
    const x = (time: number): number => ((time % options.windowMs) / options.windowMs) * width;

    context.lineWidth = options.lineWidth * ratio;
    context.lineJoin = 'round';
    context.lineCap = 'round';
    context.strokeStyle = options.color;
    context.beginPath();
    const gaps = new Set(view.gaps);
    let pen = false;
    let column = -1;
    let low = 0;
    let high = 0;
    let lastY = 0;
    const flush = (): void => {
      if (column < 0) return;
      const px = column + 0.5;
      // The extreme nearer to where the line came from is drawn first, so that the trace does not zigzag.
      const [a, b] = Math.abs(y(low) - lastY) < Math.abs(y(high) - lastY) ? [low, high] : [high, low];
      if (pen) context.lineTo(px, y(a));
      else context.moveTo(px, y(a));
      if (a !== b) context.lineTo(px, y(b));
      lastY = y(b);
      pen = true;
    };
    for (let i = first; i < end; i += 1) {
      const value = v[i] ?? 0;
      const px = Math.floor(x(t[i] ?? 0));
      const lifted = gaps.has(i) || px < column;
      if (px !== column || lifted) {
        flush();
        if (lifted) pen = false;
        column = px;
        low = value;
        high = value;
      } else {
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
    }
    flush();
    context.stroke();

    if (pen) {
      context.fillStyle = options.color;
      context.beginPath();
      context.arc(Math.min(width - 2 * ratio, column + 0.5), lastY, 2.4 * ratio, 0, 2 * Math.PI);
      context.fill();
    }
  }

  /** Moves the head with the clock, bends it gently towards the data, jumps where they are far apart. */
  #advance(newest: number, now: number): number {
    const target = newest - LAG_MS / 2;
    const elapsed = Math.min(250, now - this.#drawnAt);
    this.#drawnAt = now;
    const ahead = this.#head + elapsed;
    const error = target - ahead;
    this.#head = Math.abs(error) > 1_500 ? target : Math.min(newest, ahead + error * 0.04);
    return this.#head;
  }

  /** The vertical range follows the window: out at once, in slowly. */
  #scale(v: Float64Array, first: number, end: number): void {
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    for (let i = first; i < end; i += 1) {
      const value = v[i] ?? 0;
      if (value < low) low = value;
      if (value > high) high = value;
    }
    if (!(high >= low)) return;
    this.#low = Number.isNaN(this.#low) || low < this.#low ? low : this.#low + (low - this.#low) * 0.02;
    this.#high = Number.isNaN(this.#high) || high > this.#high ? high : this.#high + (high - this.#high) * 0.02;
  }
}

/** The first index whose time is not before `time`. */
function lowerBound(t: Float64Array, time: number): number {
  let low = 0;
  let high = t.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((t[middle] ?? 0) < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
