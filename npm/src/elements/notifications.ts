/**
 * `<pulsewire-notifications>`: the notifications of this user, newest first, to be read, dismissed and opened; older ones on demand.
 *
 * `no-header` leaves title and "mark all" out. Events: `pulsewire-notification-click` with the notification; where it has a link and
 * the page does not prevent the event, the link is followed.
 */
import { html, nothing, type PropertyDeclarations } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { ago, fill, plural } from '../i18n/index.js';
import { type Inbox, openInbox } from '../models/inbox.js';
import type { Notification, Pulsewire } from '../types.js';
import { PulsewireElement, type Release, type Styles } from './base.js';
import { icons, severityIcons } from './icons.js';
import { actionError, emptyState, keepFocus, panel } from './panel.js';
import { everySecond } from './surroundings.js';
import { tokens } from './tokens.js';

export class PulsewireNotifications extends PulsewireElement {
  static override properties: PropertyDeclarations = { noHeader: { type: Boolean, attribute: 'no-header' } };
  static override styles: Styles = [tokens, panel];

  declare noHeader: boolean;
  #inbox: Inbox | undefined;

  protected override attach(client: Pulsewire): Release[] {
    const inbox = openInbox(client);
    this.#inbox = inbox;
    return [this.redrawOn(inbox), this.redrawOn(client.connection), everySecond(() => this.requestUpdate())];
  }

  protected override render(): unknown {
    const state = this.#inbox?.get();
    const items = state?.items ?? [];
    return html`${this.noHeader ? nothing : this.#header(state?.unread ?? 0)} ${actionError(this.text, state?.error)}
      ${
        items.length === 0
          ? emptyState(
              this.text,
              state?.status ?? 'loading',
              this.source,
              html`${icons.check}<span>${this.text.notificationsEmpty}</span>`,
              () => void this.#inbox?.reload(),
            )
          : html`<ul part="list">
              ${repeat(
                items,
                ({ id }) => id,
                item => this.#item(item),
              )}
            </ul>`
      }
      ${
        state?.more
          ? html`<div class="state rest">
              <button class="button more" part="more" type="button" @click=${() => void this.#inbox?.loadMore()}>
                ${state.status === 'loading' ? this.text.loading : this.text.loadMore}
              </button>
            </div>`
          : nothing
      }`;
  }

  #header(unread: number): unknown {
    return html`<div part="header" class="header">
      <h2 part="title">${this.text.notificationsTitle}</h2>
      ${
        unread === 0
          ? nothing
          : html`<span class="unread">${plural(this.text, this.language, 'notificationsUnread', unread)}</span>
              <button class="all link" part="mark-all" type="button" @click=${(event: Event) => keepFocus(this, event, this.#inbox?.markRead('all'))}>
                ${this.text.alertsMarkAll}
              </button>`
      }
    </div>`;
  }

  #item(item: Notification): unknown {
    const { id, title, body, severity, ts, read } = item;
    return html`<li part="notification notification-${severity}" class="item ${severity} ${read ? '' : 'new'}" data-id=${id}>
      <span class="icon">${severityIcons[severity] ?? icons.info}</span>
      <div>
        <div class="meta">
          <span part="severity" class="severity">${this.text[severity]}</span>
          <time datetime=${new Date(ts).toISOString()}>${ago(Date.now() - ts, this.language, this.text)}</time>
          ${read ? nothing : html`<span class="hidden">${this.text.alertsUnread}</span>`}
        </div>
        <button part="open" class="open link" type="button" @click=${() => this.#open(item)}>${title}</button>
        ${body ? html`<p part="body" class="aside">${body}</p>` : nothing}
      </div>
      <span class="tools">
        ${
          read
            ? nothing
            : html`<button
                part="mark"
                class="mark action"
                type="button"
                title=${this.text.alertsMark}
                aria-label=${fill(this.text.alertsMarkOf, { what: title })}
                @click=${(event: Event) => keepFocus(this, event, this.#inbox?.markRead([id]))}
              >
                ${icons.check}
              </button>`
        }
        <button
          part="dismiss"
          class="dismiss action"
          type="button"
          aria-label=${fill(this.text.toastDismissOf, { what: title })}
          @click=${() => void this.#dismiss(id)}
        >
          ${icons.close}
        </button>
      </span>
    </li>`;
  }

  #open(item: Notification): void {
    if (!item.read) void this.#inbox?.markRead([item.id]);
    const follows = this.tell('pulsewire-notification-click', item);
    if (follows && item.link && /^(https?:|\/(?!\/)|\.|#|\?)/i.test(item.link)) window.location.assign(item.link);
  }

  async #dismiss(id: string): Promise<void> {
    const shown = [...(this.renderRoot as ShadowRoot).querySelectorAll<HTMLElement>('[data-id]')];
    const at = shown.findIndex(element => element.dataset.id === id);
    const focused = (this.renderRoot as ShadowRoot).activeElement?.closest<HTMLElement>('[data-id]')?.dataset.id === id;
    if (!(await this.#inbox?.dismiss([id])) || !focused) return;
    // The focus goes on to the neighbour rather than to the top of the page.
    (shown[at + 1] ?? shown[at - 1])?.querySelector<HTMLElement>('.dismiss')?.focus();
  }
}
