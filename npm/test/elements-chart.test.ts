// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { drawn, inside, maybe, place, shown } from './elements-harness.js';
import { FakeClient } from './fake-client.js';

/** Stands for uPlot, which needs a canvas: remembers what it was asked for, and asks for the paths as uPlot does when it draws. */
class PlotDouble {
  static all: PlotDouble[] = [];
  series: { alpha?: number; paths?: (plot: PlotDouble, index: number) => { stroke: PathDouble } | null }[];
  width: number;
  bbox = { left: 0, top: 0, width: 600, height: 200 };
  draws = 0;
  destroyed = false;
  windows: [number, number][] = [];
  lastPaths: PathDouble[] = [];
  constructor(
    readonly options: { series: PlotDouble['series']; width: number; scales: { x: { range(): [number, number] } } },
    _data: unknown,
    readonly host: HTMLElement,
  ) {
    this.series = options.series;
    this.width = options.width;
    PlotDouble.all.push(this);
  }
  setData(): void {
    this.draws++;
    this.windows.push(this.options.scales.x.range());
    this.lastPaths = this.series.slice(1).map((series, i) => series.paths!(this, i + 1)!.stroke);
  }
  redraw(): void {
    this.draws++;
  }
  setSize(): void {}
  destroy(): void {
    this.destroyed = true;
  }
}
class PathDouble {
  moves = 0;
  lines = 0;
  moveTo(): void {
    this.moves++;
  }
  lineTo(): void {
    this.lines++;
  }
  arc(): void {}
}
vi.mock('uplot', () => ({ default: PlotDouble }));
vi.stubGlobal('Path2D', PathDouble);

let client: FakeClient;
let frames: FrameRequestCallback[];
beforeEach(() => {
  client = new FakeClient();
  PlotDouble.all = [];
  frames = [];
  vi.stubGlobal('requestAnimationFrame', (run: FrameRequestCallback) => frames.push(run));
  vi.stubGlobal('cancelAnimationFrame', () => {
    frames = [];
  });
  document.documentElement.lang = 'en';
});
afterEach(() => {
  document.body.innerHTML = '';
});

let clock = 0;
function frame(): void {
  clock += 1_000;
  for (const run of frames.splice(0)) run(clock);
}
async function chart(attributes: Record<string, string>) {
  const element = await place('pulsewire-chart', client, attributes);
  // What draws is imported in the background: its arrival asks for a frame of its own.
  await import('../src/elements/chart-groups.js');
  await new Promise(resolve => setTimeout(resolve));
  expect(frames).toHaveLength(1);
  frame();
  await drawn(element);
  return element;
}
const beats = (from: number, count: number): [number, number][] =>
  Array.from({ length: count }, (_, i) => [from + i * 1_000, 70 + (i % 5)]);
const windowMs = (plot: PlotDouble | undefined): number => {
  const [from, to] = plot!.windows.at(-1)!;
  return to - from;
};

