/**
 * `<pulsewire-conversation conversation-id="…" sender-name="…">`: the timeline of a conversation, and the field to write in.
 *
 * It follows new messages only while its end is in sight; otherwise it stands still and a button counts what came. Older ones are put in
 * front without a jump: the place is kept by hand, because browsers without scroll anchoring (Safari) would lose it. Own messages
 * show at once and wait in the outbox; one that failed says so and can be sent again or removed. `read-only` leaves the field out.
 * What others wrote is marked as read while the page is seen and the end is in sight. Give it a height (420 px by default).
 *
 * Events: `pulsewire-message-sent` with the text. Enter sends, Shift+Enter makes a line, as long as no input method is composing.
 */
import { html, nothing, type PropertyDeclarations, type PropertyValues } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { clock, fill, plural } from '../i18n/index.js';
import { type MessageState, openTimeline, type Timeline, type TimelineMessage } from '../models/timeline.js';
import type { ConversationMessage, Pulsewire } from '../types.js';
import { PulsewireElement, type Release, type Styles } from './base.js';
import { conversationStyles } from './conversation-style.js';
import { icons } from './icons.js';
import { emptyState, panel } from './panel.js';
import { Said } from './said.js';
import { tokens } from './tokens.js';
import { typingLine, typingStyles } from './typing.js';

/** So near to its end the list counts as at its end. */
const NEAR_PX = 48;
/** So near to its beginning older ones are asked for. */
const EARLY_PX = 120;

const stateIcons: Record<MessageState, unknown> = {
  queued: icons.slow,
  sending: icons.slow,
  sent: icons.sent,
  delivered: icons.twice,
  read: icons.twice,
  failed: icons.warning,
  unknown: icons.warning,
};

export class PulsewireConversation extends PulsewireElement {
  static override properties: PropertyDeclarations = {
    conversationId: { attribute: 'conversation-id' },
    sender: {},
    senderName: { attribute: 'sender-name' },
    readOnly: { type: Boolean, attribute: 'read-only' },
    label: {},
  };
  static override styles: Styles = [tokens, panel, typingStyles, conversationStyles];

  declare conversationId: string | undefined;
  /** What this page's author is: `nurse`, `agent`, `patient` or `user` (the default). */
  declare sender: ConversationMessage['sender'] | undefined;
  /** The author's name, as others see it. */
  declare senderName: string | undefined;
  declare readOnly: boolean;
  /** The name of the conversation for screen readers. */
  declare label: string | undefined;

  protected override readonly attachOn: readonly string[] = ['conversationId', 'sender', 'senderName'];
  #timeline: Timeline | undefined;
  #atEnd = true;
  /** The key of the last message of others that was in sight, to count what came since. */
  #seen: string | undefined;
  #news = 0;
  readonly #said = new Said(this);
  #last: string | undefined;
  /** Where the list stood before older ones came in front. */
  #place: { height: number; top: number; first: string | undefined } | undefined;
  #resized: ResizeObserver | undefined;

