/** What a hospital's backend would do, by buttons. */
import type { Severity } from 'pulsewire';
import { useState } from 'react';
import { bedOf } from '../lib/roster';
import { ALERT_TEXT, notify, pickedOf, raise, setStatus, SEVERITIES, STATES } from '../lib/simulate';
import { Icon } from './Icon';
import { useWords } from './hooks';

export function SimulatePanel({ devices }: { devices: readonly string[] }) {
  const { t } = useWords();
  const [severity, setSeverity] = useState<Severity>('critical');
  const [picked, setPicked] = useState('');
  const { choices, deviceId } = pickedOf(devices, picked);
  return (
    <section className="panel simulate-panel" aria-labelledby="simulate-title">
      <div className="panel-head">
        <h2 id="simulate-title">{t('simulate')}</h2>
      </div>
      <p className="lead">{t('simulateLead')}</p>
      <div className="fields">
        <label>
          <span>{t('devices')}</span>
          <select value={deviceId} onChange={(event) => setPicked(event.currentTarget.value)}>
            {choices.map((id) => (
              <option key={id} value={id}>
                {bedOf(id).patientName} ({id})
              </option>
            ))}
          </select>
        </label>
        <div className="row">
          <label>
            <span>{t('severity')}</span>
            <select value={severity} onChange={(event) => setSeverity(SEVERITIES.find((each) => each === event.currentTarget.value) ?? 'critical')}>
              {SEVERITIES.map((each) => (
                <option key={each} value={each}>
                  {t(each)}
                </option>
              ))}
            </select>
          </label>
          <button className="button primary" type="button" onClick={() => void raise(deviceId, severity, t(ALERT_TEXT[severity]))}>
            <Icon name="bell" size={17} />
            {t('raiseAlert')}
          </button>
        </div>
        <button
          className="button"
          type="button"
          onClick={() => void notify(deviceId, t('notificationTitle'), t('notificationBody', { name: bedOf(deviceId).patientName }))}
        >
          <Icon name="chat" size={17} />
          {t('notifyWard')}
        </button>
        <div className="states" role="group" aria-label={t('setDevice')}>
          {STATES.map(({ state, key }) => (
            <button key={state} className="button" type="button" onClick={() => void setStatus(deviceId, state)}>
              {t(key)}
            </button>
          ))}
        </div>
      </div>
    </section>
  );
}
