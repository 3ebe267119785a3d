/** `<pulsewire-connection>`: a chip that says in a word, a shape and a colour how the connection stands, with its latency. */
import { css, html, nothing, type PropertyDeclarations } from 'lit';
import { fill, type Texts } from '../i18n/index.js';
import type { ConnectionState, Pulsewire } from '../types.js';
import { PulsewireElement, type Release, type Styles } from './base.js';
import { chip } from './chip.js';
import { icons } from './icons.js';
import { tokens } from './tokens.js';

const looks: Record<ConnectionState, { text: keyof Texts; icon: keyof typeof icons; tone: string }> = {
  idle: { text: 'stateIdle', icon: 'slash', tone: 'quiet' },
  connecting: { text: 'stateConnecting', icon: 'loop', tone: 'quiet' },
  connected: { text: 'stateConnected', icon: 'pulse', tone: 'ok' },
  reconnecting: { text: 'stateReconnecting', icon: 'loop', tone: 'warn' },
  polling: { text: 'statePolling', icon: 'slow', tone: 'warn' },
  unauthorized: { text: 'stateUnauthorized', icon: 'lock', tone: 'bad' },
  closed: { text: 'stateClosed', icon: 'slash', tone: 'quiet' },
};

export class PulsewireConnection extends PulsewireElement {
  static override properties: PropertyDeclarations = { noLatency: { type: Boolean, attribute: 'no-latency' } };
  static override styles: Styles = [
    tokens,
    chip,
    css`
      :host {
        display: inline-block;
        vertical-align: middle;
        font-size: 13px;
      }
      .latency {
        font-weight: 500;
        font-variant-numeric: tabular-nums;
      }
    `,
  ];

  /** Hides the round-trip time. */
  declare noLatency: boolean;

  protected override attach(client: Pulsewire): Release[] {
    return [this.redrawOn(client.connection)];
  }

  protected override render(): unknown {
    const status = this.source?.connection.get();
    const state = shownState(status?.state ?? 'idle', status?.interrupted ?? false, status?.everConnected ?? false);
    const look = looks[state];
    const turning = look.icon === 'loop' ? ' turning' : '';
    const latency = !this.noLatency && state === 'connected' ? status?.latencyMs : undefined;
    return html`<span part="chip" class="chip ${look.tone}${turning}" title=${state === 'polling' ? this.text.pollingHint : nothing}>
      ${icons[look.icon]}<span part="text" role="status">${this.text[look.text]}</span>
      ${latency === undefined ? nothing : html`<span part="latency" class="latency">${fill(this.text.latency, { ms: Math.round(latency) })}</span>`}
    </span>`;
  }
}

/** A blip under a second stays "live": `interrupted` says when it has lasted long enough to be told. */
function shownState(state: ConnectionState, interrupted: boolean, everConnected: boolean): ConnectionState {
  const trying = state === 'reconnecting' || state === 'connecting';
  if (trying && everConnected) return interrupted ? 'reconnecting' : 'connected';
  return state;
}
