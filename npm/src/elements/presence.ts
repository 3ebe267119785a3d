/**
 * `<pulsewire-presence user-id="…">`: a dot, full where the user is online, a ring where not; the word is in its name, and shown with `label`.
 *
 * Without a connection nobody can tell: then the dot is a dashed ring and the word says so. Looking at it asks the relay who is online.
 */
import { css, html, nothing, type PropertyDeclarations } from 'lit';
import type { Pulsewire } from '../types.js';
import { PulsewireElement, type Release, type Styles } from './base.js';
import { tokens } from './tokens.js';

export class PulsewirePresence extends PulsewireElement {
  static override properties: PropertyDeclarations = {
    userId: { attribute: 'user-id' },
    name: {},
    label: { type: Boolean },
  };
  static override styles: Styles = [
    tokens,
    css`
      :host {
        display: inline-block;
        vertical-align: middle;
        font-size: 13px;
        color: var(--_muted);
      }
      .presence {
        display: inline-flex;
        align-items: center;
        gap: 6px;
      }
      .dot {
        width: 10px;
        height: 10px;
        border-radius: 50%;
        border: 2px solid var(--_muted);
      }
      .online .dot {
        border-color: var(--_ok);
        background: var(--_ok);
      }
      .unknown .dot {
        border-style: dashed;
      }
    `,
  ];

  declare userId: string | undefined;
  /** Said before the word for screen readers; the name that the relay knows where absent. */
  declare name: string | undefined;
  /** Shows the word beside the dot. */
  declare label: boolean;

  protected override attach(client: Pulsewire): Release[] {
    return [this.redrawOn(client.presence), this.redrawOn(client.connection)];
  }

  protected override render(): unknown {
    const connected = this.source?.connection.get().state === 'connected';
    const user = this.source?.presence.get().find(({ userId }) => userId === this.userId);
    const state = !connected ? 'unknown' : user ? 'online' : 'offline';
    const word = { online: this.text.deviceOnline, offline: this.text.deviceOffline, unknown: this.text.deviceUnknown }[state];
    const name = this.name || user?.name || this.userId;
    return html`<span part="presence" class="presence ${state}" title=${this.label ? nothing : word}>
      <span part="dot" class="dot"></span>
      <span class="hidden">${name ? `${name}: ` : ''}</span><span part="label" class=${this.label ? '' : 'hidden'}>${word}</span>
    </span>`;
  }
}
