/**
 * `<pulsewire-alerts>`: the alerts that are not resolved, newest first, each with its severity in a word, a shape and a colour, to be marked
 * as read, acknowledged and resolved.
 *
 * `patient-id` narrows it to one patient, `limit` to the newest N (50), `no-actions` leaves acknowledging and resolving out, as does a
 * relay that stores no alerts. Events: `pulsewire-alert-click` with the alert.
 */
import { css, html, nothing, type PropertyDeclarations } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { ago, fill, number, plural } from '../i18n/index.js';
import { type AlertDesk, type DeskAlert, openAlertDesk } from '../models/alert-desk.js';
import type { Pulsewire } from '../types.js';
import { PulsewireElement, type Release, type Styles } from './base.js';
import { icons, severityIcons } from './icons.js';
import { actionError, emptyState, panel } from './panel.js';
import { everySecond } from './surroundings.js';
import { tokens } from './tokens.js';

const DEFAULT_LIMIT = 50;

export class PulsewireAlerts extends PulsewireElement {
  static override properties: PropertyDeclarations = {
    patientId: { attribute: 'patient-id' },
    limit: { type: Number },
    noHeader: { type: Boolean, attribute: 'no-header' },
    noActions: { type: Boolean, attribute: 'no-actions' },
  };
  static override styles: Styles = [
    tokens,
    panel,
    css`
      .taken {
        display: inline-flex;
        align-items: center;
        gap: 5px;
        color: var(--_ok);
        font-weight: 600;
      }
      .taken svg {
        width: 14px;
        height: 14px;
      }
    `,
  ];

  declare patientId: string | undefined;
  declare limit: number | undefined;
  declare noHeader: boolean;
  declare noActions: boolean;
  protected override readonly attachOn: readonly string[] = ['patientId'];
  #desk: AlertDesk | undefined;

  protected override attach(client: Pulsewire): Release[] {
    this.#desk = openAlertDesk(client, this.patientId || undefined);
    return [this.redrawOn(this.#desk), this.redrawOn(client.connection), everySecond(() => this.requestUpdate())];
  }

  protected override render(): unknown {
    const state = this.#desk?.get();
    const items = state?.items ?? [];
    const limit = this.limit && this.limit > 0 ? this.limit : DEFAULT_LIMIT;
    const rest = items.length - limit;
    return html`${this.noHeader ? nothing : this.#header(items)} ${actionError(this.text, state?.error)}
      ${
        items.length === 0
          ? emptyState(
              this.text,
              state?.status ?? 'loading',
              this.source,
              html`${icons.check}<span>${this.text.alertsEmpty}</span>`,
              () => void this.#desk?.reload(),
            )
          : html`<ul part="list">
              ${repeat(
                items.slice(0, limit),
                alert => alert.id,
                alert =>
                  this.#item(alert, !this.noActions && state?.canAct === true && state.status === 'ready', state?.busy.has(alert.id)),
              )}
            </ul>`
      }
      ${rest > 0 ? html`<div class="state rest">${fill(this.text.alertsMore, { n: number(rest, this.language) })}</div>` : nothing}`;
  }

  #header(items: readonly DeskAlert[]): unknown {
    const unread = items.filter(alert => !alert.read);
    return html`<header part="header">
      <h2 part="title">${this.text.alertsTitle}</h2>
      ${
        unread.length === 0
          ? nothing
          : html`<span class="unread">${plural(this.text, this.language, 'alertsUnread', unread.length)}</span>
              <button class="all link" part="mark-all" type="button" @click=${() => void this.#desk?.markRead(unread.map(({ id }) => id))}>
                ${this.text.alertsMarkAll}
              </button>`
      }
    </header>`;
  }

  #item(alert: DeskAlert, acts: boolean, busy = false): unknown {
    const what = `${alert.patientName}, ${alert.message}`;
    const taken = alert.state === 'acknowledged';
    const action = (name: 'acknowledge' | 'resolve', label: string, of: string): unknown => html`<button
      part=${name}
      class="button ${name}"
      type="button"
      aria-label=${fill(of, { what })}
      aria-disabled=${busy ? 'true' : 'false'}
      @click=${() => void this.#desk?.[name](alert.id)}
    >
      ${label}
    </button>`;
    return html`<li part="alert alert-${alert.severity}" class="item ${alert.severity} ${alert.read ? '' : 'new'}">
      <span class="icon">${severityIcons[alert.severity]}</span>
      <div>
        <div class="meta">
          <span part="severity" class="severity">${this.text[alert.severity]}</span>
          <time datetime=${new Date(alert.ts).toISOString()}>${ago(Date.now() - alert.ts, this.language, this.text)}</time>
          ${alert.read ? nothing : html`<span class="hidden">${this.text.alertsUnread}</span>`}
          ${
            taken
              ? html`<span part="taken" class="taken">
                  ${icons.check}${alert.acknowledgedBy ? fill(this.text.alertsAcknowledgedBy, { name: alert.acknowledgedBy }) : this.text.alertsAcknowledged}
                </span>`
              : nothing
          }
        </div>
        <button part="message" class="open link" type="button" @click=${() => this.tell('pulsewire-alert-click', alert)}>${alert.message}</button>
        <div part="patient" class="aside">${alert.patientName}</div>
        ${
          acts
            ? html`<div class="buttons">
                ${taken ? nothing : action('acknowledge', this.text.alertsAcknowledge, this.text.alertsAcknowledgeOf)}
                ${action('resolve', this.text.alertsResolve, this.text.alertsResolveOf)}
              </div>`
            : nothing
        }
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
              @click=${() => void this.#desk?.markRead([alert.id])}
            >
              ${icons.check}
            </button>`
      }
    </li>`;
  }
}
