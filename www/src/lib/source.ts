/**
 * Where the relay's signals come from (`GET /dev/info`), so that a recording is shown with its attribution.
 *
 * A relay that does not tell is taken as live: nothing is claimed about its signals.
 */
import { Value } from './value';

export type SourceKind = 'replay' | 'simulate' | 'live';

class Source {
  readonly kind = new Value<SourceKind>('live');

  async ask(): Promise<void> {
    try {
      const answer = await fetch('/dev/info', { cache: 'no-store' });
      if (!answer.ok) return;
      const info = (await answer.json()) as { source?: string | null };
      this.kind.set(info.source === 'replay' || info.source === 'simulate' ? info.source : 'live');
    } catch {
      // No answer, or one that is not ours: what was known stands.
    }
  }
}

export const source = new Source();
