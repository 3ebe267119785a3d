/** What lists and cards have in common: header, rows, buttons, and the states "loading", "empty", "could not be loaded". */
import { css, html, type LitElement, nothing } from 'lit';
import type { Texts } from '../i18n/index.js';
import type { LoadStatus } from '../models/live.js';
import type { Pulsewire } from '../types.js';

export const panel = css`
  :host {
    display: block;
    color: var(--_text);
    font-size: 14px;
  }
  .header {
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
  .item {
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
  .aside {
    margin: 0;
    color: var(--_muted);
    font-size: 13px;
    overflow-wrap: anywhere;
  }
  .tools {
    display: flex;
  }
  .buttons {
    display: flex;
    flex-wrap: wrap;
    gap: 6px;
    padding-top: 6px;
  }
  .button {
    padding: 3px 12px;
    border-radius: 999px;
    font-size: 13px;
    font-weight: 600;
    color: var(--_accent);
    background: var(--_surface);
    box-shadow: inset 0 0 0 1px var(--_border);
  }
  .button:hover {
    background: var(--_raised);
  }
  .button[aria-disabled='true'] {
    color: var(--_muted);
    cursor: default;
  }
  .state {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    justify-content: center;
    gap: 8px;
    padding: 20px 12px;
    color: var(--_muted);
    font-size: 13px;
  }
  .empty,
  .trouble {
    border: 1px dashed var(--_border);
    border-radius: var(--_radius);
  }
  .rest {
    padding: 10px 0 0;
  }
  .error {
    margin: 0;
    padding: 0 0 8px;
    color: var(--_critical);
    font-size: 13px;
  }
`;

/** Where there is nothing to list: why. A list that has something shows it, whatever the newest load came to. */
export function emptyState(text: Texts, status: LoadStatus, client: Pulsewire | undefined, empty: unknown, retry: () => void): unknown {
  if (status === 'error') {
    return html`<div part="failed" class="state trouble">
      <span>${text.loadFailed}</span><button class="button" part="retry" type="button" @click=${retry}>${text.tryAgain}</button>
    </div>`;
  }
  // Without a connection nothing is under way: then "empty" would be a guess, and "loading" a lie.
  if (status === 'loading') {
    const state = client?.connection.get().state;
    const words = state === 'connected' ? text.loading : state === 'polling' ? text.statePolling : text.stateIdle;
    return html`<div part="loading" class="state" aria-busy="true">${words}</div>`;
  }
  return html`<div part="empty" class="state empty">${empty}</div>`;
}

/** A button that goes with what it did (read, acknowledged) leaves the focus to its row, and a row that goes to its neighbour. */
export async function keepFocus(host: LitElement, { currentTarget }: Event, done: Promise<unknown> | undefined): Promise<void> {
  const row = (currentTarget as Element).closest('li');
  const neighbour = row?.nextElementSibling ?? row?.previousElementSibling;
  await done;
  await host.updateComplete;
  if (document.activeElement !== document.body) return;
  const place = row?.isConnected ? row : neighbour?.isConnected ? neighbour : host.renderRoot;
  place.querySelector<HTMLElement>('.open')?.focus();
}

/** An action that failed, in words; the region stands from the start, so that it is read. */
export function actionError(text: Texts, code: string | undefined): unknown {
  const words = code === undefined ? '' : code === 'forbidden' || code === 'unauthorized' ? text.actionForbidden : text.actionFailed;
  return html`<div role="alert">${words ? html`<p part="error" class="error">${words}</p>` : nothing}</div>`;
}
