/**
 * The plots of one chart: metrics of one unit in one plot, the plots stacked over a shared time axis.
 *
 * Fetched together with uPlot when the first chart comes into a page. It owns everything that lives outside Lit's templates: the uPlot instances, their sizes, the colours read back from CSS for the canvas.
 */
import { number } from '../i18n/index.js';
import { extent, type Range, steadyRange } from './chart-data.js';
import { firstAt } from './chart-lookup.js';
import { Plot, type PlotLook } from './chart-plot.js';
import { readSeries, type Series } from './chart-series.js';

export interface GroupsOptions {
  language(): string;
  onPointer(time: number | undefined): void;
}
export interface Frame {
  windowMs: number | undefined;
  points: number;
  min: number | undefined;
  max: number | undefined;
  layout: 'auto' | 'overlay' | 'strips';
}
interface Group {
  series: readonly Series[];
  host: HTMLElement;
  plot: Plot;
  range: Range | undefined;
}

let made = 0;

export class ChartGroups {
  #groups: Group[] = [];
  #key = '';
  #dimmed = false;
  readonly #pointerKey = `pulsewire-${made++}`;
  #colours = new Map<string, string>();
  readonly #sizes: ResizeObserver | undefined;

  readonly #host: HTMLElement;
  readonly #options: GroupsOptions;

  constructor(host: HTMLElement, options: GroupsOptions) {
    this.#host = host;
    this.#options = options;
    if (typeof ResizeObserver !== 'undefined') {
      this.#sizes = new ResizeObserver(() => this.#resize());
      this.#sizes.observe(this.#area);
    }
  }

  draw(series: readonly Series[], frame: Frame): void {
    const time = timeWindow(series, frame);
    if (!time) return;
    this.#build(series, frame.layout);
    for (const group of this.#groups) {
      group.range = fixed(seenIn(group, time), frame);
      group.plot.draw(time, group.range ?? [0, 1]);
    }
  }

  /** Colours are read again from CSS, and everything is drawn in them. */
  lookChanged(): void {
    this.#colours.clear();
    for (const group of this.#groups) group.plot.redraw();
  }

  /** Stale data are drawn paler. */
  dim(on: boolean): void {
    if (on === this.#dimmed) return;
    this.#dimmed = on;
    for (const { plot } of this.#groups) {
      plot.dim(on);
      plot.redraw();
    }
  }

  destroy(): void {
    this.#sizes?.disconnect();
    this.#clear();
  }

  get #area(): HTMLElement {
    return this.#host.parentElement ?? this.#host;
  }

  #clear(): void {
    for (const group of this.#groups) {
      group.plot.destroy();
      group.host.remove();
    }
    this.#groups = [];
  }

  /** Units are known only once points came, so the grouping may change while the chart lives. */
  #build(series: readonly Series[], layout: Frame['layout']): void {
    const slots = series.map((one, i) => (layout === 'overlay' ? '' : layout === 'strips' ? String(i) : (readSeries(one).unit ?? '')));
    const key = series.map((one, i) => `${one.handle.deviceId} ${one.handle.metric} ${slots[i]}`).join('|');
    const same = this.#groups.flatMap(group => group.series);
    if (key === this.#key && series.every(one => same.includes(one))) return;
    this.#key = key;
    this.#clear();
    const names = [...new Set(slots)];
    this.#groups = names.map((name, at) =>
      this.#group(
        series.filter((_, i) => slots[i] === name),
        at,
        names.length,
      ),
    );
  }

  #group(series: readonly Series[], at: number, of: number): Group {
    const host = document.createElement('div');
    host.className = 'plot';
    host.setAttribute('part', 'plot');
    this.#host.append(host);
    const { width, height, top } = this.#slot(at, of);
    host.style.top = `${top}px`;
    const plot = new Plot(host, {
      traces: series.map(one => ({ read: () => readSeries(one), colour: () => this.#colour(one.colour) })),
      look: this.#look,
      width,
      height,
      timeAxis: at === of - 1,
      pointerKey: this.#pointerKey,
      onPointer: time => this.#options.onPointer(time),
    });
    plot.dim(this.#dimmed);
    return { series, host, plot, range: undefined };
  }

  /** The last strip is taller by its time axis, so that all plots are equally high. */
  #slot(at: number, of: number): { width: number; height: number; top: number } {
    const axis = 18;
    const { clientWidth, clientHeight } = this.#area;
    const each = Math.floor(Math.max(clientHeight - axis, 40 * of) / of);
    return { width: Math.max(clientWidth, 80), height: each + (at === of - 1 ? axis : 0), top: at * each };
  }

  #resize(): void {
    this.#groups.forEach((group, at) => {
      const { width, height, top } = this.#slot(at, this.#groups.length);
      group.host.style.top = `${top}px`;
      group.plot.resize(width, height);
    });
  }

  readonly #look: PlotLook = {
    text: () => this.#colour('muted'),
    grid: () => this.#colour('grid'),
    hole: () => this.#colour('hole'),
    formatTime: (ts, stepMs) => this.#clock(stepMs < 60_000).format(ts),
    formatValue: value => number(value, this.#options.language()),
  };

  /** The colour as CSS resolves it here: a canvas knows neither custom properties nor `light-dark()`. */
  #colour(name: string): string {
    let colour = this.#colours.get(name);
    if (colour === undefined) {
      const probe = document.createElement('i');
      probe.style.cssText = `display: none; color: var(--_${name})`;
      this.#host.append(probe);
      colour = getComputedStyle(probe).color || '#000';
      probe.remove();
      this.#colours.set(name, colour);
    }
    return colour;
  }

  #clocks: { key: string; format: Intl.DateTimeFormat } | undefined;
  #clock(seconds: boolean): Intl.DateTimeFormat {
    const key = `${this.#options.language()} ${seconds}`;
    if (this.#clocks?.key !== key) {
      this.#clocks = {
        key,
        format: new Intl.DateTimeFormat(this.#options.language(), { timeStyle: seconds ? 'medium' : 'short', hourCycle: 'h23' }),
      };
    }
    return this.#clocks.format;
  }
}

/** From the newest point of any metric back by the window, or back by the number of points. */
function timeWindow(series: readonly Series[], { windowMs, points }: Frame): Range | undefined {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const one of series) {
    const { t } = readSeries(one);
    if (t.length === 0) continue;
    high = Math.max(high, t[t.length - 1]!);
    low = Math.min(low, t[Math.max(0, t.length - points)]!);
  }
  if (high === Number.NEGATIVE_INFINITY) return undefined;
  if (windowMs) return [high - windowMs, high];
  return low < high ? [low, high] : [high - 1_000, high];
}

function seenIn(group: Group, time: Range): Range | undefined {
  let seen: Range | undefined;
  for (const one of group.series) {
    const { t, v } = readSeries(one);
    const part = extent(v, firstAt(t, time[0]));
    if (part) seen = seen ? [Math.min(seen[0], part[0]), Math.max(seen[1], part[1])] : part;
  }
  return seen ? steadyRange(group.range, seen) : group.range;
}

function fixed(range: Range | undefined, { min, max }: Frame): Range | undefined {
  if (min === undefined && max === undefined) return range;
  return [min ?? range?.[0] ?? 0, max ?? range?.[1] ?? (min ?? 0) + 1];
}
