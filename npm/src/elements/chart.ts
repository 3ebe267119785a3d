/**
 * `<pulsewire-chart device="bed-1" metric="ecg, ppg" window-ms="10000">`: live telemetry, drawn by uPlot.
 *
 * Without `window-ms` it shows the newest `points` (100). Metrics of one unit share a plot, others get a strip each, as on a bedside
 * monitor; `layout="overlay"` or `"strips"` decides otherwise. It draws when points came, at most once per animation frame, and only while
 * it is on screen. Whether the data is live, stale or catching up stands in words with its age, and a hole is drawn as a hole (C18).
 * Colours: `--pw-series-1` to `-6`. Height: that of the element, at least `--pw-chart-height` (180 px).
 */
import { html, nothing, type PropertyDeclarations, type PropertyValues } from 'lit';
import { duration, fill, number } from '../i18n/index.js';
import type { Pulsewire, TelemetryHandle } from '../types.js';
import { PulsewireElement, type Release, type Styles } from './base.js';
import { valueAt } from './chart-lookup.js';
import type { ChartGroups } from './chart-groups.js';
import { chartStyles } from './chart-style.js';
import { combined, readSeries, type Series, seriesColours } from './chart-series.js';
import { chip } from './chip.js';
import { everySecond } from './surroundings.js';
import { tokens } from './tokens.js';

const DEFAULT_POINTS = 100;
const MAX_POINTS = 100_000;
const MAX_HISTORY = 1_000;
/** The fastest waveform a window is sized for, where `points` does not say; a window longer than 30 s is none. */
const WAVEFORM_HZ = 360;
const WAVEFORM_MAX_MS = 30_000;
/** A relay sends waveforms in columns of 50 ms and more, so this many publications fill a window at once. */
const COLUMN_MS = 50;
/** Numbers that change faster cannot be read. */
const NUMBERS_EVERY_MS = 250;

/** Attributes are written by people: what makes no sense counts as absent. */
function positive(value: number | undefined): number | undefined {
  return value !== undefined && value > 0 ? value : undefined;
}

/** What is asked of the client. Without a window and `points` the capacity is left to the client's own settings for the metric. */
function asked(
  windowMs: number | undefined,
  points: number | undefined,
  history: number | undefined,
): { capacity?: number; history: number } {
  const forWindow = windowMs ? Math.ceil((Math.min(windowMs, WAVEFORM_MAX_MS) / 1000) * WAVEFORM_HZ) : undefined;
  const capacity = points ?? forWindow;
  const publications = windowMs ? Math.ceil(windowMs / COLUMN_MS) : (points ?? DEFAULT_POINTS);
  return { capacity: capacity && Math.min(capacity, MAX_POINTS), history: history ?? Math.min(publications, MAX_HISTORY) };
}

const tones = { live: 'ok', stale: 'warn', backfilling: 'busy', empty: '' } as const;

/** uPlot and what draws with it, fetched when the first chart needs it; a failed fetch is tried again by the next update. */
let drawing: Promise<typeof import('./chart-groups.js')> | undefined;
function loadDrawing(): Promise<typeof import('./chart-groups.js')> {
  drawing ??= import('./chart-groups.js').catch((error: unknown) => {
    drawing = undefined;
    throw error;
  });
  return drawing;
}

export class PulsewireChart extends PulsewireElement {
  static override properties: PropertyDeclarations = {
    device: {},
    metric: {},
    windowMs: { type: Number, attribute: 'window-ms' },
    points: { type: Number },
    history: { type: Number },
    digits: { type: Number },
    min: { type: Number },
    max: { type: Number },
    label: {},
    names: { attribute: false },
    layout: {},
    pointer: { state: true },
  };
  static override styles: Styles = [tokens, chip, chartStyles];

  declare device: string | undefined;
  /** One or several, parted by commas or spaces. */
  declare metric: string | undefined;
  declare windowMs: number | undefined;
  declare points: number | undefined;
  /** How many publications of the past to ask for, so that the chart fills at once; enough for the window where absent. */
  declare history: number | undefined;
  /** Decimal places of the values; without it at most two. */
  declare digits: number | undefined;
  /** Fixes the lower end of the value axis. */
  declare min: number | undefined;
  /** Fixes the upper end of the value axis. */
  declare max: number | undefined;
  declare label: string | undefined;
  /** What to call a metric, where its own name is not for people: `{ heart_rate: 'HR' }`. */
  declare names: Readonly<Record<string, string>> | undefined;
  declare layout: 'auto' | 'overlay' | 'strips' | undefined;
  declare private pointer: number | undefined;

  protected override readonly attachOn: readonly string[] = ['device', 'metric', 'windowMs', 'points', 'history'];

  #series: readonly Series[] = [];
  #groups: ChartGroups | undefined;
  #frame: number | undefined;
  #onScreen = true;
  #numbersAt = 0;

