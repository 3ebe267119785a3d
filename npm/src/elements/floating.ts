/**
 * What else floats where toasts do, so that they step aside: the banner at the top, and the panel that the bell opens.
 *
 * An alert must not lie over the list that somebody reads, nor the list over the alert.
 */
import { Source } from '../observable.js';

/** Edges in px of the viewport. */
export type Box = Pick<DOMRect, 'left' | 'right' | 'top' | 'bottom'>;

let bottomPx = 0;
let open: { owner: object; box: Box } | undefined;

/** How far down the banner reaches. */
export const bannerBottom = new Source(() => bottomPx);
/** Where a panel stands open. */
export const openPanel = new Source(() => open?.box);

export function setBannerBottom(px: number): void {
  if (px === bottomPx) return;
  bottomPx = px;
  bannerBottom.changed();
}

/** Where an owner's panel stands; nothing once it is closed. */
export function setPanel(owner: object, box: Box | undefined): void {
  if (!box && open?.owner !== owner) return;
  open = box && { owner, box };
  openPanel.changed();
}

const GAP_PX = 12;

/**
 * Where toasts go instead of their own place (`own`, as wide as they are and down to the viewport's end) beside a panel: to the left of it where
 * there is room, else below or above it, wherever there is more, and then no higher than `most`. Nothing where the panel is not in their way.
 */
export function beside(panel: Box, own: Box, viewport: { width: number; height: number }): { right?: number; top?: number; most?: number } {
  if (panel.right <= own.left || panel.left >= own.right) return {};
  if (panel.left - GAP_PX >= own.right - own.left) return { right: viewport.width - panel.left + GAP_PX };
  const below = viewport.height - panel.bottom - 2 * GAP_PX;
  const above = panel.top - own.top - GAP_PX;
  return below >= above ? { top: panel.bottom + GAP_PX, most: Math.max(0, below) } : { most: Math.max(0, above) };
}
