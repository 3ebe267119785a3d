/** Small parts of the page that hold nothing of their own. */
import type { DashboardStats } from 'pulsewire';
import { useViewers } from 'pulsewire/react';
import { PulsewireViewers } from 'pulsewire/react/elements';
import type { ReactNode } from 'react';
import { source } from '../lib/source';
import { tilesOf } from '../lib/tiles';
import { useValue, useWords } from './hooks';

export function Empty({ title, hint, bad = false, alone = false, children }: { title: string; hint?: string; bad?: boolean; alone?: boolean; children?: ReactNode }) {
  const Heading = alone ? 'h1' : 'h2';
  return (
    <section className={`panel empty-state ${bad ? 'bad' : ''}`} role={bad ? 'alert' : undefined}>
      <svg viewBox="0 0 120 24" width="150" height="30" aria-hidden="true">
        <path d="M2 14h40l5-9 8 16 5-11 3 4h55" />
      </svg>
      <Heading>{title}</Heading>
      {hint && <p>{hint}</p>}
      {children && <div className="more">{children}</div>}
    </section>
  );
}

export function Footer() {
  const { t } = useWords();
  const kind = useValue(source.kind);
  return (
    <footer className="page-footer">
      <p>{t(kind === 'replay' ? 'footerReplay' : kind === 'simulate' ? 'footerSimulated' : 'footerLive')}</p>
      <p>{t('footerMadeReact')}</p>
    </footer>
  );
}

export function StatTiles({ stats }: { stats: DashboardStats | undefined }) {
  const { lang, t } = useWords();
  return (
    <dl className="panel stat-tiles" aria-busy={stats === undefined}>
      {tilesOf(stats, lang).map(({ id, label, value, note, hot }) => (
        <div key={id} className={hot ? 'hot' : undefined} data-stat={id}>
          <dt>{t(label)}</dt>
          <dd className="tabular">
            {value ?? '–'}
            {value !== undefined && note && <small>{note}</small>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** Who looks at a channel that the page holds. */
export function Watching({ channel }: { channel: string }) {
  const { t } = useWords();
  const here = useViewers(channel, { hold: false });
  return (
    <div className="watching" data-viewers={here?.count ?? 0}>
      {here && here.count > 0 && (
        <>
          <span className="label">{t('watching')}</span>
          <PulsewireViewers channel={channel} noHold />
          {here.count === 1 && <span className="names">{here.names.join(', ')}</span>}
        </>
      )}
    </div>
  );
}
