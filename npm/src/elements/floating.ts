/** How far down the floating banner reaches, so that toasts step below it where both would stand in the same place. */
let bottomPx = 0;
const listeners = new Set<(bottomPx: number) => void>();

export function setBannerBottom(px: number): void {
  if (px === bottomPx) return;
  bottomPx = px;
  for (const run of [...listeners]) run(px);
}

/** Told at once and on each change. */
export function onBannerBottom(run: (bottomPx: number) => void): () => void {
  listeners.add(run);
  run(bottomPx);
  return () => listeners.delete(run);
}
