/**
 * `<pulsewire-device-badge device-id="…">`: one device's status in a word, a shape and a colour, with its battery and when it was last seen.
 *
 * It holds the device's channel (slowly, `maxHz` 1) so that it works by itself; `no-hold` leaves that to the page, for lists so long that
 * a subscription each would be too many. `announce` reads changes of the status out; off by default, because a ward shows fifty of them.
 */
import { css, html, nothing, type PropertyDeclarations } from 'lit';
import { ago, fill, percent, type Texts } from '../i18n/index.js';
import type { DeviceState, DeviceStatus, Pulsewire } from '../types.js';
import { PulsewireElement, type Release, type Styles } from './base.js';
import { chip } from './chip.js';
import { batteryIcon, icons } from './icons.js';
import { everySecond } from './surroundings.js';
import { tokens } from './tokens.js';

const LOW_BATTERY = 0.2;

const looks: Record<DeviceState | 'unknown', { text: keyof Texts; icon: keyof typeof icons; tone: string }> = {
  online: { text: 'deviceOnline', icon: 'check', tone: 'ok' },
  offline: { text: 'deviceOffline', icon: 'slash', tone: 'bad' },
  maintenance: { text: 'deviceMaintenance', icon: 'wrench', tone: 'warn' },
  unknown: { text: 'deviceUnknown', icon: 'info', tone: '' },
};

export class PulsewireDeviceBadge extends PulsewireElement {
  static override properties: PropertyDeclarations = {
    deviceId: { attribute: 'device-id' },
    label: {},
    noHold: { type: Boolean, attribute: 'no-hold' },
    announce: { type: Boolean },
  };
  static override styles: Styles = [
    tokens,
    chip,
    css`
      :host {
        display: inline-block;
        vertical-align: middle;
        font-size: 13px;
      }
      .badge {
        display: inline-flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 2px 10px;
      }
      .aside {
        display: inline-flex;
        align-items: center;
        gap: 5px;
        color: var(--_muted);
        font-variant-numeric: tabular-nums;
        white-space: nowrap;
      }
      .flat {
        color: var(--_critical);
        font-weight: 600;
      }
    `,
  ];

  declare deviceId: string | undefined;
  /** Said before the status for screen readers, such as the device's name; the id where absent. */
  declare label: string | undefined;
  declare noHold: boolean;
  declare announce: boolean;

  protected override readonly attachOn: readonly string[] = ['deviceId', 'noHold'];
  #last: DeviceStatus | undefined;

  protected override attach(client: Pulsewire): Release[] {
    const changed = (): void => {
      const status = this.#status();
      if (status === this.#last) return;
      this.#last = status;
      this.requestUpdate();
    };
    const release: Release[] = [
      client.deviceStatuses.listen(changed),
      everySecond(() => {
        if (this.#last?.lastSeen !== undefined) this.requestUpdate();
      }),
    ];
    if (this.deviceId && !this.noHold) {
      const hold = client.channel(`device:${this.deviceId}`, { maxHz: 1 });
      release.push(() => hold.release());
    }
    this.#last = this.#status();
    return release;
  }

  #status(): DeviceStatus | undefined {
    return this.deviceId ? this.source?.deviceStatuses.get()[this.deviceId] : undefined;
  }

  protected override render(): unknown {
    const status = this.#status();
    const state = status?.status ?? 'unknown';
    const look = looks[state];
    return html`<span part="badge" class="badge" role="group" aria-label=${this.label || this.deviceId || nothing}>
      <span part="status" class="status chip ${look.tone}">
        ${icons[look.icon]}<span part="text" role=${this.announce ? 'status' : nothing}>${this.text[look.text]}</span>
      </span>
      ${this.#battery(status?.battery)}
      ${
        status?.lastSeen === undefined
          ? nothing
          : html`<span part="seen" class="aside">
              <span class="hidden">${fill(this.text.lastSeen, { when: '' })}</span>
              <time datetime=${new Date(status.lastSeen).toISOString()}>${ago(Date.now() - status.lastSeen, this.language, this.text)}</time>
            </span>`
      }
    </span>`;
  }

  #battery(share: number | undefined): unknown {
    if (share === undefined) return nothing;
    const low = share <= LOW_BATTERY;
    const shown = percent(share, this.language);
    const words = fill(low ? this.text.batteryLow : this.text.battery, { percent: shown });
    return html`<span part="battery" class="aside ${low ? 'flat' : ''}" title=${words}>
      ${batteryIcon(share)}<span aria-hidden="true">${shown}${low ? ' !' : ''}</span><span class="hidden">${words}</span>
    </span>`;
  }
}
