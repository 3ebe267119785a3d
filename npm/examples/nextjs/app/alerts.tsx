'use client';

import { useAlerts } from 'pulsewire/react';

export function Alerts() {
  const { items, unread, markRead } = useAlerts();
  return (
    <section aria-label="Alerts">
      <h2>
        Alerts ({unread} new){' '}
        <button type="button" onClick={() => markRead('all')}>
          Mark all as read
        </button>
      </h2>
      <ul id="alerts">
        {items.map(alert => (
          <li key={alert.id}>
            {alert.patientName}: {alert.message}
          </li>
        ))}
      </ul>
    </section>
  );
}
