/**
 * `<pulsewire-toasts>`: the region at the top right where alerts and problems appear, severe ones first.
 *
 * Which toasts show, for how long and in what order is the core's decision (C7); this only draws them. The pointer or the focus on the
 * region holds their clocks. Screen readers are told through two live regions that are there from the start (assertive for critical
 * and high), because a live region inserted together with its text is often not read. Escape dismisses the toast under the focus, else
 * under the pointer. Events: `pulsewire-toast-click` with the toast; prevent it to keep the client's own click callback from running.
 *
 * While a modal dialog of the page is open, the region stands above it and its words are said inside it. It steps aside from the bell's list.
 *
 * A place may hold several: those that say the same have a count, a storm ("37 × Device offline") opens to a list. Sounds and notifications of
 * the browser go by the user's settings (`<pulsewire-toast-settings>`); `silent` leaves both out, `.sound` puts the page's own in their place.
 */
import { html, nothing, type PropertyDeclarations } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { clock, fill, type Texts } from '../i18n/index.js';
import type { Pulsewire, ShownToast, Toast } from '../types.js';
import { PulsewireElement, type Release, type Styles } from './base.js';
import { closeWhenSeen, notify } from './browser-notifications.js';
import { blocked, chime, prepareChime, unlock } from './chime.js';
import { type Box, bannerBottom, beside, openPanel } from './floating.js';
import { icons, severityIcons } from './icons.js';
import { modalOver } from './modal.js';
import { Said } from './said.js';
import { isHeard, toastOptions } from './toast-options.js';
import { toastStyles } from './toasts-style.js';
import { tokens } from './tokens.js';

const MAX_SHOWN = 5;
const LEAVE_MS = 180;
/** How long growing numbers are gathered before they are read out. */
const COUNT_MS = 1_000;
/** Names that stand on a storm's card. */
const NAMES = 3;

const kinds: Record<Toast['kind'], keyof Texts> = {
  alert: 'kindAlert',
  notification: 'kindNotification',
  execution: 'kindExecution',
  connection: 'kindConnection',
  auth: 'kindAuth',
};

interface Shown {
  toast: ShownToast;
  leaving: boolean;
}
const othersOf = (toast: ShownToast): readonly Toast[] => toast.others ?? [];
/** What it says and of whom: two patients of one name ("Unknown") are two. */
const whatOf = ({ title, message, patientId, deviceId }: Toast): string => JSON.stringify([title, message, patientId, deviceId]);
/** Whether all of a place say the same; else it is a storm. */
const isRepeat = (toast: ShownToast): boolean => othersOf(toast).every(other => whatOf(other) === whatOf(toast));
/** Of a place: stays the same while its newest one changes. */
function keyOf(toast: ShownToast): string {
  if (othersOf(toast).length === 0) return toast.id;
  const what = isRepeat(toast) ? whatOf(toast) : '';
  return `${toast.kind} ${toast.severity} ${toast.group ?? ''} ${what}`;
}

export class PulsewireToasts extends PulsewireElement {
  static override properties: PropertyDeclarations = { sound: { attribute: false }, silent: { type: Boolean } };
  static override styles: Styles = [tokens, toastStyles];

  /** Called for each toast that appears, in place of the sounds that are built in. */
  declare sound: ((toast: Toast) => void) | undefined;
  /** No sounds and no notifications of the browser. */
  declare silent: boolean;

  #shown: Shown[] = [];
  #waiting = 0;
  readonly #assertive = new Said(this, { urgent: true });
  readonly #polite = new Said(this);
  #pointerInside = false;
  #focusInside = false;
  #holding: Pulsewire | undefined;
  #underPointer: string | undefined;
  #opened = new Set<string>();
  #counting: ReturnType<typeof setTimeout> | undefined;
  /** The dialog over which the region was raised. */
  #over: HTMLDialogElement | undefined;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();

