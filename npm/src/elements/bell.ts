/**
 * `<pulsewire-bell>`: a bell with the number of unread notifications; it opens the list of them.
 *
 * The list is a dialog beside the button, not over the page: Escape and a click outside close it, and the focus goes back to the bell. The
 * number is read out politely when it rises. Opening it marks nothing: seen in a list is not read. Toasts step aside while it is open.
 */
import { css, html, nothing, type PropertyDeclarations } from 'lit';
import { number, plural } from '../i18n/index.js';
import { openInbox } from '../models/inbox.js';
import type { Pulsewire } from '../types.js';
import { PulsewireElement, type Release, type Styles } from './base.js';
import { setPanel } from './floating.js';
import { icons } from './icons.js';
import { Said } from './said.js';
import { tokens } from './tokens.js';

const MOST = 99;
const PHONE = '(max-width: 480px)';

export class PulsewireBell extends PulsewireElement {
  static override properties: PropertyDeclarations = { open: { type: Boolean, reflect: true } };
  static override styles: Styles = [
    tokens,
    css`
      :host {
        display: inline-block;
        position: relative;
        vertical-align: middle;
        font-size: 14px;
        color: var(--_text);
      }
      .bell {
        position: relative;
        display: grid;
        place-items: center;
        width: 40px;
        height: 40px;
        border-radius: 50%;
        color: var(--_muted);
      }
      .bell:hover,
      :host([open]) .bell {
        color: var(--_text);
        background: var(--_raised);
      }
      .bell svg {
        width: 20px;
        height: 20px;
      }
      .count {
        position: absolute;
        inset: 1px 0 auto auto;
        min-width: 18px;
        padding: 0 5px;
        border-radius: 999px;
        font-size: 11px;
        font-weight: 700;
        line-height: 18px;
        text-align: center;
        font-variant-numeric: tabular-nums;
        color: var(--_surface);
        background: var(--_critical);
      }
      .popover {
        position: absolute;
        inset: calc(100% + 8px) 0 auto auto;
        z-index: var(--pw-popover-z, 950);
        width: min(380px, calc(100vw - 24px));
        max-height: min(70vh, 560px);
        overflow: auto;
        padding: 16px;
        border-radius: calc(var(--_radius) + 4px);
        background: var(--_surface);
        box-shadow:
          0 0 0 1px var(--_border),
          0 16px 40px -12px var(--_shadow);
      }
      :host([align='start']) .popover {
        inset-inline: 0 auto;
      }
      @media (max-width: 480px) {
        .popover {
          position: fixed;
          inset: auto 12px 12px;
          width: auto;
          margin: 0;
          border: 0;
          color: inherit;
          max-height: 75vh;
        }
      }
    `,
  ];

  /** Whether the list is shown. */
  declare open: boolean;
  #unread = 0;
  readonly #said = new Said(this);
  #resized: ResizeObserver | undefined;

  protected override attach(client: Pulsewire): Release[] {
    const inbox = openInbox(client);
    this.#unread = inbox.get().unread;
    // Listeners of this hold alone: the one before it takes its own away only after this one came.
    const outside = (event: PointerEvent): void => this.#outside(event);
    const look = (): void => this.#look();
    document.addEventListener('pointerdown', outside);
    window.addEventListener('resize', look);
    return [
      inbox.listen(() => {
        const { unread } = inbox.get();
        if (unread > this.#unread)
          this.#said.say(`${this.text.notificationsTitle}: ${plural(this.text, this.language, 'notificationsUnread', unread)}`);
        this.#unread = unread;
        this.requestUpdate();
      }),
      () => document.removeEventListener('pointerdown', outside),
      () => window.removeEventListener('resize', look),
    ];
  }

  protected override detached(): void {
    this.#resized?.disconnect();
    setPanel(this, undefined);
  }

  protected override updated(): void {
    const panel = this.#panel;
    // On a phone it stands at the bottom of the screen: in the top layer, because a bar with a filter or a transform would have it stand at the bottom
    // of the bar.
    const sheet = window.matchMedia?.(PHONE).matches === true;
    if (panel?.showPopover && sheet !== (panel.popover !== null)) {
      panel.popover = sheet ? 'manual' : null;
      if (sheet) panel.showPopover();
    }
    this.#resized?.disconnect();
    if (panel && typeof ResizeObserver === 'function') {
      // The list comes later than the panel, and grows.
      this.#resized ??= new ResizeObserver(this.#measure);
      this.#resized.observe(panel);
    }
    this.#measure();
  }

  get #panel(): HTMLElement | null {
    return this.renderRoot.querySelector<HTMLElement>('.popover');
  }
  readonly #look = (): void => this.requestUpdate();
  readonly #measure = (): void => setPanel(this, this.#panel?.getBoundingClientRect());

  protected override render(): unknown {
    const unread = this.#unread;
    const words = unread > 0 ? `, ${plural(this.text, this.language, 'notificationsUnread', unread)}` : '';
    const most = `${number(MOST, this.language)}+`;
    return html`<span @keydown=${this.#key} @focusout=${this.#left}>
      <span class="hidden" role="status">${this.#said.draw()}</span>
      <button
        part="button"
        class="bell"
        type="button"
        aria-haspopup="dialog"
        aria-expanded=${this.open ? 'true' : 'false'}
        aria-label="${this.text.notificationsTitle}${words}"
        @click=${() => this.#show(!this.open)}
      >
        ${icons.bell}${unread > 0 ? html`<span part="count" class="count">${unread > MOST ? most : number(unread, this.language)}</span>` : nothing}
      </button>
      ${
        this.open
          ? html`<div part="popover" class="popover" role="dialog" aria-label=${this.text.notificationsTitle} tabindex="-1">
              <pulsewire-notifications exportparts="list, notification, title, mark-all" .client=${this.source}></pulsewire-notifications>
            </div>`
          : nothing
      }
    </span>`;
  }

  #show(open: boolean): void {
    this.open = open;
    if (open) void this.updateComplete.then(() => this.#panel?.focus());
  }

  readonly #key = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape' || !this.open) return;
    event.preventDefault();
    event.stopPropagation();
    this.#show(false);
    this.renderRoot.querySelector<HTMLElement>('.bell')?.focus();
  };
  readonly #left = (event: FocusEvent): void => {
    // Nowhere in particular (a button that went, another window) is no reason to close.
    if (event.relatedTarget instanceof Node && !this.renderRoot.contains(event.relatedTarget) && event.relatedTarget !== this)
      this.open = false;
  };
  readonly #outside = (event: Event): void => {
    if (this.open && !event.composedPath().includes(this)) this.open = false;
  };
}
