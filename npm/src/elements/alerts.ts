/**
 * `<pulsewire-alerts>`: the active alerts, newest first, each with its severity in a word, a shape and a colour, to be marked as read.
 *
 * `patient-id` narrows it to one patient, `limit` to the newest N (50). Events: `pulsewire-alert-click` with the alert.
 */
import { css, html, nothing, type PropertyDeclarations } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { ago, fill, number, plural } from '../i18n/index.js';
import type { Alert, Pulsewire } from '../types.js';
import { PulsewireElement, type Release, type Styles } from './base.js';
import { icons, severityIcons } from './icons.js';
import { everySecond } from './surroundings.js';
import { tokens } from './tokens.js';

const DEFAULT_LIMIT = 50;

export class PulsewireAlerts extends PulsewireElement {
  static override properties: PropertyDeclarations = {
    patientId: { attribute: 'patient-id' },
    limit: { type: Number },
    noHeader: { type: Boolean, attribute: 'no-header' },
  };
  static override styles: Styles = [
    tokens,
    css`
      :host {
        display: block;
        color: var(--_text);
        font-size: 14px;
      }
      header {
        display: flex;
        flex-wrap: wrap;
        align-items: baseline;
        gap: 2px 10px;
        padding-bottom: 10px;
      }
      h2 {
        margin: 0;
        font-size: 15px;
        font-weight: 650;
      }
      .unread {
        font-size: 13px;
        color: var(--_muted);
      }
      .all {
        margin-inline-start: auto;
        font-size: 13px;
        font-weight: 600;
        color: var(--_accent);
      }
      ul {
        display: flex;
        flex-direction: column;
        gap: 6px;
        margin: 0;
        padding: 0;
        list-style: none;
      }
      li {
        position: relative;
        display: grid;
        grid-template-columns: auto 1fr auto;
        gap: 0 10px;
        align-items: start;
        padding: 10px 8px 10px 14px;
        border-radius: var(--_radius);
        background: var(--_surface);
        box-shadow: inset 0 0 0 1px var(--_border);
        overflow: hidden;
      }
      .new {
        background: linear-gradient(90deg, var(--_soft), var(--_surface) 60%);
      }
      .new::before {
        content: '';
        position: absolute;
        inset: 0 auto 0 0;
        width: 4px;
        background: var(--_tone);
      }
      .icon {
        padding-top: 2px;
        color: var(--_tone);
      }
      .meta {
        display: flex;
        flex-wrap: wrap;
        gap: 0 8px;
        font-size: 12px;
        color: var(--_muted);
      }
      .severity {
        font-weight: 650;
        color: var(--_tone);
      }
      .open {
        display: block;
        max-width: 100%;
        text-align: start;
        overflow-wrap: anywhere;
      }
      .new .open {
        font-weight: 650;
      }
      .patient {
        color: var(--_muted);
        font-size: 13px;
      }
      .empty,
      .rest {
        display: flex;
        align-items: center;
        justify-content: center;
        gap: 8px;
        padding: 20px 12px;
        color: var(--_muted);
        font-size: 13px;
      }
      .empty {
        border: 1px dashed var(--_border);
        border-radius: var(--_radius);
      }
      .rest {
        padding: 10px 0 0;
      }
    `,
  ];

  declare patientId: string | undefined;
  declare limit: number | undefined;
  declare noHeader: boolean;

  protected override attach(client: Pulsewire): Release[] {
    return [this.redrawOn(client.alerts), everySecond(() => this.requestUpdate())];
  }

  protected override render(): unknown {
    const all = this.source?.alerts.get().items ?? [];
    const items = this.patientId ? all.filter(alert => alert.patientId === this.patientId) : all;
    const limit = this.limit && this.limit > 0 ? this.limit : DEFAULT_LIMIT;
    const rest = items.length - limit;
    return html`${this.noHeader ? nothing : this.#header(items)}
      ${
        items.length === 0
          ? html`<div part="empty" class="empty">${icons.check}<span>${this.text.alertsEmpty}</span></div>`
          : html`<ul part="list">
              ${repeat(
                items.slice(0, limit),
                alert => alert.id,
                alert => this.#item(alert),
              )}
            </ul>`
      }
      ${rest > 0 ? html`<div class="rest">${fill(this.text.alertsMore, { n: number(rest, this.language) })}</div>` : nothing}`;
  }

  #header(items: readonly Alert[]): unknown {
    const unread = items.filter(alert => !alert.read);
    return html`<header part="header">
      <h2 part="title">${this.text.alertsTitle}</h2>
      ${
        unread.length === 0
          ? nothing
          : html`<span class="unread">${plural(this.text, this.language, 'alertsUnread', unread.length)}</span>
              <button class="all link" part="mark-all" type="button" @click=${() => this.source?.markAlertsRead(unread.map(alert => alert.id))}>
                ${this.text.alertsMarkAll}
              </button>`
      }
    </header>`;
  }

  #item(alert: Alert): unknown {
    const what = `${alert.patientName}, ${alert.message}`;
    return html`<li part="alert alert-${alert.severity}" class="${alert.severity} ${alert.read ? '' : 'new'}">
      <span class="icon">${severityIcons[alert.severity]}</span>
      <div>
        <div class="meta">
          <span part="severity" class="severity">${this.text[alert.severity]}</span>
          <time datetime=${new Date(alert.ts).toISOString()}>${ago(Date.now() - alert.ts, this.language, this.text)}</time>
          ${alert.read ? nothing : html`<span class="hidden">${this.text.alertsUnread}</span>`}
        </div>
        <button part="message" class="open link" type="button" @click=${() => this.tell('pulsewire-alert-click', alert)}>${alert.message}</button>
        <div part="patient" class="patient">${alert.patientName}</div>
      </div>
      ${
        alert.read
          ? nothing
          : html`<button
              part="mark"
              class="mark action"
              type="button"
              title=${this.text.alertsMark}
              aria-label=${fill(this.text.alertsMarkOf, { what })}
              @click=${() => this.source?.markAlertsRead([alert.id])}
            >
              ${icons.check}
            </button>`
      }
    </li>`;
  }
}
