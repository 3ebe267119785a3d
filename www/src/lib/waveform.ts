/** A tile's waveform on a canvas: holds the telemetry, draws while it is seen, and lets go of both. */
import type { Pulsewire } from 'pulsewire';
import { TILE_HISTORY, TILE_HZ, WAVE_CAPACITY } from './metrics';
import { preferences } from './prefs';
import { Sweep } from './sweep';
import { onTick } from './ticker';

export function drawWaveform(canvas: HTMLCanvasElement, client: Pulsewire, deviceId: string, metric: string, windowMs = 5_000): () => void {
  const handle = client.telemetry(deviceId, metric, { capacity: WAVE_CAPACITY, history: TILE_HISTORY, maxHz: TILE_HZ });
  const sweep = new Sweep();
  let color = '';
  const readColor = (): void => {
    color = getComputedStyle(canvas).color;
  };
  readColor();
  const dark = window.matchMedia('(prefers-color-scheme: dark)');
  dark.addEventListener('change', readColor);
  let visible = true;
  const observer = new IntersectionObserver(([entry]) => {
    visible = entry?.isIntersecting ?? true;
  });
  observer.observe(canvas);
  const offs = [
    preferences.theme.listen(readColor),
    onTick((now) => {
      if (visible) sweep.draw(canvas, handle.view(), now, { windowMs, color, lineWidth: 1.6 });
    }),
  ];
  return () => {
    for (const off of offs) off();
    observer.disconnect();
    dark.removeEventListener('change', readColor);
    handle.release();
  };
}