  protected override attach(client: Pulsewire): Release[] {
    this.#shown = client.toasts
      .get()
      .visible.slice(0, MAX_SHOWN)
      .map(toast => ({ toast, leaving: false }));
    this.#follow(client);
    // Listeners of this hold alone: the one before it takes its own away only after this one came.
    const onKey = (event: KeyboardEvent): void => this.#onKey(event);
    const look = (): void => this.#look();
    document.addEventListener('keydown', onKey);
    // A dialog that opens tells so where browsers are new; elsewhere the next toast raises the region.
    document.addEventListener('toggle', look, true);
    return [
      client.toasts.listen(() => this.#follow(client)),
      // The client says it in one tab only where tabs share a connection; what is shown is shown in all of them.
      client.on('toast', toast => this.#tellAlso(client, toast)),
      prepareChime(),
      blocked.listen(() => this.requestUpdate()),
      toastOptions.listen(() => this.requestUpdate()),
      closeWhenSeen(),
      () => document.removeEventListener('keydown', onKey),
      () => document.removeEventListener('toggle', look, true),
      bannerBottom.subscribe(px => this.style.setProperty('--_banner', `${px}px`)),
      openPanel.subscribe(panel => this.#stepAside(panel)),
      () => {
        this.#holding?.holdToasts(false);
        this.#holding = undefined;
      },
    ];
  }

  protected override detached(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    clearTimeout(this.#counting);
    this.#counting = undefined;
    this.#opened.clear();
    this.#shown = [];
    this.#pointerInside = false;
    this.#focusInside = false;
  }

  #stepAside(panel: Box | undefined): void {
    for (const name of ['right', 'top', 'most', 'scroll']) this.style.removeProperty(`--_${name}`);
    if (!panel) return;
    const to = beside(panel, this.getBoundingClientRect(), { width: document.documentElement.clientWidth, height: window.innerHeight });
    for (const [name, px] of Object.entries(to)) this.style.setProperty(`--_${name}`, `${px}px`);
    if (to.most !== undefined) this.style.setProperty('--_scroll', 'auto');
  }

  /** Over an open modal dialog, which would cover them: seen there, though only the dialog can be clicked. */
  protected override updated(): void {
    const section = this.renderRoot.querySelector('section');
    if (typeof section?.showPopover !== 'function') return;
    const dialog = this.#shown.length > 0 ? modalOver(this) : undefined;
    if (dialog === undefined) {
      if (section.popover !== null) section.popover = null;
      this.#over = undefined;
    } else if (dialog !== this.#over) {
      // Taken down first: one that is shown already keeps its place, under a dialog that opened later.
      section.popover = null;
      section.popover = 'manual';
      section.showPopover();
      this.#over = dialog;
      dialog.addEventListener('close', this.#look, { once: true });
    }
  }

  #follow(client: Pulsewire): void {
    const state = client.toasts.get();
    const visible = state.visible.slice(0, MAX_SHOWN);
    const before = new Map(this.#shown.map(item => [keyOf(item.toast), item]));
    // Where one more joined a card, the card stays the one it was for as long as it says the same.
    const now = new Set(visible.map(keyOf));
    const next: Shown[] = visible.map(toast => ({ toast, leaving: false }));
    this.#announce(visible.filter(toast => before.get(keyOf(toast))?.leaving !== false));
    if (visible.some(toast => othersOf(toast).length > othersOf(before.get(keyOf(toast))?.toast ?? toast).length)) this.#countSoon();
    for (const key of this.#opened) if (!now.has(key)) this.#opened.delete(key);
    // What goes keeps its place for the length of its motion.
    this.#shown.forEach((item, index) => {
      const key = keyOf(item.toast);
      // What went into another card with its id is not gone.
      if (now.has(key) || visible.some(toast => toast.id === item.toast.id || othersOf(toast).some(({ id }) => id === item.toast.id)))
        return;
      next.splice(Math.min(index, next.length), 0, { ...item, leaving: true });
      if (!item.leaving) this.#removeLater(key);
    });
    this.#shown = next;
    this.#waiting = state.waiting + (state.visible.length - visible.length);
    this.requestUpdate();
  }

  #tellAlso(client: Pulsewire, toast: Toast): void {
    if (this.sound) {
      this.sound(toast);
      return;
    }
    if (this.silent) return;
    const options = toastOptions.get();
    if (isHeard(options, toast.severity)) chime(toast.severity, options.volume);
    if (options.notify) notify(toast, this.#words(toast), this.language, () => client.clickToast(toast.id));
  }

  /** Numbers that grow are read out once they have grown for a moment. */
  #countSoon(): void {
    this.#counting ??= setTimeout(() => {
      this.#counting = undefined;
      this.#announce(this.#shown.filter(({ toast, leaving }) => !leaving && othersOf(toast).length > 0).map(({ toast }) => toast));
      this.requestUpdate();
    }, COUNT_MS);
  }

