/**
 * One animation loop for all waveforms of the page: it runs while anyone listens, rests while the page is hidden, and calls at a calm rate.
 */
const FRAME_MS = 40;
const listeners = new Set<(now: number) => void>();
let frame = 0;
let last = 0;

function run(now: number): void {
  frame = listeners.size > 0 ? requestAnimationFrame(run) : 0;
  if (now - last < FRAME_MS) return;
  last = now;
  for (const draw of listeners) draw(now);
}

export function onTick(draw: (now: number) => void): () => void {
  listeners.add(draw);
  if (frame === 0) frame = requestAnimationFrame(run);
  return () => {
    listeners.delete(draw);
  };
}
