/** `<pulsewire-connection>`: a chip that says in a word, a shape and a colour how the connection stands, with its latency. */
import { css, html, nothing, type PropertyDeclarations } from 'lit';
import { fill, type Texts } from '../i18n/index.js';
import type { ConnectionState, Pulsewire } from '../types.js';
import { PulsewireElement, type Release, type Styles } from './base.js';
import { icons } from './icons.js';
import { tokens } from './tokens.js';

const looks: Record<ConnectionState, { text: keyof Texts; icon: keyof typeof icons; tone: string }> = {
  idle: { text: 'stateIdle', icon: 'slash', tone: 'quiet' },
  connecting: { text: 'stateConnecting', icon: 'loop', tone: 'quiet' },
  connected: { text: 'stateConnected', icon: 'pulse', tone: 'ok' },
  reconnecting: { text: 'stateReconnecting', icon: 'loop', tone: 'warn' },
  polling: { text: 'statePolling', icon: 'slow', tone: 'warn' },
  unauthorized: { text: 'stateUnauthorized', icon: 'lock', tone: 'critical' },
  closed: { text: 'stateClosed', icon: 'slash', tone: 'quiet' },
};

export class PulsewireConnection extends PulsewireElement {
  static override properties: PropertyDeclarations = { noLatency: { type: Boolean, attribute: 'no-latency' } };
  static override styles: Styles = [
    tokens,
    css`
      :host {
        display: inline-block;
        vertical-align: middle;
      }
      .chip {
        display: inline-flex;
        align-items: center;
        gap: 6px;
        padding: 3px 10px 3px 8px;
        border-radius: 999px;
        font-size: 13px;
        font-weight: 600;
        white-space: nowrap;
        color: var(--_muted);
        background: var(--_raised);
        box-shadow: inset 0 0 0 1px var(--_border);
      }
      .ok {
        color: var(--_ok);
        background: var(--_ok-soft);
        box-shadow: none;
      }
      .warn {
        color: var(--_warn);
        background: var(--_warn-soft);
        box-shadow: none;
      }
      .critical {
        color: var(--_critical);
        background: var(--_critical-soft);
        box-shadow: none;
      }
      .latency {
        font-weight: 500;
        font-variant-numeric: tabular-nums;
        opacity: 0.9;
      }
      .turning svg {
        animation: turn 1.6s linear infinite;
      }
      @keyframes turn {
        to {
          transform: rotate(1turn);
        }
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
