/**
 * `<pulsewire-toasts>`: the region at the top right where alerts and problems appear, severe ones first.
 *
 * Which toasts show, for how long and in what order is the core's decision (C7); this only draws them. The pointer or the focus on the
 * region holds their clocks. Screen readers are told through two live regions that are there from the start (assertive for critical
 * and high), because a live region inserted together with its text is often not read. Escape dismisses the toast under the focus, else
 * under the pointer. Events: `pulsewire-toast-click` with the toast; prevent it to keep the client's own click callback from running.
 */
import { html, nothing, type PropertyDeclarations } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { clock, fill, type Texts } from '../i18n/index.js';
import type { Pulsewire, Toast } from '../types.js';
import { PulsewireElement, type Release, type Styles } from './base.js';
import { onBannerBottom } from './floating.js';
import { icons, severityIcons } from './icons.js';
import { toastStyles } from './toasts-style.js';
import { tokens } from './tokens.js';

const MAX_SHOWN = 5;
const LEAVE_MS = 180;

const kinds: Record<Toast['kind'], keyof Texts> = {
  alert: 'kindAlert',
  notification: 'kindNotification',
  execution: 'kindExecution',
  connection: 'kindConnection',
  auth: 'kindAuth',
};

interface Shown {
  toast: Toast;
  leaving: boolean;
}

export class PulsewireToasts extends PulsewireElement {
  static override properties: PropertyDeclarations = { sound: { attribute: false } };
  static override styles: Styles = [tokens, toastStyles];

  /** Called for each toast that appears, to play a sound; none by default, since browsers allow it only after a click. */
  declare sound: ((toast: Toast) => void) | undefined;

  #shown: Shown[] = [];
  #waiting = 0;
  #assertive = '';
  #polite = '';
  #pointerInside = false;
  #focusInside = false;
  #holding: Pulsewire | undefined;
  #underPointer: string | undefined;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();

  protected override attach(client: Pulsewire): Release[] {
    this.#shown = client.toasts
      .get()
      .visible.slice(0, MAX_SHOWN)
      .map(toast => ({ toast, leaving: false }));
    this.#follow(client);
    document.addEventListener('keydown', this.#onKey);
    return [
      client.toasts.listen(() => this.#follow(client)),
      // The client says it in one tab only where tabs share a connection; what is shown is shown in all of them.
      client.on('toast', toast => this.sound?.(toast)),
      () => document.removeEventListener('keydown', this.#onKey),
      onBannerBottom(px => this.style.setProperty('--_banner', `${px}px`)),
      () => {
        this.#holding?.holdToasts(false);
        this.#holding = undefined;
      },
    ];
  }

  protected override detached(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#shown = [];
    this.#pointerInside = false;
    this.#focusInside = false;
  }

  #follow(client: Pulsewire): void {
    const state = client.toasts.get();
    const visible = state.visible.slice(0, MAX_SHOWN);
    const before = new Map(this.#shown.map(item => [item.toast.id, item]));
    const now = new Set(visible.map(toast => toast.id));
    const next: Shown[] = visible.map(toast => ({ toast, leaving: false }));
    this.#announce(visible.filter(toast => before.get(toast.id)?.leaving !== false));
    // What goes keeps its place for the length of its motion.
    this.#shown.forEach((item, index) => {
      if (now.has(item.toast.id)) return;
      next.splice(Math.min(index, next.length), 0, { ...item, leaving: true });
      if (!item.leaving) this.#removeLater(item.toast.id);
    });
    this.#shown = next;
    this.#waiting = state.waiting + (state.visible.length - visible.length);
    this.requestUpdate();
  }

  #announce(arrived: readonly Toast[]): void {
    const urgent = (toast: Toast): boolean => toast.severity === 'critical' || toast.severity === 'high';
    const say = (toasts: readonly Toast[]): string =>
      toasts
        .map(toast => {
          const { title, message } = this.#words(toast);
          return `${this.text[toast.severity]}: ${title}. ${message}`;
        })
        .join(' ');
    if (arrived.some(urgent)) this.#assertive = say(arrived.filter(urgent));
    if (!arrived.every(urgent)) this.#polite = say(arrived.filter(toast => !urgent(toast)));
  }

