/**
 * `<pulsewire-typing conversation-id="…">`: says who else writes in a conversation now. It holds the conversation's channel; `no-hold` leaves
 * that to the page. Its place stays taken while nobody writes, so that nothing below it jumps.
 */
import { css, html, nothing, type PropertyDeclarations } from 'lit';
import { fill, number, type Texts } from '../i18n/index.js';
import type { Pulsewire, Typist } from '../types.js';
import { PulsewireElement, type Release, type Styles } from './base.js';
import { tokens } from './tokens.js';

export const typingStyles = css`
  .typing {
    display: flex;
    align-items: center;
    gap: 8px;
    min-height: 1.5em;
    color: var(--_muted);
    font-size: 13px;
  }
  .dots {
    display: inline-flex;
    gap: 3px;
  }
  .dots i {
    width: 5px;
    height: 5px;
    border-radius: 50%;
    background: currentColor;
    animation: dot 1.2s ease-in-out infinite;
  }
  .dots i:nth-child(2) {
    animation-delay: 0.15s;
  }
  .dots i:nth-child(3) {
    animation-delay: 0.3s;
  }
  @keyframes dot {
    40% {
      transform: translateY(-3px);
    }
    80% {
      transform: none;
    }
  }
`;

/** The line that says who writes. */
export function typingLine(typists: readonly Typist[], text: Texts, language: string): unknown {
  const [first, second] = typists;
  const words =
    first === undefined
      ? ''
      : second === undefined
        ? fill(text.typingSomeone, { a: first.name })
        : typists.length === 2
          ? fill(text.typingTwo, { a: first.name, b: second.name })
          : fill(text.typingMany, { n: number(typists.length, language) });
  return html`<div part="typing" class="typing" role="status">
    ${words ? html`<span class="dots" aria-hidden="true"><i></i><i></i><i></i></span><span>${words}</span>` : nothing}
  </div>`;
}

export class PulsewireTyping extends PulsewireElement {
  static override properties: PropertyDeclarations = {
    conversationId: { attribute: 'conversation-id' },
    noHold: { type: Boolean, attribute: 'no-hold' },
  };
  static override styles: Styles = [
    tokens,
    typingStyles,
    css`
      :host {
        display: block;
      }
    `,
  ];

  declare conversationId: string | undefined;
  declare noHold: boolean;
  protected override readonly attachOn: readonly string[] = ['conversationId', 'noHold'];

  protected override attach(client: Pulsewire): Release[] {
    const release: Release[] = [this.redrawOn(client.typing)];
    if (this.conversationId && !this.noHold) {
      const hold = client.channel(`conversation:${this.conversationId}`);
      release.push(() => hold.release());
    }
    return release;
  }

  protected override render(): unknown {
    const typists = this.source?.typing.get().filter(({ conversationId }) => conversationId === this.conversationId) ?? [];
    return typingLine(typists, this.text, this.language);
  }
}
