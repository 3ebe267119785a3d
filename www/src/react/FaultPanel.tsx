/** Every fault, and the journal of what the client did about it. */
import { useConnection } from 'pulsewire/react';
import { useState } from 'react';
import { breakIt, FAULTS, type Fault } from '../lib/faults';
import { journal } from '../lib/journal';
import type { Ward } from '../lib/ward';
import { Icon } from './Icon';
import { useNow, useValue, useWords } from './hooks';

export function FaultPanel({ ward }: { ward: Ward }) {
  const { t, number } = useWords();
  const connection = useConnection();
  const broken = useValue(ward.wire.broken);
  const second = useValue(ward.meter.measures).samples.at(-1);
  const now = useNow();
  // What the button under the pointer or the focus does.
  const [hint, setHint] = useState<Fault['hint'] | undefined>();
  const { latencyMs } = connection;
  return (
    <section className="panel fault-panel" aria-labelledby="fault-title">
      <div className="panel-head">
        <h2 id="fault-title">{t('faultPanel')}</h2>
        <span className="wire tabular" data-state={connection.state}>
          {number((second?.bytes ?? 0) / 1024, 1)} kB/s · {t('messagesPerSecond', { n: second?.messages ?? 0 })}
          {latencyMs !== undefined && ` · ${number(latencyMs, latencyMs < 10 ? 1 : 0)} ms`}
        </span>
      </div>
      {/* One over the other: the text may change under the pointer, the buttons may not move. */}
      <p className="lead">
        <span className={hint === undefined ? 'shown' : undefined}>{t('faultLead')}</span>
        {FAULTS.map(({ id, hint: does }) => (
          <span key={id} id={`hint-${id}`} className={hint === does ? 'shown' : undefined}>
            {t(does)}
          </span>
        ))}
      </p>
      <div className="buttons" role="group" aria-labelledby="fault-title">
        {FAULTS.map((fault) => {
          const state = fault.state(broken, connection.state, now);
          return (
            <button
              key={fault.id}
              className="button"
              type="button"
              // `aria-disabled`: a button that is disabled lets go of the focus, and a keyboard starts again at the top.
              aria-disabled={state.disabled}
              aria-describedby={`hint-${fault.id}`}
              data-fault={fault.id}
              data-active={state.active}
              onClick={() => void (state.disabled || breakIt(fault, ward))}
              onPointerEnter={() => setHint(fault.hint)}
              onPointerLeave={() => setHint(undefined)}
              onFocus={() => setHint(fault.hint)}
              onBlur={() => setHint(undefined)}
            >
              <Icon name={fault.icon} size={17} />
              <span className="tabular">{t(state.label, state.values)}</span>
            </button>
          );
        })}
      </div>
      <Journal />
    </section>
  );
}

function Journal() {
  const { t, time } = useWords();
  const entries = useValue(journal.entries);
  return (
    <div className="journal">
      <div className="log-head">
        <h3 id="log-title">{t('log')}</h3>
        {entries.length > 0 && (
          <button type="button" onClick={() => journal.clear()}>
            {t('clearLog')}
          </button>
        )}
      </div>
      {/* A log that scrolls must be reachable by keyboard. */}
      <div className="log" role="log" aria-labelledby="log-title" tabIndex={0}>
        <ol>
          {entries.map(({ id, ts, tone, key, values }) => (
            <li key={id} className={tone}>
              <time className="tabular" dateTime={new Date(ts).toISOString()}>
                {time(ts)}
              </time>
              <span>{t(key, values)}</span>
            </li>
          ))}
          {entries.length === 0 && (
            <li className="plain">
              <span>{t('logEmpty')}</span>
            </li>
          )}
        </ol>
      </div>
    </div>
  );
}
