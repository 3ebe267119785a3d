/**
 * `pulsewire/devtools`: a panel that looks into a client while you develop, or while a user's page misbehaves.
 *
 * Importing it loads and runs nothing; `openDevtools()` fetches the panel. It shows names of channels and data of messages, which are
 * patients' data: do not leave it open in a picture.
 */
import type { Pulsewire } from '../types.js';

/** Opens the panel; the result closes it. On a server it does nothing. */
export async function openDevtools(client: Pulsewire, parent?: Element): Promise<() => void> {
  if (typeof customElements === 'undefined') return () => {};
  const { createPanel } = await import('./panel.js');
  const panel = createPanel(client);
  (parent ?? document.body).append(panel);
  return () => panel.remove();
}
