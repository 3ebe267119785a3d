/**
 * `<pulsewire-alerts>`: the alerts that are not resolved, newest first, each with its severity in a word, a shape and a colour, to be marked
 * as read, acknowledged and resolved.
 *
 * `patient-id` narrows it to one patient and makes this page a viewer of `patient:{id}`, which `no-hold` does not; `limit` cuts it to N (50):
 * what nobody has taken on stays, critical before high before the newest, and a critical one is never left out. `no-actions` leaves
 * acknowledging and resolving out, as does a relay that stores no alerts. Events: `pulsewire-alert-click` with the alert.
 */
import { css, html, nothing, type PropertyDeclarations } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { ago, clock, fill, number, plural } from '../i18n/index.js';
import { type AlertDesk, type DeskAlert, openAlertDesk } from '../models/alert-desk.js';
import type { Pulsewire } from '../types.js';
import { PulsewireElement, type Release, type Styles } from './base.js';
import { icons, severityIcons } from './icons.js';
import { actionError, emptyState, keepFocus, panel } from './panel.js';
import { everySecond } from './surroundings.js';
import { tokens } from './tokens.js';

const DEFAULT_LIMIT = 50;

const urgency = ({ severity, state }: DeskAlert): number =>
  state !== 'active' ? 0 : severity === 'critical' ? 2 : severity === 'high' ? 1 : 0;

/** As many as `limit`, in their order; those that wait for somebody and are grave before newer ones, and all that are critical. */
function mostUrgent(items: readonly DeskAlert[], limit: number): readonly DeskAlert[] {
  if (items.length <= limit) return items;
  // The sort is stable: newest first within each.
  const first = [...items].sort((a, b) => urgency(b) - urgency(a));
  const kept = new Set(first.filter((alert, n) => n < limit || urgency(alert) === 2));
  return items.filter(alert => kept.has(alert));
}

export class PulsewireAlerts extends PulsewireElement {
  static override properties: PropertyDeclarations = {
    patientId: { attribute: 'patient-id' },
    limit: { type: Number },
    noHeader: { type: Boolean, attribute: 'no-header' },
    noActions: { type: Boolean, attribute: 'no-actions' },
    noHold: { type: Boolean, attribute: 'no-hold' },
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
  declare noHold: boolean;
  protected override readonly attachOn: readonly string[] = ['patientId', 'noHold'];
  #desk: AlertDesk | undefined;

  protected override attach(client: Pulsewire): Release[] {
    this.#desk = openAlertDesk(client, this.patientId || undefined, { hold: !this.noHold });
    return [this.redrawOn(this.#desk), this.redrawOn(client.connection), everySecond(() => this.requestUpdate())];
  }

  protected override render(): unknown {
    const state = this.#desk?.get();
    const items = state?.items ?? [];
    const limit = this.limit && this.limit > 0 ? this.limit : DEFAULT_LIMIT;
    const shown = mostUrgent(items, limit);
    const rest = items.length - shown.length;
    const status = state?.status ?? 'loading';
    const whole = status === 'ready' || status === 'absent';
    return html`${this.noHeader ? nothing : this.#header(items, state?.unread ?? 0)} ${actionError(this.text, state?.error)}
      ${
        whole && items.length > 0
          ? nothing
          : emptyState(
              this.text,
              status,
              this.source,
              html`${icons.check}<span>${this.text.alertsEmpty}</span>`,
              () => void this.#desk?.reload(),
            )
      }
      ${
        items.length === 0
          ? nothing
          : html`<ul part="list">
              ${repeat(
                shown,
                alert => alert.id,
                alert => this.#item(alert, !this.noActions && state?.canAct === true && status === 'ready', state?.busy.has(alert.id)),
              )}
            </ul>`
      }
      ${rest > 0 || state?.more ? html`<div part="rest" class="state rest">${this.#rest(rest, state?.more)}</div>` : nothing}`;
  }

  #rest(n: number, more = false): string {
    return more ? this.text.alertsMany : fill(this.text.alertsMore, { n: number(n, this.language) });
  }

  #header(items: readonly DeskAlert[], count: number): unknown {
    const unread = items.filter(alert => !alert.read);
    return html`<div part="header" class="header">
      <h2 part="title">${this.text.alertsTitle}</h2>
      ${count === 0 ? nothing : html`<span class="unread">${plural(this.text, this.language, 'alertsUnread', count)}</span>`}
      ${
        unread.length === 0
          ? nothing
          : html`
              <button class="all link" part="mark-all" type="button" @click=${(event: Event) => keepFocus(this, event, this.#desk?.markRead(unread.map(({ id }) => id)))}>
                ${this.text.alertsMarkAll}
              </button>`
      }
    </div>`;
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
      @click=${(event: Event) => keepFocus(this, event, this.#desk?.[name](alert.id))}
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
                  ${icons.check}<span>${alert.acknowledgedBy ? fill(this.text.alertsAcknowledgedBy, { name: alert.acknowledgedBy }) : this.text.alertsAcknowledged}</span>
                  ${alert.acknowledgedAt ? html`<time datetime=${new Date(alert.acknowledgedAt).toISOString()}>${clock(alert.acknowledgedAt, this.language)}</time>` : nothing}
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
              @click=${(event: Event) => keepFocus(this, event, this.#desk?.markRead([alert.id]))}
            >
              ${icons.check}
            </button>`
      }
    </li>`;
  }
}