  protected override attach(client: Pulsewire): Release[] {
    const names = (this.metric ?? '').split(/[\s,]+/).filter(name => name !== '');
    const device = this.device;
    this.#series = [];
    if (!device) return [];
    const options = asked(positive(this.windowMs), positive(this.points), this.history);
    const handles = names.map(metric => client.telemetry(device, metric, options));
    const colours = seriesColours(names);
    this.#series = handles.map((handle, i) => ({ handle, colour: colours[i]!, version: -1 }));
    return [
      ...handles.map((handle: TelemetryHandle) => handle.listen(() => this.#drawSoon())),
      ...handles.map((handle: TelemetryHandle) => () => handle.release()),
      everySecond(() => this.requestUpdate()),
      this.#watchScreen(),
      () => {
        if (this.#frame !== undefined) cancelAnimationFrame(this.#frame);
        this.#frame = undefined;
      },
    ];
  }

  protected override detached(): void {
    this.#groups?.destroy();
    this.#groups = undefined;
    this.#series = [];
  }

  protected override surroundingsChanged(): void {
    this.#groups?.lookChanged();
  }

  protected override updated(changed: PropertyValues): void {
    if (!this.#groups && this.#series.length > 0) {
      loadDrawing().then(
        ({ ChartGroups }) => this.#startDrawing(ChartGroups),
        (error: unknown) => this.tell('pulsewire-chart-error', error),
      );
    }
    const redraw = ['device', 'metric', 'windowMs', 'points', 'min', 'max', 'layout', 'client'];
    if (redraw.some(name => changed.has(name))) this.#drawSoon(true);
  }

  #startDrawing(Groups: typeof ChartGroups): void {
    const host = this.renderRoot.querySelector<HTMLElement>('.canvas');
    if (!host || this.#groups || this.#series.length === 0) return;
    this.#groups = new Groups(host, {
      language: () => this.language,
      onPointer: time => {
        this.pointer = time;
      },
    });
    this.#drawSoon(true);
  }

  #watchScreen(): Release {
    if (typeof IntersectionObserver === 'undefined') return () => {};
    const observer = new IntersectionObserver(entries => {
      this.#onScreen = entries.at(-1)?.isIntersecting ?? true;
      if (this.#onScreen) this.#drawSoon();
    });
    observer.observe(this);
    return () => observer.disconnect();
  }

  #drawSoon(force = false): void {
    if (force) for (const series of this.#series) series.version = -1;
    if (!this.#onScreen) return;
    this.#frame ??= requestAnimationFrame(now => {
      this.#frame = undefined;
      this.#draw(now);
    });
  }

  #draw(now: number): void {
    if (this.#series.every(series => series.version === series.handle.version())) return;
    for (const series of this.#series) series.version = series.handle.version();
    this.#groups?.draw(this.#series, {
      windowMs: positive(this.windowMs),
      points: positive(this.points) ?? DEFAULT_POINTS,
      min: this.min,
      max: this.max,
      layout: this.layout ?? 'auto',
    });
    if (now - this.#numbersAt < NUMBERS_EVERY_MS) return;
    this.#numbersAt = now;
    this.requestUpdate();
  }

  protected override render(): unknown {
    const { state, ageMs } = combined(this.#series.map(series => series.handle.freshness()));
    this.#groups?.dim(state === 'stale');
    const words = {
      live: this.text.freshLive,
      stale: this.text.freshStale,
      backfilling: this.text.freshBackfilling,
      empty: this.text.freshEmpty,
    };
    const age = state === 'stale' && ageMs !== undefined ? ` · ${fill(this.text.chartAge, { age: duration(ageMs, this.language) })}` : '';
    return html`<div part="head" class="head">
        ${this.label ? html`<span part="title" class="title">${this.label}</span>` : nothing}
        ${this.#series.map(series => this.#reading(series))}
        ${this.pointer === undefined ? nothing : html`<span class="at">${this.#time(this.pointer)}</span>`}
        <span part="state" class="state chip ${tones[state]}">${words[state]}${age}</span>
      </div>
      <div part="plots" class="plots" role="img" aria-label=${this.#summary()}>
        <div class="canvas ${state}"></div>
        ${state === 'empty' ? html`<div part="empty" class="empty-note">${this.text.chartWaiting}</div>` : nothing}
      </div>`;
  }

  #reading(series: Series): unknown {
    const { metric } = series.handle;
    const view = readSeries(series);
    const value = this.pointer === undefined ? view.v.at(-1) : valueAt(view, this.pointer);
    return html`<span part="reading" class="metric">
      <i class="swatch" data-metric=${metric} .style=${`color: var(--_${series.colour})`}></i>${this.label && this.#series.length === 1 ? nothing : html`<span part="name">${this.#name(metric)}</span>`}
      <span part="value" class="value">${value === undefined ? '–' : number(value, this.language, this.digits)}</span>${view.unit ? ` ${view.unit}` : nothing}
    </span>`;
  }

  #name(metric: string): string {
    return this.names?.[metric] ?? metric;
  }

  #time(ts: number): string {
    return new Intl.DateTimeFormat(this.language, { timeStyle: 'medium', hourCycle: 'h23' }).format(ts);
  }

  /** What the picture says, in a sentence for who cannot see it. */
  #summary(): string {
    const metrics = this.#series.map(series => this.#name(series.handle.metric)).join(', ');
    const title = this.label || fill(this.text.chartOf, { metrics: metrics || '–', device: this.device ?? '–' });
    const parts = this.#series.map(series => {
      const metric = this.#name(series.handle.metric);
      const stats = series.handle.stats();
      if (!stats) return `${metric}: ${this.text.freshEmpty}`;
      const unit = readSeries(series).unit;
      const shown = (value: number): string => number(value, this.language, this.digits) + (unit ? ` ${unit}` : '');
      return fill(this.text.chartSummary, { metric, last: shown(stats.last), min: shown(stats.min), max: shown(stats.max) });
    });
    return [title, ...parts].join('. ');
  }
}
