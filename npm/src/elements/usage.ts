/**
 * `<pulsewire-usage patient-id="…">`: whether a patient's device is in use now, for how long today, and how much of its target that is.
 *
 * It holds `patient:{id}` and makes this page a viewer of it; `no-hold` only looks on. `days` says over how many days compliance counts (7).
 * Colours: good from 80 % of the target, fair from 50 %; the number stands beside them, so that colour is never the only sign.
 */
import { css, html, nothing, type PropertyDeclarations } from 'lit';
import { duration, fill, percent, plural } from '../i18n/index.js';
import { openUsage, type Usage, usedSince } from '../models/usage.js';
import type { Pulsewire } from '../types.js';
import { PulsewireElement, type Release, type Styles } from './base.js';
import { chip } from './chip.js';
import { icons } from './icons.js';
import { emptyState, panel } from './panel.js';
import { everySecond } from './surroundings.js';
import { tokens } from './tokens.js';

const GOOD = 0.8;
const FAIR = 0.5;

export class PulsewireUsage extends PulsewireElement {
  static override properties: PropertyDeclarations = {
    patientId: { attribute: 'patient-id' },
    days: { type: Number },
    noHold: { type: Boolean, attribute: 'no-hold' },
  };
  static override styles: Styles = [
    tokens,
    panel,
    chip,
    css`
      .line {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 4px 10px;
      }
      .chip {
        font-size: 13px;
      }
      .compliance {
        margin-top: 8px;
      }
      .words {
        display: flex;
        justify-content: space-between;
        gap: 12px;
        font-size: 13px;
        color: var(--_muted);
      }
      .share {
        font-weight: 650;
        color: var(--_text);
        font-variant-numeric: tabular-nums;
      }
      .track {
        height: 8px;
        margin-top: 4px;
        border-radius: 999px;
        overflow: hidden;
        background: var(--_grid);
      }
      .bar {
        height: 100%;
        border-radius: inherit;
        background: var(--_critical);
      }
      .fair {
        background: var(--_warn);
      }
      .good {
        background: var(--_ok);
      }
    `,
  ];

  declare patientId: string | undefined;
  declare days: number | undefined;
  declare noHold: boolean;
  protected override readonly attachOn: readonly string[] = ['patientId', 'days', 'noHold'];
  #usage: Usage | undefined;

  protected override attach(client: Pulsewire): Release[] {
    const days = this.days && this.days > 0 ? this.days : undefined;
    this.#usage = this.patientId ? openUsage(client, this.patientId, { days, hold: !this.noHold }) : undefined;
    if (!this.#usage) return [];
    return [
      this.redrawOn(this.#usage),
      this.redrawOn(client.connection),
      everySecond(() => {
        if (this.#usage?.get().current) this.requestUpdate();
      }),
    ];
  }

  protected override render(): unknown {
    const { current, sessions = [], compliance, status = 'loading' } = this.#usage?.get() ?? {};
    if (sessions.length === 0 && compliance === undefined && status !== 'ready') {
      return emptyState(this.text, status, this.source, this.text.usageNone, () => void this.#usage?.reload());
    }
    const now = Date.now();
    const today = usedSince(sessions, new Date(now).setHours(0, 0, 0, 0), now);
    return html`<div part="usage">
      <div class="line">
        <span part="status" class="chip ${current ? 'ok' : ''}">
          ${current ? icons.pulse : icons.slash}<span role="status">${current ? this.text.usageInUse : this.text.usageIdle}</span>
        </span>
        ${current ? html`<span class="aside">${fill(this.text.usageFor, { time: duration(now - current.startedAt, this.language) })}</span>` : nothing}
        <span part="today" class="aside">${fill(this.text.usageToday, { time: duration(today, this.language) })}</span>
      </div>
      ${compliance === undefined ? nothing : this.#compliance(compliance)}
    </div>`;
  }

  #compliance(given: number): unknown {
    const share = Math.max(0, Math.min(1, given));
    const shown = percent(share, this.language);
    const tone = share >= GOOD ? 'good' : share >= FAIR ? 'fair' : '';
    const days = this.days && this.days > 0 ? this.days : 7;
    return html`<div part="compliance" class="compliance">
      <div class="words">
        <span>${this.text.usageCompliance}, ${plural(this.text, this.language, 'usageDays', days)}</span><span class="share">${shown}</span>
      </div>
      <div
        class="track"
        role="meter"
        aria-label=${this.text.usageCompliance}
        aria-valuemin="0"
        aria-valuemax="100"
        aria-valuenow=${Math.round(share * 100)}
        aria-valuetext=${shown}
      >
        <div part="bar" class="bar ${tone}" .style=${`width:${(share * 100).toFixed(1)}%`}></div>
      </div>
    </div>`;
  }
}