describe('the chart', () => {
  test('says that it waits for data, then shows the newest value with its unit', async () => {
    const element = await chart({ device: 'd1', metric: 'hr' });
    expect(inside(element, '.empty-note').textContent).toBe('Waiting for data');
    expect(inside(element, '.state').textContent).toBe('No data');
    client.feed('d1', 'hr', beats(0, 3), { unit: 'bpm' });
    frame();
    await drawn(element);
    expect(maybe(element, '.empty-note')).toBeNull();
    expect(inside(element, '.metric').textContent?.replace(/\s+/g, ' ').trim()).toBe('hr 72 bpm');
    expect(inside(element, '.state').textContent).toBe('Live');
  });

  test('draws once per frame however often points come, and not at all when none came', async () => {
    client.feed('d1', 'hr', beats(0, 10));
    await chart({ device: 'd1', metric: 'hr' });
    const plot = PlotDouble.all[0]!;
    const before = plot.draws;
    for (let i = 0; i < 50; i++) client.feed('d1', 'hr', [[10_000 + i, 70]]);
    expect(plot.draws).toBe(before);
    expect(frames).toHaveLength(1);
    frame();
    expect(plot.draws).toBe(before + 1);
    frame();
    expect(plot.draws).toBe(before + 1);
  });

  test('draws nothing while it is off screen, and catches up once when it comes back', async () => {
    let see: (visible: boolean) => void = () => {};
    vi.stubGlobal(
      'IntersectionObserver',
      class {
        constructor(run: (entries: { isIntersecting: boolean }[]) => void) {
          see = isIntersecting => run([{ isIntersecting }]);
        }
        observe(): void {}
        disconnect(): void {}
      },
    );
    client.feed('d1', 'hr', beats(0, 10));
    await chart({ device: 'd1', metric: 'hr' });
    vi.stubGlobal('IntersectionObserver', undefined);
    const plot = PlotDouble.all[0]!;
    const before = plot.draws;
    see(false);
    client.feed('d1', 'hr', beats(10_000, 5));
    frame();
    expect(plot.draws).toBe(before);
    see(true);
    frame();
    expect(plot.draws).toBe(before + 1);
    see(false);
    see(true);
    frame();
    expect(plot.draws).toBe(before + 1);
  });

  test('lifts the pen at a gap instead of drawing over it (C18)', async () => {
    client.feed('d1', 'hr', beats(0, 10));
    client.feed('d1', 'hr', beats(60_000, 10), { gap: true });
    await chart({ device: 'd1', metric: 'hr' });
    expect(PlotDouble.all[0]?.lastPaths[0]?.moves).toBe(2);
    expect(PlotDouble.all[0]?.lastPaths[0]?.lines).toBe(18);
  });

  test('shows the newest hundred points, or the time it is asked for', async () => {
    client.feed('d1', 'hr', beats(0, 300), { capacity: 300 });
    await chart({ device: 'd1', metric: 'hr' });
    expect(windowMs(PlotDouble.all[0])).toBe(99_000);
    await chart({ device: 'd1', metric: 'hr', 'window-ms': '10000' });
    expect(windowMs(PlotDouble.all[1])).toBe(10_000);
  });

  test.each([
    [{}, { capacity: undefined, history: 100 }],
    [{ points: '500' }, { capacity: 500, history: 500 }],
    [{ 'window-ms': '10000' }, { capacity: 3_600, history: 200 }],
    [
      { 'window-ms': '600000', points: '600', history: '20' },
      { capacity: 600, history: 20 },
    ],
    [
      { 'window-ms': '-5', points: 'many' },
      { capacity: undefined, history: 100 },
    ],
    [{ 'window-ms': '600000' }, { capacity: 10_800, history: 1_000 }],
  ])('with %j asks the client for no more than it can show', async (attributes, options) => {
    const telemetry = vi.spyOn(client, 'telemetry');
    await place('pulsewire-chart', client, { device: 'd1', metric: 'hr', ...attributes });
    expect(telemetry).toHaveBeenCalledWith('d1', 'hr', options);
  });

  test('puts metrics of one unit into one plot, and of several units into strips with one time axis', async () => {
    client.feed('d1', 'sys', beats(0, 5), { unit: 'mmHg' });
    client.feed('d1', 'dia', beats(0, 5), { unit: 'mmHg' });
    client.feed('d1', 'hr', beats(0, 5), { unit: 'bpm' });
    await chart({ device: 'd1', metric: 'sys, dia hr' });
    expect(PlotDouble.all.map(plot => plot.series.length - 1)).toEqual([2, 1]);
    const axes = PlotDouble.all.map(plot => (plot.options as unknown as { axes: { show: boolean }[] }).axes[0]?.show);
    expect(axes).toEqual([false, true]);
    await chart({ device: 'd1', metric: 'sys, dia hr', layout: 'overlay' });
    expect(PlotDouble.all.at(-1)?.series).toHaveLength(4);
  });

  test('says in words that data are stale and how old, by the clock and without new points', async () => {
    client.feed('d1', 'hr', beats(0, 5));
    const element = await chart({ device: 'd1', metric: 'hr' });
    client.setFreshness('d1', 'hr', 'stale', 12_000);
    await vi.waitFor(() => expect(inside(element, '.state').textContent).toBe('Stale · 12s old'), { timeout: 3_000 });
    expect(PlotDouble.all[0]?.series[1]?.alpha).toBe(0.5);
    client.setFreshness('d1', 'hr', 'backfilling');
    await vi.waitFor(() => expect(inside(element, '.state').textContent).toBe('Catching up'), { timeout: 3_000 });
  });

  test('tells who cannot see it the last, lowest and highest value', async () => {
    client.feed('d1', 'hr', beats(0, 5), { unit: 'bpm' });
    const element = await chart({ device: 'd1', metric: 'hr', label: 'Heart rate' });
    expect(inside(element, '[role=img]').getAttribute('aria-label')).toBe('Heart rate. hr: last 74 bpm, lowest 70 bpm, highest 74 bpm');
  });

  test('calls its metrics and rounds its values as it is told to', async () => {
    client.feed('d1', 'heart_rate', [[1, 70.98]], { unit: 'bpm' });
    const element = await chart({ device: 'd1', metric: 'heart_rate', digits: '0' });
    element.names = { heart_rate: 'HR' };
    await drawn(element);
    expect(inside(element, '.metric').textContent?.replace(/\s+/g, ' ').trim()).toBe('HR 71 bpm');
    element.label = 'Heart rate';
    element.digits = Number.NaN;
    await drawn(element);
    expect(inside(element, '.metric').textContent?.replace(/\s+/g, ' ').trim()).toBe('70.98 bpm');
  });

  test('holds its device while it is in the page, and destroys its plots when it leaves', async () => {
    client.feed('d1', 'hr', beats(0, 5));
    const element = await chart({ device: 'd1', metric: 'hr,spo2' });
    expect(client.holds('device:d1')).toBe(2);
    element.remove();
    expect(client.holds()).toBe(0);
    expect(client.listeners()).toBe(0);
    expect(PlotDouble.all.every(plot => plot.destroyed)).toBe(true);
  });

  test('shows another device in new plots when it is told to', async () => {
    client.feed('d1', 'hr', beats(0, 5));
    client.feed('d2', 'hr', beats(0, 9));
    const element = await chart({ device: 'd1', metric: 'hr' });
    element.device = 'd2';
    await drawn(element);
    frame();
    await drawn(element);
    expect([client.holds('device:d1'), client.holds('device:d2')]).toEqual([0, 1]);
    expect(PlotDouble.all.map(plot => plot.destroyed)).toEqual([true, false]);
    expect(shown(element)).toContain('73');
  });
});