  #announce(arrived: readonly ShownToast[]): void {
    const urgent = (toast: Toast): boolean => toast.severity === 'critical' || toast.severity === 'high';
    const say = (toasts: readonly ShownToast[]): string =>
      toasts
        .map(toast => {
          const { title, message, times } = this.#face(toast);
          return `${this.text[toast.severity]}: ${title}. ${message}${times ? ` (${fill(this.text.toastsTimes, { n: times })})` : ''}`;
        })
        .join(' ');
    if (arrived.some(urgent)) this.#assertive.say(say(arrived.filter(urgent)), { also: true });
    if (!arrived.every(urgent)) this.#polite.say(say(arrived.filter(toast => !urgent(toast))), { also: true });
  }

  #removeLater(key: string): void {
    const reduced = window.matchMedia?.('(prefers-reduced-motion: reduce)').matches;
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        this.#shown = this.#shown.filter(item => !(item.leaving && keyOf(item.toast) === key));
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

  /** What a place says: its toast, or all of a storm in one. */
  #face(toast: ShownToast): { title: string; message: string; times?: number; all?: readonly Toast[] } {
    const others = othersOf(toast);
    const words = this.#words(toast);
    if (others.length === 0) return words;
    const n = others.length + 1;
    if (isRepeat(toast)) return { ...words, times: n };
    const all = [toast, ...others];
    // Alerts are called by what happened, or where each says something else by their type, and list the patients; what comes with a
    // headline of its own is called by that.
    const alert = toast.kind === 'alert';
    const alike = others.every(({ message }) => message === toast.message) ? words.message : toast.group?.replace(/[_-]+/g, ' ');
    const names = [...new Set(all.map(one => (alert ? one.title : this.#words(one).message)))].filter(name => name !== '');
    const rest = names.length - NAMES;
    const some = names.slice(0, NAMES).join(', ');
    return {
      title: fill(this.text.toastsStorm, { n, what: alert ? alike || words.title : words.title }),
      message: rest > 0 ? fill(this.text.toastsNames, { names: some, n: rest }) : some,
      all,
    };
  }

  protected override render(): unknown {
    const any = this.#shown.length > 0;
    const hint = blocked.get() && !this.silent && !this.sound;
    return html`<div class="hidden" role="alert" aria-live="assertive">${this.#assertive.draw()}</div>
      <div class="hidden" role="status" aria-live="polite">${this.#polite.draw()}</div>
      <section
        part="region"
        role="region"
        aria-label=${this.text.toastsRegion}
        ?hidden=${!any && !hint}
        @pointerenter=${() => this.#hold({ pointer: true })}
        @pointerleave=${() => this.#hold({ pointer: false })}
        @focusin=${() => this.#hold({ focus: true })}
        @focusout=${(event: FocusEvent) => this.#hold({ focus: this.#inside(event.relatedTarget) })}
      >
        <ol>
          ${repeat(
            this.#shown,
            item => keyOf(item.toast),
            item => this.#card(item),
          )}
          ${
            hint
              ? html`<li part="sound-hint" class="more">
                  <button class="hint link" type="button" @click=${unlock}>${icons.sound}${this.text.soundBlocked}</button>
                </li>`
              : nothing
          }
          ${this.#waiting > 0 ? html`<li part="more" class="more">${fill(this.text.toastsMore, { n: this.#waiting })}</li>` : nothing}
        </ol>
      </section>`;
  }

  #card({ toast, leaving }: Shown): unknown {
    const { title, message, times, all } = this.#face(toast);
    const key = keyOf(toast);
    const open = this.#opened.has(key);
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
          ${
            times
              ? html`<span part="times" class="times"
                  ><span aria-hidden="true">×${times}</span><span class="hidden">${fill(this.text.toastsTimes, { n: times })}</span></span
                >`
              : nothing
          }
        </div>
        ${
          all
            ? html`<p part="title" class="title">${title}</p>`
            : html`<button part="title" class="title whole link" type="button" @click=${() => this.#open(toast)}>${title}</button>`
        }
        ${message ? html`<p part="message" class="message">${message}</p>` : nothing}
        ${all ? this.#storm(all, key, open) : nothing}
      </div>
      <button
        part="close"
        class="close action"
        type="button"
        aria-label=${fill(this.text.toastDismissOf, { what: title })}
        @click=${() => this.#dismiss(toast)}
      >
        ${icons.close}
      </button>
    </li>`;
  }

  #storm(all: readonly Toast[], key: string, open: boolean): unknown {
    const toggle = (): void => {
      if (!this.#opened.delete(key)) this.#opened.add(key);
      this.requestUpdate();
    };
    return html`<button part="expand" class="expand link" type="button" aria-expanded=${open ? 'true' : 'false'} @click=${toggle}>
        ${open ? this.text.toastsCollapse : fill(this.text.toastsExpand, { n: all.length })}
      </button>
      ${
        open
          ? html`<ul part="members" class="members">
              ${repeat(
                all,
                ({ id }) => id,
                one => {
                  const { title, message } = this.#words(one);
                  return html`<li>
                    <button class="member link" type="button" @click=${() => this.#open(one)}>${title}</button>
                    <span>${message ? `${message} · ` : ''}${clock(one.ts, this.language)}</span>
                  </li>`;
                },
              )}
            </ul>`
          : nothing
      }`;
  }

  #open(toast: Toast): void {
    if (this.tell('pulsewire-toast-click', toast)) this.source?.clickToast(toast.id);
  }

  /** All of its place. */
  #dismiss(toast: ShownToast): void {
    const { id } = toast;
    const focused = this.#focusedId() === id;
    const ids = this.#shown.filter(item => !item.leaving).map(item => item.toast.id);
    const at = ids.indexOf(id);
    for (const one of [toast, ...othersOf(toast)]) this.source?.dismissToast(one.id);
    if (!focused) return;
    // The focus goes on to the neighbour; without one it leaves the region, and the hold ends with it.
    const neighbour = ids[at + 1] ?? ids[at - 1];
    void this.updateComplete.then(() => {
      if (neighbour) this.renderRoot.querySelector<HTMLElement>(`[data-id="${CSS.escape(neighbour)}"] .close`)?.focus();
      else this.#hold({ focus: false });
    });
  }

  readonly #look = (): void => this.requestUpdate();

  readonly #onKey = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape' || event.defaultPrevented) return;
    const present = this.#shown.filter(item => !item.leaving);
    const id = this.#focusedId() ?? (this.#pointerInside ? (this.#underPointer ?? present[0]?.toast.id) : undefined);
    const found = present.find(({ toast }) => toast.id === id);
    if (!found) return;
    event.preventDefault();
    this.#dismiss(found.toast);
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