  protected override attach(client: Pulsewire): Release[] {
    if (!this.conversationId) {
      this.#timeline = undefined;
      return [];
    }
    const timeline = openTimeline(client, this.conversationId, { sender: this.sender ?? 'user', senderName: this.senderName ?? '' });
    if (timeline !== this.#timeline) {
      this.#atEnd = true;
      this.#seen = this.#last = undefined;
    }
    this.#timeline = timeline;
    const seen = (): void => this.#markRead();
    document.addEventListener('visibilitychange', seen);
    const release = timeline.listen(() => this.#changed());
    // Told of what is there already, which is no news.
    this.#last = timeline.get().messages.at(-1)?.key;
    return [release, this.redrawOn(client.connection), () => document.removeEventListener('visibilitychange', seen)];
  }

  protected override detached(): void {
    this.#resized?.disconnect();
    this.#resized = undefined;
  }

  #changed(): void {
    const messages = this.#timeline?.get().messages ?? [];
    const list = this.#list;
    if (list && !this.#place && !this.#atEnd) {
      this.#place = { height: list.scrollHeight, top: list.scrollTop, first: list.querySelector<HTMLElement>('[data-key]')?.dataset.key };
    }
    const last = messages.at(-1);
    if (last && last.key !== this.#last && !last.own) this.#said.say(`${last.senderName}: ${last.content}`, { also: true });
    if (last?.own && last.key !== this.#last) this.#atEnd = true;
    this.#last = last?.key;
    this.requestUpdate();
  }

  protected override willUpdate(changed: PropertyValues): void {
    super.willUpdate(changed);
    const messages = this.#timeline?.get().messages ?? [];
    // Of others alone: what is on its way of one's own stands behind everything that comes.
    const others = messages.filter(({ own }) => !own);
    if (this.#atEnd) this.#seen = others.at(-1)?.key;
    this.#news = this.#atEnd ? 0 : others.length - 1 - others.findIndex(({ key }) => key === this.#seen);
  }

  protected override updated(): void {
    const list = this.#list;
    if (!list) return;
    const place = this.#place;
    this.#place = undefined;
    if (this.#atEnd) list.scrollTop = list.scrollHeight;
    else if (place) {
      const first = list.querySelector<HTMLElement>('[data-key]')?.dataset.key;
      // Only what came in front moves what is read; what came behind does not.
      if (first !== place.first) list.scrollTop = place.top + list.scrollHeight - place.height;
    }
    if (!this.#resized && typeof ResizeObserver === 'function') {
      // The keyboard of a phone, or a turned one: the end stays in sight where it was.
      this.#resized = new ResizeObserver(() => {
        if (this.#atEnd) list.scrollTop = list.scrollHeight;
      });
      this.#resized.observe(list);
    }
    this.#markRead();
  }

  protected override render(): unknown {
    const state = this.#timeline?.get();
    const messages = state?.messages ?? [];
    const label = this.label || this.text.conversationLabel;
    return html`<section part="conversation" class="conversation" aria-label=${label}>
      <div class="hidden" aria-live="polite">${this.#said.draw()}</div>
      <div class="frame">
        <div part="list" class="list" role="log" aria-live="off" aria-label=${label} tabindex="0" @scroll=${this.#scrolled}>
          ${
            state?.more
              ? html`<div class="state older">
                  <button class="button" part="older" type="button" aria-disabled=${state.loadingOlder ? 'true' : 'false'} @click=${this.#older}>
                    ${state.loadingOlder ? this.text.loading : this.text.conversationOlder}
                  </button>
                  ${state.error ? html`<span class="error" role="alert">${this.text.loadFailed}</span>` : nothing}
                </div>`
              : nothing
          }
          ${
            messages.length === 0
              ? emptyState(
                  this.text,
                  state?.status ?? 'loading',
                  this.source,
                  this.text.conversationEmpty,
                  () => void this.#timeline?.reload(),
                )
              : repeat(
                  messages,
                  ({ key }) => key,
                  (message, index) => this.#message(message, messages[index - 1]),
                )
          }
        </div>
        ${
          this.#atEnd
            ? nothing
            : html`<button part="jump" class="jump" type="button" aria-label=${this.#news > 0 ? nothing : this.text.conversationToEnd} @click=${this.#toEnd}>
                ${icons.down}${this.#news > 0 ? html`<span>${plural(this.text, this.language, 'conversationNew', this.#news)}</span>` : nothing}
              </button>`
        }
      </div>
      ${typingLine(state?.typists ?? [], this.text, this.language)} ${this.readOnly || !this.conversationId ? nothing : this.#composer()}
    </section>`;
  }

  #message(message: TimelineMessage, before: TimelineMessage | undefined): unknown {
    const { key, own, senderName, content, ts, state, isAudio, url } = message;
    const day = new Date(ts).toDateString();
    const newDay = before === undefined || new Date(before.ts).toDateString() !== day;
    const sameAuthor = !newDay && before?.senderName === senderName && before.sender === message.sender;
    const bad = own && (state === 'failed' || state === 'unknown');
    const audio = isAudio && url && /^(https?:|blob:|\/(?!\/))/i.test(url);
    return html`${
      newDay ? html`<div class="day"><time datetime=${new Date(ts).toISOString().slice(0, 10)}>${this.#day(ts)}</time></div>` : nothing
    }
      <div part="message ${own ? 'message-own' : 'message-other'}" class="message ${own ? 'own' : ''} ${bad ? 'bad' : ''}" data-key=${key}>
        ${sameAuthor && !own ? nothing : html`<span part="author" class=${own ? 'hidden' : 'author'}>${own ? this.text.messageYou : senderName}</span>`}
        <div part="bubble" class="bubble">
          ${
            audio
              ? // A transcript is what the content is for; without one the label names it.
                html`<audio controls preload="none" src=${url} aria-label=${this.text.messageAudio}></audio>`
              : nothing
          }<span class="words">${content}</span>
        </div>
        <span part="meta" class="time">
          <time datetime=${new Date(ts).toISOString()}>${clock(ts, this.language)}</time>
          ${
            own && state
              ? html`<span part="state state-${state}" class="delivery ${state}" title=${this.text[`message_${state}`]}>
                  ${stateIcons[state]}<span class=${bad || state === 'queued' ? '' : 'hidden'}>${this.text[`message_${state}`]}</span>
                </span>`
              : nothing
          }
        </span>
        ${
          bad
            ? html`<span class="buttons">
                <button class="button" part="again" type="button" @click=${() => this.#timeline?.retry(key)}>${this.text.messageAgain}</button>
                <button class="button" part="discard" type="button" @click=${() => this.#timeline?.discard(key)}>${this.text.messageDiscard}</button>
              </span>`
            : nothing
        }
      </div>`;
  }

  #composer(): unknown {
    return html`<form part="composer" class="composer" @submit=${this.#submit}>
      <textarea
        part="input"
        rows="1"
        placeholder=${this.text.conversationWrite}
        aria-label=${fill(this.text.conversationWrite, {})}
        @input=${this.#typed}
        @keydown=${this.#key}
        @blur=${() => this.#timeline?.setTyping(false)}
      ></textarea>
      <button part="send" class="send" type="submit" aria-label=${this.text.conversationSend}>${icons.send}</button>
    </form>`;
  }

  #day(ts: number): string {
    return new Intl.DateTimeFormat(this.language, { weekday: 'short', day: 'numeric', month: 'short' }).format(ts);
  }

  get #list(): HTMLElement | null {
    return (this.renderRoot as ShadowRoot).querySelector('.list');
  }
  get #input(): HTMLTextAreaElement | null {
    return (this.renderRoot as ShadowRoot).querySelector('textarea');
  }

  readonly #scrolled = (): void => {
    const list = this.#list;
    if (!list) return;
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR_PX;
    if (atEnd !== this.#atEnd) {
      this.#atEnd = atEnd;
      this.requestUpdate();
    }
    if (list.scrollTop < EARLY_PX && !this.#timeline?.get().error) this.#older();
  };
  readonly #older = (): void => void this.#timeline?.loadOlder();
  readonly #toEnd = (): void => {
    this.#atEnd = true;
    this.requestUpdate();
    // The button goes: the focus goes on to where it led.
    this.#list?.focus({ preventScroll: true });
  };

  readonly #typed = (): void => {
    const input = this.#input;
    if (!input) return;
    input.style.height = 'auto';
    input.style.height = `${input.scrollHeight}px`;
    this.#timeline?.setTyping(input.value.trim() !== '');
  };
  readonly #key = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.#submit(event);
  };
  readonly #submit = (event: Event): void => {
    event.preventDefault();
    const input = this.#input;
    const content = input?.value ?? '';
    if (!input || this.#timeline?.send(content) === undefined) return;
    input.value = '';
    input.style.height = 'auto';
    input.focus();
    this.tell('pulsewire-message-sent', content.trim());
  };

  #markRead(): void {
    if (this.#atEnd && this.isConnected && document.visibilityState === 'visible') this.#timeline?.markRead();
  }
}