  #removeLater(id: string): void {
    const reduced = window.matchMedia?.('(prefers-reduced-motion: reduce)').matches;
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        this.#shown = this.#shown.filter(item => !(item.leaving && item.toast.id === id));
        this.requestUpdate();
      },
      reduced ? 0 : LEAVE_MS,
    );
    this.#timers.add(timer);
  }

  /** Texts of alerts and notifications come as they are; the others' titles come as keys. */
  #words(toast: Toast): { title: string; message: string } {
    if (toast.kind === 'alert' || toast.kind === 'notification') return toast;
    const texts = this.text as Record<string, string | undefined>;
    const title = texts[`toast_${toast.title}`];
    if (title === undefined) return toast;
    return { title, message: texts[`toast_${toast.title}_message`] ?? toast.message };
  }

  protected override render(): unknown {
    const any = this.#shown.length > 0;
    return html`<div class="hidden" role="alert" aria-live="assertive">${this.#assertive}</div>
      <div class="hidden" role="status" aria-live="polite">${this.#polite}</div>
      <section
        part="region"
        role="region"
        aria-label=${this.text.toastsRegion}
        ?hidden=${!any}
        @pointerenter=${() => this.#hold({ pointer: true })}
        @pointerleave=${() => this.#hold({ pointer: false })}
        @focusin=${() => this.#hold({ focus: true })}
        @focusout=${(event: FocusEvent) => this.#hold({ focus: this.#inside(event.relatedTarget) })}
      >
        <ol>
          ${repeat(
            this.#shown,
            item => item.toast.id,
            item => this.#card(item),
          )}
          ${this.#waiting > 0 ? html`<li part="more" class="more">${fill(this.text.toastsMore, { n: this.#waiting })}</li>` : nothing}
        </ol>
      </section>`;
  }

  #card({ toast, leaving }: Shown): unknown {
    const { title, message } = this.#words(toast);
    return html`<li
      part="toast toast-${toast.severity}"
      class="toast ${toast.severity} ${leaving ? 'leaving' : ''}"
      data-id=${toast.id}
      ?inert=${leaving}
      @pointerenter=${() => {
        this.#underPointer = toast.id;
      }}
      @pointerleave=${() => {
        this.#underPointer = undefined;
      }}
    >
      <span class="icon">${toast.kind === 'auth' ? icons.lock : severityIcons[toast.severity]}</span>
      <div class="body">
        <div class="meta">
          <span part="severity" class="severity">${this.text[toast.severity]}</span>
          <span>${this.text[kinds[toast.kind]]} · ${clock(toast.ts, this.language)}</span>
        </div>
        <button part="title" class="title link" type="button" @click=${() => this.#open(toast)}>${title}</button>
        ${message ? html`<p part="message" class="message">${message}</p>` : nothing}
      </div>
      <button
        part="close"
        class="close action"
        type="button"
        aria-label=${fill(this.text.toastDismissOf, { what: title })}
        @click=${() => this.#dismiss(toast.id)}
      >
        ${icons.close}
      </button>
    </li>`;
  }

  #open(toast: Toast): void {
    if (this.tell('pulsewire-toast-click', toast)) this.source?.clickToast(toast.id);
  }

  #dismiss(id: string): void {
    const focused = this.#focusedId() === id;
    const ids = this.#shown.filter(item => !item.leaving).map(item => item.toast.id);
    const at = ids.indexOf(id);
    this.source?.dismissToast(id);
    if (!focused) return;
    // The focus goes on to the neighbour; without one it leaves the region, and the hold ends with it.
    const neighbour = ids[at + 1] ?? ids[at - 1];
    void this.updateComplete.then(() => {
      if (neighbour) this.renderRoot.querySelector<HTMLElement>(`[data-id="${CSS.escape(neighbour)}"] .close`)?.focus();
      else this.#hold({ focus: false });
    });
  }

  readonly #onKey = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape' || event.defaultPrevented) return;
    const id =
      this.#focusedId() ?? (this.#pointerInside ? (this.#underPointer ?? this.#shown.find(item => !item.leaving)?.toast.id) : undefined);
    if (id === undefined) return;
    event.preventDefault();
    this.#dismiss(id);
  };

  #focusedId(): string | undefined {
    const focused = (this.renderRoot as ShadowRoot).activeElement;
    return focused?.closest<HTMLElement>('[data-id]')?.dataset.id;
  }

  #hold({ pointer = this.#pointerInside, focus = this.#focusInside }: { pointer?: boolean; focus?: boolean }): void {
    this.#pointerInside = pointer;
    this.#focusInside = focus;
    const client = pointer || focus ? this.source : undefined;
    if (client === this.#holding) return;
    this.#holding?.holdToasts(false);
    this.#holding = client;
    client?.holdToasts(true);
  }

  #inside(other: EventTarget | null): boolean {
    return other instanceof Node && this.renderRoot.contains(other);
  }
}
