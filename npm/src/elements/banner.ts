/**
 * `<pulsewire-banner>`: says at the top of the page that the connection is broken, counts to the next try, and says when it is back.
 *
 * It shows on `connection.interrupted`, never on the state alone, so that a blip under a second does not flash (C15). "Back online" comes
 * for three seconds, and only after a banner that was really shown. The words for screen readers stand apart from the countdown,
 * which would otherwise be read out every second.
 */
import { css, html, nothing, type PropertyDeclarations } from 'lit';
import { fill } from '../i18n/index.js';
import type { ConnectionStatus, Pulsewire } from '../types.js';
import { PulsewireElement, type Release, type Styles } from './base.js';
import { chip } from './chip.js';
import { setBannerBottom } from './floating.js';
import { icons } from './icons.js';
import { sayInModal } from './modal.js';
import { everySecond } from './surroundings.js';
import { tokens } from './tokens.js';

const SUCCESS_MS = 3_000;

type Shown = 'none' | 'connecting' | 'reconnecting' | 'online' | 'unauthorized' | 'refused';

const tones: Record<Shown, string> = {
  none: '',
  connecting: 'warn',
  reconnecting: 'warn',
  online: 'ok',
  unauthorized: 'bad',
  refused: 'bad',
};

export class PulsewireBanner extends PulsewireElement {
  static override properties: PropertyDeclarations = { inline: { type: Boolean, reflect: true } };
  static override styles: Styles = [
    tokens,
    chip,
    css`
      :host {
        position: fixed;
        inset: var(--pw-banner-top, 12px) 12px auto;
        z-index: var(--pw-banner-z, 1100);
        display: flex;
        justify-content: center;
        pointer-events: none;
      }
      :host([inline]) {
        position: static;
        z-index: auto;
        display: block;
      }
      .banner {
        display: flex;
        align-items: center;
        gap: 10px;
        max-width: 640px;
        padding: 10px 16px;
        border-radius: 999px;
        font-size: 14px;
        box-shadow:
          0 0 0 1px color-mix(in srgb, currentColor 28%, transparent),
          0 8px 24px -8px var(--_shadow);
        pointer-events: auto;
        animation: drop 0.22s ease-out;
      }
      :host([inline]) .banner {
        max-width: none;
        border-radius: var(--_radius);
        box-shadow: 0 0 0 1px color-mix(in srgb, currentColor 28%, transparent);
      }
      .words {
        display: flex;
        flex-wrap: wrap;
        column-gap: 8px;
      }
      .title {
        font-weight: 650;
      }
      .detail {
        color: var(--_text);
        font-variant-numeric: tabular-nums;
      }
      @keyframes drop {
        from {
          opacity: 0;
          transform: translateY(-12px);
        }
      }
      @media (max-width: 480px) {
        .banner {
          width: 100%;
          border-radius: 14px;
        }
      }
    `,
  ];

  /** Stands in the flow of the page instead of floating over its top. */
  declare inline: boolean;

  #shown: Shown = 'none';
  #success: ReturnType<typeof setTimeout> | undefined;

  protected override attach(client: Pulsewire): Release[] {
    this.#follow(client.connection.get());
    return [
      client.connection.listen(() => this.#follow(client.connection.get())),
      everySecond(() => {
        if (this.#shown === 'reconnecting' || this.#shown === 'connecting') this.requestUpdate();
      }),
    ];
  }

  protected override detached(): void {
    this.#show('none');
    if (!this.inline) setBannerBottom(0);
  }

  protected override updated(): void {
    if (!this.inline) setBannerBottom(this.#shown === 'none' ? 0 : this.getBoundingClientRect().bottom);
  }

  #follow(status: ConnectionStatus): void {
    const wanted = bannerFor(status);
    const restored = status.state === 'connected' || status.state === 'polling';
    if (wanted !== 'none') this.#show(wanted);
    else if (restored && this.#shown === 'reconnecting') this.#show('online');
    else if (this.#shown !== 'online' || !restored) this.#show('none');
    this.requestUpdate();
  }

  #show(next: Shown): void {
    clearTimeout(this.#success);
    const before = this.#shown;
    this.#shown = next;
    if (next !== before) {
      const { title, hint } = this.#words();
      sayInModal(this, `${title} ${hint}`, false);
    }
    if (next === 'online') {
      this.#success = setTimeout(() => {
        this.#shown = 'none';
        this.requestUpdate();
      }, SUCCESS_MS);
    }
  }

  protected override render(): unknown {
    const status = this.source?.connection.get();
    const { title, hint } = this.#words();
    return html`<div class="hidden" role="status" aria-live="polite">${title} ${hint}</div>
      ${
        this.#shown === 'none'
          ? nothing
          : html`<div part="banner" class="banner ${tones[this.#shown]}">
              <span class=${this.#shown.endsWith('connecting') ? 'turning' : ''}>${this.#icon()}</span>
              <span class="words" aria-hidden="true">
                <span class="title">${title}</span>
                <span class="detail">${status && this.#shown.endsWith('connecting') ? this.#progress(status) : hint}</span>
              </span>
              <slot name=${this.#shown}></slot>
            </div>`
      }`;
  }

  #words(): { title: string; hint: string } {
    const text = this.text;
    switch (this.#shown) {
      case 'none':
        return { title: '', hint: '' };
      case 'connecting':
        return { title: text.bannerConnecting, hint: '' };
      case 'reconnecting':
        return { title: text.bannerReconnecting, hint: text.bannerStaleHint };
      case 'online':
        return { title: text.bannerOnline, hint: '' };
      case 'unauthorized':
        return { title: text.bannerUnauthorized, hint: text.bannerUnauthorizedHint };
      case 'refused':
        return { title: text.bannerRefused, hint: text.bannerRefusedHint };
    }
  }

  #icon(): unknown {
    if (this.#shown === 'online') return icons.check;
    if (this.#shown === 'unauthorized') return icons.lock;
    return this.#shown === 'refused' ? icons.slash : icons.loop;
  }

  #progress(status: ConnectionStatus): string {
    const parts: string[] = [];
    if (status.attempt > 0) parts.push(fill(this.text.bannerAttempt, { n: status.attempt }));
    const left = status.nextRetryAt === undefined ? 0 : Math.ceil((status.nextRetryAt - Date.now()) / 1000);
    parts.push(left > 0 ? fill(this.text.bannerRetryIn, { s: left }) : this.text.bannerRetryNow);
    return parts.join(' · ');
  }
}

function bannerFor(status: ConnectionStatus): Shown {
  if (status.state === 'unauthorized') return 'unauthorized';
  if (status.state === 'closed') return status.reason === 'forbidden' || status.reason === 'protocol_error' ? 'refused' : 'none';
  if (!status.interrupted) return 'none';
  return status.everConnected ? 'reconnecting' : 'connecting';
}
