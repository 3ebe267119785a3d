/**
 * One uPlot instance: axes, grid, scaling and the pointer are uPlot's; the lines are traced by `chart-data.ts` from views taken while drawing.
 *
 * uPlot is given only the corners of the window as data. It asks for each series' path when it draws, and only then are the wasm's views
 * taken, so a later redraw (resize, theme) never sees a detached one.
 */
import uPlot from 'uplot';
import { gapSpans, type Line, type Linear, type Range, traceLine } from './chart-data.js';
import { firstAt } from './chart-lookup.js';

export interface Trace {
  /** The newest points; called while drawing. */
  read(): Line;
  colour(): string;
}
export interface PlotLook {
  text(): string;
  grid(): string;
  hole(): string;
  formatTime(ts: number, stepMs: number): string;
  formatValue(value: number): string;
}
export interface PlotOptions {
  traces: readonly Trace[];
  look: PlotLook;
  width: number;
  height: number;
  timeAxis: boolean;
  /** Plots of one key show the pointer together. */
  pointerKey: string;
  /** The time under the pointer, as long as it is over the plot. */
  onPointer(time: number | undefined): void;
}

const AXIS_FONT = '11px system-ui, sans-serif';
/** Half a time label, less the padding at the right. */
const LABEL_REACH_PX = 14;
const VALUE_AXIS_PX = 46;
const LINE_PX = 1.75;
const DIMMED = 0.5;
/** A browser without a graphics card, as on a virtual desktop, paints thousands of one-pixel segments six times faster than wider ones. */
const WAVEFORM_PX = 1;

export class Plot {
  readonly #plot: uPlot;
  #time: Range = [0, 1];
  #values: Range = [0, 1];

  constructor(host: HTMLElement, options: PlotOptions) {
    this.#plot = new uPlot(this.#settings(options), [[0, 1], ...options.traces.map(() => [0, 0])], host);
  }

  /** Draws the newest points in this window. */
  draw(time: Range, values: Range): void {
    this.#time = time;
    this.#values = values;
    const edge = [values[0], values[1]];
    this.#plot.setData([[time[0], time[1]], ...this.#plot.series.slice(1).map(() => edge)]);
  }

  /** Makes the lines paler, while the axes stay readable. */
  dim(on: boolean): void {
    for (const series of this.#plot.series.slice(1)) series.alpha = on ? DIMMED : 1;
  }

  /** Draws the same again, in new colours. */
  redraw(): void {
    this.#plot.redraw(true, true);
  }

  resize(width: number, height: number): void {
    if (width !== this.#plot.width || height !== this.#plot.height) this.#plot.setSize({ width, height });
  }

  destroy(): void {
    this.#plot.destroy();
  }

  #settings({ traces, look, width, height, timeAxis, pointerKey, onPointer }: PlotOptions): uPlot.Options {
    const axis = { font: AXIS_FONT, stroke: () => look.text(), ticks: { show: false }, grid: { stroke: () => look.grid(), width: 1 } };
    return {
      width,
      height,
      ms: 1,
      padding: [8, 12, timeAxis ? 0 : 6, 0],
      legend: { show: false },
      select: { show: false, left: 0, top: 0, width: 0, height: 0 },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false, setScale: false }, sync: { key: pointerKey } },
      scales: {
        x: { time: true, range: () => [this.#time[0], this.#time[1]] },
        y: { range: () => [this.#values[0], this.#values[1]] },
      },
      axes: [
        {
          ...axis,
          show: timeAxis,
          size: 24,
          gap: 4,
          space: 84,
          values: (plot, splits, _axis, _space, step) => splits.map(at => (this.#fits(plot.width, at) ? look.formatTime(at, step) : '')),
        },
        { ...axis, size: VALUE_AXIS_PX, gap: 6, space: 32, values: (_plot, splits) => splits.map(at => look.formatValue(at)) },
      ],
      series: [{}, ...traces.map(trace => this.#series(trace))],
      hooks: {
        drawClear: [plot => this.#shadeHoles(plot, traces, look)],
        setCursor: [plot => onPointer(pointerTime(plot))],
      },
    };
  }

  /** A label centred on a tick near the right edge would be cut off. */
  #fits(width: number, time: number): boolean {
    return (this.#time[1] - time) / (this.#time[1] - this.#time[0]) > LABEL_REACH_PX / (width - VALUE_AXIS_PX);
  }

  #series(trace: Trace): uPlot.Series {
    return {
      stroke: () => trace.colour(),
      width: LINE_PX,
      cap: 'round',
      points: { show: false },
      paths: (plot, index) => {
        const line = trace.read();
        const from = firstAt(line.t, this.#time[0]);
        plot.series[index]!.width = line.t.length - from > plot.bbox.width / 2 ? WAVEFORM_PX : LINE_PX;
        const stroke = new Path2D();
        traceLine(line, from, toPixels(plot, 'x', this.#time), toPixels(plot, 'y', this.#values), plot.bbox.width, stroke);
        return { stroke, fill: null, clip: null, flags: 0 };
      },
    };
  }

  /** A hole is a band behind the broken line, so that it is seen as missing and not as a flat stretch. */
  #shadeHoles(plot: uPlot, traces: readonly Trace[], look: PlotLook): void {
    const x = toPixels(plot, 'x', this.#time);
    plot.ctx.save();
    plot.ctx.fillStyle = look.hole();
    for (const trace of traces) {
      for (const [from, to] of gapSpans(trace.read(), this.#time)) {
        plot.ctx.fillRect(x.offset + x.scale * from, plot.bbox.top, x.scale * (to - from), plot.bbox.height);
      }
    }
    plot.ctx.restore();
  }
}

function toPixels(plot: uPlot, scale: 'x' | 'y', [low, high]: Range): Linear {
  const { left, top, width, height } = plot.bbox;
  const span = high - low || 1;
  if (scale === 'x') return { offset: left - (low * width) / span, scale: width / span };
  return { offset: top + height + (low * height) / span, scale: -height / span };
}

function pointerTime(plot: uPlot): number | undefined {
  const { left } = plot.cursor;
  return left === undefined || left < 0 ? undefined : plot.posToVal(left, 'x');
}
